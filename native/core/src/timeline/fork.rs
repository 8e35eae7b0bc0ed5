//! Forking: another timeline that shares this one's history up to a snapshot and goes on by itself.
//! Nothing is copied, so it takes the same time however long the history is.

use super::change;
use super::control::Control;
use super::fence;
use super::layout::{Layout, Region};
use super::list;
use super::name::Name;
use super::pins;
use super::sections::{Branch, Floor, Origin, Pin};
use super::tail::{self, Tail};
use super::{At, Run, Snapshot};
use crate::error::{Code, Error, Result};

/// Forks a snapshot; gives what the fork's latest one is then.
pub async fn fork(run: &Run, name: &Name, at: &At) -> Result<Snapshot> {
    run.require_conditions()?;
    let fork = run.on(&name.to_string())?;
    if *name == run.shared.name {
        return Err(taken(&fork));
    }
    require_free(&fork).await?;
    let sequence = tail::resolve(run, at).await?;
    let snapshot = list::show(run, &At::Sequence(sequence)).await?;
    let layout = run.layout().await?;
    let line = line(&layout, sequence);
    let floor = layout.held.control.floor.clone();
    let since = run.ask.now().await?;
    for branch in &line {
        let from = branch.first.max(floor.sequence);
        let timeline = name.to_string();
        let pin = Pin { timeline, from, sequence: branch.last, since };
        pins::set(&run.on(&branch.timeline)?, &pin).await?;
    }
    let made = make(run, &fork, Begin { line: line.clone(), sequence, floor }).await;
    if made.is_err() {
        let origin = Origin { id: snapshot.id, first: 0, base: 0, line };
        pins::release_all(&fork, &origin).await?;
    }
    made.map(|()| snapshot)
}

/// What a fork begins with.
struct Begin {
    line: Vec<Branch>,
    sequence: u64,
    floor: Floor,
}

/// Makes the fork, now that what it needs is held. What was taken out before that is noticed here.
async fn make(run: &Run, fork: &Run, begin: Begin) -> Result<()> {
    run.look().await?;
    let record = list::present(run, begin.sequence).await?;
    let end = record.base + record.raw;
    let tail = fork.again(|| Box::pin(Tail::load(fork))).await?;
    fence::close(fork, &tail).await?;
    let fenced = !run.ask.supports().commit;
    change::control(fork, |layout, control| {
        if !is_free(layout) {
            return Err(taken(fork));
        }
        // Where the name was used before, numbers and offsets go on: they never return.
        let first = if fenced { tail.sequence + 2 } else { control.floor.sequence };
        let base = control.floor.base.max(tail.base);
        control.origin = Some(Origin {
            id: record.id,
            first: first.max(begin.sequence + 1),
            base: base.max(end),
            line: begin.line.clone(),
        });
        control.floor = begin.floor.clone();
        control.loose = control.loose.max(begin.sequence + 1).max(first);
        control.cuts += 1;
        Ok(())
    })
    .await?;
    fork.look().await?;
    // A writer that saw the fence and not yet the fork has saved: its timeline was first.
    let late = fork.shared.name.key(tail.sequence + 2);
    if !fenced || run.ask.get(late).await?.is_none() {
        return Ok(());
    }
    change::control(fork, |_, control| {
        (control.origin, control.floor) = (None, tail.control.control.floor.clone());
        control.loose = tail.control.control.loose;
        Ok(())
    })
    .await?;
    Err(taken(fork))
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

/// Refuses a name that is in use.
async fn require_free(fork: &Run) -> Result<()> {
    let layout = fork.look().await?;
    let empty = tail::latest_state(fork).await?.is_none();
    match is_free(&layout) && empty {
        true => Ok(()),
        false => Err(taken(fork)),
    }
}

/// Whether a timeline of this layout was never written, or was deleted. One that was only ever
/// written by saves may have no control object, so its first key counts too.
fn is_free(layout: &Layout) -> bool {
    let control: &Control = &layout.held.control;
    let packed = control.packs.iter().any(|pack| pack.last >= control.floor.sequence);
    control.origin.is_none() && !packed
}

fn taken(fork: &Run) -> Error {
    let message =
        format!("{} exists already; fork to another name, or delete it first.", fork.shared.name);
    Error::new(Code::Conflict, message).at(|p| p.timeline = Some(fork.shared.name.to_string()))
}
