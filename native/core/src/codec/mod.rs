//! Codecs: bytes in, fewer bytes out, and back.
//!
//! `contract` is what a codec is: one-shot and push-style streaming, with levels. The built-in ones
//! are one file each and write standard frames, which `gzip`, `zstd` and `lz4` read. `registry`
//! finds them by name and by file extension and takes codecs of the user's own (`oneshot` makes one
//! from two functions). `context` is not a codec but the running zstd frame of a timeline.
//!
//! What always holds: a decoder believes no length that it reads. It writes at most the caller's
//! bound (more is `VALUE_TOO_LARGE`), and its output grows with what was really decoded. Input that
//! is cut, changed, or followed by anything else is `CORRUPT`. `brotli` has no checksum and `none`
//! has none either: there, changed bytes may pass, so whoever stores them keeps a checksum beside
//! them.

mod brotli;
mod context;
mod contract;
mod growth;
mod gzip;
mod lz4;
mod lz4_frame;
mod none;
mod oneshot;
mod pool;
mod registry;
mod zstd;

pub use self::brotli::Brotli;
pub use context::{ContextDecoder, ContextEncoder, Piece, MAX_FRAME_BYTES, MAX_FRAME_VALUES};
pub use contract::{Codec, Decoder, Encoder, Levels};
pub use gzip::Gzip;
pub use lz4::Lz4;
pub use none::Plain;
pub use oneshot::OneShot;
pub use registry::{Registered, Registry};
pub use zstd::Zstd;
