//! Reading records and their new bytes, from memory or the store.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::extent::Extents;
use super::record::{Form, Id, Record, Value, RECORDS_MAX};
use super::{Raw, Run};
use crate::codec::{Codec, ContextDecoder, Piece, Zstd};
use crate::digest;
use crate::error::{Code, Error, Result};

/// Records by sequence.
pub type Records = BTreeMap<u64, Arc<Record>>;

/// How many keys are asked for at once.
const ROUND: u64 = 64;

/// The records of a range that exist. Values of several snapshots are found by their first.
pub async fn existing(run: &Run, range: RangeInclusive<u64>) -> Result<Records> {
    let mut records = Records::new();
    let mut from = *range.start();
    while from <= *range.end() {
        let to = (from + ROUND - 1).min(*range.end());
        round(run, from..=to, &mut records).await?;
        from = to + 1;
    }
    records.split_off(&(range.end() + 1));
    Ok(records)
}

/// The records of a range, all of which must be there.
pub async fn records(run: &Run, range: RangeInclusive<u64>) -> Result<Records> {
    let mut records = existing(run, range.clone()).await?;
    for sequence in range {
        if records.contains_key(&sequence) {
            continue;
        }
        match holding(run, sequence).await? {
            Some(record) => records.insert(sequence, record),
            None => return Err(run.shared.name.place(missing(run, sequence), sequence)),
        };
    }
    Ok(records)
}

/// One record, if it is there.
pub async fn record(run: &Run, sequence: u64) -> Result<Option<Arc<Record>>> {
    let mut found = existing(run, sequence..=sequence).await?;
    match found.remove(&sequence) {
        Some(record) => Ok(Some(record)),
        None => holding(run, sequence).await,
    }
}

async fn round(run: &Run, range: RangeInclusive<u64>, records: &mut Records) -> Result<()> {
    let mut absent = Vec::new();
    {
        let cache = run.shared.cache.lock();
        for sequence in range {
            match cache.record(sequence) {
                Some(record) => drop(records.insert(sequence, record)),
                None => absent.push(sequence),
            }
        }
    }
    absent.retain(|sequence| !records.contains_key(sequence));
    load(run, absent, records).await
}

/// Reads the values of these keys and remembers their records.
async fn load(run: &Run, at: Vec<u64>, records: &mut Records) -> Result<()> {
    if at.is_empty() {
        return Ok(());
    }
    let keys = at.iter().map(|sequence| run.shared.name.key(*sequence)).collect();
    let found = run.ask.get_all(keys).await?;
    for (first, found) in at.into_iter().zip(found) {
        let Some(found) = found else { continue };
        let value = Value::decode(&found.value).map_err(run.placed(first))?;
        let mut cache = run.shared.cache.lock();
        for (sequence, record) in (first..).zip(&value.records) {
            records.insert(sequence, cache.keep(sequence, record));
        }
    }
    Ok(())
}

/// A record that lies in a value of several snapshots, under the key of the first of them.
async fn holding(run: &Run, sequence: u64) -> Result<Option<Arc<Record>>> {
    if run.ask.supports().commit {
        return Ok(None);
    }
    let first = sequence.saturating_sub(RECORDS_MAX as u64 - 1).max(1);
    let mut records = Records::new();
    load(run, (first..sequence).collect(), &mut records).await?;
    Ok(records.remove(&sequence))
}

/// A snapshot that must be there is not.
pub fn missing(run: &Run, sequence: u64) -> Error {
    let message = format!(
        "{}@{sequence} is missing, although others need it; restore the store from a backup.",
        run.shared.name
    );
    Error::new(Code::Corrupt, message)
}

/// The bytes of a state. `records` must hold every record that its extents reach into.
pub async fn gather(run: &Run, extents: &Extents, records: &Records) -> Result<Vec<u8>> {
    let by_base: BTreeMap<u64, u64> =
        records.iter().filter(|(_, r)| r.raw > 0).map(|(s, r)| (r.base, *s)).collect();
    let mut needed = BTreeMap::new();
    for extent in extents.iter() {
        let first = by_base.range(..=extent.offset).next_back().map_or(extent.offset, |(b, _)| *b);
        needed
            .extend(by_base.range(first..extent.end()).map(|(base, sequence)| (*sequence, *base)));
    }
    let raws = raws(run, needed.keys().copied().collect(), records).await?;
    let mut bytes = Vec::with_capacity(extents.length() as usize);
    for extent in extents.iter() {
        let mut at = extent.offset;
        while at < extent.end() {
            let piece = by_base.range(..=at).next_back().and_then(|(base, sequence)| {
                let raw = raws.get(sequence)?;
                raw.get((at - base) as usize..raw.len().min((extent.end() - base) as usize))
            });
            match piece {
                Some(piece) if !piece.is_empty() => {
                    bytes.extend_from_slice(piece);
                    at += piece.len() as u64;
                }
                _ => return Err(outside(run)),
            }
        }
    }
    Ok(bytes)
}

fn outside(run: &Run) -> Error {
    let message = format!(
        "A state of {} needs bytes that no snapshot of it holds; run verify.",
        run.shared.name
    );
    Error::new(Code::Corrupt, message).at(|p| p.timeline = Some(run.shared.name.to_string()))
}

/// Proven new bytes of these sequences.
async fn raws(run: &Run, needed: Vec<u64>, records: &Records) -> Result<BTreeMap<u64, Raw>> {
    let mut raws = BTreeMap::new();
    let mut frames: BTreeMap<u64, u64> = BTreeMap::new();
    {
        let cache = run.shared.cache.lock();
        for sequence in needed {
            if let Some(raw) = cache.raw(sequence) {
                raws.insert(sequence, raw);
            } else if let Some(record) = records.get(&sequence) {
                let begins = match record.form {
                    Form::Continued { back, .. } => sequence.saturating_sub(back),
                    _ => sequence,
                };
                frames.insert(begins, sequence);
            }
        }
    }
    for (begins, ends) in frames {
        frame(run, begins..=ends, &mut raws).await?;
    }
    Ok(raws)
}

/// Decodes a frame from its beginning as far as it is needed, and proves each piece.
async fn frame(run: &Run, range: RangeInclusive<u64>, raws: &mut BTreeMap<u64, Raw>) -> Result<()> {
    let begins = *range.start();
    let stored = stored_records(run, range.clone()).await?;
    let mut parent = parent_id(run, begins, stored.get(&begins)).await?;
    let mut frame = Frame { begins, pieces: 0, guard: 0, decoder: ContextDecoder::new()? };
    for sequence in range {
        let place = run.placed(sequence);
        let Some(record) = stored.get(&sequence) else {
            return Err(place(missing(run, sequence)));
        };
        if let Some(raw) = frame.decode(sequence, record).map_err(&place)? {
            record.prove(&parent, &raw).map_err(&place)?;
            run.shared.cache.lock().keep_raw(sequence, record, raw.clone());
            raws.insert(sequence, raw);
        }
        parent = record.id;
    }
    Ok(())
}

/// A frame under way.
struct Frame {
    begins: u64,
    pieces: u32,
    guard: u32,
    decoder: ContextDecoder,
}

impl Frame {
    /// The new bytes of one record, or none if they belong to another frame.
    fn decode(&mut self, sequence: u64, record: &Record) -> Result<Option<Raw>> {
        let bound = usize::try_from(record.raw).unwrap_or(usize::MAX);
        let raw = match record.form {
            Form::Plain => record.stored.clone(),
            Form::Zstd => Zstd.decompress(&record.stored, bound)?.into(),
            Form::Continued { back, .. } if sequence - self.begins != back => return Ok(None),
            Form::Continued { back, guard } if back > 0 && guard != self.guard => {
                let message = "A snapshot continues a frame of another history; run verify.";
                return Err(Error::new(Code::Corrupt, message));
            }
            Form::Continued { .. } => {
                let piece = Piece { back: self.pieces, raw: bound, stored: &record.stored };
                let mut raw = Vec::new();
                self.decoder.push(piece, &mut raw)?;
                self.pieces += 1;
                raw.into()
            }
        };
        self.guard = digest::crc32c(&raw);
        Ok(Some(raw))
    }
}

/// Records with their stored bytes: those in memory may have given theirs up.
async fn stored_records(run: &Run, range: RangeInclusive<u64>) -> Result<Records> {
    let mut records = Records::new();
    let mut absent = Vec::new();
    {
        let cache = run.shared.cache.lock();
        for sequence in range {
            match cache.record(sequence) {
                Some(record) if cache.raw(sequence).is_none() => {
                    records.insert(sequence, record);
                }
                _ => absent.push(sequence),
            }
        }
    }
    load(run, absent.clone(), &mut records).await?;
    for sequence in absent {
        let found = match records.contains_key(&sequence) {
            true => None,
            false => holding(run, sequence).await?,
        };
        records.extend(found.map(|record| (sequence, record)));
    }
    Ok(records)
}

/// The proven new bytes of a range of snapshots.
pub async fn fresh(run: &Run, range: RangeInclusive<u64>) -> Result<BTreeMap<u64, Raw>> {
    let records = records(run, range.clone()).await?;
    raws(run, range.collect(), &records).await
}

/// The id of the snapshot before.
pub async fn parent_id(run: &Run, sequence: u64, known: Option<&Arc<Record>>) -> Result<Id> {
    if let Some(parent) = known.and_then(|record| record.parent) {
        return Ok(parent);
    }
    let before = records(run, sequence - 1..=sequence - 1).await?;
    before.get(&(sequence - 1)).map(|record| record.id).ok_or_else(|| missing(run, sequence - 1))
}
