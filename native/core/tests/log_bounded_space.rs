//! Disk stays under twice the live bytes and two segments over 100,000 overwrites, deletes and
//! expiries included, and compaction loses nothing; a checkpoint and a full replay agree.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use keepstate_core::store::log::LogOptions;
use keepstate_core::store::{Commit, Embedded, Mode, Op, Store, StoreExt};
use support::*;

const SEGMENT: u64 = 512 << 10;

fn bytes_of(path: &Path) -> u64 {
    let files = std::fs::read_dir(path).unwrap();
    let sizes = files.filter_map(|file| file.ok()?.metadata().ok().map(|data| data.len()));
    sizes.sum()
}

fn stat(log: &dyn Embedded, name: &str) -> u64 {
    log.stats().unwrap().iter().find(|(other, _)| *other == name).unwrap().1
}

#[test]
fn overwrites() {
    let folder = folder();
    let options = LogOptions { segment_bytes: SEGMENT, maintenance: true, ..quiet_async() };
    let log = open(folder.path(), options.clone());
    let mut model = BTreeMap::new();
    let mut worst = 0.0f64;
    for round in 0..100_000u32 {
        let key = format!("key-{:04}", (round.wrapping_mul(2_654_435_761)) % 2000);
        let value = vec![round as u8; 100 + (round % 90) as usize];
        if round % 17 == 0 {
            log.delete_wait(&key, None).unwrap();
            model.remove(&key);
        } else {
            log.put_wait(&key, value.clone(), Mode::Overwrite).unwrap();
            model.insert(key, value);
        }
        if round % 5_000 == 4_999 {
            let bound = 2 * stat(&*log, "live_bytes") + 2 * SEGMENT;
            worst = worst.max(stat(&*log, "bytes") as f64 / bound as f64);
        }
    }
    assert!(worst <= 1.0, "{worst} of the bound");
    let model: Vec<_> = model.into_iter().collect();
    assert_eq!(all(&*log), model);
    assert_eq!(log.verify(&mut |_, _| ()).unwrap().len(), 0);
    log.compact().unwrap();
    assert_eq!(all(&*log), model);
    let live = stat(&*log, "live_bytes");
    assert!(bytes_of(folder.path()) < 2 * live + 2 * SEGMENT);
    log.close().unwrap();
    assert!(bytes_of(folder.path()) < 2 * live + SEGMENT, "{}", bytes_of(folder.path()));

    assert!(folder.path().join("checkpoint").exists());
    let log = open(folder.path(), options.clone());
    assert_eq!(all(&*log), model);
    assert_eq!(log.verify(&mut |_, _| ()).unwrap().len(), 0);
    log.close().unwrap();
    std::fs::remove_file(folder.path().join("checkpoint")).unwrap();
    let log = open(folder.path(), options);
    assert_eq!(all(&*log), model);
}

#[test]
fn deleting_all_gives_all_back() {
    let folder = folder();
    let options = LogOptions { segment_bytes: 64 << 10, ..quiet_async() };
    let log = open(folder.path(), options.clone());
    for round in 0..2_000 {
        put(&*log, &format!("key-{round:05}"), &[1; 300]);
    }
    for round in 0..2_000 {
        log.delete_wait(&format!("key-{round:05}"), None).unwrap();
    }
    put(&*log, "last", b"one");
    log.compact().unwrap();
    assert!(stat(&*log, "bytes") < 8 << 10, "{}", stat(&*log, "bytes"));
    log.close().unwrap();
    let log = open(folder.path(), options);
    assert_eq!(all(&*log), [("last".to_string(), b"one".to_vec())]);
}

#[test]
fn expired_values_are_absent_and_dead() {
    let folder = folder();
    let options = LogOptions { segment_bytes: 16 << 10, ..quiet() };
    let log = open(folder.path(), options.clone());
    // An older value that must not come back when the newer one expires and is compacted away.
    put(&*log, "hidden", b"old");
    for round in 0..40 {
        put(&*log, &format!("filler-{round}"), &[2; 1000]);
    }
    let with = |key: &str, ttl| Op::Put {
        key: key.into(),
        value: vec![3; 500].into(),
        mode: Mode::Overwrite,
        ttl: Some(Duration::from_millis(ttl)),
    };
    let mut ops: Vec<Op> = (0..40).map(|round| with(&format!("short-{round}"), 150)).collect();
    ops.push(with("hidden", 150));
    ops.push(with("long", 3_600_000));
    log.commit_wait(ops).unwrap();
    assert!(get(&*log, "short-3").is_some());
    for round in 0..40 {
        put(&*log, &format!("filler-{round}"), &[4; 1000]);
    }
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(get(&*log, "short-3"), None);
    assert_eq!(get(&*log, "hidden"), None);
    assert_eq!(all(&*log).len(), 41);
    log.put_wait("short-3", b"again".to_vec(), Mode::Create).unwrap();
    log.compact().unwrap();
    assert_eq!(all(&*log).len(), 42);
    assert!(get(&*log, "long").is_some());
    log.close().unwrap();
    let log = open(folder.path(), options);
    assert_eq!(get(&*log, "hidden"), None);
    assert_eq!(all(&*log).len(), 42);
    assert!(stat(&*log, "bytes") < 110 << 10);
}

#[test]
fn what_an_expired_value_hid_stays_hidden() {
    let folder = folder();
    let options = LogOptions { segment_bytes: 16 << 10, ..quiet() };
    let log = open(folder.path(), options.clone());
    let with = |value: u8, ttl: Option<Duration>| Op::Put {
        key: "hidden".into(),
        value: vec![value; 100].into(),
        mode: Mode::Overwrite,
        ttl,
    };
    // The old value lies in a segment that is not worth compacting; all of the next is dead.
    log.commit_wait(vec![with(1, None)]).unwrap();
    for round in 0..17 {
        put(&*log, &format!("stays-{round}"), &[2; 1000]);
    }
    std::thread::sleep(Duration::from_millis(50));
    log.commit_wait(vec![with(3, Some(Duration::from_millis(60)))]).unwrap();
    for _ in 0..34 {
        put(&*log, "changes", &[4; 1000]);
    }
    std::thread::sleep(Duration::from_millis(80));
    assert_eq!(get(&*log, "hidden"), None);
    let before = stat(&*log, "bytes");
    log.compact().unwrap();
    assert!(stat(&*log, "bytes") + (14 << 10) < before, "something was compacted");
    assert!(folder.path().join("00000001.log").exists(), "but not the first segment");
    log.close().unwrap();
    let log = open(folder.path(), options);
    assert_eq!(get(&*log, "hidden"), None);
    assert_eq!(all(&*log).len(), 18);
}

#[test]
fn a_group_in_flight_is_no_obstacle() {
    let folder = folder();
    let log = open(folder.path(), LogOptions { segment_bytes: 32 << 10, ..quiet() });
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (sender, receiver) = std::sync::mpsc::channel();
            for round in 0..40 {
                let commits = (0..50).map(|number| {
                    let sender = sender.clone();
                    let op = Op::Put {
                        key: format!("key-{number}"),
                        value: vec![round; 200].into(),
                        mode: Mode::Overwrite,
                        ttl: None,
                    };
                    let done = Box::new(move |result: Result<_, _>| sender.send(result).unwrap());
                    Commit { ops: vec![op], done }
                });
                log.commit(commits.collect());
                (0..50).for_each(|_| drop(receiver.recv().unwrap().unwrap()));
            }
        });
        for _ in 0..20 {
            log.compact().unwrap();
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    assert_eq!(all(&*log).len(), 50);
    assert!(all(&*log).iter().all(|(_, value)| *value == [39; 200]));
    assert_eq!(log.verify(&mut |_, _| ()).unwrap().len(), 0);
}

#[test]
fn numbers_are_not_used_again_when_all_is_gone() {
    let folder = folder();
    let options = LogOptions { segment_bytes: 2 << 10, ..quiet() };
    let log = open(folder.path(), options.clone());
    let other = open(folder.path(), options.clone());
    for round in 0..20 {
        put(&*log, &format!("key-{round}"), &[1; 500]);
    }
    let keys = (0..20).map(|round| format!("key-{round}"));
    let delete = |key: String| Op::Delete { key, if_version: None };
    let mut ops: Vec<Op> = keys.map(delete).collect();
    ops.extend((0..40).map(|round| Op::Put {
        key: format!("short-{round}"),
        value: vec![1; 100].into(),
        mode: Mode::Overwrite,
        ttl: Some(Duration::from_millis(1)),
    }));
    log.commit_wait(ops).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    log.compact().unwrap();
    assert_eq!(stat(&*log, "segments"), 1);
    assert_eq!(all(&*other), []);
    drop((log, other));
    std::fs::remove_file(folder.path().join("page")).unwrap();
    let log = open(folder.path(), options);
    assert!(put(&*log, "next", b"1").0.parse::<u64>().unwrap() > 21);
}
