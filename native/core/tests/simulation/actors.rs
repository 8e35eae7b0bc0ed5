//! Who uses a timeline in the simulation. Another one is a type with an `act`, and a line in
//! `simulation.rs`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use bytes::Bytes;
use keepstate_core::error::{Code, Result};
use keepstate_core::timeline::{
    At, Change, From, Meta, Packing, Packings, Page, Policy, Snapshot, Splice,
};

use super::model::{is_transient, Model};
use super::world::{Actor, Turn};

/// Saves states, whole or as edits, blindly or onto the head that it has seen, under a key or not,
/// and saves again what failed.
#[derive(Default)]
pub struct Writer {
    number: usize,
    /// It packs through the handle that it saves through, as one does in the background.
    keeps: bool,
    saves: u64,
    /// The state handed over last, and the epoch then.
    handed: Option<(Bytes, u64)>,
    /// The head as it was last seen by a restore: its number and bytes.
    head: Rc<RefCell<Option<(u64, Bytes)>>>,
    must_look: bool,
    /// Its lease was taken over: its handle is of no use any more.
    must_reopen: bool,
    keyed: HashMap<usize, (Bytes, String)>,
    /// A state under a key that may not have been saved.
    again: Option<(Bytes, String)>,
}

impl Writer {
    pub fn new(number: usize) -> Writer {
        Writer { number, ..Writer::default() }
    }

    /// One that packs, too.
    pub fn keeping(number: usize) -> Writer {
        Writer { number, keeps: true, ..Writer::default() }
    }

    /// The next state: no two are equal, and each differs from the one before as an agent's does.
    fn next(&mut self, turn: &mut Turn<'_>) -> Bytes {
        self.saves += 1;
        let before = self.handed.as_ref().map(|(bytes, _)| bytes.clone());
        let before = before.or_else(|| self.head.borrow().as_ref().map(|(_, bytes)| bytes.clone()));
        let mut state = before.unwrap_or_default().to_vec();
        if let Some(end) = state.iter().position(|byte| *byte == b'\n') {
            state.drain(..=end);
        }
        match turn.dice.below(10) {
            0 => state.clear(),
            1 => drop(state.drain(..state.len() / 2)),
            2 => {
                let at = turn.dice.below(state.len() + 1);
                let length = turn.dice.below(100);
                state.splice(at..at, turn.dice.bytes(length));
            }
            3 => {}
            _ => {
                let length = turn.dice.below(200);
                state.extend(std::iter::repeat_n(b'a' + (self.saves % 26) as u8, length / 2));
                state.extend(turn.dice.bytes(length / 2));
            }
        }
        let attempt = turn.model.lines[turn.line].attempts.len();
        // The beginning of all is the same: what refers to the first bytes of a timeline does so
        // for ever.
        let mut whole = format!("state {} {} {attempt}\n", self.number, self.saves).into_bytes();
        whole.extend(state);
        whole.into()
    }

    fn look(&mut self, turn: &mut Turn<'_>) {
        let (line, began) = (turn.line, turn.model.moment(turn.line));
        let head = self.head.clone();
        *head.borrow_mut() = None;
        self.handed = None;
        self.must_look = false;
        turn.run("look", turn.timeline.restore(At::Latest), move |result, model| {
            model.restored(line, &At::Latest, began, &result);
            if let Ok(restored) = result {
                *head.borrow_mut() = Some((restored.snapshot.sequence, restored.bytes));
            }
        });
    }

    /// One splice from the state handed over before to the next one.
    fn edit(&self, next: &Bytes) -> Option<Change> {
        let (before, epoch) = self.handed.as_ref()?;
        let front = before.iter().zip(next.iter()).take_while(|(a, b)| a == b).count();
        let most = before.len().min(next.len()) - front;
        let pairs = before.iter().rev().zip(next.iter().rev());
        let back = pairs.take(most).take_while(|(a, b)| a == b).count();
        let splice = Splice {
            position: front as u64,
            old: (before.len() - front - back) as u64,
            new: (next.len() - front - back) as u64,
        };
        let fresh = next.slice(front..next.len() - back);
        Some(Change::Edits { splices: vec![splice], fresh, epoch: *epoch })
    }

    fn save(&mut self, turn: &mut Turn<'_>, onto: Option<u64>) {
        if let Some((state, key)) = self.again.take() {
            return self.save_keyed(turn, state, key);
        }
        let next = self.next(turn);
        if turn.dice.one_in(8) {
            let key = format!("key {} {}", self.number, self.saves);
            return self.save_keyed(turn, next, key);
        }
        let edit = if turn.dice.one_in(2) { self.edit(&next) } else { None };
        let change = edit.unwrap_or_else(|| Change::Whole(next.clone()));
        // What comes next is an edit of this state, if this one is taken.
        let epoch = turn.timeline.epoch();
        turn.save(&next, change, (Meta::default(), onto));
        self.handed = Some((next, epoch));
    }

    fn save_keyed(&mut self, turn: &mut Turn<'_>, state: Bytes, key: String) {
        let meta = Meta { idempotency_key: Some(key.clone()), ..Meta::default() };
        let attempt = turn.save(&state, Change::Whole(state.clone()), (meta, None));
        self.keyed.insert(attempt, (state, key));
        self.handed = None;
    }
}

impl Actor for Writer {
    fn act(&mut self, turn: &mut Turn<'_>) {
        if turn.busy > 3 {
            return;
        }
        if std::mem::take(&mut self.must_reopen) {
            self.handed = None;
            turn.reopen = true;
            return;
        }
        if self.must_look || turn.dice.one_in(10) {
            return self.look(turn);
        }
        if self.keeps && turn.dice.one_in(5) {
            return pack(turn);
        }
        let head = self.head.borrow().as_ref().map(|(sequence, _)| *sequence);
        let onto = head.filter(|_| turn.dice.one_in(4));
        for _ in 0..*turn.dice.pick(&[1, 1, 1, 2, 5]) {
            self.save(turn, onto);
        }
    }

    fn saved(&mut self, attempt: usize, result: &Result<Snapshot>) {
        let keyed = self.keyed.remove(&attempt);
        if let Err(error) = result {
            self.handed = None;
            self.must_look |= error.code() == Code::Conflict;
            self.must_reopen |= error.code() == Code::LeaseLost;
            self.again = keyed.or(self.again.take());
        }
    }

    fn crashed(&mut self) {
        // Its user still knows what he wanted to save under a key.
        let again = self.keyed.drain().map(|(_, keyed)| keyed).min();
        let (number, keeps, saves) = (self.number, self.keeps, self.saves);
        *self = Writer { number, keeps, saves, again, ..Writer::default() };
    }
}

/// Restores, lists and shows.
pub struct Reader;

impl Actor for Reader {
    fn act(&mut self, turn: &mut Turn<'_>) {
        let (line, began) = (turn.line, turn.model.moment(turn.line));
        let names: Vec<String> = turn.model.lines[line].tags.keys().cloned().collect();
        match turn.dice.below(5) {
            0 if !names.is_empty() => {
                let name = turn.dice.pick(&names).clone();
                read(turn, At::Tag(name));
            }
            0 | 1 => read(turn, At::Latest),
            2 => {
                let most = began.acknowledged as usize + 2;
                let sequence = turn.dice.below(most) as u64;
                read(turn, At::Sequence(sequence));
            }
            3 => {
                let after = turn.dice.one_in(3).then(|| turn.dice.below(20) as u64);
                let limit = turn.dice.one_in(3).then(|| 1 + turn.dice.below(9));
                let newest_first = turn.dice.one_in(2);
                let page = Page { after, limit, newest_first, before: None };
                turn.run("list", turn.timeline.list(page), move |result, model| {
                    model.listed(line, (page, began), &result);
                });
            }
            _ => {
                turn.run("show", turn.timeline.show(At::Latest), move |result, model| {
                    if let Ok(snapshot) = result {
                        model.recognize((line, began.life), std::slice::from_ref(&snapshot));
                        let again = model.now(line) != began.life;
                        let late = again || model.floor(line) > began.acknowledged;
                        let least = began.acknowledged;
                        let sequence = snapshot.sequence;
                        assert!(late || sequence >= least, "show gave @{sequence}, not @{least}");
                    }
                });
            }
        }
    }
}

fn read(turn: &mut Turn<'_>, at: At) {
    let (line, began) = (turn.line, turn.model.moment(turn.line));
    turn.run(format!("restore {at:?}"), turn.timeline.restore(at.clone()), move |result, model| {
        model.restored(line, &at, began, &result);
    });
}

/// Verifies beside all others.
pub struct Verifier;

impl Actor for Verifier {
    fn act(&mut self, turn: &mut Turn<'_>) {
        if turn.busy == 0 && turn.dice.one_in(4) {
            turn.run("verify", turn.timeline.verify(), |result, model| model.verified(&result));
        }
    }
}

/// Deletes the whole timeline now and then.
pub struct Deleter;

impl Actor for Deleter {
    fn act(&mut self, turn: &mut Turn<'_>) {
        if turn.busy > 0 || !turn.dice.one_in(8) {
            return;
        }
        let (line, began) = (turn.line, turn.model.moment(turn.line));
        turn.model.lines[line].untagged = true;
        turn.run("delete", turn.timeline.delete(), move |result, model| {
            model.deleted(line, began, &result);
        });
    }
}

/// Packs, in the background or everything.
pub struct Packer;

impl Actor for Packer {
    fn act(&mut self, turn: &mut Turn<'_>) {
        if turn.busy > 0 || !turn.dice.one_in(3) {
            return;
        }
        pack(turn);
    }
}

fn pack(turn: &mut Turn<'_>) {
    let end = |result: Result<Packings>, _: &mut Model| {
        if let Err(error) = result {
            let explained = is_transient(&error) || error.code() == Code::Conflict;
            assert!(explained, "packing gave {error:?}");
        }
    };
    if turn.dice.one_in(3) {
        if let Some(machine) = turn.timeline.maintain() {
            turn.run("maintain", machine, end);
        }
        return;
    }
    let packing = Packing { all: turn.dice.one_in(2), level: Some(1) };
    turn.run("pack", turn.timeline.pack(packing), end);
}

/// Takes snapshots out by many policies.
pub struct Pruner;

impl Actor for Pruner {
    fn act(&mut self, turn: &mut Turn<'_>) {
        if turn.busy > 0 || !turn.dice.one_in(6) {
            return;
        }
        let dice = &mut turn.dice;
        let policy = Policy {
            keep_last: Some(1 + dice.below(8) as u64),
            keep_every: dice.one_in(3).then(|| 2 + dice.below(4) as u64),
            drop_tagged: dice.one_in(4),
            older_than: None,
            dry_run: dice.one_in(5),
        };
        let (line, number) = (turn.line, turn.model.begin_prune(turn.line, &policy));
        turn.run("prune", turn.timeline.prune(policy.clone()), move |result, model| {
            model.end_prune(line, (number, &policy), &result);
        });
    }
}

/// Names snapshots and moves the names.
pub struct Tagger;

impl Actor for Tagger {
    fn act(&mut self, turn: &mut Turn<'_>) {
        let line = turn.line;
        let known: Vec<u64> = turn.model.life(line).acknowledged.iter().copied().collect();
        if turn.busy > 0 || known.is_empty() || !turn.dice.one_in(3) {
            return;
        }
        let (name, sequence) = (format!("tag-{}", turn.dice.below(3)), *turn.dice.pick(&known));
        if turn.dice.one_in(6) {
            turn.model.lines[line].untagged = true;
            return turn.run("untag", turn.timeline.untag(name, From::Anywhere), |_, _| ());
        }
        let before = turn.model.lines[line].tags.entry(name.clone()).or_default().clone();
        turn.model.lines[line].tags.entry(name.clone()).or_default().insert(sequence);
        if before.is_empty() {
            // Nobody may rely on it before it is acknowledged.
            turn.model.lines[line].untagged = true;
        }
        let machine = turn.timeline.tag(name, At::Sequence(sequence), From::Anywhere);
        turn.run("tag", machine, move |result, _| match result {
            Ok(snapshot) => assert_eq!(snapshot.sequence, sequence, "another one was tagged"),
            Err(error) => {
                let explained = matches!(error.code(), Code::Conflict | Code::NotFound);
                assert!(explained || is_transient(&error), "tagging gave {error:?}");
            }
        });
    }
}

/// Forks its timeline to another name, until that has succeeded.
#[derive(Default)]
pub struct Forker {
    /// The line that is to be the fork.
    pub to: usize,
    /// It goes on: once the fork was deleted, there is to be another one.
    pub again: bool,
    pub done: Rc<RefCell<bool>>,
}

impl Actor for Forker {
    fn act(&mut self, turn: &mut Turn<'_>) {
        let (from, to) = (turn.line, self.to);
        let live: Vec<u64> = turn.model.life(from).acknowledged.iter().copied().collect();
        let done = *self.done.borrow() && !self.again;
        if turn.busy > 0 || live.is_empty() || done || !turn.dice.one_in(4) {
            return;
        }
        let sequence = *turn.dice.pick(&live);
        let name = turn.model.lines[to].name.clone();
        let begun = turn.model.begin_fork((from, to), sequence);
        let done = self.done.clone();
        let machine = turn.timeline.fork(name, At::Sequence(sequence));
        turn.run(format!("fork {sequence}"), machine, move |result, model| match result {
            Ok(snapshot) => {
                model.forked(to, begun, snapshot.sequence);
                *done.borrow_mut() = true;
            }
            Err(error) => {
                let explained = matches!(error.code(), Code::Conflict | Code::NotFound);
                assert!(explained || is_transient(&error), "forking gave {error:?}");
                // It may have been made all the same: its writers find out.
                *done.borrow_mut() |= error.code() == Code::Conflict;
            }
        });
    }
}

/// Does nothing until its timeline was forked.
pub struct Later<A> {
    pub done: Rc<RefCell<bool>>,
    pub actor: A,
}

impl<A: Actor> Actor for Later<A> {
    fn act(&mut self, turn: &mut Turn<'_>) {
        if *self.done.borrow() {
            self.actor.act(turn);
        }
    }

    fn saved(&mut self, attempt: usize, result: &Result<Snapshot>) {
        self.actor.saved(attempt, result);
    }

    fn crashed(&mut self) {
        self.actor.crashed();
    }
}
