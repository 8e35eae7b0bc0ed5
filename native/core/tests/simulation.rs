//! A world in one thread, by a seed: writers, readers, verifiers and deleters on one timeline, over
//! a store that refuses, delays, loses answers, does things late or twice and lists what is old,
//! while processes stall and crash. At any moment every acknowledged save restores exactly, each
//! sequence has one winner, a refused save leaves nothing, and nobody is told what is not so.
//!
//!     KEEPSTATE_SEEDS=100000   so many seeds (2,000; with KEEPSTATE_LONG=1 100,000)
//!     KEEPSTATE_SEED=7         this one, with its trace
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "simulation/actors.rs"]
mod actors;
#[path = "simulation/control.rs"]
mod control;
#[path = "simulation/dice.rs"]
mod dice;
#[path = "simulation/model.rs"]
mod model;
#[path = "simulation/store.rs"]
mod store;
#[path = "simulation/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Mutex;
use std::time::Instant;

use actors::{Deleter, Reader, Verifier, Writer};
use dice::Dice;
use model::{Figures, Model};
use store::SimStore;
use world::World;

/// Seeds that failed once. They run first, for ever.
const FAILED_ONCE: &[u64] = &[];

/// The world of a seed.
fn world(seed: u64, trace: bool) -> World {
    let mut dice = Dice::new(seed);
    let store = SimStore::new(dice.one_in(2));
    let model = Model::new(store, &[("a", "b")]);
    let (writers, readers) = (1 + dice.below(3), dice.below(3));
    let (verifiers, deleters) = (dice.below(2), usize::from(dice.one_in(3)));
    let turns = 10 + dice.below(30) as u32;
    let mut world = World::new(model, dice, trace);
    for number in 0..writers {
        world.add(0, turns, Writer::new(number));
    }
    (0..readers).for_each(|_| world.add(0, turns, Reader));
    (0..verifiers).for_each(|_| world.add(0, turns, Verifier));
    (0..deleters).for_each(|_| world.add(0, turns, Deleter));
    world
}

/// Runs a seed. An error is what was wrong.
fn play(seed: u64, trace: bool) -> (Result<Figures, String>, Vec<String>) {
    let mut world = world(seed, trace);
    let result = catch_unwind(AssertUnwindSafe(|| world.run()));
    let figures = result.map(|()| world.model.figures.clone()).map_err(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        text.unwrap_or_else(|| (*panic.downcast_ref::<&str>().unwrap_or(&"a panic")).to_owned())
    });
    (figures, world.trace.take().unwrap_or_default())
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

#[test]
fn acknowledged_saves_survive_everything() {
    if let Some(seed) = number("KEEPSTATE_SEED") {
        let (result, trace) = play(seed, true);
        println!("{}\nseed {seed}: {result:?}", trace.join("\n"));
        assert!(result.is_ok());
        return;
    }
    let long = if number("KEEPSTATE_LONG").is_some() { 100_000 } else { 2000 };
    let count = number("KEEPSTATE_SEEDS").unwrap_or(long);
    let begun = Instant::now();
    let (next, total) = (AtomicU64::new(0), Mutex::new(Figures::default()));
    let failed = Mutex::new(Vec::new());
    std::panic::set_hook(Box::new(|_| ()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let seed = match FAILED_ONCE.get(number as usize) {
                    Some(seed) => *seed,
                    None => number - FAILED_ONCE.len() as u64,
                };
                if number >= count + FAILED_ONCE.len() as u64 || failed.lock().unwrap().len() >= 400
                {
                    return;
                }
                match play(seed, false).0 {
                    Ok(figures) => total.lock().unwrap().add(&figures),
                    Err(error) => failed.lock().unwrap().push((seed, error)),
                }
            });
        }
    });
    let _ = std::panic::take_hook();
    let failed = failed.into_inner().unwrap();
    for (error, seeds) in by_kind(&failed) {
        println!("seeds {seeds:?}: {error}");
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!("simulation: {count} seeds, {}, {seconds:.0} s", total.into_inner().unwrap());
    assert!(failed.is_empty(), "{} seeds failed; KEEPSTATE_SEED=n plays one", failed.len());
}

/// Failures that differ only in numbers, together, and the first of them in full.
fn by_kind(failed: &[(u64, String)]) -> Vec<(&str, Vec<u64>)> {
    let mut kinds: BTreeMap<String, (&str, Vec<u64>)> = BTreeMap::new();
    for (seed, error) in failed {
        let kind = error.chars().filter(|c| !c.is_ascii_digit()).take(60).collect();
        kinds.entry(kind).or_insert((error, Vec::new())).1.push(*seed);
    }
    kinds.into_values().collect()
}
