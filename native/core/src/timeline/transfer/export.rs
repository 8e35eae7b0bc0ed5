//! A timeline as one file: a head, packs and the chunks that they need, an end. Whatever store it
//! came from, it is the same form.

use std::collections::HashSet;
use std::mem;

use bytes::Bytes;
use parking_lot::Mutex;

use super::carry::{self, Load, Told};
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::timeline::form::sections::{Floor, Section, Tag};
use crate::timeline::form::snapshot::At;
use crate::timeline::keep::rewrite::{self, Fate, Job, To};
use crate::timeline::operation::run::Run;
use crate::timeline::read::parted::Parted;
use crate::timeline::read::{list, tail};
use crate::wire::{put_bytes, put_varint, Reader};

/// What every such file begins with.
pub const MAGIC: [u8; 8] = *b"KSTIMELN";
/// The version of the form; mandatory features: none yet.
pub const VERSION: [u8; 4] = [1, 0, 0, 0];
/// The level of zstd.
const LEVEL: i32 = 9;

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Its bytes.
    pub bytes: Bytes,
    /// What gives the part behind it; none: that was the last one.
    pub next: Option<Cursor>,
}

/// Where the next part begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The first sequence that is not told yet; 0: nothing is.
    pub sequence: u64,
    /// The last one that will be.
    pub last: u64,
    /// Only what comes behind this one.
    pub after: u64,
    /// How often snapshots were taken out when it began.
    pub cuts: u64,
    /// How many chunks of the first snapshot are told.
    pub chunk: u64,
}

/// What the head says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The timeline that it was.
    pub timeline: String,
    /// What comes behind this sequence is told; 0: everything.
    pub after: u64,
    /// Below it nothing is shown.
    pub floor: Floor,
    /// Names.
    pub tags: Vec<Tag>,
}

/// The kinds of sections.
pub mod kind {
    /// `Head`.
    pub const HEAD: u8 = 1;
    /// The value of a pack.
    pub const PACK: u8 = 2;
    /// The last sequence, and its id.
    pub const END: u8 = 3;
    /// Chunks.
    pub const CHUNKS: u8 = 4;
}

/// Gives the next part.
pub async fn part(run: &Run, at: &Cursor, known: &Told) -> Result<Part> {
    if at.sequence == 0 {
        return head(run, at).await;
    }
    let mut told = known.recall(at);
    let part = match carry::window(run, at, &mut told).await? {
        Some(part) => part,
        None => pack(run, at, &mut told).await?,
    };
    unmoved(run, at).await?;
    known.note(part.next, told);
    Ok(part)
}

/// A pack, and before it the chunks that it needs. It ends before a snapshot that needs too many.
async fn pack(run: &Run, at: &Cursor, told: &mut HashSet<[u8; 32]>) -> Result<Part> {
    let fate = |_| Fate::Stays;
    let job = Job { first: at.sequence, last: at.last, fate: &fate, level: LEVEL, to: To::File };
    let load = Mutex::new(Load::new(mem::take(told)));
    // Those of the first snapshot are told.
    let take = |parted: &Parted| parted.sequence == at.sequence || load.lock().take(parted);
    let (built, next) = rewrite::build_of(run, &job, &take).await?;
    let mut out = Vec::new();
    *told = load.into_inner().tell(run, &mut out).await?;
    if let Some(built) = built {
        section(&mut out, kind::PACK, &built.value);
    }
    if let Some(sequence) = next {
        let next = Some(Cursor { sequence, chunk: 0, ..*at });
        return Ok(Part { bytes: out.into(), next });
    }
    let last = list::show(run, &At::Sequence(at.last)).await?;
    let mut end = Vec::new();
    put_varint(&mut end, last.sequence);
    end.extend_from_slice(&last.id.0);
    section(&mut out, kind::END, &end);
    Ok(Part { bytes: out.into(), next: None })
}

/// Parts that were read before and after snapshots were taken out do not belong together.
async fn unmoved(run: &Run, at: &Cursor) -> Result<()> {
    if run.look().await?.held.control.cuts == at.cuts {
        return Ok(());
    }
    let name = run.shared.name.to_string();
    let message = format!("Snapshots of {name} were removed while it was exported; export again.");
    Err(Error::new(Code::Conflict, message).at(|place| place.timeline = Some(name)))
}

async fn head(run: &Run, at: &Cursor) -> Result<Part> {
    let layout = run.look().await?;
    let Some(last) = tail::latest_state(run).await? else {
        return Err(Error::new(Code::NotFound, list::empty(run)));
    };
    let control = &layout.held.control;
    if at.after > 0 {
        list::present(run, at.after).await?;
    }
    let head = Head {
        timeline: run.shared.name.to_string(),
        after: at.after,
        floor: control.floor.clone(),
        tags: control.tags.iter().filter(|tag| tag.sequence <= last).cloned().collect(),
    };
    let mut out = Vec::new();
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION);
    section(&mut out, kind::HEAD, &head.encode());
    let oldest = layout.oldest().min(control.floor.sequence);
    let sequence = if at.after == 0 { oldest } else { at.after + 1 };
    let next = Cursor { sequence, last, after: at.after, cuts: control.cuts, chunk: 0 };
    if sequence > last {
        let mut end = Vec::new();
        put_varint(&mut end, last);
        end.extend_from_slice(&list::show(run, &At::Sequence(last)).await?.id.0);
        section(&mut out, kind::END, &end);
        return Ok(Part { bytes: out.into(), next: None });
    }
    Ok(Part { bytes: out.into(), next: Some(next) })
}

/// A section: kind, length, content, and a checksum of all that.
pub fn section(out: &mut Vec<u8>, kind: u8, content: &[u8]) {
    let begins = out.len();
    out.push(kind);
    out.extend_from_slice(&(content.len() as u32).to_le_bytes());
    out.extend_from_slice(content);
    let sum = digest::crc32c(&out[begins..]);
    out.extend_from_slice(&sum.to_le_bytes());
}

impl Head {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        put_bytes(&mut out, self.timeline.as_bytes());
        put_varint(&mut out, self.after);
        self.floor.encode(&mut out);
        self.tags.iter().for_each(|tag| tag.encode(&mut out));
        out
    }

    /// The head in these bytes.
    pub fn decode(bytes: &[u8]) -> Result<Head> {
        let mut reader = Reader::new(bytes, "timeline file");
        let (timeline, after) = (reader.text()?.to_owned(), reader.varint()?);
        let floor = Floor::decode(&mut reader)?;
        let mut tags: Vec<Tag> = Vec::new();
        while reader.left() > 0 {
            let tag = Tag::decode(&mut reader)?;
            if tags.last().is_some_and(|before| before.name >= tag.name) {
                return Err(reader.damage("its tags are out of order"));
            }
            tags.push(tag);
        }
        Ok(Head { timeline, after, floor, tags })
    }
}
