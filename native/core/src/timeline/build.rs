//! From a save to a record: what is new, the edit, the compressed bytes, the id.

use bytes::Bytes;

use super::append::{Change, Save, Splice};
use super::edit::Edit;
use super::extent::Extents;
use super::fetch::Records;
use super::matcher;
use super::meta::Meta;
use super::record::{Content, Form, Id, Record};
use super::restore;
use super::tail::Tail;
use super::Run;
use crate::codec::{ContextEncoder, MAX_FRAME_VALUES};
use crate::digest;
use crate::error::{Code, Error, Result};

/// Above this many extents a state is written anew: many random edits must not make every later
/// save and restore slow.
const EXTENTS_MAX: usize = 4096;
/// A replacement of at least this many bytes by as many is searched for what stayed.
const REFINED_MIN: u64 = 64;
/// Fewer new bytes are stored as they are.
const COMPRESSED_MIN: usize = 24;

/// What the next save builds on.
pub struct Ground {
    /// The latest snapshot, acknowledged or on its way.
    pub tail: Tail,
    /// The running frame.
    encoder: ContextEncoder,
    /// The snapshot that began it.
    begins: u64,
    /// Whether the latest state was handed over through this handle, so that edits may build on it.
    pub captured: bool,
}

impl Ground {
    /// Reads it from the store.
    pub async fn load(run: &Run) -> Result<Ground> {
        let encoder = ContextEncoder::new(run.shared.options.level)?;
        Ok(Ground { tail: Tail::load(run).await?, encoder, begins: 0, captured: false })
    }
}

/// A record that is ready to be written.
pub struct Built {
    /// The record.
    pub record: Record,
    /// Its new bytes.
    pub fresh: Bytes,
    /// Its parent's id.
    pub parent: Id,
    /// Its metadata.
    pub meta: Meta,
}

/// What a save changes, worked out.
struct Difference {
    edit: Edit,
    fresh: Vec<u8>,
    extents: Extents,
    whole: Option<Bytes>,
}

/// Makes a record of a save and advances the ground as if it were acknowledged.
pub async fn build(run: &Run, ground: &mut Ground, save: Save) -> Result<Built> {
    let Save { change, mut meta, .. } = save;
    if meta.time == 0 {
        meta.time = run.ask.now().await?;
    }
    let tail = &mut ground.tail;
    let mut difference = difference(run, tail, change).await?;
    if difference.extents.count() > EXTENTS_MAX {
        difference = consolidated(run, tail, difference).await?;
    }
    let Difference { edit, fresh, extents, whole } = difference;
    let mut coded = Vec::new();
    edit.encode(&mut coded);
    let mut record = Record {
        id: Id::default(),
        parent: None,
        fence: false,
        base: tail.base,
        length: extents.length(),
        meta: meta.encode()?,
        edit: coded.into(),
        manifest: None,
        sha256: sha256(run, &whole, (tail, &extents, &fresh)).await?,
        raw: fresh.len() as u64,
        form: Form::Plain,
        stored: Bytes::new(),
        size: 0,
    };
    tail.place_manifest(&mut record, &extents);
    let fresh = Bytes::from(fresh);
    compress(ground, &mut record, &fresh)?;
    let tail = &mut ground.tail;
    let parent = tail.id;
    record.id = identify(&record, &parent, &fresh);
    tail.id = record.id;
    record.parent = record.manifest.is_some().then_some(parent);
    record.size = record.encoded_length();
    tail.sequence += 1;
    tail.base += record.raw;
    tail.extents = extents;
    tail.whole = whole;
    tail.guard = Some(digest::crc32c(&fresh));
    ground.captured = true;
    Ok(Built { record, fresh, parent, meta })
}

fn identify(record: &Record, parent: &Id, fresh: &[u8]) -> Id {
    let Record { base, length, edit, meta, fence, .. } = record;
    Content { base: *base, length: *length, edit, fresh, meta, fence: *fence }.id(parent)
}

/// Continues the running frame, or begins a new one where the old one has had enough or its last
/// piece is not known to be the record before.
fn compress(ground: &mut Ground, record: &mut Record, fresh: &Bytes) -> Result<()> {
    if fresh.len() < COMPRESSED_MIN {
        record.stored = fresh.clone();
        return Ok(());
    }
    let sequence = ground.tail.sequence + 1;
    if sequence - ground.begins > u64::from(MAX_FRAME_VALUES) || ground.tail.guard.is_none() {
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

async fn difference(run: &Run, tail: &Tail, change: Change) -> Result<Difference> {
    let (mut edit, mut fresh) = (Edit::default(), Vec::new());
    let whole = match change {
        Change::Whole(new) => {
            let old = match &tail.whole {
                Some(whole) => whole.clone(),
                None => bytes(run, &tail.extents).await?,
            };
            matcher::diff(&old, &new, &mut edit, &mut fresh);
            Some(new)
        }
        Change::Edits { splices, fresh: new, .. } => {
            let mut reader = Splicer { position: 0, taken: 0, new };
            for splice in splices {
                let (gap, new) = reader.next(tail.extents.length(), splice)?;
                edit.keep(gap);
                if splice.old >= REFINED_MIN && splice.new >= REFINED_MIN {
                    let part = tail.extents.slice(splice.position, splice.old);
                    matcher::diff(&bytes(run, &part).await?, &new, &mut edit, &mut fresh);
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
    Ok(Difference { edit, fresh, extents, whole })
}

async fn bytes(run: &Run, extents: &Extents) -> Result<Bytes> {
    let mut records = Records::new();
    restore::bytes(run, extents, &mut records).await.map(Bytes::from)
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
            let message = "The edits of a save do not fit the state before it; save the whole state.";
            return Err(Error::new(Code::InvalidArgument, message));
        };
        let new = self.new.slice(self.taken..upto);
        (self.position, self.taken) = (end, upto);
        Ok((gap, new))
    }
}

/// The same state, all of it new bytes.
async fn consolidated(run: &Run, tail: &Tail, difference: Difference) -> Result<Difference> {
    let bytes = match &difference.whole {
        Some(whole) => whole.clone(),
        None => assembled(run, tail, (&difference.extents, &difference.fresh)).await?,
    };
    let mut edit = Edit::default();
    edit.drop(tail.extents.length());
    edit.insert(bytes.len() as u64);
    let extents = edit.apply(&tail.extents, tail.base)?;
    Ok(Difference { edit, fresh: bytes.to_vec(), extents, whole: difference.whole })
}

/// The bytes of a state that is not written yet: some lie in the store, some in `fresh`.
async fn assembled(run: &Run, tail: &Tail, state: (&Extents, &[u8])) -> Result<Bytes> {
    let (extents, fresh) = state;
    let mut held = Extents::default();
    extents.iter().filter(|e| e.offset < tail.base).for_each(|e| {
        held.push(super::extent::Extent { length: e.length.min(tail.base - e.offset), ..*e });
    });
    let held = bytes(run, &held).await?;
    let mut whole = Vec::with_capacity(extents.length() as usize);
    let mut taken = 0;
    for extent in extents.iter() {
        let old = tail.base.saturating_sub(extent.offset).min(extent.length) as usize;
        whole.extend_from_slice(&held[taken..taken + old]);
        taken += old;
        let start = (extent.offset + old as u64).saturating_sub(tail.base) as usize;
        let new = extent.length as usize - old;
        whole.extend_from_slice(&fresh[start..start + new]);
    }
    Ok(whole.into())
}

async fn sha256(
    run: &Run,
    whole: &Option<Bytes>,
    state: (&Tail, &Extents, &[u8]),
) -> Result<Option<[u8; 32]>> {
    if !run.shared.options.full_integrity {
        return Ok(None);
    }
    let (tail, extents, fresh) = state;
    match whole {
        Some(whole) => Ok(Some(digest::sha256(whole))),
        None => Ok(Some(digest::sha256(&assembled(run, tail, (extents, fresh)).await?))),
    }
}
