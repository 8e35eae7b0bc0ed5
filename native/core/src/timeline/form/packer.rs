//! Making packs: snapshot by snapshot, block by block.

use bytes::Bytes;

use super::extent::Extents;
use super::pack::{Block, Directory, Span};
use super::record::{Form, Id, Raw, Record};
use super::sections::Packed;
use crate::error::{Code, Error, Result};
use crate::wire::{put_bytes, put_varint};

/// Records of a block, so that finding one of them is quick.
pub const BLOCK_RECORDS: u64 = 256;
/// New bytes of a block, beyond which the next record begins another: what is read for one
/// snapshot is bounded, and zstd has enough to find what repeats.
pub const BLOCK_BYTES: usize = 1 << 20;
/// A snapshot as it goes into a pack.
pub struct Entry<'a> {
    /// Its number.
    pub sequence: u64,
    /// Its record, in whatever form.
    pub record: &'a Record,
    /// The id of the snapshot before.
    pub parent: Id,
    /// Its state; none: only its new bytes are needed.
    pub extents: Option<&'a Extents>,
    /// Its edit says how its state differs from the one before.
    pub follows: bool,
    /// It was taken out.
    pub hidden: bool,
    /// Its new bytes, proven, or its parts.
    pub raw: &'a Raw,
    /// Whether it is its parts.
    pub apart: bool,
}

static NOTHING: Raw = Raw::new();

impl<'a> Entry<'a> {
    /// A fence behind what was told before.
    pub fn fence(sequence: u64, record: &'a Record, parent: Id) -> Entry<'a> {
        let (extents, follows, hidden) = (None, false, false);
        Entry { sequence, record, parent, extents, follows, hidden, raw: &NOTHING, apart: false }
    }
}

/// Makes a pack.
pub struct Builder {
    level: i32,
    first: u64,
    blocks: Vec<Block>,
    out: Vec<u8>,
    block: Open,
}

/// The block under way.
#[derive(Default)]
struct Open {
    heads: Vec<u8>,
    data: Vec<u8>,
    first: u64,
    last: u64,
    base: u64,
    end: u64,
    /// Whether the last record shows its snapshot, so that an edit can follow.
    shown: bool,
}

/// A pack that is ready to be written.
pub struct Built {
    /// Where it is to be found; its nonce is yet to be drawn.
    pub packed: Packed,
    /// Its value.
    pub value: Vec<u8>,
}

impl Builder {
    /// An empty one. `level` is one of zstd's.
    pub fn new(level: i32) -> Builder {
        let (blocks, out, block) = (Vec::new(), Vec::new(), Open::default());
        Builder { level, first: 0, blocks, out, block }
    }

    /// How long the value is so far, about.
    pub fn size(&self) -> usize {
        self.out.len() + (self.block.heads.len() + self.block.data.len()) / 4
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.block.heads.is_empty()
    }

    /// Adds the next snapshot.
    pub fn push(&mut self, entry: &Entry<'_>) -> Result<()> {
        let full = self.block.data.len() + entry.raw.len() > BLOCK_BYTES
            || entry.sequence - self.block.first >= BLOCK_RECORDS;
        if full && !self.block.heads.is_empty() {
            self.close()?;
        }
        let begins = self.block.heads.is_empty();
        if self.is_empty() {
            self.first = entry.sequence;
        }
        let block = &mut self.block;
        if begins {
            (block.first, block.base) = (entry.sequence, entry.record.base);
            (block.last, block.shown) = (entry.sequence.saturating_sub(1), false);
        }
        let follows = !begins && block.last + 1 == entry.sequence;
        let Entry { hidden, extents, .. } = *entry;
        let told = follows && block.shown && !hidden && entry.follows;
        let manifest = extents.filter(|_| !told && !entry.record.fence);
        let parented = !follows || manifest.is_some() || entry.record.fence;
        let (length, added) = (entry.raw.len() as u64, entry.record.added());
        let record = Record {
            parent: parented.then_some(entry.parent),
            manifest: manifest.cloned(),
            hidden,
            form: if entry.apart { Form::Apart { length, added } } else { Form::Block },
            stored: Bytes::new(),
            ..entry.record.clone()
        };
        put_varint(&mut block.heads, entry.sequence - (block.last + 1));
        let mut head = Vec::with_capacity(128);
        record.encode(&mut head);
        put_bytes(&mut block.heads, &head);
        block.data.extend_from_slice(entry.raw);
        (block.last, block.end) = (entry.sequence, record.base + record.raw);
        // A fence changes no state, but what was before a gap is before it no more.
        block.shown = if record.fence { block.shown && follows } else { extents.is_some() };
        Ok(())
    }

    /// Adds blocks of another pack as they are: their snapshots lie behind those that were added.
    pub fn adopt(&mut self, blocks: Vec<Block>, bytes: &[u8]) -> Result<()> {
        if !self.block.heads.is_empty() {
            self.close()?;
        }
        if let Some(first) = blocks.first().filter(|_| self.blocks.is_empty()) {
            self.first = first.first;
        }
        self.blocks.extend(blocks);
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        let Open { heads, data, first, last, base, end, .. } = std::mem::take(&mut self.block);
        let heads = Span::append(&heads, self.level, &mut self.out)?;
        let data = Span::append(&data, self.level, &mut self.out)?;
        self.blocks.push(Block { first, last, base, end, heads, data });
        Ok(())
    }

    /// The pack. There must be something in it.
    pub fn finish(mut self) -> Result<Built> {
        if !self.block.heads.is_empty() {
            self.close()?;
        }
        let (Some(begins), Some(ends)) = (self.blocks.first(), self.blocks.last()) else {
            return Err(Error::new(Code::Internal, "A pack was made of nothing."));
        };
        let mut packed = Packed {
            first: self.first,
            last: ends.last,
            base: begins.base,
            end: ends.end,
            size: 0,
            head: 0,
            nonce: [0; 8],
        };
        let mut value = Directory { blocks: self.blocks }.encode(&packed);
        packed.head = value.len() as u64;
        value.append(&mut self.out);
        packed.size = value.len() as u64;
        Ok(Built { packed, value })
    }
}
