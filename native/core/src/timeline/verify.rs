//! Verifying a timeline: every record is read, every id proven, every list of extents rebuilt.

use super::extent::Extents;
use super::fetch;
use super::record::{Id, Record};
use super::restore;
use super::tail;
use super::Run;
use crate::error::{Code, Error, Result};

/// How many snapshots are read at once. What fails there fails again, and is named, one by one.
const AHEAD: u64 = 64;

/// What a verification found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many snapshots were read.
    pub snapshots: u64,
    /// How many bytes their states have together.
    pub bytes: u64,
    /// Everything that is wrong.
    pub problems: Vec<Error>,
}

/// Reads everything. Damage is listed, not returned as an error.
pub async fn verify(run: &Run) -> Result<Report> {
    let mut report = Report::default();
    let held = tail::control(run).await?;
    let Some(latest) = tail::latest(run, &held.control).await? else { return Ok(report) };
    run.shared.cache.lock().clear();
    let floor = &held.control.floor;
    let mut walk = Walk { parent: floor.parent, base: floor.base, extents: Extents::default() };
    for sequence in floor.sequence..=latest {
        if (sequence - floor.sequence) % AHEAD == 0 {
            run.ask.check_cancelled().await?;
            let upto = latest.min(sequence + AHEAD - 1);
            drop(fetch::fresh(run, sequence..=upto).await);
        }
        match step(run, sequence, &mut walk).await {
            Ok(length) => {
                report.snapshots += 1;
                report.bytes += length;
            }
            Err(error) => report.problems.push(run.shared.name.place(error, sequence)),
        }
    }
    for tag in &held.control.tags {
        let record = fetch::record(run, tag.sequence).await?;
        if record.is_none_or(|record| record.id != tag.id) {
            let message = format!("The tag {} names a snapshot that is not there.", tag.name);
            let error = Error::new(Code::Corrupt, message);
            report.problems.push(run.shared.name.place(error, tag.sequence));
        }
    }
    Ok(report)
}

struct Walk {
    parent: Id,
    base: u64,
    extents: Extents,
}

async fn step(run: &Run, sequence: u64, walk: &mut Walk) -> Result<u64> {
    let records = fetch::records(run, sequence..=sequence).await?;
    let Some(record) = records.get(&sequence) else { return Ok(0) };
    let result = check(run, (sequence, record), walk).await;
    walk.parent = record.id;
    walk.base = record.base + record.raw;
    result
}

async fn check(run: &Run, at: (u64, &Record), walk: &mut Walk) -> Result<u64> {
    let (sequence, record) = at;
    let linked = record.parent.is_none_or(|parent| parent == walk.parent);
    if !linked || record.base != walk.base {
        return Err(damage("it does not follow the snapshot before it"));
    }
    if record.fence {
        return Ok(0);
    }
    let extents = record.edit()?.apply(&walk.extents, record.base);
    if record.manifest.as_ref().is_some_and(|full| extents.as_ref().ok() != Some(full)) {
        walk.extents = record.manifest.clone().unwrap_or_default();
        return Err(damage("its manifest is not what its edit makes"));
    }
    walk.extents = extents?;
    if walk.extents.length() != record.length {
        return Err(damage("its extents are not as long as its state"));
    }
    let fresh = fetch::fresh(run, sequence..=sequence).await?;
    record.prove(&walk.parent, fresh.get(&sequence).map_or(&[], |fresh| fresh))?;
    if let Some(expected) = &record.sha256 {
        let bytes = restore::bytes(run, &walk.extents, sequence).await?;
        restore::check_sha256(&bytes, expected)?;
    }
    Ok(record.length)
}

fn damage(how: &str) -> Error {
    Error::new(Code::Corrupt, format!("A snapshot is damaged: {how}; restore it from a backup."))
}
