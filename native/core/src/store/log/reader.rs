//! The core's reader of small pieces, as the log needs it: what does not parse is nothing, because
//! bytes behind the log's end are no damage until more is known.

use crate::wire;

/// Takes pieces off the front of some bytes.
#[derive(Debug, Clone)]
pub(super) struct Reader<'a>(wire::Reader<'a>);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader(wire::Reader::new(bytes, "log"))
    }

    pub fn at(&self) -> usize {
        self.0.position()
    }

    pub fn is_empty(&self) -> bool {
        self.0.left() == 0
    }

    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        self.0.take(count).ok()
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.0.array().ok()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.0.u8().ok()
    }

    pub fn u16(&mut self) -> Option<u16> {
        self.0.u16().ok()
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.0.u32().ok()
    }

    pub fn u48(&mut self) -> Option<u64> {
        let low: [u8; 6] = self.array()?;
        Some(low.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)))
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.0.u64().ok()
    }

    pub fn varint(&mut self) -> Option<u64> {
        self.0.varint().ok()
    }

    /// A varint length and that many bytes.
    pub fn bytes(&mut self) -> Option<&'a [u8]> {
        self.0.bytes().ok()
    }
}
