//! The log does what every store does, in both durabilities.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod conformance;

use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::store::log::{Log, LogOptions};
use keepstate_core::store::Store;

fn conforms(options: &LogOptions) {
    let folders = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let next = std::cell::Cell::new(0);
    let open = || -> Arc<dyn Store> {
        next.set(next.get() + 1);
        let path = folders.path().join(next.get().to_string());
        Log::open(path, options.clone(), Arc::new(SystemClock)).unwrap()
    };
    conformance::run(&open, &[]);
}

#[test]
fn the_log_conforms_in_sync_mode() {
    conforms(&LogOptions::default());
}

#[test]
fn the_log_conforms_in_async_mode() {
    conforms(&LogOptions::asynchronous());
}
