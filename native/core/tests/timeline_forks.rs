//! Forks share a history and keep it: whatever is pruned or deleted in the timeline they came from,
//! they restore exactly. Tags name and hold, leases refuse, prune takes out only what nobody needs.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use std::sync::Arc;
use std::time::Duration;

use keepstate_core::error::Code;
use keepstate_core::store::Store;
use keepstate_core::timeline::{At, From, Options, Packing, Page, Policy, Reason};
use timelines::{name, stores, Dice, Kept};

const ALL: Packing = Packing { all: true, level: None };

fn grow(kept: &Kept, dice: &mut Dice, states: &mut Vec<Vec<u8>>, count: usize) {
    for _ in 0..count {
        let mut state = states.last().cloned().unwrap_or_default();
        dice.change(&mut state);
        kept.save(&state).unwrap();
        states.push(state);
    }
}

fn check(store: &Arc<dyn Store>, of: &str, states: &[Vec<u8>], shown: impl Fn(u64) -> bool) {
    let kept = Kept::open(store, of);
    for (sequence, state) in (1..).zip(states) {
        match kept.restore(At::Sequence(sequence)) {
            Ok(bytes) => assert!(shown(sequence) && bytes == *state, "{of}@{sequence}"),
            Err(error) => {
                assert_eq!(error.code(), Code::NotFound, "{of}@{sequence}: {error}");
                assert!(!shown(sequence), "{of}@{sequence} is gone");
            }
        }
    }
    let report = kept.run(kept.timeline.verify()).unwrap();
    assert!(report.problems.is_empty(), "{of}: {:?}", report.problems);
    let count = (1..=states.len() as u64).filter(|s| shown(*s)).count();
    assert_eq!(report.snapshots, count as u64, "{of}");
}

#[test]
fn a_fork_shares_its_history_and_goes_on() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let (mut dice, mut states) = (Dice(3), Vec::new());
        grow(&kept, &mut dice, &mut states, 40);
        kept.run(kept.timeline.pack(ALL)).unwrap();
        grow(&kept, &mut dice, &mut states, 5);
        let forked = kept.run(kept.timeline.fork(name("a/c"), At::Sequence(30))).unwrap();
        assert_eq!(forked.sequence, 30, "{what}");
        let fork = Kept::open(&store, "a/c");
        let mut other = states[..30].to_vec();
        assert_eq!(fork.restore(At::Latest).unwrap(), states[29]);
        grow(&fork, &mut dice, &mut other, 50);
        grow(&kept, &mut dice, &mut states, 50);
        let second = fork.run(fork.timeline.fork(name("a/d"), At::Sequence(60))).unwrap();
        assert_eq!(second.sequence, 60);
        let third = Kept::open(&store, "a/d");
        let mut more = other[..60].to_vec();
        grow(&third, &mut dice, &mut more, 10);
        for (of, states) in [("a/b", &states), ("a/c", &other), ("a/d", &more)] {
            check(&store, of, states, |_| true);
        }
        let taken = kept.run(kept.timeline.fork(name("a/c"), At::Latest)).unwrap_err();
        assert_eq!(taken.code(), Code::Conflict);
        let page = Page { limit: Some(500), ..Page::default() };
        assert_eq!(third.run(third.timeline.list(page)).unwrap().len(), 70);

        // The parents go; what the forks need stays.
        let deleted = kept.run(kept.timeline.delete()).unwrap();
        assert_eq!(deleted.forks, ["a/c", "a/d"], "{what}");
        assert_eq!(kept.restore(At::Latest).unwrap_err().code(), Code::NotFound);
        check(&store, "a/c", &other, |_| true);
        let fork = Kept::open(&store, "a/c");
        fork.run(fork.timeline.delete()).unwrap();
        check(&store, "a/d", &more, |_| true);
        let third = Kept::open(&store, "a/d");
        third.run(third.timeline.delete()).unwrap();
        // A name can be used again, and its numbers go on.
        kept.save(b"again").unwrap();
        kept.run(kept.timeline.fork(name("a/d"), At::Latest)).unwrap();
        assert_eq!(Kept::open(&store, "a/d").restore(At::Latest).unwrap(), b"again", "{what}");
        let again = Kept::open(&store, "a/d").save(b"more").unwrap();
        assert!(again.sequence > 70, "{what}: {}", again.sequence);
    }
}

#[test]
fn prune_keeps_what_the_rules_say_and_nothing_else() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let (mut dice, mut states) = (Dice(9), Vec::new());
        grow(&kept, &mut dice, &mut states, 150);
        kept.run(kept.timeline.tag("good".into(), At::Sequence(33), From::Nowhere)).unwrap();
        kept.run(kept.timeline.fork(name("a/c"), At::Sequence(12))).unwrap();
        let mut other = states[..12].to_vec();
        grow(&Kept::open(&store, "a/c"), &mut dice, &mut other, 3);
        let policy =
            Policy { keep_last: Some(5), keep_every: Some(50), dry_run: true, ..Policy::default() };
        let dry = kept.run(kept.timeline.prune(policy.clone())).unwrap();
        check(&store, "a/b", &states, |_| true);
        let done = kept.run(kept.timeline.prune(Policy { dry_run: false, ..policy })).unwrap();
        assert_eq!((&dry.runs, dry.gone), (&done.runs, done.gone), "{what}");
        let open =
            done.runs.iter().filter(|run| run.why == Some(Reason::Open)).map(|run| run.first);
        let open = open.min().unwrap_or(u64::MAX);
        let stays = |s: u64| s <= 12 || s == 33 || s % 50 == 0 || s > 145 || s >= open;
        check(&store, "a/b", &states, stays);
        check(&store, "a/c", &other, |_| true);
        grow(&kept, &mut dice, &mut states, 40);
        kept.run(kept.timeline.pack(ALL)).unwrap();
        check(&store, "a/b", &states, stays);
        assert!(done.freed > 0, "{what}: {done:?}");
        let nothing = kept.run(kept.timeline.prune(Policy::default())).unwrap_err();
        assert_eq!(nothing.code(), Code::InvalidArgument);
    }
}

#[test]
fn pruned_bytes_come_back() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let mut dice = Dice(4);
        for _ in 0..200 {
            kept.save(&dice.text(3000)).unwrap();
        }
        kept.run(kept.timeline.pack(ALL)).unwrap();
        let size = || -> u64 {
            let entries = store.list(&Default::default()).unwrap();
            entries.iter().filter(|e| e.key.contains("/p")).map(|e| e.size).sum()
        };
        let before = size();
        let policy = Policy { keep_last: Some(1), ..Policy::default() };
        let done = kept.run(kept.timeline.prune(policy)).unwrap();
        assert!(done.gone == 199, "{what}: {done:?}");
        if store.supports().commit {
            assert_eq!(before - size(), done.freed);
            assert!(size() < before / 50, "{what}: {} of {before}", size());
        }
        let fresh = Kept::open(&store, "a/b");
        assert!(fresh.restore(At::Latest).is_ok());
        kept.save(b"on").unwrap();
        let report = fresh.run(fresh.timeline.verify()).unwrap();
        assert!(report.problems.is_empty() && report.snapshots == 2, "{what}: {report:?}");
    }
}

#[test]
fn a_tag_moves_only_from_where_it_is() {
    for (_, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        for n in 0..5u8 {
            kept.save(&[n; 40]).unwrap();
        }
        let tag = |at, from| kept.run(kept.timeline.tag("good".into(), At::Sequence(at), from));
        tag(2, From::Nowhere).unwrap();
        tag(2, From::Nowhere).unwrap();
        assert_eq!(tag(3, From::Nowhere).unwrap_err().code(), Code::Conflict);
        assert_eq!(tag(3, From::Sequence(1)).unwrap_err().code(), Code::Conflict);
        tag(3, From::Sequence(2)).unwrap();
        tag(4, From::Anywhere).unwrap();
        assert_eq!(tag(9, From::Anywhere).unwrap_err().code(), Code::NotFound);
        assert_eq!(kept.restore(At::Tag("good".into())).unwrap(), [3; 40]);
        assert_eq!(kept.run(kept.timeline.tags()).unwrap(), [("good".to_owned(), 4)]);
        let untag = || kept.run(kept.timeline.untag("good".into(), From::Anywhere));
        assert_eq!(untag().unwrap(), 4);
        assert_eq!(untag().unwrap_err().code(), Code::NotFound);
    }
}

#[test]
fn a_lease_refuses_others_and_one_that_was_stalled() {
    for (what, store) in stores() {
        let leased = |time| Options { lease: Some(time), ..Options::default() };
        let first = Kept::with(&store, "a/b", leased(Duration::from_millis(50)));
        first.save(b"one").unwrap();
        let other = Kept::with(&store, "a/b", leased(Duration::from_secs(60)));
        assert_eq!(other.save(b"x").unwrap_err().code(), Code::LeaseHeld, "{what}");
        let plain = Kept::open(&store, "a/b");
        assert_eq!(plain.save(b"x").unwrap_err().code(), Code::LeaseHeld, "{what}");
        std::thread::sleep(Duration::from_millis(60));
        other.save(b"two").unwrap();
        assert_eq!(first.save(b"x").unwrap_err().code(), Code::LeaseLost, "{what}");
        assert_eq!(first.save(b"x").unwrap_err().code(), Code::LeaseLost, "{what}");
        assert_eq!(other.restore(At::Latest).unwrap(), b"two");
        other.save(b"three").unwrap();
        other.run(other.timeline.release()).unwrap();
        plain.restore(At::Latest).unwrap();
        plain.save(b"four").unwrap();
        let report = plain.run(plain.timeline.verify()).unwrap();
        assert!(report.problems.is_empty() && report.snapshots == 4, "{what}: {report:?}");
        let listed = plain.run(plain.timeline.list(Page::default())).unwrap();
        assert_eq!(listed.len(), 4, "{what}");
    }
}
