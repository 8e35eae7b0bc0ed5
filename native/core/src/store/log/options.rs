//! How a log is opened.

use std::sync::Arc;
use std::time::Duration;

use super::medium::{Disk, Medium};

/// What an acknowledged commit has survived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// It is on disk: it survives a loss of power.
    Sync,
    /// The operating system has it: it survives the death of the process, and a loss of power from
    /// `window` after it on.
    Async {
        /// Everything acknowledged is synced after this time at the latest.
        window: Duration,
    },
}

/// How a log is opened.
#[derive(Clone)]
pub struct LogOptions {
    /// When a commit is acknowledged.
    pub durability: Durability,
    /// Make the store if the folder is absent or empty.
    pub create: bool,
    /// Write nothing at all, not even locks.
    pub read_only: bool,
    /// A segment above this size is ended.
    pub segment_bytes: u64,
    /// How much memory may hold small values.
    pub memory_budget: usize,
    /// How long to wait for another process's lock.
    pub lock_timeout: Duration,
    /// Compact and write checkpoints in the background.
    pub maintenance: bool,
    /// The disk, or what stands for it in tests.
    pub medium: Arc<dyn Medium>,
}

impl Default for LogOptions {
    fn default() -> Self {
        LogOptions {
            durability: Durability::Sync,
            create: true,
            read_only: false,
            segment_bytes: 64 << 20,
            memory_budget: 64 << 20,
            lock_timeout: Duration::from_secs(10),
            maintenance: true,
            medium: Arc::new(Disk),
        }
    }
}

impl LogOptions {
    /// Acknowledged means that the operating system has it; synced within a second.
    pub fn asynchronous() -> Self {
        let window = Duration::from_secs(1);
        LogOptions { durability: Durability::Async { window }, ..LogOptions::default() }
    }
}
