//! A codec of the user's own, made from two functions over whole values.

use std::sync::Arc;

use super::growth::Growth;
use super::{Codec, Decoder, Encoder, Levels};
use crate::error::{Code, Error, Result};

/// A function of the user's: a level or a bound, and bytes.
type Function<Argument> = dyn Fn(Argument, &[u8]) -> Result<Vec<u8>> + Send + Sync;

/// A codec whose streams collect everything and call one function at the end.
#[derive(Clone)]
pub struct OneShot {
    levels: Levels,
    compress: Arc<Function<i32>>,
    decompress: Arc<Function<usize>>,
}

impl OneShot {
    /// `compress` gets a level within `levels`; `decompress` gets the greatest length that it may
    /// give.
    pub fn new(
        levels: Levels,
        compress: impl Fn(i32, &[u8]) -> Result<Vec<u8>> + Send + Sync + 'static,
        decompress: impl Fn(usize, &[u8]) -> Result<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        OneShot { levels, compress: Arc::new(compress), decompress: Arc::new(decompress) }
    }
}

impl Codec for OneShot {
    fn levels(&self) -> Levels {
        self.levels
    }

    fn encoder(&self, level: Option<i32>) -> Result<Box<dyn Encoder>> {
        let level = self.levels.pick("this codec", level)?;
        let compress = Arc::clone(&self.compress);
        let call =
            move |raw: &[u8]| compress(level, raw).map_err(|cause| failed("compress", cause));
        Ok(Box::new(Collected { all: Vec::new(), call: Box::new(call) }))
    }

    fn decoder(&self, bound: usize) -> Result<Box<dyn Decoder>> {
        let decompress = Arc::clone(&self.decompress);
        let call = move |stored: &[u8]| {
            let raw = decompress(bound, stored).map_err(|cause| failed("decompress", cause))?;
            Growth::new(bound).spend(raw.len())?;
            Ok(raw)
        };
        Ok(Box::new(Collected { all: Vec::new(), call: Box::new(call) }))
    }
}

fn failed(doing: &str, cause: Error) -> Error {
    let text = format!("A codec of your own could not {doing}; see the cause.");
    Error::new(Code::CodecFailed, text).caused_by(cause)
}

/// What is done with everything at the end.
type Call = dyn Fn(&[u8]) -> Result<Vec<u8>> + Send;

struct Collected {
    all: Vec<u8>,
    call: Box<Call>,
}

impl Collected {
    fn give(&self, out: &mut Vec<u8>) -> Result<()> {
        out.append(&mut (self.call)(&self.all)?);
        Ok(())
    }
}

impl Encoder for Collected {
    fn write(&mut self, raw: &[u8], _out: &mut Vec<u8>) -> Result<()> {
        self.all.extend_from_slice(raw);
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        self.give(out)
    }
}

impl Decoder for Collected {
    fn write(&mut self, stored: &[u8], _out: &mut Vec<u8>) -> Result<()> {
        self.all.extend_from_slice(stored);
        Ok(())
    }

    fn finish(self: Box<Self>, out: &mut Vec<u8>) -> Result<()> {
        self.give(out)
    }
}
