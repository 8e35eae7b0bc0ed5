//! The core of Keepstate: stores, timelines and files, as bytes.
//!
//! Everything that touches bytes lives here: frames and the log, extents and records, codecs,
//! digests, sealing. What the core is *not*: it knows no JSON schema, no network and no JavaScript;
//! it does no I/O of its own in a timeline operation, which is a machine that asks (`machine`) and
//! that a driver answers (`drive`).
#![deny(unsafe_code)]

#[macro_use]
mod sabotage;

pub mod chunk;
pub mod clock;
pub mod codec;
pub mod digest;
pub mod disk;
pub mod drive;
pub mod error;
pub mod file;
pub mod hex;
pub mod machine;
pub mod msgpack;
pub mod seal;
pub mod store;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod testing;
pub mod timeline;
pub mod wire;

pub use error::{Code, Error, Result};
