//! `lz4`: the LZ4 frame format, with the length and a checksum of the content.

use std::io::Write;

use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use super::lz4_frame::FrameDecoder;
use super::{Codec, Decoder, Encoder, Levels};
use crate::error::{Code, Error, Result};

const NAME: &str = "lz4";

/// The codec of `.lz4`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lz4;

impl Lz4 {
    fn compressor(&self, level: Option<i32>, whole: Option<usize>) -> Result<Compressor> {
        self.levels().pick(NAME, level)?;
        let size = match whole {
            Some(length) if length > 256 * 1024 => BlockSize::Max256KB,
            _ => BlockSize::Max64KB,
        };
        let info = FrameInfo::new()
            .block_mode(BlockMode::Linked)
            .block_size(size)
            .content_size(whole.map(|length| length as u64))
            .content_checksum(true);
        Ok(Compressor(FrameEncoder::with_frame_info(info, Vec::new())))
    }
}

impl Codec for Lz4 {
    fn levels(&self) -> Levels {
        Levels { min: 1, max: 1, default: 1 }
    }

    fn encoder(&self, level: Option<i32>) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(self.compressor(level, None)?))
    }

    fn decoder(&self, bound: usize) -> Result<Box<dyn Decoder>> {
        Ok(Box::new(FrameDecoder::new(bound)))
    }

    fn compress(&self, level: Option<i32>, raw: &[u8]) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        let mut encoder = Box::new(self.compressor(level, Some(raw.len()))?);
        encoder.write(raw, &mut out)?;
        encoder.finish(&mut out)?;
        Ok(out)
    }
}

struct Compressor(FrameEncoder<Vec<u8>>);

fn failed(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    let text = "lz4 could not compress; this is a fault of Keepstate's, please report it.";
    Error::new(Code::CodecFailed, text).caused_by(cause)
}

impl Encoder for Compressor {
    fn write(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.0.write_all(raw).map_err(failed)?;
        out.append(self.0.get_mut());
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        out.append(&mut self.0.finish().map_err(failed)?);
        Ok(())
    }
}
