//! What a codec is.

use crate::error::{fail, Code, Result};

/// The levels that a codec takes: more is smaller and slower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Levels {
    /// The fastest level.
    pub min: i32,
    /// The level with the smallest output.
    pub max: i32,
    /// The level when none is named.
    pub default: i32,
}

impl Levels {
    /// The level to use for `asked`, or `INVALID_ARGUMENT` that names the range.
    pub fn pick(&self, codec: &str, asked: Option<i32>) -> Result<i32> {
        let level = asked.unwrap_or(self.default);
        if (self.min..=self.max).contains(&level) {
            return Ok(level);
        }
        let Levels { min, max, default } = self;
        let range = if min == max {
            format!("only level {min}")
        } else {
            format!("levels {min} to {max} (default {default})")
        };
        fail(
            Code::InvalidArgument,
            format!("{codec} has no level {level}: it takes {range}; choose one or leave it out."),
        )
    }
}

/// How many times longer than compressed most content is, at most.
const USUAL_RATIO: usize = 8;
/// No more room than this is made before there is something to fill it.
const ROOM_MAX: usize = 64 << 20;

/// A way to make bytes fewer and to get them back.
///
/// Only the two streams must be written; a codec that is faster on whole values overrides the rest.
pub trait Codec: Send + Sync {
    /// The levels that it takes.
    fn levels(&self) -> Levels;

    /// A stream that compresses; `None` is the default level.
    fn encoder(&self, level: Option<i32>) -> Result<Box<dyn Encoder>>;

    /// A stream that gives back at most `bound` bytes in all.
    fn decoder(&self, bound: usize) -> Result<Box<dyn Decoder>>;

    /// The whole of `raw`, compressed.
    fn compress(&self, level: Option<i32>, raw: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut encoder = self.encoder(level)?;
        encoder.write(raw, &mut out)?;
        encoder.finish(&mut out)?;
        Ok(out)
    }

    /// The whole of what was compressed to `stored`, if it is not longer than `bound`.
    fn decompress(&self, stored: &[u8], bound: usize) -> Result<Vec<u8>> {
        // Growing copies all that there is; memory that is not written to costs nothing.
        let room = stored.len().saturating_mul(USUAL_RATIO).min(bound).min(ROOM_MAX);
        let mut out = Vec::with_capacity(room);
        let mut decoder = self.decoder(bound)?;
        decoder.write(stored, &mut out)?;
        decoder.finish(&mut out)?;
        Ok(out)
    }
}

/// Compresses what is pushed into it. What comes out is appended; some of it may come later.
pub trait Encoder: Send {
    /// Takes all of `raw`.
    fn write(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<()>;

    /// Ends the frame. Without it the output is a truncated one.
    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()>;
}

/// Decompresses what is pushed into it, in pieces of any size. After an error it is of no use.
pub trait Decoder: Send {
    /// Takes all of `stored`.
    fn write(&mut self, stored: &[u8], out: &mut Vec<u8>) -> Result<()>;

    /// Says that nothing follows. Only now is it known that the data was whole.
    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()>;
}
