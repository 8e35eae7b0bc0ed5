//! A script with every operation of a store and of timelines, over the log and over plain folders,
//! in which the Nth call to the system fails: EIO, a full disk, a short write; for every N until
//! none is left. What was acknowledged is there afterwards, exactly; what failed said so by its
//! name; the store opens again and goes on.
//!
//!     KEEPSTATE_LONG=1   from each call on all fail, too, until the store is opened again
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod repository;
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;
use std::time::Instant;

use keepstate_core::clock::SystemClock;
use keepstate_core::error::{Code, Error, Result};
use keepstate_core::store::dir::{DirOptions, DirStore};
use keepstate_core::store::log::{Log, LogOptions};
use keepstate_core::store::{Embedded, Mode, Op, StoreExt};
use keepstate_core::testing::{faults, Call as DirCall};
use keepstate_core::timeline::{At, Change, Meta, Page};
use repository::Kept;
use support::medium::{Call as LogCall, Fault as LogFault, TestDisk};
use support::{folder, quiet, quiet_async};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

type Opened = Result<Arc<dyn Embedded>>;

/// A store that can be opened again and again, on a disk that can be told to fail.
trait Ground {
    /// Opens it.
    fn open(&self) -> Opened;
    /// Its `at`th call of the kind fails from now on: once, or it and all that follow.
    fn fail(&self, at: usize, lasting: bool);
    /// Nothing fails any more. Whether anything did.
    fn behave(&self) -> bool;
}

struct OnLog {
    path: PathBuf,
    disk: TestDisk,
    fault: (LogCall, LogFault),
    asynchronous: bool,
    hits: Arc<AtomicUsize>,
}

impl Ground for OnLog {
    fn open(&self) -> Opened {
        let base = if self.asynchronous { quiet_async() } else { quiet() };
        let options =
            LogOptions { segment_bytes: 4000, medium: Arc::new(self.disk.clone()), ..base };
        Ok(Log::open(&self.path, options, Arc::new(SystemClock))?)
    }

    fn fail(&self, at: usize, lasting: bool) {
        let (mut decide, (call, fault)) = (counted(at, lasting, &self.hits), self.fault);
        self.disk.decide(move |here, _| (here == call && decide()).then_some(fault));
    }

    fn behave(&self) -> bool {
        self.disk.behave();
        self.hits.load(Ordering::Relaxed) > 0
    }
}

struct OnDir {
    path: PathBuf,
    fault: (DirCall, faults::Fault),
    sync: bool,
    hits: Arc<AtomicUsize>,
}

impl Ground for OnDir {
    fn open(&self) -> Opened {
        let options =
            DirOptions { shards: Some(2), backups: 1, sync: self.sync, ..DirOptions::default() };
        Ok(Arc::new(DirStore::open(&self.path, options, Arc::new(SystemClock))?))
    }

    fn fail(&self, at: usize, lasting: bool) {
        let (mut decide, (call, fault)) = (counted(at, lasting, &self.hits), self.fault);
        faults::arm(move |here| (here == call && decide()).then_some(fault));
    }

    fn behave(&self) -> bool {
        faults::disarm();
        self.hits.load(Ordering::Relaxed) > 0
    }
}

/// True at the `at`th time, and at all later ones where it lasts.
fn counted(at: usize, lasting: bool, hits: &Arc<AtomicUsize>) -> impl FnMut() -> bool + Send {
    let (mut seen, hits) = (0, hits.clone());
    move || {
        let hit = seen == at || (lasting && seen > at);
        seen += 1;
        hits.fetch_add(usize::from(hit), Ordering::Relaxed);
        hit
    }
}

/// What was told, and so must be so.
#[derive(Default)]
struct Ledger {
    /// What each key may hold: the acknowledged value, and those of writes that failed since.
    keys: BTreeMap<String, Vec<Option<Vec<u8>>>>,
    /// The acknowledged saves of a timeline.
    saved: BTreeMap<u64, Vec<u8>>,
    /// The same of one that is deleted on the way; it may be gone from then on.
    doomed: BTreeMap<u64, Vec<u8>>,
    deleted: bool,
    failures: usize,
}

impl Ledger {
    fn wrote(&mut self, key: &str, value: Option<Vec<u8>>, result: Result<()>) {
        let slot = self.keys.entry(key.to_owned()).or_insert_with(|| vec![None]);
        match result {
            Ok(()) => *slot = vec![value],
            Err(error) => {
                self.failures += 1;
                named(&error);
                slot.push(value);
            }
        }
    }

    fn tell(&mut self, result: Result<()>) {
        if let Err(error) = result {
            self.failures += 1;
            named(&error);
        }
    }
}

/// What a disk that fails may make of a call.
fn named(error: &Error) {
    let expected = [
        Code::Io,
        Code::DiskFull,
        Code::Unavailable,
        // After a write that failed for one of these reasons.
        Code::Conflict,
        Code::Corrupt,
        Code::NotFound,
    ];
    assert!(expected.contains(&error.code()), "{error:?}");
}

/// Keys: created, replaced, replaced on a condition, deleted, in a batch.
fn write_keys(store: &Arc<dyn Embedded>, ledger: &mut Ledger) {
    for round in 0..4u8 {
        let key = format!("k/{}", round % 2);
        let value = vec![round; 40 + 300 * round as usize];
        let version = store.get(&key, None).ok().flatten().map(|found| found.version);
        let mode = match version {
            Some(version) if round == 3 => Mode::IfVersion(version),
            _ => Mode::Overwrite,
        };
        let result = store.put_wait(&key, value.clone(), mode).map(drop);
        ledger.wrote(&key, Some(value), result);
        if let Ok(found) = store.get(&key, None) {
            let have = found.map(|found| found.value.to_vec());
            assert!(ledger.keys[&key].contains(&have), "{key} reads {:?}", have.map(|v| v.len()));
        }
    }
    let result = store.delete_wait("k/0", None);
    ledger.wrote("k/0", None, result);
    if store.supports().commit {
        let put = |key: &str| Op::Put {
            key: key.into(),
            value: vec![7; 50].into(),
            mode: Mode::Overwrite,
            ttl: None,
        };
        let result = store.commit_wait(vec![put("b/1"), put("b/2")]).map(drop);
        let ok = result.is_ok();
        ledger.wrote("b/1", Some(vec![7; 50]), result);
        let again = if ok { Ok(()) } else { Err(Error::new(Code::Io, "As before.")) };
        ledger.wrote("b/2", Some(vec![7; 50]), again);
    }
}

/// Saves, and looks at what is there.
fn save(store: &Arc<dyn Embedded>, session: &str, (from, upto): (u8, u8)) -> (usize, Vec<Saved>) {
    let store: Arc<dyn keepstate_core::store::Store> = store.clone();
    let kept = Kept::open(&store, session);
    let (mut failures, mut saved) = (0, Vec::new());
    for step in from..upto {
        let state = vec![step; 60 + 90 * step as usize];
        match kept.save(Change::Whole(state.clone().into()), Meta::default()) {
            Ok(snapshot) => saved.push((snapshot.sequence, state)),
            Err(error) => {
                named(&error);
                failures += 1;
                // After a conflict with what it is not sure of, a writer must look.
                let _ = kept.restore(At::Latest);
            }
        }
    }
    for (sequence, state) in &saved {
        match kept.restore(At::Sequence(*sequence)) {
            Ok(bytes) => assert!(bytes == *state, "{session}@{sequence} is something else"),
            Err(error) => named(&error),
        }
    }
    let page = Page { limit: Some(100), ..Page::default() };
    failures += usize::from(kept.run(kept.timeline.list(page)).is_err());
    (failures, saved)
}

type Saved = (u64, Vec<u8>);

/// Everything, whatever fails.
fn script(ground: &dyn Ground, ledger: &mut Ledger) {
    for visit in 0..2u8 {
        let store = match ground.open() {
            Ok(store) => store,
            Err(error) => {
                ledger.failures += 1;
                return named(&error);
            }
        };
        write_keys(&store, ledger);
        let (failures, saved) = save(&store, "run", (5 * visit, 5 * visit + 4));
        ledger.failures += failures;
        ledger.saved.extend(saved);
        ledger.tell(store.flush());
        ledger.tell(store.compact());
        let (failures, doomed) = save(&store, "doomed", (0, 2));
        ledger.failures += failures;
        ledger.doomed.extend(doomed);
        if visit == 1 {
            let shared: Arc<dyn keepstate_core::store::Store> = store.clone();
            let kept = Kept::open(&shared, "doomed");
            ledger.deleted = true;
            ledger.tell(kept.run(kept.timeline.delete()).map(drop));
        }
        ledger.failures += usize::from(store.verify(&mut |_, _| ()).is_err());
        ledger.tell(store.close());
    }
}

/// Opens it without faults: all that was acknowledged is there, and the store goes on.
fn check(ground: &dyn Ground, ledger: &Ledger, what: &str) {
    let store = ground.open().unwrap_or_else(|error| panic!("{what}: it does not open: {error:?}"));
    for (key, may) in &ledger.keys {
        let have = store.get(key, None).unwrap().map(|found| found.value.to_vec());
        assert!(may.contains(&have), "{what}: {key} holds {:?} bytes", have.map(|v| v.len()));
    }
    let shared: Arc<dyn keepstate_core::store::Store> = store.clone();
    for (session, saved) in [("run", &ledger.saved), ("doomed", &ledger.doomed)] {
        let kept = Kept::open(&shared, session);
        for (sequence, state) in saved {
            match kept.restore(At::Sequence(*sequence)) {
                Ok(bytes) => assert!(bytes == *state, "{what}: {session}@{sequence} differs"),
                Err(error) => {
                    let gone = session == "doomed" && ledger.deleted;
                    let told = gone && error.code() == Code::NotFound;
                    assert!(told, "{what}: {session}@{sequence} is lost: {error:?}");
                }
            }
        }
        let report = kept.run(kept.timeline.verify()).unwrap();
        assert!(report.problems.is_empty(), "{what}: {session}: {:?}", report.problems);
        let last = kept.save(Change::Whole(b"one more".to_vec().into()), Meta::default());
        let last = last.unwrap_or_else(|error| panic!("{what}: no save any more: {error:?}"));
        assert!(saved.keys().all(|sequence| *sequence < last.sequence), "{what}: a number again");
        assert_eq!(kept.restore(At::Latest).unwrap(), b"one more", "{what}");
    }
    let damage = store.verify(&mut |_, _| ()).unwrap();
    assert!(damage.is_empty(), "{what}: {damage:?}");
    store.close().unwrap();
}

/// Fails each call of a kind, one after another. How many there were.
fn every(make: &dyn Fn(&Path) -> Box<dyn Ground>, lasting: bool, what: &str) -> usize {
    for at in 0.. {
        let folder = folder();
        let ground = make(&folder.path().join("store"));
        let mut ledger = Ledger::default();
        ground.fail(at, lasting);
        script(&*ground, &mut ledger);
        if !ground.behave() {
            assert_eq!(ledger.failures, 0, "{what}: something failed without a fault");
            assert!(!ledger.saved.is_empty() && ledger.saved.len() == 8, "{:?}", ledger.saved);
            check(&*ground, &ledger, what);
            return at;
        }
        check(&*ground, &ledger, &format!("{what}, call {at}, lasting {lasting}"));
    }
    unreachable!()
}

/// Once, and in the long form lasting too.
fn both(make: &dyn Fn(&Path) -> Box<dyn Ground>, what: &str) -> usize {
    every(make, false, what) + if long() { every(make, true, what) } else { 0 }
}

fn long() -> bool {
    std::env::var("KEEPSTATE_LONG").is_ok()
}

fn log(asynchronous: bool) -> usize {
    use LogCall::*;
    let kinds = [
        (Write, LogFault::Error(EIO)),
        (Write, LogFault::Error(ENOSPC)),
        (Write, LogFault::Short(17, EIO)),
        (Write, LogFault::Short(40, ENOSPC)),
        (Sync, LogFault::Error(EIO)),
        (Open, LogFault::Error(EIO)),
        (Rename, LogFault::Error(EIO)),
        (SyncFolder, LogFault::Error(EIO)),
        (Truncate, LogFault::Error(EIO)),
        (Remove, LogFault::Error(EIO)),
        (Length, LogFault::Error(EIO)),
        (Reserve, LogFault::Error(ENOSPC)),
        (Read, LogFault::Error(EIO)),
        (List, LogFault::Error(EIO)),
        (Folder, LogFault::Error(ENOSPC)),
    ];
    let one = |fault: (LogCall, LogFault)| {
        let make = move |path: &Path| -> Box<dyn Ground> {
            let (path, disk, hits) = (path.into(), TestDisk::default(), Arc::default());
            Box::new(OnLog { path, disk, fault, asynchronous, hits })
        };
        both(&make, &format!("log, asynchronous {asynchronous}, {fault:?}"))
    };
    kinds.into_iter().map(one).sum()
}

fn dir(sync: bool) -> usize {
    use DirCall::*;
    let fault = |errno, written| faults::Fault { errno, written };
    let kinds = [
        (Write, fault(EIO, 0)),
        (Write, fault(ENOSPC, 0)),
        (Write, fault(ENOSPC, 17)),
        (Sync, fault(EIO, 0)),
        (Open, fault(EIO, 0)),
        (Folder, fault(ENOSPC, 0)),
        (Change, fault(EIO, 0)),
        (Look, fault(EIO, 0)),
        (List, fault(EIO, 0)),
        (Read, fault(EIO, 0)),
        (Rename, fault(EIO, 0)),
        (Rename, fault(ENOSPC, 0)),
        (Remove, fault(EIO, 0)),
        (Lock, fault(EIO, 0)),
    ];
    // What only reads does the same in both modes.
    let reads = [Open, Look, List, Read, Lock];
    let kinds = kinds.into_iter().filter(|(call, _)| sync || long() || !reads.contains(call));
    let one = |fault: (DirCall, faults::Fault)| {
        let make = move |path: &Path| -> Box<dyn Ground> {
            Box::new(OnDir { path: path.into(), fault, sync, hits: Arc::default() })
        };
        both(&make, &format!("plain folders, sync {sync}, {fault:?}"))
    };
    kinds.map(one).sum()
}

fn report(name: &str, run: impl FnOnce() -> usize) {
    let begun = Instant::now();
    let count = run();
    println!("faults in {name}: {count} calls failed, {:.0} s", begun.elapsed().as_secs_f64());
    assert!(count > 100, "only {count}");
}

#[test]
fn a_log_in_sync_mode() {
    report("a log, sync", || log(false));
}

#[test]
fn a_log_in_async_mode() {
    report("a log, async", || log(true));
}

#[test]
fn plain_folders_in_sync_mode() {
    report("plain folders, sync", || dir(true));
}

#[test]
fn plain_folders_in_async_mode() {
    report("plain folders, async", || dir(false));
}
