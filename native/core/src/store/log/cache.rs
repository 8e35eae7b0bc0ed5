//! Small values in memory, by their place in the log, up to a budget.
//!
//! What lies at a place never changes, so nothing here can be stale; the oldest go first.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use bytes::Bytes;
use parking_lot::RwLock;

use super::page::Spot;

/// The largest value that is held.
pub(super) const LARGEST: usize = 4096;

/// How many places of checked values are remembered.
const CHECKED_MAX: usize = 8192;

/// What a held value costs beside its bytes.
const OVERHEAD: usize = 96;

#[derive(Default)]
pub(super) struct SpotHasher(u64);

impl Hasher for SpotHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, word: u64) {
        let mixed = (self.0 ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        self.0 = mixed ^ (mixed >> 32);
    }
}

#[derive(Default)]
struct Held {
    values: HashMap<u64, Bytes, BuildHasherDefault<SpotHasher>>,
    order: VecDeque<u64>,
    bytes: usize,
}

/// The held values, and where large ones lie that were checked whole.
pub(super) struct Cache {
    held: RwLock<Held>,
    checked: RwLock<HashSet<u64, BuildHasherDefault<SpotHasher>>>,
    budget: usize,
}

impl Cache {
    pub fn new(budget: usize) -> Self {
        Cache { held: RwLock::default(), checked: RwLock::default(), budget }
    }

    /// Lends a value, while nothing can be dropped.
    pub fn with<T>(&self, place: Spot, see: impl FnOnce(&Bytes) -> T) -> Option<T> {
        self.held.read().values.get(&place.0).map(see)
    }

    /// Holds a copy, so that a small value never keeps a large buffer alive.
    pub fn hold(&self, place: Spot, value: &[u8]) {
        let cost = value.len() + OVERHEAD;
        if value.len() > LARGEST || cost > self.budget {
            return;
        }
        let value = Bytes::copy_from_slice(value);
        let mut held = self.held.write();
        while held.bytes + cost > self.budget {
            let Some(oldest) = held.order.pop_front() else { break };
            held.drop_value(oldest);
        }
        if held.values.insert(place.0, value).is_none() {
            held.bytes += cost;
            held.order.push_back(place.0);
        }
    }

    /// Whether the value at a place was read whole and matched its checksum.
    pub fn is_checked(&self, place: Spot) -> bool {
        self.checked.read().contains(&place.0)
    }

    /// The value at a place was just now found to match its checksum.
    pub fn note_checked(&self, place: Spot, length: usize) {
        if length <= LARGEST {
            return;
        }
        let mut checked = self.checked.write();
        if checked.len() >= CHECKED_MAX {
            checked.clear();
        }
        checked.insert(place.0);
    }

    /// Lets go what nobody will ask for again.
    pub fn forget(&self, places: &[Spot]) {
        if places.is_empty() {
            return;
        }
        let mut held = self.held.write();
        for place in places {
            held.drop_value(place.0);
        }
        let Held { values, order, .. } = &mut *held;
        if order.len() > 2 * values.len() + 1024 {
            order.retain(|place| values.contains_key(place));
        }
    }

    /// How many bytes the held values take.
    pub fn bytes(&self) -> usize {
        self.held.read().bytes
    }
}

impl Held {
    fn drop_value(&mut self, place: u64) {
        if let Some(value) = self.values.remove(&place) {
            self.bytes -= value.len() + OVERHEAD;
        }
    }
}
