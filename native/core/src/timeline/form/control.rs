//! The control object: the little of a timeline that changes, by compare-and-set only.

use std::collections::HashMap;

use bytes::Bytes;

use super::sections::{Claim, Debt, Floor, Lease, Origin, Packed, Pin, Section, Tag};
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
const PACKS: u8 = 8;
const LOOSE: u8 = 9;
const DEBT: u8 = 10;
const CUTS: u8 = 11;
const CLAIMS: u8 = 12;
const USES: u8 = 13;
/// Sections from here on may be ignored, and must be kept.
const IGNORABLE: u8 = 128;

/// What a control object says. Its default is what an absent one means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// New at each write, so that no two writes are equal bytes.
    pub nonce: [u8; 16],
    /// Below this nothing is shown.
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
    /// Runs of snapshots that lie together, in rising order.
    pub packs: Vec<Packed>,
    /// From here on snapshots have values of their own.
    pub loose: u64,
    /// What is to be removed.
    pub debt: Vec<Debt>,
    /// Grows whenever snapshots are taken out: what was remembered of them counts no more.
    pub cuts: u64,
    /// Saves under way that store chunks.
    pub claims: Vec<Claim>,
    /// How many there were so far; 0: there are no chunks.
    pub uses: u64,
    /// Sections of a later version.
    pub unknown: Vec<(u8, Bytes)>,
}

impl Default for Control {
    fn default() -> Self {
        Control {
            nonce: [0; 16],
            floor: Floor::default(),
            hint: 0,
            tags: Vec::new(),
            pins: Vec::new(),
            lease: None,
            origin: None,
            packs: Vec::new(),
            loose: 1,
            debt: Vec::new(),
            cuts: 0,
            claims: Vec::new(),
            uses: 0,
            unknown: Vec::new(),
        }
    }
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
    /// The tags of a snapshot, in order.
    pub fn names_of(&self, sequence: u64) -> Vec<String> {
        let of = self.tags.iter().filter(|tag| tag.sequence == sequence);
        of.map(|tag| tag.name.clone()).collect()
    }

    /// The tags of every snapshot that has any, each in order.
    pub fn names(&self) -> HashMap<u64, Vec<String>> {
        let mut all = HashMap::<u64, Vec<String>>::new();
        for tag in &self.tags {
            all.entry(tag.sequence).or_default().push(tag.name.clone());
        }
        all
    }

    /// The object as bytes, for its key.
    pub fn encode(&self, key: &str) -> Vec<u8> {
        let mut out = vec![MAGIC[0], MAGIC[1], VERSION, 0];
        put_section(&mut out, NONCE, |s| s.extend_from_slice(&self.nonce));
        if self.floor != Floor::default() {
            put_section(&mut out, FLOOR, |s| self.floor.encode(s));
        }
        put_number(&mut out, HINT, (self.hint, 0));
        put_list(&mut out, TAGS, &self.tags);
        put_list(&mut out, PINS, &self.pins);
        put_list(&mut out, LEASE, self.lease.as_slice());
        put_list(&mut out, ORIGIN, self.origin.as_slice());
        put_list(&mut out, PACKS, &self.packs);
        put_number(&mut out, LOOSE, (self.loose, 1));
        put_list(&mut out, DEBT, &self.debt);
        put_number(&mut out, CUTS, (self.cuts, 0));
        put_list(&mut out, CLAIMS, &self.claims);
        put_number(&mut out, USES, (self.uses, 0));
        for (tag, bytes) in &self.unknown {
            out.push(*tag);
            put_bytes(&mut out, bytes);
        }
        let sum = digest::crc32c_at(key, &out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// The object in the bytes at a key.
    pub fn decode(key: &str, bytes: &Bytes) -> Result<Control> {
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
        if digest::crc32c_at(key, body).to_le_bytes() != sum {
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
            FLOOR => self.floor = Floor::decode(&mut reader)?,
            HINT => self.hint = reader.varint()?,
            TAGS => self.tags = list(&mut reader)?,
            PINS => self.pins = list(&mut reader)?,
            LEASE => self.lease = Some(Lease::decode(&mut reader)?),
            ORIGIN => self.origin = Some(Origin::decode(&mut reader)?),
            PACKS => {
                self.packs = list(&mut reader)?;
                if !self.packs.is_sorted_by(|a, b| a.last < b.first && a.end <= b.base) {
                    return Err(reader.damage("its packs are out of order"));
                }
            }
            LOOSE => self.loose = reader.varint()?,
            DEBT => self.debt = list(&mut reader)?,
            CUTS => self.cuts = reader.varint()?,
            CLAIMS => self.claims = list(&mut reader)?,
            USES => self.uses = reader.varint()?,
            IGNORABLE.. => {
                self.unknown.push((tag, section.clone()));
                return Ok(());
            }
            _ => return Err(too_new()),
        }
        reader.end()
    }
}

fn list<T: Section>(reader: &mut Reader<'_>) -> Result<Vec<T>> {
    let mut list = Vec::new();
    while reader.left() > 0 {
        list.push(T::decode(reader)?);
    }
    Ok(list)
}

fn put_list<T: Section>(out: &mut Vec<u8>, tag: u8, list: &[T]) {
    if !list.is_empty() {
        put_section(out, tag, |section| list.iter().for_each(|one| one.encode(section)));
    }
}

fn put_number(out: &mut Vec<u8>, tag: u8, (number, default): (u64, u64)) {
    if number != default {
        put_section(out, tag, |section| put_varint(section, number));
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
