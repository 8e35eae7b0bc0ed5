//! Parts: how many new bytes at once are stored. Long runs of them are cut into chunks, each of
//! which is stored once and named by its hash; the record lists the chunks, and holds what lies
//! between them.

use bytes::Bytes;

use super::edit::Edit;
use super::extent::Extent;
use crate::chunk::{self, ChunkOptions};
use crate::codec::{Codec, Zstd};
use crate::error::{Code, Error, Result};
use crate::wire::{put_varint, Reader};

/// How chunks are cut: equal bytes must be cut alike by everybody, for ever.
pub const CUT: ChunkOptions = ChunkOptions { min: 32 << 10, average: 64 << 10, max: 256 << 10 };
/// A longer chunk is damage: a reader holds whole chunks.
pub const CHUNK_MAX: u64 = 1 << 20;
/// A record holds at most so many bytes itself, so that a reader can hold them.
const INLINE_MAX: u64 = 4 << 20;
/// So many bytes of chunks are read or written together.
pub const WINDOW: u64 = 4 << 20;
/// Below this nothing is compressed.
const COMPRESSED_MIN: usize = 24;

const OWN: u8 = 1;

/// Names a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chunk {
    /// BLAKE3 of its bytes.
    pub hash: [u8; 32],
    /// Who stored it, where chunks belong to one timeline; zeros for one that all share.
    pub nonce: [u8; 8],
}

/// The next so many of a record's new bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// How many.
    pub length: u64,
    /// Where they lie; none: in the record.
    pub chunk: Option<Chunk>,
}

/// The new bytes of a record.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Parts {
    /// In order.
    pub list: Vec<Part>,
    /// What lies in the record.
    pub inline: Bytes,
}

/// Some of the new bytes, before they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// How many.
    pub length: u64,
    /// They become chunks.
    pub cut: bool,
}

/// Which of a record's new bytes become chunks; none at all: nothing.
pub fn runs(edit: &Edit, base: u64, least: u64) -> Vec<Run> {
    let fresh = edit.new_length();
    let mut runs: Vec<Run> = Vec::new();
    if fresh < least {
        return runs;
    }
    for Extent { length, .. } in edit.pieces(base).filter(|piece| piece.offset >= base) {
        let cut = length >= least;
        match runs.last_mut() {
            Some(last) if !last.cut && !cut => last.length += length,
            _ => runs.push(Run { length, cut }),
        }
    }
    let inline: u64 = runs.iter().filter(|run| !run.cut).map(|run| run.length).sum();
    if inline > INLINE_MAX {
        return vec![Run { length: fresh, cut: true }];
    }
    match runs.iter().any(|run| run.cut) {
        true => runs,
        false => Vec::new(),
    }
}

/// The pieces of new bytes: those that become chunks, in order with those that do not.
pub fn pieces(runs: &[Run], fresh: &Bytes) -> Result<Vec<(Bytes, bool)>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for run in runs {
        let end = (at + run.length as usize).min(fresh.len());
        let bytes = fresh.slice(at..end);
        at = end;
        if !run.cut {
            pieces.push((bytes, false));
            continue;
        }
        for (section, cut) in sections(&bytes) {
            match cut {
                true => {
                    pieces.extend(chunk::chunks(&section, CUT)?.map(|c| (fresh.slice_ref(c), true)))
                }
                false => pieces.push((section, false)),
            }
        }
    }
    Ok(pieces)
}

/// How far in front of a long value its header is looked for.
const LOOKED_AT: usize = 4096;
/// Only values of at least so many bytes begin a section.
const VALUE_MIN: usize = 256 << 10;

/// Sections that are cut by themselves: long byte strings and texts of MessagePack, so that the
/// same one becomes the same chunks whatever stands before it. Where something only looks like a
/// header, it is cut at another place, and no harm is done. What lies between is not cut.
fn sections(bytes: &Bytes) -> Vec<(Bytes, bool)> {
    let mut sections = Vec::new();
    let mut rest = bytes.clone();
    while let Some((from, length)) = long_value(&rest) {
        let before = rest.split_to(from);
        sections.push((before, false));
        sections.push((rest.split_to(length), true));
    }
    let cut = rest.len() >= LOOKED_AT || sections.is_empty();
    sections.push((rest, cut));
    sections.retain(|(section, _)| !section.is_empty());
    sections
}

/// Where the first long value begins, and how long it is.
fn long_value(bytes: &[u8]) -> Option<(usize, usize)> {
    let looked_at = bytes.get(..LOOKED_AT).unwrap_or(bytes);
    looked_at.iter().enumerate().find_map(|(at, first)| {
        // str 32, bin 32, ext 32
        let header = match first {
            0xdb | 0xc6 => 5,
            0xc9 => 6,
            _ => return None,
        };
        let length = bytes.get(at + 1..at + 5)?.try_into().ok().map(u32::from_be_bytes)?;
        let (from, length) = (at + header, usize::try_from(length).ok()?);
        let fits = length >= VALUE_MIN && from.checked_add(length)? <= bytes.len();
        fits.then_some((from, length))
    })
}

impl Parts {
    /// The list, and what lies in the record: compressed, unless no level is given.
    pub fn encode(&self, level: Option<i32>) -> Result<Vec<u8>> {
        let mut nonces: Vec<[u8; 8]> = self.chunks().map(|chunk| chunk.nonce).collect();
        nonces.sort_unstable();
        nonces.dedup();
        let own = nonces.iter().any(|nonce| *nonce != [0; 8]);
        let mut out = Vec::with_capacity(self.list.len() * 36 + self.inline.len() + 16);
        out.push(if own { OWN } else { 0 });
        if own {
            put_varint(&mut out, nonces.len() as u64);
            nonces.iter().for_each(|nonce| out.extend_from_slice(nonce));
        }
        put_varint(&mut out, self.list.len() as u64);
        for part in &self.list {
            put_varint(&mut out, part.length << 1 | u64::from(part.chunk.is_some()));
            if let Some(chunk) = &part.chunk {
                out.extend_from_slice(&chunk.hash);
                if own {
                    put_varint(&mut out, nonces.partition_point(|n| *n < chunk.nonce) as u64);
                }
            }
        }
        pack(&self.inline, level, &mut out)?;
        Ok(out)
    }

    /// What `encode` made, of a record of so many new bytes.
    pub fn decode(bytes: &Bytes, raw: u64) -> Result<Parts> {
        let mut reader = Reader::new(bytes, "list of a snapshot's parts");
        let own = match reader.u8()? {
            0 => false,
            OWN => true,
            _ => return Err(too_new()),
        };
        let mut nonces = Vec::new();
        if own {
            for _ in 0..reader.length()? {
                nonces.push(reader.array()?);
            }
        }
        let count = reader.length()?;
        let mut list = Vec::with_capacity(count);
        let (mut all, mut inline) = (0u64, 0u64);
        for _ in 0..count {
            let part = Part::decode(&mut reader, (own, &nonces))?;
            inline += if part.chunk.is_none() { part.length } else { 0 };
            all = all.saturating_add(part.length);
            list.push(part);
        }
        if all != raw {
            return Err(reader.damage("its parts do not make the new bytes"));
        }
        let inline = unpack(&bytes.slice(reader.position()..), inline)?;
        Ok(Parts { list, inline })
    }

    /// The chunks and their lengths, in order.
    pub fn pieces(&self) -> impl Iterator<Item = (Chunk, u64)> + '_ {
        self.list.iter().filter_map(|part| Some((part.chunk?, part.length)))
    }

    /// The same, but for who stored the chunks.
    pub fn anonymous(&self) -> Parts {
        let mut parts = self.clone();
        for chunk in parts.list.iter_mut().filter_map(|part| part.chunk.as_mut()) {
            chunk.nonce = [0; 8];
        }
        parts
    }

    /// The chunks, in order.
    pub fn chunks(&self) -> impl Iterator<Item = Chunk> + '_ {
        self.list.iter().filter_map(|part| part.chunk)
    }
}

impl Part {
    fn decode(reader: &mut Reader<'_>, (own, nonces): (bool, &[[u8; 8]])) -> Result<Part> {
        let tagged = reader.varint()?;
        let length = tagged >> 1;
        let bound = if tagged & 1 == 1 { CHUNK_MAX } else { 1 << 32 };
        if length == 0 || length > bound {
            return Err(reader.damage("a part's length is impossible"));
        }
        if tagged & 1 == 0 {
            return Ok(Part { length, chunk: None });
        }
        let hash = reader.array()?;
        let nonce = match own {
            false => Some([0; 8]),
            true => nonces.get(usize::try_from(reader.varint()?).unwrap_or(usize::MAX)).copied(),
        };
        let Some(nonce) = nonce else { return Err(reader.damage("a chunk has no name")) };
        Ok(Part { length, chunk: Some(Chunk { hash, nonce }) })
    }
}

/// Appends bytes behind a mark that says whether they are compressed.
pub fn pack(raw: &[u8], level: Option<i32>, out: &mut Vec<u8>) -> Result<()> {
    let packed = match level {
        Some(level) if raw.len() >= COMPRESSED_MIN && may_shrink(raw) => {
            Some(Zstd.compress(Some(level), raw)?).filter(|packed| packed.len() < raw.len())
        }
        _ => None,
    };
    out.push(u8::from(packed.is_some()));
    out.extend_from_slice(packed.as_deref().unwrap_or(raw));
    Ok(())
}

/// What `pack` appended: exactly so many bytes.
pub fn unpack(stored: &Bytes, length: u64) -> Result<Bytes> {
    let bound = usize::try_from(length).unwrap_or(usize::MAX);
    let raw = match stored.first() {
        Some(0) => stored.slice(1..),
        Some(1) => Zstd.decompress(&stored.slice(1..), bound)?.into(),
        Some(_) => return Err(too_new()),
        None => Bytes::new(),
    };
    match raw.len() == bound && !stored.is_empty() {
        true => Ok(raw),
        false => {
            let message = "A part of a snapshot has too few or too many bytes; restore a backup.";
            Err(Error::new(Code::Corrupt, message))
        }
    }
}

/// Whether a look at some of the bytes gives hope that they can be compressed. Random bytes are
/// the most of what is large, and to try costs more than all else.
fn may_shrink(raw: &[u8]) -> bool {
    const LOOKED_AT: usize = 4096;
    if raw.len() < 2 * LOOKED_AT {
        return true;
    }
    let from = (raw.len() - LOOKED_AT) / 2;
    let mut counts = [0u32; 256];
    for byte in raw.iter().skip(from).take(LOOKED_AT) {
        counts[usize::from(*byte)] += 1;
    }
    // Of random bytes each comes about 16 times: the sum of squares is about 69,600.
    let squares: u64 = counts.iter().map(|count| u64::from(*count) * u64::from(*count)).sum();
    squares > 80_000
}

fn too_new() -> Error {
    let message = "A snapshot's parts were written by a newer version of Keepstate; update.";
    Error::new(Code::FormatTooNew, message)
}

#[cfg(test)]
#[path = "parts_tests.rs"]
mod tests;
