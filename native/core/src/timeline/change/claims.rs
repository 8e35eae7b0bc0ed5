//! Claims: a save that stores chunks says so in the control object before it takes any, and until
//! its record is written. While somebody claims, no chunk of the timeline is removed; so what a
//! save takes, or finds there, is there when its record is.

use std::slice;

use super::swap;
use crate::error::{Code, Error, Result};
use crate::timeline::form::control::Control;
use crate::timeline::form::sections;
use crate::timeline::operation::claim::Claim;
use crate::timeline::operation::run::Run;

/// A claim that was not renewed for so long belongs to somebody who is gone (milliseconds).
const ABANDONED: u64 = 3_600_000;
/// A claim of this age is renewed.
const RENEWED: u64 = 600_000;

/// Begins.
pub async fn open(run: &Run) -> Result<Claim> {
    let mut claim = Claim::default();
    claim.nonce.copy_from_slice(&run.ask.random(8).await?);
    let since = run.ask.now().await?;
    let nonce = claim.nonce;
    let (_, step) = swap::changed(run, |_, control| {
        // It may be written already, and the answer lost.
        if !control.claims.iter().any(|other| other.nonce == nonce) {
            control.claims.push(sections::Claim { nonce, since });
            control.uses += 1;
        }
        Ok(())
    })
    .await?;
    claim.stands(step.and_then(|(before, now)| now.filter(|_| before.is_none())));
    Ok(claim)
}

/// Ends, whether it was of use or not.
pub async fn close(run: &Run, claims: &[Claim]) -> Result<()> {
    if claims.is_empty() {
        return Ok(());
    }
    swap::control(run, |_, control| {
        release(control, claims);
        Ok(())
    })
    .await
}

/// Ends those of a round of saves, unless a put of it may still come, which would need what is
/// claimed: then they end by themselves.
pub async fn settle(run: &Run, failed: Option<&Error>) {
    let claims = std::mem::take(&mut *run.seen.claims.lock());
    let unsure = |error: &Error| matches!(error.code(), Code::Timeout | Code::Unavailable);
    if run.ask.supports().commit || !failed.is_some_and(unsure) {
        let _ = close(run, &claims).await;
    }
}

/// Takes claims out of a control object that is to be written.
pub fn release(control: &mut Control, claims: &[Claim]) {
    control.claims.retain(|held| claims.iter().all(|claim| claim.nonce != held.nonce));
}

/// Refuses to go on once somebody has concluded that the claim was abandoned.
pub fn require(run: &Run, control: &Control, claims: &[Claim]) -> Result<()> {
    let held = |claim: &Claim| control.claims.iter().any(|held| held.nonce == claim.nonce);
    if claims.iter().all(held) {
        return Ok(());
    }
    let message = format!(
        "A save into {} was stalled for so long that what it had stored was given up; save again.",
        run.shared.name
    );
    Err(Error::new(Code::Unavailable, message))
}

/// Says from time to time that somebody is still at it.
pub async fn renew(run: &Run, claim: &Claim) -> Result<()> {
    let now = run.ask.now().await?;
    let layout = run.layout().await?;
    let held = |control: &Control| control.claims.iter().position(|held| held.nonce == claim.nonce);
    let known = held(&layout.held.control).and_then(|at| layout.held.control.claims.get(at));
    if known.is_some_and(|known| now.saturating_sub(known.since) < RENEWED) {
        return Ok(());
    }
    let (_, step) = swap::changed(run, |_, control| {
        require(run, control, slice::from_ref(claim))?;
        if let Some(own) = held(control).and_then(|at| control.claims.get_mut(at)) {
            own.since = own.since.max(now);
        }
        Ok(())
    })
    .await?;
    let own =
        |(before, now): swap::Step| now.filter(|_| before.is_some() && before == claim.alone());
    if let Some(step) = step {
        claim.stands(own(step));
    }
    Ok(())
}

/// Takes away claims of those who are gone. Where nobody claims any more: how many claims there
/// were until then.
pub async fn expire(run: &Run) -> Result<Option<u64>> {
    let now = run.ask.now().await?;
    swap::control(run, |_, control| {
        control.claims.retain(|claim| now.saturating_sub(claim.since) <= ABANDONED);
        let none = control.claims.is_empty() || sabotaged!(ChunkClaim);
        Ok(none.then_some(control.uses))
    })
    .await
}

/// Others have taken the numbers from `first` on meanwhile, or removed what is built on.
pub fn overtaken((before, now): (&Control, &Control), first: u64) -> bool {
    let raised = now.floor != before.floor && now.floor.sequence >= first;
    raised || now.loose > first || now.origin != before.origin
}
