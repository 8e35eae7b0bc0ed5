//! The running zstd frame of a timeline: each value's new bytes are compressed with those of the
//! values before it as context.
//!
//! A frame holds the pieces of consecutive values, at most 32 of them or 4 MiB raw. Each piece ends
//! with a flush, so that what was appended so far decodes; the frame never ends, and has no
//! checksum: a record's own hashes prove it. To read a piece, the pieces before it in its frame are
//! decoded first.

use std::sync::Arc;

use zstd_safe::zstd_sys::ZSTD_EndDirective;
use zstd_safe::{CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::growth::corrupt;
use super::pool::{self, Slot};
use super::zstd::{damaged, failed, no_memory};
use super::{Codec, Zstd};
use crate::error::{fail, Code, Result};

const NAME: &str = "timeline's zstd";

/// No frame holds more values, so that the way back is short.
pub const MAX_FRAME_VALUES: u32 = 32;

/// A frame that holds as many raw bytes takes no further value, so that the way back is cheap.
pub const MAX_FRAME_BYTES: usize = 4 << 20;

/// How far back a piece may refer: 1 MiB, which is also what a decoder keeps. On recorded sessions
/// half of it costs 2 to 4 percent of size.
const WINDOW_LOG: u32 = 20;

/// The level when none is named. On the messages of recorded sessions it is as fast as level 1,
/// with 4 percent less to store; level 5 takes twice the time for 4 percent more.
const DEFAULT_LEVEL: i32 = 3;

/// The logarithms of that level's two tables. zstd's own are 17 and 16, for megabytes of input:
/// with pieces of some kilobytes these give the same size, fit the cache and save half a megabyte.
const DEFAULT_TABLES: [CParameter; 2] = [CParameter::HashLog(15), CParameter::ChainLog(14)];

/// The most that one block can hold.
const BLOCK: usize = 128 * 1024;

/// The fewest bytes that a block which gives anything takes: its header and one byte.
const SMALLEST_BLOCK: usize = 4;

/// Compresses the new bytes of consecutive values.
///
/// After a value that was not stored (or may not have been), `reset`: the next pieces would else
/// refer to bytes that no reader has.
pub struct ContextEncoder {
    slot: Arc<Slot>,
    level: i32,
    values: u32,
    bytes: usize,
}

impl ContextEncoder {
    /// An encoder at the start of a frame; `level` is one of zstd's.
    pub fn new(level: Option<i32>) -> Result<Self> {
        let level = Zstd.levels().pick("zstd", Some(level.unwrap_or(DEFAULT_LEVEL)))?;
        Ok(ContextEncoder { slot: Arc::default(), level, values: 0, bytes: 0 })
    }

    /// Appends the piece of the next value to `out`. Gives how many values back its frame began: 0
    /// says that it begins one, and needs nothing before it.
    pub fn push(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<u32> {
        if self.values >= MAX_FRAME_VALUES || self.bytes >= MAX_FRAME_BYTES {
            self.reset()?;
        }
        let mut held = self.slot.hold();
        if held.is_none() {
            // It was never made, or was given up for others: this piece begins a frame.
            drop(held);
            pool::admit(&self.slot);
            (self.values, self.bytes) = (0, 0);
            held = self.slot.hold();
        }
        let context = match &mut *held {
            Some(context) => context,
            none => none.insert(encoder(self.level)?),
        };
        let filled = out.len();
        if let Err(error) = compress(context, raw, out) {
            drop(held);
            out.truncate(filled);
            self.reset()?;
            return Err(error);
        }
        drop(held);
        let back = self.values;
        self.values += 1;
        self.bytes = self.bytes.saturating_add(raw.len());
        Ok(back)
    }

    /// Forgets everything: the next piece begins a frame.
    pub fn reset(&mut self) -> Result<()> {
        self.values = 0;
        self.bytes = 0;
        if let Some(context) = &mut *self.slot.hold() {
            context.reset(ResetDirective::SessionOnly).map_err(failed)?;
        }
        Ok(())
    }

    /// The memory that it holds now, in bytes.
    pub fn memory(&self) -> usize {
        self.slot.hold().as_ref().map_or(0, CCtx::sizeof)
    }
}

fn encoder(level: i32) -> Result<CCtx<'static>> {
    let tables: &[CParameter] = if level == DEFAULT_LEVEL { &DEFAULT_TABLES } else { &[] };
    let parameters = [
        CParameter::CompressionLevel(level),
        CParameter::WindowLog(WINDOW_LOG),
        CParameter::ContentSizeFlag(false),
        CParameter::ChecksumFlag(false),
    ];
    let mut context = CCtx::try_create().ok_or_else(no_memory)?;
    for &parameter in parameters.iter().chain(tables) {
        context.set_parameter(parameter).map_err(failed)?;
    }
    Ok(context)
}

fn compress(context: &mut CCtx<'static>, raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let mut input = InBuffer::around(raw);
    loop {
        let left = raw.len().saturating_sub(input.pos());
        out.reserve(zstd_safe::compress_bound(left));
        let filled = out.len();
        let mut output = OutBuffer::around_pos(out, filled);
        let flush = ZSTD_EndDirective::ZSTD_e_flush;
        let pending = context.compress_stream2(&mut output, &mut input, flush);
        if pending.map_err(failed)? == 0 {
            return Ok(());
        }
    }
}

/// A stored piece, and what is known of it.
#[derive(Debug, Clone, Copy)]
pub struct Piece<'a> {
    /// How many values back its frame began, as `push` gave it.
    pub back: u32,
    /// The length of its raw bytes. The caller has checked it against what it can bear.
    pub raw: usize,
    /// The stored bytes.
    pub stored: &'a [u8],
}

/// Decompresses the pieces of consecutive values, in their order.
pub struct ContextDecoder {
    context: DCtx<'static>,
    /// Which piece of its frame comes next; none after an error, when only a new frame can follow.
    next: Option<u32>,
}

impl ContextDecoder {
    /// A decoder that takes a frame's first piece next.
    pub fn new() -> Result<Self> {
        let mut context = DCtx::try_create().ok_or_else(no_memory)?;
        context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(failed)?;
        Ok(ContextDecoder { context, next: None })
    }

    /// Appends the raw bytes of `piece` to `out`: exactly `piece.raw` of them, or nothing and
    /// `CORRUPT`. A piece with `back` 0 begins a frame; any other must be the one behind the last.
    pub fn push(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<()> {
        if piece.back == 0 {
            self.context.reset(ResetDirective::SessionOnly).map_err(failed)?;
        } else if self.next != Some(piece.back) {
            let text =
                "A piece was given without the one before it; give a frame's pieces in order.";
            return fail(Code::InvalidArgument, text);
        }
        self.next = None;
        let filled = out.len();
        if let Err(error) = self.decompress(piece, out) {
            out.truncate(filled);
            return Err(error);
        }
        self.next = Some(piece.back.saturating_add(1));
        Ok(())
    }

    fn decompress(&mut self, piece: Piece<'_>, out: &mut Vec<u8>) -> Result<()> {
        // zstd takes many calls without input for a fault, and empty values may follow each other.
        if piece.raw == 0 && piece.stored.is_empty() {
            return Ok(());
        }
        let blocks = piece.stored.len() / SMALLEST_BLOCK;
        if piece.raw > blocks.saturating_mul(BLOCK) {
            return Err(corrupt(NAME, "a piece is too short for the length that it states"));
        }
        let mut input = InBuffer::around(piece.stored);
        let mut left = piece.raw;
        while left > 0 {
            let step = left.min(BLOCK);
            let given = self.step(&mut input, out, step)?;
            if given == 0 {
                return Err(corrupt(NAME, "a piece holds less than its length states"));
            }
            left -= given;
        }
        let mut more = [0; 1];
        let mut output = OutBuffer::around(&mut more[..]);
        let hint = self.context.decompress_stream(&mut output, &mut input).map_err(damaged)?;
        going_on(hint)?;
        if output.pos() > 0 || input.pos() < piece.stored.len() {
            return Err(corrupt(NAME, "a piece holds more than its length states"));
        }
        Ok(())
    }

    /// Appends at most `room` bytes; gives how many.
    fn step(&mut self, input: &mut InBuffer<'_>, out: &mut Vec<u8>, room: usize) -> Result<usize> {
        let filled = out.len();
        out.resize(filled + room, 0);
        let mut output = OutBuffer::around(out.get_mut(filled..).unwrap_or_default());
        let result = self.context.decompress_stream(&mut output, input);
        let given = output.pos();
        out.truncate(filled + given);
        going_on(result.map_err(damaged)?)?;
        Ok(given)
    }
}

/// A hint of 0 says that the frame has ended, which the encoder never lets it.
fn going_on(hint: usize) -> Result<()> {
    match hint {
        0 => Err(corrupt(NAME, "a piece ends its frame")),
        _ => Ok(()),
    }
}
