//! Processes that write one folder at once lose nothing, and of several creators one wins.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dir;

use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use dir::{child, code, keys, open_fast, role, this_program, value};
use keepstate_core::clock::{Clock, SystemClock};
use keepstate_core::store::dir::{DirOptions, DirStore};
use keepstate_core::store::{Mode, StoreExt};
use keepstate_core::{Code, Result};

const CHILDREN: u64 = 3;
const ROUNDS: u64 = 60;

fn number(value: &[u8]) -> u64 {
    std::str::from_utf8(value).unwrap().parse().unwrap()
}

#[test]
fn counts_and_creates() {
    let Some(folder) = role() else { return };
    let store = open_fast(&folder);
    for round in 0..ROUNDS {
        loop {
            let found =
                keepstate_core::store::Store::get(&store, "counter", None).unwrap().unwrap();
            let next = (number(&found.value) + 1).to_string();
            match store.put_wait("counter", next, Mode::IfVersion(found.version)) {
                Ok(_) => break,
                Err(error) => assert_eq!(error.code(), Code::Conflict, "{error}"),
            }
        }
        match store.put_wait(&format!("once/{round}/x"), vec![1], Mode::Create) {
            Ok(_) => println!("won {round}"),
            Err(error) => assert_eq!(error.code(), Code::Conflict, "{error}"),
        }
        // A folder that one empties is the folder that another puts into.
        let own = format!("busy/{}", std::process::id() % 3);
        store.put_wait(&own, vec![1], Mode::Overwrite).unwrap();
        store.delete_wait(&own, None).unwrap();
    }
}

#[test]
fn processes_lose_nothing_and_one_creator_wins() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_fast(folder.path());
    store.put_wait("counter", "0", Mode::Overwrite).unwrap();
    let children: Vec<_> = (0..CHILDREN)
        .map(|_| child(&this_program(), "counts_and_creates", folder.path()))
        .map(|mut command| command.stdout(Stdio::piped()).spawn().unwrap())
        .collect();
    let mut wins = 0;
    for process in children {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success(), "a child failed");
        wins += String::from_utf8(output.stdout).unwrap().matches("won ").count();
    }
    assert_eq!(number(&value(&store, "counter").unwrap()), CHILDREN * ROUNDS);
    assert_eq!(wins as u64, ROUNDS, "each key was created once");
    assert_eq!(keys(&store).len() as u64, ROUNDS + 1);
}

/// Does not wait, so that patience ends at once.
struct Hasty;

impl Clock for Hasty {
    fn now(&self) -> u64 {
        SystemClock.now()
    }

    fn random(&self, buffer: &mut [u8]) -> Result<()> {
        SystemClock.random(buffer)
    }

    fn sleep(&self, _: Duration) {}
}

fn lock(path: &Path) -> File {
    let file = File::options().read(true).write(true).open(path).unwrap();
    let mut range: libc::flock = unsafe { std::mem::zeroed() };
    range.l_type = libc::F_WRLCK as _;
    range.l_len = 1;
    let locked = unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &range) };
    assert_eq!(locked, 0, "the lock is free");
    file
}

#[test]
fn a_lock_that_is_held_for_ever_is_a_named_error() {
    let folder = tempfile::tempdir().unwrap();
    let store =
        DirStore::open(folder.path(), DirOptions::default(), Arc::new(Hasty)).expect("it opens");
    store.put_wait("a", vec![1], Mode::Overwrite).unwrap();
    let held = lock(&folder.path().join(".keepstate/lock"));
    assert_eq!(code(store.put_wait("a", vec![2], Mode::Overwrite)), Code::Locked);
    assert_eq!(code(store.delete_wait("a", None)), Code::Locked);
    assert_eq!(value(&store, "a"), Some(vec![1]), "readers need no lock");
    drop(held);
    store.put_wait("a", vec![2], Mode::Overwrite).expect("the lock is free again");
}

#[test]
fn a_lock_file_that_was_removed_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let store =
        DirStore::open(folder.path(), DirOptions::default(), Arc::new(Hasty)).expect("it opens");
    store.put_wait("a", vec![1], Mode::Overwrite).unwrap();
    std::fs::remove_file(folder.path().join(".keepstate/lock")).unwrap();
    let other = open_fast(folder.path());
    other.put_wait("b", vec![1], Mode::Overwrite).unwrap();
    let _held = lock(&folder.path().join(".keepstate/lock"));
    assert_eq!(code(store.put_wait("a", vec![2], Mode::Overwrite)), Code::Locked);
}
