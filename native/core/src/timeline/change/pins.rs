//! Pins: what holds the history of a timeline for its forks. A fork sets its pins before it exists
//! and takes them away after it has gone. Each try to fork has pins of its own, so that one that
//! fails, or a fork that goes, never lets go of what another holds.

use std::sync::Arc;

use super::swap;
use crate::error::Result;
use crate::timeline::form::control::Control;
use crate::timeline::form::sections::{Branch, Pin};
use crate::timeline::operation::layout::Layout;
use crate::timeline::operation::run::Run;

/// A pin whose fork does not exist was left behind by a crash when it is this old (milliseconds).
const ORPHANED: u64 = 3_600_000;

/// Pins by the timeline that they are set in, as references write it.
pub type Pins = Vec<(String, Pin)>;

/// Holds a part of a timeline's history for a fork.
pub async fn set(run: &Run, pin: &Pin) -> Result<()> {
    swap::control(run, |_, control| {
        control.pins.push(pin.clone());
        Ok(())
    })
    .await
}

/// What these parts of a fork's history are held by now. Whoever lets go of some of it, asks before
/// it changes the fork: what is set after that is another's.
pub async fn of(run: &Run, line: &[Branch]) -> Result<Pins> {
    let name = run.shared.name.to_string();
    let mut pins = Pins::new();
    for branch in line {
        let layout = run.on(&branch.timeline)?.look().await?;
        let own = layout.held.control.pins.iter().filter(|pin| pin.timeline == name);
        pins.extend(own.map(|pin| (branch.timeline.clone(), pin.clone())));
    }
    Ok(pins)
}

/// Takes pins away.
pub async fn release(run: &Run, pins: &Pins) -> Result<()> {
    for (timeline, pin) in pins {
        replace(&run.on(timeline)?, pin, None).await?;
    }
    Ok(())
}

/// Lets go of what pins hold below a floor, but never of the last snapshot that each holds: what
/// the fork has saved since is made of its bytes.
pub async fn narrow(run: &Run, pins: &Pins, floor: u64) -> Result<()> {
    for (timeline, pin) in pins {
        let from = floor.min(pin.sequence);
        if pin.from < from {
            replace(&run.on(timeline)?, pin, Some(Pin { from, ..pin.clone() })).await?;
        }
    }
    Ok(())
}

/// Puts another pin in place of one, or none, if it is still there.
async fn replace(run: &Run, pin: &Pin, by: Option<Pin>) -> Result<()> {
    swap::control(run, |_, control| {
        if let Some(at) = control.pins.iter().position(|other| other == pin) {
            control.pins.splice(at..=at, by.clone());
        }
        Ok(())
    })
    .await
}

/// Takes away pins of forks that never came to be, or are gone.
pub async fn sweep(run: &Run) -> Result<()> {
    let layout = run.look().await?;
    let (name, now) = (run.shared.name.to_string(), run.ask.now().await?);
    let old = |pin: &&Pin| now.saturating_sub(pin.since) > ORPHANED;
    let mut dead = Vec::new();
    for pin in layout.held.control.pins.iter().filter(old) {
        let fork = run.on(&pin.timeline)?;
        let seen: Arc<Layout> = fork.look().await?;
        // A fork that is being made all the time meets this change and fails.
        let change = || swap::swap(&fork, (&seen, seen.held.control.clone()), Vec::new());
        if !shows(&seen.held.control, &name) && change().await? {
            dead.push(pin.clone());
        }
    }
    if dead.is_empty() {
        return Ok(());
    }
    swap::control(run, |_, control| {
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
