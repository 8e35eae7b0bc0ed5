//! Whoever commits while a sync runs joins the next group: many commits cost few syncs, and every
//! `done` is called once, in any case, even if another one panics.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::mpsc::channel;
use std::sync::Arc;
use std::time::Duration;

use keepstate_core::store::log::LogOptions;
use keepstate_core::store::{Commit, Mode, Op, Store};
use support::medium::*;
use support::*;

fn op(key: String) -> Op {
    Op::Put { key, value: vec![1; 100].into(), mode: Mode::Overwrite, ttl: None }
}

#[test]
fn many_commits_share_few_syncs() {
    let folder = folder();
    let disk = TestDisk::default();
    let log = open(folder.path(), LogOptions { medium: Arc::new(disk.clone()), ..quiet() });
    // Chores of the first commits are over.
    put(&*log, "first", b"1");
    std::thread::sleep(Duration::from_millis(50));
    let before = disk.count(Call::Sync);
    disk.decide(|call, _| {
        if call == Call::Sync {
            std::thread::sleep(Duration::from_millis(20));
        }
        None
    });
    let (sender, receiver) = channel();
    for number in 0..500 {
        let sender = sender.clone();
        let done = Box::new(move |result: Result<Vec<_>, _>| sender.send(result).unwrap());
        log.commit(vec![Commit { ops: vec![op(format!("key-{number}"))], done }]);
    }
    let versions: Vec<_> = (0..500).map(|_| receiver.recv().unwrap().unwrap()).collect();
    assert!(receiver.recv_timeout(Duration::from_millis(20)).is_err(), "a done was called twice");
    let syncs = disk.count(Call::Sync) - before;
    assert!(syncs <= 12, "{syncs} syncs for 500 commits");
    let mut numbers: Vec<u64> = versions.iter().map(|v| v[0].0.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), 500);
    assert_eq!(all(&*log).len(), 501);
}

#[test]
fn a_commit_alone_costs_one_write_and_one_sync() {
    let folder = folder();
    let disk = TestDisk::default();
    let log = open(folder.path(), LogOptions { medium: Arc::new(disk.clone()), ..quiet() });
    for round in 0..3 {
        put(&*log, &format!("warm-{round}"), b"1");
        std::thread::sleep(Duration::from_millis(20));
    }
    let counts = || [Call::Write, Call::Sync, Call::Read, Call::Length].map(|c| disk.count(c));
    let before = counts();
    (0..10).for_each(|_| drop(put(&*log, "key", &[1; 1000])));
    let after = counts();
    assert_eq!([10, 10, 0, 0], std::array::from_fn(|at| after[at] - before[at]));
    let before = counts();
    assert!(get(&*log, "key").is_some());
    assert_eq!(counts(), before, "a hot value is read from memory");
}

#[test]
fn a_large_commit_writes_no_zeros_ahead() {
    let folder = folder();
    let disk = TestDisk::default();
    let log = open(folder.path(), LogOptions { medium: Arc::new(disk.clone()), ..quiet() });
    let large = vec![1; 2 << 20];
    put(&*log, "warm", &large);
    std::thread::sleep(Duration::from_millis(50));
    let counts = || [Call::Write, Call::Sync].map(|call| disk.count(call));
    let before = counts();
    for n in 0..4 {
        put(&*log, &format!("key-{n}"), &large);
        std::thread::sleep(Duration::from_millis(20));
    }
    let after = counts();
    assert_eq!([4, 4], std::array::from_fn(|at| after[at] - before[at]));
    (0..4).for_each(|n| assert!(get(&*log, &format!("key-{n}")).as_ref() == Some(&large)));
}

#[test]
fn a_caller_that_panics_does_so_alone() {
    let folder = folder();
    for options in [quiet(), quiet_async()] {
        let log = open(folder.path(), options);
        let bad = Commit { ops: vec![op("a".into())], done: Box::new(|_| panic!("a bad caller")) };
        let (sender, receiver) = channel();
        let done = Box::new(move |result: Result<_, _>| sender.send(result.is_ok()).unwrap());
        log.commit(vec![bad, Commit { ops: vec![op("b".into())], done }]);
        assert!(receiver.recv().unwrap());
        put(&*log, "c", b"still works");
    }
}

#[test]
fn conditions_see_earlier_commits_of_the_group() {
    let folder = folder();
    let disk = TestDisk::default();
    let log = open(folder.path(), LogOptions { medium: Arc::new(disk.clone()), ..quiet() });
    let (sender, receiver) = channel();
    let create = |number: usize| {
        let sender = sender.clone();
        let value = vec![number as u8].into();
        let op = Op::Put { key: "one".into(), value, mode: Mode::Create, ttl: None };
        let done = Box::new(move |result: Result<Vec<_>, _>| {
            sender.send((number, result.is_ok())).unwrap();
        });
        Commit { ops: vec![op], done }
    };
    let mut commits: Vec<Commit> = (0..3).map(create).collect();
    let delete = Op::Delete { key: "one".into(), if_version: None };
    commits.push(Commit { ops: vec![delete], done: Box::new(|_| ()) });
    commits.extend((3..5).map(create));
    log.commit(commits);
    let mut ended: Vec<(usize, bool)> = (0..5).map(|_| receiver.recv().unwrap()).collect();
    ended.sort_unstable();
    assert_eq!(ended, [(0, true), (1, false), (2, false), (3, true), (4, false)]);
    assert_eq!(get(&*log, "one"), Some(vec![3]));
}

#[test]
fn dropping_and_closing_answer_everybody() {
    let folder = folder();
    let disk = TestDisk::default();
    for round in 0..20 {
        let log = open(folder.path(), LogOptions { medium: Arc::new(disk.clone()), ..quiet() });
        let (sender, receiver) = channel();
        for number in 0..50 {
            let sender = sender.clone();
            let done = Box::new(move |result: Result<Vec<_>, _>| sender.send(result).unwrap());
            log.commit(vec![Commit { ops: vec![op(format!("{round}-{number}"))], done }]);
        }
        if round % 2 == 0 {
            log.close().unwrap();
        }
        drop(log);
        drop(sender);
        let answers: Vec<_> = receiver.iter().collect();
        assert_eq!(answers.len(), 50);
        assert!(answers.iter().all(Result::is_ok));
    }
    assert_eq!(all(&*open(folder.path(), quiet())).len(), 1000);
}
