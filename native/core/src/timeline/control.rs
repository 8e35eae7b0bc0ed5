//! The control object: the little of a timeline that changes, by compare-and-set only.

use bytes::Bytes;

use super::record::Id;
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::store::Version;
use crate::wire::{put_bytes, put_varint, Reader};

const MAGIC: [u8; 2] = *b"KC";
const VERSION: u8 = 1;

const NONCE: u8 = 1;
const FLOOR: u8 = 2;
const HINT: u8 = 3;
const TAGS: u8 = 4;
const PINS: u8 = 5;
const LEASE: u8 = 6;
const ORIGIN: u8 = 7;
/// Sections from here on may be ignored, and must be kept.
const IGNORABLE: u8 = 128;

/// Below this nothing exists any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Floor {
    /// The first sequence that may exist.
    pub sequence: u64,
    /// The id of the last snapshot below.
    pub parent: Id,
    /// Where the new bytes of the first one begin: logical offsets never return.
    pub base: u64,
}

impl Default for Floor {
    fn default() -> Self {
        Floor { sequence: 1, parent: Id::default(), base: 0 }
    }
}

/// A name for a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// The name.
    pub name: String,
    /// The snapshot.
    pub sequence: u64,
    /// Its id.
    pub id: Id,
}

/// A fork that needs this history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The fork, as `agent/session` with `%` and `/` escaped in each.
    pub timeline: String,
    /// The snapshot that it began from.
    pub sequence: u64,
}

/// Who may write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The holder.
    pub holder: [u8; 16],
    /// Grows with each take-over.
    pub epoch: u64,
    /// Until when, in milliseconds since 1970.
    pub until: u64,
}

/// Where a fork began.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The timeline that it was forked from.
    pub timeline: String,
    /// The snapshot.
    pub sequence: u64,
    /// Its id.
    pub id: Id,
    /// Where the fork's own logical space begins.
    pub base: u64,
}

/// What a control object says. Its default is what an absent one means.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Control {
    /// New at each write, so that no two writes are equal bytes.
    pub nonce: [u8; 16],
    /// Below this nothing exists.
    pub floor: Floor,
    /// A recent latest; 0: none known.
    pub hint: u64,
    /// Sorted by name.
    pub tags: Vec<Tag>,
    /// Forks.
    pub pins: Vec<Pin>,
    /// Who may write.
    pub lease: Option<Lease>,
    /// Where this timeline began, if it is a fork.
    pub origin: Option<Origin>,
    /// Sections of a later version.
    pub unknown: Vec<(u8, Bytes)>,
}

/// A control object as it was read: what it says, and its version if it is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Held {
    /// What it says.
    pub control: Control,
    /// None: it is absent.
    pub version: Option<Version>,
}

impl Control {
    /// The object as bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![MAGIC[0], MAGIC[1], VERSION, 0];
        put_section(&mut out, NONCE, |s| s.extend_from_slice(&self.nonce));
        if self.floor != Floor::default() {
            put_section(&mut out, FLOOR, |s| {
                put_varint(s, self.floor.sequence);
                s.extend_from_slice(&self.floor.parent.0);
                put_varint(s, self.floor.base);
            });
        }
        if self.hint > 0 {
            put_section(&mut out, HINT, |s| put_varint(s, self.hint));
        }
        if !self.tags.is_empty() {
            put_section(&mut out, TAGS, |s| self.tags.iter().for_each(|tag| tag.encode(s)));
        }
        if !self.pins.is_empty() {
            put_section(&mut out, PINS, |s| {
                for pin in &self.pins {
                    put_bytes(s, pin.timeline.as_bytes());
                    put_varint(s, pin.sequence);
                }
            });
        }
        if let Some(lease) = &self.lease {
            put_section(&mut out, LEASE, |s| {
                s.extend_from_slice(&lease.holder);
                put_varint(s, lease.epoch);
                put_varint(s, lease.until);
            });
        }
        if let Some(origin) = &self.origin {
            put_section(&mut out, ORIGIN, |s| origin.encode(s));
        }
        for (tag, bytes) in &self.unknown {
            out.push(*tag);
            put_bytes(&mut out, bytes);
        }
        let sum = digest::crc32c(&out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// The object in these bytes.
    pub fn decode(bytes: &Bytes) -> Result<Control> {
        let mut reader = Reader::new(bytes, "timeline's control object");
        if reader.array::<2>()? != MAGIC {
            let message = "A timeline's control key holds something else.";
            return Err(Error::new(Code::NotOurs, message));
        }
        if reader.u8()? > VERSION || reader.u8()? != 0 {
            return Err(too_new());
        }
        if reader.left() < 4 {
            return Err(reader.damage("it ends too early"));
        }
        let (body, sum) = bytes.split_at(bytes.len() - 4);
        if digest::crc32c(body).to_le_bytes() != sum {
            return Err(reader.damage("its checksum does not match"));
        }
        let mut control = Control::default();
        let mut before = 0;
        while reader.left() > 4 {
            let tag = reader.u8()?;
            if tag <= before {
                return Err(reader.damage("its sections are out of order"));
            }
            before = tag;
            control.take(tag, bytes.slice_ref(reader.bytes()?))?;
        }
        reader.take(4)?;
        Ok(control)
    }

    fn take(&mut self, tag: u8, section: Bytes) -> Result<()> {
        let mut reader = Reader::new(&section, "timeline's control object");
        match tag {
            NONCE => self.nonce = reader.array()?,
            FLOOR => {
                let (sequence, parent) = (reader.varint()?, Id(reader.array()?));
                self.floor = Floor { sequence, parent, base: reader.varint()? };
            }
            HINT => self.hint = reader.varint()?,
            TAGS => {
                while reader.left() > 0 {
                    self.tags.push(Tag::decode(&mut reader)?);
                }
            }
            PINS => {
                while reader.left() > 0 {
                    let timeline = reader.text()?.to_owned();
                    self.pins.push(Pin { timeline, sequence: reader.varint()? });
                }
            }
            LEASE => {
                let (holder, epoch) = (reader.array()?, reader.varint()?);
                self.lease = Some(Lease { holder, epoch, until: reader.varint()? });
            }
            ORIGIN => self.origin = Some(Origin::decode(&mut reader)?),
            IGNORABLE.. => {
                self.unknown.push((tag, section.clone()));
                return Ok(());
            }
            _ => return Err(too_new()),
        }
        reader.end()
    }
}

impl Tag {
    fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.name.as_bytes());
        put_varint(out, self.sequence);
        out.extend_from_slice(&self.id.0);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Tag> {
        let name = reader.text()?.to_owned();
        Ok(Tag { name, sequence: reader.varint()?, id: Id(reader.array()?) })
    }
}

impl Origin {
    fn encode(&self, out: &mut Vec<u8>) {
        put_bytes(out, self.timeline.as_bytes());
        put_varint(out, self.sequence);
        out.extend_from_slice(&self.id.0);
        put_varint(out, self.base);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Origin> {
        let timeline = reader.text()?.to_owned();
        let (sequence, id) = (reader.varint()?, Id(reader.array()?));
        Ok(Origin { timeline, sequence, id, base: reader.varint()? })
    }
}

fn put_section(out: &mut Vec<u8>, tag: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut section = Vec::new();
    fill(&mut section);
    out.push(tag);
    put_bytes(out, &section);
}

fn too_new() -> Error {
    let message =
        "A timeline's control object was written by a newer version of Keepstate; update.";
    Error::new(Code::FormatTooNew, message)
}
