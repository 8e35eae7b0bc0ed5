//! `gzip`: RFC 1952, one member when written, any number of members when read.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::growth::{corrupt, truncated, Growth};
use super::{Codec, Decoder, Encoder, Levels};
use crate::error::{Code, Error, Result};

const NAME: &str = "gzip";

/// The largest window, 32 KiB, which every reader knows.
const WINDOW_BITS: u8 = 15;

/// Room for one step of the encoder.
const STEP: usize = 16 * 1024;

/// The codec of `.gz`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gzip;

impl Codec for Gzip {
    fn levels(&self) -> Levels {
        Levels { min: 0, max: 9, default: 6 }
    }

    fn encoder(&self, level: Option<i32>) -> Result<Box<dyn Encoder>> {
        let level = self.levels().pick(NAME, level)?;
        let level = Compression::new(level.unsigned_abs());
        Ok(Box::new(Deflate(Compress::new_gzip(level, WINDOW_BITS))))
    }

    fn decoder(&self, bound: usize) -> Result<Box<dyn Decoder>> {
        Ok(Box::new(Inflate {
            member: Decompress::new_gzip(WINDOW_BITS),
            ended: false,
            growth: Growth::new(bound),
        }))
    }
}

struct Deflate(Compress);

impl Deflate {
    /// One call; gives how much of `raw` was taken.
    fn step(
        &mut self,
        raw: &[u8],
        out: &mut Vec<u8>,
        flush: FlushCompress,
    ) -> Result<(usize, Status)> {
        out.reserve(STEP);
        let before = self.0.total_in();
        let status = self.0.compress_vec(raw, out, flush).map_err(|cause| {
            let text = "gzip could not compress; this is a fault of Keepstate's, please report it.";
            Error::new(Code::CodecFailed, text).caused_by(cause)
        })?;
        Ok(((self.0.total_in() - before) as usize, status))
    }
}

impl Encoder for Deflate {
    fn write(&mut self, mut raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
        while !raw.is_empty() {
            let (taken, _) = self.step(raw, out, FlushCompress::None)?;
            raw = raw.get(taken..).unwrap_or_default();
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        while self.step(&[], out, FlushCompress::Finish)?.1 != Status::StreamEnd {}
        Ok(())
    }
}

struct Inflate {
    member: Decompress,
    /// The member has ended; the next byte begins another one.
    ended: bool,
    growth: Growth,
}

impl Decoder for Inflate {
    fn write(&mut self, mut stored: &[u8], out: &mut Vec<u8>) -> Result<()> {
        loop {
            if self.ended {
                if stored.is_empty() {
                    return Ok(());
                }
                self.member = Decompress::new_gzip(WINDOW_BITS);
                self.ended = false;
            }
            self.growth.reserve(out);
            let (taken, given) = (self.member.total_in(), self.member.total_out());
            let status = self
                .member
                .decompress_vec(stored, out, FlushDecompress::None)
                .map_err(|cause| corrupt(NAME, "it does not decode").caused_by(cause))?;
            let taken = (self.member.total_in() - taken) as usize;
            let given = (self.member.total_out() - given) as usize;
            self.growth.spend(given)?;
            stored = stored.get(taken..).unwrap_or_default();
            match status {
                Status::StreamEnd => self.ended = true,
                // With room left in the output, no input left means: all that it has was given.
                _ if stored.is_empty() && out.len() < out.capacity() => return Ok(()),
                _ if taken == 0 && given == 0 => return Err(corrupt(NAME, "it does not go on")),
                _ => {}
            }
        }
    }

    fn finish(self: Box<Self>, _out: &mut Vec<u8>) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        Err(truncated(NAME))
    }
}
