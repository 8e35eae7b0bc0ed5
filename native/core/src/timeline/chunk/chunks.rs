//! Chunks: storing each once.
//!
//! Where the store has batches a chunk is shared by all timelines: `chunk/<hash>` holds it, and an
//! object beside it says which timelines do. A timeline knows by keys of its own which chunks it
//! holds. Elsewhere a chunk belongs to its timeline alone, under a key that is never used again.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;

use super::refs;
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::hex;
use crate::machine::Request;
use crate::store::{Mode, Op, Query, Range};
use crate::timeline::change::{claims, debts, swap};
use crate::timeline::form::holders::Holders;
use crate::timeline::form::parts::{self, Chunk};
use crate::timeline::form::sections::Dead;
use crate::timeline::operation::claim::Claim;
use crate::timeline::operation::run::Run;

/// How often a chunk is tried to be taken beside others who take or drop it.
const ATTEMPTS: usize = 32;
/// How many chunks are stored together.
const TOGETHER: usize = 128;

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
            weight <= parts::WINDOW
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
                    let key = run.shared.name.chunk(chunk);
                    ops.push(put(key, value, Mode::Create));
                    (Holders { size, names: vec![name.clone()] }, None)
                }
            };
            let mode = version.map_or(Mode::Create, Mode::IfVersion);
            let key = refs::key(chunk);
            ops.push(put(key.clone(), holders.encode(&key, &nonce), mode));
            ops.push(put(run.shared.name.mark(chunk), Vec::new(), Mode::Overwrite));
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
    Err(swap::busy(run))
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
    let look = |chunk: &Chunk| Request::Get { key: name.chunk(chunk), range };
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
            puts.push(Request::Put { key: name.chunk(&chunk), value: value.into(), mode });
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
            condemned.extend(debts::condemned(run, nonce).await?);
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

fn put(key: String, value: Vec<u8>, mode: Mode) -> Op {
    Op::Put { key, value: value.into(), mode, ttl: None }
}
