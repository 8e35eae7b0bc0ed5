//! Forking: another timeline that shares this one's history up to a snapshot and goes on by itself.
//! Nothing is copied, so it takes the same time however long the history is.
//!
//! The name must be free, and stay so: the fork is one compare-and-set of the control object that
//! was seen before anything was held for it. Where a save is no part of that (a store without
//! batches), a fence has taken the next number before, and nobody saves behind a fence without
//! having changed the control object since.

use std::sync::Arc;

use super::pins::{self, Pins};
use super::{fence, swap};
use crate::error::{Code, Error, Result};
use crate::store::Op;
use crate::timeline::form::control::Control;
use crate::timeline::form::name::Name;
use crate::timeline::form::sections::{Branch, Origin, Pin};
use crate::timeline::form::snapshot::At;
use crate::timeline::form::snapshot::Snapshot;
use crate::timeline::operation::layout::{Layout, Region};
use crate::timeline::operation::run::Run;
use crate::timeline::read::list;
use crate::timeline::read::tail::{self, Tail};

/// Forks a snapshot; gives what the fork's latest one is then.
pub async fn fork(run: &Run, name: &Name, at: &At) -> Result<Snapshot> {
    run.require_conditions()?;
    let fork = run.on(&name.to_string())?;
    if *name == run.shared.name {
        return Err(taken(&fork));
    }
    let free = fork.again(|| Box::pin(require_free(&fork))).await?;
    let sequence = tail::resolve(run, at).await?;
    let snapshot = list::show(run, &At::Sequence(sequence)).await?;
    let layout = run.layout().await?;
    let line = line(&layout, sequence);
    let since = run.ask.now().await?;
    let mut held = Pins::new();
    for branch in &line {
        let from = branch.first.max(layout.held.control.floor.sequence);
        let pin = Pin { timeline: name.to_string(), from, sequence: branch.last, since };
        held.push((branch.timeline.clone(), pin.clone()));
        pins::set(&run.on(&branch.timeline)?, &pin).await?;
    }
    let made = match ready(run, &fork, Begin { free, line, sequence }).await {
        Ok((free, control, with)) => swap::swap(&fork, (&free, control), with).await?,
        Err(error) => {
            pins::release(run, &held).await?;
            return Err(error);
        }
    };
    match made {
        true => Ok(snapshot),
        false => {
            pins::release(run, &held).await?;
            Err(taken(&fork))
        }
    }
}

/// What a fork begins with.
struct Begin {
    /// What its name had before.
    free: Arc<Layout>,
    line: Vec<Branch>,
    sequence: u64,
}

/// What makes the fork in place of what is there, with what else is on that condition.
type Ready = (Arc<Layout>, Control, Vec<Op>);

/// Makes it ready, now that what it needs is held. What was taken out before that is noticed here.
async fn ready(run: &Run, fork: &Run, begin: Begin) -> Result<Ready> {
    let Begin { free, line, sequence } = begin;
    if !sabotaged!(TimelineForkLooks) {
        run.look().await?;
    }
    let layout = run.layout().await?;
    let record = list::present(run, sequence).await?;
    run.settle().await?;
    if self::line(&layout, sequence) != line {
        return Err(swap::busy(run));
    }
    fork.look().await?;
    let mut tail = fork.again(|| Box::pin(Tail::load(fork))).await?;
    if tail.control.version != free.held.version {
        return Err(taken(fork));
    }
    fence::close(fork, &mut tail).await?;
    let free = match tail.control.version == free.held.version {
        true => free,
        false => fork.look().await?,
    };
    if tail.control.version != free.held.version {
        return Err(taken(fork));
    }
    let fenced = !run.ask.supports().commit;
    let next = tail.sequence + 1 + u64::from(fenced);
    // Where the name was used before, numbers and offsets go on: they never return. Where offsets
    // leave a gap, so do numbers: new bytes of neighbours lie behind each other.
    let end = record.base + record.raw;
    let base = free.held.control.floor.base.max(tail.base).max(end);
    let first = next.max(sequence + 1 + u64::from(base > end));
    let origin = Origin { id: record.id, first, base, line };
    let mut control = free.held.control.clone();
    control.floor = layout.held.control.floor.clone();
    control.loose = control.loose.max(origin.first);
    control.origin = Some(origin);
    control.cuts += 1;
    let check = Op::Check { key: fork.shared.name.key(next), version: None };
    Ok((free, control, if fenced { Vec::new() } else { vec![check] }))
}

/// In whose keys the history up to a snapshot lies.
fn line(layout: &Layout, sequence: u64) -> Vec<Branch> {
    let parts = layout.regions().iter().take_while(|region| region.first <= sequence);
    let branch = |region: &Region| Branch {
        timeline: region.name.to_string(),
        first: region.first,
        last: region.last.min(sequence),
        base: region.base,
    };
    parts.map(branch).collect()
}

/// What a name has that is not in use: it was never written, or its timeline was deleted and holds
/// nothing for a fork that would be hidden by a new beginning.
async fn require_free(fork: &Run) -> Result<Arc<Layout>> {
    let layout = fork.look().await?;
    let empty = tail::latest_state(fork).await?.is_none();
    let control = &layout.held.control;
    let packed = control.packs.iter().any(|pack| pack.last >= control.floor.sequence);
    let open = control.pins.iter().any(|pin| pin.sequence >= control.loose);
    let held = control.origin.is_some() && !control.pins.is_empty();
    match empty && !packed && !open && !held {
        true => Ok(layout),
        false => Err(taken(fork)),
    }
}

fn taken(fork: &Run) -> Error {
    let message =
        format!("{} exists already; fork to another name, or delete it first.", fork.shared.name);
    Error::new(Code::Conflict, message).at(|p| p.timeline = Some(fork.shared.name.to_string()))
}
