//! Taking a timeline in from a file: each snapshot is proven before anything counts, and the whole
//! becomes visible by one write of the control object.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

use super::carry;
use super::export::{kind, Head, MAGIC, VERSION};
use super::landing::{self, occupied, Behind, Whole};
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::timeline::change::{claims, fence};
use crate::timeline::chunk::chunks::{self, Kept};
use crate::timeline::chunk::sweep;
use crate::timeline::form::pack::{Directory, Span};
use crate::timeline::form::packer::{Builder, Built, Entry};
use crate::timeline::form::parts::{Chunk, Parts};
use crate::timeline::form::record::Raw;
use crate::timeline::form::record::{Form, Id, Record};
use crate::timeline::form::sections::Packed;
use crate::timeline::form::snapshot::At;
use crate::timeline::form::snapshot::Snapshot;
use crate::timeline::form::walk::{Next, Proven, Walk};
use crate::timeline::keep::packing::{self, Packing};
use crate::timeline::keep::rewrite::{self, To};
use crate::timeline::operation::claim::Claim;
use crate::timeline::operation::run::Run;
use crate::timeline::read::list;
use crate::timeline::read::parted::Parted;
use crate::timeline::read::tail::{self, Tail};
use crate::wire::Reader;

/// No section is longer: one pack of one huge snapshot.
const SECTION_MAX: usize = 1 << 30;
/// The frame of a section: kind, length, checksum.
const FRAME: usize = 1 + 4 + 4;
/// The level of zstd for packs that are made anew.
const LEVEL: i32 = 9;

/// A snapshot as a file tells it: its record, and its new bytes or its parts.
type Told = ((u64, Record), Raw);

/// An import under way.
#[derive(Default)]
pub struct Import {
    state: Mutex<State>,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Taken {
    /// How many snapshots came.
    pub snapshots: u64,
    /// How many bytes of the file they took.
    pub bytes: u64,
}

#[derive(Default)]
struct State {
    buffer: BytesMut,
    begun: bool,
    head: Option<Head>,
    walk: Walk,
    before: u64,
    /// How many of the head's tags were found to name what is there.
    tagged: usize,
    packs: Vec<Packed>,
    end: Option<(u64, Id)>,
    taken: Taken,
    behind: Option<Behind>,
    /// While chunks are stored that nothing needs yet.
    claim: Option<Claim>,
    /// The chunks that were told: which ones they are here, and how long.
    chunks: HashMap<[u8; 32], (Chunk, u64)>,
    /// What they added to the store, until a snapshot needs them.
    sizes: HashMap<[u8; 32], u64>,
}

impl State {
    /// A tag names a snapshot by number and by id.
    fn name(&mut self, sequence: u64, record: &Record) -> Result<()> {
        let tags = self.head.as_ref().map_or(&[][..], |head| &head.tags);
        let named = tags.iter().filter(|tag| tag.sequence == sequence);
        for tag in named.clone() {
            if tag.id != record.id || !record.shows() {
                return Err(damaged("a tag names a snapshot that is not there"));
            }
        }
        self.tagged += named.count();
        self.taken.snapshots += u64::from(record.shows());
        Ok(())
    }

    /// Proves the next record. Where the file goes on from what is there, its first one must.
    fn walk(&mut self, run: &Run, next: &Next<'_>) -> Result<Proven> {
        let after = self.head.as_ref().map_or(0, |head| head.after);
        let joins = after > 0 && self.before == after;
        let taken = self.walk.take(next);
        self.before = next.sequence;
        match taken {
            // The file holds by its checksums: it goes on from another history.
            Err(_) if joins => Err(occupied(run)),
            taken => taken,
        }
    }
}

impl Import {
    /// How far it is.
    pub fn taken(&self) -> Taken {
        self.state.lock().taken
    }

    /// Takes the next bytes of the file, in pieces of any size.
    pub(in crate::timeline) async fn take(self: Arc<Self>, run: &Run, bytes: Bytes) -> Result<()> {
        run.require_conditions()?;
        {
            let mut state = self.state.lock();
            state.buffer.extend_from_slice(&bytes);
            state.taken.bytes += bytes.len() as u64;
        }
        while let Some((kind, content)) = self.next()? {
            match kind {
                kind::HEAD => self.begin(run, Head::decode(&content)?).await?,
                kind::PACK => self.pack(run, content).await?,
                kind::CHUNKS => self.chunks(run, &content).await?,
                kind::END => self.end(&content)?,
                _ => return Err(newer()),
            }
        }
        Ok(())
    }

    fn next(&self) -> Result<Option<(u8, Bytes)>> {
        let mut state = self.state.lock();
        if !state.begun {
            if state.buffer.len() < MAGIC.len() + VERSION.len() {
                return Ok(None);
            }
            let magic = state.buffer.split_to(MAGIC.len());
            if magic[..] != MAGIC {
                return Err(not_ours());
            }
            if state.buffer.split_to(VERSION.len())[..] != VERSION {
                return Err(newer());
            }
            state.begun = true;
        }
        let Some(length) = state.buffer.get(1..5).and_then(|l| <[u8; 4]>::try_from(l).ok()) else {
            return Ok(None);
        };
        let length = u32::from_le_bytes(length) as usize;
        if length > SECTION_MAX || state.end.is_some() {
            return Err(damaged("a section is too long, or one too many"));
        }
        if state.buffer.len() < length + FRAME {
            return Ok(None);
        }
        let section = state.buffer.split_to(length + FRAME).freeze();
        let (body, sum) = section.split_at(length + FRAME - 4);
        if digest::crc32c(body).to_le_bytes() != sum {
            return Err(damaged("a checksum does not match"));
        }
        Ok(Some((section[0], section.slice(5..length + 5))))
    }

    /// The timeline must be new, or end where the file begins.
    async fn begin(&self, run: &Run, head: Head) -> Result<()> {
        if head.after > 0 {
            packing::pack(run, &Packing { all: true, level: None }).await?;
        }
        run.look().await?;
        let tail = run.again(|| Box::pin(Tail::load(run))).await?;
        let there = tail::latest_state(run).await?;
        if there.unwrap_or(0) != head.after {
            return Err(occupied(run));
        }
        // A fence behind the end is of somebody who takes it over.
        let floor = tail.control.control.floor.sequence;
        if tail.sequence != head.after.max(floor - 1) {
            return Err(occupied(run));
        }
        let (key, fence) = fence::value(run, &tail).await?;
        let mut state = self.state.lock();
        state.behind = Some(Behind { sequence: tail.sequence + 1, key, fence });
        if head.after > 0 {
            state.walk.resume((head.after, tail.id, tail.base), tail.extents);
            state.before = head.after;
        }
        state.head = Some(head);
        Ok(())
    }

    /// Stores the chunks of a section. A claim keeps them until the timeline needs them.
    async fn chunks(&self, run: &Run, content: &Bytes) -> Result<()> {
        if self.state.lock().head.is_none() {
            return Err(damaged("its parts are out of order"));
        }
        let pieces = carry::pieces(content)?;
        if pieces.is_empty() {
            return Err(damaged("a section is empty"));
        }
        let known = self.state.lock().claim.clone();
        let claim = match known {
            Some(claim) => claim,
            None => claims::open(run).await?,
        };
        self.state.lock().claim = Some(claim.clone());
        claims::renew(run, &claim).await?;
        let Kept { chunks, sizes } = chunks::keep(run, &claim, &pieces).await?;
        let mut state = self.state.lock();
        for (chunk, piece) in chunks.into_iter().zip(&pieces) {
            state.chunks.insert(chunk.hash, (chunk, piece.len() as u64));
        }
        state.sizes.extend(sizes);
        Ok(())
    }

    async fn pack(&self, run: &Run, value: Bytes) -> Result<()> {
        let packed = Directory::extent("", &value)?;
        let head = value.slice(..packed.head as usize);
        let directory = Directory::decode("", &head, &packed)?;
        {
            let state = self.state.lock();
            if state.head.is_none() || packed.first <= state.before {
                return Err(damaged("its parts are out of order"));
            }
        }
        let span = |at: &Span| value.slice(at.offset as usize..(at.offset + at.stored) as usize);
        let mut apart = false;
        for block in &directory.blocks {
            apart |= block.records(&span(&block.heads))?.iter().any(|(_, r)| r.is_in_parts());
        }
        // Where its chunks lie is another thing here.
        let mut anew = apart.then(|| Builder::new(LEVEL));
        for block in &directory.blocks {
            let records = block.records(&span(&block.heads))?;
            let raws = block.raws(&records, &span(&block.data))?;
            for (of, raw) in records.into_iter().zip(raws) {
                self.record(run, (of, raw), anew.as_mut()).await?;
            }
        }
        let built = match anew {
            Some(anew) => anew.finish()?,
            None => Built { packed, value: value.to_vec() },
        };
        let packed = rewrite::put(run, built, To::Store).await?;
        self.state.lock().packs.push(packed);
        Ok(())
    }

    /// Proves the next snapshot, and adds it to a pack that is made anew.
    async fn record(&self, run: &Run, of: Told, anew: Option<&mut Builder>) -> Result<()> {
        let ((sequence, mut record), mut raw) = of;
        let apart = record.is_in_parts();
        let fresh = if apart {
            let parts = self.parts(&mut record, &raw)?;
            raw = parts.encode(None)?.into();
            let (record, home) = (record.clone(), run.shared.name.clone());
            // The id of the one before is not needed: the walk knows it.
            let parted = Parted { sequence, record, parent: Id::default(), home, parts };
            parted.sum(run).await?
        } else {
            digest::blake3(&raw)
        };
        let mut state = self.state.lock();
        let (record, before) = (&record, sequence - 1);
        let shown = state.head.as_ref().is_some_and(|head| sequence >= head.floor.sequence);
        let next = Next { sequence, before, record, parent: None, fresh, shown };
        let proven = state.walk(run, &next)?;
        state.name(sequence, record)?;
        let Some(anew) = anew else { return Ok(()) };
        anew.push(&Entry {
            sequence,
            record,
            parent: proven.parent,
            extents: proven.state.as_ref(),
            follows: proven.follows,
            hidden: record.hidden || proven.state.is_none() && !record.fence,
            raw: &raw,
            apart,
        })
    }

    /// The parts of a record as they lie here, and what they added to the store.
    fn parts(&self, record: &mut Record, told: &Bytes) -> Result<Parts> {
        let mut parts = Parts::decode(told, record.raw)?;
        let mut state = self.state.lock();
        let mut added = 0;
        for part in &mut parts.list {
            let Some(chunk) = &mut part.chunk else { continue };
            match state.chunks.get(&chunk.hash) {
                Some((here, length)) if *length == part.length => *chunk = *here,
                _ => return Err(damaged("it does not hold a chunk that it needs")),
            }
            added += state.sizes.remove(&chunk.hash).unwrap_or_default();
        }
        record.form = Form::Parts { added };
        Ok(parts)
    }

    fn end(&self, content: &[u8]) -> Result<()> {
        let mut reader = Reader::new(content, "timeline file");
        let end = (reader.varint()?, Id(reader.array()?));
        reader.end()?;
        let mut state = self.state.lock();
        let last = state.walk.end().map(|(id, _)| (state.before, id));
        let head = state.head.as_ref();
        let told =
            head.map_or(0, |head| head.tags.iter().filter(|tag| tag.sequence > head.after).count());
        let shown = head.is_some_and(|head| head.floor.sequence <= end.0);
        if last != Some(end) || state.tagged != told || !shown {
            return Err(damaged("it does not end where it says"));
        }
        state.end = Some(end);
        Ok(())
    }

    /// Makes what was taken the timeline; gives its latest snapshot.
    pub(in crate::timeline) async fn finish(self: Arc<Self>, run: &Run) -> Result<Snapshot> {
        let (head, behind, mut packs, (last, id)) = {
            let mut state = self.state.lock();
            let whole = state.buffer.is_empty();
            match (state.head.take(), state.behind.take(), state.end.filter(|_| whole)) {
                (Some(head), Some(behind), Some(end)) => {
                    (head, behind, std::mem::take(&mut state.packs), end)
                }
                _ if !state.begun && !MAGIC.starts_with(&state.buffer) => return Err(not_ours()),
                _ => return Err(damaged("it ends too early")),
            }
        };
        let (end, claims): (u64, Vec<Claim>) = {
            let state = self.state.lock();
            let claim = state.claim.iter().cloned();
            (state.walk.end().map_or(0, |(_, end)| end), claim.collect())
        };
        let end = (last, id, end);
        let whole = Whole { head: &head, end, behind: &behind, claims: &claims };
        let placed = landing::place(run, &whole, &mut packs).await;
        if placed.is_err() {
            rewrite::discard(run, &packs).await?;
        }
        placed?;
        self.state.lock().claim = None;
        run.forget();
        run.shared.unsettle();
        let at = At::Sequence(last);
        run.again(|| Box::pin(list::show(run, &at))).await
    }

    /// Removes what was written of an import that is given up. Where the timeline was not there
    /// before, and the store has batches, nothing is left; elsewhere a prune comes once the chunks
    /// were known as dead for long enough.
    pub(in crate::timeline) async fn abandon(self: Arc<Self>, run: &Run) -> Result<()> {
        let (packs, claim) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.packs), state.claim.take())
        };
        rewrite::discard(run, &packs).await?;
        let Some(claim) = claim else { return Ok(()) };
        if sweep::undo(run, &claim).await? {
            return Ok(());
        }
        claims::close(run, &[claim]).await?;
        sweep::sweep(run).await.map(drop)
    }
}

fn not_ours() -> Error {
    Error::new(Code::NotOurs, "This is no file of a timeline; export makes one.")
}

fn newer() -> Error {
    let message = "A timeline's file was written by a newer version of Keepstate; update.";
    Error::new(Code::FormatTooNew, message)
}

fn damaged(how: &str) -> Error {
    let message = format!("A timeline's file is damaged: {how}; export it again.");
    Error::new(Code::Corrupt, message)
}
