//! `memory:`: a map in this process, gone with it.
//!
//! The map is shared with the views by reference count: taking a view is one increment, and the
//! first write after it copies the map's structure (never keys or values).

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::RwLock;

use super::{batch, key, Commit, Durable, Embedded, Entry, Found, Op, Query, Range, Store};
use super::{Supports, Version};
use crate::clock::Clock;
use crate::error::{fail, Code, Error, Result};

/// A store in memory.
pub struct MemoryStore {
    /// None after `close`.
    state: RwLock<Option<State>>,
    clock: Arc<dyn Clock>,
}

type Map = BTreeMap<Arc<str>, Slot>;

#[derive(Default)]
struct State {
    /// Counts the commits; their numbers are the versions, so none ever comes back.
    commits: u64,
    map: Arc<Map>,
    /// The keys that expire, soonest first, so that what nobody asks for again goes too.
    expiring: BTreeSet<(u64, Arc<str>)>,
}

#[derive(Clone)]
struct Slot {
    value: Bytes,
    commit: u64,
    modified: u64,
    expiry: Option<u64>,
}

impl MemoryStore {
    /// An empty store that takes the time of its entries from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        MemoryStore { state: RwLock::new(Some(State::default())), clock }
    }

    fn read<T>(&self, work: impl FnOnce(&State) -> T) -> Result<T> {
        self.state.read().as_ref().map(work).ok_or_else(closed)
    }

    fn write<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T> {
        self.state.write().as_mut().map(work).ok_or_else(closed)
    }

    fn apply(&self, ops: Vec<Op>) -> Result<Vec<Version>> {
        batch::check(&ops, &self.supports())?;
        let now = self.clock.now();
        self.write(|state| state.apply(ops, now))?
    }
}

impl State {
    fn apply(&mut self, ops: Vec<Op>, now: u64) -> Result<Vec<Version>> {
        for op in &ops {
            let there = live(&self.map, op.key(), now).map(Slot::version);
            batch::check_condition(op, there.as_ref())?;
        }
        self.expire(now);
        self.commits += 1;
        let mut versions = Vec::new();
        for op in ops {
            match op {
                Op::Put { key, value, ttl, .. } => {
                    let expiry = ttl.map(|ttl| expiry(now, ttl));
                    let slot = Slot { value, commit: self.commits, modified: now, expiry };
                    versions.push(slot.version());
                    self.put(key.into(), slot);
                }
                Op::Delete { key, .. } => self.remove(&key),
                Op::Check { .. } => {}
            }
        }
        Ok(versions)
    }

    fn put(&mut self, key: Arc<str>, slot: Slot) {
        if let Some(expiry) = slot.expiry {
            self.expiring.insert((expiry, key.clone()));
        }
        let expiry = slot.expiry;
        let before = Arc::make_mut(&mut self.map).insert(key.clone(), slot);
        if let Some(old) = before.and_then(|slot| slot.expiry).filter(|old| Some(*old) != expiry) {
            self.expiring.remove(&(old, key));
        }
    }

    fn remove(&mut self, key: &str) {
        if !self.map.contains_key(key) {
            return;
        }
        let before = Arc::make_mut(&mut self.map).remove_entry(key);
        if let Some((key, Slot { expiry: Some(expiry), .. })) = before {
            self.expiring.remove(&(expiry, key));
        }
    }

    fn expire(&mut self, now: u64) {
        while let Some((expiry, key)) = self.expiring.pop_first() {
            if expiry > now {
                self.expiring.insert((expiry, key));
                return;
            }
            Arc::make_mut(&mut self.map).remove(&key);
        }
    }
}

impl Slot {
    fn version(&self) -> Version {
        self.commit.into()
    }

    fn is_live(&self, now: u64) -> bool {
        self.expiry.is_none_or(|expiry| expiry > now)
    }

    fn found(&self, range: Option<Range>) -> Found {
        Found {
            value: range.map_or(self.value.clone(), |r| cut(&self.value, r)),
            version: self.version(),
        }
    }
}

impl Store for MemoryStore {
    fn supports(&self) -> Supports {
        supports()
    }

    fn get(&self, key: &str, range: Option<Range>) -> Result<Option<Found>> {
        let now = self.clock.now();
        self.read(|state| get(&state.map, key, now).map(|slot| slot.map(|slot| slot.found(range))))?
    }

    fn lend(&self, key: &str, see: &mut dyn FnMut(&[u8])) -> Result<bool> {
        let now = self.clock.now();
        let seen = |slot: Option<&Slot>| slot.map(|slot| see(&slot.value)).is_some();
        self.read(|state| get(&state.map, key, now).map(seen))?
    }

    fn list(&self, query: &Query) -> Result<Vec<Entry>> {
        let now = self.clock.now();
        self.read(|state| list(&state.map, query, now))
    }

    fn commit(&self, commits: Vec<Commit>) {
        for commit in commits {
            let result = self.apply(commit.ops);
            (commit.done)(result);
        }
    }

    fn view(&self) -> Result<Arc<dyn Store>> {
        let moment = self.clock.now();
        let map = self.read(|state| state.map.clone())?;
        Ok(Arc::new(View { map: RwLock::new(Some(map)), moment }))
    }

    fn close(&self) -> Result<()> {
        *self.state.write() = None;
        Ok(())
    }
}

impl Embedded for MemoryStore {
    fn flush(&self) -> Result<()> {
        self.read(|_| ())
    }

    fn stats(&self) -> Result<Vec<(&'static str, u64)>> {
        let now = self.clock.now();
        self.read(|state| {
            let live = state.map.iter().filter(|(_, slot)| slot.is_live(now));
            let (entries, bytes) = live.fold((0, 0), |(entries, bytes), (key, slot)| {
                (entries + 1, bytes + key.len() as u64 + slot.value.len() as u64)
            });
            vec![("entries", entries), ("bytes", bytes), ("commits", state.commits)]
        })
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Error>> {
        let entries = self.read(|state| state.map.len() as u64)?;
        progress(entries, entries);
        Ok(Vec::new())
    }

    fn compact(&self) -> Result<()> {
        let now = self.clock.now();
        self.write(|state| state.expire(now))
    }
}

/// The map and the time of one moment.
struct View {
    map: RwLock<Option<Arc<Map>>>,
    moment: u64,
}

impl View {
    fn map(&self) -> Result<Arc<Map>> {
        self.map.read().clone().ok_or_else(closed)
    }
}

impl Store for View {
    fn supports(&self) -> Supports {
        supports()
    }

    fn get(&self, key: &str, range: Option<Range>) -> Result<Option<Found>> {
        Ok(get(&*self.map()?, key, self.moment)?.map(|slot| slot.found(range)))
    }

    fn list(&self, query: &Query) -> Result<Vec<Entry>> {
        Ok(list(&*self.map()?, query, self.moment))
    }

    fn commit(&self, commits: Vec<Commit>) {
        for commit in commits {
            let message = "A view only reads; write to the store that it was taken from.";
            (commit.done)(self.map().and_then(|_| fail(Code::ReadOnly, message)));
        }
    }

    fn view(&self) -> Result<Arc<dyn Store>> {
        Ok(Arc::new(View { map: RwLock::new(Some(self.map()?)), moment: self.moment }))
    }

    fn close(&self) -> Result<()> {
        *self.map.write() = None;
        Ok(())
    }
}

fn supports() -> Supports {
    Supports {
        kind: "memory".into(),
        commit: true,
        conditional_put: true,
        conditional_delete: true,
        ttl: true,
        view: true,
        durable: Durable::No,
        max_value: isize::MAX as u64,
        max_batch: usize::MAX,
    }
}

fn closed() -> Error {
    Error::new(Code::Closed, "The memory store is closed; open it again.")
}

fn expiry(now: u64, ttl: Duration) -> u64 {
    now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX))
}

fn live<'a>(map: &'a Map, key: &str, now: u64) -> Option<&'a Slot> {
    map.get(key).filter(|slot| slot.is_live(now))
}

fn get<'a>(map: &'a Map, key: &str, now: u64) -> Result<Option<&'a Slot>> {
    key::check(key)?;
    Ok(live(map, key, now))
}

fn cut(value: &Bytes, range: Range) -> Bytes {
    let length = value.len() as u64;
    let from = range.offset.min(length);
    let to = range.offset.saturating_add(range.length).min(length);
    value.slice(from as usize..to as usize)
}

fn list(map: &Map, query: &Query, now: u64) -> Vec<Entry> {
    let prefix = query.prefix.as_str();
    let from = match query.after.as_deref() {
        Some(after) if after >= prefix => Bound::Excluded(after),
        _ => Bound::Included(prefix),
    };
    map.range::<str, _>((from, Bound::Unbounded))
        .take_while(|(key, _)| key.starts_with(prefix))
        .filter(|(_, slot)| slot.is_live(now))
        .take(query.limit.unwrap_or(usize::MAX))
        .map(|(key, slot)| Entry {
            key: key.to_string(),
            size: slot.value.len() as u64,
            version: slot.version(),
            modified: slot.modified,
        })
        .collect()
}
