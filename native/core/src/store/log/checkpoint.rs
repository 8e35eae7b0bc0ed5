//! The checkpoint: the index as of a commit, only to open faster (FORMAT.md 6). Whatever is wrong
//! with it, it is ignored, and the segments are read instead.

use std::sync::Arc;

use super::catalog::Catalog;
use super::index::{Change, Index, ListPage, Moment, Stored};
use super::medium::{Access, File, Folder};
use super::page::Spot;
use super::reader::Reader;
use super::shared::Shared;
use super::tail::Tail;
use super::{digest64, FORMAT};
use crate::error::Result;
use crate::store::Query;
use crate::wire::{put_bytes, put_varint};

/// The file's name.
pub(super) const CHECKPOINT: &str = "checkpoint";
const MAGIC: [u8; 8] = *b"KSCHKPNT";
/// No segment holds so many puts, or bytes of deletes.
const COUNTED: u64 = 1 << 40;
const HEADER: usize = 8 + 2 + 2 + 16 + 7 * 8 + 4;
/// Entries of a block, in bytes: the next entry closes it.
const BLOCK: usize = 60 << 10;
const LARGEST_BLOCK: usize = 64 << 10;
const PAGE_OF_ENTRIES: usize = 512;

/// Of a segment: its number, its puts, and the bytes of its deletes.
type Count = (u64, u64, u64);

/// Where the log goes on behind a checkpoint.
#[derive(Debug, Clone, Copy)]
struct Position {
    generation: u64,
    commit: u64,
    time: u64,
    segment: u64,
    offset: u64,
    check: u64,
    entries: u64,
}

impl Shared {
    /// Writes a checkpoint of now. Only under the lock for maintenance.
    pub fn write_checkpoint(&self) -> Result<()> {
        let (moment, position, counts, since) = self.capture();
        // What it states must be on disk before it is.
        self.flush_tail()?;
        let name = format!("{CHECKPOINT}.new");
        let written = self.write_entries(&moment, (position, &counts), &name);
        drop(moment);
        let gone = self.index.write().close_moments();
        self.cache.forget(&gone);
        let named = |catalog: &Catalog| counts.iter().all(|count| catalog.find(count.0).is_some());
        let still = named(&self.tail.lock().catalog);
        if !still || written.is_err() {
            // A compaction came between: what was written names what is gone.
            self.folder.remove(&name)?;
            return written;
        }
        self.folder.put_in_place(CHECKPOINT)?;
        let mut tail = self.tail.lock();
        tail.since_checkpoint = tail.since_checkpoint.saturating_sub(since);
        Ok(())
    }

    fn capture(&self) -> (Arc<Moment>, Position, Vec<Count>, u64) {
        let tail = self.tail.lock();
        let mut index = self.index.write();
        let moment = index.open_moment(tail.commit, self.clock.now());
        let counts = index.used().iter();
        let counts = counts.map(|(number, used)| (*number, used.puts, used.deletes)).collect();
        let position = Position {
            generation: tail.catalog.generation,
            commit: tail.commit,
            time: index.time,
            segment: tail.segment.number,
            offset: tail.offset,
            check: tail.check,
            entries: 0,
        };
        (moment, position, counts, tail.since_checkpoint)
    }

    fn write_entries(
        &self,
        moment: &Moment,
        (mut position, counts): (Position, &[Count]),
        name: &str,
    ) -> Result<()> {
        let mut out = Writer::new(self.folder.open(name, Access::Fresh)?, counts.len());
        let query = Query::default();
        let mut after: Option<String> = None;
        loop {
            let (after_key, count) = (after.as_deref(), PAGE_OF_ENTRIES);
            let page =
                ListPage { query: &query, after: after_key, count, at: Some(moment), now: 0 };
            let part = match moment.frozen.get() {
                Some(frozen) => frozen.entries(&page),
                None => self.index.read().entries(&page),
            };
            for (key, entry, expires) in &part {
                let put = Stored {
                    place: entry.place,
                    length: entry.length,
                    crc: entry.crc,
                    expires: *expires,
                };
                let change = Change { commit: entry.commit, time: entry.time(), put: Some(put) };
                out.entry(key, &change)?;
            }
            let Some((last, ..)) = part.last().filter(|_| part.len() == count) else { break };
            after = Some(String::from_utf8_lossy(last).into_owned());
        }
        position.entries = out.entries;
        out.finish(&header(self.store.0, position, counts))
    }
}

fn header(store: [u8; 16], position: Position, counts: &[Count]) -> Vec<u8> {
    let Position { generation, commit, time, segment, offset, check, entries } = position;
    let mut bytes = MAGIC.to_vec();
    bytes.extend_from_slice(&FORMAT.to_le_bytes());
    bytes.extend_from_slice(&[0, 0]);
    bytes.extend_from_slice(&store);
    for number in [generation, commit, time, segment, offset, check, entries] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&(counts.len() as u32).to_le_bytes());
    for (number, puts, deletes) in counts {
        for word in [number, puts, deletes] {
            bytes.extend_from_slice(&word.to_le_bytes());
        }
    }
    let sum = digest64(&bytes);
    bytes.extend_from_slice(&sum.to_le_bytes());
    bytes
}

/// Writes blocks behind the place of the header, which comes last.
struct Writer {
    file: File,
    at: u64,
    block: Vec<u8>,
    count: u32,
    previous: Vec<u8>,
    sums: Vec<u8>,
    entries: u64,
}

impl Writer {
    fn new(file: File, segments: usize) -> Writer {
        Writer {
            file,
            at: (HEADER + segments * 24 + 8) as u64,
            block: vec![0; 8],
            count: 0,
            previous: Vec::new(),
            sums: Vec::new(),
            entries: 0,
        }
    }

    fn entry(&mut self, key: &[u8], change: &Change) -> Result<()> {
        let Some(put) = change.put else { return Ok(()) };
        let shared = key.iter().zip(&self.previous).take_while(|(a, b)| a == b).count();
        let rest = key.get(shared..).unwrap_or_default();
        put_varint(&mut self.block, shared as u64);
        put_bytes(&mut self.block, rest);
        for number in [change.commit, change.time, put.place.segment(), put.place.offset()] {
            put_varint(&mut self.block, number);
        }
        put_varint(&mut self.block, u64::from(put.length));
        self.block.extend_from_slice(&put.crc.to_le_bytes());
        put_varint(&mut self.block, put.expires);
        self.previous.clear();
        self.previous.extend_from_slice(key);
        self.count += 1;
        self.entries += 1;
        if self.block.len() > BLOCK {
            self.close_block()?;
        }
        Ok(())
    }

    fn close_block(&mut self) -> Result<()> {
        let length = (self.block.len() - 8) as u32;
        if length == 0 {
            return Ok(());
        }
        if let Some((front, _)) = self.block.split_at_mut_checked(8) {
            let (first, second) = front.split_at_mut(4);
            first.copy_from_slice(&length.to_le_bytes());
            second.copy_from_slice(&self.count.to_le_bytes());
        }
        let sum = digest64(&self.block).to_le_bytes();
        self.block.extend_from_slice(&sum);
        self.sums.extend_from_slice(&sum);
        self.file.write(&self.block, self.at)?;
        self.at += self.block.len() as u64;
        self.block.truncate(8);
        self.previous.clear();
        self.count = 0;
        Ok(())
    }

    fn finish(mut self, header: &[u8]) -> Result<()> {
        self.close_block()?;
        let mut end = vec![0; 4];
        end.extend_from_slice(&self.entries.to_le_bytes());
        end.extend_from_slice(&digest64(&self.sums).to_le_bytes());
        self.file.write(&end, self.at)?;
        self.file.write(header, 0)?;
        self.file.sync()
    }
}

/// Loads a checkpoint into an index whose segments are open. None: there is none that counts, and
/// the index is spoilt.
pub(super) fn load(folder: &Folder, catalog: &Catalog, index: &mut Index) -> Option<Tail> {
    let file = folder.open(CHECKPOINT, Access::Read).ok()?;
    let mut at = 0;
    let mut front = vec![0; HEADER];
    (file.read(&mut front, at).ok()? == HEADER).then_some(())?;
    let segments = Reader::new(front.last_chunk::<4>()?).u32()? as usize;
    let whole = HEADER.checked_add(segments.checked_mul(24)?)?.checked_add(8)?;
    (whole as u64 <= file.length().ok()?).then_some(())?;
    front.resize(whole, 0);
    (file.read(&mut front, at).ok()? == whole).then_some(())?;
    at += whole as u64;
    let position = take_header(&front, catalog, index)?;
    let mut sums = Vec::new();
    let mut entries = 0;
    let mut block = vec![0; LARGEST_BLOCK + 4096 + 16];
    loop {
        let filled = file.read(&mut block, at).ok()?;
        let bytes = block.get(..filled)?;
        let length = Reader::new(bytes).u32()? as usize;
        if length == 0 {
            let mut end = Reader::new(bytes.get(4..)?);
            let holds = end.u64()? == entries && end.u64()? == digest64(&sums);
            (holds && entries == position.entries).then_some(())?;
            break;
        }
        let sum = bytes.get(8 + length..16 + length)?;
        let covered = bytes.get(..8 + length)?;
        let holds = digest64(covered).to_le_bytes() == sum || sabotaged!(CheckpointCheck);
        holds.then_some(())?;
        sums.extend_from_slice(sum);
        entries += take_block(covered, index)?;
        at += (length + 16) as u64;
    }
    position.tail(catalog, index)
}

/// Whether there is a checkpoint whose header does not even hold. One that is merely out of date is
/// no damage.
pub(super) fn is_damaged(folder: &Folder) -> bool {
    let Ok(file) = folder.open(CHECKPOINT, Access::Read) else { return false };
    let Ok(length) = file.length() else { return true };
    let mut front = vec![0; HEADER];
    if !file.read(&mut front, 0).is_ok_and(|filled| filled == HEADER) {
        return true;
    }
    let count = front.last_chunk::<4>().map_or(0, |count| u32::from_le_bytes(*count));
    let whole = HEADER as u64 + u64::from(count) * 24 + 8;
    if whole > length {
        return true;
    }
    front.resize(whole as usize, 0);
    let filled = file.read(&mut front, 0).unwrap_or(0);
    let covered = front.get(..filled).and_then(|front| front.split_last_chunk::<8>());
    covered.is_none_or(|(covered, sum)| digest64(covered).to_le_bytes() != *sum)
}

fn take_header(bytes: &[u8], catalog: &Catalog, index: &mut Index) -> Option<Position> {
    let (covered, sum) = bytes.split_last_chunk::<8>()?;
    (digest64(covered).to_le_bytes() == *sum).then_some(())?;
    let mut reader = Reader::new(covered);
    let known = (reader.array()?, reader.u16()?, reader.u16()?) == (MAGIC, FORMAT, 0);
    (known && reader.array()? == catalog.store.0).then_some(())?;
    let position = Position {
        generation: reader.u64()?,
        commit: reader.u64()?,
        time: reader.u64()?,
        segment: reader.u64()?,
        offset: reader.u64()?,
        check: reader.u64()?,
        entries: reader.u64()?,
    };
    let mut counted = Vec::new();
    for _ in 0..reader.u32()? {
        let (number, puts, deletes) = (reader.u64()?, reader.u64()?, reader.u64()?);
        (puts.max(deletes) < COUNTED).then_some(())?;
        index.count(number, puts, deletes);
        counted.push(number);
    }
    // What stands before the position must have been known, or something moved meanwhile.
    let (here, _) = catalog.find(position.segment)?;
    let known = catalog.segments.iter().take(here + 1).all(|s| counted.contains(&s.number));
    known.then_some(position)
}

fn take_block(block: &[u8], index: &mut Index) -> Option<u64> {
    let mut reader = Reader::new(block);
    let (_, count) = (reader.u32()?, reader.u32()?);
    let mut key = Vec::new();
    for _ in 0..count {
        let shared = usize::try_from(reader.varint()?).ok()?;
        (shared <= key.len()).then_some(())?;
        key.truncate(shared);
        key.extend_from_slice(reader.bytes()?);
        let (commit, time) = (reader.varint()?, reader.varint()?);
        let (segment, offset) = (reader.varint()?, reader.varint()?);
        let length = u32::try_from(reader.varint()?).ok()?;
        let (crc, expires) = (reader.u32()?, reader.varint()?);
        index.used().get(&segment)?;
        let put = Stored { place: Spot::new(segment, offset), length, crc, expires };
        index.load_counted(&key, &Change { commit, time, put: Some(put) });
    }
    reader.is_empty().then_some(u64::from(count))
}

impl Position {
    fn tail(&self, catalog: &Catalog, index: &mut Index) -> Option<Tail> {
        let segment = index.file(self.segment)?;
        (segment.file.length().ok()? >= self.offset).then_some(())?;
        index.time = index.time.max(self.time);
        let mut tail = Tail::at(catalog.clone(), segment);
        (tail.offset, tail.check) = (self.offset, self.check);
        (tail.commit, tail.time) = (self.commit, self.time);
        (tail.synced, tail.stated, tail.content) = (self.offset, self.offset, self.offset);
        Some(tail)
    }
}
