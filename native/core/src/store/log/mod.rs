//! The embedded store: one append-only log of checksummed frames in a folder (FORMAT.md 3 to 6).
//!
//! The segments are the truth; the index in memory is a replay of them and can be thrown away at
//! any time. The way of a commit: `commit` (queue and threads), `append` (conditions, frames, one
//! write, one sync), `room` (space ahead, new segments, what follows a failed sync). The way of a
//! read: `store`, `index`, `cache`, the segment. `tail` follows what other processes append, `open`
//! and `recover` begin, `checkpoint`, `compact` and `repair` keep house. Every operation on a file
//! goes through `medium`, every lock through `lock`, all that processes share in memory through
//! `page`.

mod append;
mod cache;
mod catalog;
mod checkpoint;
mod commit;
mod compact;
mod frame;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzzing;
mod index;
mod lock;
mod maintain;
pub mod medium;
mod open;
mod options;
mod page;
mod reader;
mod recover;
mod repair;
mod room;
mod segment;
mod shared;
mod store;
mod sys;
mod tail;
mod verify;
mod view;

pub use options::{Durability, LogOptions};
pub use repair::{repair, Report};
pub use store::Log;

use std::sync::LazyLock;

use crate::error::{Code, Error};
use crate::store::{Durable, Supports};

/// The format version that is written, and the greatest that is read.
const FORMAT: u16 = 1;

/// The largest value.
const MAX_VALUE: u64 = 1 << 30;
/// The most steps in a batch.
const MAX_BATCH: usize = u16::MAX as usize;

/// What a log can do, in sync mode.
static SUPPORTS: LazyLock<Supports> = LazyLock::new(|| Supports {
    kind: "log".into(),
    commit: true,
    conditional_put: true,
    conditional_delete: true,
    ttl: true,
    view: true,
    durable: Durable::Yes,
    max_value: MAX_VALUE,
    max_batch: MAX_BATCH,
});

/// Which store a file belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct StoreId([u8; 16]);

fn digest64(bytes: &[u8]) -> u64 {
    crc_fast::crc64_nvme(bytes)
}

fn digest32(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

fn corrupt(what: &str, segment: u64, offset: u64) -> Error {
    let message = format!(
        "{what} (segment {segment}, offset {offset}); copy the folder aside, then run repair."
    );
    Error::new(Code::Corrupt, message).at(|place| {
        place.segment = Some(segment);
        place.offset = Some(offset);
    })
}

fn closed() -> Error {
    Error::new(Code::Closed, "The store is closed; open it again to use it.")
}

fn too_new(path: &std::path::Path) -> Error {
    let path = path.display().to_string();
    let message = format!("{path} was written by a newer version of Keepstate; update this one.");
    Error::new(Code::FormatTooNew, message).at(|place| place.path = Some(path))
}
