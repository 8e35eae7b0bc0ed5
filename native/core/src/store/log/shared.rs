//! What the threads of an open log share, and the append lock.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard, RwLock};

use super::cache::Cache;
use super::commit::Queue;
use super::index::Index;
use super::lock::{Byte, Locks, Patience};
use super::maintain::Upkeep;
use super::medium::Folder;
use super::options::{Durability, LogOptions};
use super::page::Page;
use super::sys::Claim;
use super::tail::Tail;
use super::StoreId;
use crate::clock::Clock;
use crate::error::{fail, Code, Result};

/// An open log.
///
/// Order of locks: `upkeep_lock`, `appending`, the append lock between processes, `tail`, `index`,
/// the cache.
pub(super) struct Shared {
    pub folder: Folder,
    pub store: StoreId,
    pub options: LogOptions,
    pub clock: Arc<dyn Clock>,
    /// None only in a read-only store whose folder has no page.
    pub page: Option<Page>,
    pub locks: Option<Locks>,
    /// Held by the thread of this process that holds the append lock.
    pub appending: Mutex<()>,
    /// Where the log ends, as far as this process has read it.
    pub tail: Mutex<Tail>,
    pub index: RwLock<Index>,
    pub cache: Cache,
    pub seen: Seen,
    pub queue: Queue,
    pub upkeep: Upkeep,
    /// Held by the thread of this process that compacts, writes a checkpoint, or verifies.
    pub upkeep_lock: Mutex<()>,
    pub closed: AtomicBool,
}

/// What a read compares with the page, without a lock.
#[derive(Default)]
pub(super) struct Seen {
    commit: AtomicU64,
    generation: AtomicU64,
}

impl Seen {
    pub fn set(&self, commit: u64, generation: u64) {
        self.generation.store(generation, Ordering::Release);
        self.commit.fetch_max(commit, Ordering::AcqRel);
    }

    pub fn is_current(&self, page: &Page) -> bool {
        page.acknowledged() <= self.commit.load(Ordering::Acquire)
            && page.generation() <= self.generation.load(Ordering::Acquire)
    }
}

/// The append lock, held.
pub(super) struct Appending<'a> {
    shared: &'a Shared,
    _alone: MutexGuard<'a, ()>,
}

impl Drop for Appending<'_> {
    fn drop(&mut self) {
        if let Some(locks) = &self.shared.locks {
            locks.release(Byte::Append);
        }
    }
}

impl Shared {
    pub fn is_sync(&self) -> bool {
        self.options.durability == Durability::Sync
    }

    pub fn check_open(&self) -> Result<()> {
        if self.closed.load(Ordering::Acquire) {
            return Err(super::closed());
        }
        Ok(())
    }

    pub fn page(&self) -> Result<&Page> {
        match &self.page {
            Some(page) => Ok(page),
            None => fail(Code::ReadOnly, "The store is open to read only; open it to write."),
        }
    }

    fn locks(&self) -> Result<&Locks> {
        match &self.locks {
            Some(locks) if !self.options.read_only => Ok(locks),
            _ => fail(Code::ReadOnly, "The store is open to read only; open it to write."),
        }
    }

    /// Takes the append lock, waiting for threads and processes.
    pub fn append_lock(&self) -> Result<Appending<'_>> {
        let (locks, page) = (self.locks()?, self.page()?);
        let alone = self.appending.lock();
        let timeout = self.options.lock_timeout;
        let patience = Patience { clock: &*self.clock, timeout, asked: &|| page.want() };
        locks.wait(Byte::Append, Claim::Alone, patience)?;
        Ok(Appending { shared: self, _alone: alone })
    }

    /// Takes the append lock if it is free now.
    pub fn try_append_lock(&self) -> Result<Option<Appending<'_>>> {
        let locks = self.locks()?;
        let Some(alone) = self.appending.try_lock() else { return Ok(None) };
        if !locks.attempt(Byte::Append, Claim::Alone)? {
            return Ok(None);
        }
        Ok(Some(Appending { shared: self, _alone: alone }))
    }
}
