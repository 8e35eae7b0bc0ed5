//! An operation under way: whom it asks, what it has seen, and what its handle remembers.

pub mod budget;
pub mod cache;
pub mod claim;
pub mod layout;
pub mod options;
pub mod run;
pub mod shared;
