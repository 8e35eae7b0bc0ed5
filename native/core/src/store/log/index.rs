//! The ordered index: for each key, where its value lies. Rebuilt from the log at any time.

mod loading;
mod moment;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock, Weak};

use super::frame;
use super::page::Spot;
use super::segment::Segment;
use crate::store::Query;

/// Where a value lies, in 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub commit: u64,
    pub place: Spot,
    time: u64,
    pub length: u32,
    pub crc: u32,
}

const EXPIRES: u64 = 1 << 63;

impl Entry {
    pub fn time(&self) -> u64 {
        self.time & !EXPIRES
    }

    fn expires(&self) -> bool {
        self.time & EXPIRES != 0
    }

    fn is_tombstone(&self) -> bool {
        self.place.0 == 0
    }
}

/// A put or a delete as it comes into the index.
#[derive(Debug, Clone, Copy)]
pub(super) struct Change {
    pub commit: u64,
    pub time: u64,
    /// None: a delete.
    pub put: Option<Stored>,
}

/// Where the value of a put was written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stored {
    pub place: Spot,
    pub length: u32,
    pub crc: u32,
    /// 0: never.
    pub expires: u64,
}

impl Change {
    fn entry(&self) -> Entry {
        let (commit, time) = (self.commit, self.time);
        match self.put {
            Some(Stored { place, length, crc, expires }) => {
                let time = if expires == 0 { time } else { time | EXPIRES };
                Entry { commit, place, time, length, crc }
            }
            None => Entry { commit, place: Spot(0), time, length: 0, crc: 0 },
        }
    }
}

/// A segment in use: its file, and what of it counts.
#[derive(Debug, Clone)]
pub(super) struct Used {
    pub segment: Arc<Segment>,
    /// Puts in it, and how many of these count.
    pub puts: u64,
    pub live: u64,
    /// What the live ones weigh.
    pub live_bytes: u64,
    /// Bytes of its deletes, and of those that its values with an expiry would become.
    pub deletes: u64,
}

/// What was there before, kept for the views that still see it.
#[derive(Debug, Clone, Copy)]
struct Old {
    entry: Entry,
    expires: u64,
    until: u64,
}

/// One moment of the store, to read at.
#[derive(Debug)]
pub(super) struct Moment {
    pub commit: u64,
    pub now: u64,
    /// The index as it was when it had to be rebuilt under the view.
    pub frozen: OnceLock<Arc<Index>>,
}

/// The index.
#[derive(Debug, Default)]
pub(super) struct Index {
    map: BTreeMap<Box<[u8]>, Entry>,
    expiring: BTreeMap<Box<[u8]>, u64>,
    used: BTreeMap<u64, Used>,
    old: BTreeMap<Box<[u8]>, Vec<Old>>,
    /// Segments that the catalog no longer names, but to which entries still point.
    pinned: BTreeSet<u64>,
    /// Files of segments that are gone, which views still read.
    retired: BTreeMap<u64, Arc<Segment>>,
    moments: Vec<Weak<Moment>>,
    /// Collected while loading, in the order of replay.
    loading: Vec<(Box<[u8]>, Entry)>,
    /// Whether these are out of order, or a key comes twice.
    unsorted: bool,
    /// The greatest time of any frame: the clock never goes behind it.
    pub time: u64,
}

impl Index {
    /// Takes a segment into use.
    pub fn open(&mut self, segment: Arc<Segment>) {
        let number = segment.number;
        let used = Used { segment, puts: 0, live: 0, live_bytes: 0, deletes: 0 };
        self.used.entry(number).or_insert(used);
    }

    /// Keeps segments in use while what lives in them is being pointed elsewhere.
    pub fn pin(&mut self, numbers: &[u64]) {
        self.pinned.extend(numbers);
    }

    /// Lets go of them and of the pins.
    pub fn unpin(&mut self, numbers: &[u64]) {
        self.release(numbers);
        numbers.iter().for_each(|number| self.retire(*number));
    }

    /// Lets go of the pins only.
    pub fn release(&mut self, numbers: &[u64]) {
        for number in numbers {
            self.pinned.remove(number);
        }
    }

    /// Drops a segment that the catalog no longer names.
    pub fn retire(&mut self, number: u64) {
        if self.pinned.contains(&number) {
            return;
        }
        if let Some(used) = self.used.remove(&number) {
            if self.has_moments() {
                self.retired.insert(number, used.segment);
            }
        }
    }

    pub fn used(&self) -> &BTreeMap<u64, Used> {
        &self.used
    }

    /// Counts puts and deletes that a checkpoint or a compaction knows of.
    pub fn count(&mut self, number: u64, puts: u64, deletes: u64) {
        if let Some(used) = self.used.get_mut(&number) {
            used.puts += puts;
            used.deletes += deletes;
        }
    }

    pub fn file(&self, number: u64) -> Option<Arc<Segment>> {
        let used = self.used.get(&number).map(|used| &used.segment);
        used.or_else(|| self.retired.get(&number)).cloned()
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// The entry of a key, expired or not.
    pub fn raw(&self, key: &[u8]) -> Option<&Entry> {
        self.map.get(key)
    }

    /// The entry of a key that has not expired. `now` is only asked for keys that expire.
    pub fn get(&self, key: &[u8], now: impl FnOnce() -> u64) -> Option<Entry> {
        let entry = *self.map.get(key)?;
        if entry.expires() && self.expiry(key) <= now().max(self.time) {
            return None;
        }
        Some(entry)
    }

    /// When a live key expires; 0: never.
    pub fn expires(&self, key: &[u8]) -> u64 {
        self.expiring.get(key).copied().unwrap_or(0)
    }

    fn expiry(&self, key: &[u8]) -> u64 {
        self.expiring.get(key).copied().unwrap_or(u64::MAX)
    }

    /// Brings in a change. Returns the place of what it replaced, if nobody sees that any more.
    pub fn apply(&mut self, key: Box<[u8]>, change: &Change) -> Option<Spot> {
        self.time = self.time.max(change.time);
        let before = match change.put {
            Some(stored) => self.insert(key, change.entry(), stored.expires),
            None => self.remove(&key, change.commit),
        };
        before.map(|entry| entry.place)
    }

    fn insert(&mut self, key: Box<[u8]>, entry: Entry, expires: u64) -> Option<Entry> {
        if let Some(used) = self.used.get_mut(&entry.place.segment()) {
            used.puts += 1;
            used.live += 1;
            used.live_bytes += frame::weight(key.len(), u64::from(entry.length));
        }
        let gone = match self.map.get_mut(&*key) {
            Some(slot) => {
                let before = std::mem::replace(slot, entry);
                Some(self.bury(&key, before, entry.commit))
            }
            None => None,
        };
        if expires != 0 {
            self.expiring.insert(key.clone(), expires);
        }
        if gone.is_none() {
            self.map.insert(key, entry);
        }
        gone.flatten()
    }

    fn remove(&mut self, key: &[u8], commit: u64) -> Option<Entry> {
        let before = self.map.remove(key)?;
        self.bury(key, before, commit)
    }

    /// Counts an entry as dead. Returns it unless a view still sees it.
    fn bury(&mut self, key: &[u8], entry: Entry, until: u64) -> Option<Entry> {
        if let Some(used) = self.used.get_mut(&entry.place.segment()) {
            used.live = used.live.saturating_sub(1);
            let weight = frame::weight(key.len(), u64::from(entry.length));
            used.live_bytes = used.live_bytes.saturating_sub(weight);
        }
        let expires = if entry.expires() { self.expiring.remove(key).unwrap_or(0) } else { 0 };
        let sees = |moment: &Weak<Moment>| {
            moment.upgrade().is_some_and(|m| entry.commit <= m.commit && m.commit < until)
        };
        if !self.moments.iter().any(sees) {
            return Some(entry);
        }
        self.old.entry(key.into()).or_default().push(Old { entry, expires, until });
        None
    }

    /// Drops entries that expired before `now`; their bytes count as dead.
    pub fn sweep(&mut self, now: u64) -> Vec<Spot> {
        let now = now.max(self.time);
        let due = self.expiring.iter().filter(|(_, expires)| **expires <= now);
        let due: Vec<_> = due.map(|(key, _)| key.clone()).collect();
        due.iter().filter_map(|key| self.remove(key, u64::MAX)).map(|entry| entry.place).collect()
    }

    /// Points an entry to where a compaction moved it, if it is still the one that was moved.
    pub fn relocate(&mut self, key: &[u8], commit: u64, to: &Stored) -> Option<Spot> {
        let weight = frame::weight(key.len(), u64::from(to.length));
        if let Some(used) = self.used.get_mut(&to.place.segment()) {
            used.puts += 1;
        }
        let entry = self.map.get_mut(key).filter(|entry| entry.commit == commit)?;
        let from = std::mem::replace(&mut entry.place, to.place);
        if let Some(used) = self.used.get_mut(&from.segment()) {
            used.live = used.live.saturating_sub(1);
            used.live_bytes = used.live_bytes.saturating_sub(weight);
        }
        if let Some(used) = self.used.get_mut(&to.place.segment()) {
            used.live += 1;
            used.live_bytes += weight;
        }
        Some(from)
    }

    /// What the live entries weigh.
    pub fn live_bytes(&self) -> u64 {
        self.used.values().map(|used| used.live_bytes).sum()
    }
}

/// Part of a listing.
pub(super) struct ListPage<'a> {
    pub query: &'a Query,
    pub after: Option<&'a str>,
    pub count: usize,
    pub at: Option<&'a Moment>,
    pub now: u64,
}
