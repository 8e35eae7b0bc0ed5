//! Expiry, views and the end of a store.

use std::thread::sleep;
use std::time::{Duration, Instant};

use keepstate_core::store::{Mode, Op, Query, StoreExt};
use keepstate_core::{Code, Result};

use super::{code, keys, put, value, version, Subject};

fn put_for(store: &Subject, key: &str, time: Duration) -> Result<()> {
    let value = key.as_bytes().to_vec().into();
    let op = Op::Put { key: key.into(), value, mode: Mode::Overwrite, ttl: Some(time) };
    store.commit_wait(vec![op]).map(|_| ())
}

fn wait_until_gone(store: &Subject, key: &str) {
    let start = Instant::now();
    while value(store, key).is_some() {
        assert!(start.elapsed() < Duration::from_secs(10), "{key} does not expire");
        sleep(Duration::from_millis(5));
    }
}

/// True if the store keeps no time to live; then it has said so, and written nothing.
fn refuses_ttl(store: &Subject) -> bool {
    if store.supports().ttl {
        return false;
    }
    assert_eq!(code(put_for(store, "a", Duration::from_secs(1))), Code::Unsupported);
    assert_eq!(value(store, "a"), None, "a refused put writes nothing");
    true
}

pub fn what_has_lived_long_enough_is_gone(store: Subject) {
    if refuses_ttl(&store) {
        return;
    }
    put_for(&store, "long", Duration::from_secs(3600)).expect("a put");
    put_for(&store, "for ever", Duration::MAX).expect("a put");
    put_for(&store, "short", Duration::from_millis(30)).expect("a put");
    put_for(&store, "renewed", Duration::from_millis(30)).expect("a put");
    put(&store, "renewed", b"without an end");
    wait_until_gone(&store, "short");
    put(&store, "short", b"once more");
    store.delete_wait("short", None).expect("a delete");
    assert_eq!(keys(&store, Query::default()), ["for ever", "long", "renewed"]);
    assert!(value(&store, "long").is_some(), "an hour has not passed");
    assert!(value(&store, "renewed").is_some(), "a put without ttl lives for ever");
}

pub fn what_expired_counts_as_absent(store: Subject) {
    if refuses_ttl(&store) {
        return;
    }
    put_for(&store, "a", Duration::from_millis(20)).expect("a put");
    let old = version(&store, "a");
    wait_until_gone(&store, "a");
    if let Some(old) = old {
        let late = store.put_wait("a", vec![1], Mode::IfVersion(old));
        assert_eq!(code(late), Code::Conflict);
    }
    store.put_wait("a", vec![2], Mode::Create).expect("a create where one has expired");
    assert_eq!(value(&store, "a"), Some(vec![2]));
}

pub fn a_view_keeps_its_moment(store: Subject) {
    if !store.supports().view {
        return assert_eq!(code(store.view().map(|_| ())), Code::Unsupported);
    }
    put(&store, "changed", b"before");
    put(&store, "deleted", b"before");
    let view = store.view().expect("a view");
    let moment = version(&view, "changed");
    for round in 0..20_u8 {
        put(&store, "changed", &[round]);
        put(&store, &format!("new{round}"), b"after");
    }
    store.delete_wait("deleted", None).expect("a delete");
    let later = store.view().expect("a later view");
    put(&store, "changed", b"at last");
    assert_eq!(value(&view, "changed").as_deref(), Some(&b"before"[..]));
    assert_eq!(version(&view, "changed"), moment);
    assert_eq!(keys(&view, Query::default()), ["changed", "deleted"]);
    assert_eq!(value(&later, "changed"), Some(vec![19]));
    assert_eq!(value(&later, "deleted"), None);
    assert_eq!(keys(&later, Query::default()).len(), 21);
    let same = view.view().expect("a view of a view");
    view.close().expect("a view closes");
    assert_eq!(value(&same, "deleted").as_deref(), Some(&b"before"[..]));
    assert_eq!(value(&store, "changed").as_deref(), Some(&b"at last"[..]));
}

pub fn a_view_refuses_writes(store: Subject) {
    if !store.supports().view {
        return;
    }
    let view = store.view().expect("a view");
    assert_eq!(code(view.put_wait("a", vec![1], Mode::Overwrite)), Code::ReadOnly);
    assert_eq!(code(view.delete_wait("a", None)), Code::ReadOnly);
    assert_eq!(value(&store, "a"), None);
}

pub fn a_closed_view_is_closed(store: Subject) {
    if !store.supports().view {
        return;
    }
    put(&store, "a", b"1");
    let view = store.view().expect("a view");
    view.close().expect("a view closes");
    view.close().expect("and again");
    assert_eq!(code(view.get("a", None)), Code::Closed);
    assert_eq!(code(view.list(&Query::default())), Code::Closed);
    assert_eq!(value(&store, "a").as_deref(), Some(&b"1"[..]), "its store is still open");
}

pub fn close_is_idempotent_and_then_closed(store: Subject) {
    put(&store, "a", b"1");
    store.close().expect("a close");
    store.close().expect("a second close");
    assert_eq!(code(store.get("a", None)), Code::Closed);
    assert_eq!(code(store.list(&Query::default())), Code::Closed);
    assert_eq!(code(store.put_wait("a", vec![1], Mode::Overwrite)), Code::Closed);
    assert_eq!(code(store.delete_wait("a", None)), Code::Closed);
    if store.supports().view {
        assert_eq!(code(store.view().map(|_| ())), Code::Closed);
    }
}
