//! Reading packs: their directories, and of their blocks only those that are wanted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;

use super::fetch::{Fresh, Records, Sources};
use super::parted::Parted;
use crate::error::{Code, Error, Result};
use crate::machine::Request;
use crate::store::Range;
use crate::timeline::form::name::Name;
use crate::timeline::form::pack::{Block, Directory};
use crate::timeline::form::parts::Parts;
use crate::timeline::form::record::Raw;
use crate::timeline::form::record::{Form, Id, Record};
use crate::timeline::form::sections::Packed;
use crate::timeline::operation::layout::{Place, Region};
use crate::timeline::operation::run::Run;

/// A pack up to this size is read at once: a second round would take longer.
pub const WHOLE_MAX: u64 = 128 * 1024;

/// What is wanted of which packs: parts (from, to) of the sequences, or of the logical space.
#[derive(Default)]
pub struct Wanted(BTreeMap<u64, Want>);

struct Want {
    name: Name,
    pack: Packed,
    /// What lies behind this in the pack belongs to another history.
    last: u64,
    what: Vec<(u64, u64)>,
}

/// What parts are of.
#[derive(Clone, Copy)]
enum By {
    Sequence,
    Offset,
}

impl By {
    fn bounds(self, block: &Block) -> (u64, u64) {
        match self {
            By::Sequence => (block.first, block.last + 1),
            By::Offset => (block.base, block.end),
        }
    }
}

impl Want {
    fn new((region, pack): (&Region, &Packed)) -> Want {
        let (name, last) = (region.name.clone(), region.last);
        Want { name, pack: pack.clone(), last, what: Vec::new() }
    }
}

impl Wanted {
    /// Adds one; `within` is whose pack, and which.
    pub fn add(&mut self, within: (&Region, &Packed), what: (u64, u64)) {
        let want = self.0.entry(within.1.first).or_insert_with(|| Want::new(within));
        want.what.push(what);
    }
}

/// Blocks of a pack that are to be read.
struct Opened {
    want: Want,
    directory: Arc<Directory>,
    /// The whole value, where it was read.
    whole: Option<Bytes>,
}

/// A block that is to be read, or was.
struct Asked {
    home: Name,
    block: Block,
    /// That of its pack.
    nonce: [u8; 8],
    /// What lies behind this in the block belongs to another history.
    last: u64,
    /// Only what lies here in the logical space is wanted; none: everything.
    parts: Option<Arc<Vec<(u64, u64)>>>,
}

impl Asked {
    fn wants(&self, record: &Record) -> bool {
        let Some(parts) = &self.parts else { return true };
        let at = parts.partition_point(|(_, to)| *to <= record.base);
        parts.get(at).is_some_and(|(from, _)| *from < record.base + record.raw)
    }
}

/// How much of a block is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Heads,
    All,
}

/// The records of these sequences, and of those in the same blocks.
pub async fn heads(run: &Run, wanted: Wanted, records: &mut Records) -> Result<()> {
    let mut blocks = Vec::new();
    for opened in open(run, wanted).await? {
        for block in opened.touched(By::Sequence) {
            let nonce = opened.want.pack.nonce;
            let what = &opened.want.what;
            let known = {
                let cache = run.cache();
                let within = |s: &u64| (block.first..=block.last).contains(s);
                let held = what.iter().map(|(sequence, _)| *sequence).filter(within);
                // Another operation may have remembered them while this one waited.
                records.extend(held.filter_map(|s| Some((s, cache.record(s)?))));
                let upto = block.last.min(opened.want.last);
                cache.is_whole(&nonce, &Block { last: upto, ..block.clone() })
            };
            if !known {
                blocks.push((opened.part(block, Depth::Heads), opened.asked(block, None)));
            }
        }
    }
    for (Asked { block, last, nonce, .. }, stored) in read(run, blocks).await? {
        let placed = run.placed(block.first);
        let found = block.records(&stored).map_err(placed)?;
        let mut cache = run.cache();
        let mut count = 0;
        for (sequence, record) in found.iter().filter(|(sequence, _)| *sequence <= last) {
            records.insert(*sequence, cache.keep(*sequence, record));
            count += 1;
        }
        // What lies behind it in the same numbers is of another history.
        let upto = block.last.min(last);
        cache.keep_whole(nonce, (&Block { last: upto, ..block }, count));
    }
    Ok(())
}

/// The new bytes that lie in these parts of the logical space.
pub async fn pieces(run: &Run, wanted: Wanted, pieces: &mut Sources) -> Result<()> {
    for (_, record, fresh) in blocks(run, wanted, By::Offset).await? {
        if record.raw > 0 {
            pieces.insert(record.base, fresh);
        }
    }
    Ok(())
}

/// The parts of all records of a pack that are in parts.
pub async fn parts(run: &Run, of: (&Region, &Packed)) -> Result<Vec<(u64, Parts)>> {
    let mut found = Vec::new();
    let wanted = Wanted(BTreeMap::from([(of.1.first, Want::new(of))]));
    for opened in open(run, wanted).await? {
        for block in &opened.directory.blocks {
            let heads = vec![(opened.part(block, Depth::Heads), opened.asked(block, None))];
            let placed = run.placed(block.first);
            let apart = |record: &Record| matches!(record.form, Form::Apart { .. });
            let mut any = false;
            for (_, stored) in read(run, heads).await? {
                let records = block.records(&stored).map_err(&placed)?;
                any |= records.iter().any(|(_, record)| apart(record));
            }
            let all = vec![(opened.part(block, Depth::All), opened.asked(block, None))];
            for (asked, stored) in if any { read(run, all).await? } else { Vec::new() } {
                for (sequence, record, stored) in asked.split(&stored).map_err(&placed)? {
                    if apart(&record) {
                        found
                            .push((sequence, Parts::decode(&stored, record.raw).map_err(&placed)?));
                    }
                }
            }
        }
    }
    Ok(found)
}

/// The new bytes of these sequences, and of those in the same blocks.
pub async fn raws(run: &Run, wanted: Vec<u64>, raws: &mut BTreeMap<u64, Fresh>) -> Result<()> {
    let layout = run.layout().await?;
    let mut packed = Wanted::default();
    for sequence in wanted {
        match layout.place(sequence) {
            Place::Pack(region, pack) => packed.add((region, pack), (sequence, sequence + 1)),
            _ => return Err(run.shifted()),
        }
    }
    for (sequence, _, fresh) in blocks(run, packed, By::Sequence).await? {
        raws.insert(sequence, fresh);
    }
    Ok(())
}

/// Reads every block that holds something wanted. What is given was proven, but for what lies in
/// parts: by sequences all of the blocks, by offsets only what was asked for.
async fn blocks(run: &Run, wanted: Wanted, by: By) -> Result<Vec<(u64, Record, Fresh)>> {
    let mut blocks = Vec::new();
    for opened in open(run, wanted).await? {
        let parts = match by {
            By::Sequence => None,
            By::Offset => Some(Arc::new(opened.want.what.clone())),
        };
        for block in opened.touched(by) {
            let asked = opened.asked(block, parts.clone());
            blocks.push((opened.part(block, Depth::All), asked));
        }
    }
    let mut found = Vec::new();
    for (asked, stored) in read(run, blocks).await? {
        found.append(&mut proven(run, &asked, &stored)?);
    }
    Ok(found)
}

/// The records of a block that are wanted and their new bytes, each proven by its id.
fn proven(run: &Run, asked: &Asked, stored: &Bytes) -> Result<Vec<(u64, Record, Fresh)>> {
    let mut found = Vec::new();
    let mut parent = Id::default();
    for (sequence, record, raw) in asked.split(stored).map_err(run.placed(asked.block.first))? {
        if sequence > asked.last {
            break;
        }
        let before = record.parent.unwrap_or(parent);
        parent = record.id;
        if !asked.wants(&record) {
            continue;
        }
        let placed = run.placed(sequence);
        let fresh = if matches!(record.form, Form::Apart { .. }) {
            let parts = Parts::decode(&raw, record.raw).map_err(placed)?;
            let (record, home) = (record.clone(), asked.home.clone());
            Fresh::Parted(Arc::new(Parted { sequence, record, parent: before, home, parts }))
        } else {
            record.prove(&before, &raw).map_err(placed)?;
            Fresh::Proven(raw)
        };
        found.push((sequence, record, fresh));
    }
    // Only now: a save that comes beside this must not wait for proofs.
    let mut cache = run.cache();
    for (sequence, record, fresh) in &found {
        if let Fresh::Proven(raw) = fresh {
            cache.keep_raw(*sequence, record, raw.clone());
        }
    }
    Ok(found)
}

impl Asked {
    /// The records of the block, and what it holds of each.
    fn split(&self, stored: &Bytes) -> Result<Vec<(u64, Record, Raw)>> {
        let split = (self.block.heads.stored as usize).min(stored.len());
        let (heads, data) = stored.split_at(split);
        let records = self.block.records(heads)?;
        let raws = self.block.raws(&records, data)?;
        Ok(records.into_iter().zip(raws).map(|((s, record), raw)| (s, record, raw)).collect())
    }
}

/// The directories of packs, as far as they are not remembered.
async fn open(run: &Run, wanted: Wanted) -> Result<Vec<Opened>> {
    let mut opened = Vec::with_capacity(wanted.0.len());
    let mut unknown = Vec::new();
    {
        let cache = run.cache();
        for want in wanted.0.into_values() {
            match cache.directory(&want.pack.nonce) {
                Some(directory) => {
                    let whole = run.seen.wholes.lock().get(&want.pack.nonce).cloned();
                    opened.push(Opened { want, directory, whole });
                }
                None => unknown.push(want),
            }
        }
    }
    if unknown.is_empty() {
        return Ok(opened);
    }
    let requests = unknown.iter().map(|want| opening(&want.name, &want.pack));
    let asked = run.ask_all(requests.collect()).await?;
    for (want, found) in unknown.into_iter().zip(asked) {
        let key = want.pack.key(&want.name);
        let Some(found) = found else { return Err(run.moved(key)) };
        let whole = (want.pack.size <= WHOLE_MAX).then(|| found.value.clone());
        let directory = self::opened(run, (&key, &want.pack), found.value)?;
        opened.push(Opened { want, directory, whole });
    }
    Ok(opened)
}

/// What a pack is opened with: its directory, or all of it if it is small.
pub fn opening(name: &Name, pack: &Packed) -> Request {
    let range = Range { offset: 0, length: pack.head };
    Request::Get { key: pack.key(name), range: (pack.size > WHOLE_MAX).then_some(range) }
}

/// Remembers the directory of a pack that was opened.
pub fn opened(run: &Run, at: (&str, &Packed), value: Bytes) -> Result<Arc<Directory>> {
    let (key, pack) = at;
    let head = value.slice(..(pack.head as usize).min(value.len()));
    let directory = Directory::decode(key, &head, pack).map_err(run.placed(pack.first))?;
    let directory = Arc::new(directory);
    run.cache().keep_directory(pack.nonce, directory.clone());
    Ok(directory)
}

/// Bytes of a block that are there, or where to get them.
enum Part {
    Here(Bytes),
    At(String, Range),
}

impl Opened {
    /// The blocks that hold something wanted.
    fn touched(&self, by: By) -> impl Iterator<Item = &Block> {
        let blocks = &self.directory.blocks;
        let mut touched = BTreeSet::new();
        for (from, to) in &self.want.what {
            let first = blocks.partition_point(|block| by.bounds(block).1 <= *from);
            let within = |at: &usize| blocks.get(*at).is_some_and(|b| by.bounds(b).0 < *to);
            touched.extend((first..).take_while(within));
        }
        touched.into_iter().filter_map(|at| blocks.get(at))
    }

    fn asked(&self, block: &Block, parts: Option<Arc<Vec<(u64, u64)>>>) -> Asked {
        let Want { name, pack, last, .. } = &self.want;
        let (home, block, nonce) = (name.clone(), block.clone(), pack.nonce);
        Asked { home, block, nonce, last: *last, parts }
    }

    fn part(&self, block: &Block, depth: Depth) -> Part {
        let offset = block.heads.offset;
        let length = match depth {
            Depth::Heads => block.heads.stored,
            Depth::All => block.heads.stored + block.data.stored,
        };
        if let Some(whole) = &self.whole {
            // A value that is too short is noticed by its block's checksum.
            let end = whole.len().min((offset + length) as usize);
            return Part::Here(whole.slice((offset as usize).min(end)..end));
        }
        Part::At(self.want.pack.key(&self.want.name), Range { offset, length })
    }
}

/// The bytes of blocks, asked for together.
async fn read(run: &Run, blocks: Vec<(Part, Asked)>) -> Result<Vec<(Asked, Bytes)>> {
    let (mut here, mut asked, mut requests) = (Vec::new(), Vec::new(), Vec::new());
    for (part, block) in blocks {
        match part {
            Part::Here(bytes) => here.push((block, bytes)),
            Part::At(key, range) => {
                asked.push((block, key.clone()));
                requests.push(Request::Get { key, range: Some(range) });
            }
        }
    }
    if requests.is_empty() {
        return Ok(here);
    }
    for ((block, key), found) in asked.into_iter().zip(run.ask_all(requests).await?) {
        let Some(found) = found else { return Err(run.moved(key)) };
        here.push((block, found.value));
    }
    Ok(here)
}

/// What a pack's own key and value say of it.
pub fn recognize(key: &str, value: &Bytes) -> Result<Packed> {
    let nonce = key.rsplit_once('-').and_then(|(_, nonce)| crate::hex::decode(nonce).ok());
    let nonce = nonce.and_then(|nonce| <[u8; 8]>::try_from(nonce).ok());
    let Some(nonce) = nonce else {
        return Err(Error::new(Code::NotOurs, "A key is none of a pack; remove what is under it."));
    };
    let packed = Directory::extent(key, value)?;
    Ok(Packed { nonce, ..packed })
}
