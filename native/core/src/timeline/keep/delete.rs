//! Removing a timeline. Its floor is raised first, so that a writer that was stalled meanwhile
//! cannot create a snapshot on no history; numbers and logical offsets never return. What forks
//! show stays, hidden here.

use super::plan::Plan;
use super::rewrite::To;
use crate::error::{Code, Result};
use crate::timeline::change::{debts, pins, swap};
use crate::timeline::chunk::sweep;
use crate::timeline::operation::run::Run;

/// How often it is tried beside other writers.
const ATTEMPTS: usize = 16;

/// What a delete has done.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Deleted {
    /// How many snapshots went.
    pub snapshots: u64,
    /// How many bytes came back.
    pub freed: u64,
    /// The forks that need some of it, which stays for them.
    pub forks: Vec<String>,
}

/// Removes all snapshots.
pub async fn delete(run: &Run) -> Result<Deleted> {
    run.require_conditions()?;
    debts::pay(run).await?;
    pins::sweep(run).await?;
    let mut deleted = Deleted::default();
    for _ in 0..ATTEMPTS {
        let plan = match Plan::nothing(run).await {
            Ok(plan) => plan,
            Err(error) if error.code() == Code::Conflict => continue,
            Err(error) => return Err(error),
        };
        let line = plan.seen.origin.as_ref().map_or(&[][..], |origin| &origin.line);
        let held = pins::of(run, line).await?;
        deleted.forks = plan.seen.pins.iter().map(|pin| pin.timeline.clone()).collect();
        deleted.forks.sort_unstable();
        deleted.forks.dedup();
        let Some(pruned) = plan.carry_out(run, To::Store).await? else { continue };
        deleted.snapshots += pruned.gone;
        deleted.freed += pruned.freed;
        run.forget();
        run.shared.unsettle();
        pins::release(run, &held).await?;
        deleted.freed += sweep::sweep(run).await?;
        return Ok(deleted);
    }
    Err(swap::busy(run))
}

/// Where there are no snapshots, as was made sure: removes what a save or an import left that never
/// came to its end.
pub async fn clear<T>(run: &Run, done: Result<T>) -> Result<T> {
    if done.as_ref().is_err_and(|error| error.code() == Code::NotFound) {
        debts::sweep(run).await?;
        sweep::sweep(run).await?;
    }
    done
}
