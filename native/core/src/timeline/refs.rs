//! Which timelines hold a shared chunk: an object beside it, changed only together with it, in one
//! batch with conditions.

use super::parts::Chunk;
use super::Run;
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::hex;
use crate::store::Version;
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

/// The key of a chunk's holders.
pub fn key(chunk: &Chunk) -> String {
    format!("chunk/{}/refs", hex::encode(&chunk.hash))
}

/// A nonce for the holders that one batch writes.
pub async fn nonce(run: &Run) -> Result<[u8; 8]> {
    let mut nonce = [0; 8];
    nonce.copy_from_slice(&run.ask.random(8).await?);
    Ok(nonce)
}

/// The holders of chunks, and the versions that say so.
pub async fn read(run: &Run, chunks: &[Chunk]) -> Result<Vec<Option<(Holders, Version)>>> {
    let keys: Vec<String> = chunks.iter().map(key).collect();
    let found = run.ask.get_all(keys.clone()).await?;
    let mut holders = Vec::with_capacity(found.len());
    for (key, found) in keys.into_iter().zip(found) {
        holders.push(match found {
            Some(found) => {
                let held = Holders::decode(&key, &found.value);
                let held = held.map_err(|error| error.at(|at| at.key = Some(key)))?;
                Some((held, found.version))
            }
            None => None,
        });
    }
    Ok(holders)
}
