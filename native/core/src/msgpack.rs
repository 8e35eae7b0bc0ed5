//! MessagePack, as the states of timelines are kept in it: read in one bounded pass.
//!
//! The form of each type is in docs/encoding.md. The writer of JavaScript values lives in
//! `src/encode`; here the bytes are read, for JavaScript as a [`Tape`] of tokens, for everybody
//! else as JSON ([`to_json`]), which [`from_json`] turns back into the same bytes.
//!
//! What comes in may be damaged or hostile: no count or length is believed beyond the bytes that
//! are there, nesting costs heap and not stack, and each failure names its offset.

mod base64;
mod chunks;
mod date;
mod frame;
mod from_json;
mod json_lexer;
mod json_text;
mod locate;
mod markers;
mod pool;
mod rare;
mod read;
mod scan;
mod shapes;
mod tape;
mod text;
mod to_json;
mod walk;
mod write;

pub use from_json::from_json;
pub use locate::{children, locate, Child, Kind};
pub use tape::{Part, Tape};
pub use to_json::to_json;

/// Containers inside containers. The writers stop at 1,000; the rest is slack for the containers
/// that the format itself adds.
pub const MAX_DEPTH: usize = 1_024;

/// The ext types of the format.
pub mod ext {
    /// `undefined` (empty), or an array's hole (1).
    pub const ABSENT: u8 = 0;
    /// Two's complement, big endian.
    pub const BIGINT: u8 = 0x42;
    /// A Date that is none.
    pub const INVALID_DATE: u8 = 0x44;
    /// A map inside: name, message, stack, cause, errors, properties.
    pub const ERROR: u8 = 0x45;
    /// A map inside, with keys of any type.
    pub const MAP: u8 = 0x4d;
    /// An array inside: source, flags, and lastIndex where it is not 0.
    pub const REGEXP: u8 = 0x52;
    /// An array inside.
    pub const SET: u8 = 0x53;
    /// A value of a type of one's own: the type's name as text, then what stands for the value.
    pub const NAMED: u8 = 0x54;
    /// Text with lone surrogates, UTF-16 little endian.
    pub const UTF16: u8 = 0x55;
    /// A subtype, then little-endian elements.
    pub const TYPED: u8 = 0x74;
    /// MessagePack's own timestamp, -1.
    pub const TIMESTAMP: u8 = 0xff;
}

/// The names of the subtypes of [`ext::TYPED`], with the size of an element.
pub const TYPED: [(&str, usize); 12] = [
    ("Int8Array", 1),
    ("Uint8ClampedArray", 1),
    ("Int16Array", 2),
    ("Uint16Array", 2),
    ("Int32Array", 4),
    ("Uint32Array", 4),
    ("Float32Array", 4),
    ("Float64Array", 8),
    ("BigInt64Array", 8),
    ("BigUint64Array", 8),
    ("ArrayBuffer", 1),
    ("DataView", 1),
];

/// Which JSON is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonForm {
    /// Rich types as markers such as `{"$date": ...}`, and keys that begin with `$` escaped: text
    /// and bytes turn into each other exactly.
    Marked,
    /// JSON and nothing else: what it cannot hold is NOT_JSON.
    Plain,
}

/// Whether `bytes` are one whole value of the format; the first fault is an error with its offset.
pub fn validate(bytes: &[u8]) -> crate::Result<()> {
    walk::walk(bytes, &mut walk::Nothing)
}

#[cfg(test)]
mod tape_tests;
#[cfg(test)]
mod tests;
