//! What others do between two requests of an operation: forks, packs, deletes and clocks that
//! differ never make it lie. Each scenario was found by the simulation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use std::time::Duration;

use keepstate_core::error::{fail, Code};
use keepstate_core::machine::Request;
use keepstate_core::timeline::{At, From, Options, Packing, Page, Policy};
use timelines::between::{
    before, behind, drive, grow, is_write, pair, remove, save, serve, sound, time, writes, LATE,
    NOON,
};
use timelines::{memory, name, one_by_one, stores, whole, Dice, Kept};

const ALL: Packing = Packing { all: true, level: None };

#[test]
fn a_gap_before_a_fence_is_a_gap_before_what_follows_it() {
    let store = memory();
    let leased = |millis| {
        let lease = Some(Duration::from_millis(millis));
        Kept::with(&store, "a/b", Options { lease, ..Options::default() })
    };
    let mut states = grow(&leased(50), 5);
    std::thread::sleep(Duration::from_millis(60));
    let second = leased(60_000);
    second.restore(At::Latest).unwrap();
    states.push([&states[4][..], b"more"].concat());
    assert_eq!(second.save(&states[5]).unwrap().sequence, 7);
    second.run(second.timeline.tag("good".into(), At::Sequence(3), From::Nowhere)).unwrap();
    let policy = Policy { keep_last: Some(1), ..Policy::default() };
    second.run(second.timeline.prune(policy)).unwrap();
    let fresh = Kept::open(&store, "a/b");
    assert_eq!(fresh.restore(At::Latest).unwrap(), states[5]);
    assert_eq!(fresh.restore(At::Sequence(3)).unwrap(), states[2]);
    sound(&store, "a/b", 2);
}

#[test]
fn what_begins_anew_follows_from_nothing_that_a_fork_still_shows() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let states = grow(&kept, 3);
        kept.run(kept.timeline.fork(name("a/c"), At::Latest)).unwrap();
        kept.run(kept.timeline.delete()).unwrap();
        sound(&store, "a/b", 0);
        let anew = grow(&kept, 40);
        sound(&store, "a/b", 40);
        kept.run(kept.timeline.pack(ALL)).unwrap();
        assert_eq!(Kept::open(&store, "a/b").restore(At::Latest).unwrap(), anew[39], "{what}");
        sound(&store, "a/b", 40);
        assert_eq!(Kept::open(&store, "a/c").restore(At::Latest).unwrap(), states[2], "{what}");
        sound(&store, "a/c", 3);
    }
}

#[test]
fn a_value_below_the_floor_need_not_be_whole() {
    let store = one_by_one();
    let kept = Kept::open(&store, "a/b");
    grow(&kept, 40);
    kept.run(kept.timeline.fork(name("a/c"), At::Sequence(2))).unwrap();
    kept.run(kept.timeline.delete()).unwrap();
    sound(&store, "a/b", 0);
    sound(&store, "a/c", 2);
    let report = kept.run(kept.timeline.repair()).unwrap();
    assert!(report.lost.is_empty(), "{:?}", report.lost);
}

#[test]
fn a_fork_whose_answer_was_late_has_its_history() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let states = grow(&kept, 5);
        let mut late = None;
        let fork = kept.timeline.fork(name("a/c"), At::Sequence(3));
        let error = drive(&store, fork, |request| {
            let hit = is_write(request, "c/control");
            hit.then(|| late = Some(request.clone()))?;
            Some(fail(Code::Timeout, "No answer."))
        });
        assert_eq!(error.unwrap_err().code(), Code::Timeout, "{what}");
        kept.run(kept.timeline.delete()).unwrap();
        serve(&store, late.unwrap()).unwrap();
        assert_eq!(Kept::open(&store, "a/c").restore(At::Latest).unwrap(), states[2], "{what}");
        sound(&store, "a/c", 3);
    }
}

#[test]
fn a_fork_that_fails_lets_go_of_nothing_that_another_holds() {
    for (what, store) in stores() {
        let (kept, other) = pair(&store);
        let states = grow(&kept, 5);
        let fork = kept.timeline.fork(name("a/c"), At::Sequence(3));
        let another = before("c/control", || {
            other.run(other.timeline.fork(name("a/c"), At::Sequence(2))).unwrap();
        });
        let error = drive(&store, fork, another);
        assert_eq!(error.unwrap_err().code(), Code::Conflict, "{what}");
        kept.run(kept.timeline.delete()).unwrap();
        assert_eq!(Kept::open(&store, "a/c").restore(At::Latest).unwrap(), states[1], "{what}");
        sound(&store, "a/c", 2);
    }
}

#[test]
fn a_fork_does_not_take_a_name_that_was_saved_to_meanwhile() {
    for (what, store) in stores() {
        let (kept, other) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/c"));
        grow(&kept, 2);
        let fork = kept.timeline.fork(name("a/c"), At::Latest);
        let saved = before("c/control", || drop(other.save(b"mine").unwrap()));
        let error = drive(&store, fork, saved);
        assert_eq!(error.unwrap_err().code(), Code::Conflict, "{what}");
        assert_eq!(Kept::open(&store, "a/c").restore(At::Latest).unwrap(), b"mine", "{what}");
        sound(&store, "a/c", 1);
    }
}

#[test]
fn a_save_does_not_count_in_a_name_that_became_a_fork_meanwhile() {
    for (what, store) in stores() {
        let (kept, other) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/c"));
        let states = grow(&kept, 2);
        let forked = before("/000000000001", || {
            kept.run(kept.timeline.fork(name("a/c"), At::Latest)).unwrap();
        });
        let error = save(&other, whole(b"mine"), forked);
        assert_eq!(error.unwrap_err().code(), Code::Conflict, "{what}");
        assert_eq!(Kept::open(&store, "a/c").restore(At::Latest).unwrap(), states[1], "{what}");
        sound(&store, "a/c", 2);
        assert_eq!(Kept::open(&store, "a/c").save(b"on").unwrap().sequence, 3, "{what}");
    }
}

#[test]
fn a_save_behind_a_fence_does_not_count_if_a_fork_was_first() {
    let store = one_by_one();
    let (kept, other) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/c"));
    let states = grow(&kept, 1);
    let mut first = true;
    // The fork stands behind its fence, and the other has seen that.
    let fork = kept.timeline.fork(name("a/c"), At::Latest);
    let mut refused = None;
    let forked = drive(&store, fork, |request| {
        if is_write(request, "c/control") && std::mem::take(&mut first) {
            let request = request.clone();
            let mut begun = false;
            let ended = save(&other, whole(b"mine"), |wanted| {
                if !writes(wanted).is_empty() && !std::mem::replace(&mut begun, true) {
                    serve(&store, request.clone()).unwrap();
                }
                None
            });
            refused = Some(ended);
        }
        None
    });
    forked.unwrap();
    assert_eq!(refused.unwrap().unwrap_err().code(), Code::Conflict);
    assert_eq!(Kept::open(&store, "a/c").restore(At::Latest).unwrap(), states[0]);
    sound(&store, "a/c", 1);
}

#[test]
fn keys_are_removed_a_grace_after_their_remover_saw_them_dead() {
    let store = one_by_one();
    let (kept, other) = pair(&store);
    grow(&kept, 70);
    let pack = |kept: &Kept, now: u64| {
        drive(&store, kept.timeline.pack(ALL), |request| time(request, now)).unwrap();
        store.list(&Default::default()).unwrap().iter().filter(|e| !e.key.contains("/p")).count()
    };
    let before = pack(&kept, NOON);
    // Another's clock may be ahead of the one that says since when they are dead.
    assert_eq!(pack(&other, NOON + 1_200_000), before);
    assert_eq!(pack(&other, NOON + 1_200_000 + 59_000), before);
    assert!(pack(&other, NOON + 1_200_000 + 60_000) < before - 30);
    sound(&store, "a/b", 70);
}

#[test]
fn a_writer_that_others_overtook_while_it_was_stalled_saves_no_more() {
    let store = one_by_one();
    let (kept, other) = pair(&store);
    save(&kept, whole(b"one"), |_| None).unwrap();
    let overtaken = behind("/000000000002", || {
        other.restore(At::Latest).unwrap();
        grow(&other, 70);
        other.run(other.timeline.pack(ALL)).unwrap();
        remove(&store, 2..=64);
    });
    assert_eq!(save(&kept, whole(b"two"), overtaken).unwrap().sequence, 2);
    let error = save(&kept, whole(b"three"), |request| time(request, LATE)).unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
    sound(&store, "a/b", 72);
}

#[test]
fn a_save_that_was_deleted_before_its_answer_came_is_not_called_refused() {
    let store = one_by_one();
    let (kept, other) = pair(&store);
    save(&kept, whole(b"one"), |_| None).unwrap();
    let deleted = behind("/000000000002", || {
        assert_eq!(other.restore(At::Latest).unwrap(), b"two");
        other.run(other.timeline.delete()).unwrap();
    });
    assert_eq!(save(&kept, whole(b"two"), deleted).unwrap_err().code(), Code::Unavailable);
}

#[test]
fn a_save_whose_answer_was_lost_is_found_in_a_pack() {
    let store = memory();
    let (kept, other) = pair(&store);
    save(&kept, whole(b"one"), |_| None).unwrap();
    let mut first = true;
    let saved = save(&kept, whole(b"two"), |request| {
        if !is_write(request, "/000000000002") || !std::mem::take(&mut first) {
            return None;
        }
        serve(&store, request.clone()).unwrap();
        other.run(other.timeline.pack(ALL)).unwrap();
        // As a client's own second try is told.
        Some(fail(Code::Conflict, "It is there."))
    });
    assert_eq!(saved.unwrap().sequence, 2);
    sound(&store, "a/b", 2);
}

#[test]
fn a_key_whose_snapshot_was_pruned_is_free_again() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    let keyed = || {
        let mut save = whole(b"keyed");
        save.meta.idempotency_key = Some("k".into());
        save
    };
    assert_eq!(kept.start(keyed()).recv().unwrap().unwrap().sequence, 1);
    assert_eq!(kept.start(keyed()).recv().unwrap().unwrap().sequence, 1);
    grow(&kept, 3);
    let policy = Policy { keep_last: Some(1), ..Policy::default() };
    kept.run(kept.timeline.prune(policy)).unwrap();
    assert_eq!(kept.start(keyed()).recv().unwrap().unwrap().sequence, 5);
}

#[test]
fn a_fork_notices_that_its_parent_was_packed_while_it_read() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let states = grow(&kept, 40);
        kept.run(kept.timeline.fork(name("a/c"), At::Sequence(1))).unwrap();
        let fork = Kept::open(&store, "a/c");
        let mut first = true;
        let restored = drive(&store, fork.timeline.restore(At::Latest), |request| {
            let of_parent = |key: &String| key.ends_with("b/000000000001");
            if matches!(request, Request::Get { key, .. } if of_parent(key))
                && std::mem::take(&mut first)
            {
                kept.run(kept.timeline.pack(ALL)).unwrap();
                remove(&store, 1..=32);
            }
            None
        });
        assert!(!first, "{what}");
        assert_eq!(restored.unwrap().bytes, states[0], "{what}");
    }
}

#[test]
fn what_could_not_be_confirmed_is_not_told() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    let mut controls = 0;
    let result = drive(&store, kept.timeline.show(At::Latest), |request| {
        let again = matches!(request, Request::Get { key, .. } if key.ends_with("control"));
        controls += u32::from(again);
        (again && controls > 1).then(|| fail(Code::Unavailable, "Not now."))
    });
    assert_eq!(result.unwrap_err().code(), Code::Unavailable);
}

#[test]
fn a_delete_goes_over_nothing_that_was_saved_and_packed_meanwhile() {
    for (what, store) in stores() {
        let (kept, other) = pair(&store);
        let states = grow(&kept, 40);
        kept.run(kept.timeline.pack(ALL)).unwrap();
        other.restore(At::Latest).unwrap();
        let deleted = drive(
            &store,
            kept.timeline.delete(),
            before("b/control", || {
                let more = (0..40).map(|more| format!("more {more}").into_bytes());
                for more in more {
                    other.save(&[&states[4][..], &more].concat()).unwrap();
                }
                let packing = Packing { all: false, level: None };
                other.run(other.timeline.pack(packing)).unwrap();
            }),
        );
        // All of it is gone, or all that was saved meanwhile is there.
        assert!(deleted.is_ok() || deleted.is_err_and(|e| e.code() == Code::Conflict), "{what}");
        let fresh = Kept::open(&store, "a/b");
        for snapshot in fresh.run(fresh.timeline.list(Page::default())).unwrap() {
            let sequence = snapshot.sequence;
            assert!(fresh.restore(At::Sequence(sequence)).is_ok(), "{what}: @{sequence}");
        }
        let report = fresh.run(fresh.timeline.verify()).unwrap();
        assert!(report.problems.is_empty(), "{what}: {:?}", report.problems);
    }
}

#[test]
fn a_fork_under_a_name_that_was_used_before_is_sound() {
    for (what, store) in stores() {
        let kept = Kept::open(&store, "a/b");
        let mut states = grow(&kept, 2);
        kept.run(kept.timeline.fork(name("a/c"), At::Latest)).unwrap();
        let former = Kept::open(&store, "a/c");
        // Fewer numbers than its parent gets, and more bytes.
        former.save(&Dice(2).text(20_000)).unwrap();
        former.save(&Dice(3).text(20_000)).unwrap();
        former.run(former.timeline.delete()).unwrap();
        for more in 0..7 {
            states.push(format!("state {more}").into_bytes());
            kept.save(&states[2 + more]).unwrap();
        }
        kept.run(kept.timeline.fork(name("a/c"), At::Sequence(9))).unwrap();
        sound(&store, "a/c", 9);
        assert_eq!(former.restore(At::Sequence(3)).unwrap(), states[2], "{what}");
        let fork = Kept::open(&store, "a/c");
        assert_eq!(fork.restore(At::Latest).unwrap(), states[8], "{what}");
        fork.save(b"anew").unwrap();
        sound(&store, "a/c", 10);
    }
}
