//! Retries: a save under a key that was used before is the same snapshot.

use std::collections::HashMap;

use super::build::{identify, Ground};
use super::queue::{Change, Save};
use crate::error::{Code, Error, Result};
use crate::timeline::form::snapshot::At;
use crate::timeline::form::snapshot::Snapshot;
use crate::timeline::operation::run::Run;
use crate::timeline::read::list::{self, Page};
use crate::timeline::read::restore;

/// How many snapshots back a key is looked up.
const LOOKED_UP: usize = 1000;

/// The keys of the latest snapshots.
pub type Keys = HashMap<String, u64>;

/// The snapshot that was saved under the key of this save, if there is one.
pub async fn earlier(run: &Run, ground: &mut Ground, save: &Save) -> Result<Option<Snapshot>> {
    let Some(key) = &save.meta.idempotency_key else { return Ok(None) };
    let keys = match ground.keys.take() {
        Some(keys) => keys,
        None => run.again(|| Box::pin(load(run))).await?,
    };
    let sequence = keys.get(key).copied();
    ground.keys = Some(keys);
    let oldest = ground.tail.sequence.saturating_sub(LOOKED_UP as u64);
    let Some(sequence) = sequence.filter(|sequence| *sequence > oldest) else { return Ok(None) };
    let at = At::Sequence(sequence);
    if let Change::Streamed(streamed) = &save.change {
        let snapshot = match run.again(|| Box::pin(list::show(run, &at))).await {
            // It was taken out since: for whoever looks anew, the key is free.
            Err(error) if error.code() == Code::NotFound => return Ok(None),
            snapshot => snapshot?,
        };
        let record = run.again(|| Box::pin(list::present(run, sequence))).await?;
        let whole = record.length == streamed.length && record.raw == streamed.length;
        let same = whole && identify(&record, &snapshot.parent, streamed.hash) == record.id;
        return if same { Ok(Some(snapshot)) } else { Err(mismatch(run, (key, sequence))) };
    }
    let saved = match run.again(|| Box::pin(restore::restore(run, &at))).await {
        // It was taken out since: for whoever looks anew, the key is free.
        Err(error) if error.code() == Code::NotFound => return Ok(None),
        saved => saved?,
    };
    match &save.change {
        Change::Whole(bytes) if *bytes == saved.bytes => Ok(Some(saved.snapshot)),
        Change::Whole(_) => Err(mismatch(run, (key, sequence))),
        Change::Edits { .. } | Change::Streamed(_) => {
            let message = "A save with an idempotency key must hand over the whole state.";
            Err(Error::new(Code::InvalidArgument, message))
        }
    }
}

async fn load(run: &Run) -> Result<Keys> {
    let page = Page { limit: Some(LOOKED_UP), newest_first: true, ..Page::default() };
    let snapshots = list::list(run, &page).await?;
    let keyed = snapshots.into_iter().rev();
    Ok(keyed.filter_map(|s| Some((s.meta.idempotency_key?, s.sequence))).collect())
}

fn mismatch(run: &Run, (key, sequence): (&str, u64)) -> Error {
    let message = format!(
        "The idempotency key {key} was used for another state, {}@{sequence}; use a new key.",
        run.shared.name
    );
    run.placed(sequence)(Error::new(Code::IdempotencyMismatch, message))
}
