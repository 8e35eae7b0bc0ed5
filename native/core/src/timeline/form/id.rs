//! What proves a snapshot: a hash over its content and the id before it.

use crate::digest;
use crate::hex;
use crate::wire::{put_bytes, put_varint};

/// Begins the hash of every id; with a new one, ids of other meaning could never meet.
const ID_CONTEXT: &str = "keepstate 2026 snapshot v1";

/// A snapshot's id: proves its content and all of its history.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Id(pub [u8; 32]);

impl std::fmt::Debug for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

/// The parts of a snapshot that its id covers, beside the parent's id.
pub struct Content<'a> {
    /// Where the new bytes lie.
    pub base: u64,
    /// The length of the whole state.
    pub length: u64,
    /// The edit, encoded.
    pub edit: &'a [u8],
    /// BLAKE3 of the new bytes.
    pub fresh: [u8; 32],
    /// The metadata, encoded.
    pub meta: &'a [u8],
    /// Whether it is a fence.
    pub fence: bool,
}

impl Content<'_> {
    /// The id of this content behind that parent.
    pub fn id(&self, parent: &Id) -> Id {
        let mut head = Vec::with_capacity(self.edit.len() + self.meta.len() + 128);
        head.extend_from_slice(&parent.0);
        put_varint(&mut head, self.base);
        put_varint(&mut head, self.length);
        put_bytes(&mut head, self.edit);
        head.extend_from_slice(&self.fresh);
        put_bytes(&mut head, self.meta);
        head.push(u8::from(self.fence));
        Id(digest::blake3_derive(ID_CONTEXT, &head))
    }
}
