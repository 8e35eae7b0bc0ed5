//! The store of the simulation: a map with versions that never come back. What it is asked takes
//! effect at once; that answers are late, lost or doubled is the world's doing.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use keepstate_core::error::Result;
use keepstate_core::machine::{Answer, Request};
use keepstate_core::store::{batch, Durable, Entry, Found, Op, Query, Range, Supports, Version};

use super::control::{Control, Origin};
use super::dice::Dice;

/// How many old listings are kept to be told again.
const STALE: usize = 6;

/// The keys of one timeline, as the model needs to know them.
#[derive(Default)]
pub struct Watched {
    /// What the control object says now.
    pub control: Control,
    /// The sequences that were created where nothing counts any more: below the floor that was
    /// published by then, or where packs have taken over.
    pub late: BTreeSet<u64>,
    /// The greatest sequence that was ever created.
    pub created: u64,
}

/// A name has become a fork: what it was before is no more.
pub struct Birth {
    /// What its keys begin with.
    pub prefix: String,
    pub origin: Origin,
    pub floor: u64,
}

/// A value, its version, and when it was written.
struct Slot {
    value: Bytes,
    version: u64,
    modified: u64,
}

/// Bytes by key.
pub struct SimStore {
    pub supports: Supports,
    map: BTreeMap<String, Slot>,
    writes: u64,
    /// The time by its own clock.
    pub now: u64,
    listings: Vec<Vec<Entry>>,
    /// By the prefix of the timeline's keys.
    pub watched: BTreeMap<String, Watched>,
    /// What the model was not yet told.
    pub births: Vec<Birth>,
}

impl SimStore {
    pub fn new(commit: bool) -> SimStore {
        let supports = Supports {
            kind: "simulated".into(),
            commit,
            conditional_put: true,
            conditional_delete: commit,
            ttl: false,
            view: false,
            durable: Durable::Unknown,
            max_value: 1 << 30,
            max_batch: if commit { 10_000 } else { 1 },
        };
        SimStore {
            supports,
            map: BTreeMap::new(),
            writes: 0,
            now: 0,
            listings: Vec::new(),
            watched: BTreeMap::new(),
            births: Vec::new(),
        }
    }

    /// Does what is asked, now.
    pub fn perform(&mut self, request: &Request) -> Result<Answer> {
        match request {
            Request::Get { key, range } => Ok(Answer::Found(self.get(key, *range))),
            Request::List(query) => Ok(Answer::Listed(self.list(query))),
            Request::Put { key, value, mode } => {
                let (key, value, mode) = (key.clone(), value.clone(), mode.clone());
                self.apply(vec![Op::Put { key, value, mode, ttl: None }])
            }
            Request::Delete { key, if_version } => {
                let (key, if_version) = (key.clone(), if_version.clone());
                self.apply(vec![Op::Delete { key, if_version }])
            }
            Request::Commit(ops) => self.apply(ops.clone()),
            other => panic!("{other:?} is nothing for a store"),
        }
    }

    /// A listing that may be old, or lack some of its keys.
    pub fn list_loosely(&self, query: &Query, dice: &mut Dice) -> Answer {
        let old = match self.listings.is_empty() || dice.one_in(2) {
            true => self.entries(),
            false => self.listings[dice.below(self.listings.len())].clone(),
        };
        let mut entries = narrow(old, query);
        match dice.below(3) {
            0 => entries.truncate(dice.below(entries.len() + 1)),
            1 => entries.retain(|_| !dice.one_in(4)),
            _ => {}
        }
        Answer::Listed(entries)
    }

    fn get(&self, key: &str, range: Option<Range>) -> Option<Found> {
        let Slot { value, version, .. } = self.map.get(key)?;
        let end = value.len();
        let (from, upto) = range.map_or((0, end), |range| {
            let from = (range.offset as usize).min(end);
            (from, from + (range.length as usize).min(end - from))
        });
        Some(Found { value: value.slice(from..upto), version: Version::from(*version) })
    }

    fn entries(&self) -> Vec<Entry> {
        let entry = |(key, slot): (&String, &Slot)| Entry {
            key: key.clone(),
            size: slot.value.len() as u64,
            version: Version::from(slot.version),
            modified: slot.modified,
        };
        self.map.iter().map(entry).collect()
    }

    /// All keys that have to do with chunks.
    pub fn chunks(&self) -> Vec<String> {
        let of_timeline = |last: &str| last.starts_with('x') || last.starts_with('c');
        let is_one = |key: &&String| {
            let last = key.rsplit('/').next().unwrap_or_default();
            key.starts_with("chunk/") || last != "control" && of_timeline(last)
        };
        self.map.keys().filter(is_one).cloned().collect()
    }

    fn list(&self, query: &Query) -> Vec<Entry> {
        narrow(self.entries(), query)
    }

    fn apply(&mut self, ops: Vec<Op>) -> Result<Answer> {
        batch::check(&ops, &self.supports)?;
        for op in &ops {
            let there = self.map.get(op.key()).map(|slot| Version::from(slot.version));
            batch::check_condition(op, there.as_ref())?;
        }
        if self.writes % 3 == 0 {
            self.listings.push(self.entries());
            let spare = self.listings.len().saturating_sub(STALE);
            self.listings.drain(..spare);
        }
        self.writes += 1;
        let mut versions = Vec::new();
        for op in ops {
            match op {
                Op::Put { key, value, .. } => {
                    self.watch(&key, &value);
                    let (version, modified) = (self.writes, self.now);
                    self.map.insert(key, Slot { value, version, modified });
                    versions.push(Version::from(self.writes));
                }
                Op::Delete { key, .. } => drop(self.map.remove(&key)),
                Op::Check { .. } => {}
            }
        }
        Ok(Answer::Committed(versions))
    }

    /// Notes what a write means for the model.
    fn watch(&mut self, key: &str, value: &Bytes) {
        let Some((prefix, last)) = key.rsplit_once('/') else { return };
        let watched = self.watched.entry(format!("{prefix}/")).or_default();
        if last == "control" {
            let control = Control::read(value);
            let (before, origin) = (&watched.control, control.origin.clone());
            let fallen = control.floor < before.floor;
            match origin {
                // The floor of a fork is that of what it shows.
                Some(origin) if fallen || before.origin.as_ref() != Some(&origin) => {
                    let (prefix, floor) = (format!("{prefix}/"), control.floor);
                    self.births.push(Birth { prefix, origin, floor });
                }
                _ => assert!(!fallen, "the floor of {prefix} has fallen"),
            }
            watched.control = control;
        } else if let Ok(first) = last.parse::<u64>() {
            // Magic, version and flags come first; then how many snapshots it holds.
            let count = u64::from(value[4]);
            let counting = watched.control.floor.max(watched.control.loose);
            watched.late.extend((first..first + count).filter(|sequence| *sequence < counting));
            watched.created = watched.created.max(first + count - 1);
        }
    }
}

fn narrow(entries: Vec<Entry>, query: &Query) -> Vec<Entry> {
    let behind = |key: &str| query.after.as_deref().is_none_or(|after| key > after);
    let chosen = entries.into_iter().filter(|e| e.key.starts_with(&query.prefix) && behind(&e.key));
    chosen.take(query.limit.unwrap_or(usize::MAX)).collect()
}
