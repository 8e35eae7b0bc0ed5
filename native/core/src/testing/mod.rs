//! What tests need and nobody else may have. Only in builds with the feature `testing`.

pub mod faults;
pub mod sabotage;

pub use crate::disk::sys::Call;
