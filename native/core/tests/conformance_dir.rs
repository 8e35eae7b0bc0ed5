//! The store of plain files does what every store does, in each of its forms.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod conformance;

use std::cell::Cell;
use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::store::dir::{DirOptions, DirStore};

fn check(options: &DirOptions) {
    let root = tempfile::tempdir().unwrap();
    let count = Cell::new(0);
    let open = || {
        count.set(count.get() + 1);
        let path = root.path().join(count.get().to_string());
        let store = DirStore::open(&path, options.clone(), Arc::new(SystemClock)).unwrap();
        Arc::new(store) as Arc<_>
    };
    conformance::run(&open, &[]);
}

#[test]
fn dir_conforms() {
    check(&DirOptions::default());
}

#[test]
fn dir_conforms_without_waiting_for_the_disk() {
    check(&DirOptions { sync: false, ..DirOptions::default() });
}

#[test]
fn dir_conforms_in_shards_and_with_backups() {
    check(&DirOptions { shards: Some(7), backups: 2, ..DirOptions::default() });
}
