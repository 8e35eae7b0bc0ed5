//! Packing: few values hold many snapshots, each restores exactly as before, beside writers and
//! readers, over stores with batches and without, by the handle that packs and by others.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use keepstate_core::store::Store;
use keepstate_core::timeline::{At, Packing, Page};
use std::sync::Arc;
use timelines::{stores, Dice, Kept};

const ALL: Packing = Packing { all: true, level: None };

fn values(store: &Arc<dyn Store>) -> usize {
    store.list(&Default::default()).unwrap().len() - 1
}

/// Saves so many states and gives them.
fn grown(kept: &Kept, dice: &mut Dice, count: usize) -> Vec<Vec<u8>> {
    let (mut state, mut states) = (Vec::new(), Vec::new());
    for _ in 0..count {
        dice.change(&mut state);
        kept.save(&state).unwrap();
        states.push(state.clone());
    }
    states
}

fn check(store: &Arc<dyn Store>, states: &[Vec<u8>], what: &str) {
    let kept = Kept::open(store, "a/b");
    for (sequence, state) in (1..).zip(states) {
        assert!(kept.restore(At::Sequence(sequence)).unwrap() == *state, "{what}: @{sequence}");
    }
    let fresh = Kept::open(store, "a/b");
    assert!(fresh.restore(At::Latest).unwrap() == states[states.len() - 1], "{what}: latest");
    let middle = states.len() as u64 / 2;
    let fresh = Kept::open(store, "a/b");
    assert!(fresh.restore(At::Sequence(middle)).unwrap() == states[middle as usize - 1]);
    let report = kept.run(kept.timeline.verify()).unwrap();
    assert!(report.problems.is_empty(), "{what}: {:?}", report.problems);
    assert_eq!(report.snapshots, states.len() as u64, "{what}");
}

#[test]
fn everything_packed_restores_exactly() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let mut dice = Dice(11);
        let states = grown(&kept, &mut dice, 300);
        let shown = kept.run(kept.timeline.list(Page { limit: Some(400), ..Page::default() }));
        let before = values(&store);
        let packed = kept.run(kept.timeline.pack(ALL)).unwrap();
        assert!(packed.values < 40 && packed.values_before == 300, "{what}: {packed:?}");
        check(&store, &states, what);
        assert_eq!(before, 300);
        let again = kept.run(kept.timeline.list(Page { limit: Some(400), ..Page::default() }));
        let ids = |snapshots: Vec<keepstate_core::timeline::Snapshot>| {
            snapshots.into_iter().map(|s| (s.sequence, s.id, s.parent, s.meta)).collect::<Vec<_>>()
        };
        assert_eq!(ids(shown.unwrap()), ids(again.unwrap()), "{what}");
    }
}

#[test]
fn a_writer_goes_on_after_a_pack() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let other = Kept::open(&store, "a/b");
        let (mut dice, mut state, mut states) = (Dice(5), Vec::new(), Vec::new());
        for round in 0..200 {
            dice.change(&mut state);
            kept.save(&state).unwrap();
            states.push(state.clone());
            if round % 7 == 0 {
                let packer = if round % 2 == 0 { &kept } else { &other };
                packer.run(packer.timeline.pack(ALL)).unwrap();
            }
        }
        check(&store, &states, what);
    }
}

#[test]
fn ten_thousand_saves_are_few_values() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let (mut dice, mut state) = (Dice(7), Vec::new());
        let mut most = 0;
        for _ in 0..10_000 {
            dice.change(&mut state);
            state.truncate(1500);
            kept.save(&state).unwrap();
            if let Some(machine) = kept.timeline.maintain() {
                most = most.max(kept.run(machine).unwrap().values_before);
            }
        }
        assert!(most <= 100, "{what}: {most}");
        let fresh = Kept::open(&store, "a/b");
        assert!(fresh.restore(At::Latest).unwrap() == state);
    }
}
