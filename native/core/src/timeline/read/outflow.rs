//! A state piece by piece, in order: memory holds a window of it.
//!
//! A chunk is proven by its hash before it is given. A record whose new bytes are given all and in
//! order is proven by its id before the last of them are; one of which only some are needed is
//! proven before the first.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::fetch::{self, Fresh, Sources};
use super::parted::{Cursor, Parted};
use super::{list, restore, tail};
use crate::digest::{Digest, Hasher};
use crate::error::{fail, Code, Error, Result};
use crate::machine::Machine;
use crate::timeline::form::extent::{Extent, Extents};
use crate::timeline::form::snapshot::At;
use crate::timeline::form::snapshot::Snapshot;
use crate::timeline::form::walk;
use crate::timeline::operation::run::Run;
use crate::timeline::operation::shared::Shared;

/// How many extents are looked up together.
const TOGETHER: usize = 256;
/// How many bytes are given at once, about: whoever reads pays for each piece, and holds some.
const PIECE: u64 = 1 << 20;

/// A state that is being given. Clones share everything.
#[derive(Clone)]
pub struct Outflow {
    shared: Arc<Shared>,
    /// Which snapshot it is of.
    pub snapshot: Snapshot,
    state: Arc<Mutex<Option<State>>>,
}

/// What is still to be given.
struct State {
    sequence: u64,
    extents: Extents,
    /// How much of the state was given.
    given: u64,
    /// What holds the bytes that come next.
    sources: Sources,
    reading: Option<Reading>,
    /// Records in parts that were proven, by where they begin.
    proven: BTreeSet<u64>,
    sha256: Option<(Hasher, [u8; 32])>,
}

/// A record in parts that is being read.
struct Reading {
    base: u64,
    cursor: Cursor,
    /// Of all that was read, where that is all from its beginning; none: it was proven before.
    hasher: Option<Hasher>,
}

/// Looks up what is to be given.
pub async fn begin(run: &Run, at: &At) -> Result<Outflow> {
    let sequence = tail::resolve(run, at).await?;
    let record = list::present(run, sequence).await?;
    let snapshot = list::show(run, &At::Sequence(sequence)).await?;
    let state = State {
        sequence,
        extents: restore::state(run, sequence).await?,
        given: 0,
        sources: Sources::new(),
        reading: None,
        proven: BTreeSet::new(),
        sha256: record.sha256.map(|sum| (Digest::Sha256.hasher(), sum)),
    };
    let state = Arc::new(Mutex::new(Some(state)));
    Ok(Outflow { shared: run.shared.clone(), snapshot, state })
}

impl Outflow {
    /// The next piece, about a megabyte; none: that was all. Only one machine may be under way at a
    /// time, and after a failure there is no more.
    pub fn next(&self) -> Machine<Option<Bytes>> {
        let flow = self.clone();
        self.shared.machine(|run| async move {
            let Some(mut state) = flow.state.lock().take() else {
                let message = "A stream of a state has failed, or is read twice; restore it anew.";
                return fail(Code::InvalidArgument, message);
            };
            let pieces = match state.next(&run).await {
                Err(error) if walk::is_damage(&error) => {
                    return Err(gone(&run, state.sequence).await.unwrap_or(error));
                }
                pieces => pieces?,
            };
            *flow.state.lock() = Some(state);
            Ok(joined(pieces))
        })
    }
}

/// Why something of a state is missing, if it is no damage: it was taken out while it was read, or
/// nobody can tell now.
async fn gone(run: &Run, sequence: u64) -> Option<Error> {
    run.forget();
    run.forget_layout();
    let present = run.again(|| Box::pin(list::present(run, sequence))).await;
    present.err().filter(|error| !walk::is_damage(error))
}

/// One piece instead of many: whoever takes it pays for each.
fn joined(mut pieces: Vec<Bytes>) -> Option<Bytes> {
    if pieces.len() < 2 {
        return pieces.pop();
    }
    let mut all = Vec::with_capacity(pieces.iter().map(Bytes::len).sum());
    pieces.iter().for_each(|piece| all.extend_from_slice(piece));
    Some(all.into())
}

impl State {
    async fn next(&mut self, run: &Run) -> Result<Vec<Bytes>> {
        let mut pieces = Vec::new();
        let (mut taken, end) = (0, self.extents.length());
        while self.given < end && taken < PIECE {
            run.ask.check_cancelled().await?;
            let rest = self.extents.slice(self.given, PIECE - taken);
            let Some(extent) = rest.iter().next().copied() else { break };
            if self.source(extent.offset).is_none() {
                self.look(run, &rest).await?;
            }
            for piece in self.part(run, &extent).await? {
                taken += piece.len() as u64;
                self.given += piece.len() as u64;
                pieces.push(piece);
            }
        }
        if let Some((hasher, _)) = &mut self.sha256 {
            pieces.iter().for_each(|piece: &Bytes| hasher.update(piece));
        }
        if self.given == end {
            if let Some((hasher, expected)) = self.sha256.take() {
                restore::check_sum(&hasher.finish().padded(), &expected)
                    .map_err(run.placed(self.sequence))?;
            }
        }
        Ok(pieces)
    }

    /// What holds an offset.
    fn source(&self, offset: u64) -> Option<(u64, &Fresh)> {
        let (base, fresh) = self.sources.range(..=offset).next_back()?;
        let length = match fresh {
            Fresh::Proven(raw) => raw.len() as u64,
            Fresh::Parted(parted) => parted.record.raw,
        };
        (offset - base < length).then_some((*base, fresh))
    }

    /// Looks up what holds the next extents, and forgets what held those before.
    async fn look(&mut self, run: &Run, rest: &Extents) -> Result<()> {
        let extents = rest.iter().take(TOGETHER);
        let parts = fetch::joined(extents.map(|extent| (extent.offset, extent.end())).collect());
        let sequence = self.sequence;
        let look = || fetch::sources(run, (&parts, sequence));
        let found = run.again(|| Box::pin(look())).await?;
        self.sources = found;
        let Some(first) = rest.iter().next() else { return Ok(()) };
        match self.source(first.offset) {
            Some(_) => Ok(()),
            None => Err(fetch::outside(run)),
        }
    }

    /// The bytes of an extent, or the first of them.
    async fn part(&mut self, run: &Run, extent: &Extent) -> Result<Vec<Bytes>> {
        let Some((base, fresh)) = self.source(extent.offset) else {
            return Err(fetch::outside(run));
        };
        let from = extent.offset - base;
        match fresh.clone() {
            Fresh::Proven(raw) => {
                let to = (from + extent.length).min(raw.len() as u64);
                Ok(vec![raw.slice(from as usize..to as usize)])
            }
            Fresh::Parted(parted) => self.parted(run, (&parted, base, extent)).await,
        }
    }

    async fn parted(&mut self, run: &Run, of: (&Arc<Parted>, u64, &Extent)) -> Result<Vec<Bytes>> {
        let (parted, base, extent) = of;
        let from = extent.offset - base;
        let mut reading = match self.reading.take() {
            Some(reading) if reading.base == base && reading.cursor.at() == from => reading,
            _ => self.open(run, (parted, base, from)).await?,
        };
        let rest = self.extents.slice(self.given, u64::MAX);
        let whole = rest.iter().next().map_or(0, |extent| extent.length);
        let mut hasher = reading.hasher.take();
        let at = (&mut reading.cursor, from, extent.length);
        let mut pieces = parted.next(run, at, hasher.as_mut()).await?;
        if let Some(hasher) = hasher {
            if reading.cursor.at() == parted.record.raw {
                let placed = run.placed(parted.sequence);
                let hash = hasher.finish().padded();
                parted.record.prove_hash(&parted.parent, hash).map_err(placed)?;
            } else {
                reading.hasher = Some(hasher);
            }
        }
        // What lies behind the extent in its last part does not belong to the state.
        let mut left = whole;
        for piece in &mut pieces {
            piece.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            left -= piece.len() as u64;
        }
        pieces.retain(|piece| !piece.is_empty());
        self.reading = Some(Reading { base, ..reading });
        Ok(pieces)
    }

    /// Begins to read a record. Where the state does not give it from its beginning to its end, it
    /// is proven now.
    async fn open(&mut self, run: &Run, of: (&Arc<Parted>, u64, u64)) -> Result<Reading> {
        let (parted, base, from) = of;
        let rest = self.extents.slice(self.given, parted.record.raw);
        let whole = Extent { offset: base, length: parted.record.raw };
        let in_order = from == 0 && rest.iter().eq([&whole]);
        if !in_order && !self.proven.contains(&base) {
            parted.walk(run, |_| ()).await.map_err(run.placed(self.sequence))?;
            self.proven.insert(base);
        }
        let hasher = in_order.then(|| Digest::Blake3.hasher());
        Ok(Reading { base, cursor: Cursor::default(), hasher })
    }
}
