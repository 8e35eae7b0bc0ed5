//! Packing: many small values become few large ones, in levels, so that a restore reads few and
//! they compress well.
//!
//! Values of their own are packed frame by frame; eight packs of about the same number of snapshots
//! become one. So a restore reads at most the values of one frame and seven packs of each level.

use std::sync::atomic::Ordering;
use std::sync::Arc;

use super::join;
use super::rewrite::{self, Fate, Job, Replaced, To};
use crate::codec::MAX_FRAME_VALUES;
use crate::error::Result;
use crate::timeline::change::debts;
use crate::timeline::chunk::sweep;
use crate::timeline::form::record::Form;
use crate::timeline::form::sections::Packed;
use crate::timeline::operation::run::Run;
use crate::timeline::operation::shared::Shared;
use crate::timeline::read::fetch::{self, Records};
use crate::timeline::read::tail;

/// So many packs of one level become one of the next.
const WIDTH: usize = 8;
/// The level of zstd: what is packed is kept, and mostly read.
const LEVEL: i32 = 9;

/// How far values of their own are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upto {
    /// To where a frame ends.
    Frame,
    /// To the latest snapshot, where a store has batches.
    Latest,
}

/// How to pack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packing {
    /// Everything, as tightly as it goes; else only what is due.
    pub all: bool,
    /// The level of zstd; none: 9, and with `all` 15.
    pub level: Option<i32>,
}

/// What packing has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Packings {
    /// How many values hold the timeline's snapshots now.
    pub values: u64,
    /// How many there were.
    pub values_before: u64,
    /// How many bytes were written into packs.
    pub written: u64,
}

/// Packs what is due, or everything.
pub async fn pack(run: &Run, packing: &Packing) -> Result<Packings> {
    run.require_conditions()?;
    debts::pay(run).await?;
    let mut done = Packings { values_before: values(run).await?, ..Packings::default() };
    // While one run is packed others may come up; each time something is packed there are fewer.
    let mut upto = if packing.all { Upto::Latest } else { Upto::Frame };
    while let Some(replaced) = next(run, packing, upto).await? {
        match once(run, replaced, packing).await? {
            Some(written) => done.written += written,
            // A writer was quicker: what it is still writing to can wait.
            None if upto == Upto::Latest => upto = Upto::Frame,
            None => break,
        }
    }
    debts::pay(run).await?;
    if packing.all {
        debts::sweep(run).await?;
        sweep::sweep(run).await?;
    }
    done.values = values(run).await?;
    Ok(done)
}

/// How many values hold the timeline's own snapshots.
async fn values(run: &Run) -> Result<u64> {
    let layout = run.look().await?;
    let own = layout.own();
    let latest = tail::latest(run).await?.unwrap_or(0);
    Ok(own.packs.len() as u64 + (latest + 1).saturating_sub(own.loose))
}

/// Writes one pack in place of what it is made of. None: something else took place meanwhile.
async fn once(run: &Run, replaced: Replaced, packing: &Packing) -> Result<Option<u64>> {
    let first = replaced.packs.first().map(|pack| pack.first);
    let last = replaced.loose.map(|(_, last)| last);
    let Some(first) = first.or(replaced.loose.map(|(first, _)| first)) else { return Ok(None) };
    let Some(last) = last.or(replaced.packs.last().map(|pack| pack.last)) else { return Ok(None) };
    let level = packing.level.unwrap_or(if packing.all { 15 } else { LEVEL });
    let packs = match replaced.loose.is_none() && !packing.all && join::is_full(&replaced.packs) {
        true => vec![join::join(run, &replaced.packs).await?],
        false => {
            let job = Job { first, last, fate: &|_| Fate::Stays, level, to: To::Store };
            rewrite::write(run, &job).await?
        }
    };
    if replaced.loose.is_none() && packs.len() >= replaced.packs.len() {
        rewrite::discard(run, &packs).await?;
        return Ok(None);
    }
    let written = packs.iter().map(|pack| pack.size).sum();
    let placed = rewrite::place(run, (&replaced, &packs), &rewrite::nothing).await?;
    Ok(placed.then_some(written))
}

/// What is to be packed next.
async fn next(run: &Run, packing: &Packing, upto: Upto) -> Result<Option<Replaced>> {
    let layout = run.look().await?;
    let own = layout.own();
    let Some(latest) = tail::latest(run).await? else { return Ok(None) };
    let least = if packing.all { 1 } else { u64::from(MAX_FRAME_VALUES) / 2 };
    let last = boundary(run, upto, (own.loose, latest)).await?;
    if let Some(last) = last.filter(|last| last - own.loose + 1 >= least) {
        let packs = match packing.all {
            true => tight(&own.packs, rewrite::room(run)),
            false => Vec::new(),
        };
        let next = (last == latest).then_some(last + 1);
        return Ok(Some(Replaced { packs, loose: Some((own.loose, last)), next }));
    }
    let packs = match packing.all {
        true => loosest(&own.packs, rewrite::room(run)),
        false => due(&own.packs, rewrite::room(run)),
    };
    Ok(packs.map(|packs| Replaced { packs, ..Replaced::default() }))
}

/// The last packs, as many as go together with what follows them.
fn tight(packs: &[Packed], room: u64) -> Vec<Packed> {
    let mut size = 0;
    let from = packs.iter().rposition(|pack| {
        size += pack.size;
        size > room / 2
    });
    packs.get(from.map_or(0, |from| from + 1)..).unwrap_or_default().to_vec()
}

/// Neighbours that fit into one pack: the first two or more.
fn loosest(packs: &[Packed], room: u64) -> Option<Vec<Packed>> {
    let mut from = 0;
    while from + 1 < packs.len() {
        let mut size = 0;
        let fits = |pack: &&Packed| {
            size += pack.size;
            size <= room
        };
        let count = packs.iter().skip(from).take_while(fits).count();
        if count > 1 {
            return packs.get(from..from + count).map(<[Packed]>::to_vec);
        }
        from += 1;
    }
    None
}

/// The last packs, if there are enough of one level.
fn due(packs: &[Packed], room: u64) -> Option<Vec<Packed>> {
    let level = |pack: &Packed| {
        let count = (pack.last - pack.first + 1) / u64::from(MAX_FRAME_VALUES);
        count.max(1).ilog2() / (WIDTH as u32).ilog2()
    };
    let newest = packs.last().map(level)?;
    let from = packs.iter().rposition(|pack| level(pack) != newest).map_or(0, |at| at + 1);
    let run = packs.get(from..)?;
    let size: u64 = run.iter().map(|pack| pack.size).sum();
    (run.len() >= WIDTH && size <= room).then(|| run.to_vec())
}

/// The last snapshot up to which values of their own can be packed now: no value reaches over it,
/// no frame does, and no writer can go on with a frame that began before it.
pub async fn boundary(run: &Run, upto: Upto, of: (u64, u64)) -> Result<Option<u64>> {
    let (loose, latest) = of;
    if latest < loose {
        return Ok(None);
    }
    if upto == Upto::Latest && run.ask.supports().commit {
        // A writer sees that its frame is gone: the control object is a condition of its save.
        return Ok(Some(latest));
    }
    let records = fetch::records(run, loose..=latest).await?;
    Ok((loose..latest).rev().find(|last| closed(&records, (*last, latest))))
}

fn closed(records: &Records, (last, latest): (u64, u64)) -> bool {
    let begins = |(sequence, form): (&u64, Form)| match form {
        Form::Continued { back, .. } => Some(sequence.saturating_sub(back)),
        _ => None,
    };
    let mut behind = records.range(last + 1..).filter_map(|(s, r)| begins((s, r.form)));
    let leads = records.get(&(last + 1)).is_some_and(|record| record.leads);
    let Some(least) = behind.next().map(|first| behind.fold(first, u64::min)) else {
        let open = records.range(..=last).rev().find_map(|(s, r)| begins((s, r.form)));
        let span = u64::from(MAX_FRAME_VALUES);
        return leads && open.is_none_or(|begins| latest - begins >= span);
    };
    leads && least > last
}

/// The one who packs through a handle in the background.
pub struct Turn(Arc<Shared>);

impl Turn {
    /// None: nothing is due, or somebody is at it.
    pub fn take(shared: &Arc<Shared>) -> Option<Turn> {
        let newest = shared.cache.lock().newest()?;
        let loose = shared.layout.lock().as_ref().map_or(1, |layout| layout.own().loose);
        let since = shared.tried.load(Ordering::Relaxed).max(loose);
        let due = newest > since + u64::from(MAX_FRAME_VALUES);
        let free = due && !shared.keeping.swap(true, Ordering::AcqRel);
        free.then(|| {
            shared.tried.store(newest, Ordering::Relaxed);
            Turn(shared.clone())
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.keeping.store(false, Ordering::Release);
    }
}
