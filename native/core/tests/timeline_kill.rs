//! A process that saves a timeline, packs it and tags it is killed with SIGKILL, 200 times, over a
//! log in both durabilities and over plain folders: each snapshot that it was told of is there,
//! exactly; what it was not told of is there exactly, or not at all; and the timeline verifies.
//!
//!     KEEPSTATE_LONG=1   1,000 times
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod repository;
mod support;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use keepstate_core::clock::SystemClock;
use keepstate_core::store::dir::{DirOptions, DirStore};
use keepstate_core::store::log::LogOptions;
use keepstate_core::store::Store;
use keepstate_core::timeline::{At, Change, From, Meta, Packing};
use repository::Kept;
use support::medium::Dice;
use support::*;

fn kills() -> u64 {
    if std::env::var("KEEPSTATE_LONG").is_ok() {
        1000
    } else {
        200
    }
}

/// Which store a round is about: its name, also that of its folder.
const KINDS: [&str; 3] = ["sync", "async", "dir"];

fn open_kind(kind: &str, path: &Path) -> Arc<dyn Store> {
    let path = path.join(if kind == "dir" { "dir" } else { "log" });
    if kind == "dir" {
        let options = DirOptions { sync: false, ..DirOptions::default() };
        return Arc::new(DirStore::open(&path, options, Arc::new(SystemClock)).unwrap());
    }
    let base = if kind == "sync" { quiet() } else { quiet_async() };
    open(&path, LogOptions { segment_bytes: 40 << 10, maintenance: true, ..base })
}

/// The state that a sequence holds, whoever saved it.
fn state(sequence: u64) -> Vec<u8> {
    let mut text = format!("{{\"step\":{sequence},\"messages\":[");
    for message in sequence.saturating_sub(20)..sequence {
        text.push_str(&format!("\"message {}\",", message * 7919));
    }
    text.into_bytes()
}

fn change(sequence: u64) -> Change {
    Change::Whole(state(sequence).into())
}

#[test]
fn child() {
    let Some((kind, path)) = task() else { return };
    let store = open_kind(&kind, &path);
    let kept = Kept::open(&store, "run");
    let latest = kept.run(kept.timeline.show(At::Latest)).map_or(0, |latest| latest.sequence);
    let mut out = std::io::stdout();
    for sequence in latest + 1.. {
        let snapshot = kept.save(change(sequence), Meta::default()).unwrap();
        assert_eq!(snapshot.sequence, sequence);
        writeln!(out, "acknowledged {sequence}").unwrap();
        out.flush().unwrap();
        if sequence % 5 == 0 {
            let tag = format!("tag-{}", sequence % 3);
            kept.run(kept.timeline.tag(tag, At::Sequence(sequence), From::Anywhere)).unwrap();
        }
        if sequence % 17 == 0 {
            let packing = Packing { all: sequence % 2 == 0, level: Some(1) };
            kept.run(kept.timeline.pack(packing)).unwrap();
        }
    }
}

/// Starts a writer, kills it, and gives the last sequence that it was told of.
fn round(kind: &str, path: &Path, (kill, dice): (u64, &mut Dice)) -> u64 {
    let mut process = support::child(kind, path);
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
    let number = |line: String| -> Option<u64> {
        line.split_once("acknowledged ").map(|(_, number)| number.parse().unwrap())
    };
    let mut last = 0;
    // Some are killed while they open, most while they write.
    while kill % 7 != 0 && last == 0 {
        let Some(Ok(line)) = lines.next() else { break };
        last = number(line).unwrap_or(0);
    }
    std::thread::sleep(Duration::from_micros(dice.below(9000) as u64));
    process.kill().unwrap();
    for line in lines.map_while(Result::ok) {
        last = number(line).unwrap_or(last);
    }
    process.wait().unwrap();
    last
}

fn check(store: &Arc<dyn Store>, acknowledged: u64, (kind, dice): (&str, &mut Dice)) {
    let kept = Kept::open(store, "run");
    let latest = match kept.run(kept.timeline.show(At::Latest)) {
        Ok(latest) => latest.sequence,
        Err(error) => return assert_eq!(acknowledged, 0, "{kind}: {error:?}"),
    };
    assert!(latest >= acknowledged, "{kind}: @{acknowledged} was told, @{latest} is the latest");
    let some = (0..5).map(|_| 1 + dice.below(latest as usize) as u64);
    for sequence in some.chain([latest, acknowledged.max(1)]) {
        let restored = kept.restore(At::Sequence(sequence));
        let bytes = restored.unwrap_or_else(|error| panic!("{kind}: @{sequence}: {error:?}"));
        let (is, was) =
            (String::from_utf8_lossy(&bytes), String::from_utf8(state(sequence)).unwrap());
        assert!(is == was, "{kind}: @{sequence} is\n{is}\nnot\n{was}");
    }
}

#[test]
fn what_was_acknowledged_survives_a_kill() {
    if task().is_some() {
        return;
    }
    let (folder, begun, mut dice) = (folder(), Instant::now(), Dice(11));
    let mut acknowledged = [0u64; 2];
    for kill in 0..kills() {
        let kind = KINDS[kill as usize % KINDS.len()];
        let told = &mut acknowledged[usize::from(kind == "dir")];
        *told = round(kind, folder.path(), (kill, &mut dice)).max(*told);
        let store = open_kind(kind, folder.path());
        check(&store, *told, (kind, &mut dice));
        store.close().unwrap();
    }
    for kind in ["sync", "dir"] {
        let store = open_kind(kind, folder.path());
        let kept = Kept::open(&store, "run");
        let report = kept.run(kept.timeline.verify()).unwrap();
        assert!(report.problems.is_empty(), "{kind}: {:?}", report.problems);
        for sequence in 1..=report.snapshots {
            assert!(kept.restore(At::Sequence(sequence)).unwrap() == state(sequence), "{sequence}");
        }
    }
    let (saves, seconds) = (acknowledged.iter().sum::<u64>(), begun.elapsed().as_secs_f64());
    println!("kills of timelines: {} kills, {saves} saves acknowledged, {seconds:.0} s", kills());
    assert!(acknowledged.iter().all(|last| *last > 50), "{acknowledged:?}");
}
