//! The ordered index: for each key, where its value lies. Rebuilt from the log at any time.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, OnceLock, Weak};

use super::frame;
use super::page::Spot;
use super::segment::Segment;
use crate::store::{self, Query, Version};

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
    /// Bytes of its deletes.
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
    /// Files of segments that are gone, which views still read.
    retired: BTreeMap<u64, Arc<Segment>>,
    moments: Vec<Weak<Moment>>,
    /// Collected while loading, in the order of replay.
    loading: Vec<(Box<[u8]>, Entry)>,
    /// The greatest time of any frame: the clock never goes behind it.
    pub time: u64,
}

/// How many changes are sorted in one go while loading; more go into the tree one by one.
const BULK: usize = 4 << 20;

impl Index {
    /// Takes a segment into use.
    pub fn open(&mut self, segment: Arc<Segment>) {
        let number = segment.number;
        let used = Used { segment, puts: 0, live: 0, live_bytes: 0, deletes: 0 };
        self.used.entry(number).or_insert(used);
    }

    /// Drops a segment that the catalog no longer names.
    pub fn retire(&mut self, number: u64) {
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

/// Loading: many changes at once, sorted and built into a full tree.
impl Index {
    /// Takes a change of the replay.
    pub fn load(&mut self, key: &[u8], change: &Change) {
        self.time = self.time.max(change.time);
        if self.loading.len() >= BULK || !self.map.is_empty() {
            self.finish_loading();
            self.apply(key.into(), change);
            return;
        }
        if let Some(stored) = change.put {
            if let Some(used) = self.used.get_mut(&stored.place.segment()) {
                used.puts += 1;
            }
            if stored.expires != 0 {
                self.expiring.insert(key.into(), stored.expires);
            }
        }
        self.loading.push((key.into(), change.entry()));
    }

    /// Takes an entry of a checkpoint, whose put was counted there.
    pub fn load_counted(&mut self, key: &[u8], change: &Change) {
        self.load(key, change);
        if let Some(stored) = change.put {
            if let Some(used) = self.used.get_mut(&stored.place.segment()) {
                used.puts -= 1;
            }
        }
    }

    /// Builds the tree from what was loaded. The last change of a key wins.
    pub fn finish_loading(&mut self) {
        let mut loading = std::mem::take(&mut self.loading);
        if loading.is_empty() {
            return;
        }
        if !loading.is_sorted_by(|a, b| a.0 < b.0) {
            loading.sort_by(|a, b| a.0.cmp(&b.0));
            // Equal keys lie in the order of replay; keep the last of each.
            loading.dedup_by(|later, kept| {
                let same = later.0 == kept.0;
                if same {
                    std::mem::swap(later, kept);
                }
                same
            });
            loading.retain(|(_, entry)| !entry.is_tombstone());
        } else {
            loading.retain(|(_, entry)| !entry.is_tombstone());
        }
        loading.shrink_to_fit();
        self.map = loading.into_iter().collect();
        let map = &self.map;
        self.expiring.retain(|key, _| map.get(key).is_some_and(Entry::expires));
        for (key, entry) in &self.map {
            if let Some(used) = self.used.get_mut(&entry.place.segment()) {
                used.live += 1;
                used.live_bytes += frame::weight(key.len(), u64::from(entry.length));
            }
        }
    }
}

/// Views.
impl Index {
    /// Opens a view at a commit number.
    pub fn open_moment(&mut self, commit: u64, now: u64) -> Arc<Moment> {
        let now = now.max(self.time);
        let moment = Arc::new(Moment { commit, now, frozen: OnceLock::new() });
        self.moments.push(Arc::downgrade(&moment));
        moment
    }

    fn has_moments(&self) -> bool {
        self.moments.iter().any(|moment| moment.strong_count() > 0)
    }

    /// Forgets what only closed views saw. Returns the places that nobody needs any more.
    pub fn close_moments(&mut self) -> Vec<Spot> {
        self.moments.retain(|moment| moment.strong_count() > 0);
        let open: Vec<u64> =
            self.moments.iter().filter_map(|m| m.upgrade().map(|m| m.commit)).collect();
        let mut gone = Vec::new();
        self.old.retain(|_, olds| {
            olds.retain(|old| {
                let seen = open.iter().any(|at| old.entry.commit <= *at && *at < old.until);
                if !seen {
                    gone.push(old.entry.place);
                }
                seen
            });
            !olds.is_empty()
        });
        if open.is_empty() {
            self.retired.clear();
        }
        gone
    }

    /// Leaves this index to the open views, when it is about to be replaced.
    pub fn freeze(self: Arc<Self>) {
        for moment in self.moments.iter().filter_map(Weak::upgrade) {
            let _ = moment.frozen.set(self.clone());
        }
    }

    /// The entry of a key as of a moment.
    pub fn get_at(&self, key: &[u8], at: &Moment) -> Option<Entry> {
        let live = self.map.get(key).filter(|entry| entry.commit <= at.commit);
        if let Some(entry) = live {
            let expired = entry.expires() && self.expiry(key) <= at.now;
            return (!expired).then_some(*entry);
        }
        let olds = self.old.get(key)?;
        olds.iter().find(|old| old.is_seen(at)).map(|old| old.entry)
    }

    /// Up to `count` entries behind `after`, as of a moment or now.
    pub fn list(&self, page: &ListPage<'_>) -> Vec<store::Entry> {
        let prefix = page.query.prefix.as_bytes();
        let start = match page.after.map(str::as_bytes) {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let range = (start, Bound::<&[u8]>::Unbounded);
        let now = page.now.max(self.time);
        let live = self.map.range::<[u8], _>(range).filter(|(key, entry)| match page.at {
            Some(at) => {
                let expired = entry.expires() && self.expiry(key) <= at.now;
                entry.commit <= at.commit && !expired
            }
            None => !entry.expires() || self.expiry(key) > now,
        });
        let live = live.map(|(key, entry)| (key, *entry));
        let inside = |pair: &(&Box<[u8]>, Entry)| pair.0.starts_with(prefix);
        let Some(at) = page.at else {
            return live.take_while(inside).take(page.count).map(told).collect();
        };
        let seen = self.old.range::<[u8], _>(range).filter_map(|(key, olds)| {
            olds.iter().find(|old| old.is_seen(at)).map(|old| (key, old.entry))
        });
        let mut both: Vec<_> = live.take_while(inside).take(page.count).collect();
        both.extend(seen.take_while(inside).take(page.count));
        both.sort_by(|a, b| a.0.cmp(b.0));
        both.into_iter().take(page.count).map(told).collect()
    }

    /// Up to `count` entries behind `after` with their keys as of a moment: for checkpoints.
    pub fn entries(&self, page: &ListPage<'_>) -> Vec<(Box<[u8]>, Entry, u64)> {
        let listed = self.list(page);
        let found = listed.iter().filter_map(|told| {
            let key = told.key.as_bytes();
            let entry = match page.at {
                Some(at) => self.get_at(key, at)?,
                None => *self.map.get(key)?,
            };
            let live = self.map.get(key).is_some_and(|live| live.commit == entry.commit);
            let expires = if live {
                self.expires(key)
            } else {
                let olds = self.old.get(key).into_iter().flatten();
                let same = olds.filter(|old| old.entry.commit == entry.commit);
                same.map(|old| old.expires).next().unwrap_or(0)
            };
            Some((key.into(), entry, expires))
        });
        found.collect()
    }
}

impl Old {
    fn is_seen(&self, at: &Moment) -> bool {
        let expired = self.expires != 0 && self.expires <= at.now;
        self.entry.commit <= at.commit && at.commit < self.until && !expired
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

fn told((key, entry): (&Box<[u8]>, Entry)) -> store::Entry {
    store::Entry {
        key: String::from_utf8_lossy(key).into_owned(),
        size: u64::from(entry.length),
        version: Version::from(entry.commit),
        modified: entry.time(),
    }
}
