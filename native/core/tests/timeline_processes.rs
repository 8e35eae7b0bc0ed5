//! Several processes save to one timeline, and each to one of its own, in one folder, with packs and
//! forks beside them: each sequence has one winner, who alone was told of it; the others got a
//! CONFLICT; nothing that was acknowledged is lost.
//!
//!     KEEPSTATE_LONG=1   for a minute each (5 s in all)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod repository;
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keepstate_core::clock::SystemClock;
use keepstate_core::store::dir::{DirOptions, DirStore};
use keepstate_core::store::log::LogOptions;
use keepstate_core::store::Store;
use keepstate_core::timeline::{At, Change, Meta, Packing};
use keepstate_core::Code;
use repository::Kept;
use support::*;

const PROCESSES: usize = 3;

fn seconds() -> f64 {
    if std::env::var("KEEPSTATE_LONG").is_ok() {
        60.0
    } else {
        1.7
    }
}

fn open_kind(kind: &str, path: &Path) -> Arc<dyn Store> {
    if kind.starts_with("dir") {
        let options = DirOptions { sync: false, ..DirOptions::default() };
        return Arc::new(DirStore::open(path, options, Arc::new(SystemClock)).unwrap());
    }
    let base = if kind.starts_with("sync") { quiet() } else { quiet_async() };
    open(path, LogOptions { segment_bytes: 60 << 10, maintenance: true, ..base })
}

fn state(writer: &str, count: u64) -> Vec<u8> {
    format!("{{\"writer\":\"{writer}\",\"count\":{count}}}{}", "filler ".repeat(20)).into_bytes()
}

/// One save to the shared timeline: until it is the winner. Gives the sequence.
fn win(kept: &Kept, bytes: &[u8], refused: &mut u64) -> u64 {
    loop {
        let change = Change::Whole(bytes.to_vec().into());
        match kept.save(change, Meta::default()) {
            Ok(snapshot) => return snapshot.sequence,
            Err(error) => {
                assert_eq!(error.code(), Code::Conflict, "{error:?}");
                *refused += 1;
                let _ = kept.restore(At::Latest);
            }
        }
    }
}

#[test]
fn child() {
    let Some((name, path)) = task() else { return };
    let store = open_kind(&name, &path);
    let (shared, own) = (Kept::open(&store, "shared"), Kept::open(&store, &name));
    let (begun, mut count, mut refused) = (Instant::now(), 0, 0);
    let mut out = std::io::stdout();
    while begun.elapsed() < Duration::from_secs_f64(seconds()) {
        count += 1;
        let bytes = state(&name, count);
        let sequence = win(&shared, &bytes, &mut refused);
        let saved = own.save(Change::Whole(bytes.into()), Meta::default()).unwrap();
        assert_eq!(saved.sequence, count, "nobody else saves here");
        writeln!(out, "acknowledged {sequence} {name} {count}").unwrap();
        if count % 50 == 0 {
            let packed = shared.run(shared.timeline.pack(Packing::default()));
            assert!(packed.map_or_else(|e| e.code() == Code::Conflict, |_| true));
        }
    }
    writeln!(out, "refused {refused}").unwrap();
    store.close().unwrap();
}

/// Who was told of which sequence, and how many saves were refused.
type Told = (BTreeMap<u64, (String, u64)>, u64);

fn follow(process: &mut std::process::Child) -> Told {
    let (mut told, mut refused) = (BTreeMap::new(), 0);
    for line in BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap) {
        if let Some((_, count)) = line.split_once("refused ") {
            refused = count.parse().unwrap();
        }
        let Some((_, rest)) = line.split_once("acknowledged ") else { continue };
        let parts: Vec<&str> = rest.split(' ').collect();
        let before = told.insert(
            parts[0].parse().unwrap(),
            (parts[1].to_owned(), parts[2].parse::<u64>().unwrap()),
        );
        assert!(before.is_none(), "a sequence was acknowledged twice to one");
    }
    assert!(process.wait().unwrap().success());
    (told, refused)
}

fn campaign(kind: &str) {
    let folder = folder();
    let path = folder.path().join("store");
    open_kind(kind, &path).close().unwrap();
    let begun = Instant::now();
    let names: Vec<String> = (0..PROCESSES).map(|number| format!("{kind}-{number}")).collect();
    let mut processes: Vec<_> = names.iter().map(|name| support::child(name, &path)).collect();
    let mut winners: BTreeMap<u64, (String, u64)> = BTreeMap::new();
    let mut refused = 0;
    let all: Vec<Told> = std::thread::scope(|scope| {
        let threads: Vec<_> =
            processes.iter_mut().map(|process| scope.spawn(|| follow(process))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for (told, lost) in all {
        refused += lost;
        for (sequence, winner) in told {
            let other = winners.insert(sequence, winner.clone());
            assert!(other.is_none(), "{kind}: @{sequence} has two winners: {other:?}, {winner:?}");
        }
    }
    let store = open_kind(kind, &path);
    let shared = Kept::open(&store, "shared");
    for (sequence, (name, count)) in &winners {
        let bytes = shared.restore(At::Sequence(*sequence)).unwrap();
        assert!(bytes == state(name, *count), "{kind}: @{sequence} is not what was acknowledged");
    }
    for name in &names {
        let own = Kept::open(&store, name);
        let latest = own.run(own.timeline.show(At::Latest)).unwrap().sequence;
        let most = winners.values().filter(|(of, _)| of == name).map(|(_, count)| *count).max();
        assert_eq!(Some(latest), most, "{kind}: {name}");
        for sequence in 1..=latest {
            let bytes = own.restore(At::Sequence(sequence)).unwrap();
            assert!(bytes == state(name, sequence), "{kind}: {name}@{sequence}");
        }
    }
    let report = shared.run(shared.timeline.verify()).unwrap();
    assert!(report.problems.is_empty(), "{kind}: {:?}", report.problems);
    assert_eq!(report.snapshots, winners.len() as u64, "{kind}: one winner for each sequence");
    let (saves, seconds) = (winners.len(), begun.elapsed().as_secs_f64());
    println!(
        "processes, {kind}: {PROCESSES} processes, {saves} saves to one timeline, {refused} \
         refused, as many to others, {seconds:.0} s"
    );
    assert!(saves > 20 && refused > 0, "{kind}: nobody met anybody");
}

#[test]
fn all_of_them_save() {
    if task().is_none() {
        ["sync", "async", "dir"].into_iter().for_each(campaign);
    }
}
