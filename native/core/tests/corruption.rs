//! Every byte of every file of a small repository with everything in it is flipped, and every file
//! cut at every length: each state, file and sealed value is exactly what was saved or a named
//! error, in the log and in plain folders. Never other bytes, never a panic, never a hang.
//!
//!     KEEPSTATE_LONG=1   every bit of every byte and every length (else one bit, every third one)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod repository;
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use keepstate_core::clock::SystemClock;
use keepstate_core::store::dir::{DirOptions, DirStore};
use keepstate_core::store::log::{Log, LogOptions};
use keepstate_core::store::{Embedded, Mode, Store, StoreExt};
use keepstate_core::{Code, Error, Result};
use repository::{fill, is_named, Repository, Seen, LINES};
use support::{folder, quiet};

/// The longest that one look may take.
const PATIENCE: Duration = Duration::from_secs(20);

type Files = BTreeMap<String, Vec<u8>>;

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Log,
    /// A log whose first segment is large, so that it has a checkpoint.
    Checkpoint,
    Dir,
}

fn options() -> LogOptions {
    LogOptions { segment_bytes: 3000, ..quiet() }
}

fn open(kind: Kind, path: &Path, read_only: bool) -> Result<Arc<dyn Store>> {
    if kind == Kind::Dir {
        let options = DirOptions { create: false, sync: false, ..DirOptions::default() };
        return Ok(Arc::new(DirStore::open(path, options, Arc::new(SystemClock))?));
    }
    let options = LogOptions { create: false, read_only, ..options() };
    Ok(Log::open(path, options, Arc::new(SystemClock))?)
}

/// A closed repository.
fn make(kind: Kind) -> (Files, Repository) {
    let folder = folder();
    if kind == Kind::Dir {
        let options = DirOptions { shards: Some(2), sync: false, ..DirOptions::default() };
        let store = DirStore::open(folder.path(), options, Arc::new(SystemClock)).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let repository = fill(&store);
        store.close().unwrap();
        return (files(folder.path()), repository);
    }
    let log = Log::open(folder.path(), options(), Arc::new(SystemClock)).unwrap();
    if kind == Kind::Checkpoint {
        log.put_wait("large", vec![5; 1_100_000], Mode::Create).unwrap();
    }
    let store: Arc<dyn Store> = log.clone();
    let repository = fill(&store);
    log.compact().unwrap();
    // Behind the checkpoint, and in another segment.
    log.put_wait("other/last", vec![9; 100], Mode::Create).unwrap();
    log.close().unwrap();
    (files(folder.path()), repository)
}

fn files(path: &Path) -> Files {
    let mut all = Files::new();
    let mut ways = vec![path.to_path_buf()];
    while let Some(way) = ways.pop() {
        for entry in std::fs::read_dir(&way).unwrap().map(|entry| entry.unwrap().path()) {
            match entry.is_dir() {
                true => ways.push(entry),
                false => {
                    let name = entry.strip_prefix(path).unwrap().to_str().unwrap().to_owned();
                    all.insert(name, std::fs::read(&entry).unwrap());
                }
            }
        }
    }
    all
}

fn write(path: &Path, name: &str, bytes: &[u8]) {
    let file = path.join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, bytes).unwrap();
}

/// What is done to a file.
#[derive(Debug, Clone, Copy)]
enum Damage {
    Flip(usize, u8),
    Cut(usize),
}

impl Damage {
    fn of(self, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        match self {
            Damage::Flip(at, mask) => bytes[at] ^= mask,
            Damage::Cut(length) => bytes.truncate(length),
        }
        bytes
    }
}

/// All that is done to a file of this length; every byte, or one of so many.
fn damages(length: usize, (long, step): (bool, usize)) -> Vec<Damage> {
    let mut all = Vec::new();
    for at in (0..length).step_by(step) {
        match long {
            true => all.extend((0..8).map(|bit| Damage::Flip(at, 1 << bit))),
            false => all.push(Damage::Flip(at, 1 << (at % 8))),
        }
        if long || at % 3 == 0 {
            all.push(Damage::Cut(at));
        }
    }
    all
}

/// Opens what is there and looks at everything.
fn look(kind: Kind, path: &Path, (repository, what): (&Repository, &str)) -> Seen {
    let read_only = what.len() % 2 == 1;
    match open(kind, path, read_only) {
        Ok(store) => {
            let seen = look_into(kind, &store, (repository, what));
            // Closing writes, and so may meet the damage.
            if let Err(error) = store.close() {
                named(&error, what);
            }
            seen
        }
        Err(error) => {
            named(&error, what);
            Seen { exact: 0, named: 1 }
        }
    }
}

/// What a file of plain folders holds is one key's: only its timeline can have changed, and a fork
/// of it.
fn look_into(kind: Kind, store: &Arc<dyn Store>, at: (&Repository, &str)) -> Seen {
    let (repository, what) = at;
    let own = LINES.iter().find(|session| what.contains(&format!("/agent/{session}/")));
    let Some(session) = own.filter(|_| kind == Kind::Dir && !long()) else {
        return repository.look(store, what);
    };
    let mut seen = Seen::default();
    repository.look_at(store, session, (what, &mut seen));
    if *session == "run" {
        repository.look_at(store, "forked", (what, &mut seen));
    }
    seen
}

fn long() -> bool {
    std::env::var("KEEPSTATE_LONG").is_ok()
}

fn named(error: &Error, what: &str) {
    assert!(is_named(error) || error.code() == Code::NotFound, "{what}: {error:?}");
}

/// All the damage that is to be done, shared by the threads.
struct Campaign {
    kind: Kind,
    files: Files,
    repository: Repository,
    work: Vec<(String, Damage)>,
    next: AtomicUsize,
    total: Mutex<Seen>,
}

impl Campaign {
    fn new(kind: Kind) -> Campaign {
        let long = long();
        let (files, repository) = make(kind);
        let each = |(name, bytes): (&String, &Vec<u8>)| {
            let (name, length) = (name.clone(), bytes.len());
            // What the others hold is held by the log without a checkpoint too.
            let rest = kind == Kind::Checkpoint && name != "checkpoint";
            let step = match rest {
                _ if length > 100_000 => length / if long { 4000 } else { 100 },
                true if !long => 17,
                _ => 1,
            };
            damages(length, (long, step)).into_iter().map(move |damage| (name.clone(), damage))
        };
        let work = files.iter().flat_map(each).collect();
        let total = Mutex::default();
        Campaign { kind, files, repository, work, next: AtomicUsize::new(0), total }
    }

    fn run(&self, name: &str) -> Seen {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            let threads = std::thread::available_parallelism().map_or(2, usize::from);
            (0..threads).for_each(|_| drop(scope.spawn(|| self.work())));
        });
        let seen = std::mem::take(&mut *self.total.lock().unwrap());
        let bytes: usize = self.files.values().map(Vec::len).sum();
        println!(
            "corruption of {name}: {} files, {bytes} bytes, {} damages, {} times exact, {} times \
             a named error, {:.0} s",
            self.files.len(),
            self.work.len(),
            seen.exact,
            seen.named,
            begun.elapsed().as_secs_f64()
        );
        seen
    }

    fn work(&self) {
        let folder = folder();
        let mut before = String::new();
        while let Some((name, damage)) = self.work.get(self.next.fetch_add(1, Ordering::Relaxed)) {
            let begun = Instant::now();
            self.restore(folder.path(), &before);
            write(folder.path(), name, &damage.of(&self.files[name]));
            before.clone_from(name);
            let what = format!("{name}, {damage:?}");
            let seen = look(self.kind, folder.path(), (&self.repository, &what));
            assert!(begun.elapsed() < PATIENCE, "{what} took {:?}", begun.elapsed());
            let mut total = self.total.lock().unwrap();
            total.exact += seen.exact;
            total.named += seen.named;
        }
    }

    /// Makes the folder what it was before that file was damaged. Looking into plain folders
    /// changes nothing; a log may have been written to.
    fn restore(&self, path: &Path, damaged: &str) {
        if self.kind == Kind::Dir {
            match self.files.get(damaged) {
                Some(bytes) => return write(path, damaged, bytes),
                None => return self.files.iter().for_each(|(name, all)| write(path, name, all)),
            }
        }
        let _ = std::fs::remove_dir_all(path);
        self.files.iter().for_each(|(name, bytes)| write(path, name, bytes));
    }
}

#[test]
fn a_log() {
    let campaign = Campaign::new(Kind::Log);
    let segments = campaign.files.keys().filter(|name| name.ends_with(".log")).count();
    assert!(segments >= 2, "{:?}", campaign.files.keys());
    let seen = campaign.run("a log");
    assert!(seen.named > 1000 && seen.exact > 1000, "{seen:?}");
}

#[test]
fn a_log_with_a_checkpoint() {
    let campaign = Campaign::new(Kind::Checkpoint);
    assert!(campaign.files.contains_key("checkpoint"), "{:?}", campaign.files.keys());
    campaign.run("a log with a checkpoint");
}

#[test]
fn plain_folders() {
    let seen = Campaign::new(Kind::Dir).run("plain folders");
    assert!(seen.named > 1000 && seen.exact > 1000, "{seen:?}");
}

#[test]
fn nothing_is_called_damage_where_there_is_none() {
    for kind in [Kind::Log, Kind::Checkpoint, Kind::Dir] {
        let (files, repository) = make(kind);
        let folder = folder();
        files.iter().for_each(|(name, bytes)| write(folder.path(), name, bytes));
        let seen = look(kind, folder.path(), (&repository, "nothing"));
        assert_eq!(seen.named, 0);
        assert!(seen.exact > 30, "{seen:?}");
    }
}

#[test]
fn no_byte_of_a_small_file_or_a_header_is_without_a_check() {
    let (files, _) = make(Kind::Log);
    let folder = folder();
    for (name, bytes) in &files {
        let length = match name.as_str() {
            "KEEPSTATE" | "catalog" => bytes.len(),
            name if name.ends_with(".log") => 64,
            _ => continue,
        };
        for at in 0..length {
            files.iter().for_each(|(name, bytes)| write(folder.path(), name, bytes));
            write(folder.path(), name, &Damage::Flip(at, 1 << (at % 8)).of(bytes));
            let opened = open(Kind::Log, folder.path(), true);
            assert!(opened.is_err(), "byte {at} of {name} was not looked at");
        }
    }
}

#[test]
fn values_are_checked_when_they_are_read() {
    let (files, repository) = make(Kind::Checkpoint);
    let (folder, mut named) = (folder(), 0);
    // What the checkpoint covers is read only when it is asked for.
    for (name, bytes) in files.iter().filter(|(name, _)| name.ends_with(".log")) {
        let from = if bytes.len() > 100_000 { bytes.len() - 500 } else { 64 };
        for at in (from..bytes.len()).step_by(61) {
            files.iter().for_each(|(name, bytes)| write(folder.path(), name, bytes));
            write(folder.path(), name, &Damage::Flip(at, 4).of(bytes));
            let Ok(store) = open(Kind::Checkpoint, folder.path(), true) else { continue };
            let got = store.list(&Default::default()).unwrap();
            let broken = got.iter().filter(|entry| store.get(&entry.key, None).is_err()).count();
            named += usize::from(broken == 1);
            repository.look(&store, &format!("byte {at} of {name}"));
        }
    }
    assert!(named > 10, "only {named} values were found damaged");
}
