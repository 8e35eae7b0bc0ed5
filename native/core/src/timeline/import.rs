//! Taking a timeline in from a file: each snapshot is proven before anything counts, and the whole
//! becomes visible by one write of the control object.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

use super::change;
use super::export::{kind, Head, MAGIC, VERSION};
use super::fence;
use super::list;
use super::pack::Directory;
use super::packer::{Builder, Built, Entry};
use super::packing::{self, Packing};
use super::record::{Id, Record};
use super::rewrite::{self, To};
use super::sections::Packed;
use super::tail::{self, Tail};
use super::walk::{Next, Walk};
use super::{At, Run, Snapshot};
use crate::digest;
use crate::error::{fail, Code, Error, Result};
use crate::wire::Reader;

/// No section is longer: one pack of one huge snapshot.
const SECTION_MAX: usize = 1 << 30;
/// The frame of a section: kind, length, checksum.
const FRAME: usize = 1 + 4 + 4;

/// An import under way.
#[derive(Default)]
pub struct Import {
    state: Mutex<State>,
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
        Ok(())
    }
}

impl Import {
    /// Takes the next bytes of the file, in pieces of any size.
    pub(super) async fn take(self: Arc<Self>, run: &Run, bytes: Bytes) -> Result<()> {
        run.require_conditions()?;
        self.state.lock().buffer.extend_from_slice(&bytes);
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
                return fail(Code::NotOurs, "This is no file of a timeline; export makes one.");
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
        let mut state = self.state.lock();
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
                    state.walk.take(&next)?;
                    state.before = sequence;
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
        let told = state
            .head
            .as_ref()
            .map_or(0, |head| head.tags.iter().filter(|tag| tag.sequence > head.after).count());
        if last != Some(end) || state.tagged != told {
            return Err(damaged("it does not end where it says"));
        }
        state.end = Some(end);
        Ok(())
    }

    /// Makes what was taken the timeline; gives its latest snapshot.
    pub(super) async fn finish(self: Arc<Self>, run: &Run) -> Result<Snapshot> {
        let (head, mut packs, (last, id)) = {
            let mut state = self.state.lock();
            let whole = state.buffer.is_empty();
            match (state.head.take(), state.end.filter(|_| whole)) {
                (Some(head), Some(end)) => (head, std::mem::take(&mut state.packs), end),
                _ => return Err(damaged("it ends too early")),
            }
        };
        let end = self.state.lock().walk.end().map_or(0, |(_, end)| end);
        let placed = place(run, (&head, (last, id, end)), &mut packs).await;
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

async fn place(run: &Run, of: (&Head, End), packs: &mut Vec<Packed>) -> Result<()> {
    let (head, (last, id, base)) = of;
    let layout = run.look().await?;
    let floor = layout.held.control.floor.sequence;
    let used = if head.after > 0 { 0 } else { floor - 1 };
    if used > last {
        if !run.ask.supports().commit {
            return Err(occupied(run));
        }
        // Numbers never return: a fence keeps the last one that was given.
        let record = fence::record(run, (id, base)).await?;
        let (mut builder, raw) = (Builder::new(1), Default::default());
        builder.push(&Entry {
            sequence: used,
            record: &record,
            parent: id,
            extents: None,
            follows: false,
            hidden: false,
            raw: &raw,
        })?;
        packs.push(rewrite::put(run, builder.finish()?, To::Store).await?);
    }
    change::control(run, |layout, control| {
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
        control.loose = last.max(used) + 1;
        control.hint = last;
        control.cuts += 1;
        Ok(())
    })
    .await
}

fn occupied(run: &Run) -> Error {
    let message = format!(
        "{} exists and is not what this file goes on from; import it under another name.",
        run.shared.name
    );
    Error::new(Code::Conflict, message).at(|p| p.timeline = Some(run.shared.name.to_string()))
}

fn newer() -> Error {
    let message = "A timeline's file was written by a newer version of Keepstate; update.";
    Error::new(Code::FormatTooNew, message)
}

fn damaged(how: &str) -> Error {
    let message = format!("A timeline's file is damaged: {how}; export it again.");
    Error::new(Code::Corrupt, message)
}
