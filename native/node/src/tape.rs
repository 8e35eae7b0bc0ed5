//! Restoring: the core's tape, copied into buffers that JavaScript owns and uses again.

use keepstate_core::msgpack::Tape;
use keepstate_core::Error;
use napi::bindgen_prelude::{Either, Int32ArraySlice, Uint16ArraySlice, Uint8ArraySlice};
use napi_derive::napi;

/// How much a tape holds: the lengths that the three buffers must have at least.
#[napi(object)]
pub struct TapeSizes {
    /// 32-bit words.
    pub words: u32,
    /// Bytes of Latin-1 text.
    pub latin: u32,
    /// UTF-16 units.
    pub wide: u32,
}

/// Why there is no tape.
#[napi(object)]
pub struct TapeFailure {
    /// The number of the error's code.
    pub code: u32,
    /// What happened and what to do.
    pub message: String,
    /// The offset in the bytes.
    pub offset: Option<f64>,
}

/// Reads encoded values, one after the other, with one set of buffers.
#[napi]
pub struct TapeReader {
    tape: Tape,
}

#[napi]
impl TapeReader {
    /// A reader without a tape.
    #[napi(constructor, catch_unwind)]
    #[allow(clippy::new_without_default, reason = "JavaScript makes it")]
    pub fn new() -> Self {
        TapeReader { tape: Tape::new() }
    }

    /// Reads one value; its tape is there until the next read.
    #[napi(catch_unwind)]
    pub fn read(&mut self, bytes: &[u8]) -> Either<TapeSizes, TapeFailure> {
        match self.tape.read(bytes) {
            Ok(()) => Either::A(TapeSizes {
                words: self.tape.words().len() as u32,
                latin: self.tape.latin().len() as u32,
                wide: self.tape.wide().len() as u32,
            }),
            Err(error) => Either::B(failure(&error)),
        }
    }

    /// Copies the tape into buffers of at least the sizes that `read` gave; false if one is less.
    #[napi(catch_unwind)]
    pub fn copy(
        &self,
        mut words: Int32ArraySlice,
        mut latin: Uint8ArraySlice,
        mut wide: Uint16ArraySlice,
    ) -> bool {
        // SAFETY: JavaScript does not run while this call does, and only one of the slices, which
        // may be views of one buffer, is used at a time.
        fill(unsafe { words.as_mut() }, self.tape.words())
            && fill(unsafe { latin.as_mut() }, self.tape.latin())
            && fill(unsafe { wide.as_mut() }, self.tape.wide())
    }
}

fn fill<T: Copy>(buffer: &mut [T], content: &[T]) -> bool {
    let Some(start) = buffer.get_mut(..content.len()) else { return false };
    start.copy_from_slice(content);
    true
}

fn failure(error: &Error) -> TapeFailure {
    TapeFailure {
        code: error.code() as u32,
        message: error.message().to_string(),
        offset: error.place().offset.map(|offset| offset as f64),
    }
}
