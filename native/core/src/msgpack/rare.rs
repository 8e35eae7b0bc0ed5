//! What a scan meets rarely: other headers, exts, and whatever is not whole.

use super::ext;
use super::frame::{Frame, Kind};
use super::read::{corrupt, fault, Item, Reader};
use super::scan::Scan;
use super::tape::{fixed, rare, tag};
use super::walk::{container_of, extended, named, Container, Scalar};
use crate::error::{Code, Result};

/// An integer that JavaScript's numbers cannot hold, without a sign bit; else as a BigInt.
const UNSIGNED: u8 = 0x43;
const LATEST_DATE: i64 = 8_640_000_000_000_000;

impl Scan<'_, '_> {
    /// An item that is rare, or not whole.
    #[cold]
    #[inline(never)]
    pub(super) fn other(&mut self, at: usize) -> Result<usize> {
        let mut reader = Reader::new(self.input);
        reader.skip(at);
        let item = reader.next()?;
        let end = reader.at();
        match item {
            Item::Nil => self.push(tag::PLAIN, fixed::NIL),
            Item::Bool(value) => self.push(tag::PLAIN, fixed::FALSE + usize::from(value)),
            Item::Int(value) => self.int(value, end),
            Item::Uint(_) => self.rare(&[rare::EXT, i32::from(UNSIGNED)], Some((end, 8))),
            Item::Float(value) => self.double(value),
            Item::Str(bytes) => self.long_text(bytes, end - bytes.len())?,
            Item::Bin(bytes) => self.rare(&[rare::BYTES], Some((end, bytes.len()))),
            Item::Array(count) => self.open(Frame::new(Kind::Array, count), end)?,
            Item::Map(count) => self.begin_object(end, count)?,
            Item::Ext(kind, payload) => match container_of(kind) {
                Some(container) => return self.enter(container, (end, payload.len())),
                None => self.scalar(extended(kind, payload, at)?, end)?,
            },
        }
        Ok(end)
    }

    /// What an ext holds that holds no values, and where it ends.
    fn scalar(&mut self, scalar: Scalar<'_>, end: usize) -> Result<()> {
        let mut ext = |kind: u8, size| self.rare(&[rare::EXT, i32::from(kind)], Some((end, size)));
        match scalar {
            Scalar::BigInt(payload) => ext(ext::BIGINT, payload.len()),
            Scalar::Typed(_, elements) => ext(ext::TYPED, elements.len() + 1),
            Scalar::Utf16(payload) => ext(ext::UTF16, payload.len()),
            Scalar::Undefined => self.push(tag::PLAIN, fixed::UNDEFINED),
            Scalar::Hole => self.push(tag::PLAIN, fixed::HOLE),
            Scalar::InvalidDate => self.date(f64::NAN),
            Scalar::Date(seconds, nanoseconds) => {
                let time = i128::from(seconds) * 1_000 + i128::from(nanoseconds / 1_000_000);
                if time.abs() > i128::from(LATEST_DATE) {
                    let message = "The state holds a time that JavaScript's Date cannot hold. \
                                   Read it in the language that saved it.";
                    return Err(fault(Code::Unsupported, end, message));
                }
                self.date(time as f64);
            }
            Scalar::Unknown(kind, _) => {
                let message = format!(
                    "The state holds an extended value of type {kind}, which JavaScript has no \
                     value for. Read it in the language that saved it."
                );
                return Err(fault(Code::Unsupported, end, message));
            }
            _ => return Err(corrupt(end, "an ext that is none")),
        }
        Ok(())
    }

    fn date(&mut self, time: f64) {
        let bits = time.to_bits();
        self.rare(&[rare::DATE, bits as i32, (bits >> 32) as i32], None);
    }

    /// Goes into an ext that holds values; of its payload, end and size.
    fn enter(&mut self, container: Container, (end, size): (usize, usize)) -> Result<usize> {
        let mut reader = Reader::new(self.input);
        reader.skip(end - size);
        let inside = reader.at();
        let (kind, left) = match container {
            Container::RegExp => (Kind::RegExp, 1),
            Container::Error => (Kind::Error, 1),
            Container::Named => (Kind::Named, named(reader.peek()?, inside)?),
            _ => match (container, reader.next()?) {
                (Container::Map, Item::Map(count)) => (Kind::Map, count.saturating_mul(2)),
                (Container::Set, Item::Array(count)) => (Kind::Set, count),
                _ => return Err(corrupt(inside, "a Map or Set without its entries")),
            },
        };
        self.open(Frame { end: end as u32, ..Frame::new(kind, left) }, reader.at())?;
        Ok(reader.at())
    }
}
