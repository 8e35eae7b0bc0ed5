//! What the scenarios of timelines share: stores, saves that wait, states that change like an
//! agent's.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod between;

use std::sync::mpsc::{sync_channel, Receiver};
use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::drive::{self, Ground};
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::machine::Machine;
use keepstate_core::store::memory::MemoryStore;
use keepstate_core::store::{Commit, Entry, Found, Query, Range, Store, Supports};
use keepstate_core::timeline::{At, Change, Meta, Name, Options, Save, Snapshot, Splice, Timeline};

/// A store without batches, as most remote ones are.
pub struct OneByOne(pub Arc<dyn Store>);

impl Store for OneByOne {
    fn supports(&self) -> Supports {
        Supports { commit: false, max_batch: 1, ..self.0.supports() }
    }

    fn get(&self, key: &str, range: Option<Range>) -> Result<Option<Found>> {
        self.0.get(key, range)
    }

    fn list(&self, query: &Query) -> Result<Vec<Entry>> {
        self.0.list(query)
    }

    fn commit(&self, commits: Vec<Commit>) {
        for commit in commits {
            match commit.ops.len() {
                1 => self.0.commit(vec![commit]),
                _ => (commit.done)(fail(Code::Unsupported, "No batches here.")),
            }
        }
    }

    fn view(&self) -> Result<Arc<dyn Store>> {
        self.0.view()
    }

    fn close(&self) -> Result<()> {
        self.0.close()
    }
}

/// A name, as `agent/session`.
pub fn name(text: &str) -> Name {
    let (agent, session) = text.split_once('/').unwrap();
    Name::new(agent, session).unwrap()
}

pub fn memory() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(Arc::new(SystemClock)))
}

pub fn one_by_one() -> Arc<dyn Store> {
    Arc::new(OneByOne(memory()))
}

/// A store with batches and one without.
pub fn stores() -> Vec<(&'static str, Arc<dyn Store>)> {
    vec![("batches", memory()), ("one by one", one_by_one())]
}

/// A timeline and the store it lies in.
pub struct Kept {
    pub timeline: Timeline,
    pub ground: Ground,
}

impl Kept {
    pub fn open(store: &Arc<dyn Store>, name: &str) -> Kept {
        Kept::with(store, name, Options::default())
    }

    pub fn with(store: &Arc<dyn Store>, of: &str, options: Options) -> Kept {
        let supports = Arc::new(store.supports());
        let ground = Ground::new(store.clone(), Arc::new(SystemClock));
        Kept { timeline: Timeline::new(name(of), supports, options), ground }
    }

    pub fn run<T: Send + 'static>(&self, machine: Machine<T>) -> Result<T> {
        drive::run(machine, &self.ground)
    }

    /// Starts a save; the receiver tells how it ended.
    pub fn start(&self, save: Save) -> Receiver<Result<Snapshot>> {
        let (sender, receiver) = sync_channel(1);
        let machine =
            self.timeline.save(save, Box::new(move |result| sender.send(result).unwrap()));
        if let Some(machine) = machine {
            drive::start(machine, &self.ground, |result: Result<()>| result.unwrap());
        }
        receiver
    }

    pub fn save(&self, state: &[u8]) -> Result<Snapshot> {
        self.start(whole(state)).recv().unwrap()
    }

    pub fn restore(&self, at: At) -> Result<Vec<u8>> {
        self.run(self.timeline.restore(at)).map(|restored| restored.bytes.to_vec())
    }
}

pub fn whole(state: &[u8]) -> Save {
    let change = Change::Whole(state.to_vec().into());
    Save { change, meta: Meta::default(), onto: None }
}

/// The same save as edits of one splice that replaces the differing middle.
pub fn spliced(kept: &Kept, old: &[u8], new: &[u8]) -> Save {
    let prefix = old.iter().zip(new).take_while(|(a, b)| a == b).count();
    let most = old.len().min(new.len()) - prefix;
    let suffix =
        old.iter().rev().zip(new.iter().rev()).take(most).take_while(|(a, b)| a == b).count();
    let splice = Splice {
        position: prefix as u64,
        old: (old.len() - prefix - suffix) as u64,
        new: (new.len() - prefix - suffix) as u64,
    };
    let fresh = new[prefix..new.len() - suffix].to_vec().into();
    let change = Change::Edits { splices: vec![splice], fresh, epoch: kept.timeline.epoch() };
    Save { change, meta: Meta::default(), onto: None }
}

/// Random numbers that are the same every time.
pub struct Dice(pub u64);

impl Dice {
    pub fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 20) as usize % sides
    }

    pub fn text(&mut self, length: usize) -> Vec<u8> {
        const WORDS: [&str; 8] =
            ["search ", "the file ", "\\n", "{\"role\":", "tool ", "42", "ünïcode ", "result "];
        let mut text = Vec::new();
        while text.len() < length {
            text.extend_from_slice(WORDS[self.roll(8)].as_bytes());
            text.extend_from_slice(self.0.to_string().as_bytes());
        }
        text.truncate(length);
        text
    }

    /// Changes a state as agents do: counters in front, messages behind, now and then an edit or a
    /// summary in the middle.
    pub fn change(&mut self, state: &mut Vec<u8>) {
        let head = self.text(12);
        let end = state.len().min(10);
        state.splice(..end, head);
        match self.roll(12) {
            0 => state.clear(),
            1 => drop(state.drain(..state.len() / 2)),
            2 | 3 => {
                let at = self.roll(state.len().max(1)).min(state.len());
                let end = (at + self.roll(200)).min(state.len());
                let grow = self.roll(300);
                let text = self.text(grow);
                state.splice(at..end, text);
            }
            4 => {}
            _ => {
                let grow = self.roll(900);
                let text = self.text(grow);
                state.extend_from_slice(&text);
            }
        }
    }
}
