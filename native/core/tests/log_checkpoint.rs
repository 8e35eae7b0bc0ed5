//! A checkpoint only makes opening faster: with it, without it, with it damaged or out of date, the
//! same is read; and what it names is on disk before it is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use keepstate_core::digest::crc64;
use keepstate_core::store::log::LogOptions;
use keepstate_core::store::{Embedded, Mode, Op, Store, StoreExt};
use support::medium::*;
use support::*;

fn options() -> LogOptions {
    LogOptions { segment_bytes: 300 << 10, ..quiet_async() }
}

#[test]
fn the_same_is_read_in_every_way() {
    let folder = folder();
    let log = open(folder.path(), options());
    for number in 0..5000u32 {
        put(&*log, &format!("some/prefix/key-{:05}", number * 7919 % 4000), &[number as u8; 250]);
    }
    let ttl = Some(Duration::from_secs(1000));
    let (key, value, mode) = ("expires".to_string(), b"v".to_vec().into(), Mode::Overwrite);
    log.commit_wait(vec![Op::Put { key, value, mode, ttl }]).unwrap();
    log.compact().unwrap();
    let path = folder.path().join("checkpoint");
    let good = std::fs::read(&path).expect("a checkpoint was written");
    log.delete_wait("some/prefix/key-00007", None).unwrap();
    put(&*log, "behind", b"it");
    let data = all(&*log);
    let listed = log.list(&Default::default()).unwrap();
    log.close().unwrap();
    std::fs::write(&path, &good).unwrap();

    let disk = TestDisk::default();
    let reads = |bytes: Option<&[u8]>| {
        match bytes {
            Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            None => drop(std::fs::remove_file(&path)),
        }
        let before = disk.count(Call::Read);
        let with = LogOptions { medium: Arc::new(disk.clone()), read_only: true, ..options() };
        let log = open(folder.path(), with);
        let reads = disk.count(Call::Read) - before;
        assert_eq!(all(&*log), data);
        assert_eq!(log.list(&Default::default()).unwrap(), listed);
        assert_eq!(log.verify(&mut |_, _| ()).unwrap().iter().filter(is_other).count(), 0);
        reads
    };
    let with = reads(Some(&good));
    let without = reads(None);
    assert!(with < without, "{with} reads with it, {without} without");
    for at in (0..good.len()).step_by(good.len() / 7) {
        let mut flipped = good.clone();
        flipped[at] ^= 4;
        reads(Some(&flipped));
        reads(Some(&good[..at]));
    }
    reads(Some(&overcounted(&good)));
    // Out of date: what it names is compacted away.
    let log = open(folder.path(), options());
    for number in 0..4000u32 {
        put(&*log, &format!("some/prefix/key-{number:05}"), &[1; 250]);
    }
    log.compact().unwrap();
    let data = all(&*log);
    log.close().unwrap();
    std::fs::write(&path, &good).unwrap();
    assert_eq!(all(&*open(folder.path(), options())), data);
}

/// The same, whole by its checksums, but each segment is said to hold as many puts as a number can.
fn overcounted(good: &[u8]) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let count = u32::from_le_bytes(bytes[84..88].try_into().unwrap()) as usize;
    let end = 88 + count * 24;
    for at in (88..end).step_by(24) {
        bytes[at + 8..at + 16].fill(0xff);
    }
    let sum = crc64(&bytes[..end]).to_le_bytes();
    bytes[end..end + 8].copy_from_slice(&sum);
    bytes
}

/// A damaged checkpoint may be listed as such; nothing else may.
fn is_other(error: &&keepstate_core::Error) -> bool {
    !error.message().contains("checkpoint")
}

#[test]
fn the_log_is_synced_before_the_checkpoint() {
    let folder = folder();
    let path = folder.path().join("store");
    let disk = TestDisk::recording(&path);
    let log = open(&path, LogOptions { medium: Arc::new(disk.clone()), ..options() });
    for number in 0..1500u32 {
        put(&*log, &format!("key-{number:05}"), &[1; 1000]);
    }
    log.compact().unwrap();
    let events = disk.events();
    let place = |found: &dyn Fn(&Event) -> bool| {
        events.iter().position(|(event, _)| found(event)).expect("it happened")
    };
    let renamed = place(&|event| matches!(event, Event::Rename(_, to) if to == "checkpoint"));
    let mut unsynced = std::collections::BTreeSet::new();
    for (event, _) in &events[..renamed] {
        match event {
            Event::Write(id, ..) => drop(unsynced.insert(*id)),
            Event::Sync(id) => drop(unsynced.remove(id)),
            _ => {}
        }
    }
    let page = place(&|event| matches!(event, Event::Create(name, _) if name == "page"));
    let Event::Create(_, page) = events[page].0 else { panic!("the page was made") };
    unsynced.remove(&page);
    assert!(unsynced.is_empty(), "unsynced when the checkpoint came: {unsynced:?}");
}
