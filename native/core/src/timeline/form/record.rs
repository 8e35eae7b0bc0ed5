//! A timeline's values: one to 64 consecutive snapshots, as FORMAT.md 8 has them.

use bytes::Bytes;

use super::edit::Edit;
use super::extent::Extents;
pub use super::id::{Content, Id};
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::wire::{put_bytes, put_varint, Reader};

/// New bytes that were proven by their record's id.
pub type Raw = Bytes;

const MAGIC: [u8; 2] = *b"KT";
const VERSION: u8 = 1;
/// The most snapshots in one value.
pub const RECORDS_MAX: usize = 64;
/// The most values that a continued frame reaches back.
pub const BACK_MAX: u64 = 64;

const FLAG_FULL: u8 = 1;
const FLAG_SHA256: u8 = 2;
const FLAG_FENCE: u8 = 4;
const FLAG_HIDDEN: u8 = 8;
const FLAG_PARENT: u8 = 16;
const FLAGS: u8 = FLAG_FULL | FLAG_SHA256 | FLAG_FENCE | FLAG_HIDDEN | FLAG_PARENT;

/// How the new bytes of a record are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As they are.
    Plain,
    /// A zstd frame of their own.
    Zstd,
    /// What a flush gave of the frame that the record `back` snapshots earlier began.
    Continued {
        /// How far back the frame begins; 0: here.
        back: u64,
        /// crc32c of the raw new bytes of the record before; 0 where the frame begins.
        guard: u32,
    },
    /// With those of its neighbours, in the block of a pack.
    Block,
    /// In parts, some of which are chunks of their own: what is stored says which.
    Parts {
        /// How many bytes it added to the store with chunks that were not there before.
        added: u64,
    },
    /// The same in the block of a pack.
    Apart {
        /// How many bytes of the block are its own.
        length: u64,
        /// As above.
        added: u64,
    },
}

/// One snapshot as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: Id,
    /// Its parent's id; always there with a manifest, and where the record before is not.
    pub parent: Option<Id>,
    /// Takes a sequence and holds no state.
    pub fence: bool,
    /// Was taken out: only its new bytes are still needed.
    pub hidden: bool,
    /// Where its new bytes lie in the logical space.
    pub base: u64,
    /// The length of the whole state.
    pub length: u64,
    /// The metadata, encoded.
    pub meta: Bytes,
    /// How the state differs from its parent's, encoded.
    pub edit: Bytes,
    /// The whole list of extents.
    pub manifest: Option<Extents>,
    /// Of the whole state.
    pub sha256: Option<[u8; 32]>,
    /// The length of the new bytes.
    pub raw: u64,
    /// How they are stored.
    pub form: Form,
    /// The new bytes as they are stored.
    pub stored: Bytes,
    /// How many bytes the whole record takes in its value.
    pub size: usize,
    /// Is the first of its value.
    pub leads: bool,
}

/// One value of a timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// Consecutive snapshots.
    pub records: Vec<Record>,
    /// Tells the writer's own put from another's.
    pub nonce: [u8; 8],
}

impl Record {
    /// Whether there is a snapshot to be seen.
    pub fn shows(&self) -> bool {
        !self.fence && !self.hidden
    }

    /// Whether some of its new bytes may be chunks.
    pub fn is_in_parts(&self) -> bool {
        matches!(self.form, Form::Parts { .. } | Form::Apart { .. })
    }

    /// How many bytes of the block of a pack are its own.
    pub fn in_block(&self) -> u64 {
        match self.form {
            Form::Apart { length, .. } => length,
            _ => self.raw,
        }
    }

    /// How many bytes it added to the store with chunks.
    pub fn added(&self) -> u64 {
        match self.form {
            Form::Parts { added } | Form::Apart { added, .. } => added,
            _ => 0,
        }
    }

    /// How many bytes it takes in the store, with the chunks that it was the first to need.
    pub fn weight(&self) -> u64 {
        (self.size as u64).saturating_add(self.added())
    }

    /// The edit, read.
    pub fn edit(&self) -> Result<Edit> {
        let edit = Edit::decode(&self.edit, self.base)?;
        if edit.new_length() != self.raw {
            let message = "A timeline value's edit does not fit its new bytes; run verify.";
            return Err(Error::new(Code::Corrupt, message));
        }
        Ok(edit)
    }

    /// Refuses new bytes that are not those of this record's id.
    pub fn prove(&self, parent: &Id, fresh: &[u8]) -> Result<()> {
        self.prove_hash(parent, digest::blake3(fresh))
    }

    /// The same, by their BLAKE3.
    pub fn prove_hash(&self, parent: &Id, fresh: [u8; 32]) -> Result<()> {
        let content = Content {
            base: self.base,
            length: self.length,
            edit: &self.edit,
            fresh,
            meta: &self.meta,
            fence: self.fence,
        };
        if content.id(parent) == self.id {
            return Ok(());
        }
        let message =
            "A snapshot's content does not match its id; run verify, and restore a backup.";
        Err(Error::new(Code::HashMismatch, message))
    }

    /// How many bytes the record takes in its value.
    pub fn encoded_length(&self) -> usize {
        let mut out = Vec::with_capacity(self.stored.len() + self.edit.len() + 256);
        self.encode(&mut out);
        out.len()
    }

    /// The record as bytes.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.id.0);
        let full = self.manifest.as_ref();
        let flag = |set: bool, flag: u8| if set { flag } else { 0 };
        out.push(
            flag(full.is_some(), FLAG_FULL)
                | flag(self.sha256.is_some(), FLAG_SHA256)
                | flag(self.fence, FLAG_FENCE)
                | flag(self.hidden, FLAG_HIDDEN)
                | flag(full.is_none() && self.parent.is_some(), FLAG_PARENT),
        );
        if full.is_some() || self.parent.is_some() {
            out.extend_from_slice(&self.parent.unwrap_or_default().0);
        }
        put_varint(out, self.base);
        put_varint(out, self.length);
        put_bytes(out, &self.meta);
        put_bytes(out, &self.edit);
        if let Some(full) = full {
            let mut manifest = Vec::new();
            full.encode(&mut manifest);
            put_bytes(out, &manifest);
        }
        if let Some(sha256) = &self.sha256 {
            out.extend_from_slice(sha256);
        }
        put_varint(out, self.raw);
        match self.form {
            Form::Plain => out.push(0),
            Form::Zstd => out.push(1),
            Form::Continued { back, guard } => {
                out.push(2);
                put_varint(out, back);
                out.extend_from_slice(&guard.to_le_bytes());
            }
            Form::Block => out.push(3),
            Form::Parts { added } => {
                out.push(4);
                put_varint(out, added);
            }
            Form::Apart { length, added } => {
                out.push(5);
                put_varint(out, length);
                put_varint(out, added);
            }
        }
        put_bytes(out, &self.stored);
    }

    /// The record in a part of these bytes, which it shares.
    pub fn decode(value: &Bytes, part: &[u8]) -> Result<Record> {
        let mut reader = Reader::new(part, "timeline record");
        let id = Id(reader.array()?);
        let flags = reader.u8()?;
        if flags & !FLAGS != 0 {
            return Err(too_new());
        }
        let (full, parented) = (flags & FLAG_FULL != 0, flags & FLAG_PARENT != 0);
        let (fence, hidden) = (flags & FLAG_FENCE != 0, flags & FLAG_HIDDEN != 0);
        if full && (parented || fence) || fence && (hidden || !parented) {
            return Err(reader.damage("its flags contradict each other"));
        }
        let parent = if full || parented { Some(Id(reader.array()?)) } else { None };
        let base = reader.varint()?;
        let length = reader.varint()?;
        let meta = value.slice_ref(reader.bytes()?);
        let edit = value.slice_ref(reader.bytes()?);
        let manifest = if full { Some(reader.bytes()?) } else { None };
        let sha256 = if flags & FLAG_SHA256 != 0 { Some(reader.array()?) } else { None };
        let raw = reader.varint()?;
        let end = base.checked_add(raw).filter(|end| *end < 1 << 62);
        let Some(end) = end else { return Err(reader.damage("a length is impossible")) };
        let manifest = manifest.map(|bytes| decode_manifest(bytes, end, length)).transpose()?;
        let form = Form::decode(&mut reader)?;
        let stored = value.slice_ref(reader.bytes()?);
        reader.end()?;
        if form == Form::Plain && stored.len() as u64 != raw {
            return Err(reader.damage("its bytes are too few or too many"));
        }
        Ok(Record {
            id,
            parent,
            fence,
            hidden,
            base,
            length,
            meta,
            edit,
            manifest,
            sha256,
            raw,
            form,
            stored,
            size: part.len(),
            leads: false,
        })
    }
}

impl Form {
    /// How many snapshots before this one its frame begins.
    pub fn back(&self) -> u64 {
        match self {
            Form::Continued { back, .. } => *back,
            _ => 0,
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Form> {
        match reader.u8()? {
            0 => Ok(Form::Plain),
            1 => Ok(Form::Zstd),
            2 => {
                let (back, guard) = (reader.varint()?, reader.u32()?);
                if back > BACK_MAX {
                    return Err(reader.damage("its frame begins too far back"));
                }
                Ok(Form::Continued { back, guard })
            }
            3 => Ok(Form::Block),
            4 => Ok(Form::Parts { added: reader.varint()? }),
            5 => Ok(Form::Apart { length: reader.varint()?, added: reader.varint()? }),
            _ => Err(too_new()),
        }
    }
}

fn decode_manifest(bytes: &[u8], limit: u64, length: u64) -> Result<Extents> {
    let mut reader = Reader::new(bytes, "timeline manifest");
    let extents = Extents::decode(&mut reader, limit)?;
    reader.end()?;
    match extents.length() == length {
        true => Ok(extents),
        false => Err(reader.damage("its extents are not as long as the state")),
    }
}

fn too_new() -> Error {
    let message =
        "A timeline value was written by a newer version of Keepstate; update to read it.";
    Error::new(Code::FormatTooNew, message)
}

impl Value {
    /// The value as bytes, for its key.
    pub fn encode(&self, key: &str) -> Vec<u8> {
        let size: usize = self.records.iter().map(|r| r.stored.len() + r.edit.len() + 256).sum();
        let mut out = Vec::with_capacity(size + 32);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, 0]);
        put_varint(&mut out, self.records.len() as u64);
        let mut part = Vec::with_capacity(size);
        for record in &self.records {
            part.clear();
            record.encode(&mut part);
            put_bytes(&mut out, &part);
        }
        out.extend_from_slice(&self.nonce);
        out.extend_from_slice(&digest::crc32c_at(key, &out).to_le_bytes());
        out
    }

    /// The value in the bytes at a key. The records share them.
    pub fn decode(key: &str, bytes: &Bytes) -> Result<Value> {
        let mut reader = Reader::new(bytes, "timeline value");
        if reader.array::<2>()? != MAGIC {
            let message = "A timeline's key holds something that is not a timeline value.";
            return Err(Error::new(Code::NotOurs, message));
        }
        let (version, flags) = (reader.u8()?, reader.u8()?);
        if version > VERSION || flags != 0 {
            return Err(too_new());
        }
        if reader.left() < 4 || version == 0 {
            return Err(reader.damage("it ends too early"));
        }
        let (body, sum) = bytes.split_at(bytes.len() - 4);
        if digest::crc32c_at(key, body).to_le_bytes() != sum && !sabotaged!(TimelineSum) {
            return Err(reader.damage("its checksum does not match"));
        }
        let count = reader.length()?;
        if count == 0 || count > RECORDS_MAX {
            return Err(reader.damage("it holds an impossible number of snapshots"));
        }
        let mut records = Vec::with_capacity(count);
        for at in 0..count {
            let record = Record { leads: at == 0, ..Record::decode(bytes, reader.bytes()?)? };
            if matches!(record.form, Form::Block | Form::Apart { .. }) || record.hidden {
                return Err(reader.damage("a record belongs into a pack"));
            }
            records.push(record);
        }
        let nonce = reader.array()?;
        reader.take(4)?;
        reader.end()?;
        Ok(Value { records, nonce })
    }
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
