//! `none`: the bytes as they are.

use super::growth::Growth;
use super::{Codec, Decoder, Encoder, Levels};
use crate::error::Result;

/// The codec that changes nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Plain;

impl Codec for Plain {
    fn levels(&self) -> Levels {
        Levels { min: 0, max: 0, default: 0 }
    }

    fn encoder(&self, level: Option<i32>) -> Result<Box<dyn Encoder>> {
        self.levels().pick("none", level)?;
        Ok(Box::new(Through))
    }

    fn decoder(&self, bound: usize) -> Result<Box<dyn Decoder>> {
        Ok(Box::new(Bounded(Growth::new(bound))))
    }
}

struct Through;

impl Encoder for Through {
    fn write(&mut self, raw: &[u8], out: &mut Vec<u8>) -> Result<()> {
        out.extend_from_slice(raw);
        Ok(())
    }

    fn finish(self: Box<Self>, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}

struct Bounded(Growth);

impl Decoder for Bounded {
    fn write(&mut self, stored: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.0.spend(stored.len())?;
        out.extend_from_slice(stored);
        Ok(())
    }

    fn finish(self: Box<Self>, _out: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
}
