//! Every operation on the disk fails once, by EIO, ENOSPC or a short write, at every place of a
//! run: what was acknowledged stays, what failed says so by its code, and the store goes on, at the
//! latest after it was opened again. A failed sync ends the segment; async mode loses nothing by
//! it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use keepstate_core::store::log::LogOptions;
use keepstate_core::store::{Embedded, Mode, Op, Store, StoreExt};
use keepstate_core::Code;
use support::medium::*;
use support::*;

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// What each key may hold: the acknowledged value, and those of puts that failed since.
type Ledger = BTreeMap<String, Vec<Option<Vec<u8>>>>;

fn options(disk: &TestDisk, sync: bool) -> LogOptions {
    let base = if sync { quiet() } else { quiet_async() };
    LogOptions { segment_bytes: 2500, medium: Arc::new(disk.clone()), ..base }
}

/// A run that goes on whatever fails. Returns whether anything was told to have failed.
fn session(path: &Path, disk: &TestDisk, (sync, ledger): (bool, &mut Ledger)) -> usize {
    let mut failures = 0;
    let log = match try_open(path, options(disk, sync)) {
        Ok(log) => log,
        Err(error) => {
            let expected = [Code::Io, Code::DiskFull, Code::Corrupt];
            assert!(expected.contains(&error.code()), "{error:?}");
            return 1;
        }
    };
    for round in 0..12u8 {
        let key = format!("key-{}", round % 4);
        let value = vec![round; 100 + 60 * round as usize];
        let result = log.put_wait(&key, value.clone(), Mode::Overwrite);
        let slot = ledger.entry(key.clone()).or_insert_with(|| vec![None]);
        match result {
            Ok(_) => *slot = vec![Some(value)],
            Err(error) => {
                let expected = [Code::Io, Code::DiskFull];
                assert!(expected.contains(&error.code()), "{error:?}");
                failures += 1;
                // A failed sync leaves it open; a failed write is taken back.
                slot.push(Some(value));
            }
        }
        if let Ok(found) = log.get(&key, None) {
            let have = found.map(|found| found.value.to_vec());
            assert!(ledger[&key].contains(&have), "{key} reads {:?}", have.map(|v| v.len()));
        }
        if round == 5 {
            failures += usize::from(log.flush().is_err());
        }
        if round == 8 {
            failures += usize::from(log.compact().is_err());
        }
    }
    failures + usize::from(log.close().is_err())
}

fn check(path: &Path, ledger: &Ledger, what: &str) {
    let log = open(path, quiet());
    for (key, may) in ledger {
        let have = get(&*log, key);
        assert!(may.contains(&have), "{what}: {key} holds {:?} bytes", have.map(|v| v.len()));
    }
    assert_eq!(log.verify(&mut |_, _| ()).unwrap().len(), 0, "{what}: verify");
    put(&*log, "after", b"1");
}

/// Fails the `at`th call of a kind; false when there were not so many.
fn trial(sync: bool, call: Call, (at, fault): (usize, Fault)) -> bool {
    let folder = folder();
    let path = folder.path().join("store");
    let disk = TestDisk::default();
    let mut left = at;
    let hit = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = hit.clone();
    disk.decide(move |here, _| {
        if here != call {
            return None;
        }
        if left == 0 && !seen.swap(true, std::sync::atomic::Ordering::Relaxed) {
            return Some(fault);
        }
        left = left.saturating_sub(1);
        None
    });
    let mut ledger = Ledger::new();
    session(&path, &disk, (sync, &mut ledger));
    disk.behave();
    let what = format!("{call:?} {at} {fault:?} sync {sync}");
    check(&path, &ledger, &what);
    hit.load(std::sync::atomic::Ordering::Relaxed)
}

fn all_places(sync: bool) {
    let kinds = [
        (Call::Write, Fault::Error(EIO)),
        (Call::Write, Fault::Error(ENOSPC)),
        (Call::Write, Fault::Short(17, EIO)),
        (Call::Sync, Fault::Error(EIO)),
        (Call::Sync, Fault::Error(ENOSPC)),
        (Call::Open, Fault::Error(EIO)),
        (Call::Rename, Fault::Error(EIO)),
        (Call::SyncFolder, Fault::Error(EIO)),
        (Call::Truncate, Fault::Error(EIO)),
        (Call::Remove, Fault::Error(EIO)),
        (Call::Length, Fault::Error(EIO)),
        (Call::Reserve, Fault::Error(ENOSPC)),
        (Call::Read, Fault::Error(EIO)),
        (Call::List, Fault::Error(EIO)),
    ];
    for (call, fault) in kinds {
        let mut at = 0;
        while trial(sync, call, (at, fault)) {
            at += 1;
            assert!(at < 500, "{call:?} never ends");
        }
    }
}

#[test]
fn every_call_fails_once_in_sync_mode() {
    all_places(true);
}

#[test]
fn every_call_fails_once_in_async_mode() {
    all_places(false);
}

#[test]
fn a_failed_sync_in_sync_mode_is_told_and_ends_the_segment() {
    let folder = folder();
    let disk = TestDisk::default();
    let big = LogOptions { medium: Arc::new(disk.clone()), ..quiet() };
    let log = open(folder.path(), big);
    put(&*log, "before", b"1");
    std::thread::sleep(std::time::Duration::from_millis(30));
    let mut failed = false;
    disk.decide(move |call, path| {
        let segment = path.extension().is_some_and(|e| e == "log");
        (call == Call::Sync && segment && !std::mem::replace(&mut failed, true))
            .then_some(Fault::Error(EIO))
    });
    let failed = log.put_wait("lost", b"2".to_vec(), Mode::Overwrite);
    assert_eq!(code(failed), Code::Io);
    assert_eq!(get(&*log, "lost"), None);
    put(&*log, "after", b"3");
    assert!(folder.path().join("00000002.log").exists());
    log.close().unwrap();
    let log = open(folder.path(), quiet());
    let keys: Vec<_> = all(&*log).into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, ["after", "before"]);
}

#[test]
fn a_failed_sync_in_async_mode_loses_nothing() {
    let folder = folder();
    let disk = TestDisk::default();
    let log = open(folder.path(), LogOptions { medium: Arc::new(disk.clone()), ..quiet_async() });
    let other = open(folder.path(), quiet_async());
    for number in 0..20 {
        put(&*log, &format!("key-{number:02}"), &[number; 50]);
    }
    log.delete_wait("key-07", None).unwrap();
    assert_eq!(all(&*other).len(), 19);
    let mut times = 0;
    disk.decide(move |call, path| {
        let segment = path.extension().is_some_and(|e| e == "log");
        times += usize::from(call == Call::Sync && segment);
        (call == Call::Sync && segment && times == 1).then_some(Fault::Error(EIO))
    });
    assert_eq!(code(log.flush()), Code::Io);
    assert_eq!(all(&*log).len(), 19);
    assert_eq!(all(&*other).len(), 19);
    put(&*log, "key-20", b"more");
    put(&*other, "key-21", b"more");
    log.flush().unwrap();
    assert_eq!(all(&*log), all(&*other));
    assert!(folder.path().join("00000002.log").exists());
    drop((log, other));
    let log = open(folder.path(), quiet());
    assert_eq!(all(&*log).len(), 21);
    assert_eq!(log.verify(&mut |_, _| ()).unwrap().len(), 0);
}

#[test]
fn a_full_disk_refuses_puts_and_lets_deletes_through() {
    let folder = folder();
    let disk = TestDisk::default();
    let log = open(folder.path(), LogOptions { medium: Arc::new(disk.clone()), ..quiet_async() });
    for number in 0..50 {
        put(&*log, &format!("key-{number:02}"), &[number; 1000]);
    }
    // What is reserved may be written; no more is given.
    disk.decide(|call, _| (call == Call::Reserve).then_some(Fault::Error(ENOSPC)));
    let put = |number| log.put_wait(&format!("more-{number:04}"), vec![1; 1000], Mode::Overwrite);
    let results = (0..2000).map(|number| (number, put(number)));
    let mut refused = results.filter_map(|(number, result)| Some((number, result.err()?)));
    let (number, error) = refused.next().expect("the disk is full at some time");
    assert_eq!(error.code(), Code::DiskFull);
    assert_eq!(get(&*log, &format!("more-{number:04}")), None);
    for number in 0..50 {
        log.delete_wait(&format!("key-{number:02}"), None).unwrap();
    }
    let check = Op::Check { key: "key-00".into(), version: None };
    log.commit_wait(vec![check]).unwrap();
    log.close().unwrap();
    let log = open(folder.path(), quiet());
    assert_eq!(all(&*log).len(), number);
}

#[test]
fn a_write_that_failed_is_undone() {
    let folder = folder();
    let disk = TestDisk::default();
    let log = open(folder.path(), LogOptions { medium: Arc::new(disk.clone()), ..quiet_async() });
    put(&*log, "before", b"1");
    // The first frame of the group is written as a whole, the second one is not.
    let mut writes = 0;
    disk.decide(move |call, path| {
        let segment = path.extension().is_some_and(|e| e == "log");
        writes += usize::from(call == Call::Write && segment);
        match (call, writes) {
            (Call::Write, 1) if segment => Some(Fault::Short(1100, EIO)),
            (Call::Write, 2) if segment => Some(Fault::Error(ENOSPC)),
            _ => None,
        }
    });
    let (sender, receiver) = std::sync::mpsc::channel();
    let commit = |key: &str| {
        let value = vec![7; 1000].into();
        let op = Op::Put { key: key.into(), value, mode: Mode::Overwrite, ttl: None };
        let sender = sender.clone();
        let done = Box::new(move |result| sender.send(result).unwrap());
        keepstate_core::store::Commit { ops: vec![op], done }
    };
    log.commit(vec![commit("first"), commit("second")]);
    for _ in 0..2 {
        assert_eq!(code(receiver.recv().unwrap()), Code::DiskFull);
    }
    disk.behave();
    // As another process would find it: nothing was written since.
    let other = open(folder.path(), quiet_async());
    assert_eq!(all(&*other), vec![("before".to_owned(), b"1".to_vec())]);
    drop(log);
}
