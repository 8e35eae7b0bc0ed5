//! What a timeline holds, without its states.

use std::sync::Arc;

use super::{fetch, tail};
use crate::error::{Code, Error, Result};
use crate::timeline::form::meta::Meta;
use crate::timeline::form::record::{Id, Record};
use crate::timeline::form::snapshot::At;
use crate::timeline::form::snapshot::Snapshot;
use crate::timeline::operation::layout::Place;
use crate::timeline::operation::run::Run;

/// Which snapshots to list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Page {
    /// Only later ones than this.
    pub after: Option<u64>,
    /// Only earlier ones than this.
    pub before: Option<u64>,
    /// At most so many; none: 100.
    pub limit: Option<usize>,
    /// From the newest to the oldest.
    pub newest_first: bool,
}

/// A page of snapshots, in order. Fewer than the limit means that no more follow.
pub async fn list(run: &Run, page: &Page) -> Result<Vec<Snapshot>> {
    let layout = run.layout().await?;
    let (floor, mut tags) = (layout.held.control.floor.sequence, layout.held.control.names());
    let Some(latest) = tail::latest(run).await? else { return Ok(Vec::new()) };
    let first = page.after.map_or(floor, |after| after.saturating_add(1).max(floor));
    let last = page.before.map_or(latest, |before| before.saturating_sub(1).min(latest));
    let limit = page.limit.unwrap_or(100);
    let mut snapshots = Vec::new();
    let mut rest = first..=last;
    while snapshots.len() < limit && !rest.is_empty() {
        run.ask.check_cancelled().await?;
        let stride = 64.min(limit - snapshots.len()) as u64;
        let part = if page.newest_first {
            let start = rest.end().saturating_sub(stride - 1).max(first);
            let part = start..=*rest.end();
            rest = first..=start.saturating_sub(1);
            part
        } else {
            let end = (rest.start() + stride - 1).min(last);
            let part = *rest.start()..=end;
            rest = end + 1..=last;
            part
        };
        let mut records: Vec<_> = fetch::records(run, part).await?.into_iter().collect();
        if page.newest_first {
            records.reverse();
        }
        for (sequence, record) in records.into_iter().filter(|(_, record)| record.shows()) {
            let tags = tags.remove(&sequence).unwrap_or_default();
            snapshots.push(Snapshot { tags, ..with_parent(run, sequence, &record).await? });
        }
    }
    Ok(snapshots)
}

/// One snapshot.
pub async fn show(run: &Run, at: &At) -> Result<Snapshot> {
    let sequence = tail::resolve(run, at).await?;
    let record = present(run, sequence).await?;
    let tags = run.layout().await?.held.control.names_of(sequence);
    Ok(Snapshot { tags, ..with_parent(run, sequence, &record).await? })
}

/// The record of a snapshot. One that is missing between others is damage, not absence.
pub async fn present(run: &Run, sequence: u64) -> Result<Arc<Record>> {
    let layout = run.layout().await?;
    if sequence < layout.held.control.floor.sequence {
        return Err(not_found(run, sequence));
    }
    match fetch::record(run, sequence).await? {
        Some(record) if record.shows() => return Ok(record),
        Some(_) => return Err(not_found(run, sequence)),
        None => run.doubt(),
    }
    let loose = matches!(layout.place(sequence), Place::Loose(_));
    if !loose || tail::latest(run).await?.is_none_or(|latest| latest < sequence) {
        return Err(not_found(run, sequence));
    }
    // It may have been saved just now.
    match fetch::record(run, sequence).await? {
        Some(record) if record.shows() => Ok(record),
        Some(_) => Err(not_found(run, sequence)),
        None => Err(fetch::missing(run, sequence)),
    }
}

async fn with_parent(run: &Run, sequence: u64, record: &Arc<Record>) -> Result<Snapshot> {
    let parent = fetch::parent_id(run, sequence, Some(record)).await?;
    snapshot(sequence, record, parent).map_err(run.placed(sequence))
}

/// What a record says, for its readers.
pub fn snapshot(sequence: u64, record: &Record, parent: Id) -> Result<Snapshot> {
    Ok(saved(sequence, record, (parent, Meta::decode(&record.meta)?)))
}

/// The same for a snapshot that was just saved.
pub fn saved(sequence: u64, record: &Record, known: (Id, Meta)) -> Snapshot {
    let ((parent, meta), stored) = (known, record.weight());
    let (id, length, tags) = (record.id, record.length, Vec::new());
    Snapshot { sequence, id, parent, meta, length, stored, tags }
}

/// There is no such snapshot.
pub fn not_found(run: &Run, sequence: u64) -> Error {
    let message = format!("{}@{sequence} does not exist; list shows what does.", run.shared.name);
    run.shared.name.place(Error::new(Code::NotFound, message), sequence)
}

/// The message for a timeline without snapshots.
pub fn empty(run: &Run) -> String {
    format!(
        "{} has no snapshots; save one first, or check the name and the store.",
        run.shared.name
    )
}
