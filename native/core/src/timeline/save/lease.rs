//! Leases: one handle writes, the others are refused, and one that was stalled while another took
//! over finds out at its next save, however long it was stalled: a fence has taken the number that
//! it would write.

use std::time::Duration;

use super::build::Ground;
use crate::error::{Code, Error, Result};
use crate::store::{Mode, Op};
use crate::timeline::change::{fence, swap};
use crate::timeline::form::control::Control;
use crate::timeline::form::sections::Lease;
use crate::timeline::operation::layout::Layout;
use crate::timeline::operation::run::Run;
use crate::timeline::operation::shared::OwnLease;
use crate::timeline::read::tail::Tail;

/// How often it is tried to take a lease beside other changes.
const ATTEMPTS: usize = 16;

/// Makes sure before a save that this handle may write. Where it asks for leases, it takes one.
pub async fn require(run: &Run, ground: &mut Ground) -> Result<()> {
    let own = *run.shared.lease.lock();
    let Some(time) = run.shared.options.lease else {
        return free(run, &ground.tail.control.control).await;
    };
    let now = run.ask.now().await?;
    let lease = ground.tail.control.control.lease.clone();
    match (own, lease) {
        (Some(own), Some(lease)) if is(&own, &lease) => {
            let left = lease.until.saturating_sub(now);
            if left < time.as_millis() as u64 / 2 {
                *ground = take(run, time).await?;
            }
            Ok(())
        }
        (Some(_), _) => Err(lost(run)),
        (None, _) => {
            *ground = take(run, time).await?;
            Ok(())
        }
    }
}

/// Refuses while another holds a lease.
async fn free(run: &Run, control: &Control) -> Result<()> {
    let Some(lease) = &control.lease else { return Ok(()) };
    match run.ask.now().await? < lease.until {
        true => Err(held(run, lease)),
        false => Ok(()),
    }
}

fn is(own: &OwnLease, lease: &Lease) -> bool {
    own.holder == lease.holder && own.epoch == lease.epoch
}

/// After a write was refused: whether because this handle must not write any more.
pub fn check(run: &Run, control: &Control) -> Result<()> {
    let own = *run.shared.lease.lock();
    match (own, &control.lease) {
        (Some(own), Some(lease)) if is(&own, lease) => Ok(()),
        (Some(_), _) => Err(lost(run)),
        (None, _) => Ok(()),
    }
}

/// Takes or renews the lease, and gives what the next save builds on.
async fn take(run: &Run, time: Duration) -> Result<Ground> {
    for _ in 0..ATTEMPTS {
        let layout = run.look().await?;
        let mut ground = run.again(|| Box::pin(Ground::load(run))).await?;
        let now = run.ask.now().await?;
        let before = layout.held.control.lease.clone();
        let own = *run.shared.lease.lock();
        let ours = before.as_ref().zip(own).is_some_and(|(lease, own)| is(&own, lease));
        if own.is_some() && !ours {
            return Err(lost(run));
        }
        if let Some(lease) = before.as_ref().filter(|lease| !ours && now < lease.until) {
            return Err(held(run, lease));
        }
        let mut holder = [0; 16];
        match own {
            Some(own) => holder = own.holder,
            None => holder.copy_from_slice(&run.ask.random(16).await?),
        }
        let epoch = before.as_ref().map_or(1, |lease| lease.epoch + u64::from(!ours));
        let mut control = layout.held.control.clone();
        let until = now.saturating_add(time.as_millis() as u64);
        control.lease = Some(Lease { holder, epoch, until });
        let over = before.is_some() && !ours;
        if !swap(run, (&layout, control), over.then_some(&ground.tail)).await? {
            continue;
        }
        *run.shared.lease.lock() = Some(OwnLease { holder, epoch });
        // Others may have written and packed meanwhile: what the save builds on is read again.
        run.look().await?;
        ground = run.again(|| Box::pin(Ground::load(run))).await?;
        check(run, &ground.tail.control.control)?;
        return Ok(ground);
    }
    Err(swap::busy(run))
}

/// Publishes the lease, and with a take-over the fence behind the latest snapshot.
async fn swap(run: &Run, to: (&Layout, Control), fenced: Option<&Tail>) -> Result<bool> {
    let Some(tail) = fenced.filter(|_| !sabotaged!(TimelineFence)) else {
        return swap::swap(run, to, Vec::new()).await;
    };
    let (key, value) = fence::value(run, tail).await?;
    if run.ask.supports().commit {
        let op = Op::Put { key, value, mode: Mode::Create, ttl: None };
        return swap::swap(run, to, vec![op]).await;
    }
    if !swap::swap(run, to, Vec::new()).await? {
        return Ok(false);
    }
    for _ in 0..ATTEMPTS {
        let tail = run.again(|| Box::pin(Tail::load(run))).await?;
        let (key, value) = fence::value(run, &tail).await?;
        match run.ask.put(key.clone(), value.clone(), Mode::Create).await {
            Ok(_) => return Ok(true),
            Err(error) if !error.is_ambiguous() => return Err(error),
            // The late write of the one before, or our own whose answer was lost.
            Err(_) => {
                if run.ask.get(key).await?.is_some_and(|found| found.value == value) {
                    return Ok(true);
                }
                run.look().await?;
            }
        }
    }
    Err(swap::busy(run))
}

/// Gives the lease back, so that the next one need not wait.
pub async fn release(run: &Run) -> Result<()> {
    let Some(own) = run.shared.lease.lock().take() else { return Ok(()) };
    run.shared.unsettle();
    swap::control(run, |_, control| {
        if control.lease.as_ref().is_some_and(|lease| is(&own, lease)) {
            // The epoch stays, so that it never comes twice.
            control.lease = control.lease.take().map(|lease| Lease { until: 0, ..lease });
        }
        Ok(())
    })
    .await
}

fn lost(run: &Run) -> Error {
    let message = format!(
        "Another writer has taken over {}; restore it, and open it again to write.",
        run.shared.name
    );
    placed(run, Error::new(Code::LeaseLost, message))
}

fn held(run: &Run, lease: &Lease) -> Error {
    let message = format!(
        "Another writer holds the lease of {} until {} (ms since 1970); wait, or fork it.",
        run.shared.name, lease.until
    );
    placed(run, Error::new(Code::LeaseHeld, message))
}

fn placed(run: &Run, error: Error) -> Error {
    error.at(|place| place.timeline = Some(run.shared.name.to_string()))
}
