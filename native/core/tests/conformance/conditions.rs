//! A condition is kept to the letter, or refused; a version is never seen twice.

use std::collections::HashSet;

use keepstate_core::store::{Mode, Op, StoreExt, Version};
use keepstate_core::Code;

use super::{code, put, value, version, Subject};

fn unknown() -> Version {
    Version("never-was".into())
}

pub fn create_wins_once(store: Subject) {
    if !store.supports().conditional_put {
        return assert_eq!(code(store.put_wait("a", vec![], Mode::Create)), Code::Unsupported);
    }
    store.put_wait("a/b", vec![1], Mode::Create).expect("the first create");
    let late = store.put_wait("a/b", vec![2], Mode::Create).expect_err("a second create");
    assert_eq!(late.code(), Code::Conflict);
    assert_eq!(late.place().key.as_deref(), Some("a/b"), "the conflict names its key");
    assert_eq!(value(&store, "a/b"), Some(vec![1]), "nothing was written");
    store.delete_wait("a/b", None).expect("a delete");
    store.put_wait("a/b", vec![3], Mode::Create).expect("a create after the delete");
}

pub fn if_version_meets_exactly_that_version(store: Subject) {
    let first = put(&store, "a", b"1");
    let swap = |version: &Version, byte: u8| {
        store.put_wait("a", vec![byte], Mode::IfVersion(version.clone()))
    };
    if !store.supports().conditional_put {
        return assert_eq!(code(swap(&first, 2)), Code::Unsupported);
    }
    let second = swap(&first, 2).expect("the version is there");
    assert_eq!(code(swap(&first, 3)), Code::Conflict);
    assert_eq!(code(swap(&unknown(), 3)), Code::Conflict);
    assert_eq!(value(&store, "a"), Some(vec![2]));
    swap(&second, 4).expect("the newer version is there");
    let absent = store.put_wait("b", vec![1], Mode::IfVersion(second));
    assert_eq!(code(absent), Code::Conflict);
    assert_eq!(value(&store, "b"), None);
}

pub fn a_delete_keeps_to_its_version(store: Subject) {
    let first = put(&store, "a", b"1");
    if !store.supports().conditional_delete {
        return assert_eq!(code(store.delete_wait("a", Some(first))), Code::Unsupported);
    }
    let second = put(&store, "a", b"2");
    assert_eq!(code(store.delete_wait("a", Some(first))), Code::Conflict);
    assert_eq!(code(store.delete_wait("a", Some(unknown()))), Code::Conflict);
    assert_eq!(value(&store, "a").as_deref(), Some(&b"2"[..]));
    store.delete_wait("a", Some(second.clone())).expect("the version is there");
    assert_eq!(value(&store, "a"), None);
    assert_eq!(code(store.delete_wait("a", Some(second))), Code::Conflict, "absent is not it");
}

pub fn versions_change_with_every_write(store: Subject) {
    let mut seen = HashSet::new();
    for _ in 0..200 {
        let written = put(&store, "a", b"the same bytes");
        assert_eq!(version(&store, "a").as_ref(), Some(&written));
        assert!(seen.insert(written), "a version came back");
    }
}

pub fn versions_never_come_back_after_a_delete(store: Subject) {
    let mut seen = HashSet::new();
    for _ in 0..200 {
        let written = put(&store, "a/b", b"the same bytes");
        assert!(seen.insert(written), "a version came back");
        store.delete_wait("a/b", None).expect("a delete");
    }
}

pub fn a_check_alone_writes_nothing(store: Subject) {
    let there = put(&store, "a", b"1");
    let check = |key: &str, version: Option<Version>| {
        store.commit_wait(vec![Op::Check { key: key.into(), version }])
    };
    if !store.supports().conditional_put {
        return assert_eq!(code(check("a", Some(there))), Code::Unsupported);
    }
    assert_eq!(check("a", Some(there.clone())).expect("a check"), []);
    assert_eq!(check("b", None).expect("a check"), []);
    assert_eq!(code(check("a", None)), Code::Conflict);
    assert_eq!(code(check("a", Some(unknown()))), Code::Conflict);
    assert_eq!(code(check("b", Some(there.clone()))), Code::Conflict);
    assert_eq!(version(&store, "a"), Some(there));
    assert_eq!(value(&store, "b"), None);
}
