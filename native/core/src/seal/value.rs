//! Sealing and opening values, chunk by chunk.

use super::header::{broken, Header, Lock, Place, TAG};
use crate::error::Result;
use crate::store::Range;

/// Seals `raw`, whose length is the header's.
pub(super) fn seal(header: &Header, lock: &Lock, raw: &[u8]) -> Result<Vec<u8>> {
    let mut out = lock.head().to_vec();
    let count = header.count();
    out.reserve(raw.len() + count as usize * TAG);
    let mut rest = raw;
    for number in 0..count {
        let (chunk, behind) = rest.split_at(rest.len().min(header.chunk as usize));
        rest = behind;
        let from = out.len();
        out.extend_from_slice(chunk);
        let place = Place { number, last: number + 1 == count };
        let tag = lock.seal(place, out.get_mut(from..).unwrap_or_default())?;
        out.extend_from_slice(&tag);
    }
    Ok(out)
}

/// A sealed value whose header was read and proven: it tells where its parts are, and opens them.
pub struct Sealed {
    key: String,
    header: Header,
    lock: Lock,
}

impl Sealed {
    pub(super) fn new(key: &str, header: Header, lock: Lock) -> Self {
        Sealed { key: key.to_string(), header, lock }
    }

    /// The id of the key that it was sealed with.
    pub fn key_id(&self) -> &str {
        &self.header.key_id
    }

    /// The length of what was sealed.
    pub fn length(&self) -> u64 {
        self.header.length
    }

    /// The length of the header.
    pub fn head_length(&self) -> usize {
        self.lock.head().len()
    }

    /// The length of the sealed value; any other length means that it was cut or added to.
    pub fn stored_length(&self) -> u64 {
        self.offset(self.header.count())
    }

    /// Which stored bytes `open` needs for `range`.
    pub fn span(&self, range: Range) -> Range {
        let (first, behind) = self.chunks(range);
        let offset = self.offset(first);
        Range { offset, length: self.offset(behind).saturating_sub(offset) }
    }

    /// The bytes of `range` (what lies behind the end is cut), from the stored bytes of its `span`.
    pub fn open(&self, range: Range, span: &[u8]) -> Result<Vec<u8>> {
        let (first, behind) = self.chunks(range);
        let mut rest = span;
        let mut out = Vec::with_capacity(span.len());
        for number in first..behind {
            let Some((chunk, more)) = rest.split_at_checked(self.stored(number)) else {
                return Err(broken("something was cut off").key(self.key.as_str()));
            };
            rest = more;
            let from = out.len();
            out.extend_from_slice(chunk);
            let place = Place { number, last: number + 1 == self.header.count() };
            let opened = self.lock.open(place, out.get_mut(from..).unwrap_or_default());
            out.truncate(from + opened.map_err(|error| error.key(self.key.as_str()))?);
        }
        if !rest.is_empty() {
            return Err(broken("something was added").key(self.key.as_str()));
        }
        let skip = range.offset.saturating_sub(first.saturating_mul(self.chunk()));
        out.drain(..usize::try_from(skip).unwrap_or(usize::MAX).min(out.len()));
        out.truncate(usize::try_from(range.length).unwrap_or(usize::MAX));
        Ok(out)
    }

    fn chunk(&self) -> u64 {
        u64::from(self.header.chunk)
    }

    /// The chunks that hold `range`: the first, and the one behind the last. An empty range has one
    /// chunk too, so that nothing is ever given that was not proven.
    fn chunks(&self, range: Range) -> (u64, u64) {
        let last = self.header.count() - 1;
        let first = (range.offset / self.chunk()).min(last);
        let end = range.offset.saturating_add(range.length.max(1)).div_ceil(self.chunk());
        (first, end.min(last + 1))
    }

    /// Where a chunk begins in the stored value. It may be more than there is: the header's length
    /// is proven, but not yet the chunks.
    fn offset(&self, number: u64) -> u64 {
        let raw = number.saturating_mul(self.chunk()).min(self.header.length);
        raw.saturating_add(number.saturating_mul(TAG as u64))
            .saturating_add(self.head_length() as u64)
    }

    /// The stored length of a chunk.
    fn stored(&self, number: u64) -> usize {
        let length = self.offset(number + 1).saturating_sub(self.offset(number));
        usize::try_from(length).unwrap_or(usize::MAX)
    }
}
