//! The port to the outside: bytes by key.
//!
//! The words are those of the TypeScript port and of the C vtable. A store knows no JSON and no
//! timeline; it holds bytes under keys, in the order of the keys' bytes. Writes complete through
//! `Done`, on whatever thread finishes them, so that a durable commit parks its caller's machine
//! and no thread. `memory`, `dir` and `log` are the stores of the core.

pub mod batch;
pub mod dir;
pub mod key;
pub mod log;
pub mod memory;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::error::{fail, Code, Result};

/// The longest key, in bytes of UTF-8.
pub const KEY_MAX: usize = 1024;

/// Changes with every write of a key. Opaque: only equality means anything.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Version(pub Box<str>);

impl From<u64> for Version {
    /// The number in decimal. Written on the stack first: every `get` makes one.
    fn from(number: u64) -> Self {
        let mut digits = [b'0'; 20];
        let mut left = number;
        let mut from = digits.len();
        for (at, digit) in digits.iter_mut().enumerate().rev() {
            *digit = b'0' + (left % 10) as u8;
            (from, left) = (at, left / 10);
            if left == 0 {
                break;
            }
        }
        let text = digits.get(from..).and_then(|text| std::str::from_utf8(text).ok());
        Version(text.unwrap_or_default().into())
    }
}

/// What `get` found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The value, or the part of it that was asked for.
    pub value: Bytes,
    /// The version of the whole value.
    pub version: Version,
}

/// What `list` tells of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// The length of its value.
    pub size: u64,
    /// The version of its value.
    pub version: Version,
    /// When it was written, in milliseconds since 1970.
    pub modified: u64,
}

/// Part of a value. What lies behind its end is cut, as `pread` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// The first byte.
    pub offset: u64,
    /// How many bytes at most.
    pub length: u64,
}

/// Which keys `list` tells of: those that begin with `prefix`, behind `after`, at most `limit`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// What the keys begin with; empty for all.
    pub prefix: String,
    /// Only keys greater than this one.
    pub after: Option<String>,
    /// At most so many; none means all.
    pub limit: Option<usize>,
}

/// The condition of a put.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    /// Whatever is there.
    Overwrite,
    /// Nothing may be there.
    Create,
    /// Exactly this version must be there.
    IfVersion(Version),
}

/// One step of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Write a value.
    Put {
        /// Where.
        key: String,
        /// What.
        value: Bytes,
        /// On which condition.
        mode: Mode,
        /// After this time the key counts as absent.
        ttl: Option<Duration>,
    },
    /// Remove a value. What is absent is no error, unless a version was asked for.
    Delete {
        /// Where.
        key: String,
        /// Only if this version is there.
        if_version: Option<Version>,
    },
    /// Write nothing, but fail unless this version (or nothing) is there.
    Check {
        /// Where.
        key: String,
        /// The version, or none for an absent key.
        version: Option<Version>,
    },
}

impl Op {
    /// The key that the step is about.
    pub fn key(&self) -> &str {
        match self {
            Op::Put { key, .. } | Op::Delete { key, .. } | Op::Check { key, .. } => key,
        }
    }
}

/// Told once how a commit ended: the new version of each put, in the order of the batch.
pub type Done = Box<dyn FnOnce(Result<Vec<Version>>) + Send>;

/// A batch that is applied whole or not at all, and who wants to know.
pub struct Commit {
    /// The steps. A key may occur once.
    pub ops: Vec<Op>,
    /// Called exactly once, on any thread, possibly before `commit` returns. It must not block.
    pub done: Done,
}

/// Whether an acknowledged write survives a loss of power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durable {
    /// It does.
    Yes,
    /// It does not, or not at once.
    No,
    /// The store cannot tell.
    Unknown,
}

/// What a store can do, as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Supports {
    /// What kind of store this is: `memory`, `dir`, `log`, ...
    pub kind: String,
    /// Batches of more than one step.
    pub commit: bool,
    /// `Mode::Create` and `Mode::IfVersion`.
    pub conditional_put: bool,
    /// `Op::Delete` with a version.
    pub conditional_delete: bool,
    /// `ttl` of a put.
    pub ttl: bool,
    /// `view`.
    pub view: bool,
    /// Whether acknowledged means durable.
    pub durable: Durable,
    /// The largest value in bytes.
    pub max_value: u64,
    /// The most steps in a batch.
    pub max_batch: usize,
}

/// Bytes by key. Shared between threads; every call may come from any of them.
pub trait Store: Send + Sync {
    /// What this store can do. Never changes while it is open.
    fn supports(&self) -> Supports;

    /// The newest acknowledged value: every commit acknowledged to anybody before the call began is
    /// seen.
    fn get(&self, key: &str, range: Option<Range>) -> Result<Option<Found>>;

    /// Shows the newest value to `see`, without a copy where the store can, and says whether there
    /// is one. `see` must be quick: the store may wait for it.
    fn lend(&self, key: &str, see: &mut dyn FnMut(&[u8])) -> Result<bool> {
        Ok(self.get(key, None)?.map(|found| see(&found.value)).is_some())
    }

    /// Keys in the order of their bytes. A hint, never proof: what must be known is got by name.
    fn list(&self, query: &Query) -> Result<Vec<Entry>>;

    /// Starts each commit, in order; each is atomic by itself and completes by its own `done`.
    /// Several at once share a sync where the store has one.
    fn commit(&self, commits: Vec<Commit>);

    /// A store that reads as of now, until it is closed or dropped, whatever is written beside it.
    /// It refuses commits with READ_ONLY.
    fn view(&self) -> Result<Arc<dyn Store>>;

    /// Completes what was started and releases everything. Idempotent; later calls are CLOSED.
    fn close(&self) -> Result<()>;
}

/// What the stores on this machine offer beyond the port.
pub trait Embedded: Store {
    /// Makes everything acknowledged so far durable.
    fn flush(&self) -> Result<()>;

    /// Figures for people: entries, bytes, live bytes, debt, segments.
    fn stats(&self) -> Result<Vec<(&'static str, u64)>>;

    /// Reads everything and checks every checksum. Damage is listed, not returned as an error.
    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<crate::error::Error>>;

    /// Does the maintenance that is due, now: checkpoint and compaction.
    fn compact(&self) -> Result<()>;
}

/// Conveniences over any store, written once.
pub trait StoreExt: Store {
    /// Commits one batch and waits for it. For callers that have a thread to spare.
    fn commit_wait(&self, ops: Vec<Op>) -> Result<Vec<Version>> {
        let (sender, receiver) = std::sync::mpsc::sync_channel(1);
        let done: Done = Box::new(move |result| {
            let _ = sender.send(result);
        });
        self.commit(vec![Commit { ops, done }]);
        receiver.recv().unwrap_or_else(|_| {
            fail(Code::Internal, "The store dropped a commit without an answer.")
        })
    }

    /// Puts one value and waits for it.
    fn put_wait(&self, key: &str, value: impl Into<Bytes>, mode: Mode) -> Result<Version> {
        let op = Op::Put { key: key.into(), value: value.into(), mode, ttl: None };
        match self.commit_wait(vec![op])?.pop() {
            Some(version) => Ok(version),
            None => fail(Code::Internal, "The store acknowledged a put without a version."),
        }
    }

    /// Deletes one key and waits for it.
    fn delete_wait(&self, key: &str, if_version: Option<Version>) -> Result<()> {
        self.commit_wait(vec![Op::Delete { key: key.into(), if_version }]).map(|_| ())
    }
}

impl<S: Store + ?Sized> StoreExt for S {}
