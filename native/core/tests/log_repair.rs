//! `verify` names every damage; opening a damaged log fails until `repair` was asked for; repair
//! keeps everything that can be proven, reports the rest, and throws nothing away.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::path::Path;
use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::store::log::{repair, LogOptions, Report};
use keepstate_core::store::{Embedded, Store, StoreExt};
use keepstate_core::Code;
use support::*;

fn options() -> LogOptions {
    LogOptions { segment_bytes: 4000, ..quiet() }
}

fn fill(path: &Path) -> Vec<(String, Vec<u8>)> {
    let log = open(path, options());
    for number in 0..40u8 {
        put(&*log, &format!("key-{number:02}"), &[number; 200]);
    }
    log.delete_wait("key-05", None).unwrap();
    let data = all(&*log);
    log.close().unwrap();
    data
}

fn run(path: &Path) -> Report {
    repair(path, options(), Arc::new(SystemClock)).unwrap()
}

fn flip(path: &Path, at: impl Fn(usize) -> usize) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = at(bytes.len());
    bytes[at] ^= 0x40;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn nothing_to_repair() {
    let folder = folder();
    let data = fill(folder.path());
    let report = run(folder.path());
    assert!(report.lost.is_empty() && report.copies.is_empty(), "{report:?}");
    assert_eq!(report.kept, 41);
    assert_eq!(all(&*open(folder.path(), options())), data);
}

#[test]
fn damage_inside_costs_one_frame() {
    for segment in ["00000001.log", "00000002.log"] {
        let folder = folder();
        let data = fill(folder.path());
        // In the middle of a value in the middle of the segment.
        flip(&folder.path().join(segment), |length| length / 2);
        let error = try_open(folder.path(), options()).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), Code::Corrupt);
        assert_eq!(error.place().segment, segment[..8].parse().ok());
        assert!(error.place().offset.is_some_and(|offset| offset > 0));

        let report = run(folder.path());
        assert_eq!(report.kept, 40, "{report:?}");
        assert!(!report.lost.is_empty());
        assert!(report.lost.iter().all(|lost| lost.place().segment.is_some()));
        assert!(report.copies.iter().all(|copy| copy.exists()) && !report.copies.is_empty());
        let log = open(folder.path(), options());
        let have = all(&*log);
        assert_eq!(have.len(), data.len() - 1);
        assert!(have.iter().all(|entry| data.contains(entry)));
        let version = put(&*log, "after", b"1").0.parse::<u64>().unwrap();
        assert!(version > 41, "numbers are not used twice: {version}");
        assert_eq!(log.verify(&mut |_, _| ()).unwrap().len(), 0);
        drop(log);
        assert_eq!(all(&*open(folder.path(), options())).len(), data.len());
    }
}

#[test]
fn the_small_files_are_made_again() {
    for name in ["KEEPSTATE", "catalog"] {
        let folder = folder();
        let data = fill(folder.path());
        flip(&folder.path().join(name), |length| length / 2);
        assert!(try_open(folder.path(), options()).is_err());
        let report = run(folder.path());
        assert!(!report.lost.is_empty());
        assert_eq!(all(&*open(folder.path(), options())), data, "{name}");
    }
}

#[test]
fn a_lost_segment_is_reported() {
    let folder = folder();
    let data = fill(folder.path());
    std::fs::remove_file(folder.path().join("00000002.log")).unwrap();
    assert_eq!(code(try_open(folder.path(), options()).map(|_| ())), Code::Corrupt);
    let report = run(folder.path());
    assert!(report.lost.iter().any(|lost| lost.place().segment == Some(2)));
    let have = all(&*open(folder.path(), options()));
    assert!(have.len() > 20 && have.iter().all(|entry| data.contains(entry)));
}

#[test]
fn verify_finds_what_open_did_not_read() {
    let folder = folder();
    let log = open(folder.path(), LogOptions { memory_budget: 0, ..options() });
    for number in 0..40u8 {
        put(&*log, &format!("key-{number:02}"), &[number; 200]);
    }
    let mut last = (0, 0);
    assert_eq!(log.verify(&mut |done, total| last = (done, total)).unwrap().len(), 0);
    assert!(last.0 > 8000 && last.0 <= last.1, "{last:?}");
    flip(&folder.path().join("00000001.log"), |_| 400);
    let damage = log.verify(&mut |_, _| ()).unwrap();
    assert!(damage.iter().any(|error| error.place().segment == Some(1)), "{damage:?}");
    assert_eq!(code(log.get("key-01", None)), Code::Corrupt);
    assert_eq!(get(&*log, "key-30"), Some(vec![30; 200]));
    flip(&folder.path().join("catalog"), |_| 30);
    assert!(log.verify(&mut |_, _| ()).unwrap().len() >= 2);
}

#[test]
fn folders_without_a_store_are_left_alone() {
    let folder = folder();
    std::fs::write(folder.path().join("notes"), "mine").unwrap();
    let refused = repair(folder.path(), options(), Arc::new(SystemClock));
    assert_eq!(code(refused), Code::NotOurs);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}
