//! Verifying a timeline: every record is read, every id proven, every list of extents rebuilt.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::extent::Extents;
use super::fetch;
use super::record::{Id, Record};
use super::restore;
use super::tail;
use super::{Run, ATTEMPTS};
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
    let mut left = ATTEMPTS;
    loop {
        let report = once(run).await?;
        left -= 1;
        // What is missing may only have been moved meanwhile.
        if report.problems.is_empty() || left == 0 || !run.outdated().await? {
            return Ok(report);
        }
    }
}

async fn once(run: &Run) -> Result<Report> {
    let mut report = Report::default();
    let layout = run.layout().await?;
    let control = &layout.held.control;
    let Some(latest) = tail::latest(run).await? else { return Ok(report) };
    run.shared.cache.lock().clear();
    let mut walk = Walk::default();
    let mut next = layout.oldest().min(control.floor.sequence);
    while next <= latest {
        run.ask.check_cancelled().await?;
        let upto = latest.min(next + AHEAD - 1);
        match fetch::fresh(run, next..=upto).await {
            Err(error) if !is_damage(&error) => return Err(error),
            _ => {}
        }
        for sequence in next..=upto {
            match step(run, (sequence, layout.before(sequence)), &mut walk).await {
                Ok(Some(length)) if sequence >= control.floor.sequence => {
                    report.snapshots += 1;
                    report.bytes += length;
                }
                Ok(_) => {}
                Err(error) if is_damage(&error) => {
                    report.problems.push(run.shared.name.place(error, sequence));
                }
                Err(error) => return Err(error),
            }
        }
        next = upto + 1;
    }
    for tag in &control.tags {
        let record = fetch::record(run, tag.sequence).await?;
        if record.is_none_or(|record| record.id != tag.id || !record.shows()) {
            let message = format!("The tag {} names a snapshot that is not there.", tag.name);
            let error = Error::new(Code::Corrupt, message);
            report.problems.push(run.shared.name.place(error, tag.sequence));
        }
    }
    Ok(report)
}

/// What is known so far.
#[derive(Default)]
struct Walk {
    /// The record before: its number, id, and the logical offset behind it.
    before: Option<(u64, Id, u64)>,
    /// The state before, where it shows.
    state: Option<Extents>,
    /// Which parts of the logical space are there: from, to.
    there: BTreeMap<u64, u64>,
}

impl Walk {
    fn add(&mut self, base: u64, end: u64) {
        match self.there.last_entry() {
            Some(mut last) if *last.get() == base => *last.get_mut() = end,
            _ => drop(self.there.insert(base, end)),
        }
    }

    fn holds(&self, extents: &Extents) -> bool {
        extents.iter().all(|extent| {
            let part = self.there.range(..=extent.offset).next_back();
            part.is_some_and(|(_, end)| *end >= extent.end())
        })
    }
}

/// Checks one snapshot; gives the length of its state if it shows.
async fn step(run: &Run, at: (u64, u64), walk: &mut Walk) -> Result<Option<u64>> {
    let (sequence, before) = at;
    let Some(record) = fetch::records(run, sequence..=sequence).await?.remove(&sequence) else {
        return Ok(None);
    };
    let result = check(run, (sequence, before, &record), walk).await;
    walk.before = Some((sequence, record.id, record.base + record.raw));
    if result.is_err() {
        walk.state = record.manifest.clone();
    }
    result
}

async fn check(run: &Run, at: (u64, u64, &Arc<Record>), walk: &mut Walk) -> Result<Option<u64>> {
    let (sequence, before, record) = at;
    let follows = walk.before.filter(|(number, ..)| *number == before);
    let parent = match (follows, record.parent) {
        (Some((_, id, _)), parent) if parent.is_none_or(|parent| parent == id) => id,
        (None, Some(parent)) => parent,
        (None, None) if walk.before.is_none() => fetch::parent_id(run, sequence, None).await?,
        (None, None) => {
            return Err(damage("the snapshot before it is lost, so nothing proves this one"))
        }
        _ => return Err(damage("it does not follow the snapshot before it")),
    };
    let end = walk.before.map_or(record.base, |(.., end)| end);
    if record.base < end || follows.is_some() && record.base != end && before + 1 == sequence {
        return Err(damage("its bytes do not lie behind those before it"));
    }
    let fresh = fetch::fresh(run, sequence..=sequence).await?;
    record.prove(&parent, fresh.get(&sequence).map_or(&[], |fresh| fresh))?;
    walk.add(record.base, record.base + record.raw);
    if record.fence {
        return Ok(None);
    }
    let state = walk.state.take().filter(|_| follows.is_some());
    if record.hidden {
        walk.state = record.manifest.clone();
        return Ok(None);
    }
    let made = match state {
        Some(before) => Some(record.edit()?.apply(&before, record.base)?),
        None => None,
    };
    if record.manifest.is_some() && made.is_some() && record.manifest != made {
        return Err(damage("its manifest is not what its edit makes"));
    }
    let Some(state) = made.or_else(|| record.manifest.clone()) else {
        return Err(damage("nothing says where its state lies"));
    };
    if state.length() != record.length {
        return Err(damage("its extents are not as long as its state"));
    }
    if !walk.holds(&state) {
        return Err(damage("bytes that it needs are not there"));
    }
    if let Some(expected) = &record.sha256 {
        let bytes = fetch::gather(run, &state, sequence).await?;
        restore::check_sha256(&bytes, expected)?;
    }
    walk.state = Some(state);
    Ok(Some(record.length))
}

/// Whether it says something of what is stored, and not of the store at this moment.
fn is_damage(error: &Error) -> bool {
    use Code::{CodecFailed, Corrupt, FormatTooNew, HashMismatch, NotOurs, SealBroken};
    matches!(
        error.code(),
        Corrupt | HashMismatch | NotOurs | FormatTooNew | SealBroken | CodecFailed
    )
}

fn damage(how: &str) -> Error {
    Error::new(Code::Corrupt, format!("A snapshot is damaged: {how}; restore it from a backup."))
}
