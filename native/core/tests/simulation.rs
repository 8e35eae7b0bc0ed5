//! A world in one thread, by a seed: writers, readers, verifiers and deleters on one timeline, over
//! a store that refuses, delays, loses answers, does things late or twice and lists what is old,
//! while processes stall and crash. At any moment every acknowledged save restores exactly, each
//! sequence has one winner, a refused save leaves nothing, and nobody is told what is not so.
//!
//!     KEEPSTATE_SEEDS=100000   so many seeds (2,000; with KEEPSTATE_LONG=1 50,000)
//!     KEEPSTATE_FROM=5000      beginning with this one
//!     KEEPSTATE_CAST=deletes   only this cast
//!     KEEPSTATE_SEED=7         this one of each cast, with its trace
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "simulation/actors.rs"]
mod actors;
#[path = "simulation/attachments.rs"]
mod attachments;
#[path = "simulation/control.rs"]
mod control;
#[path = "simulation/dice.rs"]
mod dice;
#[path = "simulation/lives.rs"]
mod lives;
#[path = "simulation/model.rs"]
mod model;
#[path = "simulation/store.rs"]
mod store;
#[path = "simulation/world.rs"]
mod world;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use actors::{Deleter, Forker, Later, Packer, Pruner, Reader, Tagger, Verifier, Writer};
use attachments::{Attacher, StreamReader, Streamer, CUT_FROM};
use dice::Dice;
use model::{Figures, Model};
use store::SimStore;
use world::World;

/// Adds who takes part, with so many turns each.
type Cast = fn(&mut World, u32);

/// Who takes part. A seed plays the cast of its remainder, so that a new cast changes no old world.
const CASTS: &[(&str, Cast)] = &[
    ("saves", saves),
    ("deletes", deletes),
    ("packs", packs),
    ("prunes", prunes),
    ("forks", forks),
    ("leases", leases),
    ("all", all),
    ("families", families),
    ("attachments", attachments),
    ("heirs", heirs),
];

/// Casts of which some seeds fail. They are played by name only, until none does. Of `heirs` it is
/// 2151: where forks of a deleted fork are gone as well, packing calls what is left of it corrupt.
const UNFINISHED: &[&str] = &["heirs"];

/// Casts and seeds that failed once. They run first, for ever.
const FAILED_ONCE: &[(&str, u64)] = &[
    ("packs", 175),
    ("packs", 218),
    ("packs", 259),
    ("packs", 1346),
    ("leases", 411),
    ("leases", 978),
    ("deletes", 68),
    ("deletes", 315),
    ("deletes", 335),
    ("prunes", 95),
    ("prunes", 221),
    ("prunes", 577),
    ("prunes", 1011),
    ("prunes", 1852),
    ("forks", 8),
    ("forks", 36),
    ("forks", 105),
    ("forks", 189),
    ("forks", 301),
    ("forks", 501),
    ("forks", 564),
    ("all", 190),
    ("all", 230),
    ("all", 271),
    ("all", 440),
    ("all", 450),
    ("all", 594),
    ("all", 713),
    ("all", 730),
    ("all", 1132),
    ("all", 47676),
    ("attachments", 73),
    ("attachments", 282),
    ("attachments", 502),
    ("attachments", 1288),
    ("attachments", 1427),
    ("attachments", 1460),
    ("attachments", 8968),
    ("attachments", 10065),
    ("attachments", 10193),
    ("families", 36),
    ("families", 670),
    ("families", 728),
    ("families", 3257),
    ("families", 3638),
    ("heirs", 167),
    ("heirs", 764),
];

fn saves(world: &mut World, turns: u32) {
    for number in 0..1 + world.dice.below(3) {
        world.add(0, turns, Writer::new(number));
    }
    for _ in 0..world.dice.below(3) {
        world.add(0, turns, Reader);
    }
    for _ in 0..world.dice.below(2) {
        world.add(0, turns, Verifier);
    }
}

fn deletes(world: &mut World, turns: u32) {
    saves(world, turns);
    world.add(0, turns, Deleter);
}

fn packs(world: &mut World, turns: u32) {
    saves(world, turns);
    world.add(0, turns, Writer::keeping(5));
    for _ in 0..1 + world.dice.below(2) {
        world.add(0, turns, Packer);
    }
}

fn prunes(world: &mut World, turns: u32) {
    packs(world, turns);
    world.add(0, turns, Pruner);
    world.add(0, turns, Tagger);
}

/// A fork, and what is done to the timeline that it came from.
fn forks(world: &mut World, turns: u32) {
    saves(world, turns);
    let done = Rc::new(RefCell::new(false));
    world.add(0, turns, Forker { to: 1, done: done.clone(), again: false });
    for number in 10..11 + world.dice.below(2) {
        world.add(1, turns, Later { done: done.clone(), actor: Writer::new(number) });
    }
    world.add(1, turns, Later { done: done.clone(), actor: Reader });
    world.add(1, turns, Later { done, actor: Packer });
    match world.dice.below(4) {
        0 => world.add(0, turns, Pruner),
        1 => world.add(0, turns, Deleter),
        2 => world.add(0, turns, Packer),
        _ => {}
    }
}

fn leases(world: &mut World, turns: u32) {
    for number in 0..2 + world.dice.below(2) {
        let lease = Duration::from_millis(world.dice.between(500, 60_000));
        world.add_with(Some(lease), (0, turns), Writer::new(number));
    }
    world.add(0, turns, Reader);
    world.add(0, turns, Verifier);
}

fn all(world: &mut World, turns: u32) {
    forks(world, turns);
    prunes(world, turns);
    world.add(0, turns, Deleter);
}

/// A fork for which two try, and a fork of that; each of the three may be pruned or deleted.
fn families(world: &mut World, turns: u32) {
    saves(world, turns);
    let (first, second) = (Rc::new(RefCell::new(false)), Rc::new(RefCell::new(false)));
    for _ in 0..2 {
        world.add(0, turns, Forker { to: 1, done: first.clone(), again: false });
    }
    let forker = Forker { to: 2, done: second.clone(), again: false };
    world.add(1, turns, Later { done: first.clone(), actor: forker });
    for (line, done, number) in [(1, &first, 10), (2, &second, 20)] {
        let done = || done.clone();
        world.add(line, turns, Later { done: done(), actor: Writer::keeping(number) });
        world.add(line, turns, Later { done: done(), actor: Writer::new(number + 1) });
        world.add(line, turns, Later { done: done(), actor: Reader });
        match world.dice.below(4) {
            0 => world.add(line, turns, Later { done: done(), actor: Verifier }),
            1 => world.add(line, turns, Later { done: done(), actor: Deleter }),
            _ => world.add(line, turns, Later { done: done(), actor: Pruner }),
        }
    }
    match world.dice.below(3) {
        0 => world.add(0, turns, Pruner),
        1 => world.add(0, turns, Deleter),
        _ => world.add(0, turns, Packer),
    }
}

/// Forks that are deleted, and whose names become forks again, under the hands of those who use
/// them.
fn heirs(world: &mut World, turns: u32) {
    let turns = turns * 2;
    world.add(0, turns, Writer::keeping(0));
    if world.dice.one_in(2) {
        world.add(0, turns, Pruner);
    }
    for (line, number) in [(1, 10), (2, 20)] {
        let done = Rc::new(RefCell::new(false));
        for _ in 0..1 + world.dice.below(2) {
            world.add(line - 1, turns, Forker { to: line, done: done.clone(), again: true });
        }
        let done = || done.clone();
        world.add(line, turns, Later { done: done(), actor: Writer::keeping(number) });
        if world.dice.one_in(2) {
            world.add(line, turns, Later { done: done(), actor: Writer::new(number + 1) });
        }
        world.add(line, turns, Later { done: done(), actor: Reader });
        world.add(line, turns, Later { done: done(), actor: Deleter });
        match world.dice.below(4) {
            0 => world.add(line, turns, Later { done: done(), actor: Verifier }),
            1 => world.add(line, turns, Later { done: done(), actor: Reader }),
            2 => world.add(line, turns, Later { done: done(), actor: Packer }),
            _ => world.add(line, turns, Later { done: done(), actor: Pruner }),
        }
    }
}

/// Two timelines that hold the same chunks, and a fork of the one; what is taken out of each, and
/// swept, beside those who save.
fn attachments(world: &mut World, turns: u32) {
    world.cut_from = CUT_FROM;
    let done = Rc::new(RefCell::new(false));
    for (line, number) in [(0, 0), (2, 20)] {
        world.add(line, turns, Attacher::new(number));
        if world.dice.one_in(2) {
            world.add(line, turns, Attacher::new(number + 1));
        }
        world.add(line, turns, Streamer::new(number + 2));
        world.add(line, turns, StreamReader::default());
        world.add(line, turns, Pruner);
        match world.dice.below(4) {
            0 => world.add(line, turns, Deleter),
            1 => world.add(line, turns, Packer),
            2 => world.add(line, turns, Verifier),
            _ => world.add(line, turns, Reader),
        }
    }
    if world.dice.one_in(2) {
        world.add(0, turns, Forker { to: 1, done: done.clone(), again: false });
        world.add(1, turns, Later { done: done.clone(), actor: Attacher::new(10) });
        world.add(1, turns, Later { done: done.clone(), actor: StreamReader::default() });
        world.add(1, turns, Later { done, actor: Pruner });
    }
}

/// The world of a seed.
fn world(cast: &str, seed: u64, trace: bool) -> World {
    let mut dice = Dice::new(seed);
    let model = Model::new(SimStore::new(dice.one_in(2)), &[("a", "b"), ("a", "c"), ("a", "d")]);
    let turns = 10 + dice.below(30) as u32;
    let mut world = World::new(model, dice, trace);
    let (_, fill) = CASTS.iter().find(|(name, _)| *name == cast).expect("a cast");
    fill(&mut world, turns);
    world
}

/// Runs a seed. An error is what was wrong.
fn play((cast, seed): (&str, u64), trace: bool) -> (Result<Figures, String>, Vec<String>) {
    let mut world = world(cast, seed, trace);
    let result = catch_unwind(AssertUnwindSafe(|| world.run()));
    let batches = if world.model.store.supports.commit { "batches" } else { "one by one" };
    let figures = result.map(|()| world.model.figures.clone()).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text
            .unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap_or(&"a panic")).to_owned());
        format!("{cast}, {batches}: {text}")
    });
    (figures, world.trace.take().unwrap_or_default())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn acknowledged_saves_survive_everything() {
    let wanted = std::env::var("KEEPSTATE_CAST").ok();
    let names = CASTS.iter().map(|(name, _)| *name);
    let plays = |name: &&str| match &wanted {
        Some(wanted) => wanted == name,
        None => !UNFINISHED.contains(name),
    };
    let casts: Vec<&str> = names.filter(plays).collect();
    if let Some(seed) = number("KEEPSTATE_SEED") {
        return casts.iter().for_each(|cast| show(cast, seed));
    }
    let long = if number("KEEPSTATE_LONG").is_some() { 50_000 } else { 2000 };
    let count = number("KEEPSTATE_SEEDS").unwrap_or(long);
    let from = number("KEEPSTATE_FROM").unwrap_or(0);
    let begun = Instant::now();
    let (next, total) = (AtomicU64::new(0), Mutex::new(Figures::default()));
    let failed = Mutex::new(Vec::new());
    std::panic::set_hook(Box::new(|_| ()));
    let work = || loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let seed = number.saturating_sub(FAILED_ONCE.len() as u64);
        let new = (casts[number as usize % casts.len()], from + seed);
        let world = *FAILED_ONCE.get(number as usize).unwrap_or(&new);
        if number >= count + FAILED_ONCE.len() as u64 || failed.lock().unwrap().len() >= 400 {
            return;
        }
        match play(world, false).0 {
            Ok(figures) => total.lock().unwrap().add(&figures),
            Err(error) => failed.lock().unwrap().push((world.1, error)),
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    let _ = std::panic::take_hook();
    let failed = failed.into_inner().unwrap();
    for (error, seeds) in by_kind(&failed) {
        println!("seeds {seeds:?}: {error:.400}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("simulation: {count} seeds, {}, {seconds:.0} s", total.into_inner().unwrap());
    assert!(failed.is_empty(), "{} seeds failed; KEEPSTATE_SEED=n plays one", failed.len());
}

/// Plays a seed and prints what happened.
fn show(cast: &str, seed: u64) {
    let (result, trace) = play((cast, seed), true);
    println!("{}\nseed {seed} of {cast}: {result:?}", trace.join("\n"));
    assert!(result.is_ok());
}

/// Failures that differ only in numbers, together, and the first of them in full.
fn by_kind(failed: &[(u64, String)]) -> Vec<(&str, Vec<u64>)> {
    let mut kinds: BTreeMap<String, (&str, Vec<u64>)> = BTreeMap::new();
    for (seed, error) in failed {
        let kind = error.chars().filter(|c| !c.is_ascii_digit()).take(80).collect();
        kinds.entry(kind).or_insert((error, Vec::new())).1.push(*seed);
    }
    kinds.into_values().collect()
}
