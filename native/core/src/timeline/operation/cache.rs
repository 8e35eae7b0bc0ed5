//! What a timeline's handle remembers: records, directories of packs, and new bytes that were
//! proven already.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::MutexGuard;

use super::budget::{self, Account};
use crate::timeline::form::pack::{Block, Directory};
use crate::timeline::form::record::Raw;
use crate::timeline::form::record::Record;

/// What a remembered record weighs beside its bytes.
const OVERHEAD: usize = 256;
/// What a block of a directory weighs.
const BLOCK: usize = 112;
/// So many of the newest are remembered longest: a writer goes on from them.
const NEWEST: u64 = 64;

/// New bytes that were proven, by where they begin in the logical space.
pub type Pieces = BTreeMap<u64, Raw>;

/// Records and raw new bytes by sequence, up to a number of bytes.
pub struct Cache {
    budget: usize,
    used: usize,
    /// Grows whenever what was remembered counts no more: who began before neither reads what was
    /// remembered since, nor adds to it.
    generation: u64,
    /// What is counted of it among all handles of the process.
    pub account: Account,
    held: BTreeMap<u64, Held>,
    /// The sequences of what is held, in the order in which it came.
    order: VecDeque<u64>,
    /// The new bytes that are remembered, by where they begin in the logical space.
    pieces: Pieces,
    directories: HashMap<[u8; 8], Arc<Directory>>,
    /// How many blocks the directories have.
    blocks: usize,
    /// Blocks of which every record is here, by their first sequence: the nonce of their pack, and
    /// their last sequence.
    whole: BTreeMap<u64, ([u8; 8], u64)>,
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
        let (held, pieces) = (BTreeMap::new(), Pieces::new());
        let (directories, whole) = (HashMap::new(), BTreeMap::new());
        let (order, blocks) = (VecDeque::new(), 0);
        let account = Account::default();
        Cache {
            budget,
            used: 0,
            generation: 0,
            account,
            held,
            order,
            pieces,
            directories,
            blocks,
            whole,
        }
    }

    /// How many bytes it holds.
    pub fn used(&self) -> usize {
        self.used + self.blocks * BLOCK
    }

    /// A remembered record. Where its raw bytes are remembered too, `stored` may be gone.
    fn record(&self, sequence: u64) -> Option<Arc<Record>> {
        self.held.get(&sequence).map(|held| held.record.clone())
    }

    /// Remembered new bytes.
    fn raw(&self, sequence: u64) -> Option<Raw> {
        self.held.get(&sequence).and_then(|held| held.raw.clone())
    }

    /// The greatest sequence of which there is a record.
    pub fn newest(&self) -> Option<u64> {
        self.held.last_key_value().map(|(sequence, _)| *sequence)
    }

    /// A remembered directory, by the nonce of its pack.
    fn directory(&self, nonce: &[u8; 8]) -> Option<Arc<Directory>> {
        self.directories.get(nonce).cloned()
    }

    /// Whether every record of a block is here, so that one that is not was taken out.
    fn is_whole(&self, nonce: &[u8; 8], block: &Block) -> bool {
        self.whole.get(&block.first) == Some(&(*nonce, block.last))
    }

    /// Every record of a block was remembered just now, unless there was no room: so many.
    fn keep_whole(&mut self, nonce: [u8; 8], (block, count): (&Block, usize)) {
        if self.held.range(block.first..=block.last).count() == count {
            self.whole.insert(block.first, (nonce, block.last));
        }
    }

    /// Remembers a directory.
    fn keep_directory(&mut self, nonce: [u8; 8], directory: Arc<Directory>) {
        let count = directory.blocks.len();
        if (self.blocks + count) * BLOCK > self.budget / 4 {
            self.directories.clear();
            self.blocks = 0;
        }
        if self.directories.insert(nonce, directory).is_none() {
            self.blocks += count;
        }
    }

    /// Remembers a record.
    fn keep(&mut self, sequence: u64, record: &Record) -> Arc<Record> {
        let raw = self.raw(sequence);
        let record = lean(record);
        self.insert(sequence, Held { record: record.clone(), raw });
        record
    }

    /// Remembers the proven new bytes of a record, instead of its stored ones. Of one in parts only
    /// if they leave room for others; else only the record.
    fn keep_raw(&mut self, sequence: u64, record: &Record, raw: Raw) {
        if record.is_in_parts() && raw.len() > self.budget / 4 {
            drop(self.keep(sequence, record));
            return;
        }
        let record = Arc::new(Record { stored: Bytes::new(), ..record.clone() });
        self.insert(sequence, Held { record, raw: Some(raw) });
    }

    /// Which generation of what is remembered this is.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Forgets everything: it counts no more.
    pub fn clear(&mut self) {
        self.generation += 1;
        self.empty();
    }

    /// Lets go everything, though it still counts: others need the room.
    pub fn empty(&mut self) {
        self.held.clear();
        self.order.clear();
        self.pieces.clear();
        self.directories.clear();
        self.blocks = 0;
        self.whole.clear();
        self.used = 0;
        self.account.set(0);
    }

    fn insert(&mut self, sequence: u64, held: Held) {
        self.used += held.weight();
        if let Some(raw) = held.raw.as_ref().filter(|raw| !raw.is_empty()) {
            self.pieces.insert(held.record.base, raw.clone());
        }
        if let Some(before) = self.held.insert(sequence, held) {
            self.used -= before.weight();
        } else {
            self.order.push_back(sequence);
        }
        self.shrink();
    }

    /// Forgets what came first until the rest fits, but never the newest of all: it is the last of
    /// its value, and the next key is looked for right behind it.
    fn shrink(&mut self) {
        while self.used > self.budget && self.held.len() > 1 {
            let Some(sequence) = self.order.pop_front() else { return };
            let newest = self.newest().unwrap_or(0);
            let late = self.held.len() as u64 > NEWEST && sequence + NEWEST > newest;
            if late || sequence == newest {
                self.order.push_back(sequence);
                continue;
            }
            let Some(oldest) = self.held.remove(&sequence) else { continue };
            self.used -= oldest.weight();
            let block = self.whole.range(..=sequence).next_back();
            if let Some((first, _)) = block.filter(|(_, (_, last))| *last >= sequence) {
                let first = *first;
                self.whole.remove(&first);
            }
            if oldest.raw.is_some() {
                self.pieces.remove(&oldest.record.base);
            }
        }
        if self.account.set(self.used()) {
            budget::relieve();
        }
    }
}

/// A record whose pieces are copied out of the value that they came in, so that a few bytes of
/// metadata never keep megabytes alive.
fn lean(record: &Record) -> Arc<Record> {
    Arc::new(Record {
        meta: Bytes::copy_from_slice(&record.meta),
        edit: Bytes::copy_from_slice(&record.edit),
        ..record.clone()
    })
}

static NOTHING: Pieces = Pieces::new();

/// What an operation may remember: nothing, if what was remembered when it began counts no more.
pub struct View<'a> {
    cache: MutexGuard<'a, Cache>,
    counts: bool,
}

impl<'a> View<'a> {
    /// What somebody may see who began in this generation.
    pub fn new(cache: MutexGuard<'a, Cache>, generation: u64) -> View<'a> {
        let counts = cache.generation == generation;
        View { cache, counts }
    }

    fn seen(&self) -> Option<&Cache> {
        self.counts.then_some(&*self.cache)
    }

    /// A remembered record. Where its raw bytes are remembered too, `stored` may be gone.
    pub fn record(&self, sequence: u64) -> Option<Arc<Record>> {
        self.seen()?.record(sequence)
    }

    /// Remembered new bytes.
    pub fn raw(&self, sequence: u64) -> Option<Raw> {
        self.seen()?.raw(sequence)
    }

    /// All remembered new bytes, by where they begin in the logical space.
    pub fn pieces(&self) -> &Pieces {
        self.seen().map_or(&NOTHING, |cache| &cache.pieces)
    }

    /// The greatest sequence of which there is a record.
    pub fn newest(&self) -> Option<u64> {
        self.seen()?.newest()
    }

    /// A remembered directory, by the nonce of its pack.
    pub fn directory(&self, nonce: &[u8; 8]) -> Option<Arc<Directory>> {
        self.cache.directory(nonce)
    }

    /// Whether every record of a block is here, so that one that is not was taken out.
    pub fn is_whole(&self, nonce: &[u8; 8], block: &Block) -> bool {
        self.seen().is_some_and(|cache| cache.is_whole(nonce, block))
    }

    /// Every record of a block was remembered just now: so many.
    pub fn keep_whole(&mut self, nonce: [u8; 8], block: (&Block, usize)) {
        if self.counts {
            self.cache.keep_whole(nonce, block);
        }
    }

    /// Remembers a directory: what a nonce names never changes.
    pub fn keep_directory(&mut self, nonce: [u8; 8], directory: Arc<Directory>) {
        self.cache.keep_directory(nonce, directory);
    }

    /// Remembers a record, and gives it without what it was read in.
    pub fn keep(&mut self, sequence: u64, record: &Record) -> Arc<Record> {
        match self.counts {
            true => self.cache.keep(sequence, record),
            false => lean(record),
        }
    }

    /// Remembers the proven new bytes of a record, instead of its stored ones.
    pub fn keep_raw(&mut self, sequence: u64, record: &Record, raw: Raw) {
        if self.counts {
            self.cache.keep_raw(sequence, record, raw);
        }
    }
}
