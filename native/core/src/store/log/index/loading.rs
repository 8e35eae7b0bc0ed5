//! Loading: many changes at once, sorted and built into a full tree.

use super::{Change, Entry, Index};
use crate::store::log::frame;

/// How many changes are sorted in one go; more go into the tree one by one.
const BULK: usize = 4 << 20;

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
        // Compared now, while the key before is at hand.
        self.unsorted |= self.loading.last().is_some_and(|(last, _)| **last >= *key);
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
        if std::mem::take(&mut self.unsorted) {
            sort_last(&mut loading);
        }
        loading.retain(|(_, entry)| !entry.is_tombstone());
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

/// Sorts by key and keeps the last of equal keys. Most comparisons are decided by eight bytes
/// behind what all keys have in common, held side by side: looking into the keys costs a cache miss
/// each.
fn sort_last(loading: &mut Vec<(Box<[u8]>, Entry)>) {
    let Some((first, _)) = loading.first() else { return };
    let common = loading.iter().fold(first.len(), |common, (key, _)| {
        key.iter().zip(first.iter()).take(common).take_while(|(a, b)| a == b).count()
    });
    let mut order: Vec<(u64, u32)> = Vec::with_capacity(loading.len());
    order.extend(loading.iter().zip(0..).map(|((key, _), at)| (word(key, common), at)));
    let key = |at: u32| &loading[at as usize].0;
    order.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| key(a.1).cmp(key(b.1))));
    for start in 0..order.len() {
        let mut at = start;
        loop {
            let from = order[at].1 as usize;
            order[at].1 = at as u32;
            if from == start {
                break;
            }
            loading.swap(at, from);
            at = from;
        }
    }
    let mut kept = 0;
    for at in 1..loading.len() {
        let same = order[at].0 == order[at - 1].0 && loading[at].0 == loading[kept].0;
        kept += usize::from(!same);
        loading.swap(kept, at);
    }
    loading.truncate(kept + 1);
}

/// Eight bytes of a key, in an order that never contradicts that of the keys.
fn word(key: &[u8], from: usize) -> u64 {
    let mut bytes = [0; 8];
    let rest = key.get(from..).unwrap_or_default();
    bytes.iter_mut().zip(rest).for_each(|(byte, other)| *byte = *other);
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
#[path = "loading_tests.rs"]
mod tests;
