//! `brotli`: RFC 7932. It has no checksum, so a changed byte may pass here.

use std::io::Write;

use brotli::enc::{BrotliEncoderParams, StandardAlloc};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState, CompressorWriter};

use super::growth::{corrupt, truncated, Growth};
use super::{Codec, Decoder, Encoder, Levels};
use crate::error::{Code, Error, Result};

const NAME: &str = "brotli";

/// 4 MiB, the default of the `brotli` tool.
const WINDOW_LOG: i32 = 22;

const STEP: usize = 16 * 1024;

/// The codec of `.br`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Brotli;

impl Brotli {
    fn compressor(&self, level: Option<i32>, whole: usize) -> Result<Compressor> {
        let quality = self.levels().pick(NAME, level)?;
        let params = BrotliEncoderParams {
            quality,
            lgwin: WINDOW_LOG,
            size_hint: whole,
            ..BrotliEncoderParams::default()
        };
        Ok(Compressor(CompressorWriter::with_params(Vec::new(), STEP, &params)))
    }
}

impl Codec for Brotli {
    fn levels(&self) -> Levels {
        Levels { min: 0, max: 11, default: 5 }
    }

    fn encoder(&self, level: Option<i32>) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(self.compressor(level, 0)?))
    }

    fn decoder(&self, bound: usize) -> Result<Box<dyn Decoder>> {
        let alloc = StandardAlloc::default;
        // Strict: windows above 16 MiB are not of RFC 7932, and would be allocated on a header's
        // word.
        let state = Box::new(BrotliState::new_strict(alloc(), alloc(), alloc()));
        let step = vec![0; STEP].into_boxed_slice();
        Ok(Box::new(Decompressor { state, step, ended: false, growth: Growth::new(bound) }))
    }

    fn compress(&self, level: Option<i32>, raw: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut encoder = Box::new(self.compressor(level, raw.len())?);
        encoder.write(raw, &mut out)?;
        encoder.finish(&mut out)?;
        Ok(out)
    }
}

struct Compressor(CompressorWriter<Vec<u8>>);

impl Encoder for Compressor {
    fn write(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.0.write_all(raw).map_err(|cause| {
            let text =
                "brotli could not compress; this is a fault of Keepstate's, please report it.";
            Error::new(Code::CodecFailed, text).caused_by(cause)
        })?;
        out.append(self.0.get_mut());
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        out.append(&mut self.0.into_inner());
        Ok(())
    }
}

struct Decompressor {
    state: Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>,
    step: Box<[u8]>,
    ended: bool,
    growth: Growth,
}

impl Decoder for Decompressor {
    fn write(&mut self, stored: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let (mut left, mut taken) = (stored.len(), 0);
        while !self.ended || left > 0 {
            if self.ended {
                return Err(corrupt(NAME, "something follows its end"));
            }
            let (mut room, mut given, mut total) = (self.step.len(), 0, 0);
            let result = BrotliDecompressStream(
                &mut left,
                &mut taken,
                stored,
                &mut room,
                &mut given,
                &mut self.step,
                &mut total,
                &mut self.state,
            );
            self.growth.spend(given)?;
            out.extend_from_slice(self.step.get(..given).unwrap_or_default());
            match result {
                BrotliResult::ResultSuccess => self.ended = true,
                BrotliResult::NeedsMoreOutput => {}
                BrotliResult::NeedsMoreInput if left == 0 => return Ok(()),
                BrotliResult::NeedsMoreInput | BrotliResult::ResultFailure => {
                    return Err(corrupt(NAME, "it does not decode"));
                }
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>, _out: &mut Vec<u8>) -> Result<()> {
        if self.ended {
            return Ok(());
        }
        Err(truncated(NAME))
    }
}
