//! Every operation on a long timeline asks the store in few rounds and for few values, whatever its
//! length: over stores with batches and without, from a handle that knows nothing yet and from one
//! that has saved.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use std::collections::BTreeSet;
use std::sync::Arc;

use keepstate_core::machine::{Answer, Machine, Request, Step};
use keepstate_core::store::{Op, Store, StoreExt};
use keepstate_core::timeline::{At, Change, From, Meta, Name, Packing, Page, Save, Splice};
use timelines::{stores, Dice, Kept};

/// What an operation asked for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Asked {
    /// Times that it waited for the store.
    rounds: usize,
    /// Different keys that it got a value of.
    values: usize,
    /// Keys that were not there.
    absent: usize,
    lists: usize,
    writes: usize,
}

impl Asked {
    fn within(&self, what: &str, most: (usize, usize, usize)) {
        println!("{what}: {self:?}");
        let (rounds, values, writes) = most;
        assert!(self.rounds <= rounds, "{what}: more than {rounds} rounds: {self:?}");
        assert!(self.values <= values, "{what}: more than {values} values: {self:?}");
        assert!(self.writes <= writes, "{what}: more than {writes} writes: {self:?}");
    }
}

/// Drives a machine one round at a time.
fn count<T>(kept: &Kept, mut machine: Machine<T>) -> (T, Asked) {
    let store = &kept.ground.store;
    let (mut asked, mut keys) = (Asked::default(), BTreeSet::new());
    loop {
        let requests = match machine.step() {
            Step::Do(requests) => requests,
            Step::Done(result) => return (result.unwrap(), Asked { values: keys.len(), ..asked }),
        };
        let mut waits = false;
        for (id, request) in requests {
            waits |= !matches!(request, Request::Now | Request::Random(_) | Request::Cancelled);
            let answer = match request {
                Request::Get { key, range } => {
                    let found = store.get(&key, range);
                    match &found {
                        Ok(Some(_)) => drop(keys.insert(key)),
                        _ => asked.absent += 1,
                    }
                    found.map(Answer::Found)
                }
                Request::List(query) => {
                    asked.lists += 1;
                    store.list(&query).map(Answer::Listed)
                }
                Request::Put { key, value, mode } => {
                    asked.writes += 1;
                    store
                        .commit_wait(vec![Op::Put { key, value, mode, ttl: None }])
                        .map(Answer::Committed)
                }
                Request::Delete { key, if_version } => {
                    asked.writes += 1;
                    store.commit_wait(vec![Op::Delete { key, if_version }]).map(Answer::Committed)
                }
                Request::Commit(ops) => {
                    asked.writes += 1;
                    store.commit_wait(ops).map(Answer::Committed)
                }
                Request::Now => Ok(Answer::Time(kept.ground.clock.now())),
                Request::Random(count) => {
                    let mut bytes = vec![0; count];
                    kept.ground.clock.random(&mut bytes).map(|()| Answer::Random(bytes))
                }
                Request::Sleep(_) => Ok(Answer::Nothing),
                Request::Cancelled => Ok(Answer::Cancelled(false)),
            };
            machine.answer(id, answer);
        }
        asked.rounds += usize::from(waits);
    }
}

fn save(kept: &Kept, save: Save) -> Asked {
    let machine = kept.timeline.save(save, Box::new(|result| drop(result.unwrap()))).unwrap();
    count(kept, machine).1
}

/// A list that grows, behind a counter that changes.
struct Growing {
    dice: Dice,
    state: Vec<u8>,
}

const HEAD: usize = 16;

impl Growing {
    fn new() -> Growing {
        Growing { dice: Dice(3), state: Vec::new() }
    }

    fn grow(&mut self, kept: &Kept) -> Save {
        let old = self.state.len() as u64;
        let (head, more) = (self.dice.text(HEAD), 60 + self.dice.roll(120));
        let tail = self.dice.text(more);
        if old == 0 {
            self.state = [head, tail].concat();
            return timelines::whole(&self.state);
        }
        self.state[..HEAD].copy_from_slice(&head);
        self.state.extend_from_slice(&tail);
        let splices = vec![
            Splice { position: 0, old: HEAD as u64, new: HEAD as u64 },
            Splice { position: old, old: 0, new: tail.len() as u64 },
        ];
        let fresh = [head, tail].concat().into();
        let change = Change::Edits { splices, fresh, epoch: kept.timeline.epoch() };
        Save { change, meta: Meta::default(), onto: None }
    }
}

/// Saves so many states, packed beside it as it falls due.
fn grown(store: &Arc<dyn Store>, count: usize) -> (Kept, Growing) {
    let (kept, mut growing) = (Kept::open(store, "a/b"), Growing::new());
    for _ in 0..count {
        let next = growing.grow(&kept);
        kept.start(next).recv().unwrap().unwrap();
        if let Some(machine) = kept.timeline.maintain() {
            kept.run(machine).unwrap();
        }
    }
    (kept, growing)
}

#[test]
fn the_latest_after_ten_thousand_saves_comes_in_four_rounds() {
    for (what, store) in stores() {
        let (mut kept, mut growing) = grown(&store, 9_950);
        // Wherever packing stands just now, and wherever the hint does.
        for more in 0..5 {
            let fresh = Kept::open(&store, "a/b");
            let (restored, asked) = count(&fresh, fresh.timeline.restore(At::Latest));
            assert!(restored.bytes == growing.state, "{what}");
            asked.within(&format!("{what}: latest, cold, {more}"), (4, 64, 0));
            for _ in 0..10 + more {
                let next = growing.grow(&kept);
                kept.start(next).recv().unwrap().unwrap();
                kept.timeline.maintain().map(|machine| kept.run(machine).unwrap());
            }
        }
        let (_, asked) = count(&kept, kept.timeline.restore(At::Latest));
        asked.within(&format!("{what}: latest, by the writer"), (2, 2, 0));
        kept = Kept::open(&store, "a/b");
        let (_, asked) = count(&kept, kept.timeline.restore(At::Sequence(5_000)));
        asked.within(&format!("{what}: the middle, cold"), (4, 64, 0));
        let (_, asked) = count(&kept, kept.timeline.restore(At::Sequence(5_000)));
        asked.within(&format!("{what}: the middle, warm"), (1, 1, 0));
    }
}

#[test]
fn a_save_in_the_steady_state_is_one_write() {
    for (what, store) in stores() {
        let (kept, mut growing) = grown(&store, 300);
        let mut most = Asked::default();
        for _ in 0..HINTED {
            let next = growing.grow(&kept);
            let asked = save(&kept, next);
            most.rounds = most.rounds.max(asked.rounds);
            // One in so many moves the hint; where there are no batches that takes two rounds more.
            if asked.rounds > 1 {
                asked.within(&format!("{what}: a save that moves the hint"), (3, 1, 2));
                continue;
            }
            assert_eq!((asked.writes, asked.values), (1, 0), "{what}: {asked:?}");
        }
        println!("{what}: at most {} rounds", most.rounds);
    }
}

const HINTED: usize = 63;

#[test]
fn what_is_asked_of_a_long_timeline_is_bounded() {
    for (what, store) in stores() {
        let (kept, growing) = grown(&store, 3_000);
        let cold = || Kept::open(&store, "a/b");
        let fresh = cold();
        let (_, asked) = count(&fresh, fresh.timeline.show(At::Latest));
        asked.within(&format!("{what}: show the latest, cold"), (4, 70, 0));
        let fresh = cold();
        let (_, asked) = count(&fresh, fresh.timeline.show(At::Sequence(1_500)));
        asked.within(&format!("{what}: show one, cold"), (4, 3, 0));
        for newest_first in [false, true] {
            let page = Page { limit: Some(100), newest_first, ..Page::default() };
            let fresh = cold();
            let (listed, asked) = count(&fresh, fresh.timeline.list(page));
            assert_eq!(listed.len(), 100);
            asked.within(&format!("{what}: list, newest first: {newest_first}"), (7, 80, 0));
        }
        let fresh = cold();
        let machine = fresh.timeline.tag("good".into(), At::Sequence(700), From::Nowhere);
        let (_, asked) = count(&fresh, machine);
        asked.within(&format!("{what}: tag, cold"), (6, 3, 1));
        let fresh = cold();
        let machine = fresh.timeline.fork(Name::new("a", "f").unwrap(), At::Sequence(900));
        let (_, asked) = count(&fresh, machine);
        asked.within(&format!("{what}: fork, cold"), (24, 8, 4));
        let machine = kept.timeline.pack(Packing::default());
        let (_, asked) = count(&kept, machine);
        asked.within(&format!("{what}: pack what is due"), (24, 80, 2));
        assert!(kept.restore(At::Latest).unwrap() == growing.state);
    }
}
