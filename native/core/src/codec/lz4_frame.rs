//! Reading LZ4 frames.
//!
//! This is done here, unit by unit, and only the blocks are lz4_flex's: a push-style decoder must
//! know where a unit ends; a frame that is cut between two blocks must be an error; and buffers
//! must follow the data that is there, not the sizes that a header states.

use std::hash::Hasher;

use lz4_flex::block::{decompress_into_with_dict, DecompressError};
use twox_hash::XxHash32;

use super::growth::{corrupt, truncated, Growth};
use super::Decoder;
use crate::error::{Error, Result};

const NAME: &str = "lz4";
const MAGIC: u32 = 0x184D_2204;
const SKIPPABLE: u32 = 0x184D_2A50;

/// The bit of a block's length that says that it is not compressed.
const STORED: u32 = 0x8000_0000;

/// How far back a block may refer.
const WINDOW: usize = 64 * 1024;

/// What is kept before it is cut to the window again, so that the cutting costs little.
const KEPT: usize = 4 * WINDOW;

/// No byte of a block stands for more bytes of output than this.
const GREATEST_RATIO: usize = 255;

/// What comes next in the input: runs of bytes whose length is known before they are there.
#[derive(Debug, Clone, Copy)]
enum Unit {
    Magic,
    SkipLength,
    Skip { left: usize },
    Flags,
    Descriptor { length: usize },
    BlockLength,
    Block { length: usize, form: Form },
    Checksum,
}

/// How a block holds its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Compressed,
    Plain,
}

/// The frame that is being read.
struct Frame {
    header: [u8; 2],
    /// No block of this frame is longer.
    block: usize,
    stated: Option<u64>,
    length: u64,
    content: XxHash32,
    /// The end of what was given so far, for linked blocks.
    recent: Vec<u8>,
    /// Where the last block's output begins in `recent`.
    before: usize,
}

/// Any number of frames after each other, skippable ones too.
pub(super) struct FrameDecoder {
    unit: Unit,
    /// The begun part of a unit that is not whole yet.
    held: Vec<u8>,
    begun: bool,
    frame: Frame,
    growth: Growth,
}

impl FrameDecoder {
    pub(super) fn new(bound: usize) -> Self {
        FrameDecoder {
            unit: Unit::Magic,
            held: Vec::new(),
            begun: false,
            frame: Frame::new([0, 0]),
            growth: Growth::new(bound),
        }
    }

    /// How long the unit is that comes next.
    fn need(&self) -> usize {
        match self.unit {
            Unit::Magic | Unit::SkipLength | Unit::BlockLength | Unit::Checksum => 4,
            Unit::Skip { .. } => 0,
            Unit::Flags => 2,
            Unit::Descriptor { length } => length,
            Unit::Block { length, .. } => length + self.frame.block_checksum(),
        }
    }

    fn skip<'a>(&mut self, stored: &'a [u8]) -> &'a [u8] {
        let Unit::Skip { left } = self.unit else { return stored };
        let (skipped, rest) = stored.split_at(left.min(stored.len()));
        let left = left - skipped.len();
        self.unit = if left == 0 { Unit::Magic } else { Unit::Skip { left } };
        rest
    }

    /// Reads one whole unit and says what follows it.
    fn take(&mut self, unit: &[u8], out: &mut Vec<u8>) -> Result<Unit> {
        match self.unit {
            Unit::Magic => self.magic(word(unit)),
            Unit::SkipLength => Ok(Unit::Skip { left: word(unit) as usize }),
            Unit::Skip { left } => Ok(Unit::Skip { left }),
            Unit::Flags => self.flags(unit),
            Unit::Descriptor { .. } => self.descriptor(unit),
            Unit::BlockLength => self.block_length(word(unit)),
            Unit::Block { length, form } => {
                let (block, checksum) = unit.split_at(length.min(unit.len()));
                self.block(block, checksum, form)?;
                let given = self.frame.recent.get(self.frame.before..).unwrap_or_default();
                out.extend_from_slice(given);
                Ok(Unit::BlockLength)
            }
            Unit::Checksum => {
                if word(unit) != self.frame.content.finish_32() {
                    return Err(corrupt(NAME, "its content has another checksum"));
                }
                Ok(Unit::Magic)
            }
        }
    }

    fn magic(&mut self, magic: u32) -> Result<Unit> {
        self.begun = true;
        match magic {
            MAGIC => Ok(Unit::Flags),
            _ if magic & !0xF == SKIPPABLE => Ok(Unit::SkipLength),
            _ => Err(corrupt(NAME, "no frame begins where one should")),
        }
    }

    fn flags(&mut self, unit: &[u8]) -> Result<Unit> {
        let &[flags, sizes] = unit else { return Err(truncated(NAME)) };
        if flags & 0xC2 != 0x40 || sizes & 0x8F != 0 || sizes >> 4 < 4 {
            return Err(corrupt(NAME, "its header is not one of this format"));
        }
        if flags & 0x01 != 0 {
            return Err(corrupt(NAME, "it needs a dictionary, which is not supported"));
        }
        self.frame = Frame::new([flags, sizes]);
        Ok(Unit::Descriptor { length: 1 + usize::from(flags & 0x08) })
    }

    fn descriptor(&mut self, unit: &[u8]) -> Result<Unit> {
        let Some((&checksum, size)) = unit.split_last() else { return Err(truncated(NAME)) };
        let mut hasher = XxHash32::with_seed(0);
        hasher.write(&self.frame.header);
        hasher.write(size);
        if (hasher.finish_32() >> 8) as u8 != checksum {
            return Err(corrupt(NAME, "its header has another checksum"));
        }
        self.frame.stated = size.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        if self.frame.stated.is_some_and(|stated| stated > self.growth.left() as u64) {
            return Err(self.growth.exceeded());
        }
        Ok(Unit::BlockLength)
    }

    fn block_length(&mut self, word: u32) -> Result<Unit> {
        let length = (word & !STORED) as usize;
        if word != 0 && length <= self.frame.block {
            let form = if word & STORED == 0 { Form::Compressed } else { Form::Plain };
            return Ok(Unit::Block { length, form });
        }
        if word != 0 {
            return Err(corrupt(NAME, "a block is longer than its header allows"));
        }
        if self.frame.stated.is_some_and(|stated| stated != self.frame.length) {
            return Err(corrupt(NAME, "its content has another length than it states"));
        }
        Ok(if self.frame.has_content_checksum() { Unit::Checksum } else { Unit::Magic })
    }

    /// Appends what a block stands for to `frame.recent`, from `frame.before` on.
    fn block(&mut self, block: &[u8], checksum: &[u8], form: Form) -> Result<()> {
        if !checksum.is_empty() && word(checksum) != XxHash32::oneshot(0, block) {
            return Err(corrupt(NAME, "a block has another checksum"));
        }
        self.frame.forget();
        let frame = &mut self.frame;
        let kept = frame.recent.len();
        if form == Form::Plain {
            frame.recent.extend_from_slice(block);
        } else {
            let plausible = block.len().saturating_mul(GREATEST_RATIO);
            let room = plausible.min(frame.block).min(self.growth.left());
            frame.recent.resize(kept + room, 0);
            let (before, output) = frame.recent.split_at_mut(kept);
            let window = before.get(kept.saturating_sub(WINDOW)..).unwrap_or_default();
            let result = decompress_into_with_dict(block, output, window);
            let given = result.map_err(|cause| undecoded(cause, room, &self.growth))?;
            frame.recent.truncate(kept + given);
        }
        let given = frame.recent.get(kept..).unwrap_or_default();
        self.growth.spend(given.len())?;
        frame.content.write(given);
        frame.length += given.len() as u64;
        frame.before = kept;
        Ok(())
    }
}

/// The error of a block that did not decode into `room` bytes.
fn undecoded(cause: DecompressError, room: usize, growth: &Growth) -> Error {
    if matches!(cause, DecompressError::OutputTooSmall { .. }) && room == growth.left() {
        return growth.exceeded();
    }
    corrupt(NAME, "a block does not decode").caused_by(cause)
}

fn word(unit: &[u8]) -> u32 {
    unit.first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

impl Decoder for FrameDecoder {
    fn write(&mut self, mut stored: &[u8], out: &mut Vec<u8>) -> Result<()> {
        loop {
            stored = self.skip(stored);
            if stored.is_empty() {
                return Ok(());
            }
            let missing = self.need().saturating_sub(self.held.len());
            let Some((part, rest)) = stored.split_at_checked(missing) else {
                self.held.extend_from_slice(stored);
                return Ok(());
            };
            stored = rest;
            if self.held.is_empty() {
                self.unit = self.take(part, out)?;
            } else {
                let mut unit = std::mem::take(&mut self.held);
                unit.extend_from_slice(part);
                self.unit = self.take(&unit, out)?;
                unit.clear();
                self.held = unit;
            }
        }
    }

    fn finish(self: Box<Self>, _out: &mut Vec<u8>) -> Result<()> {
        match self.unit {
            Unit::Magic if self.held.is_empty() && self.begun => Ok(()),
            _ => Err(truncated(NAME)),
        }
    }
}

impl Frame {
    fn new(header: [u8; 2]) -> Self {
        let [_, sizes] = header;
        Frame {
            header,
            block: 1 << (8 + 2 * u32::from(sizes >> 4)),
            stated: None,
            length: 0,
            content: XxHash32::with_seed(0),
            recent: Vec::new(),
            before: 0,
        }
    }

    fn linked(&self) -> bool {
        self.header[0] & 0x20 == 0
    }

    fn block_checksum(&self) -> usize {
        usize::from(self.header[0] >> 4 & 1) * 4
    }

    fn has_content_checksum(&self) -> bool {
        self.header[0] & 0x04 != 0
    }

    /// Drops what no later block can refer to.
    fn forget(&mut self) {
        if !self.linked() {
            self.recent.clear();
        } else if self.recent.len() > KEPT {
            self.recent.drain(..self.recent.len() - WINDOW);
        }
    }
}
