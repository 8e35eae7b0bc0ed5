//! Records whose new bytes lie in parts: reading them, each chunk proven by its hash.

use bytes::Bytes;

use crate::digest::{self, Digest, Hasher};
use crate::error::{Code, Error, Result};
use crate::hex;
use crate::machine::Request;
use crate::timeline::form::name::Name;
use crate::timeline::form::parts::{self, Chunk, Part, Parts, WINDOW};
use crate::timeline::form::record::Raw;
use crate::timeline::form::record::{Id, Record};
use crate::timeline::operation::run::Run;

/// The new bytes of a record that is in parts, not proven yet.
#[derive(Debug)]
pub struct Parted {
    /// The number of its snapshot.
    pub sequence: u64,
    /// The record.
    pub record: Record,
    /// The id of the snapshot before.
    pub parent: Id,
    /// Whose chunks they are.
    pub home: Name,
    /// Where the bytes lie.
    pub parts: Parts,
}

/// A chunk that is to be read: whose, which, and how long it is.
pub type Wanted = (Name, Chunk, u64);

/// Reads chunks as they are stored, all at once.
pub async fn stored(run: &Run, wanted: &[Wanted]) -> Result<Vec<Bytes>> {
    let get = |(home, chunk, _): &Wanted| Request::Get { key: home.chunk(chunk), range: None };
    let found = run.ask_all(wanted.iter().map(get).collect()).await?;
    let mut values = Vec::with_capacity(found.len());
    for ((home, chunk, _), found) in wanted.iter().zip(found) {
        let place = |error: Error| error.at(|at| at.key = Some(home.chunk(chunk)));
        let Some(found) = found else { return Err(place(missing(run, home, chunk))) };
        values.push(found.value);
    }
    Ok(values)
}

/// The bytes of a chunk. They are not proven yet.
fn unpacked(stored: &Bytes, (home, chunk, length): (&Name, &Chunk, u64)) -> Result<Bytes> {
    let place = |error: Error| error.at(|at| at.key = Some(home.chunk(chunk)));
    parts::unpack(stored, length).map_err(place)
}

/// The bytes of a chunk, proven.
pub fn open(stored: &Bytes, of: (&Name, &Chunk, u64)) -> Result<Bytes> {
    let bytes = unpacked(stored, of)?;
    match is_right(of.1, &bytes) {
        true => Ok(bytes),
        false => Err(wrong(of.0, of.1)),
    }
}

fn is_right(chunk: &Chunk, bytes: &[u8]) -> bool {
    digest::blake3(bytes) == chunk.hash || sabotaged!(ChunkHash)
}

fn wrong(home: &Name, chunk: &Chunk) -> Error {
    let message = "A chunk is not what its hash says; run verify, and restore a backup.";
    Error::new(Code::HashMismatch, message).at(|at| {
        at.key = Some(home.chunk(chunk));
        at.timeline = Some(home.to_string());
    })
}

/// Reads chunks, all at once. They are not proven yet.
async fn read(run: &Run, wanted: &[Wanted]) -> Result<Vec<Bytes>> {
    let found = stored(run, wanted).await?;
    let both = wanted.iter().zip(found);
    both.map(|((home, chunk, length), value)| unpacked(&value, (home, chunk, *length))).collect()
}

/// A hash of all that is read.
type Sum<'a> = Option<&'a mut Hasher>;

/// The place of the first chunk that is not what its hash says.
fn first_wrong(wanted: &[Wanted], chunks: &[Bytes]) -> Option<usize> {
    let mut both = wanted.iter().zip(chunks);
    both.position(|((_, chunk, _), bytes)| !is_right(chunk, bytes))
}

fn missing(run: &Run, home: &Name, chunk: &Chunk) -> Error {
    // What needs it may have been taken out meanwhile.
    let _ = run.moved(home.chunk(chunk));
    let hash = hex::encode(&chunk.hash);
    let message = format!(
        "The chunk {hash} is missing, although {} needs it; restore the store from a backup.",
        run.shared.name
    );
    Error::new(Code::Corrupt, message)
}

/// Where a reader of parts stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    part: usize,
    /// Where that part begins in the record's new bytes.
    at: u64,
    /// Where it begins in what the record holds itself.
    inline: u64,
}

impl Parted {
    /// Reads on from a place in the new bytes to the end of a part, about `window` bytes further,
    /// and adds what it has read to a sum.
    pub async fn next(
        &self,
        run: &Run,
        (cursor, skip, window): (&mut Cursor, u64, u64),
        sum: Sum<'_>,
    ) -> Result<Vec<Bytes>> {
        let (mut wanted, mut slots) = (Vec::new(), Vec::new());
        let mut taken = 0;
        while let Some(part) = self.parts.list.get(cursor.part).filter(|_| taken < window) {
            if cursor.at + part.length > skip {
                let cut = skip.saturating_sub(cursor.at);
                taken += part.length - cut;
                slots.push((self.slot(part, cursor), cut));
                wanted.extend(part.chunk.map(|chunk| (self.home.clone(), chunk, part.length)));
            }
            cursor.pass(part);
        }
        let chunks = read(run, &wanted).await.map_err(|e| self.placed(e))?;
        let mut next = chunks.iter().cloned();
        let slots = slots.into_iter().filter_map(|(slot, cut)| {
            let bytes = slot.or_else(|| next.next())?;
            Some(bytes.slice((cut as usize).min(bytes.len())..))
        });
        let pieces: Vec<Bytes> = slots.collect();
        if let Some(sum) = sum {
            pieces.iter().for_each(|piece| sum.update(piece));
        }
        match first_wrong(&wanted, &chunks).and_then(|at| wanted.get(at)) {
            Some((home, chunk, _)) => Err(wrong(home, chunk)),
            None => Ok(pieces),
        }
    }

    fn slot(&self, part: &Part, cursor: &Cursor) -> Option<Bytes> {
        let (from, to) = (cursor.inline as usize, (cursor.inline + part.length) as usize);
        part.chunk.is_none().then(|| self.parts.inline.slice(from..to))
    }

    fn placed(&self, error: Error) -> Error {
        error.at(|at| at.timeline = Some(self.home.to_string()))
    }

    /// Goes over all of the new bytes and proves them by the record's id.
    pub async fn walk(&self, run: &Run, see: impl FnMut(&Bytes) + Send) -> Result<()> {
        let fresh = self.read(run, see).await?;
        self.record.prove_hash(&self.parent, fresh)
    }

    /// BLAKE3 of all of the new bytes, each chunk of which is there.
    pub async fn sum(&self, run: &Run) -> Result<[u8; 32]> {
        self.read(run, |_| ()).await
    }

    async fn read(&self, run: &Run, mut see: impl FnMut(&Bytes) + Send) -> Result<[u8; 32]> {
        let mut cursor = Cursor::default();
        let mut hasher = Digest::Blake3.hasher();
        loop {
            let pieces = self.next(run, (&mut cursor, 0, WINDOW), Some(&mut hasher)).await?;
            if pieces.is_empty() {
                return Ok(hasher.finish().padded());
            }
            pieces.iter().for_each(&mut see);
            run.ask.check_cancelled().await?;
        }
    }

    /// All of the new bytes, proven.
    pub async fn whole(&self, run: &Run) -> Result<Raw> {
        let mut bytes = Vec::new();
        self.walk(run, |piece| bytes.extend_from_slice(piece)).await?;
        Ok(bytes.into())
    }
}

impl Cursor {
    fn pass(&mut self, part: &Part) {
        self.part += 1;
        self.at += part.length;
        self.inline += if part.chunk.is_none() { part.length } else { 0 };
    }

    /// Where it stands in the record's new bytes.
    pub fn at(&self) -> u64 {
        self.at
    }
}
