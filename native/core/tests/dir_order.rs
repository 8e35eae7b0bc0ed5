//! What a loss of power would show, without one: in plain folders a file's content is synced before
//! it gets its name, and the folder of the name before the write is acknowledged; the same for
//! what is deleted, and for the number of shards.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dir;

use std::cell::RefCell;
use std::rc::Rc;

use dir::try_open;
use keepstate_core::store::dir::DirOptions;
use keepstate_core::store::{Mode, StoreExt};
use keepstate_core::testing::{faults, Call};

/// The calls of `work` that change what is on disk, in order.
fn calls(work: impl FnOnce()) -> Vec<Call> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let noted = seen.clone();
    faults::arm(move |call| {
        if matches!(call, Call::Write | Call::Sync | Call::Rename | Call::Remove | Call::Folder) {
            noted.borrow_mut().push(call);
        }
        None
    });
    work();
    faults::disarm();
    let seen = seen.borrow().clone();
    seen
}

/// Each name is given to what was synced, and is synced itself.
fn check(calls: &[Call], changes: usize) {
    let named = |call: &Call| matches!(call, Call::Rename | Call::Remove);
    assert_eq!(calls.iter().filter(|call| named(call)).count(), changes, "{calls:?}");
    for (at, call) in calls.iter().enumerate() {
        let behind = calls[at + 1..].iter().take_while(|call| !named(call));
        let before = &calls[..at];
        match call {
            Call::Rename => {
                let written = before.iter().rposition(|call| *call == Call::Write).unwrap();
                assert!(before[written..].contains(&Call::Sync), "named unsynced: {calls:?}");
                assert!(behind.clone().any(|call| *call == Call::Sync), "{calls:?}");
            }
            Call::Remove | Call::Folder => {
                assert!(calls[at + 1..].contains(&Call::Sync), "not synced: {calls:?}");
            }
            _ => {}
        }
    }
}

#[test]
fn what_is_acknowledged_is_synced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let options = DirOptions { shards: Some(2), ..DirOptions::default() };
    let mut store = None;
    check(&calls(|| store = Some(try_open(&path, options).unwrap())), 1);
    let store = store.unwrap();
    let put = |mode| {
        store.put_wait("a/b", vec![1; 10], mode).unwrap();
    };
    check(&calls(|| put(Mode::Create)), 1);
    check(&calls(|| put(Mode::Overwrite)), 1);
    check(&calls(|| store.delete_wait("a/b", None).unwrap()), 3);
}
