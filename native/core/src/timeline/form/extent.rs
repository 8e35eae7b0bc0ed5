//! Extents: a state as a list of pieces of the timeline's logical space.

use crate::error::Result;
use crate::wire::{put_varint, unzigzag, zigzag, Reader};

/// A piece of the logical space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Where it begins.
    pub offset: u64,
    /// How long it is; never zero in a list.
    pub length: u64,
}

impl Extent {
    /// The offset behind it.
    pub fn end(&self) -> u64 {
        self.offset + self.length
    }
}

/// A state. Neighbouring pieces that continue each other are one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extents(Vec<Extent>);

impl Extents {
    /// Appends a piece.
    pub fn push(&mut self, extent: Extent) {
        if extent.length == 0 {
            return;
        }
        match self.0.last_mut() {
            Some(last) if last.end() == extent.offset => last.length += extent.length,
            _ => self.0.push(extent),
        }
    }

    /// The pieces in order.
    pub fn iter(&self) -> impl Iterator<Item = &Extent> {
        self.0.iter()
    }

    /// How many pieces.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// How many bytes.
    pub fn length(&self) -> u64 {
        // A damaged list may say the same exabyte many times.
        self.0.iter().fold(0, |sum, extent| sum.saturating_add(extent.length))
    }

    /// The pieces of the bytes from `start`, `length` of them at most.
    pub fn slice(&self, start: u64, length: u64) -> Extents {
        let mut cursor = Cursor::new(self);
        cursor.skip(start);
        let mut part = Extents::default();
        cursor.copy(length, &mut part);
        part
    }

    /// Writes the list as FORMAT.md's manifest.
    pub fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.0.len() as u64);
        let mut before = 0;
        for extent in &self.0 {
            put_varint(out, extent.length);
            put_varint(out, zigzag(extent.offset.wrapping_sub(before) as i64));
            before = extent.end();
        }
    }

    /// Reads a manifest whose pieces all lie below `limit`.
    pub fn decode(reader: &mut Reader<'_>, limit: u64) -> Result<Extents> {
        let count = reader.length()?;
        let mut list = Vec::with_capacity(count.min(reader.left() / 2));
        let mut before = 0u64;
        for _ in 0..count {
            let length = reader.varint()?;
            let offset = before.wrapping_add(unzigzag(reader.varint()?) as u64);
            match offset.checked_add(length) {
                Some(end) if length > 0 && end <= limit => before = end,
                _ => return Err(reader.damage("an extent lies outside the timeline")),
            }
            list.push(Extent { offset, length });
        }
        Ok(Extents(list))
    }
}

/// Walks a list byte by byte, without touching bytes.
pub struct Cursor<'a> {
    rest: &'a [Extent],
    taken: u64,
}

impl<'a> Cursor<'a> {
    /// At the beginning.
    pub fn new(extents: &'a Extents) -> Self {
        Cursor { rest: &extents.0, taken: 0 }
    }

    /// Passes `length` bytes; what it could not pass, because the list ended, is returned.
    pub fn skip(&mut self, length: u64) -> u64 {
        self.walk(length, |_| ())
    }

    /// Passes `length` bytes and appends them to `out`; returns what was missing.
    pub fn copy(&mut self, length: u64, out: &mut Extents) -> u64 {
        self.walk(length, |extent| out.push(extent))
    }

    fn walk(&mut self, mut length: u64, mut visit: impl FnMut(Extent)) -> u64 {
        while length > 0 {
            let Some((first, rest)) = self.rest.split_first() else { return length };
            let step = length.min(first.length - self.taken);
            visit(Extent { offset: first.offset + self.taken, length: step });
            length -= step;
            self.taken += step;
            if self.taken == first.length {
                self.rest = rest;
                self.taken = 0;
            }
        }
        0
    }
}
