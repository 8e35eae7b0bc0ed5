//! Every byte of every value of a timeline is flipped, and every value cut at every length: a
//! restore gives exactly what was saved or a named error, and `verify` finds the damage.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use keepstate_core::error::Code;
use keepstate_core::store::{Mode, Store, StoreExt};
use keepstate_core::timeline::At;
use std::sync::Arc;
use timelines::{memory, Dice, Kept};

fn check(store: &Arc<dyn Store>, states: &[Vec<u8>], what: &str) {
    let kept = Kept::open(store, "a/b");
    for (sequence, state) in (1..).zip(states) {
        match kept.restore(At::Sequence(sequence)) {
            Ok(bytes) => assert!(bytes == *state, "{what}: @{sequence} restores other bytes"),
            Err(error) => assert!(
                matches!(
                    error.code(),
                    Code::Corrupt | Code::HashMismatch | Code::FormatTooNew | Code::NotOurs
                ),
                "{what}: {error}"
            ),
        }
    }
    match kept.run(kept.timeline.verify()) {
        Ok(report) => assert!(!report.problems.is_empty(), "{what}: verify found nothing"),
        Err(error) => assert_ne!(error.code(), Code::Internal, "{what}: {error}"),
    }
}

#[test]
fn damage_is_named_and_never_restored() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    let (mut dice, mut state, mut states) = (Dice(3), Vec::new(), Vec::new());
    for _ in 0..10 {
        dice.change(&mut state);
        state.truncate(300);
        kept.save(&state).unwrap();
        states.push(state.clone());
    }
    let mut tried = 0;
    for entry in store.list(&Default::default()).unwrap() {
        let right = store.get(&entry.key, None).unwrap().unwrap().value.to_vec();
        for at in 0..right.len() {
            let mut flipped = right.clone();
            flipped[at] ^= 1 << (at % 8);
            store.put_wait(&entry.key, flipped, Mode::Overwrite).unwrap();
            check(&store, &states, &format!("byte {at} of {}", entry.key));
            store.put_wait(&entry.key, right[..at].to_vec(), Mode::Overwrite).unwrap();
            check(&store, &states, &format!("{} cut at {at}", entry.key));
            tried += 2;
        }
        store.put_wait(&entry.key, right, Mode::Overwrite).unwrap();
    }
    assert!(tried > 2000, "only {tried} cases");
}

#[test]
fn a_missing_value_is_named() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    for n in 0..20u8 {
        kept.save(&[n; 100]).unwrap();
    }
    store.delete_wait("t/a/b/000000000007", None).unwrap();
    let error = Kept::open(&store, "a/b").restore(At::Sequence(9)).unwrap_err();
    assert_eq!(error.code(), Code::Corrupt);
    assert_eq!(error.place().key.as_deref(), Some("t/a/b/000000000007"));
    let report = kept.run(kept.timeline.verify()).unwrap();
    assert!(!report.problems.is_empty());
}
