//! The chunks that a timeline's file carries: each comes once, before the first pack that needs it,
//! and a window of them at a time, so that no record in parts is ever held whole.

use std::collections::HashSet;
use std::mem;

use bytes::Bytes;
use parking_lot::Mutex;

use super::export::{kind, section, Cursor, Part};
use crate::error::Result;
use crate::timeline::form::name::Name;
use crate::timeline::form::parts::{self, Chunk, CHUNK_MAX, WINDOW};
use crate::timeline::operation::run::Run;
use crate::timeline::read::fetch::{self, Fresh};
use crate::timeline::read::parted::{self, Parted};
use crate::wire::{put_bytes, put_varint, Reader};

/// Which chunks are told already, for whoever goes on at a cursor. Whoever goes on elsewhere tells
/// some again, and no harm is done.
#[derive(Default)]
pub struct Told(Mutex<Option<(Cursor, HashSet<[u8; 32]>)>>);

impl Told {
    /// What was told before this place, as far as it is known.
    pub fn recall(&self, at: &Cursor) -> HashSet<[u8; 32]> {
        let told = self.0.lock().take();
        told.filter(|(next, _)| next == at).map_or_else(HashSet::new, |(_, hashes)| hashes)
    }

    /// All of these were told before that place.
    pub fn note(&self, next: Option<Cursor>, hashes: HashSet<[u8; 32]>) {
        *self.0.lock() = next.map(|next| (next, hashes));
    }
}

/// Chunks that come before a pack.
pub struct Load {
    told: HashSet<[u8; 32]>,
    wanted: Vec<(Name, Chunk, u64)>,
    bytes: u64,
}

impl Load {
    /// An empty one.
    pub fn new(told: HashSet<[u8; 32]>) -> Load {
        Load { told, wanted: Vec::new(), bytes: 0 }
    }

    /// Adds a chunk that was not told yet.
    fn add(&mut self, home: &Name, (chunk, length): (Chunk, u64)) {
        if self.told.insert(chunk.hash) {
            self.wanted.push((home.clone(), chunk, length));
            self.bytes += length;
        }
    }

    /// Adds all that a record needs. False: it is too much beside the rest.
    pub fn take(&mut self, parted: &Parted) -> bool {
        let new = |(chunk, _): &(Chunk, u64)| !self.told.contains(&chunk.hash);
        let more: u64 = parted.parts.pieces().filter(new).map(|(_, length)| length).sum();
        let fits = self.bytes + more <= WINDOW;
        if fits {
            parted.parts.pieces().for_each(|piece| self.add(&parted.home, piece));
        }
        fits
    }

    /// Appends the section, if there is anything in it, and gives what is told now.
    pub async fn tell(self, run: &Run, out: &mut Vec<u8>) -> Result<HashSet<[u8; 32]>> {
        let mut content = Vec::new();
        for ((home, chunk, length), stored) in
            self.wanted.iter().zip(parted::stored(run, &self.wanted).await?)
        {
            parted::open(&stored, (home, chunk, *length))?;
            put_varint(&mut content, *length);
            put_bytes(&mut content, &stored);
        }
        if !content.is_empty() {
            section(out, kind::CHUNKS, &content);
        }
        Ok(self.told)
    }
}

/// The next chunks of the snapshot that comes next, if it is in parts; none: all are told.
pub async fn window(run: &Run, at: &Cursor, told: &mut HashSet<[u8; 32]>) -> Result<Option<Part>> {
    let record = fetch::record(run, at.sequence).await?;
    if record.is_none_or(|record| !record.is_in_parts()) {
        return Ok(None);
    }
    let fresh = fetch::fresh(run, at.sequence..=at.sequence).await?.remove(&at.sequence);
    let Some(Fresh::Parted(parted)) = fresh else { return Ok(None) };
    let (mut load, mut chunk) = (Load::new(mem::take(told)), at.chunk);
    for piece in parted.parts.pieces().skip(usize::try_from(at.chunk).unwrap_or(usize::MAX)) {
        load.add(&parted.home, piece);
        chunk += 1;
        if load.bytes >= WINDOW {
            break;
        }
    }
    let mut out = Vec::new();
    *told = load.tell(run, &mut out).await?;
    let next = Some(Cursor { chunk, ..*at });
    Ok((!out.is_empty()).then(|| Part { bytes: out.into(), next }))
}

/// The chunks of a section.
pub fn pieces(content: &Bytes) -> Result<Vec<Bytes>> {
    let mut reader = Reader::new(content, "timeline file");
    let mut pieces = Vec::new();
    while reader.left() > 0 {
        let length = reader.varint()?;
        if length == 0 || length > CHUNK_MAX {
            return Err(reader.damage("a chunk's length is impossible"));
        }
        pieces.push(parts::unpack(&content.slice_ref(reader.bytes()?), length)?);
    }
    Ok(pieces)
}
