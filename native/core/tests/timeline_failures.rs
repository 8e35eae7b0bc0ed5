//! The failures that timelines are written against, each as one scenario that goes wrong when its
//! rule is taken out (`npm run test:negative`): a stalled writer meets a pack, a fork a prune, one
//! packer another; a lease is taken over; a put is refused under an encoder; a reader meets a deleted
//! key. A lost answer, and a stalled writer that meets a delete, are in `timeline_writers`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use std::sync::Arc;
use std::time::Duration;

use keepstate_core::error::{fail, Code};
use keepstate_core::machine::Request;
use keepstate_core::store::{Store, StoreExt};
use keepstate_core::timeline::{At, Options, Packing, Policy, Save};
use timelines::between::{
    before, drive, grow, is_write, pair, remove, save, sound, time, writes, LATE, NOON,
};
use timelines::{name, stores, whole, Dice, Kept};

const ALL: Packing = Packing { all: true, level: None };

/// Every state restores exactly, from a handle that knows nothing.
fn check(store: &Arc<dyn Store>, states: &[Vec<u8>], what: &str) {
    let kept = Kept::open(store, "a/b");
    for (sequence, state) in (1..).zip(states) {
        let restored = kept.restore(At::Sequence(sequence)).unwrap();
        assert!(restored == *state, "{what}: @{sequence}");
    }
    sound(store, "a/b", states.len() as u64);
}

#[test]
fn a_stalled_writer_whose_place_was_packed_is_refused() {
    for (what, store) in stores() {
        let (kept, other) = pair(&store);
        save(&kept, whole(b"one"), |_| None).unwrap();
        let (mut stalled, mut states) = (false, vec![b"one".to_vec()]);
        let error = save(&kept, whole(b"two"), |request| {
            if is_write(request, "/000000000002") && !std::mem::replace(&mut stalled, true) {
                other.restore(At::Latest).unwrap();
                states.append(&mut grow(&other, 70));
                other.run(other.timeline.pack(ALL)).unwrap();
                // Now nothing is under the key.
                remove(&store, 2..=64);
            }
            time(request, LATE).filter(|_| stalled)
        });
        assert_eq!(error.unwrap_err().code(), Code::Conflict, "{what}");
        check(&store, &states, what);
    }
}

#[test]
fn a_writer_whose_frame_was_packed_begins_another() {
    for (what, store) in stores() {
        let (kept, other) = pair(&store);
        let mut states = grow(&kept, 40);
        let next = [&states[39][..], &Dice(3).text(300)].concat();
        let packed = before("/000000000041", || {
            other.run(other.timeline.pack(ALL)).unwrap();
            remove(&store, 1..=32);
        });
        assert_eq!(save(&kept, whole(&next), packed).unwrap().sequence, 41, "{what}");
        states.push(next);
        check(&store, &states, what);
    }
}

#[test]
fn a_fork_that_comes_while_a_prune_is_under_way_keeps_its_history() {
    for (what, store) in stores() {
        let (kept, other) = pair(&store);
        let states = grow(&kept, 70);
        let forked = before("b/control", || {
            other.run(other.timeline.fork(name("a/c"), At::Sequence(5))).unwrap();
        });
        let policy = Policy { keep_last: Some(1), ..Policy::default() };
        let pruned = drive(&store, kept.timeline.prune(policy), forked).unwrap();
        remove(&store, 1..=32);
        let fork = Kept::open(&store, "a/c");
        assert_eq!(fork.restore(At::Latest).unwrap(), states[4], "{what}");
        assert_eq!(fork.restore(At::Sequence(1)).unwrap(), states[0], "{what}");
        sound(&store, "a/c", 5);
        assert!(pruned.kept >= 6, "{what}: {pruned:?}");
        assert_eq!(Kept::open(&store, "a/b").restore(At::Latest).unwrap(), states[69], "{what}");
    }
}

#[test]
fn a_fork_of_what_a_prune_took_out_meanwhile_is_refused() {
    for (what, store) in stores() {
        let (kept, other) = pair(&store);
        let states = grow(&kept, 70);
        let pruned = before("b/control", || {
            let policy = Policy { keep_last: Some(1), ..Policy::default() };
            other.run(other.timeline.prune(policy)).unwrap();
        });
        let fork = kept.timeline.fork(name("a/c"), At::Sequence(5));
        let error = drive(&store, fork, pruned).unwrap_err();
        assert_eq!(error.code(), Code::NotFound, "{what}: {error}");
        let fork = Kept::open(&store, "a/c");
        assert_eq!(fork.restore(At::Latest).unwrap_err().code(), Code::NotFound, "{what}");
        assert_eq!(Kept::open(&store, "a/b").restore(At::Latest).unwrap(), states[69], "{what}");
    }
}

#[test]
fn of_two_packers_one_is_first() {
    for (what, store) in stores() {
        let (kept, other) = pair(&store);
        let mut states = grow(&kept, 70);
        let mut pack = None;
        let mut first = before("b/control", || {
            other.run(other.timeline.pack(ALL)).unwrap();
            other.restore(At::Latest).unwrap();
            states.append(&mut grow(&other, 40));
            other.run(other.timeline.pack(ALL)).unwrap();
        });
        let packed = drive(&store, kept.timeline.pack(ALL), |request| {
            let own = writes(request).into_iter().find(|key| key.contains("/p"));
            pack = pack.take().or(own.map(str::to_owned));
            first(request)
        });
        drop(first);
        packed.unwrap();
        check(&store, &states, what);
        // The other one's pack is gone: it holds nothing that the first one's does not.
        assert!(store.get(&pack.unwrap(), None).unwrap().is_none(), "{what}");
    }
}

#[test]
fn the_late_save_of_an_old_holder_meets_the_fence() {
    for (what, store) in stores() {
        let lease = Some(Duration::from_secs(1));
        let leased = || Kept::with(&store, "a/b", Options { lease, ..Options::default() });
        let (first, second) = (leased(), leased());
        save(&first, whole(b"one"), |_| None).unwrap();
        let later = |request: &Request| time(request, NOON + 2000);
        let stalled = before("/000000000002", || {
            // It takes the lease over, and saves nothing yet.
            let onto = Save { onto: Some(9), ..whole(b"two") };
            assert_eq!(save(&second, onto, later).unwrap_err().code(), Code::Conflict, "{what}");
        });
        let error = save(&first, whole(b"late"), stalled).unwrap_err();
        assert_eq!(error.code(), Code::LeaseLost, "{what}");
        second.restore(At::Latest).unwrap();
        save(&second, whole(b"two"), later).unwrap();
        let kept = Kept::open(&store, "a/b");
        assert_eq!(kept.restore(At::Latest).unwrap(), b"two", "{what}");
        sound(&store, "a/b", 2);
    }
}

#[test]
fn no_frame_goes_on_over_a_put_that_was_refused() {
    for (what, store) in stores() {
        let (kept, other) = pair(&store);
        let (mut dice, mut states) = (Dice(5), grow(&kept, 3));
        let mut more = |states: &[Vec<u8>]| [&states[states.len() - 1], &*dice.text(300)].concat();
        let error = save(&kept, whole(&more(&states)), |request| {
            is_write(request, "/000000000004").then(|| fail(Code::DiskFull, "Full."))
        });
        assert_eq!(error.unwrap_err().code(), Code::DiskFull, "{what}");
        states.push(more(&states));
        kept.save(&states[3]).unwrap();
        // Another is first.
        other.restore(At::Latest).unwrap();
        let lost = more(&states);
        states.push(more(&states));
        other.save(&states[4]).unwrap();
        assert_eq!(kept.save(&lost).unwrap_err().code(), Code::Conflict, "{what}");
        kept.restore(At::Latest).unwrap();
        states.push(more(&states));
        kept.save(&states[5]).unwrap();
        check(&store, &states, what);
    }
}

#[test]
fn a_reader_that_meets_a_deleted_key_looks_again() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let mut states = grow(&kept, 70);
        for at in [3, 50] {
            let mut met = None;
            let reader = Kept::open(&store, "a/b");
            let restored = drive(&store, reader.timeline.restore(At::Sequence(at)), |request| {
                let Request::Get { key, .. } = request else { return None };
                if met.is_none() && !key.ends_with("/control") {
                    // Values of their own go into a pack, and then packs into one.
                    kept.run(kept.timeline.pack(ALL)).unwrap();
                    remove(&store, 1..=64);
                    drop(store.delete_wait(key, None));
                    met = Some(key.clone());
                }
                None
            });
            assert!(restored.unwrap().bytes == states[at as usize - 1], "{what}: {met:?}");
            assert_eq!(met.unwrap().contains("/p"), at == 50, "{what}");
            let last = states[states.len() - 1].clone();
            for n in 0..40u8 {
                states.push([&last[..], &[n; 40]].concat());
                kept.save(&states[states.len() - 1]).unwrap();
            }
        }
        sound(&store, "a/b", 150);
    }
}
