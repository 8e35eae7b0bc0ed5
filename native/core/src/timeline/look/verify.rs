//! Verifying a timeline: every record is read, every id proven, every list of extents rebuilt.

use std::sync::Arc;

use crate::digest;
use crate::error::{Code, Error, Result};
use crate::timeline::chunk::refs;
use crate::timeline::form::holders::Holders;
use crate::timeline::form::parts::Chunk;
use crate::timeline::form::record::Raw;
use crate::timeline::form::record::Record;
use crate::timeline::form::walk::{self, Next, Walk};
use crate::timeline::operation::layout::Layout;
use crate::timeline::operation::run::Run;
use crate::timeline::operation::run::ATTEMPTS;
use crate::timeline::read::fetch::{self, Fresh};
use crate::timeline::read::parted::Parted;
use crate::timeline::read::{restore, tail};

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

/// How far a verification is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many snapshots were read.
    pub snapshots: u64,
    /// How many bytes their states have together.
    pub bytes: u64,
    /// How many numbers were gone over.
    pub done: u64,
    /// How many there are.
    pub total: u64,
}

/// Is told now and then how far it is.
pub type Tell = Arc<dyn Fn(Progress) + Send + Sync>;

/// Reads everything. Damage is listed, not returned as an error.
pub async fn verify(run: &Run, tell: &Tell) -> Result<Report> {
    let mut left = ATTEMPTS;
    loop {
        let report = once(run, tell).await?;
        left -= 1;
        if report.problems.is_empty() || left == 0 {
            return Ok(report);
        }
        // What is missing may only have been moved meanwhile.
        let _ = run.shifted();
        if !run.outdated().await? {
            return Ok(report);
        }
    }
}

async fn once(run: &Run, tell: &Tell) -> Result<Report> {
    let mut report = Report::default();
    let layout = run.layout().await?;
    let control = &layout.held.control;
    let Some(latest) = tail::reach(run).await? else { return Ok(report) };
    run.forget();
    let mut walk = Walk::default();
    let floor = control.floor.sequence;
    let oldest = layout.oldest().min(floor);
    let mut next = oldest;
    while next <= latest {
        run.ask.check_cancelled().await?;
        let upto = latest.min(next + AHEAD - 1);
        ahead(run, (next, upto)).await?;
        for sequence in next..=upto {
            match step(run, (&layout, sequence), &mut walk).await {
                Ok(Some(length)) if sequence >= floor => {
                    report.snapshots += 1;
                    report.bytes += length;
                }
                Ok(_) => {}
                // It is there for its bytes, or for a fork: who needs it, tells.
                Err(error) if walk::is_damage(&error) && sequence < floor => walk.lose(),
                Err(error) if walk::is_damage(&error) => {
                    report.problems.push(run.shared.name.place(error, sequence));
                }
                Err(error) => return Err(error),
            }
        }
        next = upto + 1;
        let Report { snapshots, bytes, .. } = report;
        tell(Progress { snapshots, bytes, done: next - oldest, total: latest + 1 - oldest });
    }
    for tag in &control.tags {
        let record = match fetch::record(run, tag.sequence).await {
            Err(error) if walk::is_damage(&error) => None,
            record => record?,
        };
        if record.is_none_or(|record| record.id != tag.id || !record.shows()) {
            let message = format!("The tag {} names a snapshot that is not there.", tag.name);
            let error = Error::new(Code::Corrupt, message);
            report.problems.push(run.shared.name.place(error, tag.sequence));
        }
    }
    Ok(report)
}

/// Reads several together; what fails here will fail again, one by one.
async fn ahead(run: &Run, of: (u64, u64)) -> Result<()> {
    match fetch::fresh(run, of.0..=of.1).await {
        Err(error) if !walk::is_damage(&error) => Err(error),
        _ => Ok(()),
    }
}

/// Checks one snapshot; gives the length of its state if it shows.
async fn step(run: &Run, at: (&Layout, u64), walk: &mut Walk) -> Result<Option<u64>> {
    let (layout, sequence) = at;
    let found = found(run, sequence).await;
    let Found { record, fresh, .. } = match found {
        Ok(Some(found)) => found,
        Ok(None) => return Ok(None),
        Err(error) => {
            walk.lose();
            return Err(error);
        }
    };
    let parent = match (record.parent, walk.end()) {
        (None, None) => Some(fetch::parent_id(run, sequence, None).await?),
        _ => None,
    };
    let before = layout.before(sequence);
    let shown = sequence >= layout.held.control.floor.sequence;
    let next = Next { sequence, before, record: &record, parent, fresh, shown };
    let proven = walk.take(&next)?;
    let Some(state) = proven.state else { return Ok(None) };
    if let Some(expected) = &record.sha256 {
        let bytes = fetch::gather(run, &state, sequence).await?;
        restore::check_sha256(&bytes, expected)?;
    }
    Ok(Some(record.length))
}

/// A record that was found.
pub struct Found {
    /// The record.
    pub record: Arc<Record>,
    /// Its new bytes, or its parts.
    pub raw: Raw,
    /// Whether it is its parts.
    pub apart: bool,
    /// BLAKE3 of its new bytes.
    pub fresh: [u8; 32],
}

/// A shared chunk must be held by the timeline whose record needs it: else another may remove it.
async fn held(run: &Run, parted: &Parted) -> Result<()> {
    if !run.ask.supports().commit {
        return Ok(());
    }
    let name = parted.home.to_string();
    let chunks: Vec<Chunk> = parted.parts.chunks().collect();
    for part in chunks.chunks(256) {
        let found = refs::read(run, part).await?;
        let is_held = |(holders, _): &(Holders, _)| holders.has(&name);
        let not = part.iter().zip(found).find(|(_, found)| !found.as_ref().is_some_and(is_held));
        if let Some((chunk, _)) = not {
            let error = walk::damage("nothing holds a chunk that it needs");
            return Err(error.at(|at| at.key = Some(refs::key(chunk))));
        }
    }
    Ok(())
}

/// A record and its new bytes, if it is there.
pub async fn found(run: &Run, sequence: u64) -> Result<Option<Found>> {
    let Some(record) = fetch::records(run, sequence..=sequence).await?.remove(&sequence) else {
        return Ok(None);
    };
    let found = match fetch::fresh(run, sequence..=sequence).await?.remove(&sequence) {
        Some(Fresh::Parted(parted)) => {
            held(run, &parted).await?;
            let fresh = parted.sum(run).await?;
            Found { record, raw: parted.parts.encode(None)?.into(), apart: true, fresh }
        }
        Some(Fresh::Proven(raw)) => {
            let fresh = digest::blake3(&raw);
            Found { record, raw, apart: false, fresh }
        }
        None => Found { record, raw: Raw::new(), apart: false, fresh: digest::blake3(&[]) },
    };
    Ok(Some(found))
}
