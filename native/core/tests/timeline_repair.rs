//! Repair: whatever is damaged, what can still be proven is kept exactly, what is lost is named, the
//! timeline verifies afterwards and goes on. Damage of every byte of packs and control objects is a
//! named error or exact data.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use std::sync::Arc;

use keepstate_core::error::Code;
use keepstate_core::store::{Mode, Store, StoreExt};
use keepstate_core::timeline::{At, From, Name, Packing, Policy};
use timelines::{memory, Dice, Kept};

const ALL: Packing = Packing { all: true, level: None };

/// A timeline with a pack of which snapshots were taken out, values of their own, a tag, a fork.
fn furnished() -> (Arc<dyn Store>, Vec<Vec<u8>>) {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    let (mut dice, mut state, mut states) = (Dice(3), Vec::new(), Vec::new());
    for round in 0..14 {
        dice.change(&mut state);
        state.truncate(200);
        kept.save(&state).unwrap();
        states.push(state.clone());
        if round == 8 {
            kept.run(kept.timeline.tag("good".into(), At::Sequence(2), From::Nowhere)).unwrap();
            kept.run(kept.timeline.pack(ALL)).unwrap();
            let policy = Policy { keep_every: Some(3), ..Policy::default() };
            kept.run(kept.timeline.prune(policy)).unwrap();
            let name = Name::new("a", "c").unwrap();
            kept.run(kept.timeline.fork(name, At::Sequence(6))).unwrap();
        }
    }
    (store, states)
}

fn shown(sequence: u64) -> bool {
    sequence > 8 || sequence == 2 || sequence % 3 == 0
}

#[test]
fn damage_anywhere_is_named_and_repaired() {
    let (store, states) = furnished();
    let mut tried = 0;
    for entry in store.list(&Default::default()).unwrap() {
        let right = store.get(&entry.key, None).unwrap().unwrap().value.to_vec();
        for at in (0..right.len()).step_by(if entry.key.contains("/p") { 1 } else { 3 }) {
            let mut flipped = right.clone();
            flipped[at] ^= 1 << (at % 8);
            for damaged in [flipped, right[..at].to_vec()] {
                let copy = copied(&store);
                copy.put_wait(&entry.key, damaged, Mode::Overwrite).unwrap();
                check(&copy, &states, &format!("byte {at} of {}", entry.key));
                tried += 1;
            }
        }
    }
    assert!(tried > 1000, "only {tried} cases");
}

fn copied(store: &Arc<dyn Store>) -> Arc<dyn Store> {
    let copy = memory();
    for entry in store.list(&Default::default()).unwrap() {
        let value = store.get(&entry.key, None).unwrap().unwrap().value;
        copy.put_wait(&entry.key, value, Mode::Overwrite).unwrap();
    }
    copy
}

fn check(store: &Arc<dyn Store>, states: &[Vec<u8>], what: &str) {
    let kept = Kept::open(store, "a/b");
    for (sequence, state) in (1..).zip(states) {
        match kept.restore(At::Sequence(sequence)) {
            Ok(bytes) => assert!(bytes == *state, "{what}: @{sequence} restores other bytes"),
            Err(error) => assert!(
                matches!(
                    error.code(),
                    Code::Corrupt | Code::HashMismatch | Code::FormatTooNew | Code::NotOurs
                ) || error.code() == Code::NotFound && !shown(sequence),
                "{what}: @{sequence} {error}"
            ),
        }
    }
    let before: Vec<bool> = restorable(store, states);
    let repaired = match kept.run(kept.timeline.repair()) {
        Ok(repaired) => repaired,
        Err(error) => {
            assert_eq!(error.code(), Code::FormatTooNew, "{what}: {error}");
            return;
        }
    };
    let report = kept.run(kept.timeline.verify()).unwrap();
    assert!(report.problems.is_empty(), "{what}: {:?} {repaired:?}", report.problems);
    let after = restorable(store, states);
    for (at, was) in before.iter().enumerate() {
        // A state may need no byte of its own record; but then nothing proves that record any more.
        let named = repaired.lost.iter().any(|(sequence, _)| *sequence == at as u64 + 1);
        assert!(!was || after[at] || named, "{what}: @{} was lost: {repaired:?}", at + 1);
    }
    let saved = kept.save(b"on").unwrap();
    assert!(saved.sequence > 0);
    assert_eq!(Kept::open(store, "a/b").restore(At::Latest).unwrap(), b"on", "{what}");
}

fn restorable(store: &Arc<dyn Store>, states: &[Vec<u8>]) -> Vec<bool> {
    let each = 1..=states.len() as u64;
    each.map(|s| Kept::open(store, "a/b").restore(At::Sequence(s)).is_ok()).collect()
}

#[test]
fn a_lost_value_costs_what_needs_it_and_no_more() {
    let (store, states) = furnished();
    store.delete_wait("t/a/b/000000000012", None).unwrap();
    let kept = Kept::open(&store, "a/b");
    let repaired = kept.run(kept.timeline.repair()).unwrap();
    assert!(!repaired.lost.is_empty() && repaired.kept >= 6, "{repaired:?}");
    for sequence in [3, 6, 9, 10, 11] {
        assert_eq!(kept.restore(At::Sequence(sequence)).unwrap(), states[sequence as usize - 1]);
    }
    assert!(kept.save(b"next").unwrap().sequence > 14);
    let fork = Kept::open(&store, "a/c");
    assert_eq!(fork.restore(At::Latest).unwrap(), states[5]);
}
