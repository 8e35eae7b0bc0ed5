//! A view reads as of its moment, whatever is overwritten, deleted, expired, compacted or rebuilt
//! beside it, also by another process; it refuses commits and ends with its close.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::Duration;

use keepstate_core::store::log::LogOptions;
use keepstate_core::store::{Embedded, Mode, Op, Query, Store, StoreExt};
use keepstate_core::Code;
use support::*;

fn options() -> LogOptions {
    LogOptions { segment_bytes: 8 << 10, memory_budget: 4 << 10, ..quiet_async() }
}

#[test]
fn a_view_stays_as_it_was() {
    let folder = folder();
    let log = open(folder.path(), options());
    let other = open(folder.path(), options());
    for number in 0..60u8 {
        put(&*log, &format!("key-{number:02}"), &[number; 400]);
    }
    let ttl = Some(Duration::from_millis(80));
    let (key, value, mode) = ("short".to_string(), b"s".to_vec().into(), Mode::Overwrite);
    log.commit_wait(vec![Op::Put { key, value, mode, ttl }]).unwrap();
    let view = log.view().unwrap();
    let foreign = other.view().unwrap();
    let before = all(&*view);
    assert_eq!(before.len(), 61);
    let entries = view.list(&Query::default()).unwrap();
    for round in 0..5u8 {
        for number in 0..60u8 {
            let key = format!("key-{number:02}");
            match (number + round) % 3 {
                0 => log.delete_wait(&key, None).unwrap(),
                _ => drop(put(&*log, &key, &[round; 500])),
            }
        }
        put(&*log, &format!("new-{round}"), b"not seen");
        assert_eq!(all(&*view), before);
        log.compact().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(all(&*view), before);
        assert_eq!(all(&*foreign), before, "in the other process, before it looks");
        assert_eq!(all(&*log), all(&*other));
        assert_eq!(all(&*foreign), before, "in the other process, after it looked");
        assert_eq!(view.list(&Query::default()).unwrap(), entries);
    }
    assert_eq!(get(&*log, "short"), None, "expired");
    let nested = view.view().unwrap();
    view.close().unwrap();
    view.close().unwrap();
    assert_eq!(code(view.get("key-00", None)), Code::Closed);
    assert_eq!(all(&*nested), before);
    assert_eq!(code(nested.put_wait("x", b"".to_vec(), Mode::Overwrite)), Code::ReadOnly);
    drop((nested, foreign));
    let after = all(&*log);
    log.compact().unwrap();
    assert_eq!(all(&*log), after);
    log.close().unwrap();
}

#[test]
fn listings_are_paged_and_bounded() {
    let folder = folder();
    let log = open(folder.path(), options());
    for number in 0..2500 {
        put(&*log, &format!("a/{number:04}"), b"1");
    }
    put(&*log, "b", b"2");
    let list = |query: Query| {
        let listed = log.list(&query).unwrap();
        listed.into_iter().map(|entry| entry.key).collect::<Vec<_>>()
    };
    assert_eq!(list(Query { prefix: "a/".into(), ..Query::default() }).len(), 2500);
    let after = Some("a/2497".to_string());
    let rest = list(Query { prefix: "a/".into(), after: after.clone(), limit: None });
    assert_eq!(rest, ["a/2498", "a/2499"]);
    assert_eq!(list(Query { prefix: "b".into(), after, limit: None }), ["b"]);
    let view = log.view().unwrap();
    log.delete_wait("a/0001", None).unwrap();
    let few = Query { prefix: "a/".into(), after: None, limit: Some(3) };
    let seen = view.list(&few).unwrap();
    let keys: Vec<_> = seen.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["a/0000", "a/0001", "a/0002"]);
    assert_eq!(list(few), ["a/0000", "a/0002", "a/0003"]);
}
