//! Housekeeping: packs, what is taken out, and what is repaired.

pub mod delete;
pub mod join;
pub mod needed;
pub mod packing;
pub mod plan;
pub mod prune;
pub mod repair;
pub mod rewrite;
