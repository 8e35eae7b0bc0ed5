//! Removing a timeline. Its floor is raised first, so that a writer that was stalled meanwhile
//! cannot create a snapshot on no history; numbers and logical offsets never return.

use super::control::Floor;
use super::fetch;
use super::list;
use super::queue;
use super::tail::Tail;
use super::Run;
use crate::error::{fail, Code, Result};
use crate::store::{Mode, Op};

/// How many keys go in one batch.
const BATCH: u64 = 512;
/// How often the floor is tried to be raised beside other writers.
const ATTEMPTS: usize = 16;

/// Removes all snapshots and says how many there were.
pub async fn delete(run: &Run) -> Result<u64> {
    run.require_conditions()?;
    let (from, to) = raise_floor(run).await?;
    queue::forget(&run.shared);
    queue::look(&run.shared, None);
    run.shared.cache.lock().clear();
    let mut next = from;
    while next < to {
        let end = (next + BATCH).min(to);
        remove(run, next..end).await?;
        next = end;
    }
    Ok(to - from)
}

/// Publishes that nothing exists any more, and says what did.
async fn raise_floor(run: &Run) -> Result<(u64, u64)> {
    for _ in 0..ATTEMPTS {
        let tail = Tail::load(run).await?;
        let before = tail.control.control.floor.sequence;
        if tail.sequence < before {
            return fail(Code::NotFound, list::empty(run));
        }
        let mut control = tail.control.control.clone();
        control.floor = Floor { sequence: tail.sequence + 1, parent: tail.id, base: tail.base };
        control.hint = 0;
        control.tags.clear();
        control.nonce.copy_from_slice(&run.ask.random(16).await?);
        let mode = tail.control.version.map_or(Mode::Create, Mode::IfVersion);
        let put = run.ask.put(run.shared.name.control(), control.encode().into(), mode).await;
        match put {
            Ok(_) if unmoved(run, tail.sequence).await? => return Ok((before, tail.sequence + 1)),
            Ok(_) => {}
            Err(error) if error.code() == Code::Conflict => {}
            Err(error) => return Err(error),
        }
    }
    let message =
        format!("{} is written to all the time; delete it when it rests.", run.shared.name);
    fail(Code::Conflict, message)
}

/// Whether no snapshot came between reading the head and raising the floor.
async fn unmoved(run: &Run, sequence: u64) -> Result<bool> {
    Ok(fetch::existing(run, sequence + 1..=sequence + 1).await?.is_empty())
}

async fn remove(run: &Run, range: std::ops::Range<u64>) -> Result<()> {
    if !run.ask.supports().commit {
        for sequence in range {
            run.ask.delete(run.shared.name.key(sequence), None).await?;
        }
        return Ok(());
    }
    let ops =
        range.map(|sequence| Op::Delete { key: run.shared.name.key(sequence), if_version: None });
    run.ask.commit(ops.collect()).await.map(|_| ())
}
