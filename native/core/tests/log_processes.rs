//! Several processes on one folder, in both durabilities, while segments roll and are compacted: no
//! commit is lost, compare-and-set holds between them, and a read sees whatever any of them had
//! acknowledged before it began.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::store::log::{Log, LogOptions};
use keepstate_core::store::{Embedded, Mode, Store, StoreExt};
use keepstate_core::Code;
use support::*;

const ROUNDS: u32 = 60;

fn options(name: &str) -> LogOptions {
    let base = if name.starts_with("sync") { quiet() } else { quiet_async() };
    LogOptions { segment_bytes: 24 << 10, maintenance: true, ..base }
}

/// Counts up a shared counter by compare-and-set; returns how often it took.
fn count_up(log: &Log) -> u32 {
    for tries in 1..10_000 {
        let (mode, next) = match log.get("counter", None).unwrap() {
            None => (Mode::Create, 1),
            Some(found) => {
                let text = std::str::from_utf8(&found.value).unwrap().to_string();
                (Mode::IfVersion(found.version), text.parse::<u32>().unwrap() + 1)
            }
        };
        match log.put_wait("counter", next.to_string().into_bytes(), mode) {
            Ok(_) => return tries,
            Err(error) => assert_eq!(error.code(), Code::Conflict, "{error:?}"),
        }
    }
    panic!("the counter never moved");
}

#[test]
fn child() {
    let Some((name, path)) = task() else { return };
    let log = open(&path, options(&name));
    for round in 0..ROUNDS {
        let key = format!("{name}/{round:03}");
        log.put_wait(&key, vec![round as u8; 300], Mode::Create).unwrap();
        // Overwritten by all of them, so that there is something to compact.
        put(&*log, "shared", &vec![round as u8; 2000]);
        println!("acknowledged {key}");
        count_up(&log);
    }
    log.close().unwrap();
}

fn follow(log: &Log, reader: &Log, name: &str, path: &Path) {
    let mut process = support::child(name, path);
    let lines = BufReader::new(process.stdout.take().unwrap()).lines();
    for line in lines.map(Result::unwrap) {
        let Some((_, key)) = line.split_once("acknowledged ") else { continue };
        let round: u8 = key.rsplit('/').next().unwrap().parse().unwrap();
        assert_eq!(get(log, key), Some(vec![round; 300]), "{key} was acknowledged");
        assert_eq!(get(reader, key), Some(vec![round; 300]), "{key}, read only");
    }
    assert!(process.wait().unwrap().success(), "{name} failed");
}

#[test]
fn all_of_them_write() {
    if task().is_some() {
        return;
    }
    let folder = folder();
    let path = folder.path().join("store");
    let log = open(&path, options("sync"));
    put(&*log, "first", b"1");
    let reader = open(&path, LogOptions { read_only: true, ..quiet() });
    let names = ["sync-1", "async-1", "sync-2"];
    std::thread::scope(|scope| {
        for name in names {
            let (log, reader, path) = (&log, &reader, &path);
            scope.spawn(move || follow(log, reader, name, path));
        }
    });
    let total = names.len() as u32 * ROUNDS;
    assert_eq!(get(&*log, "counter"), Some(total.to_string().into_bytes()));
    assert_eq!(all(&*log).len(), total as usize + 3);
    assert_eq!(all(&*log), all(&*reader));
    assert_eq!(log.verify(&mut |_, _| ()).unwrap().len(), 0);
    let data = all(&*log);
    drop((log, reader));
    assert_eq!(all(&*open(&path, quiet())), data);
}

#[test]
fn a_close_beside_others_is_seen_by_all() {
    if task().is_some() {
        return;
    }
    let folder = folder();
    let (one, two) = (open(folder.path(), quiet()), open(folder.path(), quiet()));
    let reader = open(folder.path(), LogOptions { read_only: true, ..quiet() });
    put(&*one, "a", b"1");
    assert_eq!(get(&*two, "a"), Some(b"1".to_vec()));
    // The close appends a mark, which the reader reads together with the put.
    one.close().unwrap();
    assert_eq!(get(&*reader, "a"), Some(b"1".to_vec()));
    put(&*two, "b", b"2");
    assert_eq!(get(&*reader, "b"), Some(b"2".to_vec()));
    two.close().unwrap();
    assert_eq!(all(&*reader), all(&*open(folder.path(), quiet())));
}

#[test]
fn a_lock_that_is_held_too_long_is_locked() {
    if task().is_some() {
        return;
    }
    let folder = folder();
    let timeout = std::time::Duration::from_millis(50);
    let log = open(folder.path(), LogOptions { lock_timeout: timeout, ..quiet() });
    put(&*log, "a", b"1");
    // Another open file description, as another process would have.
    let lock = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open(folder.path().join("lock"))
        .unwrap();
    assert!(hold(&lock));
    let refused = log.put_wait("b", b"2".to_vec(), Mode::Overwrite);
    assert_eq!(code(refused), Code::Locked);
    assert_eq!(get(&*log, "a"), Some(b"1".to_vec()), "reading needs no lock");
    let opened = Log::open(
        folder.path(),
        LogOptions { lock_timeout: timeout, ..quiet() },
        Arc::new(SystemClock),
    );
    assert_eq!(code(opened.map(|_| ())), Code::Locked);
    drop(lock);
    put(&*log, "b", b"2");
}

#[allow(unsafe_code)]
fn hold(file: &std::fs::File) -> bool {
    use std::os::fd::AsRawFd;
    let lock =
        libc::flock { l_type: libc::F_WRLCK as _, l_whence: 0, l_start: 0, l_len: 1, l_pid: 0 };
    // SAFETY: a valid descriptor and a local that is only read.
    unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) == 0 }
}
