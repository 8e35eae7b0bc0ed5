//! Frames: how commits lie in a segment (FORMAT.md 4).
//!
//! The check of a frame covers the check of the one before it. So while a frame is built or checked
//! its first 36 bytes hold the earlier check and the header's 28 bytes in a row with the payload,
//! and one pass over one slice gives the sum.

use super::reader::Reader;
use super::{digest32, digest64};
use crate::wire::{put_bytes, put_varint};

/// Bytes before the payload.
pub(super) const HEAD: usize = 36;
const COVERED: usize = 28;
const MAGIC: [u8; 2] = *b"KF";

/// `behind` of a frame that is farther than can be said from what was synced.
pub(super) const FAR: u32 = u32::MAX;

const PUT: u8 = 1;
const DELETE: u8 = 2;
const EXPIRES: u8 = 0x10;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Commit = 1,
    Moved = 2,
    End = 3,
    Mark = 4,
}

/// A frame's header without magic and check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub kind: Kind,
    pub length: u32,
    pub commit: u64,
    pub time: u64,
    pub steps: u16,
    pub behind: u32,
}

impl Head {
    /// What the bytes say, if they can be a header at all, and the check that they state.
    pub fn parse(bytes: &[u8]) -> Option<(Head, u64)> {
        let mut reader = Reader::new(bytes);
        if reader.array::<2>()? != MAGIC {
            return None;
        }
        let kind = match reader.u8()? {
            1 => Kind::Commit,
            2 => Kind::Moved,
            3 => Kind::End,
            4 => Kind::Mark,
            _ => return None,
        };
        if reader.u8()? != 0 {
            return None;
        }
        let head = Head {
            kind,
            length: reader.u32()?,
            commit: reader.u64()?,
            time: reader.u48()?,
            steps: reader.u16()?,
            behind: reader.u32()?,
        };
        Some((head, reader.u64()?))
    }

    fn write(&self) -> [u8; COVERED] {
        let mut bytes = [0; COVERED];
        let mut at = 0;
        let mut put = |part: &[u8]| {
            if let Some(place) = bytes.get_mut(at..at + part.len()) {
                place.copy_from_slice(part);
            }
            at += part.len();
        };
        put(&MAGIC);
        put(&[self.kind as u8, 0]);
        put(&self.length.to_le_bytes());
        put(&self.commit.to_le_bytes());
        put(self.time.to_le_bytes().get(..6).unwrap_or_default());
        put(&self.steps.to_le_bytes());
        put(&self.behind.to_le_bytes());
        bytes
    }
}

/// How far behind `synced` an offset lies, as a header says it.
pub(super) fn behind(offset: u64, synced: u64) -> u32 {
    u32::try_from(offset.saturating_sub(synced)).unwrap_or(FAR)
}

/// Opens a frame at the end of the buffer and returns where it begins.
pub(super) fn begin(buffer: &mut Vec<u8>) -> usize {
    let start = buffer.len();
    buffer.resize(start + HEAD, 0);
    start
}

/// Closes the frame that begins at `start`; `head.length` is set here. Returns its check.
pub(super) fn seal(buffer: &mut [u8], start: usize, head: (Head, u64)) -> (Head, u64) {
    let (mut head, before) = head;
    let Some(frame) = buffer.get_mut(start..) else { return (head, 0) };
    head.length = frame.len().saturating_sub(HEAD) as u32;
    let covered = head.write();
    let check = with_front(frame, before, &covered);
    if let Some((front, _)) = frame.split_at_mut_checked(HEAD) {
        let (first, last) = front.split_at_mut(COVERED);
        first.copy_from_slice(&covered);
        last.copy_from_slice(&check.to_le_bytes());
    }
    (head, check)
}

/// The check that this whole frame must have behind `before`. Changes nothing in the end.
pub(super) fn check(frame: &mut [u8], before: u64) -> u64 {
    let Some(front) = frame.first_chunk::<HEAD>().copied() else { return 0 };
    let (covered, _) = front.split_at(COVERED);
    let check = with_front(frame, before, covered);
    if let Some(first) = frame.first_chunk_mut::<HEAD>() {
        *first = front;
    }
    check
}

fn with_front(frame: &mut [u8], before: u64, covered: &[u8]) -> u64 {
    if let Some((front, _)) = frame.split_at_mut_checked(HEAD) {
        let (first, rest) = front.split_at_mut(8);
        first.copy_from_slice(&before.to_le_bytes());
        rest.copy_from_slice(covered);
    }
    digest64(frame)
}

/// A value to be put.
#[derive(Debug, Clone, Copy)]
pub(super) struct PutStep<'a> {
    pub key: &'a [u8],
    pub value: &'a [u8],
    /// 0: never.
    pub expires: u64,
}

/// Appends a put; returns where its value begins in the buffer, and the value's crc32c.
pub(super) fn put(buffer: &mut Vec<u8>, step: PutStep<'_>) -> (usize, u32) {
    buffer.push(if step.expires == 0 { PUT } else { PUT | EXPIRES });
    put_bytes(buffer, step.key);
    if step.expires != 0 {
        put_varint(buffer, step.expires);
    }
    put_varint(buffer, step.value.len() as u64);
    let at = buffer.len();
    buffer.extend_from_slice(step.value);
    let crc = digest32(step.value);
    buffer.extend_from_slice(&crc.to_le_bytes());
    (at, crc)
}

/// Appends a delete.
pub(super) fn delete(buffer: &mut Vec<u8>, key: &[u8]) {
    buffer.push(DELETE);
    put_bytes(buffer, key);
}

/// Appends what stands before each step of a moved frame.
pub(super) fn origin(buffer: &mut Vec<u8>, commit: u64, time: u64) {
    put_varint(buffer, commit);
    put_varint(buffer, time);
}

/// About how many bytes a put takes in a moved frame: what a live entry costs at least.
pub(super) fn weight(key: usize, value: u64) -> u64 {
    key as u64 + value + 20
}

/// About how many bytes a delete takes, and one that an expired value becomes.
pub(super) fn delete_weight(key: usize) -> u64 {
    key as u64 + 15
}

/// One step as it was read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step<'a> {
    pub key: &'a [u8],
    pub commit: u64,
    pub time: u64,
    /// None: a delete.
    pub put: Option<Put<'a>>,
}

/// The value of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Put<'a> {
    pub value: &'a [u8],
    /// Where it begins in the payload.
    pub at: usize,
    pub crc: u32,
    /// 0: never.
    pub expires: u64,
}

/// The steps of a payload. An item of `None` means that it does not parse.
pub(super) struct Steps<'a> {
    reader: Reader<'a>,
    head: Head,
    left: u16,
}

impl<'a> Steps<'a> {
    pub fn new(head: Head, payload: &'a [u8]) -> Self {
        let left = if matches!(head.kind, Kind::Commit | Kind::Moved) { head.steps } else { 0 };
        Steps { reader: Reader::new(payload), head, left }
    }

    fn step(&mut self) -> Option<Step<'a>> {
        let reader = &mut self.reader;
        let (commit, time) = match self.head.kind {
            Kind::Moved => (reader.varint()?, reader.varint()?),
            _ => (self.head.commit, self.head.time),
        };
        let tag = reader.u8()?;
        let key = reader.bytes()?;
        std::str::from_utf8(key).ok()?;
        let put = match tag {
            DELETE => None,
            PUT => Some(value(reader, 0)?),
            tag if tag == PUT | EXPIRES => {
                let expires = reader.varint().filter(|expires| *expires != 0)?;
                Some(value(reader, expires)?)
            }
            _ => return None,
        };
        Some(Step { key, commit, time, put })
    }
}

fn value<'a>(reader: &mut Reader<'a>, expires: u64) -> Option<Put<'a>> {
    let value = reader.bytes()?;
    let at = reader.at() - value.len();
    let crc = reader.u32()?;
    Some(Put { value, at, crc, expires })
}

impl<'a> Iterator for Steps<'a> {
    type Item = Option<Step<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            let whole = self.reader.is_empty() || self.head.kind == Kind::End;
            // Said once: whoever goes on must come to an end.
            self.reader = Reader::new(&[]);
            return if whole { None } else { Some(None) };
        }
        self.left -= 1;
        let step = self.step();
        if step.is_none() {
            self.left = 0;
            self.reader = Reader::new(&[]);
        }
        Some(step)
    }
}
