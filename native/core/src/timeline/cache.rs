//! What a timeline's handle remembers: records, and new bytes that were proven already.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::record::Record;
use super::Raw;

/// What a remembered record weighs beside its bytes.
const OVERHEAD: usize = 256;

/// Records and raw new bytes by sequence, up to a number of bytes.
pub struct Cache {
    budget: usize,
    used: usize,
    held: BTreeMap<u64, Held>,
}

struct Held {
    record: Arc<Record>,
    raw: Option<Raw>,
}

impl Held {
    fn weight(&self) -> usize {
        let record = &self.record;
        let manifest = record.manifest.as_ref().map_or(0, |extents| extents.count() * 16);
        let raw = self.raw.as_ref().map_or(record.stored.len(), |raw| raw.len());
        OVERHEAD + record.edit.len() + record.meta.len() + manifest + raw
    }
}

impl Cache {
    /// An empty one.
    pub fn new(budget: usize) -> Cache {
        Cache { budget, used: 0, held: BTreeMap::new() }
    }

    /// How many bytes it holds.
    pub fn used(&self) -> usize {
        self.used
    }

    /// A remembered record. Where its raw bytes are remembered too, `stored` may be gone.
    pub fn record(&self, sequence: u64) -> Option<Arc<Record>> {
        self.held.get(&sequence).map(|held| held.record.clone())
    }

    /// Remembered new bytes.
    pub fn raw(&self, sequence: u64) -> Option<Raw> {
        self.held.get(&sequence).and_then(|held| held.raw.clone())
    }

    /// Remembers a record. Its pieces are copied out of the value that they came in, so that a few
    /// bytes of metadata never keep megabytes alive.
    pub fn keep(&mut self, sequence: u64, record: &Record) -> Arc<Record> {
        let record = Arc::new(Record {
            meta: Bytes::copy_from_slice(&record.meta),
            edit: Bytes::copy_from_slice(&record.edit),
            ..record.clone()
        });
        self.insert(sequence, Held { record: record.clone(), raw: None });
        record
    }

    /// Remembers the proven new bytes of a record, instead of its stored ones.
    pub fn keep_raw(&mut self, sequence: u64, record: &Record, raw: Raw) {
        let record = Arc::new(Record { stored: Bytes::new(), ..record.clone() });
        self.insert(sequence, Held { record, raw: Some(raw) });
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.held.clear();
        self.used = 0;
    }

    fn insert(&mut self, sequence: u64, held: Held) {
        self.used += held.weight();
        if let Some(before) = self.held.insert(sequence, held) {
            self.used -= before.weight();
        }
        while self.used > self.budget && self.held.len() > 1 {
            let Some((_, oldest)) = self.held.pop_first() else { return };
            self.used -= oldest.weight();
        }
    }
}
