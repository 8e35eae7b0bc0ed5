//! `list` tells every key once, in the order of its bytes, in pages that join.

use std::collections::BTreeMap;

use keepstate_core::store::{Query, StoreExt};

use super::{keys, list, odd_keys, put, version, Subject};

fn query(prefix: &str, after: Option<&str>, limit: Option<usize>) -> Query {
    Query { prefix: prefix.into(), after: after.map(Into::into), limit }
}

fn fill(store: &Subject, keys: &[&str]) {
    keys.iter().for_each(|key| {
        put(store, key, key.as_bytes());
    });
}

pub fn keys_come_in_the_order_of_their_bytes(store: Subject) {
    // The order of UTF-16 units has the last two the other way round; that of paths, the first.
    let ordered = ["a!", "a.b", "a/b", "a0", "a1/x", "b", "\u{e9}", "\u{ffff}", "\u{1f600}"];
    let mut shuffled = ordered;
    shuffled.reverse();
    fill(&store, &shuffled);
    assert_eq!(keys(&store, Query::default()), ordered);
}

pub fn a_prefix_is_of_bytes_not_of_parts(store: Subject) {
    fill(&store, &["a", "a/b", "a/bc", "a/b/c", "ab", "b", "a/b.x"]);
    let expect = |prefix: &str, expected: &[&str]| {
        assert_eq!(keys(&store, query(prefix, None, None)), expected, "{prefix:?}");
    };
    expect("a/b", &["a/b", "a/b.x", "a/b/c", "a/bc"]);
    expect("a/", &["a/b", "a/b.x", "a/b/c", "a/bc"]);
    expect("a", &["a", "a/b", "a/b.x", "a/b/c", "a/bc", "ab"]);
    expect("a/b/", &["a/b/c"]);
    expect("c", &[]);
    expect("a/b/c/d", &[]);
}

pub fn pages_join_without_gap_or_overlap(store: Subject) {
    let all = odd_keys();
    all.iter().for_each(|key| {
        put(&store, key, b"");
    });
    for (prefix, size) in [("", 1), ("", 7), ("a", 3), ("y", 2), ("%", 1), (".", 4)] {
        let expected: Vec<_> = all.iter().filter(|key| key.starts_with(prefix)).cloned().collect();
        let mut found: Vec<String> = Vec::new();
        loop {
            let page = keys(&store, query(prefix, found.last().map(String::as_str), Some(size)));
            assert!(
                page.len() <= size && found.len() <= all.len(),
                "{prefix:?} in pages of {size}"
            );
            if page.is_empty() {
                break;
            }
            found.extend(page);
        }
        assert_eq!(found, expected, "{prefix:?} in pages of {size}");
    }
    assert!(keys(&store, query("", None, Some(0))).is_empty(), "a limit of none");
    assert_eq!(keys(&store, query("a/b", Some("a"), None)), keys(&store, query("a/b", None, None)));
    assert!(keys(&store, query("a/b", Some("b"), None)).is_empty(), "after lies behind the prefix");
    let absent = keys(&store, query("", Some("a/b/b"), Some(1)));
    assert_eq!(absent, ["a/b/c"], "after need not exist");
}

pub fn an_entry_tells_size_version_and_time(store: Subject) {
    put(&store, "a", b"12345");
    put(&store, "empty", b"");
    let entries = list(&store, Query::default());
    assert_eq!(entries.iter().map(|entry| entry.size).collect::<Vec<_>>(), [5, 0]);
    let year_2020 = 1_577_836_800_000;
    for entry in entries {
        assert_eq!(Some(entry.version), version(&store, &entry.key));
        assert!(entry.modified > year_2020, "milliseconds since 1970: {}", entry.modified);
    }
}

pub fn a_random_set_lists_as_a_sorted_map(store: Subject) {
    let mut model = BTreeMap::new();
    let mut seed = 7_u32;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as usize % below
    };
    let letters = ["a", "b", "/", ".", "%", " ", "\u{e9}", "!", "0", "~"];
    for step in 0..400 {
        let key: String = (0..=next(5)).map(|_| letters[next(letters.len())]).collect();
        if next(4) == 0 {
            store.delete_wait(&key, None).expect("a delete");
            model.remove(&key);
        } else {
            put(&store, &key, &vec![0; step]);
            model.insert(key, step as u64);
        }
    }
    let found: Vec<_> =
        list(&store, Query::default()).into_iter().map(|entry| (entry.key, entry.size)).collect();
    assert_eq!(found, model.into_iter().collect::<Vec<_>>());
}
