//! What was committed is there after closing and opening, in both durabilities, with its versions;
//! conditions hold, batches are whole, and nothing works on a closed store.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use keepstate_core::store::log::LogOptions;
use keepstate_core::store::{Embedded, Mode, Op, Query, Range, Store, StoreExt, Version};
use keepstate_core::Code;
use support::*;

fn modes() -> Vec<LogOptions> {
    vec![quiet(), quiet_async()]
}

#[test]
fn values_and_versions_survive() {
    for options in modes() {
        let folder = folder();
        let path = folder.path().join("store");
        let log = open(&path, options.clone());
        let first = put(&*log, "a", b"one");
        let second = put(&*log, "b", &[7; 10_000]);
        assert_ne!(first, second);
        put(&*log, "gone", b"x");
        log.delete_wait("gone", None).unwrap();
        log.delete_wait("never", None).unwrap();
        put(&*log, "empty", b"");
        let before = log.list(&Query::default()).unwrap();
        log.close().unwrap();
        log.close().unwrap();
        assert_eq!(code(log.get("a", None)), Code::Closed);
        assert_eq!(code(log.put_wait("a", vec![], Mode::Overwrite)), Code::Closed);

        let log = open(&path, options);
        assert_eq!(log.list(&Query::default()).unwrap(), before);
        assert_eq!(log.get("a", None).unwrap().unwrap().version, first);
        assert_eq!(get(&*log, "b"), Some(vec![7; 10_000]));
        assert_eq!(get(&*log, "gone"), None);
        assert_eq!(get(&*log, "empty"), Some(vec![]));
        let third = put(&*log, "c", b"later");
        let number = |version: &Version| version.0.parse::<u64>().unwrap();
        assert!(number(&third) > number(&second));
        let part = log.get("b", Some(Range { offset: 9_998, length: 100 })).unwrap().unwrap();
        assert_eq!(&part.value[..], &[7, 7]);
        log.flush().unwrap();
    }
}

#[test]
fn conditions_and_batches() {
    for options in modes() {
        let folder = folder();
        let log = open(folder.path(), options);
        let first = log.put_wait("k", b"1".to_vec(), Mode::Create).unwrap();
        assert_eq!(code(log.put_wait("k", b"2".to_vec(), Mode::Create)), Code::Conflict);
        let stale = Mode::IfVersion(Version::from(999));
        assert_eq!(code(log.put_wait("k", b"2".to_vec(), stale)), Code::Conflict);
        let padded = Mode::IfVersion(Version(format!("0{}", first.0).into()));
        assert_eq!(code(log.put_wait("k", b"2".to_vec(), padded)), Code::Conflict);
        let second = log.put_wait("k", b"2".to_vec(), Mode::IfVersion(first.clone())).unwrap();
        let put = |key: &str| Op::Put {
            key: key.into(),
            value: b"v".to_vec().into(),
            mode: Mode::Create,
            ttl: None,
        };
        let check = |version| Op::Check { key: "k".into(), version };
        let failed = log.commit_wait(vec![put("x"), put("y"), check(Some(first.clone()))]);
        assert_eq!(code(failed), Code::Conflict);
        assert_eq!(get(&*log, "x"), None);
        let versions = log.commit_wait(vec![put("x"), put("y"), check(Some(second))]).unwrap();
        assert_eq!(versions.len(), 2);
        assert_eq!(code(log.commit_wait(vec![put("z"), put("z")])), Code::InvalidArgument);
        assert_eq!(code(log.delete_wait("k", Some(first))), Code::Conflict);
        assert_eq!(code(log.commit_wait(vec![check(None)])), Code::Conflict);
        assert_eq!(log.commit_wait(vec![]).unwrap(), vec![]);
        log.close().unwrap();
        let log = open(folder.path(), quiet());
        let keys: Vec<_> = all(&*log).into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["k", "x", "y"]);
    }
}

#[test]
fn segments_roll() {
    for options in modes() {
        let folder = folder();
        let options = LogOptions { segment_bytes: 4096, ..options };
        let log = open(folder.path(), options.clone());
        for number in 0..200 {
            put(&*log, &format!("key-{number:04}"), &[number as u8; 300]);
        }
        let before = all(&*log);
        drop(log);
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert!(files > 8, "{files} files");
        let log = open(folder.path(), options);
        assert_eq!(all(&*log), before);
        assert_eq!(before.len(), 200);
    }
}
