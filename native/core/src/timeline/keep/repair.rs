//! Repairing a timeline: what can still be proven is written anew, what cannot is reported, and
//! gone.

use std::sync::Arc;

use super::rewrite::{self, Replaced, To, PACK_BYTES};
use crate::error::{Code, Error, Result};
use crate::store::{Mode, Query};
use crate::timeline::change::{fence, swap};
use crate::timeline::chunk::chunks;
use crate::timeline::form::control::Control;
use crate::timeline::form::packer::{Builder, Entry};
use crate::timeline::form::record::Id;
use crate::timeline::form::sections::{Packed, Tag};
use crate::timeline::form::walk::{self, Next, Walk};
use crate::timeline::look::verify::{self, Found, Tell};
use crate::timeline::operation::layout::{self, Layout};
use crate::timeline::operation::run::Run;
use crate::timeline::read::{fetch, tail, unpack};

/// The level of zstd for what is written anew.
const LEVEL: i32 = 9;

/// What a repair has done.
#[derive(Debug, Default)]
pub struct Repaired {
    /// How many snapshots are whole.
    pub kept: u64,
    /// The numbers of those that are not, and why.
    pub lost: Vec<(u64, Error)>,
    /// Tags of what is lost.
    pub tags: Vec<String>,
    /// The control object was damaged: tags, leases and forks' pins that it held are lost.
    pub control: bool,
}

/// Repairs what is damaged. A timeline that is whole is not touched.
pub async fn repair(run: &Run) -> Result<Repaired> {
    run.require_conditions()?;
    let control = restore_control(run).await?;
    let found = verify::verify(run, &(Arc::new(|_| {}) as Tell)).await?;
    if found.problems.is_empty() {
        return Ok(Repaired { kept: found.snapshots, control, ..Repaired::default() });
    }
    let layout = run.look().await?;
    let mut rescue = Rescue::default();
    let packs = rescue.write(run, &layout).await?;
    let own = layout.own();
    let latest = tail::reach(run).await?.unwrap_or(0);
    let replaced = Replaced {
        packs: own.packs.clone(),
        loose: (latest >= own.loose).then_some((own.loose, latest)),
        next: Some(latest + 1),
    };
    let whole = &rescue.whole;
    let kept = |tag: &Tag| whole.binary_search(&tag.sequence).is_ok();
    let lost: Vec<String> = layout
        .held
        .control
        .tags
        .iter()
        .filter(|tag| !kept(tag))
        .map(|tag| tag.name.clone())
        .collect();
    let cut = |control: &mut Control| {
        control.tags.retain(kept);
        control.cuts += 1;
        Ok(true)
    };
    if !rewrite::place(run, (&replaced, &packs), &cut).await? {
        return Err(swap::busy(run));
    }
    run.forget();
    run.shared.unsettle();
    Ok(Repaired { kept: rescue.shown, lost: rescue.lost, tags: lost, control })
}

/// What can be saved, and what not.
#[derive(Default)]
struct Rescue {
    /// Which snapshots show.
    whole: Vec<u64>,
    /// How many of them are above the floor.
    shown: u64,
    lost: Vec<(u64, Error)>,
}

impl Rescue {
    async fn write(&mut self, run: &Run, layout: &Layout) -> Result<Vec<Packed>> {
        let Some(latest) = tail::reach(run).await? else { return Ok(Vec::new()) };
        run.forget();
        let own = layout.own();
        let (mut walk, mut builder) = (Walk::default(), Builder::new(LEVEL));
        let mut packs = Vec::new();
        let mut last = 0;
        let oldest = layout.oldest().min(layout.held.control.floor.sequence);
        for sequence in oldest..=latest {
            if sequence % 64 == 0 {
                run.ask.check_cancelled().await?;
            }
            let written = self.step(run, (layout, sequence), (&mut walk, &mut builder)).await;
            match written {
                Ok(true) => last = sequence,
                Ok(false) => {}
                Err(error) if walk::is_damage(&error) => {
                    self.lost.push((sequence, run.shared.name.place(error, sequence)));
                }
                Err(error) => return Err(error),
            }
            if builder.size() as u64 >= PACK_BYTES {
                let full = std::mem::replace(&mut builder, Builder::new(LEVEL));
                packs.push(rewrite::put(run, full.finish()?, To::Store).await?);
            }
        }
        if last < latest && latest >= own.first {
            // Numbers never return: a fence keeps the last one that was given.
            let (parent, base) = walk.end().unwrap_or((Id::default(), 0));
            let record = fence::record(run, (parent, base)).await?;
            builder.push(&Entry::fence(latest, &record, parent))?;
        }
        if !builder.is_empty() {
            packs.push(rewrite::put(run, builder.finish()?, To::Store).await?);
        }
        Ok(packs)
    }

    /// Takes one snapshot over, if it holds. Those of other timelines are only looked at.
    async fn step(
        &mut self,
        run: &Run,
        of: (&Layout, u64),
        to: (&mut Walk, &mut Builder),
    ) -> Result<bool> {
        let ((layout, sequence), (walk, builder)) = (of, to);
        let found = match verify::found(run, sequence).await {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(false),
            Err(error) => {
                walk.lose();
                return Err(error);
            }
        };
        let Found { record, raw, apart, fresh } = found;
        let parent = match (record.parent, walk.end()) {
            (None, None) => Some(fetch::parent_id(run, sequence, None).await?),
            _ => None,
        };
        let before = layout.before(sequence);
        let shown = sequence >= layout.held.control.floor.sequence;
        let next = Next { sequence, before, record: &record, parent, fresh, shown };
        let proven = walk.take(&next)?;
        if proven.state.is_some() {
            self.whole.push(sequence);
            self.shown += u64::from(sequence >= layout.held.control.floor.sequence);
        }
        if sequence < layout.own().first {
            return Ok(false);
        }
        builder.push(&Entry {
            sequence,
            record: &record,
            parent: proven.parent,
            extents: proven.state.as_ref(),
            follows: proven.follows,
            hidden: record.hidden || proven.state.is_none() && !record.fence,
            raw: &raw,
            apart,
        })?;
        Ok(true)
    }
}

/// Makes a control object anew if there is none that can be read: of the packs that are there.
async fn restore_control(run: &Run) -> Result<bool> {
    let found = run.ask.get(run.shared.name.control()).await?;
    let there = layout::decode(&run.shared.name, found.as_ref());
    let damaged = match &there {
        Err(error) if walk::is_damage(error) => true,
        Err(_) => return there.map(|_| false),
        Ok(held) => held.version.is_none(),
    };
    if !damaged {
        return Ok(false);
    }
    let packs = packs(run).await?;
    // Whoever stores chunks has written a control object before.
    if packs.is_empty() && found.is_none() && chunks::held(run).await?.is_empty() {
        return Ok(false);
    }
    // No sweep that was under way may take this for the control object that it has seen, so `uses`
    // becomes what it never was: greater than any count.
    let uses = run.ask.now().await?.max(1);
    let mut control = Control { packs, cuts: 1, uses, ..Control::default() };
    if let (Some(first), Some(last)) = (control.packs.first(), control.packs.last()) {
        control.loose = last.last + 1;
        control.floor.sequence = first.first;
        control.floor.base = first.base;
    }
    control.nonce.copy_from_slice(&run.ask.random(16).await?);
    let mode = found.map_or(Mode::Create, |found| Mode::IfVersion(found.version));
    let key = run.shared.name.control();
    let value = control.encode(&key).into();
    run.ask.put(key, value, mode).await?;
    run.look().await?;
    Ok(true)
}

/// The packs that are there, none within another.
async fn packs(run: &Run) -> Result<Vec<Packed>> {
    let prefix = format!("{}p", run.shared.name.prefix());
    let mut packs: Vec<Packed> = Vec::new();
    for entry in run.ask.list(Query { prefix, ..Query::default() }).await? {
        let Some(found) = run.ask.get(entry.key.clone()).await? else { continue };
        match unpack::recognize(&entry.key, &found.value) {
            Ok(pack) => packs.push(pack),
            Err(error) if error.code() == Code::Internal => return Err(error),
            Err(_) => {}
        }
    }
    packs.sort_by_key(|pack| (pack.first, std::cmp::Reverse(pack.last)));
    let mut last = 0;
    packs.retain(|pack| {
        let behind = pack.first > last;
        if behind {
            last = pack.last;
        }
        behind
    });
    Ok(packs)
}
