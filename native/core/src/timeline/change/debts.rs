//! Keys that nothing needs any more: they are removed when nobody can miss them.

use super::swap;
use crate::error::Result;
use crate::store::Op;
use crate::timeline::form::condemned;
use crate::timeline::form::parts::Chunk;
use crate::timeline::form::sections::{Dead, Debt};
use crate::timeline::operation::run::Run;

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
            let condemned = condemned(run, nonce).await?;
            remove(run, condemned.iter().map(|c| run.shared.name.chunk(c)).collect()).await?;
            remove(run, vec![run.shared.name.condemned(nonce)]).await?;
        }
    }
    swap::control(run, |_, control| {
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

/// A list of chunks that are to be removed; an absent one was dealt with.
pub async fn condemned(run: &Run, nonce: &[u8; 8]) -> Result<Vec<Chunk>> {
    let key = run.shared.name.condemned(nonce);
    let Some(found) = run.ask.get(key.clone()).await? else { return Ok(Vec::new()) };
    condemned::decode(&key, &found.value).map_err(|error| error.at(|at| at.key = Some(key)))
}
