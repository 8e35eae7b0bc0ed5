//! Driving an operation request by request: what others do between two of them, and what answers
//! are lost or late, is said by the scenario.

use std::sync::mpsc::sync_channel;
use std::sync::Arc;

use keepstate_core::clock::{Clock, SystemClock};
use keepstate_core::error::Result;
use keepstate_core::machine::{Answer, Machine, Request, Step};
use keepstate_core::store::{Op, Store, StoreExt};
use keepstate_core::timeline::{Save, Snapshot};

use super::{Dice, Kept};

/// The time of most scenarios, in milliseconds since 1970.
pub const NOON: u64 = 1_800_000_000_000;
/// So late that a writer must look whether its place was taken meanwhile.
pub const LATE: u64 = NOON + 31_000;

/// What a scenario says to a request: none is answered by the store.
pub type Said = Option<Result<Answer>>;

/// Does what a machine asks of a store.
pub fn serve(store: &Arc<dyn Store>, request: Request) -> Result<Answer> {
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
pub fn drive<T>(
    store: &Arc<dyn Store>,
    mut machine: Machine<T>,
    mut before: impl FnMut(&Request) -> Said,
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
pub fn save(kept: &Kept, save: Save, before: impl FnMut(&Request) -> Said) -> Result<Snapshot> {
    let (sender, receiver) = sync_channel(1);
    let machine = kept.timeline.save(save, Box::new(move |ended| sender.send(ended).unwrap()));
    drive(&kept.ground.store, machine.unwrap(), before).unwrap();
    receiver.try_recv().unwrap()
}

/// The keys that a request writes.
pub fn writes(request: &Request) -> Vec<&str> {
    match request {
        Request::Put { key, .. } => vec![key],
        Request::Commit(ops) => {
            let puts = ops.iter().filter(|op| matches!(op, Op::Put { .. }));
            puts.map(Op::key).collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a request writes a key that ends so.
pub fn is_write(request: &Request, key: &str) -> bool {
    writes(request).iter().any(|written| written.ends_with(key))
}

/// Acts right before the first write of a key.
pub fn before<'a>(key: &'a str, act: impl FnOnce() + 'a) -> impl FnMut(&Request) -> Said + 'a {
    let mut act = Some(act);
    move |request| {
        let act = act.take_if(|_| is_write(request, key));
        act.into_iter().for_each(|act| act());
        None
    }
}

/// Acts between the write of a key and its answer, which comes late.
pub fn behind<'a>(key: &'a str, act: impl FnOnce() + 'a) -> impl FnMut(&Request) -> Said + 'a {
    let (mut act, mut written) = (Some(act), false);
    move |request| {
        let late = written && matches!(request, Request::Now);
        written |= is_write(request, key);
        if !late {
            return None;
        }
        act.take().into_iter().for_each(|act| act());
        time(request, LATE)
    }
}

/// What time it is.
pub fn time(request: &Request, now: u64) -> Said {
    matches!(request, Request::Now).then_some(Ok(Answer::Time(now)))
}

/// Two handles of `a/b`.
pub fn pair(store: &Arc<dyn Store>) -> (Kept, Kept) {
    (Kept::open(store, "a/b"), Kept::open(store, "a/b"))
}

/// Removes values of their own, as it is a grace after they were packed.
pub fn remove(store: &Arc<dyn Store>, numbers: std::ops::RangeInclusive<u64>) {
    numbers.for_each(|n| drop(store.delete_wait(&format!("t/a/b/{n:012}"), None)));
}

/// A timeline verifies, and has so many snapshots.
pub fn sound(store: &Arc<dyn Store>, of: &str, snapshots: u64) {
    let kept = Kept::open(store, of);
    let report = kept.run(kept.timeline.verify()).unwrap();
    assert!(report.problems.is_empty(), "{of}: {:?}", report.problems);
    assert_eq!(report.snapshots, snapshots, "{of}");
}

/// Saves so many states, each longer than the one before, and gives them.
pub fn grow(kept: &Kept, count: usize) -> Vec<Vec<u8>> {
    let (mut dice, mut state) = (Dice(7), Vec::new());
    let next = |_| {
        state.extend_from_slice(&dice.text(300));
        kept.save(&state).unwrap();
        state.clone()
    };
    (0..count).map(next).collect()
}
