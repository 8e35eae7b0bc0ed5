//! A writer that is killed at any moment leaves the old value or the new one, at least what it had
//! acknowledged, and nothing that is not swept later.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dir;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use dir::{child, keys, open_fast, role, this_program, value};
use keepstate_core::clock::{Clock, SystemClock};
use keepstate_core::store::dir::{DirOptions, DirStore};
use keepstate_core::store::{Mode, Store, StoreExt};
use keepstate_core::Result;

const KEYS: [&str; 2] = ["state.json", "deep/er/state"];

/// A value that shows its number and whether it is whole.
fn pattern(number: u64) -> Vec<u8> {
    let length = 1 + (number as usize * 7919) % 40_000;
    number.to_le_bytes().into_iter().cycle().take(8 * length).collect()
}

fn number_of(value: &[u8]) -> u64 {
    let number = u64::from_le_bytes(value[..8].try_into().unwrap());
    assert!(value == pattern(number), "a torn value of {} bytes", value.len());
    number
}

#[test]
fn writes_until_it_is_killed() {
    let Some(folder) = role() else { return };
    let store = open_fast(&folder);
    let first = value(&store, KEYS[0]).map_or(0, |value| number_of(&value)) + 1;
    for number in first.. {
        for key in KEYS {
            store.put_wait(key, pattern(number), Mode::Overwrite).unwrap();
        }
        println!("acknowledged {number}");
        std::io::stdout().flush().unwrap();
    }
}

/// Runs the writer for a while; the last number that it acknowledged.
fn write_and_kill(folder: &Path, time: Duration) -> u64 {
    let mut command = child(&this_program(), "writes_until_it_is_killed", folder);
    let mut writer = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(writer.stdout.take().unwrap()).lines();
    let mut read =
        || lines.find_map(|line| line.ok()?.strip_prefix("acknowledged ")?.parse::<u64>().ok());
    let mut last = read().expect("the writer begins");
    sleep(time);
    writer.kill().unwrap();
    while let Some(number) = read() {
        last = number;
    }
    writer.wait().unwrap();
    last
}

#[test]
fn a_killed_writer_leaves_whole_values() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..12 {
        let acknowledged =
            write_and_kill(folder.path(), Duration::from_micros(3_000 + round * 2_377));
        let store = open_fast(folder.path());
        for key in KEYS {
            let number = number_of(&value(&store, key).expect("it was acknowledged"));
            assert!(number == acknowledged || number == acknowledged + 1);
        }
        assert_eq!(keys(&store), [KEYS[1], KEYS[0]], "nothing else counts");
    }
}

struct Later;

impl Clock for Later {
    fn now(&self) -> u64 {
        SystemClock.now() + 2 * 3_600_000
    }

    fn random(&self, buffer: &mut [u8]) -> Result<()> {
        SystemClock.random(buffer)
    }

    fn sleep(&self, time: Duration) {
        SystemClock.sleep(time);
    }
}

#[test]
fn leftovers_of_dead_writers_are_swept_after_an_hour() {
    let folder = tempfile::tempdir().unwrap();
    let temporary = folder.path().join(".keepstate/tmp");
    let store = open_fast(folder.path());
    store.put_wait("a", vec![1], Mode::Overwrite).unwrap();
    store.close().unwrap();
    fs::write(temporary.join("leftover"), b"half of a val").unwrap();
    open_fast(folder.path());
    assert!(temporary.join("leftover").exists(), "its writer may still be at work");
    let options = DirOptions::default();
    let store = DirStore::open(folder.path(), options, Arc::new(Later)).unwrap();
    assert!(!temporary.join("leftover").exists(), "its writer is dead");
    assert_eq!(value(&store, "a"), Some(vec![1]));
}
