//! Storing the new bytes of a record: with it, or where they are many, in chunks of their own.

use bytes::Bytes;

use super::build::{compress, Ground};
use super::{append, lease};
use crate::error::Result;
use crate::timeline::change::claims;
use crate::timeline::chunk::chunks;
use crate::timeline::form::edit::Edit;
use crate::timeline::form::parts::{self, Part, Parts};
use crate::timeline::form::record::{Form, Record};
use crate::timeline::operation::claim::Claim;
use crate::timeline::operation::run::Run;

/// The new bytes of a record.
pub struct Fresh<'a> {
    /// How the state differs from its parent's.
    pub edit: &'a Edit,
    /// All of them.
    pub bytes: &'a Bytes,
    /// So many of one insert are cut.
    pub cut_from: u64,
}

/// Stores the new bytes of a record: with it, or where they are many, in chunks.
pub async fn store(run: &Run, ground: &mut Ground, of: (&mut Record, Fresh<'_>)) -> Result<()> {
    let (record, Fresh { edit, bytes: fresh, cut_from }) = of;
    let runs = parts::runs(edit, record.base, cut_from.max(1));
    if runs.is_empty() {
        let sequence = ground.tail.sequence + 1;
        return compress(ground, record, (sequence, fresh));
    }
    let pieces = parts::pieces(&runs, fresh)?;
    let claim = claimed(run, ground).await?;
    let cut: Vec<Bytes> = pieces.iter().filter(|(_, cut)| *cut).map(|(b, _)| b.clone()).collect();
    let kept = chunks::keep(run, &claim, &cut).await?;
    let (added, mut chunks) = (kept.added(), kept.chunks.into_iter());
    let (mut list, mut inline) = (Vec::with_capacity(pieces.len()), Vec::new());
    for (bytes, cut) in &pieces {
        let chunk = if *cut { chunks.next() } else { None };
        if chunk.is_none() {
            inline.extend_from_slice(bytes);
        }
        list.push(Part { length: bytes.len() as u64, chunk });
    }
    in_parts(run, ground, (record, &Parts { list, inline: inline.into() }, added))
}

/// Lists the new bytes in a record. For its chunks so many bytes were added to the store.
pub fn in_parts(run: &Run, ground: &mut Ground, of: (&mut Record, &Parts, u64)) -> Result<()> {
    let (record, parts, added) = of;
    record.form = Form::Parts { added };
    record.stored = parts.encode(Some(run.shared.options.level))?.into();
    ground.break_frame()
}

/// The claim of the round of saves under way.
async fn claimed(run: &Run, ground: &mut Ground) -> Result<Claim> {
    if let Some(claim) = run.seen.claims.lock().first() {
        return Ok(claim.clone());
    }
    let claim = claims::open(run).await?;
    run.seen.claims.lock().push(claim.clone());
    follow(run, ground, &claim).await?;
    Ok(claim)
}

/// Goes on from a control object in which a claim stands.
pub async fn follow(run: &Run, ground: &mut Ground, claim: &Claim) -> Result<()> {
    let held = run.look().await?.held.clone();
    let before = std::mem::replace(&mut ground.tail.control, held).control;
    let control = &ground.tail.control.control;
    lease::check(run, control)?;
    // Others of the round may be built already, on what is gone now.
    if claims::overtaken((&before, control), ground.first) {
        return Err(append::conflict(run).await);
    }
    claims::require(run, control, std::slice::from_ref(claim))
}
