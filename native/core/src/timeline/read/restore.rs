//! The way back: from a snapshot's number to its bytes.

use bytes::Bytes;

use super::ahead::{self, Wanted};
use super::fetch::{self, Records};
use super::{list, tail};
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::hex;
use crate::timeline::form::extent::Extents;
use crate::timeline::form::snapshot::At;
use crate::timeline::form::snapshot::Snapshot;
use crate::timeline::operation::layout::Layout;
use crate::timeline::operation::run::Run;

/// How many records before a snapshot are read at once in search of a full manifest.
const STRIDE: u64 = 64;

/// A state that came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// Which snapshot it is.
    pub snapshot: Snapshot,
    /// Exactly the bytes that were saved.
    pub bytes: Bytes,
}

/// Restores a snapshot.
pub async fn restore(run: &Run, at: &At) -> Result<Restored> {
    ahead::read(run, at, Wanted::State).await?;
    let sequence = tail::resolve(run, at).await?;
    let record = list::present(run, sequence).await?;
    let extents = state(run, sequence).await?;
    let bytes = fetch::gather(run, &extents, sequence).await?;
    if let Some(expected) = record.sha256 {
        check_sha256(&bytes, &expected).map_err(run.placed(sequence))?;
    }
    let parent = fetch::parent_id(run, sequence, Some(&record)).await?;
    let told = list::snapshot(sequence, &record, parent).map_err(run.placed(sequence))?;
    let tags = run.layout().await?.held.control.names_of(sequence);
    Ok(Restored { snapshot: Snapshot { tags, ..told }, bytes: bytes.into() })
}

/// Refuses a state that is not the one that was saved.
pub fn check_sha256(bytes: &[u8], expected: &[u8; 32]) -> Result<()> {
    check_sum(&digest::sha256(bytes), expected)
}

/// The same, by its SHA-256.
pub fn check_sum(actual: &[u8; 32], expected: &[u8; 32]) -> Result<()> {
    if actual == expected {
        return Ok(());
    }
    let message = format!(
        "A restored state has SHA-256 {}, but {} was saved; run verify, and restore a backup.",
        hex::encode(actual),
        hex::encode(expected)
    );
    Err(Error::new(Code::HashMismatch, message))
}

/// A snapshot's extents.
pub async fn state(run: &Run, sequence: u64) -> Result<Extents> {
    replay(run, sequence, &way(run, sequence).await?)
}

/// The records from the full manifest before a snapshot up to it.
pub async fn way(run: &Run, sequence: u64) -> Result<Records> {
    let layout = run.layout().await?;
    let mut records = Records::new();
    let mut from = sequence;
    let mut stride = 4;
    loop {
        let start = from.saturating_sub(stride - 1).max(1);
        // Not further than to a manifest that is at hand.
        let start = remembered(run, from).map_or(start, |full| full.max(start));
        let mut part = fetch::records(run, start..=from).await?;
        let full = part.iter().rev().find(|(_, record)| record.manifest.is_some());
        if let Some(full) = full.map(|(sequence, _)| *sequence) {
            records.append(&mut part.split_off(&full));
            return connected(run, &layout, records);
        }
        records.append(&mut part);
        // Parts of a fork's history need not follow each other by number.
        let before = records.first_key_value().map_or(0, |(first, _)| layout.before(*first));
        if before == 0 || part.is_empty() && records.is_empty() || before >= from {
            return Err(run.placed(sequence)(unfounded()));
        }
        from = before;
        stride = STRIDE;
    }
}

/// The number of the last record up to this one that has a manifest, if it and all behind it are in
/// memory.
fn remembered(run: &Run, upto: u64) -> Option<u64> {
    let cache = run.cache();
    let mut records = (1..=upto).rev().map_while(|at| Some((at, cache.record(at)?)));
    records.find(|(_, record)| record.manifest.is_some()).map(|(at, _)| at)
}

/// An edit speaks of the state right before it.
fn connected(run: &Run, layout: &Layout, records: Records) -> Result<Records> {
    let mut sequences = records.keys();
    let mut before = sequences.next().copied();
    for sequence in sequences {
        if before != Some(layout.before(*sequence)) {
            return Err(run.placed(*sequence)(unfounded()));
        }
        before = Some(*sequence);
    }
    Ok(records)
}

/// Applies the edits behind the full manifest, which is the first of the records.
pub fn replay(run: &Run, sequence: u64, records: &Records) -> Result<Extents> {
    let Some((&full, first)) = records.first_key_value() else {
        return Err(list::not_found(run, sequence));
    };
    let mut extents = first.manifest.clone().unwrap_or_default();
    for (at, record) in records.range(full + 1..) {
        let place = run.placed(*at);
        if record.fence {
            continue;
        }
        if record.hidden {
            return Err(place(unfounded()));
        }
        extents =
            record.edit().and_then(|edit| edit.apply(&extents, record.base)).map_err(&place)?;
        if extents.length() != record.length {
            let message = "A snapshot's extents are not as long as its state; run verify.";
            return Err(place(Error::new(Code::Corrupt, message)));
        }
    }
    Ok(extents)
}

fn unfounded() -> Error {
    let message = "No snapshot before this one says where its state lies; run verify.";
    Error::new(Code::Corrupt, message)
}
