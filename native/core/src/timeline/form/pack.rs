//! A pack: a run of snapshots in one value, as FORMAT.md 8 has it.
//!
//! It begins with a directory, and then come blocks, each of neighbouring snapshots: their records
//! in one zstd frame, their new bytes in another. Who wants one snapshot reads the directory and
//! one block; who lists reads no new bytes at all.

use bytes::Bytes;

use super::record::Raw;
use super::record::{Form, Record};
use super::sections::Packed;
use crate::codec::{Codec, Zstd};
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::wire::{put_varint, Reader};

const MAGIC: [u8; 2] = *b"KP";
const VERSION: u8 = 1;
/// Below this nothing is compressed.
const COMPRESSED_MIN: usize = 32;

/// A part of a pack's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Where it begins in the value.
    pub offset: u64,
    /// How long it is there.
    pub stored: u64,
    /// How long it is decoded.
    pub raw: u64,
    /// crc32c of it as it is stored.
    pub check: u32,
}

/// Neighbouring snapshots of a pack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The first sequence.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Where its new bytes begin in the logical space.
    pub base: u64,
    /// Where they end.
    pub end: u64,
    /// Its records.
    pub heads: Span,
    /// Their new bytes.
    pub data: Span,
}

/// What a pack holds, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directory {
    /// In rising order.
    pub blocks: Vec<Block>,
}

impl Directory {
    /// What a whole value says of itself; its nonce is only in its key.
    pub fn extent(key: &str, value: &[u8]) -> Result<Packed> {
        let mut reader = Reader::new(value.get(4..).unwrap_or_default(), "timeline pack");
        let head = reader.u32()?;
        let (first, base, last) = (reader.varint()?, reader.varint()?, reader.varint()?);
        let Some(bytes) = value.get(..head as usize) else {
            return Err(reader.damage("it ends within its directory"));
        };
        let (size, nonce) = (value.len() as u64, [0; 8]);
        let mut packed =
            Packed { first, last, base, end: base, size, head: u64::from(head), nonce };
        let blocks = Directory::blocks(key, bytes, &packed)?;
        packed.end = blocks.last().map_or(base, |block| block.end);
        Ok(packed)
    }

    /// The directory of a pack, which its value begins with.
    pub fn decode(key: &str, bytes: &[u8], packed: &Packed) -> Result<Directory> {
        let blocks = Directory::blocks(key, bytes, packed)?;
        if blocks.last().map(|b| (b.last, b.end)) != Some((packed.last, packed.end)) {
            let message = "A pack is not the one that its timeline names; run verify.";
            return Err(Error::new(Code::Corrupt, message));
        }
        Ok(Directory { blocks })
    }

    fn blocks(key: &str, bytes: &[u8], packed: &Packed) -> Result<Vec<Block>> {
        let mut reader = Reader::new(bytes, "timeline pack");
        if reader.array::<2>()? != MAGIC {
            let message = "A pack's key holds something that is not a pack; run verify.";
            return Err(Error::new(Code::NotOurs, message));
        }
        let (version, flags) = (reader.u8()?, reader.u8()?);
        if version > VERSION || flags != 0 {
            return Err(too_new());
        }
        if reader.left() < 4 || version == 0 {
            return Err(reader.damage("it ends too early"));
        }
        let (body, sum) = bytes.split_at(bytes.len() - 4);
        if digest::crc32c_at(key, body).to_le_bytes() != sum {
            return Err(reader.damage("its directory's checksum does not match"));
        }
        if u64::from(reader.u32()?) != bytes.len() as u64 {
            return Err(reader.damage("its directory is not as long as it says"));
        }
        let (mut next, mut base) = (reader.varint()?, reader.varint()?);
        let (last, count) = (reader.varint()?, reader.length()?);
        if (next, last, base) != (packed.first, packed.last, packed.base) {
            return Err(reader.damage("it is not the pack that was asked for"));
        }
        let mut offset = bytes.len() as u64;
        let mut blocks: Vec<Block> = Vec::with_capacity(count.min(reader.left() / 16));
        for _ in 0..count {
            let block = Block::decode(&mut reader, (next, base, offset))?;
            (next, base) = (block.last + 1, block.end);
            offset = block.data.offset + block.data.stored;
            blocks.push(block);
        }
        reader.take(4)?;
        reader.end()?;
        if offset != packed.size {
            return Err(reader.damage("its blocks do not fill it"));
        }
        Ok(blocks)
    }

    /// The directory as bytes.
    pub fn encode(&self, packed: &Packed) -> Vec<u8> {
        let mut out = vec![MAGIC[0], MAGIC[1], VERSION, 0, 0, 0, 0, 0];
        put_varint(&mut out, packed.first);
        put_varint(&mut out, packed.base);
        put_varint(&mut out, packed.last);
        put_varint(&mut out, self.blocks.len() as u64);
        let (mut next, mut base) = (packed.first, packed.base);
        for block in &self.blocks {
            put_varint(&mut out, block.first - next);
            put_varint(&mut out, block.last - block.first);
            put_varint(&mut out, block.base - base);
            put_varint(&mut out, block.end - block.base);
            (next, base) = (block.last + 1, block.end);
            for span in [&block.heads, &block.data] {
                put_varint(&mut out, span.raw);
                put_varint(&mut out, span.stored);
                out.extend_from_slice(&span.check.to_le_bytes());
            }
        }
        let head = out.len() as u32 + 4;
        out[4..8].copy_from_slice(&head.to_le_bytes());
        let sum = digest::crc32c(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }
}

/// Makes a pack, which was built for no key, one of this key: found elsewhere it is damage.
pub fn bind(value: &mut [u8], head: u64, key: &str) {
    let Some(sum) = (head as usize).checked_sub(4).filter(|sum| sum + 4 <= value.len()) else {
        return;
    };
    let (body, rest) = value.split_at_mut(sum);
    rest[..4].copy_from_slice(&digest::crc32c_at(key, body).to_le_bytes());
}

impl Block {
    fn decode(reader: &mut Reader<'_>, (next, at, offset): (u64, u64, u64)) -> Result<Block> {
        let (gap, span) = (reader.varint()?, reader.varint()?);
        let (skip, length) = (reader.varint()?, reader.varint()?);
        let sum = |a: u64, b: u64| a.checked_add(b).filter(|sum| *sum < 1 << 62);
        let bounds = sum(next, gap).zip(sum(at, skip)).and_then(|(first, base)| {
            let (last, end) = (sum(first, span)?, sum(base, length)?);
            Some((first, last, base, end))
        });
        let Some((first, last, base, end)) = bounds else {
            return Err(reader.damage("a block is impossible"));
        };
        let heads = Span::decode(reader, offset)?;
        let data = Span::decode(reader, heads.offset + heads.stored)?;
        Ok(Block { first, last, base, end, heads, data })
    }

    /// Its records by sequence, out of the stored bytes of `heads`.
    pub fn records(&self, stored: &[u8]) -> Result<Vec<(u64, Record)>> {
        let heads = Bytes::from(self.heads.open(stored)?);
        let mut reader = Reader::new(&heads, "timeline pack");
        let (mut records, mut next, mut base) = (Vec::new(), self.first, self.base);
        while reader.left() > 0 {
            let gap = reader.varint()?;
            let mut record = Record::decode(&heads, reader.bytes()?)?;
            record.size = self.heads.share(record.size as u64) + self.data.share(record.in_block());
            let sequence = next.checked_add(gap).filter(|sequence| *sequence <= self.last);
            let Some(sequence) = sequence.filter(|_| record.base >= base) else {
                return Err(reader.damage("its records are out of order"));
            };
            let packed = matches!(record.form, Form::Block | Form::Apart { .. });
            if gap > 0 && record.parent.is_none() || !packed {
                return Err(reader.damage("a record does not belong here"));
            }
            (next, base) = (sequence + 1, record.base + record.raw);
            records.push((sequence, record));
        }
        let whole = next == self.last + 1 && base == self.end;
        match records.first() {
            Some((first, head)) if whole && *first == self.first && head.parent.is_some() => {
                Ok(records)
            }
            _ => Err(reader.damage("its records do not fill their block")),
        }
    }

    /// The new bytes of its records, or their parts, in order, out of the stored bytes of `data`.
    /// Not proven yet.
    pub fn raws(&self, records: &[(u64, Record)], stored: &[u8]) -> Result<Vec<Raw>> {
        let data = Bytes::from(self.data.open(stored)?);
        let mut at = 0usize;
        let mut raws = Vec::with_capacity(records.len());
        for (_, record) in records {
            let end = usize::try_from(record.in_block()).ok().and_then(|raw| at.checked_add(raw));
            let Some(end) = end.filter(|end| *end <= data.len()) else { return Err(unfilled()) };
            raws.push(data.slice(at..end));
            at = end;
        }
        match at == data.len() {
            true => Ok(raws),
            false => Err(unfilled()),
        }
    }
}

fn unfilled() -> Error {
    let message = "A pack's block has too few or too many bytes; run verify, restore a backup.";
    Error::new(Code::Corrupt, message)
}

impl Span {
    fn decode(reader: &mut Reader<'_>, offset: u64) -> Result<Span> {
        let (raw, stored, check) = (reader.varint()?, reader.varint()?, reader.u32()?);
        match offset.checked_add(stored) {
            Some(end) if end < 1 << 62 && stored <= raw => Ok(Span { offset, stored, raw, check }),
            _ => Err(reader.damage("a length is impossible")),
        }
    }

    /// Appends bytes to a value; compressed where that helps.
    pub fn append(raw: &[u8], level: i32, out: &mut Vec<u8>) -> Result<Span> {
        let offset = out.len() as u64;
        let packed = match raw.len() {
            COMPRESSED_MIN.. => Zstd.compress(Some(level), raw)?,
            _ => raw.to_vec(),
        };
        let stored = if packed.len() < raw.len() { &packed } else { raw };
        out.extend_from_slice(stored);
        let check = digest::crc32c(stored);
        Ok(Span { offset, stored: stored.len() as u64, raw: raw.len() as u64, check })
    }

    /// About how many of the stored bytes belong to so many of the raw ones.
    fn share(&self, raw: u64) -> usize {
        let share = u128::from(raw) * u128::from(self.stored) / u128::from(self.raw.max(1));
        usize::try_from(share).unwrap_or(usize::MAX)
    }

    /// Whether these are its stored bytes.
    pub fn matches(&self, stored: &[u8]) -> bool {
        stored.len() as u64 == self.stored && digest::crc32c(stored) == self.check
    }

    fn open(&self, stored: &[u8]) -> Result<Vec<u8>> {
        if !self.matches(stored) {
            let message = "A pack's block does not match its checksum; run verify.";
            return Err(Error::new(Code::Corrupt, message));
        }
        if self.stored == self.raw {
            return Ok(stored.to_vec());
        }
        let raw = Zstd.decompress(stored, usize::try_from(self.raw).unwrap_or(usize::MAX))?;
        match raw.len() as u64 == self.raw {
            true => Ok(raw),
            false => Err(unfilled()),
        }
    }
}

fn too_new() -> Error {
    let message = "A pack was written by a newer version of Keepstate; update to read it.";
    Error::new(Code::FormatTooNew, message)
}
