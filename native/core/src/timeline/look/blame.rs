//! Which snapshot last changed a value.

use crate::error::{Code, Error, Result};
use crate::msgpack;
use crate::timeline::form::extent::Extents;
use crate::timeline::form::snapshot::At;
use crate::timeline::form::snapshot::Snapshot;
use crate::timeline::operation::run::Run;
use crate::timeline::read::{fetch, list, restore, tail};

/// Who changed a value, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Blame {
    /// The snapshot that changed it last.
    pub snapshot: Snapshot,
    /// What it did.
    pub did: Did,
}

/// What a snapshot did to a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Did {
    /// It was not there before.
    Add,
    /// It was another before.
    Change,
    /// It was there before.
    Remove,
    /// The snapshot is the oldest that there is: what was before is not known.
    Oldest,
}

/// A value in one state.
struct Seen {
    sequence: u64,
    extents: Extents,
    /// Its bytes, and where they end; none where it is not there.
    value: Option<(Vec<u8>, u64)>,
}

/// Goes back from a snapshot to the one before which the value was another.
pub async fn blame(run: &Run, at: &At, path: &[String]) -> Result<Blame> {
    let sequence = tail::resolve(run, at).await?;
    let record = list::present(run, sequence).await?;
    let meta = list::snapshot(sequence, &record, record.id).map_err(run.placed(sequence))?.meta;
    if let Some(encoding) = meta.foreign() {
        let message = format!(
            "Snapshots in the encoding {encoding} cannot be looked into; compare them with diff."
        );
        return Err(run.placed(sequence)(Error::new(Code::Unsupported, message)));
    }
    let mut seen = Seen::look(run, sequence, path).await?;
    let was_there = seen.value.is_some();
    loop {
        run.ask.check_cancelled().await?;
        let Some(before) = before(run, seen.sequence).await? else {
            if !was_there {
                return Err(nothing(run, path));
            }
            return told(run, seen.sequence, Did::Oldest).await;
        };
        if unmoved(run, &seen, before).await? {
            seen.sequence = before;
            continue;
        }
        let older = Seen::look(run, before, path).await?;
        let did = match (&older.value, &seen.value) {
            (None, None) => None,
            (None, Some(_)) => Some(Did::Add),
            (Some(_), None) => Some(Did::Remove),
            (Some((old, _)), Some((new, _))) => (old != new).then_some(Did::Change),
        };
        if let Some(did) = did {
            return told(run, seen.sequence, did).await;
        }
        seen = older;
    }
}

impl Seen {
    async fn look(run: &Run, sequence: u64, path: &[String]) -> Result<Seen> {
        let extents = restore::state(run, sequence).await?;
        let bytes = fetch::gather(run, &extents, sequence).await?;
        let found = msgpack::locate(&bytes, path).map_err(run.placed(sequence))?;
        let value = found.map(|at| (bytes[at.clone()].to_vec(), at.end as u64));
        Ok(Seen { sequence, extents, value })
    }
}

/// Whether all up to the end of the value lies where it lay in the snapshot before: then its path
/// leads to the same bytes there.
async fn unmoved(run: &Run, seen: &Seen, before: u64) -> Result<bool> {
    let Some((_, end)) = &seen.value else { return Ok(false) };
    let older = restore::state(run, before).await?;
    Ok(older.length() >= *end && older.slice(0, *end) == seen.extents.slice(0, *end))
}

/// The snapshot before that shows.
async fn before(run: &Run, sequence: u64) -> Result<Option<u64>> {
    let layout = run.layout().await?;
    let floor = layout.held.control.floor.sequence;
    let mut before = layout.before(sequence);
    while before >= floor {
        match fetch::record(run, before).await? {
            Some(record) if record.shows() => return Ok(Some(before)),
            _ => before = layout.before(before),
        }
    }
    Ok(None)
}

async fn told(run: &Run, sequence: u64, did: Did) -> Result<Blame> {
    Ok(Blame { snapshot: list::show(run, &At::Sequence(sequence)).await?, did })
}

fn nothing(run: &Run, path: &[String]) -> Error {
    let pointer: String = path
        .iter()
        .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
        .collect();
    let message = format!("No snapshot of {} has anything at '{pointer}'.", run.shared.name);
    Error::new(Code::NotFound, message).at(|place| place.pointer = Some(pointer))
}
