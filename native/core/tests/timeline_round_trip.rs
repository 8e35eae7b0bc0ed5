//! Every snapshot restores exactly what was saved: from the handle that saved it, from another one,
//! by whole states and by edits, with and without batches, however the state changes.
#![allow(clippy::unwrap_used)]

mod timelines;

use keepstate_core::store::Store;
use keepstate_core::timeline::{At, Options, Packing, Page};
use std::sync::Arc;
use timelines::{spliced, stores, whole, Dice, Kept};

fn save_many(kept: &Kept, dice: &mut Dice, count: usize) -> Vec<Vec<u8>> {
    let mut state = Vec::new();
    let mut states = Vec::new();
    for index in 0..count {
        let before = state.clone();
        dice.change(&mut state);
        let save = match index % 3 {
            0 => whole(&state),
            _ => spliced(kept, &before, &state),
        };
        let snapshot = kept.start(save).recv().unwrap().unwrap();
        assert_eq!(snapshot.sequence, index as u64 + 1);
        assert_eq!(snapshot.length, state.len() as u64);
        states.push(state.clone());
    }
    states
}

fn check_all(kept: &Kept, states: &[Vec<u8>]) {
    for (sequence, state) in (1..).zip(states) {
        assert!(kept.restore(At::Sequence(sequence)).unwrap() == *state, "@{sequence}");
    }
    assert!(kept.restore(At::Latest).unwrap() == *states.last().unwrap());
}

fn check_listing(store: &Arc<dyn Store>, states: &[Vec<u8>]) {
    let kept = Kept::open(store, "planner/run 42/%");
    let all = kept.run(kept.timeline.list(Page { limit: Some(1000), ..Page::default() })).unwrap();
    assert_eq!(all.len(), states.len());
    for pair in all.windows(2) {
        assert_eq!(pair[1].parent, pair[0].id);
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
    }
    let page = Page { after: Some(10), before: Some(40), limit: Some(7), newest_first: true };
    let page = kept.run(kept.timeline.list(page)).unwrap();
    assert_eq!(page.iter().map(|s| s.sequence).collect::<Vec<_>>(), [39, 38, 37, 36, 35, 34, 33]);
    let shown = kept.run(kept.timeline.show(At::Sequence(20))).unwrap();
    assert_eq!(shown, all[19]);
}

#[test]
fn all_states_come_back() {
    for (kind, store) in stores() {
        for seed in 1..6u64 {
            let name = format!("planner{seed}/run");
            let kept = Kept::open(&store, &name);
            let states = save_many(&kept, &mut Dice(seed * 7919), 150);
            check_all(&kept, &states);
            let reopened = Kept::open(&store, &name);
            check_all(&reopened, &states);
            let report = reopened.run(reopened.timeline.verify()).unwrap();
            assert!(report.problems.is_empty(), "{kind}: {:?}", report.problems);
            assert_eq!(report.snapshots, 150);
        }
    }
}

#[test]
fn a_small_memory_changes_nothing() {
    let options = Options { cache_bytes: 3000, full_integrity: true, ..Options::default() };
    for (_, store) in stores() {
        let kept = Kept::with(&store, "a/b", options.clone());
        let states = save_many(&kept, &mut Dice(99), 130);
        check_all(&kept, &states);
        check_all(&Kept::with(&store, "a/b", options.clone()), &states);
    }
}

#[test]
fn saving_goes_on_after_reopening() {
    for (_, store) in stores() {
        let mut states = save_many(&Kept::open(&store, "planner/run 42/%"), &mut Dice(5), 70);
        for round in 0..20u64 {
            let kept = Kept::open(&store, "planner/run 42/%");
            let mut state = states.last().unwrap().clone();
            Dice(round + 1).change(&mut state);
            assert_eq!(kept.save(&state).unwrap().sequence, states.len() as u64 + 1);
            states.push(state);
        }
        check_all(&Kept::open(&store, "planner/run 42/%"), &states);
        check_listing(&store, &states);
    }
}

#[test]
fn thousands_of_random_edits_stay_cheap() {
    let (_, store) = stores().remove(0);
    let kept = Kept::open(&store, "a/b");
    let mut dice = Dice(11);
    let mut state = dice.text(60_000);
    kept.save(&state).unwrap();
    for _ in 0..6000 {
        let before = state.clone();
        let at = dice.roll(state.len() - 8);
        state[at..at + 8].copy_from_slice(&dice.text(8));
        kept.start(spliced(&kept, &before, &state)).recv().unwrap().unwrap();
    }
    assert!(Kept::open(&store, "a/b").restore(At::Latest).unwrap() == state);
    let stored: u64 = store.list(&Default::default()).unwrap().iter().map(|e| e.size).sum();
    assert!(stored < 6000 * 400, "{stored} bytes stored for 6,000 edits of 8 bytes");
}

#[test]
fn any_order_of_restores_gives_the_same() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let (mut dice, mut state, mut states) = (Dice(21), Vec::new(), Vec::new());
        for n in 0..300 {
            let (head, more) = (dice.text(9), 20 + dice.roll(900));
            state.splice(..state.len().min(9), head);
            state.extend_from_slice(&dice.text(more));
            kept.save(&state).unwrap();
            states.push(state.clone());
            if n == 30 {
                kept.run(kept.timeline.pack(Packing { all: true, level: None })).unwrap();
            }
        }
        for round in 0..20 {
            let options = Options { cache_bytes: 1 << (10 + round), ..Options::default() };
            let fresh = Kept::with(&store, "a/b", options);
            for _ in 0..25 {
                let at = dice.roll(states.len());
                let restored = fresh.restore(At::Sequence(at as u64 + 1)).unwrap();
                assert!(restored == states[at], "{what}: @{}", at + 1);
            }
        }
    }
}
