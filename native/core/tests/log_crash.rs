//! A recorded run of commits, rolls, compaction, a checkpoint and a close is cut at every operation:
//! by a kill, and by a loss of power that drops, reorders and tears what was not synced. Every
//! folder that results opens, and holds the state after some commit not before the last that was
//! acknowledged (in async mode: flushed).
//!
//!     KEEPSTATE_SEEDS=200   so many losses of power at each operation (3; KEEPSTATE_LONG=1: 200)
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use keepstate_core::store::log::{Log, LogOptions};
use keepstate_core::store::{Embedded, Mode, Op, Store, StoreExt};
use support::medium::*;
use support::*;

type Model = BTreeMap<String, Vec<u8>>;

struct Run {
    log: Arc<Log>,
    disk: TestDisk,
    states: Vec<Model>,
    acknowledge_each: bool,
}

impl Run {
    fn commit(&mut self, change: impl FnOnce(&mut Model) -> Vec<Op>) {
        let mut state = self.states.last().unwrap().clone();
        let ops = change(&mut state);
        self.states.push(state);
        self.disk.note(Event::Begun(self.states.len() - 1));
        self.log.commit_wait(ops).unwrap();
        if self.acknowledge_each {
            self.acknowledged();
        }
    }

    fn acknowledged(&self) {
        self.disk.note(Event::Acknowledged(self.states.len() - 1));
    }

    fn put(&mut self, key: &str, length: usize) {
        let value = vec![self.states.len() as u8; length];
        let op = Op::Put {
            key: key.into(),
            value: value.clone().into(),
            mode: Mode::Overwrite,
            ttl: None,
        };
        self.commit(|state| {
            state.insert(key.into(), value);
            vec![op]
        });
    }

    fn batch(&mut self) {
        let number = self.states.len() as u8;
        self.commit(|state| {
            let keys = ["b/1", "b/2", "b/3"];
            keys.iter()
                .map(|key| {
                    state.insert(key.to_string(), vec![number; 400]);
                    let value = vec![number; 400].into();
                    Op::Put { key: key.to_string(), value, mode: Mode::Overwrite, ttl: None }
                })
                .collect()
        });
    }

    fn delete(&mut self, key: &str) {
        self.commit(|state| {
            state.remove(key);
            vec![Op::Delete { key: key.into(), if_version: None }]
        });
    }

    fn session(&mut self, rounds: usize) {
        for round in 0..rounds {
            self.put(&format!("key-{}", round % 5), 100 + 37 * round);
            if round % 4 == 1 {
                self.batch();
            }
            if round % 6 == 3 {
                self.delete(&format!("key-{}", (round + 2) % 5));
            }
        }
    }
}

fn options(disk: &TestDisk, sync: bool) -> LogOptions {
    let base = if sync { quiet() } else { quiet_async() };
    LogOptions { segment_bytes: 3000, medium: Arc::new(disk.clone()), ..base }
}

/// What was done, each with the page's content then, and the states in between.
type Recorded = (Vec<(Event, Vec<u8>)>, Vec<Model>);

/// A run with everything in it, recorded.
fn record(sync: bool) -> Recorded {
    let folder = folder();
    let path = folder.path().join("store");
    let disk = TestDisk::recording(&path);
    let log = open(&path, options(&disk, sync));
    let states = vec![Model::new()];
    let mut run = Run { log, disk: disk.clone(), states, acknowledge_each: sync };
    // What lives on in an old segment is what a compaction has to copy.
    run.put("stays", 300);
    run.session(8);
    if !sync {
        run.log.flush().unwrap();
        run.acknowledged();
    }
    run.session(4);
    run.log.compact().unwrap();
    run.session(3);
    run.log.close().unwrap();
    run.acknowledged();
    run.log = open(&path, options(&disk, sync));
    run.session(2);
    (disk.events(), run.states)
}

/// A run that writes a checkpoint: for that, much must be new.
fn record_checkpoint() -> Recorded {
    let folder = folder();
    let path = folder.path().join("store");
    let disk = TestDisk::recording(&path);
    let log = open(&path, options(&disk, true));
    let states = vec![Model::new()];
    let mut run = Run { log, disk: disk.clone(), states, acknowledge_each: true };
    run.session(2);
    run.put("large", 1_100_000);
    run.session(2);
    run.log.compact().unwrap();
    run.delete("large");
    run.session(3);
    run.log.compact().unwrap();
    run.log.close().unwrap();
    run.acknowledged();
    (disk.events(), run.states)
}

/// A trace that lacks one of these proves nothing about it.
fn require(events: &[(Event, Vec<u8>)], what: &str, is: impl Fn(&Event) -> bool) {
    assert!(events.iter().any(|(event, _)| is(event)), "nothing in the trace is {what}");
}

fn check(path: &std::path::Path, (states, floor, begun): (&[Model], usize, usize), what: &str) {
    let log = match try_open(path, quiet()) {
        Ok(log) => log,
        // Nothing can have been acknowledged before the store was whole.
        Err(error) => panic!("{what}: {error}"),
    };
    let have: Model = all(&*log).into_iter().collect();
    let matches = (floor..=begun).any(|at| states[at] == have);
    assert!(matches, "{what}: not a state from {floor} to {begun}: {:?}", have.keys());
    put(&*log, "after", b"1");
    log.close().unwrap();
    let log = open(path, quiet());
    let mut with = have;
    with.insert("after".into(), b"1".to_vec());
    assert_eq!(all(&*log).into_iter().collect::<Model>(), with, "{what}: after reopening");
    assert_eq!(log.verify(&mut |_, _| ()).unwrap().len(), 0, "{what}: verify");
}

fn play(name: &str, sync: bool, (events, states): Recorded) {
    let (seeds, long) = (seeds(), std::env::var("KEEPSTATE_LONG").is_ok());
    let (started, mut trials) = (std::time::Instant::now(), 0);
    let log = |name: &str| name.ends_with(".log");
    require(&events, "a write", |event| matches!(event, Event::Write(..)));
    require(&events, "a sync", |event| matches!(event, Event::Sync(_)));
    require(&events, "a sync of the folder", |event| matches!(event, Event::SyncFolder));
    require(&events, "a new segment", |e| matches!(e, Event::Create(name, _) if log(name)));
    require(&events, "the removal of a segment", |e| matches!(e, Event::Remove(name) if log(name)));
    require(&events, "a new catalog", |e| matches!(e, Event::Rename(_, to) if to == "catalog"));
    let (mut floor, mut begun) = (0, 0);
    for cut in 1..=events.len() {
        match events[cut - 1].0 {
            Event::Acknowledged(number) => floor = number,
            Event::Begun(number) => begun = number,
            _ => {}
        }
        let step = format!("{:?}", events[cut - 1].0).chars().take(60).collect::<String>();
        if std::env::var("KEEPSTATE_SHOW").is_ok() {
            println!("{cut} {step}");
        }
        for seed in 0..seeds {
            let folder = folder();
            let mut dice = Dice(seed * 1_000_003 + cut as u64);
            after_power_loss(&events, cut, &mut dice, folder.path());
            let what = format!("power loss, cut {cut}, seed {seed}, {step}");
            check(folder.path(), (&states, floor, begun), &what);
        }
        trials += seeds;
        if long || cut % 3 == 0 {
            trials += 1;
            let folder = folder();
            after_kill(&events, cut, folder.path());
            // A kill takes nothing that was acknowledged, in async mode either.
            let floor = if sync { floor } else { floor.max(begun.saturating_sub(1)) };
            check(folder.path(), (&states, floor, begun), &format!("kill, cut {cut}, {step}"));
        }
    }
    let (count, seconds) = (events.len(), started.elapsed().as_secs_f64());
    println!("crash, {name}: {count} operations, {trials} folders after a crash, {seconds:.0} s");
}

fn seeds() -> u64 {
    let usual = if std::env::var("KEEPSTATE_LONG").is_ok() { 200 } else { 3 };
    std::env::var("KEEPSTATE_SEEDS").map_or(usual, |seeds| seeds.parse().unwrap())
}

#[test]
fn sync_mode() {
    play("sync", true, record(true));
}

#[test]
fn async_mode() {
    play("async", false, record(false));
}

#[test]
fn with_a_checkpoint() {
    let (events, states) = record_checkpoint();
    let to = |event: &Event| matches!(event, Event::Rename(_, to) if to == "checkpoint");
    require(&events, "a checkpoint", to);
    play("with a checkpoint", true, (events, states));
}
