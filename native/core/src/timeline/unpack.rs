//! Reading packs: their directories, and of their blocks only those that are wanted.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::fetch::{Pieces, Records};
use super::layout::{Place, Region};
use super::name::Name;
use super::pack::{Block, Directory};
use super::record::{Id, Record};
use super::sections::Packed;
use super::{Raw, Run};
use crate::error::{Code, Error, Result};
use crate::machine::Request;
use crate::store::Range;

/// A pack up to this size is read at once: a second round would take longer.
const WHOLE_MAX: u64 = 128 * 1024;

/// What is wanted of which packs: sequences, or offsets of the logical space.
#[derive(Default)]
pub struct Wanted(BTreeMap<u64, Want>);

struct Want {
    name: Name,
    pack: Packed,
    /// What lies behind this in the pack belongs to another history.
    last: u64,
    what: Vec<u64>,
}

impl Wanted {
    /// Adds one; `within` is whose pack, and which.
    pub fn add(&mut self, within: (&Region, &Packed), what: u64) {
        let (region, pack) = within;
        let want = || Want {
            name: region.name.clone(),
            pack: pack.clone(),
            last: region.last,
            what: Vec::new(),
        };
        self.0.entry(pack.first).or_insert_with(want).what.push(what);
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
    block: Block,
    /// What lies behind this in the block belongs to another history.
    last: u64,
}

/// How much of a block is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depth {
    Heads,
    All,
}

/// The records of these sequences, and of those in the same blocks.
pub async fn heads(run: &Run, wanted: Wanted, records: &mut Records) -> Result<()> {
    let (mut blocks, mut markers) = (Vec::new(), Vec::new());
    for opened in open(run, wanted).await? {
        for block in opened.directory.blocks.clone() {
            let holds = |sequence: &u64| (block.first..=block.last).contains(sequence);
            let marker = (opened.want.pack.nonce, block.first);
            if !opened.want.what.iter().any(holds) {
                continue;
            }
            let known = {
                let cache = run.cache();
                let held = opened.want.what.iter().filter(|sequence| holds(sequence));
                // Another operation may have remembered them while this one waited.
                records.extend(held.filter_map(|s| Some((*s, cache.record(*s)?))));
                cache.is_whole(&marker)
            };
            if !known {
                markers.push(marker);
                blocks.push((opened.part(&block, Depth::Heads), opened.asked(block)));
            }
        }
    }
    for (Asked { block, last }, stored) in read(run, blocks).await? {
        let placed = run.placed(block.first);
        let found = block.records(&stored).map_err(placed)?;
        let mut cache = run.cache();
        for (sequence, record) in found.iter().filter(|(sequence, _)| *sequence <= last) {
            records.insert(*sequence, cache.keep(*sequence, record));
        }
    }
    let mut cache = run.cache();
    markers.into_iter().for_each(|marker| cache.keep_whole(marker));
    Ok(())
}

/// The proven new bytes that lie at these offsets, and those in the same blocks.
pub async fn pieces(run: &Run, wanted: Wanted, pieces: &mut Pieces) -> Result<()> {
    let within = |block: &Block, offset: u64| (block.base..block.end).contains(&offset);
    for (_, record, raw) in blocks(run, wanted, within).await? {
        if !raw.is_empty() {
            pieces.insert(record.base, raw);
        }
    }
    Ok(())
}

/// The proven new bytes of these sequences, and of those in the same blocks.
pub async fn raws(run: &Run, wanted: Vec<u64>, raws: &mut BTreeMap<u64, Raw>) -> Result<()> {
    let layout = run.layout().await?;
    let mut packed = Wanted::default();
    for sequence in wanted {
        match layout.place(sequence) {
            Place::Pack(region, pack) => packed.add((region, pack), sequence),
            _ => return Err(run.shifted()),
        }
    }
    let within = |block: &Block, sequence: u64| (block.first..=block.last).contains(&sequence);
    for (sequence, _, raw) in blocks(run, packed, within).await? {
        raws.insert(sequence, raw);
    }
    Ok(())
}

/// Reads every block that holds something wanted, and proves all of it.
async fn blocks(
    run: &Run,
    wanted: Wanted,
    within: impl Fn(&Block, u64) -> bool,
) -> Result<Vec<(u64, Record, Raw)>> {
    let mut blocks = Vec::new();
    for opened in open(run, wanted).await? {
        for block in &opened.directory.blocks {
            if opened.want.what.iter().any(|what| within(block, *what)) {
                blocks.push((opened.part(block, Depth::All), opened.asked(block.clone())));
            }
        }
    }
    let mut found = Vec::new();
    for (asked, stored) in read(run, blocks).await? {
        found.append(&mut proven(run, &asked, &stored)?);
    }
    Ok(found)
}

/// The records of a block and their new bytes, each proven by its id.
fn proven(run: &Run, asked: &Asked, stored: &Bytes) -> Result<Vec<(u64, Record, Raw)>> {
    let block = &asked.block;
    let placed = run.placed(block.first);
    let split = (block.heads.stored as usize).min(stored.len());
    let (heads, data) = stored.split_at(split);
    let records = block.records(heads).map_err(&placed)?;
    let raws = block.raws(&records, data).map_err(&placed)?;
    let mut found = Vec::with_capacity(records.len());
    let mut parent = Id::default();
    let mut cache = run.cache();
    for ((sequence, record), raw) in records.into_iter().zip(raws) {
        record.prove(&record.parent.unwrap_or(parent), &raw).map_err(run.placed(sequence))?;
        if sequence > asked.last {
            break;
        }
        parent = record.id;
        cache.keep_raw(sequence, &record, raw.clone());
        found.push((sequence, record, raw));
    }
    Ok(found)
}

/// The directories of packs, as far as they are not remembered.
async fn open(run: &Run, wanted: Wanted) -> Result<Vec<Opened>> {
    let mut opened = Vec::with_capacity(wanted.0.len());
    let mut unknown = Vec::new();
    {
        let cache = run.cache();
        for want in wanted.0.into_values() {
            match cache.directory(&want.pack.nonce) {
                Some(directory) => opened.push(Opened { want, directory, whole: None }),
                None => unknown.push(want),
            }
        }
    }
    if unknown.is_empty() {
        return Ok(opened);
    }
    let requests = unknown.iter().map(|Want { name, pack, .. }| {
        let range = Range { offset: 0, length: pack.head };
        Request::Get { key: name.pack(pack), range: (pack.size > WHOLE_MAX).then_some(range) }
    });
    let found = run.ask_all(requests.collect()).await?;
    for (want, found) in unknown.into_iter().zip(found) {
        let Some(found) = found else { return Err(run.moved(want.name.pack(&want.pack))) };
        let (value, pack) = (found.value, &want.pack);
        let placed = run.placed(pack.first);
        let head = value.slice(..(pack.head as usize).min(value.len()));
        let directory =
            Arc::new(Directory::decode(&want.name.pack(pack), &head, pack).map_err(placed)?);
        run.cache().keep_directory(pack.nonce, directory.clone());
        let whole = (pack.size <= WHOLE_MAX).then_some(value);
        opened.push(Opened { want, directory, whole });
    }
    Ok(opened)
}

/// Bytes of a block that are there, or where to get them.
enum Part {
    Here(Bytes),
    At(String, Range),
}

impl Opened {
    fn asked(&self, block: Block) -> Asked {
        Asked { block, last: self.want.last }
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
        Part::At(self.want.name.pack(&self.want.pack), Range { offset, length })
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
