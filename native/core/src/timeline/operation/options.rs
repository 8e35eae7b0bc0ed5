//! How a timeline is kept.

use std::time::Duration;

/// How a timeline is kept.
#[derive(Debug, Clone)]
pub struct Options {
    /// The level of zstd; 3 is the default.
    pub level: i32,
    /// Keep a SHA-256 of each whole state and check it at each restore.
    pub full_integrity: bool,
    /// Take a store without conditional writes: only one handle may then write.
    pub single_writer: bool,
    /// How many bytes of records and new bytes are held in memory.
    pub cache_bytes: usize,
    /// New bytes of at least so many together are cut into chunks that other snapshots, and where
    /// the store has batches other timelines, share.
    pub cut_from: u64,
    /// Only one handle writes at a time; one that does not renew for so long can be taken over.
    pub lease: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            level: 3,
            full_integrity: false,
            single_writer: false,
            cache_bytes: 64 << 20,
            cut_from: 256 << 10,
            lease: None,
        }
    }
}
