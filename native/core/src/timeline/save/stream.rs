//! States that come in pieces: what was fed is cut and stored as it comes, so that memory holds
//! only what is on its way. The record follows at the end, as a save like any other.
//!
//! Each piece that is fed has a machine of its own. Several may be under way at once: the one that
//! takes the next piece hashes and cuts it alone, and stores it beside the others.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

use crate::chunk::Chunker;
use crate::digest::{Digest, Hasher};
use crate::error::{fail, Code, Result};
use crate::machine::Machine;
use crate::timeline::change::claims;
use crate::timeline::chunk::chunks;
use crate::timeline::form::parts::{self, Chunk, Part};
use crate::timeline::operation::claim::Claim;
use crate::timeline::operation::run::Run;
use crate::timeline::operation::shared::Shared;

/// A state that is in the store, but for its record.
#[derive(Debug)]
pub struct Streamed {
    /// How many bytes it has.
    pub length: u64,
    pub(in crate::timeline) parts: Vec<Part>,
    /// How many bytes were added to the store for it.
    pub(in crate::timeline) added: u64,
    pub(in crate::timeline) hash: [u8; 32],
    pub(in crate::timeline) sha256: Option<[u8; 32]>,
    pub(in crate::timeline) claim: Claim,
}

/// A save whose state comes in pieces. Clones share everything.
#[derive(Clone)]
pub struct Inflow {
    shared: Arc<Shared>,
    claim: Claim,
    state: Arc<Mutex<State>>,
}

/// What has come so far.
struct State {
    inbox: VecDeque<Bytes>,
    chunker: Chunker,
    /// The beginning of the chunk under way.
    open: BytesMut,
    hasher: Hasher,
    sha256: Option<Hasher>,
    /// All chunks that were cut; none where one is not stored yet.
    list: Vec<(u64, Option<Chunk>)>,
    length: u64,
    added: u64,
}

/// Chunks that are to be stored, and which ones they are.
struct Cut {
    first: usize,
    chunks: Vec<Bytes>,
}

/// Begins: claims.
pub async fn begin(run: &Run) -> Result<Inflow> {
    run.require_conditions()?;
    let claim = claims::open(run).await?;
    let full = run.shared.options.full_integrity;
    let state = State {
        inbox: VecDeque::new(),
        chunker: Chunker::new(parts::CUT)?,
        open: BytesMut::new(),
        hasher: Digest::Blake3.hasher(),
        sha256: full.then(|| Digest::Sha256.hasher()),
        list: Vec::new(),
        length: 0,
        added: 0,
    };
    let shared = run.shared.clone();
    Ok(Inflow { shared, claim, state: Arc::new(Mutex::new(state)) })
}

impl Inflow {
    /// Takes the next piece. The machine stores what became of one piece that was fed: it must be
    /// driven to its end, and of several that are under way memory holds what they store.
    pub fn feed(&self, piece: Bytes) -> Machine<()> {
        self.state.lock().inbox.push_back(piece);
        let flow = self.clone();
        self.shared.machine(|run| async move {
            claims::renew(&run, &flow.claim).await?;
            let cut = flow.state.lock().cut();
            flow.store(&run, cut).await
        })
    }

    /// Stores the end, when all that was fed is stored. What it gives is to be saved.
    pub fn finish(&self) -> Machine<Streamed> {
        let flow = self.clone();
        self.shared.machine(|run| async move {
            let cut = flow.state.lock().last();
            flow.store(&run, cut).await?;
            flow.streamed()
        })
    }

    /// Gives up. What was stored is removed by the next prune.
    pub fn abort(&self) -> Machine<()> {
        let flow = self.clone();
        self.shared.machine(|run| async move {
            claims::close(&run, std::slice::from_ref(&flow.claim)).await
        })
    }

    async fn store(&self, run: &Run, cut: Cut) -> Result<()> {
        let stored = chunks::keep(run, &self.claim, &cut.chunks).await?;
        let mut state = self.state.lock();
        state.added += stored.added();
        for (slot, chunk) in state.list.iter_mut().skip(cut.first).zip(stored.chunks) {
            slot.1 = Some(chunk);
        }
        Ok(())
    }

    fn streamed(&self) -> Result<Streamed> {
        let mut state = self.state.lock();
        let stored = state.list.iter().all(|(_, chunk)| chunk.is_some());
        if !stored || !state.inbox.is_empty() {
            let message = "A part of a stream was not stored; wait for all that was fed.";
            return fail(Code::InvalidArgument, message);
        }
        let parts = std::mem::take(&mut state.list);
        let parts = parts.into_iter().map(|(length, chunk)| Part { length, chunk }).collect();
        let sha256 = state.sha256.take().map(|hasher| hasher.finish().padded());
        let hash = state.hasher.clone().finish().padded();
        let (length, added, claim) = (state.length, state.added, self.claim.clone());
        Ok(Streamed { length, parts, added, hash, sha256, claim })
    }
}

impl State {
    /// Hashes and cuts the next piece.
    fn cut(&mut self) -> Cut {
        let mut cut = Cut { first: self.list.len(), chunks: Vec::new() };
        let Some(mut piece) = self.inbox.pop_front() else { return cut };
        self.hasher.update(&piece);
        if let Some(sha256) = &mut self.sha256 {
            sha256.update(&piece);
        }
        self.length += piece.len() as u64;
        while let Some(end) = self.chunker.cut(&piece) {
            let part = piece.split_to(end);
            let chunk = match self.open.is_empty() {
                true => part,
                false => {
                    self.open.extend_from_slice(&part);
                    self.open.split().freeze()
                }
            };
            self.add(chunk, &mut cut);
        }
        self.open.extend_from_slice(&piece);
        cut
    }

    /// What is left is the last chunk.
    fn last(&mut self) -> Cut {
        let mut cut = Cut { first: self.list.len(), chunks: Vec::new() };
        if !self.open.is_empty() {
            let chunk = self.open.split().freeze();
            self.add(chunk, &mut cut);
        }
        cut
    }

    fn add(&mut self, chunk: Bytes, cut: &mut Cut) {
        self.list.push((chunk.len() as u64, None));
        cut.chunks.push(chunk);
    }
}
