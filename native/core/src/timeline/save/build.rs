//! From a save to a record: what is new, the edit, the compressed bytes, the id.

use std::collections::BTreeMap;
use std::ops::Range;

use bytes::Bytes;

use super::fresh::{self, Fresh};
use super::idempotency::Keys;
use super::matcher;
use super::queue::{Change, Save, Splice};
use crate::codec::{ContextEncoder, MAX_FRAME_VALUES};
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::timeline::form::edit::Edit;
use crate::timeline::form::extent::{Extent, Extents};
use crate::timeline::form::meta::Meta;
use crate::timeline::form::parts::Parts;
use crate::timeline::form::record::{Content, Form, Id, Record};
use crate::timeline::operation::run::Run;
use crate::timeline::read::fetch;
use crate::timeline::read::tail::Tail;

/// Above this many extents a state is written anew: many random edits must not make every later
/// save and restore slow.
const EXTENTS_MAX: usize = 4096;
/// A replacement of at least this many bytes by as many is searched for what stayed.
const REFINED_MIN: u64 = 64;
/// A state that was scattered and is written anew is cut if it is longer: else it is what a restore
/// reads at once.
const GATHERED_MIN: u64 = 4 << 20;
/// A longer state is not read again to be compared with the next one.
const MATCHED_MAX: u64 = 512 << 20;
/// Fewer new bytes are stored as they are.
const COMPRESSED_MIN: usize = 24;

/// What the next save builds on.
pub struct Ground {
    /// The latest snapshot, acknowledged or on its way.
    pub tail: Tail,
    /// The number of the first one that is on its way, or will be.
    pub first: u64,
    /// The running frame.
    encoder: ContextEncoder,
    /// The snapshot that began it.
    begins: u64,
    /// A record without a frame lies in the last value: what follows must not continue over it.
    broken: bool,
    /// New bytes on their way, by their logical offset.
    pending: BTreeMap<u64, Bytes>,
    /// The latest acknowledged snapshot.
    settled: u64,
    /// The idempotency keys of the latest snapshots, once one was asked for.
    pub keys: Option<Keys>,
    /// Whether the latest state was handed over through this handle, so that edits may build on it.
    pub captured: bool,
}

impl Ground {
    /// Reads it from the store.
    pub async fn load(run: &Run) -> Result<Ground> {
        let encoder = ContextEncoder::new(Some(run.shared.options.level))?;
        let tail = Tail::load(run).await?;
        let (settled, pending) = (tail.sequence, BTreeMap::new());
        let (begins, broken, keys, captured) = (0, false, None, false);
        let first = tail.sequence + 1;
        Ok(Ground { tail, first, encoder, begins, broken, pending, settled, keys, captured })
    }
}

/// A record that is ready to be written.
pub struct Built {
    /// The record.
    pub record: Record,
    /// Its new bytes; none where they came in a stream.
    pub fresh: Option<Bytes>,
    /// Its parent's id.
    pub parent: Id,
    /// Its metadata.
    pub meta: Meta,
}

/// What a save changes, worked out.
struct Difference {
    edit: Edit,
    fresh: Bytes,
    extents: Extents,
    whole: Option<Bytes>,
}

/// Makes a record of a save and advances the ground as if it were acknowledged.
pub async fn build(run: &Run, ground: &mut Ground, save: Save) -> Result<Built> {
    let Save { change, mut meta, .. } = save;
    if meta.time == 0 {
        meta.time = run.ask.now().await?;
    }
    let streamed = match &change {
        Change::Streamed(streamed) => Some(streamed.clone()),
        _ => None,
    };
    let mut difference = difference(run, ground, change).await?;
    let scattered = difference.extents.count() > EXTENTS_MAX;
    if (scattered || ground.tail.fenced) && streamed.is_none() {
        difference = consolidated(run, ground, difference).await?;
    }
    let sha256 = match &streamed {
        Some(streamed) => streamed.sha256,
        None => sha256(run, ground, &difference).await?,
    };
    let Difference { edit, fresh, extents, whole } = difference;
    let mut coded = Vec::new();
    edit.encode(&mut coded);
    let mut record = Record {
        id: Id::default(),
        parent: None,
        fence: false,
        hidden: false,
        base: ground.tail.base,
        length: extents.length(),
        meta: meta.encode()?,
        edit: coded.into(),
        manifest: None,
        sha256,
        raw: edit.new_length(),
        form: Form::Plain,
        stored: Bytes::new(),
        size: 0,
        leads: false,
    };
    ground.tail.place_manifest(&mut record, &extents);
    let hash = match &streamed {
        Some(streamed) => {
            fresh::follow(run, ground, &streamed.claim).await?;
            let parts = Parts { list: streamed.parts.clone(), inline: Bytes::new() };
            fresh::in_parts(run, ground, (&mut record, &parts, streamed.added))?;
            streamed.hash
        }
        None => {
            let least = if scattered { GATHERED_MIN } else { 0 };
            let cut_from = run.shared.options.cut_from.max(least);
            let new = Fresh { edit: &edit, bytes: &fresh, cut_from };
            fresh::store(run, ground, (&mut record, new)).await?;
            digest::blake3(&fresh)
        }
    };
    let parent = ground.tail.id;
    record.id = identify(&record, &parent, hash);
    record.parent = record.manifest.is_some().then_some(parent);
    record.size = record.encoded_length();
    let fresh = streamed.is_none().then_some(fresh);
    if let Some(fresh) = &fresh {
        ground.pending.insert(record.base, fresh.clone());
    }
    ground.tail.advance(&record, (extents, whole));
    ground.tail.guard = guard(&record, fresh.as_ref());
    ground.captured = fresh.is_some();
    if let (Some(keys), Some(key)) = (&mut ground.keys, &meta.idempotency_key) {
        keys.insert(key.clone(), ground.tail.sequence);
    }
    Ok(Built { record, fresh, parent, meta })
}

/// The id of a record behind that parent, its new bytes having this hash.
pub fn identify(record: &Record, parent: &Id, fresh: [u8; 32]) -> Id {
    let Record { base, length, edit, meta, fence, .. } = record;
    Content { base: *base, length: *length, edit, fresh, meta, fence: *fence }.id(parent)
}

/// What the next record of the frame says of this one. Parts are in no frame, and end it.
fn guard(record: &Record, fresh: Option<&Bytes>) -> Option<u32> {
    fresh.filter(|_| !record.is_in_parts()).map(|fresh| digest::crc32c(fresh))
}

/// Continues the running frame, or begins a new one where the old one has had enough or its last
/// piece is not known to be the record before.
pub fn compress(ground: &mut Ground, record: &mut Record, what: (u64, &Bytes)) -> Result<()> {
    let (sequence, fresh) = what;
    if fresh.len() < COMPRESSED_MIN {
        record.stored = fresh.clone();
        return Ok(());
    }
    if sequence - ground.begins >= u64::from(MAX_FRAME_VALUES) || ground.tail.guard.is_none() {
        ground.encoder.reset()?;
    }
    let mut stored = Vec::with_capacity(fresh.len() / 4 + 64);
    if ground.encoder.push(fresh, &mut stored)? == 0 {
        ground.begins = sequence;
    }
    let back = sequence - ground.begins;
    let guard = if back == 0 { 0 } else { ground.tail.guard.unwrap_or_default() };
    record.form = Form::Continued { back, guard };
    record.stored = stored.into();
    Ok(())
}

impl Ground {
    /// Makes so many next values share a frame, so that the value they lie in can be packed.
    pub fn share_frame(&mut self, count: usize) -> Result<()> {
        let next = self.tail.sequence + 1;
        if std::mem::take(&mut self.broken) {
            self.break_frame()?;
            self.broken = false;
        }
        if next + count as u64 - self.begins > u64::from(MAX_FRAME_VALUES) {
            self.encoder.reset()?;
            self.begins = 0;
        }
        Ok(())
    }

    /// What follows begins a frame of its own.
    pub fn break_frame(&mut self) -> Result<()> {
        self.encoder.reset()?;
        (self.begins, self.broken) = (0, true);
        self.tail.guard = None;
        Ok(())
    }

    /// Compresses records anew, in a frame of their own. Their ids stay: storage is not in them.
    pub fn reframe(&mut self, first: u64, built: &mut [Built]) -> Result<()> {
        self.encoder.reset()?;
        self.begins = 0;
        self.tail.guard = None;
        for (sequence, part) in (first..).zip(built) {
            if let Some(fresh) = part.fresh.as_ref().filter(|_| !part.record.is_in_parts()) {
                part.record.form = Form::Plain;
                compress(self, &mut part.record, (sequence, fresh))?;
                part.record.size = part.record.encoded_length();
                self.tail.guard = Some(digest::crc32c(fresh));
            } else {
                self.break_frame()?;
            }
        }
        Ok(())
    }
}

async fn difference(run: &Run, ground: &Ground, change: Change) -> Result<Difference> {
    let tail = &ground.tail;
    let (mut edit, mut fresh) = (Edit::default(), Vec::new());
    let whole = match change {
        Change::Streamed(streamed) => {
            edit.drop(tail.extents.length());
            edit.insert(streamed.length);
            None
        }
        Change::Whole(new) => {
            let old = match &tail.whole {
                Some(whole) => whole.clone(),
                None if tail.extents.length() > MATCHED_MAX => Bytes::new(),
                None => ground.bytes(run, &tail.extents).await?,
            };
            edit.drop(tail.extents.length() - old.len() as u64);
            matcher::diff(&old, &new, (&mut edit, &mut fresh));
            Some(new)
        }
        Change::Edits { splices, fresh: new, .. } => {
            let mut reader = Splicer { position: 0, taken: 0, new };
            for splice in splices {
                let (gap, new) = reader.next(tail.extents.length(), splice)?;
                edit.keep(gap);
                if splice.old >= REFINED_MIN && splice.new >= REFINED_MIN {
                    let part = tail.extents.slice(splice.position, splice.old);
                    matcher::diff(&ground.bytes(run, &part).await?, &new, (&mut edit, &mut fresh));
                } else {
                    edit.drop(splice.old);
                    edit.insert(splice.new);
                    fresh.extend_from_slice(&new);
                }
            }
            None
        }
    };
    let edit = edit.finish();
    let extents = edit.apply(&tail.extents, tail.base)?;
    Ok(Difference { edit, fresh: fresh.into(), extents, whole })
}

/// Checks splices one after another and hands out what lies between them and what they insert.
struct Splicer {
    position: u64,
    taken: usize,
    new: Bytes,
}

impl Splicer {
    fn next(&mut self, length: u64, splice: Splice) -> Result<(u64, Bytes)> {
        let end = splice.position.checked_add(splice.old).filter(|end| *end <= length);
        let gap = splice.position.checked_sub(self.position);
        let upto = usize::try_from(splice.new).ok().and_then(|new| self.taken.checked_add(new));
        let upto = upto.filter(|upto| *upto <= self.new.len());
        let (Some(end), Some(gap), Some(upto)) = (end, gap, upto) else {
            let message =
                "The edits of a save do not fit the state before it; save the whole state.";
            return Err(Error::new(Code::InvalidArgument, message));
        };
        let new = self.new.slice(self.taken..upto);
        (self.position, self.taken) = (end, upto);
        Ok((gap, new))
    }
}

/// The same state, all of it new bytes.
async fn consolidated(
    run: &Run,
    ground: &mut Ground,
    difference: Difference,
) -> Result<Difference> {
    let fresh = whole(run, ground, &difference).await?;
    let mut edit = Edit::default();
    edit.drop(ground.tail.extents.length());
    edit.insert(fresh.len() as u64);
    let extents = edit.apply(&ground.tail.extents, ground.tail.base)?;
    Ok(Difference { edit, fresh, extents, whole: difference.whole })
}

async fn sha256(
    run: &Run,
    ground: &mut Ground,
    difference: &Difference,
) -> Result<Option<[u8; 32]>> {
    if !run.shared.options.full_integrity {
        return Ok(None);
    }
    Ok(Some(digest::sha256(&whole(run, ground, difference).await?)))
}

/// The bytes of a state that is not written yet.
async fn whole(run: &Run, ground: &mut Ground, difference: &Difference) -> Result<Bytes> {
    if let Some(whole) = &difference.whole {
        return Ok(whole.clone());
    }
    ground.pending.insert(ground.tail.base, difference.fresh.clone());
    ground.bytes(run, &difference.extents).await
}

impl Ground {
    /// The bytes of extents, some of which are on their way to the store.
    async fn bytes(&self, run: &Run, extents: &Extents) -> Result<Bytes> {
        let acknowledged = self.pending.keys().next().copied().unwrap_or(u64::MAX);
        let mut held = Extents::default();
        for extent in extents.iter().filter(|extent| extent.offset < acknowledged) {
            let length = extent.length.min(acknowledged - extent.offset);
            held.push(Extent { length, ..*extent });
        }
        let gather = || fetch::gather(run, &held, self.settled);
        let mut held = run.again(|| Box::pin(gather())).await?;
        if held.len() as u64 == extents.length() {
            return Ok(held.into());
        }
        let mut bytes = Vec::with_capacity(extents.length() as usize);
        for extent in extents.iter() {
            let old = acknowledged.saturating_sub(extent.offset).min(extent.length);
            bytes.extend(held.drain(..old as usize));
            self.copy_pending(extent.offset + old..extent.end(), &mut bytes);
        }
        Ok(bytes.into())
    }

    /// Everything that was on its way is acknowledged.
    pub fn settle(&mut self) {
        self.pending.clear();
        self.settled = self.tail.sequence;
    }

    fn copy_pending(&self, range: Range<u64>, bytes: &mut Vec<u8>) {
        let first = self.pending.range(..=range.start).next_back().map_or(0, |(base, _)| *base);
        for (base, fresh) in self.pending.range(first..range.end) {
            let start = range.start.saturating_sub(*base).min(fresh.len() as u64) as usize;
            let end = (range.end - base).min(fresh.len() as u64) as usize;
            bytes.extend_from_slice(&fresh[start..end]);
        }
    }
}
