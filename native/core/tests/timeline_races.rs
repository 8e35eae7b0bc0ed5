//! What others do between two requests of an operation: forks, packs, deletes and clocks that
//! differ never make it lie. Each scenario was found by the simulation.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use std::cell::Cell;
use std::sync::mpsc::sync_channel;
use std::sync::Arc;
use std::time::Duration;

use keepstate_core::clock::{Clock, SystemClock};
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::machine::{Answer, Machine, Request, Step};
use keepstate_core::store::{Op, Store, StoreExt};
use keepstate_core::timeline::{At, From, Name, Options, Packing, Policy, Save, Snapshot};
use timelines::{memory, stores, whole, Dice, Kept, OneByOne};

const ALL: Packing = Packing { all: true, level: None };
/// The time of most scenarios, in milliseconds since 1970.
const NOON: u64 = 1_800_000_000_000;

fn one_by_one() -> Arc<dyn Store> {
    Arc::new(OneByOne(memory()))
}

fn name(text: &str) -> Name {
    let (agent, session) = text.split_once('/').unwrap();
    Name::new(agent, session).unwrap()
}

/// Does what a machine asks of a store.
fn serve(store: &Arc<dyn Store>, request: Request) -> Result<Answer> {
    let commit = |ops| store.commit_wait(ops).map(Answer::Committed);
    match request {
        Request::Get { key, range } => store.get(&key, range).map(Answer::Found),
        Request::List(query) => store.list(&query).map(Answer::Listed),
        Request::Put { key, value, mode } => commit(vec![Op::Put { key, value, mode, ttl: None }]),
        Request::Delete { key, if_version } => commit(vec![Op::Delete { key, if_version }]),
        Request::Commit(ops) => commit(ops),
        Request::Random(count) => {
            let mut bytes = vec![0; count];
            SystemClock.random(&mut bytes).map(|()| Answer::Random(bytes))
        }
        Request::Cancelled => Ok(Answer::Cancelled(false)),
        _ => Ok(Answer::Nothing),
    }
}

/// Drives a machine; `before` is shown each request, may do things first, and may answer it.
fn drive<T>(
    store: &Arc<dyn Store>,
    mut machine: Machine<T>,
    mut before: impl FnMut(&Request) -> Option<Result<Answer>>,
) -> Result<T> {
    loop {
        let requests = match machine.step() {
            Step::Done(result) => return result,
            Step::Do(requests) => requests,
        };
        for (id, request) in requests {
            let answer = match (before(&request), &request) {
                (Some(answer), _) => answer,
                (None, Request::Now) => Ok(Answer::Time(NOON)),
                (None, _) => serve(store, request),
            };
            machine.answer(id, answer);
        }
    }
}

/// The same for a save.
fn save(
    kept: &Kept,
    save: Save,
    before: impl FnMut(&Request) -> Option<Result<Answer>>,
) -> Result<Snapshot> {
    let (sender, receiver) = sync_channel(1);
    let machine = kept.timeline.save(save, Box::new(move |ended| sender.send(ended).unwrap()));
    drive(&kept.ground.store, machine.unwrap(), before).unwrap();
    receiver.try_recv().unwrap()
}

/// The keys that a request writes.
fn writes(request: &Request) -> Vec<&str> {
    match request {
        Request::Put { key, .. } => vec![key],
        Request::Commit(ops) => {
            let puts = ops.iter().filter(|op| matches!(op, Op::Put { .. }));
            puts.map(Op::key).collect()
        }
        _ => Vec::new(),
    }
}

fn is_write(request: &Request, key: &str) -> bool {
    writes(request).iter().any(|written| written.ends_with(key))
}

fn sound(store: &Arc<dyn Store>, of: &str, snapshots: u64) {
    let kept = Kept::open(store, of);
    let report = kept.run(kept.timeline.verify()).unwrap();
    assert!(report.problems.is_empty(), "{of}: {:?}", report.problems);
    assert_eq!(report.snapshots, snapshots, "{of}");
}

fn grow(kept: &Kept, count: usize) -> Vec<Vec<u8>> {
    let (mut dice, mut state) = (Dice(7), Vec::new());
    let next = |_| {
        state.extend_from_slice(&dice.text(300));
        kept.save(&state).unwrap();
        state.clone()
    };
    (0..count).map(next).collect()
}

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
        let (kept, other) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/b"));
        let states = grow(&kept, 5);
        let mut first = true;
        let fork = kept.timeline.fork(name("a/c"), At::Sequence(3));
        let error = drive(&store, fork, |request| {
            if is_write(request, "c/control") && std::mem::take(&mut first) {
                other.run(other.timeline.fork(name("a/c"), At::Sequence(2))).unwrap();
            }
            None
        });
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
        let mut first = true;
        let fork = kept.timeline.fork(name("a/c"), At::Latest);
        let error = drive(&store, fork, |request| {
            if is_write(request, "c/control") && std::mem::take(&mut first) {
                other.save(b"mine").unwrap();
            }
            None
        });
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
        let mut first = true;
        let error = save(&other, whole(b"mine"), |request| {
            if !writes(request).is_empty() && std::mem::take(&mut first) {
                kept.run(kept.timeline.fork(name("a/c"), At::Latest)).unwrap();
            }
            None
        });
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
    let (kept, other) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/b"));
    grow(&kept, 70);
    let pack = |kept: &Kept, now: u64| {
        let time =
            |request: &Request| matches!(request, Request::Now).then_some(Ok(Answer::Time(now)));
        drive(&store, kept.timeline.pack(ALL), time).unwrap();
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
    let (kept, other) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/b"));
    save(&kept, whole(b"one"), |_| None).unwrap();
    let put = Cell::new(false);
    let stalled = save(&kept, whole(b"two"), |request| {
        let after = matches!(request, Request::Now) && put.get();
        put.set(put.get() || is_write(request, "/000000000002"));
        if !after {
            return None;
        }
        other.restore(At::Latest).unwrap();
        grow(&other, 70);
        other.run(other.timeline.pack(ALL)).unwrap();
        // As it is after a grace.
        (2..=64).for_each(|n| drop(store.delete_wait(&format!("t/a/b/{n:012}"), None)));
        Some(Ok(Answer::Time(NOON + 31_000)))
    });
    assert_eq!(stalled.unwrap().sequence, 2);
    let later = |request: &Request| {
        matches!(request, Request::Now).then_some(Ok(Answer::Time(NOON + 31_000)))
    };
    let error = save(&kept, whole(b"three"), later).unwrap_err();
    assert_eq!(error.code(), Code::Conflict);
    sound(&store, "a/b", 72);
}

#[test]
fn a_save_that_was_deleted_before_its_answer_came_is_not_called_refused() {
    let store = one_by_one();
    let (kept, other) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/b"));
    save(&kept, whole(b"one"), |_| None).unwrap();
    let put = Cell::new(false);
    let stalled = save(&kept, whole(b"two"), |request| {
        let after = matches!(request, Request::Now) && put.get();
        put.set(put.get() || is_write(request, "/000000000002"));
        after.then(|| {
            assert_eq!(other.restore(At::Latest).unwrap(), b"two");
            other.run(other.timeline.delete()).unwrap();
            Ok(Answer::Time(NOON + 31_000))
        })
    });
    assert_eq!(stalled.unwrap_err().code(), Code::Unavailable);
}

#[test]
fn a_save_whose_answer_was_lost_is_found_in_a_pack() {
    let store = memory();
    let (kept, other) = (Kept::open(&store, "a/b"), Kept::open(&store, "a/b"));
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
                (1..=32).for_each(|n| drop(store.delete_wait(&format!("t/a/b/{n:012}"), None)));
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
