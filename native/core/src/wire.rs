//! Reading and writing the small pieces that FORMAT.md is made of.
//!
//! A `Reader` believes no length before it has checked it against what is left, so nothing that it
//! does allocates more than it was given.

use crate::error::{Code, Error, Result};

/// Takes pieces off the front of some bytes.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// A reader of `what`, a word for messages: `timeline value`, `catalog`, ...
    pub fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Reader { bytes, at: 0, what }
    }

    /// How far it has read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// How many bytes are left.
    pub fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// Damage at the current position.
    pub fn damage(&self, how: &str) -> Error {
        let message = format!(
            "A {} is damaged at byte {}: {how}. Run verify to see more, and restore a backup.",
            self.what, self.at
        );
        Error::new(Code::Corrupt, message).at(|place| place.offset = Some(self.at as u64))
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else { return Err(self.damage("it ends too early")) };
        let piece = &self.bytes[self.at..end];
        self.at = end;
        Ok(piece)
    }

    /// The next bytes, as many as the array has.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> Result<u16> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// Four bytes, little-endian.
    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// Eight bytes, little-endian.
    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// LEB128 in its shortest form.
    pub fn varint(&mut self) -> Result<u64> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 || byte == 0 && shift > 0 {
                return Err(self.damage("a number is not in its shortest form"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.damage("a number is too long"))
    }

    /// A varint that must not exceed what is left in the input: a count or a length.
    pub fn length(&mut self) -> Result<usize> {
        let value = self.varint()?;
        match usize::try_from(value) {
            Ok(length) if length <= self.left() => Ok(length),
            _ => Err(self.damage("a length goes beyond the end")),
        }
    }

    /// A varint length and that many bytes.
    pub fn bytes(&mut self) -> Result<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    /// `bytes` that are UTF-8.
    pub fn text(&mut self) -> Result<&'a str> {
        let bytes = self.bytes()?;
        std::str::from_utf8(bytes).map_err(|_| self.damage("a text is not UTF-8"))
    }

    /// Damage if anything is left.
    pub fn end(&self) -> Result<()> {
        match self.left() {
            0 => Ok(()),
            _ => Err(self.damage("more follows than belongs to it")),
        }
    }
}

/// Writes `value` as LEB128.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Writes a length and the bytes.
pub fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Maps a signed difference to an unsigned number, small ones to small ones.
pub fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

/// The inverse of `zigzag`.
pub fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
#[path = "wire_tests.rs"]
mod tests;
