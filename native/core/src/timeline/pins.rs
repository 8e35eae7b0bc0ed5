//! Pins: what holds the history of a timeline for its forks. A fork sets its pin before it exists
//! and takes it away after it has gone.

use std::sync::Arc;

use super::change;
use super::control::Control;
use super::reference;
use super::sections::{Origin, Pin};
use super::{Run, Shared, Timeline};
use crate::error::Result;

/// A pin whose fork does not exist was left behind by a crash when it is this old (milliseconds).
const ORPHANED: u64 = 3_600_000;

impl Run {
    /// The same operation, on another timeline of the store.
    pub fn on(&self, timeline: &str) -> Result<Run> {
        let Shared { supports, options, .. } = &*self.shared;
        let name = reference::name(timeline)?;
        let other = Timeline::new(name, supports.clone(), options.clone());
        Ok(Run::new(self.ask.clone(), other.shared.clone()))
    }
}

/// Holds a part of a timeline's history for a fork.
pub async fn set(run: &Run, pin: &Pin) -> Result<()> {
    change::control(run, |_, control| {
        control.pins.retain(|other| other.timeline != pin.timeline);
        control.pins.push(pin.clone());
        Ok(())
    })
    .await
}

/// Takes away what a fork held.
pub async fn release(run: &Run, fork: &str) -> Result<()> {
    change::control(run, |_, control| {
        control.pins.retain(|pin| pin.timeline != fork);
        Ok(())
    })
    .await
}

/// Lets go of what lies below the floor in the timelines that this one was forked from.
pub async fn narrow(run: &Run) -> Result<()> {
    let layout = run.look().await?;
    let Some(origin) = &layout.held.control.origin else { return Ok(()) };
    let (floor, name) = (layout.held.control.floor.sequence, run.shared.name.to_string());
    for branch in origin.line.iter().filter(|branch| branch.first < floor) {
        let other = run.on(&branch.timeline)?;
        change::control(&other, |_, control| {
            let own = control.pins.iter_mut().filter(|pin| pin.timeline == name);
            own.for_each(|pin| pin.from = pin.from.max(floor));
            control.pins.retain(|pin| pin.from <= pin.sequence);
            Ok(())
        })
        .await?;
    }
    Ok(())
}

/// Lets go of everything that a fork held, when it is gone.
pub async fn release_all(run: &Run, origin: &Origin) -> Result<()> {
    for branch in &origin.line {
        release(&run.on(&branch.timeline)?, &run.shared.name.to_string()).await?;
    }
    Ok(())
}

/// Takes away pins of forks that never came to be, or are gone.
pub async fn sweep(run: &Run) -> Result<()> {
    let layout = run.look().await?;
    let (name, now) = (run.shared.name.to_string(), run.ask.now().await?);
    let old = |pin: &&Pin| now.saturating_sub(pin.since) > ORPHANED;
    let mut dead = Vec::new();
    for pin in layout.held.control.pins.iter().filter(old) {
        let fork: Arc<super::layout::Layout> = run.on(&pin.timeline)?.layout().await?;
        if !shows(&fork.held.control, &name) {
            dead.push(pin.clone());
        }
    }
    if dead.is_empty() {
        return Ok(());
    }
    change::control(run, |_, control| {
        control.pins.retain(|pin| !dead.contains(pin));
        Ok(())
    })
    .await
}

/// Whether a fork's history lies in this timeline.
fn shows(fork: &Control, timeline: &str) -> bool {
    let origin = fork.origin.as_ref();
    origin.is_some_and(|origin| origin.line.iter().any(|branch| branch.timeline == timeline))
}
