//! A batch is applied whole or not at all; a store without batches says so.

use std::sync::mpsc::channel;

use keepstate_core::store::{Commit, Mode, Op, Query, StoreExt, Version};
use keepstate_core::Code;

use super::{code, keys, put, value, version, Subject};

fn write(key: &str, mode: Mode) -> Op {
    Op::Put { key: key.into(), value: key.as_bytes().to_vec().into(), mode, ttl: None }
}

fn overwrite(key: &str) -> Op {
    write(key, Mode::Overwrite)
}

fn delete(key: &str) -> Op {
    Op::Delete { key: key.into(), if_version: None }
}

/// True if the store has no batches; then it has said so, and written nothing.
fn refuses_batches(store: &Subject) -> bool {
    if store.supports().commit {
        return false;
    }
    let result = store.commit_wait(vec![overwrite("a"), overwrite("b")]);
    assert_eq!(code(result), Code::Unsupported);
    assert!(keys(store, Query::default()).is_empty());
    true
}

pub fn a_batch_is_applied_whole_or_not_at_all(store: Subject) {
    if refuses_batches(&store) {
        return;
    }
    put(&store, "gone", b"1");
    let versions = store.commit_wait(vec![overwrite("a"), delete("gone"), overwrite("b/c")]);
    assert_eq!(versions.expect("a batch").len(), 2, "a version for each put");
    assert_eq!(keys(&store, Query::default()), ["a", "b/c"]);
    let before = version(&store, "a");
    let failing = vec![overwrite("a"), delete("b/c"), overwrite("d"), write("b/c/x", Mode::Create)];
    store.commit_wait(failing.clone()).expect("a batch");
    put(&store, "b/c", b"again");
    store.delete_wait("d", None).expect("a delete");
    let now = version(&store, "a");
    assert_ne!(before, now);
    assert_eq!(code(store.commit_wait(failing)), Code::Conflict);
    assert_eq!(version(&store, "a"), now, "the first step left no trace");
    assert_eq!(keys(&store, Query::default()), ["a", "b/c", "b/c/x"]);
}

pub fn each_kind_of_condition_fails_a_batch(store: Subject) {
    if refuses_batches(&store) {
        return;
    }
    let old = put(&store, "there", b"1");
    let now = put(&store, "there", b"2");
    let check = |key: &str, version: Option<Version>| Op::Check { key: key.into(), version };
    let remove =
        |key: &str, version: Version| Op::Delete { key: key.into(), if_version: Some(version) };
    let failing = [
        write("there", Mode::Create),
        write("there", Mode::IfVersion(old.clone())),
        write("absent", Mode::IfVersion(now.clone())),
        remove("there", old.clone()),
        remove("absent", now.clone()),
        check("there", None),
        check("there", Some(old)),
        check("absent", Some(now.clone())),
    ];
    for op in failing {
        let named = op.key().to_string();
        let error =
            store.commit_wait(vec![overwrite("other"), op.clone()]).expect_err("a conflict");
        assert_eq!(error.code(), Code::Conflict, "{op:?}");
        assert_eq!(error.place().key, Some(named), "{op:?}");
        assert_eq!(version(&store, "there").as_ref(), Some(&now), "{op:?}");
        assert_eq!(value(&store, "other"), None, "{op:?}");
    }
    let met = [
        check("there", Some(now.clone())),
        check("absent", None),
        write("new", Mode::Create),
        overwrite("other"),
    ];
    assert_eq!(store.commit_wait(met.to_vec()).expect("all conditions hold").len(), 2);
    let more = vec![remove("there", now), overwrite("absent")];
    store.commit_wait(more).expect("a delete on the right version");
    assert_eq!(keys(&store, Query::default()), ["absent", "new", "other"]);
}

pub fn versions_come_in_the_order_of_the_puts(store: Subject) {
    if refuses_batches(&store) {
        return;
    }
    put(&store, "m", b"");
    let ops = vec![overwrite("z"), delete("m"), overwrite("a"), overwrite("k")];
    let versions = store.commit_wait(ops).expect("a batch");
    let there: Vec<_> = ["z", "a", "k"].iter().filter_map(|key| version(&store, key)).collect();
    assert_eq!(versions, there);
}

pub fn a_key_may_occur_once_in_a_batch(store: Subject) {
    if refuses_batches(&store) {
        return;
    }
    for second in [overwrite("a"), delete("a"), Op::Check { key: "a".into(), version: None }] {
        let result = store.commit_wait(vec![overwrite("a"), overwrite("b"), second]);
        assert_eq!(code(result), Code::InvalidArgument);
    }
    assert!(keys(&store, Query::default()).is_empty());
}

pub fn an_empty_batch_is_no_error(store: Subject) {
    assert_eq!(store.commit_wait(Vec::new()).expect("an empty batch"), []);
}

pub fn commits_given_together_run_in_order(store: Subject) {
    let (sender, receiver) = channel();
    let commits = (0..50_u8).map(|number| {
        let sender = sender.clone();
        let op = Op::Put {
            key: format!("k{}", number % 5),
            value: vec![number].into(),
            mode: Mode::Overwrite,
            ttl: None,
        };
        let done = Box::new(move |result: keepstate_core::Result<Vec<Version>>| {
            sender.send(result.map(|versions| versions.len())).expect("the test listens");
        });
        Commit { ops: vec![op], done }
    });
    store.commit(commits.collect());
    for _ in 0..50 {
        assert_eq!(receiver.recv().expect("each commit is answered").expect("a put"), 1);
    }
    for last in 45..50_u8 {
        assert_eq!(value(&store, &format!("k{}", last % 5)), Some(vec![last]));
    }
}
