//! Content-defined chunks: cut points that move with the content, so that equal parts of two values
//! become equal chunks whatever was inserted before them.
//!
//! A gear hash runs over the bytes, and a chunk ends where its upper bits are zero. It is
//! normalized as FastCDC is: below the average length more bits must be zero and above it fewer, so
//! that lengths keep close together. The hash at a place depends on the 64 bytes before it and on
//! nothing else.
//!
//! Chunks are shared between values by their content, so **a cut point must never change**: with
//! the same options the same bytes are cut at the same places in every version.
//! `test/vectors/chunk.json` holds this.

use crate::error::{fail, Code, Result};

/// How far back the hash looks: a byte leaves the 64 bits of the hash after as many shifts.
const REACH: usize = 64;

/// The seed of the gear table; the table is part of the format.
const SEED: u64 = 0x4B65_6570_7374_6174;

/// One random number for each byte, from SplitMix64.
const GEAR: [u64; 256] = {
    let mut gear = [0; 256];
    let mut state = SEED;
    let mut at = 0;
    while at < gear.len() {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        gear[at] = mixed ^ (mixed >> 31);
        at += 1;
    }
    gear
};

/// By how many bits the two conditions differ from the average's: lengths vary less with more, but
/// more chunks are cut at the maximum, where the cut does not follow the content.
const NORMALIZED: u32 = 2;

/// The lengths of chunks, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkOptions {
    /// No chunk but the last is shorter.
    pub min: usize,
    /// Where the condition for an end becomes easier.
    pub average: usize,
    /// No chunk is longer.
    pub max: usize,
}

impl Default for ChunkOptions {
    /// 16, 32 and 64 KiB. Smaller chunks share more, but each costs a key, a hash and a request:
    /// below 16 KiB that outweighs what they share. 64 KiB is what is sealed as one piece. Two
    /// chunks of a hundred reach the maximum on random content.
    fn default() -> Self {
        ChunkOptions { min: 16 << 10, average: 32 << 10, max: 64 << 10 }
    }
}

/// The options as conditions: `before` the average, and `after` it.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Up to here the hash is not even made: it looks back only `REACH` bytes.
    blind: usize,
    options: ChunkOptions,
    before: u64,
    after: u64,
}

/// Finds the ends of chunks in bytes that come in pieces of any size.
#[derive(Debug, Clone)]
pub struct Chunker {
    limits: Limits,
    hash: u64,
    /// How much of the current chunk has gone by.
    length: usize,
}

impl Chunker {
    /// A chunker at the start of a chunk. Needed is 64 <= min < average < max.
    pub fn new(options: ChunkOptions) -> Result<Self> {
        let ChunkOptions { min, average, max } = options;
        let bits = average.checked_ilog2().unwrap_or(0);
        if min < REACH || average <= min || max <= average || bits > 40 {
            let text = format!(
                "Chunks of {min}, {average} and {max} bytes cannot be made; \
                 give 64 <= min < average < max."
            );
            return fail(Code::InvalidArgument, text);
        }
        let limits = Limits {
            blind: min - REACH,
            options,
            before: upper_bits(bits + NORMALIZED),
            after: upper_bits(bits - NORMALIZED),
        };
        Ok(Chunker { limits, hash: 0, length: 0 })
    }

    /// Where in `bytes` the current chunk ends: behind so many of them. The next call takes what
    /// follows. None: the chunk goes on, all of `bytes` belongs to it.
    pub fn cut(&mut self, bytes: &[u8]) -> Option<usize> {
        let Limits { blind, options, before, after } = self.limits;
        let mut taken = blind.saturating_sub(self.length).min(bytes.len());
        self.length += taken;
        let stages =
            [(options.min, None), (options.average, Some(before)), (options.max, Some(after))];
        for (end, mask) in stages {
            let part = bytes.get(taken..).unwrap_or_default();
            let part = part.get(..end.saturating_sub(self.length)).unwrap_or(part);
            let (scanned, met) = self.scan(part, mask);
            taken += scanned;
            self.length += scanned;
            if met || self.length == options.max {
                *self = Chunker { limits: self.limits, hash: 0, length: 0 };
                return Some(taken);
            }
        }
        None
    }

    /// How long the current chunk is so far; at the end of the input it is the last chunk.
    pub fn pending(&self) -> usize {
        self.length
    }

    /// Runs the hash over `part`, up to where it meets `mask`.
    fn scan(&mut self, part: &[u8], mask: Option<u64>) -> (usize, bool) {
        let step = |hash: u64, byte: &u8| (hash << 1).wrapping_add(GEAR[usize::from(*byte)]);
        let Some(mask) = mask else {
            self.hash = part.iter().fold(self.hash, step);
            return (part.len(), false);
        };
        let mut hash = self.hash;
        for (at, byte) in part.iter().enumerate() {
            hash = step(hash, byte);
            if hash & mask == 0 {
                return (at + 1, true);
            }
        }
        self.hash = hash;
        (part.len(), false)
    }
}

/// The upper bits depend on all of the 64 bytes, the lower ones on the last few.
fn upper_bits(count: u32) -> u64 {
    !(u64::MAX >> count)
}

/// The chunks of `bytes`, in order; none is empty.
pub fn chunks(bytes: &[u8], options: ChunkOptions) -> Result<Chunks<'_>> {
    Ok(Chunks { bytes, chunker: Chunker::new(options)? })
}

/// See [`chunks`].
#[derive(Debug, Clone)]
pub struct Chunks<'a> {
    bytes: &'a [u8],
    chunker: Chunker,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.bytes.is_empty() {
            return None;
        }
        let end = self.chunker.cut(self.bytes).unwrap_or(self.bytes.len());
        let (chunk, rest) = self.bytes.split_at(end);
        self.bytes = rest;
        Some(chunk)
    }
}
