//! The way back: from a snapshot's number to its bytes.

use bytes::Bytes;

use super::extent::Extents;
use super::fetch::{self, Records};
use super::list;
use super::tail;
use super::{At, Run, Snapshot};
use crate::digest;
use crate::error::{Code, Error, Result};
use crate::hex;

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
    let sequence = tail::resolve(run, at).await?;
    list::present(run, sequence).await?;
    let (extents, records) = state(run, sequence).await?;
    let bytes = bytes(run, &extents, sequence).await?;
    let Some(record) = records.get(&sequence) else {
        return Err(list::not_found(run, sequence));
    };
    if let Some(expected) = record.sha256 {
        check_sha256(&bytes, &expected).map_err(run.placed(sequence))?;
    }
    let parent = fetch::parent_id(run, sequence, Some(record)).await?;
    let snapshot = list::snapshot(sequence, record, parent).map_err(run.placed(sequence))?;
    Ok(Restored { snapshot, bytes: bytes.into() })
}

/// Refuses a state that is not the one that was saved.
pub fn check_sha256(bytes: &[u8], expected: &[u8; 32]) -> Result<()> {
    let actual = digest::sha256(bytes);
    if actual == *expected {
        return Ok(());
    }
    let message = format!(
        "A restored state has SHA-256 {}, but {} was saved; run verify, and restore a backup.",
        hex::encode(&actual),
        hex::encode(expected)
    );
    Err(Error::new(Code::HashMismatch, message))
}

/// A snapshot's extents, and the records from the full manifest before it up to it.
pub async fn state(run: &Run, sequence: u64) -> Result<(Extents, Records)> {
    let mut records = Records::new();
    let mut from = sequence;
    let mut stride = 4;
    loop {
        let start = from.saturating_sub(stride - 1).max(1);
        let part = fetch::existing(run, start..=from).await?;
        let full = part.iter().rev().find(|(_, record)| record.manifest.is_some());
        let full = full.map(|(sequence, _)| *sequence);
        records.extend(part);
        if let Some(full) = full {
            records = records.split_off(&full);
            break;
        }
        if start == 1 {
            return Err(list::not_found(run, sequence));
        }
        from = start - 1;
        stride = STRIDE;
    }
    let extents = replay(run, sequence, &mut records).await?;
    Ok((extents, records))
}

/// Applies the edits behind the full manifest, which is the first of the records.
async fn replay(run: &Run, sequence: u64, records: &mut Records) -> Result<Extents> {
    let Some((&full, first)) = records.first_key_value() else {
        return Err(list::not_found(run, sequence));
    };
    let mut extents = first.manifest.clone().unwrap_or_default();
    if records.len() as u64 != sequence - full + 1 {
        *records = fetch::records(run, full..=sequence).await?;
    }
    for (at, record) in records.range(full + 1..) {
        let place = run.placed(*at);
        if record.fence {
            continue;
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

/// The bytes of extents of a state not later than `last`.
pub async fn bytes(run: &Run, extents: &Extents, last: u64) -> Result<Vec<u8>> {
    let Some(least) = extents.iter().map(|extent| extent.offset).min() else {
        return Ok(Vec::new());
    };
    let mut records = Records::new();
    let mut end = last;
    loop {
        let start = end.saturating_sub(STRIDE - 1).max(1);
        let part = fetch::existing(run, start..=end).await?;
        let reached = part.first_key_value().is_none_or(|(_, record)| record.base <= least);
        records.extend(part);
        if reached || start == 1 {
            break;
        }
        end = start - 1;
    }
    let first = records.first_key_value().map_or(last, |(first, _)| *first);
    if records.len() as u64 != last - first + 1 {
        records = fetch::records(run, first..=last).await?;
    }
    fetch::gather(run, extents, &records).await
}
