//! Putting an imported timeline in place: by one write of the control object, and only if nobody
//! has saved beside it.

use bytes::Bytes;

use super::export::Head;
use crate::error::{Code, Error, Result};
use crate::store::{Mode, Op};
use crate::timeline::change::{claims, fence, swap};
use crate::timeline::form::control::Control;
use crate::timeline::form::packer::{Builder, Entry};
use crate::timeline::form::record::Id;
use crate::timeline::form::sections::{Dead, Debt, Packed};
use crate::timeline::keep::rewrite::{self, To};
use crate::timeline::operation::claim::Claim;
use crate::timeline::operation::layout::Layout;
use crate::timeline::operation::run::Run;

/// How often it is tried to put everything in place beside other changes.
const ATTEMPTS: usize = 32;

/// The number behind the end of what is there: while it is free, nobody has saved.
#[derive(Clone)]
pub struct Behind {
    /// The number.
    pub sequence: u64,
    /// Its key.
    pub key: String,
    /// A fence, to take it with where the store has no batches.
    pub fence: Bytes,
}

/// An import that is whole.
pub struct Whole<'a> {
    /// What the file says of it.
    pub head: &'a Head,
    /// The number of the last snapshot, its id, and the offset behind it.
    pub end: (u64, Id, u64),
    /// What must still be free.
    pub behind: &'a Behind,
    /// While chunks are there that nothing needs yet.
    pub claims: &'a [Claim],
}

/// Makes it the timeline.
pub async fn place(run: &Run, whole: &Whole<'_>, packs: &mut Vec<Packed>) -> Result<()> {
    let Whole { head, end: (last, id, base), behind, claims } = *whole;
    let layout = run.look().await?;
    let floor = layout.held.control.floor.sequence;
    let used = if head.after > 0 { 0 } else { floor - 1 };
    let mut end = last;
    if used > 0 && used >= last {
        if !run.ask.supports().commit {
            return Err(occupied(run));
        }
        // Numbers never return: a fence stands where a writer would go on who knows only what was.
        end = used + 1;
        let record = fence::record(run, (id, base)).await?;
        let mut builder = Builder::new(1);
        builder.push(&Entry::fence(end, &record, id))?;
        packs.push(rewrite::put(run, builder.finish()?, To::Store).await?);
    }
    let place = Place { head, packs, floor, last: (last, end), claims };
    let dead = take(run, behind).await?;
    for _ in 0..ATTEMPTS {
        let layout = run.look().await?;
        if rewrite::names(&layout, place.packs) {
            return Ok(());
        }
        let mut control = place.control(run, &layout)?;
        control.debt.extend(dead.clone());
        // Nobody has saved meanwhile: what they were told is saved would be gone.
        let free = Op::Check { key: behind.key.clone(), version: None };
        let with = if dead.is_some() { Vec::new() } else { vec![free] };
        if swap::swap(run, (&layout, control), with).await? {
            return Ok(());
        }
        if dead.is_none() && run.ask.get(behind.key.clone()).await?.is_some() {
            return Err(occupied(run));
        }
    }
    Err(swap::busy(run))
}

/// Takes the number that a writer would take next, where that it is free can be no condition. Gives
/// what is to be removed when packs lie there.
async fn take(run: &Run, behind: &Behind) -> Result<Option<Debt>> {
    if run.ask.supports().commit {
        return Ok(None);
    }
    let Behind { sequence, key, fence } = behind;
    if let Err(error) = run.ask.put(key.clone(), fence.clone(), Mode::Create).await {
        let there = run.ask.get(key.clone()).await?;
        if there.is_none() {
            return Err(error);
        }
        if there.is_some_and(|found| found.value != *fence) {
            return Err(occupied(run));
        }
    }
    let keys = Dead::Loose { first: *sequence, last: *sequence };
    Ok(Some(Debt { since: run.ask.now().await?, keys }))
}

/// What is to be put in place.
struct Place<'a> {
    head: &'a Head,
    packs: &'a [Packed],
    /// The floor that was there.
    floor: u64,
    /// The last snapshot, and the last number.
    last: (u64, u64),
    claims: &'a [Claim],
}

impl Place<'_> {
    /// The control object with it.
    fn control(&self, run: &Run, layout: &Layout) -> Result<Control> {
        let Place { head, packs, floor, last, claims } = *self;
        let mut control = layout.held.control.clone();
        let same = match head.after {
            0 => control.floor.sequence == floor && control.origin.is_none(),
            after => layout.own().loose == after + 1,
        };
        let kept = |pack: &Packed| pack.last >= control.floor.sequence && head.after == 0;
        if !same || control.packs.iter().any(kept) {
            return Err(occupied(run));
        }
        claims::require(run, &control, claims)?;
        claims::release(&mut control, claims);
        if head.after == 0 {
            control.floor = head.floor.clone();
            control.tags = head.tags.clone();
        }
        for tag in head.tags.iter().filter(|tag| tag.sequence > head.after && head.after > 0) {
            if let Err(at) = control.tags.binary_search_by(|other| other.name.cmp(&tag.name)) {
                control.tags.insert(at, tag.clone());
            }
        }
        control.packs.extend(packs.iter().cloned());
        control.packs.sort_by_key(|pack| pack.first);
        control.loose = last.1 + 1;
        control.hint = last.0;
        control.cuts += 1;
        Ok(control)
    }
}

/// Something else is there.
pub fn occupied(run: &Run) -> Error {
    let message = format!(
        "{} exists, and does not end where this file begins; import it under another name, or \
         delete what is there.",
        run.shared.name
    );
    Error::new(Code::Conflict, message).at(|p| p.timeline = Some(run.shared.name.to_string()))
}
