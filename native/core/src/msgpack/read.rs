//! The reader of single items: a header and, for scalars, what follows it.

use crate::error::{Code, Error, Result};

/// One item as it stands in the bytes. Containers give their count; their items follow.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Item<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    /// Only above `i64::MAX`.
    Uint(u64),
    Float(f64),
    Str(&'a [u8]),
    Bin(&'a [u8]),
    Array(usize),
    Map(usize),
    Ext(u8, &'a [u8]),
}

/// A cursor over bytes that never reads past their end.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    /// Where the next item begins.
    #[inline]
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Goes back into the payload of the ext just read, `size` bytes before here.
    pub(super) fn enter(&mut self, size: usize) {
        self.at = self.at.saturating_sub(size);
    }

    /// Leaves out `size` bytes that are known to be there.
    pub(super) fn skip(&mut self, size: usize) {
        self.at = (self.at + size).min(self.bytes.len());
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == self.bytes.len()
    }

    /// The next item, which stays the next.
    pub(super) fn peek(&self) -> Result<Item<'a>> {
        Reader { bytes: self.bytes, at: self.at }.next()
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Item<'a>> {
        let [first] = self.array::<1>()?;
        Ok(match first {
            0x00..=0x7f => Item::Int(i64::from(first)),
            0x80..=0x8f => self.map(usize::from(first & 0x0f))?,
            0x90..=0x9f => self.items(usize::from(first & 0x0f))?,
            0xa0..=0xbf => Item::Str(self.take(usize::from(first & 0x1f))?),
            0xe0..=0xff => Item::Int(i64::from(first as i8)),
            _ => self.wide(first)?,
        })
    }

    fn wide(&mut self, first: u8) -> Result<Item<'a>> {
        Ok(match first {
            0xc0 => Item::Nil,
            0xc2 => Item::Bool(false),
            0xc3 => Item::Bool(true),
            0xc4..=0xc6 => Item::Bin(self.sized(first - 0xc4)?),
            0xc7..=0xc9 => {
                let size = self.size(first - 0xc7)?;
                self.ext(size)?
            }
            0xca => Item::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Item::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Item::Int(i64::from(u8::from_be_bytes(self.array()?))),
            0xcd => Item::Int(i64::from(u16::from_be_bytes(self.array()?))),
            0xce => Item::Int(i64::from(u32::from_be_bytes(self.array()?))),
            0xcf => {
                let value = u64::from_be_bytes(self.array()?);
                i64::try_from(value).map_or(Item::Uint(value), Item::Int)
            }
            0xd0 => Item::Int(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => Item::Int(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Item::Int(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => Item::Int(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => self.ext(1 << (first - 0xd4))?,
            0xd9..=0xdb => Item::Str(self.sized(first - 0xd9)?),
            0xdc | 0xdd => {
                let count = self.size(first - 0xdc + 1)?;
                self.items(count)?
            }
            0xde | 0xdf => {
                let count = self.size(first - 0xde + 1)?;
                self.map(count)?
            }
            _ => return Err(corrupt(self.at - 1, "a byte that begins no value")),
        })
    }

    /// A big-endian length of 1, 2 or 4 bytes, for `width` 0, 1 or 2.
    fn size(&mut self, width: u8) -> Result<usize> {
        Ok(match width {
            0 => usize::from(u8::from_be_bytes(self.array()?)),
            1 => usize::from(u16::from_be_bytes(self.array()?)),
            _ => u32::from_be_bytes(self.array()?) as usize,
        })
    }

    fn sized(&mut self, width: u8) -> Result<&'a [u8]> {
        let size = self.size(width)?;
        self.take(size)
    }

    fn ext(&mut self, size: usize) -> Result<Item<'a>> {
        let [kind] = self.array::<1>()?;
        Ok(Item::Ext(kind, self.take(size)?))
    }

    /// Each item takes a byte at least: a larger count is a lie, and nothing is reserved for it.
    fn items(&mut self, count: usize) -> Result<Item<'a>> {
        self.refuse_count(count)?;
        Ok(Item::Array(count))
    }

    fn map(&mut self, count: usize) -> Result<Item<'a>> {
        self.refuse_count(count.saturating_mul(2))?;
        Ok(Item::Map(count))
    }

    fn refuse_count(&self, count: usize) -> Result<()> {
        if count > self.bytes.len() - self.at {
            return Err(corrupt(self.at, "a count of more items than there are bytes"));
        }
        Ok(())
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        match self.bytes.get(self.at..).and_then(|rest| rest.first_chunk::<N>()) {
            Some(chunk) => {
                self.at += N;
                Ok(*chunk)
            }
            None => Err(self.truncated()),
        }
    }

    #[inline]
    fn take(&mut self, size: usize) -> Result<&'a [u8]> {
        match self.bytes.get(self.at..).and_then(|rest| rest.get(..size)) {
            Some(slice) => {
                self.at += size;
                Ok(slice)
            }
            None => Err(self.truncated()),
        }
    }

    #[cold]
    fn truncated(&self) -> Error {
        corrupt(self.bytes.len(), "the end, in the middle of a value")
    }
}

/// Damage at an offset of the encoded state.
#[cold]
pub(super) fn corrupt(offset: usize, found: &str) -> Error {
    let message = format!(
        "The encoded state is damaged: at byte {offset} is {found}. Restore an earlier snapshot."
    );
    fault(Code::Corrupt, offset, message)
}

/// A failure at an offset of the encoded state.
pub(super) fn fault(code: Code, offset: usize, message: impl Into<String>) -> Error {
    Error::new(code, message).at(|place| place.offset = Some(offset as u64))
}
