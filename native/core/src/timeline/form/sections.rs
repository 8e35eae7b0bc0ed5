//! What stands in the sections of a control object.

use super::name::Name;
use super::record::Id;
use crate::error::Result;
use crate::wire::{put_bytes, put_varint, Reader};

/// A section, or one entry of it.
pub trait Section: Sized {
    /// Appends it.
    fn encode(&self, out: &mut Vec<u8>);
    /// Takes it.
    fn decode(reader: &mut Reader<'_>) -> Result<Self>;
}

/// Below this nothing is shown any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// The first sequence that may exist.
    pub sequence: u64,
    /// The id of the last snapshot below.
    pub parent: Id,
    /// Where the new bytes of the first one begin: logical offsets never return.
    pub base: u64,
}

impl Default for Floor {
    fn default() -> Self {
        Floor { sequence: 1, parent: Id::default(), base: 0 }
    }
}

impl Section for Floor {
    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.sequence);
        out.extend_from_slice(&self.parent.0);
        put_varint(out, self.base);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let (sequence, parent) = (reader.varint()?, Id(reader.array()?));
        Ok(Floor { sequence, parent, base: reader.varint()? })
    }
}

/// A name for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The name.
    pub name: String,
    /// The snapshot.
    pub sequence: u64,
    /// Its id.
    pub id: Id,
}

impl Section for Tag {
    fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.name.as_bytes());
        put_varint(out, self.sequence);
        out.extend_from_slice(&self.id.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let name = reader.text()?.to_owned();
        Ok(Tag { name, sequence: reader.varint()?, id: Id(reader.array()?) })
    }
}

/// A fork that needs this history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The fork, as references write it.
    pub timeline: String,
    /// The first snapshot that it shows.
    pub from: u64,
    /// The snapshot that it began from.
    pub sequence: u64,
    /// When it was set, in milliseconds since 1970.
    pub since: u64,
}

impl Section for Pin {
    fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.timeline.as_bytes());
        put_varint(out, self.from);
        put_varint(out, self.sequence);
        put_varint(out, self.since);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let timeline = timeline(reader)?;
        let (from, sequence) = (reader.varint()?, reader.varint()?);
        Ok(Pin { timeline, from, sequence, since: reader.varint()? })
    }
}

/// A timeline's name as references write it.
fn timeline(reader: &mut Reader<'_>) -> Result<String> {
    let text = reader.text()?;
    match Name::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(reader.damage("a name is no timeline's")),
    }
}

/// Who may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The holder.
    pub holder: [u8; 16],
    /// Grows with each take-over.
    pub epoch: u64,
    /// Until when, in milliseconds since 1970.
    pub until: u64,
}

impl Section for Lease {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.holder);
        put_varint(out, self.epoch);
        put_varint(out, self.until);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let (holder, epoch) = (reader.array()?, reader.varint()?);
        Ok(Lease { holder, epoch, until: reader.varint()? })
    }
}

/// Where a fork began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The id of the snapshot that it was forked from.
    pub id: Id,
    /// The first sequence of its own.
    pub first: u64,
    /// Where its own new bytes begin.
    pub base: u64,
    /// In whose keys the history before lies, from the oldest part to the newest.
    pub line: Vec<Branch>,
}

/// A part of a fork's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// The timeline whose it is, as references write it.
    pub timeline: String,
    /// The first sequence of that part.
    pub first: u64,
    /// The last one that the fork shares.
    pub last: u64,
    /// Where the new bytes of the first begin.
    pub base: u64,
}

impl Section for Origin {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        put_varint(out, self.first);
        put_varint(out, self.base);
        for branch in &self.line {
            put_bytes(out, branch.timeline.as_bytes());
            put_varint(out, branch.first);
            put_varint(out, branch.last);
            put_varint(out, branch.base);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let (id, first, base) = (Id(reader.array()?), reader.varint()?, reader.varint()?);
        let mut line: Vec<Branch> = Vec::new();
        while reader.left() > 0 {
            let timeline = timeline(reader)?;
            let (first, last) = (reader.varint()?, reader.varint()?);
            let branch = Branch { timeline, first, last, base: reader.varint()? };
            let above = line.last().is_none_or(|before| before.last < branch.first);
            if !above || branch.last < branch.first {
                return Err(reader.damage("a fork's parts are out of order"));
            }
            line.push(branch);
        }
        if line.last().is_none_or(|last| last.last >= first) {
            return Err(reader.damage("a fork begins before its origin"));
        }
        Ok(Origin { id, first, base, line })
    }
}

/// Where a run of snapshots lies in one value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The first sequence of the run.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Where the new bytes of the first begin.
    pub base: u64,
    /// Where those of the last end.
    pub end: u64,
    /// The length of the value.
    pub size: u64,
    /// How much of it, from its beginning, is the directory.
    pub head: u64,
    /// Random: no two values ever share a key.
    pub nonce: [u8; 8],
}

impl Packed {
    /// Its key in this timeline.
    pub fn key(&self, timeline: &Name) -> String {
        timeline.pack_key(self.first, &self.nonce)
    }
}

impl Section for Packed {
    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.first);
        put_varint(out, self.last - self.first);
        put_varint(out, self.base);
        put_varint(out, self.end - self.base);
        put_varint(out, self.size);
        put_varint(out, self.head);
        out.extend_from_slice(&self.nonce);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let (first, span) = (reader.varint()?, reader.varint()?);
        let (base, length) = (reader.varint()?, reader.varint()?);
        let (size, head) = (reader.varint()?, reader.varint()?);
        let bounds = first.checked_add(span).zip(base.checked_add(length));
        let Some((last, end)) = bounds.filter(|_| head <= size) else {
            return Err(reader.damage("a pack is impossible"));
        };
        Ok(Packed { first, last, base, end, size, head, nonce: reader.array()? })
    }
}

/// Keys that nothing needs any more, and that are to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Debt {
    /// Since when, in milliseconds since 1970.
    pub since: u64,
    /// Which.
    pub keys: Dead,
}

/// Keys of a timeline that are to be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dead {
    /// Those of single values.
    Loose {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// That of a pack.
    Pack {
        /// Its first sequence.
        first: u64,
        /// Its nonce.
        nonce: [u8; 8],
    },
    /// Those of chunks, which a list names.
    Chunks {
        /// The list's nonce.
        nonce: [u8; 8],
    },
}

/// A save that stores chunks is under way: until it has ended, none may be removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Which.
    pub nonce: [u8; 8],
    /// When it was seen last, in milliseconds since 1970.
    pub since: u64,
}

impl Section for Claim {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.nonce);
        put_varint(out, self.since);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        Ok(Claim { nonce: reader.array()?, since: reader.varint()? })
    }
}

impl Section for Debt {
    fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.since);
        match &self.keys {
            Dead::Loose { first, last } => {
                out.push(0);
                put_varint(out, *first);
                put_varint(out, *last);
            }
            Dead::Pack { first, nonce } => {
                out.push(1);
                put_varint(out, *first);
                out.extend_from_slice(nonce);
            }
            Dead::Chunks { nonce } => {
                out.push(2);
                out.extend_from_slice(nonce);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self> {
        let since = reader.varint()?;
        let keys = match reader.u8()? {
            0 => Dead::Loose { first: reader.varint()?, last: reader.varint()? },
            1 => Dead::Pack { first: reader.varint()?, nonce: reader.array()? },
            2 => Dead::Chunks { nonce: reader.array()? },
            _ => return Err(reader.damage("a debt is of no known kind")),
        };
        Ok(Debt { since, keys })
    }
}
