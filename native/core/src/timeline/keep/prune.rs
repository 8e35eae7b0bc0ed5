//! Taking snapshots out: which go, which stay and why, and what their bytes were.
//!
//! A plan is made of what was seen, the packs that it changes are written anew, and one
//! compare-and-set of the control object puts them in place, unless a tag or a fork came meanwhile:
//! then there is a new plan. So nothing that somebody holds on to can go, and a crash leaves either
//! what was or what is to be.

use super::plan::Plan;
use super::rewrite::{Fate, To};
use crate::error::{fail, Code, Result};
use crate::timeline::change::{debts, pins, swap};
use crate::timeline::chunk::sweep;
use crate::timeline::operation::run::Run;

/// How often a plan is made anew because a tag or a fork came meanwhile.
const ATTEMPTS: usize = 16;

/// What stays. At least one rule must be given; what no rule keeps goes, but never the latest
/// snapshot, and never one that a fork shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// So many of the newest stay.
    pub keep_last: Option<u64>,
    /// What has a tag goes too, and its tags with it.
    pub drop_tagged: bool,
    /// Only what was saved before this time goes, in milliseconds since 1970.
    pub older_than: Option<u64>,
    /// Of older ones every so many-th stays: those whose number it divides.
    pub keep_every: Option<u64>,
    /// Nothing is changed.
    pub dry_run: bool,
}

/// Why a snapshot stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// It is the latest, or one of the newest.
    Last,
    /// It has a tag.
    Tagged,
    /// It is not old enough.
    Young,
    /// Its number.
    Every,
    /// A fork shows it.
    Forked,
    /// It lies in a timeline that this one was forked from.
    Shared,
    /// It lies in a value that is still being written to.
    Open,
}

/// Neighbouring snapshots of one destiny.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stretch {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// How many there are between them.
    pub count: u64,
    /// Why they stay; none: they go.
    pub why: Option<Reason>,
}

/// What a prune has done, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pruned {
    /// All snapshots, in order.
    pub runs: Vec<Stretch>,
    /// How many go.
    pub gone: u64,
    /// How many stay.
    pub kept: u64,
    /// How many bytes come back.
    pub freed: u64,
}

/// Takes out what no rule keeps.
pub async fn prune(run: &Run, policy: &Policy) -> Result<Pruned> {
    check(policy)?;
    run.require_conditions()?;
    debts::pay(run).await?;
    let to = if policy.dry_run { To::Nowhere } else { To::Store };
    for _ in 0..ATTEMPTS {
        let plan = Plan::make(run, policy).await?;
        let line = plan.seen.origin.as_ref().map_or(&[][..], |origin| &origin.line);
        let held = pins::of(run, line).await?;
        let (floor, fates) = (plan.floor.sequence, plan.fates.clone());
        if let Some(mut pruned) = plan.carry_out(run, to).await? {
            if policy.dry_run {
                pruned.freed +=
                    sweep::foresee(run, &|s| fates.get(&s) != Some(&Fate::Goes)).await?;
            } else {
                pins::narrow(run, &held, floor).await?;
                debts::sweep(run).await?;
                pruned.freed += sweep::sweep(run).await?;
            }
            return Ok(pruned);
        }
    }
    Err(swap::busy(run))
}

fn check(policy: &Policy) -> Result<()> {
    let none = Policy { dry_run: policy.dry_run, ..Policy::default() };
    if *policy == none || policy.keep_every == Some(0) {
        let message = "Say what is to stay: keepLast, keepTagged, olderThan or keepEvery (from 1).";
        return fail(Code::InvalidArgument, message);
    }
    Ok(())
}
