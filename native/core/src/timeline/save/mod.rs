//! Saving: from a state to a record that is acknowledged.

pub mod append;
pub mod build;
pub mod fresh;
pub mod idempotency;
pub mod lease;
pub mod matcher;
pub mod queue;
pub mod stream;
