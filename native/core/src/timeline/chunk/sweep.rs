//! Removing chunks that no snapshot of a timeline needs any more.
//!
//! What is needed is read while nobody claims, and it still holds as long as nobody has claimed
//! since: so each step here is a condition on the control object.

use std::collections::HashSet;
use std::sync::Arc;

use super::{chunks, refs};
use crate::error::{Code, Result};
use crate::store::{Mode, Op};
use crate::timeline::change::{claims, debts, swap};
use crate::timeline::form::condemned;
use crate::timeline::form::holders::Holders;
use crate::timeline::form::parts::{Chunk, Parts};
use crate::timeline::form::record::{Form, Record};
use crate::timeline::form::sections::{Dead, Debt};
use crate::timeline::operation::claim::Claim;
use crate::timeline::operation::layout::Layout;
use crate::timeline::operation::run::Run;
use crate::timeline::read::{fetch, frame, tail, unpack};

/// How often it is tried beside saves that store chunks.
const ATTEMPTS: usize = 8;
/// How many chunks go together.
const TOGETHER: usize = 128;
/// How many snapshots are read at once.
const WINDOW: u64 = 64;
/// A list of condemned chunks names at most so many: more go the next time.
const CONDEMNED_MAX: usize = 50_000;

/// Which snapshots count.
type Counts<'a> = &'a (dyn Fn(u64) -> bool + Sync);

/// Removes what no snapshot needs; tells how many bytes come back.
pub async fn sweep(run: &Run) -> Result<u64> {
    let mut freed = 0;
    for _ in 0..ATTEMPTS {
        let Some((layout, spare)) = spare(run).await? else { return Ok(freed) };
        let all = match run.ask.supports().commit {
            true => {
                let uses = layout.held.control.uses;
                let chunks: Vec<Chunk> = spare.into_iter().map(|(chunk, _)| chunk).collect();
                let idle = |layout: &Layout| unclaimed(layout, uses);
                drop_all(run, (layout, &chunks), (&mut freed, &idle)).await?
            }
            false => condemn(run, (&layout, &spare), &mut freed).await?,
        };
        if all {
            return Ok(freed);
        }
    }
    Ok(freed)
}

/// How many bytes would come back if only these snapshots stayed.
pub async fn foresee(run: &Run, stays: Counts<'_>) -> Result<u64> {
    if run.layout().await?.held.control.uses == 0 {
        return Ok(0);
    }
    let needed = needed(run, stays).await?;
    let mut held = chunks::held(run).await?;
    held.retain(|(chunk, _)| !needed.contains(chunk));
    if !run.ask.supports().commit {
        return Ok(held.iter().map(|(_, size)| size).sum());
    }
    let chunks: Vec<Chunk> = held.into_iter().map(|(chunk, _)| chunk).collect();
    let alone = |holders: &Holders| holders.names == [run.shared.name.to_string()];
    let mut freed = 0;
    for part in chunks.chunks(TOGETHER) {
        let found = refs::read(run, part).await?.into_iter().flatten();
        freed += found.filter(|(h, _)| alone(h)).map(|(holders, _)| holders.size).sum::<u64>();
    }
    Ok(freed)
}

type Spare = (Arc<Layout>, Vec<(Chunk, u64)>);

/// What this timeline holds and does not need; none: nothing, or somebody claims.
async fn spare(run: &Run) -> Result<Option<Spare>> {
    if run.look().await?.held.control.uses == 0 {
        return Ok(None);
    }
    // Both from one look: a claim that came right behind it must be one more.
    let Some(before) = claims::expire(run).await? else { return Ok(None) };
    run.forget_layout();
    let needed = run.again(|| Box::pin(needed(run, &|_| true))).await?;
    let mut spare = chunks::held(run).await?;
    spare.retain(|(chunk, _)| !needed.contains(chunk));
    let layout = run.look().await?;
    for debt in &layout.held.control.debt {
        if let Dead::Chunks { nonce } = &debt.keys {
            let known: HashSet<Chunk> = debts::condemned(run, nonce).await?.into_iter().collect();
            spare.retain(|(chunk, _)| !known.contains(chunk));
        }
    }
    let idle = unclaimed(&layout, before);
    Ok((idle && !spare.is_empty()).then_some((layout, spare)))
}

/// Whether nobody claims, and nobody has since.
fn unclaimed(layout: &Layout, uses: u64) -> bool {
    let control = &layout.held.control;
    let none = control.claims.is_empty() || sabotaged!(ChunkClaim);
    none && (control.uses == uses || sabotaged!(ChunkUses))
}

/// Takes back what a claim has stored where there was nothing before, and the control object that
/// was made for it: nothing is left. False: there is more, or others may have come since.
pub async fn undo(run: &Run, claim: &Claim) -> Result<bool> {
    let supports = run.ask.supports();
    let Some(alone) = claim.alone() else { return Ok(false) };
    if !supports.commit || !supports.conditional_delete {
        return Ok(false);
    }
    let layout = run.look().await?;
    let same = |layout: &Layout| layout.held.version.as_ref() == Some(&alone);
    let chunks = claim.chunks();
    if !same(&layout) || !drop_all(run, (layout, &chunks), (&mut 0, &same)).await? {
        return Ok(false);
    }
    // While nobody else claims, no record can need a chunk; without any, it says nothing.
    let deleted = run.ask.delete(run.shared.name.control(), Some(alone.clone())).await;
    run.forget_layout();
    run.shared.unsettle();
    match deleted {
        Ok(()) => Ok(true),
        Err(error) if error.code() == Code::Conflict => {
            Ok(run.look().await?.held.version.is_none())
        }
        Err(error) => Err(error),
    }
}

/// Whether chunks may still be given up.
type May<'a> = &'a (dyn Fn(&Layout) -> bool + Sync);

/// Gives up shared chunks; what nobody holds then goes with that. False: they may not be given up
/// any more.
async fn drop_all(
    run: &Run,
    (mut layout, chunks): (Arc<Layout>, &[Chunk]),
    (freed, may): (&mut u64, May<'_>),
) -> Result<bool> {
    let supports = run.ask.supports();
    if !supports.conditional_delete && supports.conditional_put {
        return Ok(true);
    }
    let most = (supports.max_batch.saturating_sub(1) / 3).clamp(1, TOGETHER);
    for part in chunks.chunks(most) {
        loop {
            run.ask.check_cancelled().await?;
            let (ops, size) = dropping(run, (&layout, part)).await?;
            match run.ask.commit(ops).await {
                Ok(_) => {
                    *freed += size;
                    break;
                }
                Err(error) if !error.is_ambiguous() => return Err(error),
                Err(_) => layout = run.look().await?,
            }
            if !may(&layout) {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// The steps that give up chunks, on the condition that nobody claims.
async fn dropping(run: &Run, of: (&Layout, &[Chunk])) -> Result<(Vec<Op>, u64)> {
    let (layout, part) = of;
    let name = &run.shared.name;
    let nonce = refs::nonce(run).await?;
    let version = layout.held.version.clone();
    let (mut ops, mut size) = (vec![Op::Check { key: name.control(), version }], 0);
    for (chunk, found) in part.iter().zip(refs::read(run, part).await?) {
        ops.push(Op::Delete { key: name.mark(chunk), if_version: None });
        let Some((holders, version)) = found else { continue };
        let left = holders.clone().without(&name.to_string());
        if left.names.is_empty() {
            size += holders.size;
            // Without conditions there is only one writer.
            let if_version = run.ask.supports().conditional_delete.then_some(version);
            ops.push(Op::Delete { key: refs::key(chunk), if_version });
            ops.push(Op::Delete { key: name.chunk(chunk), if_version: None });
        } else if left != holders {
            let (key, mode) = (refs::key(chunk), Mode::IfVersion(version));
            let value = left.encode(&key, &nonce).into();
            ops.push(Op::Put { key, value, mode, ttl: None });
        }
    }
    Ok((ops, size))
}

/// Says which chunks are to be removed, so that no save takes them any more; they go later. False:
/// something has changed meanwhile.
async fn condemn(run: &Run, of: (&Layout, &[(Chunk, u64)]), freed: &mut u64) -> Result<bool> {
    let (layout, spare) = of;
    let spare = spare.get(..CONDEMNED_MAX).unwrap_or(spare);
    let nonce = refs::nonce(run).await?;
    let chunks: Vec<Chunk> = spare.iter().map(|(chunk, _)| *chunk).collect();
    let key = run.shared.name.condemned(&nonce);
    let value = condemned::encode(&key, &chunks);
    run.ask.put(key.clone(), value.into(), Mode::Overwrite).await?;
    let mut control = layout.held.control.clone();
    let since = run.ask.now().await?;
    control.debt.push(Debt { since, keys: Dead::Chunks { nonce } });
    if !swap::swap(run, (layout, control), Vec::new()).await? {
        run.ask.delete(key, None).await?;
        return Ok(false);
    }
    *freed += spare.iter().map(|(_, size)| size).sum::<u64>();
    Ok(true)
}

/// The chunks of all records that are there.
async fn needed(run: &Run, counts: Counts<'_>) -> Result<HashSet<Chunk>> {
    let layout = run.look().await?;
    let (own, control) = (layout.own(), &layout.held.control);
    let mut needed = HashSet::new();
    for pack in &control.packs {
        for (sequence, parts) in unpack::parts(run, (own, pack)).await? {
            needed.extend(parts.chunks().filter(|_| counts(sequence)));
        }
    }
    let latest = tail::latest(run).await?;
    // Below the floor there is what forks show of a timeline that was deleted.
    let last = latest.unwrap_or(control.floor.sequence.saturating_sub(1));
    let mut next = own.loose;
    while next <= last {
        run.ask.check_cancelled().await?;
        let upto = last.min(next + WINDOW - 1);
        let records = match latest {
            Some(_) => fetch::records(run, next..=upto).await?,
            None => fetch::existing(run, next..=upto).await?,
        };
        let parted = |record: &Record| matches!(record.form, Form::Parts { .. });
        for (sequence, _) in records.iter().filter(|(s, r)| parted(r) && counts(**s)) {
            let stored = frame::stored(run, *sequence..=*sequence).await?;
            let Some(record) = stored.get(sequence) else {
                return Err(fetch::missing(run, *sequence));
            };
            let parts = Parts::decode(&record.stored, record.raw).map_err(run.placed(*sequence))?;
            needed.extend(parts.chunks());
        }
        next = upto + 1;
    }
    Ok(needed)
}
