//! Which timelines hold a shared chunk.

use crate::digest;
use crate::error::{Code, Error, Result};
use crate::wire::{put_bytes, put_varint, Reader};

const MAGIC: [u8; 2] = *b"KR";
const VERSION: u8 = 1;

/// Who holds a chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holders {
    /// How many bytes it takes in the store.
    pub size: u64,
    /// The timelines, as references write them, sorted.
    pub names: Vec<String>,
}

impl Holders {
    /// Whether this timeline does.
    pub fn has(&self, name: &str) -> bool {
        self.names.binary_search_by(|other| other.as_str().cmp(name)).is_ok()
    }

    /// With this timeline.
    pub fn with(mut self, name: &str) -> Holders {
        if let Err(at) = self.names.binary_search_by(|other| other.as_str().cmp(name)) {
            self.names.insert(at, name.to_owned());
        }
        self
    }

    /// Without this timeline.
    pub fn without(mut self, name: &str) -> Holders {
        self.names.retain(|other| other != name);
        self
    }

    /// The object as bytes, for its key. The nonce makes no two writes equal.
    pub fn encode(&self, key: &str, nonce: &[u8; 8]) -> Vec<u8> {
        let mut out = vec![MAGIC[0], MAGIC[1], VERSION, 0];
        out.extend_from_slice(nonce);
        put_varint(&mut out, self.size);
        self.names.iter().for_each(|name| put_bytes(&mut out, name.as_bytes()));
        let sum = digest::crc32c_at(key, &out);
        out.extend_from_slice(&sum.to_le_bytes());
        out
    }

    /// What lies at that key.
    pub fn decode(key: &str, value: &[u8]) -> Result<Holders> {
        let mut reader = Reader::new(value, "list of a chunk's holders");
        let (magic, version, flags) = (reader.array()?, reader.u8()?, reader.u8()?);
        if magic != MAGIC {
            let message = "The key of a chunk's holders holds something else; run verify.";
            return Err(Error::new(Code::NotOurs, message));
        }
        if version != VERSION || flags != 0 {
            let message = "A chunk's holders were written by a newer version of Keepstate; update.";
            return Err(Error::new(Code::FormatTooNew, message));
        }
        let (body, sum) = value.split_at(value.len().saturating_sub(4));
        if digest::crc32c_at(key, body).to_le_bytes() != sum && !sabotaged!(ChunkSum) {
            return Err(reader.damage("its checksum does not match"));
        }
        reader.take(8)?;
        let (size, mut names) = (reader.varint()?, Vec::new());
        while reader.left() > 4 {
            names.push(reader.text()?.to_owned());
        }
        if reader.left() != 4 {
            return Err(reader.damage("its last name is cut"));
        }
        match names.is_sorted_by(|one, next| one < next) && !names.is_empty() {
            true => Ok(Holders { size, names }),
            false => Err(reader.damage("its names are out of order")),
        }
    }
}
