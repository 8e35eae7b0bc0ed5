//! The memory store does what every store does.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod conformance;

use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::store::memory::MemoryStore;

#[test]
fn memory_conforms() {
    conformance::run(&|| Arc::new(MemoryStore::new(Arc::new(SystemClock))), &[]);
}
