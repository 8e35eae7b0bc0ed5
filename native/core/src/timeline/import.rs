//! Taking a timeline in from a file: each snapshot is proven before anything counts, and the whole
//! becomes visible by one write of the control object.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

use super::change;
use super::control::Control;
use super::export::{kind, Head, MAGIC, VERSION};
use super::fence;
use super::layout::Layout;
use super::list;
use super::pack::Directory;
use super::packer::{Builder, Built, Entry};
use super::packing::{self, Packing};
use super::record::{Id, Record};
use super::rewrite::{self, To};
use super::sections::{Dead, Debt, Packed};
use super::tail::{self, Tail};
use super::walk::{Next, Walk};
use super::{At, Run, Snapshot};
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::store::{Mode, Op};
use crate::wire::Reader;

/// No section is longer: one pack of one huge snapshot.
const SECTION_MAX: usize = 1 << 30;
/// The frame of a section: kind, length, checksum.
const FRAME: usize = 1 + 4 + 4;
/// How often it is tried to put everything in place beside other changes.
const ATTEMPTS: usize = 32;

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
    claim: Option<Claim>,
}

/// The number behind the end of what is there: while it is free, nobody has saved.
#[derive(Clone)]
struct Claim {
    sequence: u64,
    key: String,
    /// A fence, to take it with where the store has no batches.
    fence: Bytes,
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
    fn walk(&mut self, run: &Run, next: &Next<'_>) -> Result<()> {
        let after = self.head.as_ref().map_or(0, |head| head.after);
        let joins = after > 0 && self.before == after;
        let taken = self.walk.take(next);
        self.before = next.sequence;
        match taken {
            // The file holds by its checksums: it goes on from another history.
            Err(_) if joins => Err(occupied(run)),
            taken => taken.map(drop),
        }
    }
}

impl Import {
    /// How far it is.
    pub fn taken(&self) -> Taken {
        self.state.lock().taken
    }

    /// Takes the next bytes of the file, in pieces of any size.
    pub(super) async fn take(self: Arc<Self>, run: &Run, bytes: Bytes) -> Result<()> {
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
        state.claim = Some(Claim { sequence: tail.sequence + 1, key, fence });
        if head.after > 0 {
            state.walk.resume((head.after, tail.id, tail.base), tail.extents);
            state.before = head.after;
        }
        state.head = Some(head);
        Ok(())
    }

    async fn pack(&self, run: &Run, value: Bytes) -> Result<()> {
        let mut packed = Directory::extent("", &value)?;
        let head = value.slice(..packed.head as usize);
        let directory = Directory::decode("", &head, &packed)?;
        {
            let mut state = self.state.lock();
            let floor = state.head.as_ref().map(|head| head.floor.sequence);
            let Some(floor) = floor.filter(|_| packed.first > state.before) else {
                return Err(damaged("its parts are out of order"));
            };
            for block in &directory.blocks {
                let span = |at: &super::pack::Span| {
                    value.slice(at.offset as usize..(at.offset + at.stored) as usize)
                };
                let records = block.records(&span(&block.heads))?;
                let raws = block.raws(&records, &span(&block.data))?;
                for ((sequence, record), raw) in records.iter().zip(&raws) {
                    let (sequence, before) = (*sequence, sequence - 1);
                    let shown = sequence >= floor;
                    let next = Next { sequence, before, record, parent: None, raw, shown };
                    state.walk(run, &next)?;
                    state.name(sequence, record)?;
                }
            }
        }
        packed = rewrite::put(run, Built { packed, value: value.to_vec() }, To::Store).await?;
        self.state.lock().packs.push(packed);
        Ok(())
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
    pub(super) async fn finish(self: Arc<Self>, run: &Run) -> Result<Snapshot> {
        let (head, claim, mut packs, (last, id)) = {
            let mut state = self.state.lock();
            let whole = state.buffer.is_empty();
            match (state.head.take(), state.claim.take(), state.end.filter(|_| whole)) {
                (Some(head), Some(claim), Some(end)) => {
                    (head, claim, std::mem::take(&mut state.packs), end)
                }
                _ if !state.begun && !MAGIC.starts_with(&state.buffer) => return Err(not_ours()),
                _ => return Err(damaged("it ends too early")),
            }
        };
        let end = self.state.lock().walk.end().map_or(0, |(_, end)| end);
        let placed = place(run, (&head, (last, id, end), &claim), &mut packs).await;
        if placed.is_err() {
            rewrite::discard(run, &packs).await?;
        }
        placed?;
        run.forget();
        super::queue::forget(&run.shared);
        let at = At::Sequence(last);
        run.again(|| Box::pin(list::show(run, &at))).await
    }

    /// Removes what was written of an import that is given up.
    pub(super) async fn abandon(self: Arc<Self>, run: &Run) -> Result<()> {
        let packs = std::mem::take(&mut self.state.lock().packs);
        rewrite::discard(run, &packs).await
    }
}

type End = (u64, Id, u64);

async fn place(run: &Run, of: (&Head, End, &Claim), packs: &mut Vec<Packed>) -> Result<()> {
    let (head, (last, id, base), claim) = of;
    let layout = run.look().await?;
    let floor = layout.held.control.floor.sequence;
    let used = if head.after > 0 { 0 } else { floor - 1 };
    let mut end = last;
    if used > 0 && used >= last {
        if !run.ask.supports().commit {
            return Err(occupied(run));
        }
        // Numbers never return: a fence stands where a writer would go on who knows only what was.
        end = used + 1;
        let record = fence::record(run, (id, base)).await?;
        let (mut builder, raw) = (Builder::new(1), Default::default());
        builder.push(&Entry {
            sequence: end,
            record: &record,
            parent: id,
            extents: None,
            follows: false,
            hidden: false,
            raw: &raw,
        })?;
        packs.push(rewrite::put(run, builder.finish()?, To::Store).await?);
    }
    let place = Place { head, packs, floor, last: (last, end) };
    let dead = take(run, claim).await?;
    for _ in 0..ATTEMPTS {
        let layout = run.look().await?;
        let mut control = place.control(run, &layout)?;
        control.debt.extend(dead.clone());
        // Nobody has saved meanwhile: what they were told is saved would be gone.
        let free = Op::Check { key: claim.key.clone(), version: None };
        let with = if dead.is_some() { Vec::new() } else { vec![free] };
        if change::swap(run, (&layout, control), with).await? {
            return Ok(());
        }
        if dead.is_none() && run.ask.get(claim.key.clone()).await?.is_some() {
            return Err(occupied(run));
        }
    }
    Err(change::busy(run))
}

/// Takes the number that a writer would take next, where that it is free can be no condition. Gives
/// what is to be removed when packs lie there.
async fn take(run: &Run, claim: &Claim) -> Result<Option<Debt>> {
    if run.ask.supports().commit {
        return Ok(None);
    }
    let Claim { sequence, key, fence } = claim;
    if let Err(error) = run.ask.put(key.clone(), fence.clone(), Mode::Create).await {
        let there = run.ask.get(key.clone()).await?;
        if there.is_none() {
            return Err(error);
        }
        if there.is_some_and(|found| found.value != *fence) {
            return Err(occupied(run));
        }
    }
    let keys = Dead::Loose { first: *sequence, last: *sequence };
    Ok(Some(Debt { since: run.ask.now().await?, keys }))
}

/// What is to be put in place.
struct Place<'a> {
    head: &'a Head,
    packs: &'a [Packed],
    /// The floor that was there.
    floor: u64,
    /// The last snapshot, and the last number.
    last: (u64, u64),
}

impl Place<'_> {
    /// The control object with it.
    fn control(&self, run: &Run, layout: &Layout) -> Result<Control> {
        let Place { head, packs, floor, last } = *self;
        let mut control = layout.held.control.clone();
        let same = match head.after {
            0 => control.floor.sequence == floor && control.origin.is_none(),
            after => layout.own().loose == after + 1,
        };
        let kept = |pack: &Packed| pack.last >= control.floor.sequence && head.after == 0;
        if !same || control.packs.iter().any(kept) {
            return Err(occupied(run));
        }
        if head.after == 0 {
            control.floor = head.floor.clone();
            control.tags = head.tags.clone();
        }
        for tag in head.tags.iter().filter(|tag| tag.sequence > head.after && head.after > 0) {
            if let Err(at) = control.tags.binary_search_by(|other| other.name.cmp(&tag.name)) {
                control.tags.insert(at, tag.clone());
            }
        }
        control.packs.extend(packs.iter().cloned());
        control.packs.sort_by_key(|pack| pack.first);
        control.loose = last.1 + 1;
        control.hint = last.0;
        control.cuts += 1;
        Ok(control)
    }
}

fn occupied(run: &Run) -> Error {
    let message = format!(
        "{} exists, and does not end where this file begins; import it under another name, or \
         delete what is there.",
        run.shared.name
    );
    Error::new(Code::Conflict, message).at(|p| p.timeline = Some(run.shared.name.to_string()))
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
