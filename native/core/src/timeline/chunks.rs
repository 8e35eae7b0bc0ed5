//! Chunks: storing each once.
//!
//! Where the store has batches a chunk is shared by all timelines: `chunk/<hash>` holds it, and an
//! object beside it says which timelines do. A timeline knows by keys of its own which chunks it
//! holds. Elsewhere a chunk belongs to its timeline alone, under a key that is never used again.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::claims;
use super::name::Name;
use super::parts::{self, Chunk};
use super::refs::{self, Holders};
use super::sections::Dead;
use super::Run;
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::hex;
use crate::machine::Request;
use crate::store::{Mode, Op, Query, Range, Version};
use crate::wire::Reader;

/// How often a chunk is tried to be taken beside others who take or drop it.
const ATTEMPTS: usize = 32;
/// How many chunks are stored together.
const TOGETHER: usize = 128;
/// How many bytes are read or written together.
pub const WINDOW: u64 = 4 << 20;
/// What a list of condemned chunks begins with.
const MAGIC: [u8; 2] = *b"KX";

/// A save under way that stores chunks: it must end before any of them may be removed. Clones
/// share everything.
#[derive(Clone, Default)]
pub struct Claim {
    /// Names it in the control object.
    pub nonce: [u8; 8],
    taken: Arc<Mutex<Taken>>,
}

/// What a claim knows of chunks.
#[derive(Default)]
struct Taken {
    /// Its own and those that it has looked for: they are there.
    sure: HashMap<[u8; 32], Chunk>,
    /// Those that a listing told of: who stored them.
    told: Option<HashMap<[u8; 32], [u8; 8]>>,
    /// The control object that was made for this claim, and that nobody else has changed since.
    alone: Option<Version>,
}

impl Claim {
    /// The version of the control object, if that is there for this claim alone.
    pub fn alone(&self) -> Option<Version> {
        self.taken.lock().alone.clone()
    }

    /// The control object is there for this claim alone; none: it is not, or nobody knows.
    pub fn stands(&self, alone: Option<Version>) {
        self.taken.lock().alone = alone;
    }

    /// The chunks that were stored or found, in order.
    pub fn chunks(&self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = self.taken.lock().sure.values().copied().collect();
        chunks.sort_unstable();
        chunks
    }
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Claim({})", hex::encode(&self.nonce))
    }
}

/// Chunks that are there.
pub struct Kept {
    /// Which ones, in order.
    pub chunks: Vec<Chunk>,
    /// How many bytes were added to the store for each that was not there before.
    pub sizes: HashMap<[u8; 32], u64>,
}

impl Kept {
    /// How many bytes were added to the store.
    pub fn added(&self) -> u64 {
        self.sizes.values().sum()
    }
}

/// Stores chunks, in order; none that is there already.
pub async fn keep(run: &Run, claim: &Claim, pieces: &[Bytes]) -> Result<Kept> {
    let hashes: Vec<[u8; 32]> = pieces.iter().map(|piece| digest::blake3(piece)).collect();
    let mut fresh = BTreeMap::new();
    {
        let taken = claim.taken.lock();
        for (hash, piece) in hashes.iter().zip(pieces) {
            if !taken.sure.contains_key(hash) {
                fresh.insert(*hash, piece);
            }
        }
    }
    let fresh: Vec<([u8; 32], &Bytes)> = fresh.into_iter().collect();
    let most = (run.ask.supports().max_batch / 3).clamp(1, TOGETHER);
    let (mut rest, mut sizes) = (fresh.as_slice(), HashMap::new());
    while !rest.is_empty() {
        let mut weight = 0;
        let fits = |(_, piece): &&([u8; 32], &Bytes)| {
            weight += piece.len() as u64;
            weight <= WINDOW
        };
        let count = rest.iter().take_while(fits).count().clamp(1, most);
        let (batch, behind) = rest.split_at(count.min(rest.len()));
        let stored = match run.ask.supports().commit {
            true => share(run, claim, batch).await?,
            false => own(run, claim, batch).await?,
        };
        sizes.extend(stored.sizes);
        let chunks = stored.chunks.into_iter();
        claim.taken.lock().sure.extend(chunks.map(|chunk| (chunk.hash, chunk)));
        rest = behind;
    }
    let taken = claim.taken.lock();
    let named = hashes.iter().map(|hash| taken.sure.get(hash).copied());
    match named.collect() {
        Some(chunks) => Ok(Kept { chunks, sizes }),
        None => Err(Error::new(Code::Internal, "A chunk was not kept.")),
    }
}

type Batch<'a> = &'a [([u8; 32], &'a Bytes)];

/// Makes this timeline a holder of shared chunks; those that nobody holds are stored with that.
async fn share(run: &Run, claim: &Claim, batch: Batch<'_>) -> Result<Kept> {
    let name = run.shared.name.to_string();
    let chunk = |hash: &[u8; 32]| Chunk { hash: *hash, nonce: [0; 8] };
    let chunks: Vec<Chunk> = batch.iter().map(|(hash, _)| chunk(hash)).collect();
    // What is found to be held after a lost answer was added by that try.
    let mut sizes: HashMap<[u8; 32], u64> = HashMap::new();
    for _ in 0..ATTEMPTS {
        let nonce = refs::nonce(run).await?;
        let found = refs::read(run, &chunks).await?;
        let mut ops = Vec::new();
        for ((chunk, (_, piece)), found) in chunks.iter().zip(batch).zip(found) {
            let (holders, version) = match found {
                Some((holders, _)) if holders.has(&name) => continue,
                Some((holders, version)) => {
                    sizes.remove(&chunk.hash);
                    (holders.with(&name), Some(version))
                }
                None => {
                    let mut value = Vec::with_capacity(piece.len() + 1);
                    parts::pack(piece, Some(run.shared.options.level), &mut value)?;
                    let size = value.len() as u64;
                    sizes.insert(chunk.hash, size);
                    let key = key(&run.shared.name, chunk);
                    ops.push(put(key, value, Mode::Create));
                    (Holders { size, names: vec![name.clone()] }, None)
                }
            };
            let mode = version.map_or(Mode::Create, Mode::IfVersion);
            let key = refs::key(chunk);
            ops.push(put(key.clone(), holders.encode(&key, &nonce), mode));
            ops.push(put(mark(&run.shared.name, chunk), Vec::new(), Mode::Overwrite));
        }
        let done = match ops.is_empty() {
            true => Ok(Vec::new()),
            false => run.ask.commit(ops).await,
        };
        if done.as_ref().is_err_and(|error| error.code() != Code::Conflict) {
            // It may be done much later: then the control object must be there to tell of it.
            claim.stands(None);
        }
        match done {
            Ok(_) => return Ok(Kept { chunks, sizes }),
            // Another took or dropped one of them, or the answer was lost: the holders will tell.
            Err(error) if error.is_ambiguous() => {}
            Err(error) => return Err(error),
        }
    }
    Err(super::change::busy(run))
}

/// Stores chunks under keys of this timeline, where they are not there yet.
async fn own(run: &Run, claim: &Claim, batch: Batch<'_>) -> Result<Kept> {
    let told = told(run, claim).await?;
    let name = &run.shared.name;
    let known: Vec<Chunk> = batch
        .iter()
        .filter_map(|(hash, _)| Some(Chunk { hash: *hash, nonce: *told.get(hash)? }))
        .collect();
    // A listing is no proof.
    let range = Some(Range { offset: 0, length: 1 });
    let look = |chunk: &Chunk| Request::Get { key: key(name, chunk), range };
    let found = run.ask_all(known.iter().map(look).collect()).await?;
    let there = known.into_iter().zip(found).filter(|(_, found)| found.is_some());
    let there: HashMap<[u8; 32], Chunk> = there.map(|(chunk, _)| (chunk.hash, chunk)).collect();
    let (mut chunks, mut puts) = (Vec::with_capacity(batch.len()), Vec::new());
    let mut sizes = HashMap::new();
    for (hash, piece) in batch {
        let chunk = Chunk { hash: *hash, nonce: claim.nonce };
        if !there.contains_key(hash) {
            let mut value = Vec::with_capacity(piece.len() + 1);
            parts::pack(piece, Some(run.shared.options.level), &mut value)?;
            sizes.insert(*hash, value.len() as u64);
            // Nobody else writes this key, and what lies there can only be these bytes.
            let mode = Mode::Overwrite;
            puts.push(Request::Put { key: key(name, &chunk), value: value.into(), mode });
        }
        chunks.push(there.get(hash).copied().unwrap_or(chunk));
    }
    for answer in run.ask.all(puts).await {
        answer?;
    }
    Ok(Kept { chunks, sizes })
}

/// The chunks of this timeline that a listing tells of, but for those that are to be removed.
async fn told(run: &Run, claim: &Claim) -> Result<HashMap<[u8; 32], [u8; 8]>> {
    if let Some(told) = claim.taken.lock().told.clone() {
        return Ok(told);
    }
    // Read behind the claim: from then on none is condemned any more.
    let layout = run.look().await?;
    claims::require(run, &layout.held.control, std::slice::from_ref(claim))?;
    let mut condemned = HashSet::new();
    for debt in &layout.held.control.debt {
        if let Dead::Chunks { nonce } = &debt.keys {
            condemned.extend(self::condemned(run, nonce).await?);
        }
    }
    let held = held(run).await?.into_iter().map(|(chunk, _)| chunk);
    let left = |chunk: &Chunk| !condemned.contains(chunk) || sabotaged!(ChunkCondemned);
    let told: HashMap<_, _> = held.filter(left).map(|c| (c.hash, c.nonce)).collect();
    claim.taken.lock().told = Some(told.clone());
    Ok(told)
}

/// The chunks that this timeline holds, and how long what lies under its key is.
pub async fn held(run: &Run) -> Result<Vec<(Chunk, u64)>> {
    let prefix = run.shared.name.chunks();
    let entries = run.ask.list(Query { prefix: prefix.clone(), ..Query::default() }).await?;
    let parse = |key: &str| -> Option<Chunk> {
        let text = key.strip_prefix(&prefix)?;
        let (hash, nonce) = text.split_once('-').unwrap_or((text, "0000000000000000"));
        let hash = hex::decode(hash).ok()?.try_into().ok()?;
        Some(Chunk { hash, nonce: hex::decode(nonce).ok()?.try_into().ok()? })
    };
    let chunk = |entry: &crate::store::Entry| Some((parse(&entry.key)?, entry.size));
    // `control` begins as the keys of chunks do, and is none.
    Ok(entries.iter().filter_map(chunk).collect())
}

/// The key of a chunk's bytes.
pub fn key(home: &Name, chunk: &Chunk) -> String {
    match chunk.nonce == [0; 8] {
        true => format!("chunk/{}", hex::encode(&chunk.hash)),
        false => format!("{}-{}", mark(home, chunk), hex::encode(&chunk.nonce)),
    }
}

/// The key that says that a timeline holds a chunk.
pub fn mark(home: &Name, chunk: &Chunk) -> String {
    format!("{}{}", home.chunks(), hex::encode(&chunk.hash))
}

fn put(key: String, value: Vec<u8>, mode: Mode) -> Op {
    Op::Put { key, value: value.into(), mode, ttl: None }
}

/// A list of chunks that are to be removed, as the bytes that lie at that key.
pub fn condemn(key: &str, chunks: &[Chunk]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for chunk in chunks {
        out.extend_from_slice(&chunk.hash);
        out.extend_from_slice(&chunk.nonce);
    }
    let sum = digest::crc32c_at(key, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// A list of chunks that are to be removed; an absent one was dealt with.
pub async fn condemned(run: &Run, nonce: &[u8; 8]) -> Result<Vec<Chunk>> {
    let key = run.shared.name.condemned(nonce);
    let Some(found) = run.ask.get(key.clone()).await? else { return Ok(Vec::new()) };
    listed(&key, &found.value).map_err(|error| error.at(|at| at.key = Some(key)))
}

/// What `condemn` made for that key.
pub fn listed(key: &str, value: &[u8]) -> Result<Vec<Chunk>> {
    let mut reader = Reader::new(value, "list of chunks");
    let (body, sum) = value.split_at(value.len().saturating_sub(4));
    let right = digest::crc32c_at(key, body).to_le_bytes() == sum || sabotaged!(ChunkSum);
    if reader.array()? != MAGIC || !right {
        return Err(reader.damage("its checksum does not match"));
    }
    let mut chunks = Vec::with_capacity(body.len() / 40);
    while reader.left() > 4 {
        chunks.push(Chunk { hash: reader.array()?, nonce: reader.array()? });
    }
    match reader.left() {
        4 => Ok(chunks),
        _ => Err(reader.damage("its last entry is cut")),
    }
}
