//! Segments: files of frames, and the scan that tells which frames count.

use std::sync::Arc;

use super::frame::{self, Head, Steps};
use super::medium::{Access, File, Folder};
use super::reader::Reader;
use super::{corrupt, digest64, too_new, StoreId, FORMAT};
use crate::error::{Error, Result};

/// Where the first frame begins.
pub(super) const FIRST: u64 = 64;
const MAGIC: [u8; 8] = *b"KSEGMENT";
const COVERED: usize = 56;

/// How a segment came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    Appended = 0,
    Compacted = 1,
}

/// The name of a segment's file.
pub(super) fn name(number: u64) -> String {
    format!("{number:08}.log")
}

/// The number that a file's name gives, if it is a segment's.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    let number = digits.parse().ok()?;
    (self::name(number) == name).then_some(number)
}

/// What the header of a segment says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SegmentHead {
    pub origin: Origin,
    pub number: u64,
    pub id: [u8; 16],
}

impl SegmentHead {
    /// The header's bytes, and the check before the first frame.
    pub fn write(&self, store: StoreId) -> ([u8; FIRST as usize], u64) {
        let mut bytes = Vec::with_capacity(FIRST as usize);
        bytes.extend_from_slice(&MAGIC);
        bytes.extend_from_slice(&FORMAT.to_le_bytes());
        bytes.extend_from_slice(&(self.origin as u16).to_le_bytes());
        bytes.extend_from_slice(&0u32.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(&self.id);
        bytes.extend_from_slice(&store.0);
        let check = digest64(&bytes);
        let mut header = [0; FIRST as usize];
        let (covered, sum) = header.split_at_mut(COVERED);
        covered.copy_from_slice(&bytes);
        sum.copy_from_slice(&check.to_le_bytes());
        (header, check)
    }

    /// The header and the check before the first frame, or what is wrong, in a few words.
    pub fn parse(bytes: &[u8], store: StoreId) -> std::result::Result<(Self, u64), Fault> {
        let mut reader = Reader::new(bytes);
        let header = || -> Option<_> {
            Some((reader.array::<8>()?, reader.u16()?, reader.u16()?, reader.u32()?))
        };
        let mut header = header;
        let Some((magic, version, origin, bits)) = header() else { return Err(Fault::Damage) };
        let covered = bytes.get(..COVERED).unwrap_or_default();
        let mut parts = || -> Option<_> {
            Some((reader.u64()?, reader.array::<16>()?, reader.array::<16>()?, reader.u64()?))
        };
        let Some((number, id, owner, check)) = parts() else { return Err(Fault::Damage) };
        let holds = check == digest64(covered) || sabotaged!(SegmentHeaderCheck);
        if magic != MAGIC || !holds {
            return Err(Fault::Damage);
        }
        if version > FORMAT || bits != 0 {
            return Err(Fault::TooNew);
        }
        let origin = match origin {
            0 => Origin::Appended,
            1 => Origin::Compacted,
            _ => return Err(Fault::Damage),
        };
        if owner != store.0 {
            return Err(Fault::OtherStore);
        }
        Ok((SegmentHead { origin, number, id }, check))
    }
}

/// What can be wrong with a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    Damage,
    TooNew,
    OtherStore,
}

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub number: u64,
    pub id: [u8; 16],
    /// The check before the first frame.
    pub check: u64,
    pub file: File,
}

impl Segment {
    /// Opens a segment that the catalog names.
    pub fn open(folder: &Folder, store: StoreId, named: (u64, [u8; 16])) -> Result<Arc<Segment>> {
        let (number, id) = named;
        let access = if folder.read_only { Access::Read } else { Access::Write };
        let file = folder.open(&name(number), access)?;
        let mut bytes = [0; FIRST as usize];
        let filled = file.read(&mut bytes, 0)?;
        let bytes = bytes.get(..filled).unwrap_or_default();
        match SegmentHead::parse(bytes, store) {
            Ok((head, check)) if head.number == number && head.id == id => {
                Ok(Arc::new(Segment { number, id, check, file }))
            }
            Err(Fault::TooNew) => Err(too_new(file.path())),
            _ => Err(corrupt("The header of a segment is damaged", number, 0)),
        }
    }

    /// Makes a segment's file with its header, not yet synced.
    pub fn create(folder: &Folder, store: StoreId, head: SegmentHead) -> Result<Segment> {
        let file = folder.open(&name(head.number), Access::Fresh)?;
        let (bytes, check) = head.write(store);
        file.write(&bytes, 0)?;
        Ok(Segment { number: head.number, id: head.id, check, file })
    }
}

/// A frame that chains.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub offset: u64,
    pub head: Head,
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The offset behind it.
    pub fn end(&self) -> u64 {
        self.offset + frame::HEAD as u64 + u64::from(self.head.length)
    }

    pub fn steps(&self) -> Steps<'a> {
        Steps::new(self.head, self.payload)
    }

    /// The greatest offset that it states as synced.
    pub fn states(&self) -> u64 {
        if self.head.behind == frame::FAR {
            return 0;
        }
        self.offset.saturating_sub(u64::from(self.head.behind))
    }
}

/// A checked frame whose steps do not parse.
pub(super) fn unparsable(segment: u64, offset: u64) -> Error {
    corrupt("A frame's check holds but its steps do not parse", segment, offset)
}

/// Reads frames one behind the other as long as they chain.
pub(super) struct Scan {
    segment: Arc<Segment>,
    /// Where the next frame begins, and the check before it.
    pub offset: u64,
    pub check: u64,
    /// Nothing is read from here on.
    limit: u64,
    buffer: Vec<u8>,
    /// The offset of the buffer's first byte, and how much of it is filled.
    start: u64,
    filled: usize,
    step: usize,
}

/// How much is read at once.
const WINDOW: usize = 1 << 20;
const FIRST_WINDOW: usize = 4 << 10;

impl Scan {
    /// From `offset`, before which `check` stands, up to `limit` or the end of the file.
    pub fn new(segment: Arc<Segment>, from: (u64, u64), limit: u64) -> Scan {
        let (offset, check) = from;
        Scan {
            segment,
            offset,
            check,
            limit,
            buffer: Vec::new(),
            start: offset,
            filled: 0,
            step: FIRST_WINDOW,
        }
    }

    /// All of a segment.
    pub fn whole(segment: Arc<Segment>, limit: u64) -> Scan {
        let from = (FIRST, segment.check);
        Scan { step: WINDOW, ..Scan::new(segment, from, limit) }
    }

    /// The next frame that chains, or none where the chain ends. Does not go on by itself: `accept`
    /// does, so that a caller can leave a frame for later.
    pub fn peek(&mut self) -> Result<Option<Frame<'_>>> {
        if !self.have(frame::HEAD)? {
            return Ok(None);
        }
        let at = (self.offset - self.start) as usize;
        let front = self.buffer.get(at..at + frame::HEAD).unwrap_or_default();
        let Some((head, stated)) = Head::parse(front) else { return Ok(None) };
        let whole = frame::HEAD + head.length as usize;
        if self.offset + whole as u64 > self.limit || !self.have(whole)? {
            return Ok(None);
        }
        let at = (self.offset - self.start) as usize;
        let (before, offset) = (self.check, self.offset);
        let Some(bytes) = self.buffer.get_mut(at..at + whole) else { return Ok(None) };
        if frame::check(bytes, before) != stated && !sabotaged!(FrameCheck) {
            return Ok(None);
        }
        let payload = bytes.get(frame::HEAD..).unwrap_or_default();
        Ok(Some(Frame { offset, head, payload }))
    }

    /// Goes behind the frame that `peek` gave.
    pub fn accept(&mut self) {
        let at = (self.offset - self.start) as usize;
        let front = self.buffer.get(at..at + frame::HEAD).unwrap_or_default();
        if let Some((head, check)) = Head::parse(front) {
            self.offset += frame::HEAD as u64 + u64::from(head.length);
            self.check = check;
        }
    }

    /// Whether `count` bytes from the offset are in the buffer now. A length that the file does not
    /// hold is not believed, so nothing greater than the file is ever allocated.
    fn have(&mut self, count: usize) -> Result<bool> {
        let at = (self.offset - self.start) as usize;
        if self.filled >= at + count {
            return Ok(true);
        }
        if count > self.step && self.segment.file.length()? < self.offset + count as u64 {
            return Ok(false);
        }
        self.buffer.copy_within(at.min(self.filled)..self.filled, 0);
        self.filled = self.filled.saturating_sub(at);
        self.start = self.offset;
        let want = count.max(self.step);
        self.step = (self.step * 4).min(WINDOW);
        if self.buffer.len() < want {
            self.buffer.resize(want, 0);
        }
        let room = self.buffer.get_mut(self.filled..want).unwrap_or_default();
        self.filled += self.segment.file.read(room, self.start + self.filled as u64)?;
        Ok(self.filled >= count)
    }
}
