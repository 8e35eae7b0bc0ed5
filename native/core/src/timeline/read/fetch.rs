//! Reading records and their new bytes, from memory or the store, wherever they lie.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::parted::Parted;
use super::{frame, unpack};
use crate::error::{Code, Error, Result};
use crate::machine::Request;
use crate::store::Found;
use crate::timeline::form::extent::Extents;
use crate::timeline::form::record::Raw;
use crate::timeline::form::record::{Id, Record, Value, RECORDS_MAX};
use crate::timeline::operation::cache::Pieces;
use crate::timeline::operation::layout::{Place, Region};
use crate::timeline::operation::run::Run;

/// Records by sequence.
pub type Records = BTreeMap<u64, Arc<Record>>;

/// New bytes of a record.
#[derive(Debug, Clone)]
pub enum Fresh {
    /// All of them, proven by the record's id.
    Proven(Raw),
    /// Where they lie. Not proven yet.
    Parted(Arc<Parted>),
}

/// New bytes, by where they begin in the logical space.
pub type Sources = BTreeMap<u64, Fresh>;

/// How many keys are asked for at once.
const ROUND: u64 = 64;

/// The records of a range that exist. Values of several snapshots are found by their first.
pub async fn existing(run: &Run, range: RangeInclusive<u64>) -> Result<Records> {
    let mut records = reaching(run, range.clone()).await?;
    records.retain(|sequence, _| range.contains(sequence));
    Ok(records)
}

/// The same, and all others of the values that were read: they may reach beyond the range.
pub async fn reaching(run: &Run, range: RangeInclusive<u64>) -> Result<Records> {
    let mut records = Records::new();
    let mut from = *range.start();
    while from <= *range.end() {
        let to = from.saturating_add(ROUND - 1).min(*range.end());
        round(run, from..=to, &mut records).await?;
        let Some(next) = to.checked_add(1) else { break };
        from = next;
    }
    Ok(records)
}

/// The records of a range. Those that were taken out are left out; that another is not there is
/// damage.
pub async fn records(run: &Run, range: RangeInclusive<u64>) -> Result<Records> {
    let mut records = existing(run, range.clone()).await?;
    let layout = run.layout().await?;
    for sequence in range {
        let Place::Loose(region) = layout.place(sequence) else { continue };
        if records.contains_key(&sequence) {
            continue;
        }
        match holding(run, region, sequence).await? {
            Some(record) => records.insert(sequence, record),
            None => return Err(missing(run, sequence)),
        };
    }
    Ok(records)
}

/// One record, if it is there.
pub async fn record(run: &Run, sequence: u64) -> Result<Option<Arc<Record>>> {
    if let Some(record) = existing(run, sequence..=sequence).await?.remove(&sequence) {
        return Ok(Some(record));
    }
    match run.layout().await?.place(sequence) {
        Place::Loose(region) => holding(run, region, sequence).await,
        _ => Ok(None),
    }
}

async fn round(run: &Run, range: RangeInclusive<u64>, records: &mut Records) -> Result<()> {
    let mut absent = Vec::new();
    {
        let cache = run.cache();
        for sequence in range {
            match cache.record(sequence) {
                Some(record) => drop(records.insert(sequence, record)),
                None => absent.push(sequence),
            }
        }
    }
    absent.retain(|sequence| !records.contains_key(sequence));
    if absent.is_empty() {
        return Ok(());
    }
    let layout = run.layout().await?;
    let mut loose: BTreeMap<u64, (&Region, Vec<u64>)> = BTreeMap::new();
    let mut packed = unpack::Wanted::default();
    for sequence in absent {
        match layout.place(sequence) {
            Place::Loose(region) => {
                loose.entry(region.first).or_insert((region, Vec::new())).1.push(sequence);
            }
            Place::Pack(region, pack) => packed.add((region, pack), (sequence, sequence + 1)),
            Place::Nowhere => {}
        }
    }
    for of in loose.into_values() {
        load(run, of, records).await?;
    }
    unpack::heads(run, packed, records).await
}

/// Reads values of their own and remembers their records.
pub async fn load(run: &Run, at: (&Region, Vec<u64>), records: &mut Records) -> Result<()> {
    let (region, sequences) = at;
    if sequences.is_empty() {
        return Ok(());
    }
    let get = |s: &u64| Request::Get { key: region.name.key(*s), range: None };
    let found = run.ask_all(sequences.iter().map(get).collect()).await?;
    for (first, found) in sequences.into_iter().zip(found) {
        match found {
            Some(found) => take(run, (region, first, &found), records)?,
            None => run.doubt(),
        }
    }
    Ok(())
}

/// Remembers the records of a value that was found.
pub fn take(run: &Run, at: (&Region, u64, &Found), records: &mut Records) -> Result<()> {
    let (region, first, found) = at;
    let key = region.name.key(first);
    let value = Value::decode(&key, &found.value).map_err(run.placed(first))?;
    let early = |(sequence, record): (u64, &Record)| record.form.back() >= sequence;
    if (first..).zip(&value.records).any(early) {
        let message = "A frame begins before its timeline; run verify, and restore a backup.";
        return Err(run.placed(first)(Error::new(Code::Corrupt, message)));
    }
    let mut cache = run.cache();
    for (sequence, record) in (first..=region.last).zip(&value.records) {
        records.insert(sequence, cache.keep(sequence, record));
    }
    Ok(())
}

/// A record that lies in a value of several snapshots, under the key of the first of them.
pub async fn holding(run: &Run, region: &Region, sequence: u64) -> Result<Option<Arc<Record>>> {
    if run.ask.supports().commit {
        return Ok(None);
    }
    let first = sequence.saturating_sub(RECORDS_MAX as u64 - 1).max(region.loose);
    let mut records = Records::new();
    load(run, (region, (first..sequence).collect()), &mut records).await?;
    Ok(records.remove(&sequence))
}

/// A snapshot that must be there is not. It may have been moved meanwhile.
pub fn missing(run: &Run, sequence: u64) -> Error {
    let _ = run.shifted();
    let message = format!(
        "{}@{sequence} is missing, although others need it; restore the store from a backup.",
        run.shared.name
    );
    run.shared.name.place(Error::new(Code::Corrupt, message), sequence)
}

/// The bytes of a state that is not later than `last`.
pub async fn gather(run: &Run, extents: &Extents, last: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(extents.length() as usize);
    if copy(extents, run.cache().pieces(), &mut bytes).is_ok() {
        return Ok(bytes);
    }
    let mut pieces = Pieces::new();
    loop {
        bytes.clear();
        let absent = {
            let cache = run.cache();
            absent(extents, cache.pieces(), &mut pieces)
        };
        if absent.is_empty() {
            return match copy(extents, &pieces, &mut bytes) {
                Ok(()) => Ok(bytes),
                Err(_) => Err(outside(run)),
            };
        }
        let before = pieces.len();
        for (base, fresh) in sources(run, (&absent, last)).await? {
            if let Fresh::Proven(raw) = fresh {
                pieces.insert(base, raw);
            } else if let Fresh::Parted(parted) = fresh {
                let from = absent.partition_point(|(_, to)| *to <= base);
                if absent.get(from).is_some_and(|(from, _)| *from < base + parted.record.raw) {
                    let raw = parted.whole(run).await?;
                    run.cache().keep_raw(parted.sequence, &parted.record, raw.clone());
                    pieces.insert(base, raw);
                }
            }
        }
        if pieces.len() == before {
            return Err(outside(run));
        }
    }
}

/// Copies what extents name; an error is the offset that is not there.
fn copy(extents: &Extents, pieces: &Pieces, bytes: &mut Vec<u8>) -> std::result::Result<(), u64> {
    for extent in extents.iter() {
        let mut at = extent.offset;
        while at < extent.end() {
            let Some((base, raw)) = pieces.range(..=at).next_back() else { return Err(at) };
            let upto = raw.len().min((extent.end() - base) as usize);
            match raw.get((at - base) as usize..upto) {
                Some(piece) if !piece.is_empty() => {
                    bytes.extend_from_slice(piece);
                    at += piece.len() as u64;
                }
                _ => return Err(at),
            }
        }
    }
    Ok(())
}

/// Parts of the logical space: from, to.
pub type Parts = Vec<(u64, u64)>;

/// Takes out of `held` what extents need, and tells which parts neither has, rising.
fn absent(extents: &Extents, held: &Pieces, pieces: &mut Pieces) -> Parts {
    let mut absent = Vec::new();
    for extent in extents.iter() {
        let mut at = extent.offset;
        while at < extent.end() {
            let found = [&*pieces, held].into_iter().find_map(|map| {
                let (base, raw) = map.range(..=at).next_back()?;
                (base + raw.len() as u64 > at).then(|| (*base, raw.clone()))
            });
            let Some((base, raw)) = found else {
                let next = |map: &Pieces| map.range(at + 1..).next().map(|(base, _)| *base);
                let upto = [&*pieces, held].into_iter().filter_map(next).min();
                let upto = upto.unwrap_or(u64::MAX).min(extent.end());
                absent.push((at, upto));
                at = upto;
                continue;
            };
            at = base + raw.len() as u64;
            pieces.entry(base).or_insert(raw);
        }
    }
    joined(absent)
}

/// Rising, and what touches as one.
pub fn joined(mut parts: Parts) -> Parts {
    parts.sort_unstable();
    let mut joined = Parts::new();
    for (from, to) in parts {
        match joined.last_mut() {
            Some((_, end)) if from <= *end => *end = to.max(*end),
            _ => joined.push((from, to)),
        }
    }
    joined
}

/// A state needs what no snapshot holds.
pub fn outside(run: &Run) -> Error {
    let message = format!(
        "A state of {} needs bytes that no snapshot of it holds; run verify.",
        run.shared.name
    );
    Error::new(Code::Corrupt, message).at(|p| p.timeline = Some(run.shared.name.to_string()))
}

/// What holds these parts, and perhaps more.
pub async fn sources(run: &Run, at: (&[(u64, u64)], u64)) -> Result<Sources> {
    let (parts, last) = at;
    let mut pieces = Sources::new();
    let layout = run.layout().await?;
    let mut packed = unpack::Wanted::default();
    let mut loose: BTreeMap<u64, Parts> = BTreeMap::new();
    for &(mut from, to) in parts {
        while from < to {
            let Some((region, end)) = layout.region_of(from) else { return Err(outside(run)) };
            let pack = region.pack_of(from);
            let upto = to.min(pack.map_or(end, |pack| pack.end.min(end)));
            match pack {
                Some(pack) => packed.add((region, pack), (from, upto)),
                None => loose.entry(region.last.min(last)).or_default().push((from, upto)),
            }
            from = upto;
        }
    }
    unpack::pieces(run, packed, &mut pieces).await?;
    for (last, parts) in loose {
        loose_pieces(run, (&parts, last), &mut pieces).await?;
    }
    Ok(pieces)
}

/// Reads what holds these parts in values of their own, from the newest backwards.
async fn loose_pieces(run: &Run, at: (&[(u64, u64)], u64), pieces: &mut Sources) -> Result<()> {
    let (parts, last) = at;
    let Some((least, _)) = parts.first() else { return Ok(()) };
    let layout = run.layout().await?;
    let Place::Loose(region) = layout.place(last) else { return Ok(()) };
    let mut held = Records::new();
    let mut end = last;
    loop {
        let start = end.saturating_sub(ROUND - 1).max(region.loose);
        held.append(&mut records(run, start..=end).await?);
        let reached = held.first_key_value().is_none_or(|(_, record)| record.base <= *least);
        if reached || start == region.loose {
            break;
        }
        end = start - 1;
    }
    let by_base: BTreeMap<u64, u64> =
        held.iter().filter(|(_, record)| record.raw > 0).map(|(s, r)| (r.base, *s)).collect();
    let touched = |&(from, to): &(u64, u64)| {
        let first = by_base.range(..=from).next_back().map_or(from, |(base, _)| *base);
        by_base.range(first..to).map(|(_, sequence)| *sequence)
    };
    let mut needed: Vec<u64> = parts.iter().flat_map(touched).collect();
    needed.sort_unstable();
    needed.dedup();
    // A frame gives more than was asked for: what lies before the records at hand is left out.
    for (sequence, fresh) in raws(run, needed, &held).await? {
        if let Some(record) = held.get(&sequence).filter(|record| record.raw > 0) {
            pieces.insert(record.base, fresh);
        }
    }
    Ok(())
}

/// New bytes of these sequences. A record may be remembered from before it was packed: where
/// it lies now, the layout says.
async fn raws(run: &Run, needed: Vec<u64>, records: &Records) -> Result<BTreeMap<u64, Fresh>> {
    let layout = run.layout().await?;
    let mut raws = BTreeMap::new();
    let mut frames: BTreeMap<u64, u64> = BTreeMap::new();
    let mut packed = Vec::new();
    {
        let cache = run.cache();
        for sequence in needed {
            // One in parts is asked for as such, also where its bytes are remembered.
            let parted = records.get(&sequence).is_some_and(|record| record.is_in_parts());
            if let Some(raw) = cache.raw(sequence).filter(|_| !parted) {
                raws.insert(sequence, Fresh::Proven(raw));
            } else if let Place::Pack(..) = layout.place(sequence) {
                packed.push(sequence);
            } else if let Some(record) = records.get(&sequence) {
                frames.insert(sequence - record.form.back().min(sequence), sequence);
            }
        }
    }
    for (begins, ends) in frames {
        frame::read(run, begins..=ends, &mut raws).await?;
    }
    unpack::raws(run, packed, &mut raws).await?;
    Ok(raws)
}

/// The new bytes of a range of snapshots, or where they lie.
pub async fn fresh(run: &Run, range: RangeInclusive<u64>) -> Result<BTreeMap<u64, Fresh>> {
    let records = records(run, range.clone()).await?;
    raws(run, range.collect(), &records).await
}

/// The id of the snapshot before.
pub async fn parent_id(run: &Run, sequence: u64, known: Option<&Arc<Record>>) -> Result<Id> {
    if let Some(parent) = known.and_then(|record| record.parent) {
        return Ok(parent);
    }
    let layout = run.layout().await?;
    let before = layout.before(sequence);
    let floor = &layout.held.control.floor;
    if before < floor.sequence && floor.sequence == sequence {
        return Ok(floor.parent);
    }
    match record(run, before).await? {
        Some(record) => Ok(record.id),
        None => Err(missing(run, before)),
    }
}
