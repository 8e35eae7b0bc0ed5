//! Values come back as they were put, under exactly their own key.

use keepstate_core::store::{Mode, Query, Range, StoreExt};
use keepstate_core::Code;

use super::{code, deep_keys, keys, odd_keys, put, value, version, Subject};

pub fn what_was_put_is_got(store: Subject) {
    let first = put(&store, "a/b", b"one");
    assert_eq!(value(&store, "a/b").as_deref(), Some(&b"one"[..]));
    assert_eq!(version(&store, "a/b"), Some(first.clone()), "get and put agree on the version");
    let second = put(&store, "a/b", b"other");
    assert_eq!(value(&store, "a/b").as_deref(), Some(&b"other"[..]));
    assert_eq!(version(&store, "a/b"), Some(second.clone()));
    assert_ne!(first, second);
}

pub fn an_absent_key_is_none(store: Subject) {
    put(&store, "a/b/c", b"deep");
    for absent in ["a", "a/", "a/b", "a/b/", "a/b/c/", "a/b/c/d", "a/b/d", "b", "..", "/a/b/c"] {
        assert_eq!(value(&store, absent), None, "{absent:?}");
    }
}

pub fn empty_and_large_values_are_kept(store: Subject) {
    let large: Vec<u8> =
        (0..5_000_003_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    put(&store, "large", &large);
    put(&store, "empty", b"");
    assert_eq!(value(&store, "empty").as_deref(), Some(&b""[..]));
    assert!(value(&store, "large").is_some_and(|found| found == large), "the large value differs");
    put(&store, "large", b"");
    assert_eq!(value(&store, "large").as_deref(), Some(&b""[..]), "a shorter value replaces all");
}

pub fn a_range_is_cut_as_pread_cuts(store: Subject) {
    put(&store, "a", b"0123456789");
    let whole = version(&store, "a");
    let ranges: [(u64, u64, &[u8]); 9] = [
        (0, 10, b"0123456789"),
        (0, 3, b"012"),
        (3, 4, b"3456"),
        (8, 100, b"89"),
        (10, 1, b""),
        (11, 1, b""),
        (4, 0, b""),
        (u64::MAX, u64::MAX, b""),
        (1, u64::MAX, b"123456789"),
    ];
    for (offset, length, part) in ranges {
        let found = store.get("a", Some(Range { offset, length })).expect("a get").expect("there");
        assert_eq!(&found.value[..], part, "{offset}+{length}");
        assert_eq!(Some(found.version), whole, "a part carries the version of the whole");
    }
    let absent = store.get("b", Some(Range { offset: 0, length: 1 })).expect("a get");
    assert!(absent.is_none());
}

pub fn odd_keys_stay_apart(store: Subject) {
    let mut all = odd_keys();
    all.extend(deep_keys());
    all.sort_unstable();
    for key in &all {
        put(&store, key, key.as_bytes());
    }
    for key in &all {
        assert_eq!(value(&store, key).as_deref(), Some(key.as_bytes()), "{key:?}");
    }
    assert_eq!(keys(&store, Query::default()), all, "listed exactly once each, in order");
    for (at, key) in all.iter().enumerate().filter(|(at, _)| at % 2 == 0) {
        store.delete_wait(key, None).unwrap_or_else(|error| panic!("{at} {key:?}: {error}"));
    }
    for (at, key) in all.iter().enumerate() {
        assert_eq!(value(&store, key).is_some(), at % 2 == 1, "{key:?}");
    }
}

pub fn keys_without_sense_are_refused(store: Subject) {
    let long = "k".repeat(1025);
    let wide = "\u{e9}".repeat(513);
    for (key, expected) in
        [("", Code::InvalidArgument), (&long, Code::KeyTooLong), (&wide, Code::KeyTooLong)]
    {
        assert_eq!(code(store.get(key, None)), expected);
        assert_eq!(code(store.put_wait(key, vec![1], Mode::Overwrite)), expected);
        assert_eq!(code(store.delete_wait(key, None)), expected);
    }
    assert!(keys(&store, Query::default()).is_empty());
}

pub fn a_delete_removes_and_absence_is_no_error(store: Subject) {
    put(&store, "a", b"1");
    put(&store, "a/b", b"2");
    store.delete_wait("a", None).expect("a delete");
    assert_eq!(value(&store, "a"), None);
    assert_eq!(value(&store, "a/b").as_deref(), Some(&b"2"[..]), "what lies below stays");
    store.delete_wait("a", None).expect("a second delete");
    store.delete_wait("never/was/here", None).expect("a delete of what never was");
    put(&store, "a", b"3");
    assert_eq!(value(&store, "a").as_deref(), Some(&b"3"[..]));
    assert_eq!(keys(&store, Query::default()), ["a", "a/b"]);
}

pub fn a_too_large_value_is_refused(store: Subject) {
    let most = store.supports().max_value;
    if most > 64 << 20 {
        return assert!(most <= isize::MAX as u64, "a limit that memory can hold");
    }
    let result = store.put_wait("a", vec![0; most as usize + 1], Mode::Overwrite);
    assert_eq!(code(result), Code::ValueTooLarge);
    assert_eq!(value(&store, "a"), None);
}
