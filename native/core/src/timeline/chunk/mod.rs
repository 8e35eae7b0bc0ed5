//! Chunks of large new bytes: stored once, held by whoever needs them, and swept.

pub mod chunks;
pub mod refs;
pub mod sweep;
