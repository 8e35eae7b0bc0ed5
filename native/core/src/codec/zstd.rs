//! `zstd`: RFC 8878, with the length and a checksum of the content in every frame that we write
//! whole.

use std::cell::RefCell;

use zstd_safe::{
    get_error_name, zstd_sys, CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer,
    ResetDirective,
};

use super::growth::{corrupt, truncated, Growth};
use super::{Codec, Decoder, Encoder, Levels};
use crate::error::{Code, Error, Result};

const NAME: &str = "zstd";

/// A stream may ask for a window of this size however small the bound is: what the levels up to 19
/// use. A larger one is only accepted when the bound is as large.
const SMALLEST_WINDOW_LIMIT_LOG: u32 = 23;

/// The largest window that a decoder accepts at all, which is also zstd's own default.
const LARGEST_WINDOW_LIMIT_LOG: u32 = 27;

/// A first guess of the output when the frame does not say it, in multiples of the input.
const GUESS: usize = 8;

/// A frame's own statement of its length is believed up to this multiple of the input; beyond that
/// the output grows only as far as it is really filled.
const BELIEVED: usize = 64;

/// The codec of `.zst`. Levels above 19 are left out: they take most of a gigabyte to write, and
/// ask for windows that other readers refuse.
#[derive(Debug, Clone, Copy, Default)]
pub struct Zstd;

thread_local! {
    /// A decoder takes 160 kB to make, which would cost more than most values; it has no window of
    /// its own when whole frames are decoded, so keeping one per thread is cheap.
    static WHOLE: RefCell<Option<DCtx<'static>>> = const { RefCell::new(None) };
}

impl Codec for Zstd {
    fn levels(&self) -> Levels {
        Levels { min: -7, max: 19, default: 3 }
    }

    fn encoder(&self, level: Option<i32>) -> Result<Box<dyn Encoder>> {
        Ok(Box::new(Compressor(compressor(self.levels().pick(NAME, level)?)?)))
    }

    fn decoder(&self, bound: usize) -> Result<Box<dyn Decoder>> {
        let mut context = DCtx::try_create().ok_or_else(no_memory)?;
        let log = usize::BITS - bound.leading_zeros();
        let log = log.clamp(SMALLEST_WINDOW_LIMIT_LOG, LARGEST_WINDOW_LIMIT_LOG);
        context.set_parameter(DParameter::WindowLogMax(log)).map_err(failed)?;
        Ok(Box::new(Decompressor { context, whole: false, growth: Growth::new(bound) }))
    }

    fn compress(&self, level: Option<i32>, raw: &[u8]) -> Result<Vec<u8>> {
        let mut context = compressor(self.levels().pick(NAME, level)?)?;
        let mut out = Vec::with_capacity(zstd_safe::compress_bound(raw.len()));
        context.compress2(&mut out, raw).map_err(failed)?;
        out.shrink_to_fit();
        Ok(out)
    }

    fn decompress(&self, stored: &[u8], bound: usize) -> Result<Vec<u8>> {
        WHOLE.with_borrow_mut(|kept| {
            let mut context = match kept.take() {
                Some(context) => context,
                None => DCtx::try_create().ok_or_else(no_memory)?,
            };
            let result = decompress_whole(&mut context, stored, bound);
            *kept = Some(context);
            result
        })
    }
}

fn compressor(level: i32) -> Result<CCtx<'static>> {
    let mut context = CCtx::try_create().ok_or_else(no_memory)?;
    context.set_parameter(CParameter::CompressionLevel(level)).map_err(failed)?;
    context.set_parameter(CParameter::ChecksumFlag(true)).map_err(failed)?;
    Ok(context)
}

/// Decodes into one buffer that needs no window. It starts at what the frame says, as far as that
/// is plausible, and grows only after it was filled.
fn decompress_whole(context: &mut DCtx, stored: &[u8], bound: usize) -> Result<Vec<u8>> {
    let growth = Growth::new(bound);
    let stated = match zstd_safe::get_frame_content_size(stored) {
        Ok(Some(length)) => usize::try_from(length).unwrap_or(usize::MAX),
        Ok(None) => stored.len().saturating_mul(GUESS),
        Err(_) => return Err(corrupt(NAME, "its header is not one of zstd")),
    };
    let believed = stored.len().saturating_mul(BELIEVED).max(64 * 1024);
    let mut room = stated.min(believed).min(bound);
    loop {
        let mut out = Vec::with_capacity(room);
        match context.decompress(&mut out, stored) {
            Ok(_) if out.len() > bound => return Err(growth.exceeded()),
            Ok(_) => return Ok(out),
            Err(code) if !is_too_small(code) => return Err(damaged(code)),
            Err(_) if room >= bound => return Err(growth.exceeded()),
            Err(_) => room = room.max(16 * 1024).saturating_mul(4).min(bound),
        }
    }
}

fn is_too_small(code: usize) -> bool {
    let too_small = zstd_sys::ZSTD_ErrorCode::ZSTD_error_dstSize_tooSmall as usize;
    code == 0usize.wrapping_sub(too_small)
}

pub(super) fn damaged(code: usize) -> Error {
    corrupt(NAME, "it does not decode").caused_by(get_error_name(code))
}

pub(super) fn failed(code: usize) -> Error {
    let text = "zstd could not compress; less memory may help, else please report it.";
    Error::new(Code::CodecFailed, text).caused_by(get_error_name(code))
}

pub(super) fn no_memory() -> Error {
    Error::new(Code::OutOfMemory, "There is no memory for zstd; free some and try again.")
}

struct Compressor(CCtx<'static>);

impl Encoder for Compressor {
    fn write(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let mut input = InBuffer::around(raw);
        while input.pos() < raw.len() {
            out.reserve(CCtx::out_size());
            let filled = out.len();
            let mut output = OutBuffer::around_pos(out, filled);
            self.0.compress_stream(&mut output, &mut input).map_err(failed)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        loop {
            out.reserve(CCtx::out_size());
            let filled = out.len();
            let mut output = OutBuffer::around_pos(out, filled);
            if self.0.end_stream(&mut output).map_err(failed)? == 0 {
                return Ok(());
            }
        }
    }
}

struct Decompressor {
    context: DCtx<'static>,
    /// The input so far ends with a frame.
    whole: bool,
    growth: Growth,
}

impl Decompressor {
    fn failed(&self, code: usize) -> Error {
        let large = zstd_sys::ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge as usize;
        if code == 0usize.wrapping_sub(large) {
            return self.growth.exceeded().caused_by(get_error_name(code));
        }
        damaged(code)
    }
}

impl Decoder for Decompressor {
    fn write(&mut self, stored: &[u8], out: &mut Vec<u8>) -> Result<()> {
        // zstd takes many calls without input for a fault.
        if stored.is_empty() {
            return Ok(());
        }
        let mut input = InBuffer::around(stored);
        loop {
            self.growth.reserve(out);
            let filled = out.len();
            if input.pos() == stored.len() && self.whole {
                return Ok(());
            }
            let mut output = OutBuffer::around_pos(out, filled);
            let hint = self.context.decompress_stream(&mut output, &mut input);
            let given = out.len() - filled;
            self.growth.spend(given)?;
            let hint = hint.map_err(|code| self.failed(code))?;
            self.whole = hint == 0;
            if self.whole {
                self.context.reset(ResetDirective::SessionOnly).map_err(failed)?;
            }
            // With room left in the output, no input left means: all that it has was given.
            if input.pos() == stored.len() && out.len() < out.capacity() {
                return Ok(());
            }
        }
    }

    fn finish(self: Box<Self>, _out: &mut Vec<u8>) -> Result<()> {
        if self.whole {
            return Ok(());
        }
        Err(truncated(NAME))
    }
}
