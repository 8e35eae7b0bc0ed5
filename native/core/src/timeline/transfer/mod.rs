//! Timelines as files: out of one store and into another.

pub mod carry;
pub mod export;
pub mod import;
pub mod landing;
