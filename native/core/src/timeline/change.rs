//! Changing the control object: by compare-and-set, and known to have happened or not.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use super::chunks;
use super::control::{Control, Held};
use super::layout::Layout;
use super::sections::{Dead, Debt};
use super::shared::Shared;
use super::Run;
use crate::error::{Code, Error, Result};
use crate::store::{Mode, Op, Version};

/// How often a change is tried again because others change too.
const ATTEMPTS: usize = 32;
/// Where a store has no batches, keys are removed so long after it was seen that nothing needs them
/// (milliseconds, by the clock of whoever removes them): twice as long as a writer may act on what
/// it has seen.
const GRACE: u64 = 60_000;
/// The same where only another's clock tells how long ago that was: clocks may differ by almost as
/// much.
const GRACE_OF_OTHERS: u64 = 3_600_000;
/// How many keys are removed together.
const BATCH: usize = 512;
/// A key that nothing names was left behind by a crash when it is this old (milliseconds).
const ORPHANED: u64 = 3_600_000;

/// Writes a control object in place of the one that was read, and with it, in the same batch, what
/// else belongs to it. False: another was first.
pub async fn swap(run: &Run, to: (&Layout, Control), with: Vec<Op>) -> Result<bool> {
    Ok(written(run, to, with).await?.is_some())
}

/// The same; gives what was written.
pub async fn written(run: &Run, to: (&Layout, Control), with: Vec<Op>) -> Result<Option<Held>> {
    let (before, mut control) = to;
    if before.regions().len() > 1 {
        // That nothing was moved in this timeline is the condition of the change; of others it is
        // not.
        run.settle().await?;
    }
    control.nonce.copy_from_slice(&run.ask.random(16).await?);
    let key = run.shared.name.control();
    let mode = match sabotaged!(TimelineSwap) {
        true => Mode::Overwrite,
        false => before.held.version.clone().map_or(Mode::Create, Mode::IfVersion),
    };
    let value = control.encode(&key).into();
    let alone = alone(run).await?;
    let put = match with.is_empty() {
        true => run.ask.put(key, value, mode).await,
        false => {
            let mut ops = vec![Op::Put { key, value, mode, ttl: None }];
            ops.extend(with);
            run.ask.commit(ops).await.and_then(first)
        }
    };
    drop(alone);
    let error = match put {
        Ok(version) => {
            run.forget_layout();
            // What was written, and not what others have made of it since.
            let now = Held { control, version: Some(version) };
            run.shared.changed(before.held.version.as_ref(), now.clone());
            return Ok(Some(now));
        }
        Err(error) => error,
    };
    if !error.is_ambiguous() {
        return Err(error);
    }
    // An answer may have been lost, or a client's own retry may have met its first try.
    let now = run.look().await?.held.clone();
    match now.control.nonce == control.nonce {
        true => Ok(Some(now)),
        false if error.code() == Code::Conflict => Ok(None),
        false => Err(error),
    }
}

fn first(mut versions: Vec<Version>) -> Result<Version> {
    match versions.is_empty() {
        false => Ok(versions.swap_remove(0)),
        true => Err(Error::new(Code::Internal, "A commit of a put gave no version.")),
    }
}

/// Changes the control object. `change` sees where everything lies now, and is asked again when
/// another was first; it must have no effect but its result.
pub async fn control<T>(
    run: &Run,
    change: impl Fn(&Layout, &mut Control) -> Result<T>,
) -> Result<T> {
    changed(run, change).await.map(|(result, _)| result)
}

/// Which version of a control object was replaced by which.
pub type Step = (Option<Version>, Option<Version>);

/// The same; tells what was replaced, if anything was.
pub async fn changed<T>(
    run: &Run,
    change: impl Fn(&Layout, &mut Control) -> Result<T>,
) -> Result<(T, Option<Step>)> {
    run.require_conditions()?;
    for _ in 0..ATTEMPTS {
        let layout = run.look().await?;
        let mut control = layout.held.control.clone();
        let result = change(&layout, &mut control)?;
        if control == layout.held.control {
            return Ok((result, None));
        }
        if let Some(now) = written(run, (&layout, control), Vec::new()).await? {
            return Ok((result, Some((layout.held.version.clone(), now.version))));
        }
    }
    Err(busy(run))
}

/// Nobody else writes the control object through this handle meanwhile.
pub struct Alone(Arc<Shared>);

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.changing.store(false, Ordering::Release);
    }
}

/// Waits for its turn where a store has no conditions: what this handle does at once, a save and a
/// stream, would else write over each other. Where it has, nobody needs to wait.
pub async fn alone(run: &Run) -> Result<Option<Alone>> {
    if run.ask.supports().conditional_put {
        return Ok(None);
    }
    while run.shared.changing.swap(true, Ordering::AcqRel) {
        run.ask.sleep(Duration::from_millis(1)).await?;
    }
    Ok(Some(Alone(run.shared.clone())))
}

/// Others are first all the time.
pub fn busy(run: &Run) -> Error {
    let message = format!("{} is changed by others all the time; try again.", run.shared.name);
    Error::new(Code::Conflict, message).at(|p| p.timeline = Some(run.shared.name.to_string()))
}

/// Removes what is due of the keys that nothing needs any more.
pub async fn pay(run: &Run) -> Result<()> {
    let layout = run.look().await?;
    let now = run.ask.now().await?;
    let due = due(run, &layout.held.control.debt, now);
    if due.is_empty() {
        return Ok(());
    }
    for debt in &due {
        remove(run, keys(run, &debt.keys)).await?;
        if let Dead::Chunks { nonce } = &debt.keys {
            let condemned = chunks::condemned(run, nonce).await?;
            remove(run, condemned.iter().map(|c| chunks::key(&run.shared.name, c)).collect())
                .await?;
            remove(run, vec![run.shared.name.condemned(nonce)]).await?;
        }
    }
    control(run, |_, control| {
        control.debt.retain(|debt| !due.contains(debt));
        Ok(())
    })
    .await
}

/// What of a debt has been known long enough.
fn due(run: &Run, debts: &[Debt], now: u64) -> Vec<Debt> {
    let mut known = run.shared.debts.lock();
    known.retain(|(debt, _)| debts.contains(debt));
    let mut due = Vec::new();
    for debt in debts {
        let seen = known.iter().find(|(other, _)| other == debt).map(|(_, seen)| *seen);
        let is_due = match seen {
            _ if run.ask.supports().commit => true,
            Some(seen) => now.saturating_sub(seen) >= GRACE || sabotaged!(TimelineGrace),
            None => {
                known.push((debt.clone(), now));
                now.saturating_sub(debt.since) >= GRACE_OF_OTHERS
            }
        };
        if is_due {
            due.push(debt.clone());
        }
    }
    due
}

/// The keys of a debt.
fn keys(run: &Run, dead: &Dead) -> Vec<String> {
    let name = &run.shared.name;
    match dead {
        Dead::Loose { first, last } => (*first..=*last).map(|s| name.key(s)).collect(),
        Dead::Pack { first, nonce } => vec![name.pack_key(*first, nonce)],
        Dead::Chunks { .. } => Vec::new(),
    }
}

/// The removal of dead keys as steps of the batch that makes them dead; none if they are too many
/// for that, or the store has no batches: then they are a debt.
pub fn removed(run: &Run, dead: &[Dead]) -> Vec<Op> {
    let supports = run.ask.supports();
    let keys: Vec<String> = dead.iter().flat_map(|dead| keys(run, dead)).collect();
    if !supports.commit || keys.len() >= supports.max_batch.min(BATCH) {
        return Vec::new();
    }
    keys.into_iter().map(|key| Op::Delete { key, if_version: None }).collect()
}

/// Removes keys, together where the store can.
pub async fn remove(run: &Run, keys: Vec<String>) -> Result<()> {
    let supports = run.ask.supports();
    if !supports.commit {
        for key in keys {
            run.ask.delete(key, None).await?;
        }
        return Ok(());
    }
    for part in keys.chunks(supports.max_batch.clamp(1, BATCH)) {
        let delete = |key: &String| Op::Delete { key: key.clone(), if_version: None };
        run.ask.commit(part.iter().map(delete).collect()).await?;
    }
    Ok(())
}

/// Removes packs that nothing names: somebody died between writing and naming them.
pub async fn sweep(run: &Run) -> Result<()> {
    let layout = run.look().await?;
    let control = &layout.held.control;
    let name = &run.shared.name;
    let mut named: Vec<String> = control.packs.iter().map(|pack| pack.key(name)).collect();
    named.extend(control.debt.iter().flat_map(|debt| keys(run, &debt.keys)));
    for dead in control.debt.iter().map(|debt| &debt.keys) {
        if let Dead::Chunks { nonce } = dead {
            named.push(name.condemned(nonce));
        }
    }
    let now = run.ask.now().await?;
    let old = |modified: u64| now.saturating_sub(modified) > ORPHANED;
    for kind in ["p", "x"] {
        let prefix = format!("{}{kind}", name.prefix());
        let query = crate::store::Query { prefix, ..Default::default() };
        let entries = run.ask.list(query).await?;
        let orphans = entries.into_iter().filter(|e| old(e.modified) && !named.contains(&e.key));
        remove(run, orphans.map(|entry| entry.key).collect()).await?;
    }
    Ok(())
}
