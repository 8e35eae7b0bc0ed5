//! Writing snapshots into packs: all of a run, or what is to stay of it.

use bytes::Bytes;

use crate::error::{Code, Error, Result};
use crate::store::{Mode, Op};
use crate::timeline::change::{debts, swap};
use crate::timeline::form::control::Control;
use crate::timeline::form::extent::Extents;
use crate::timeline::form::packer::{Builder, Built, Entry};
use crate::timeline::form::record::{Id, Record};
use crate::timeline::form::sections::{Dead, Debt, Packed};
use crate::timeline::form::{pack, walk};
use crate::timeline::operation::layout::Layout;
use crate::timeline::operation::run::Run;
use crate::timeline::read::fetch::{self, Fresh};
use crate::timeline::read::parted::Parted;
use crate::timeline::read::restore;

/// How many snapshots are read at once, at most; fewer where they are large.
const WINDOW: u64 = 64;
/// A pack that has become this long is ended: what is read and written at once stays bounded.
pub const PACK_BYTES: u64 = 8 << 20;
/// How often it is tried to put packs in place beside other changes.
const ATTEMPTS: usize = 32;

/// What becomes of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It stays as it is.
    Stays,
    /// It shows no more, but others need its bytes.
    Hides,
    /// It shows no more, but the next one says only how it differs from it.
    Bears,
    /// It goes.
    Goes,
}

/// A run of snapshots that is to be written anew.
#[derive(Clone, Copy)]
pub struct Job<'a> {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
    /// What becomes of each.
    pub fate: &'a (dyn Fn(u64) -> Fate + Sync),
    /// The level of zstd.
    pub level: i32,
    /// Where the packs go.
    pub to: To,
}

/// Where packs go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// Into the store.
    Store,
    /// Nowhere: only how large they would be is told.
    Nowhere,
    /// Into a file, which carries the chunks.
    File,
}

impl To {
    fn parts(self, parted: &Parted) -> Result<Vec<u8>> {
        match self {
            To::File => parted.parts.anonymous().encode(None),
            _ => parted.parts.encode(None),
        }
    }
}

/// Writes packs of a run. They count only once the control object names them.
pub async fn write(run: &Run, job: &Job<'_>) -> Result<Vec<Packed>> {
    let mut packs = Vec::new();
    let mut next = Some(job.first);
    while let Some(first) = next {
        let (built, behind) = build(run, &Job { first, ..*job }).await?;
        if let Some(built) = built {
            packs.push(put(run, built, job.to).await?);
        }
        next = behind;
    }
    Ok(packs)
}

/// Makes one pack of the beginning of a run, and tells where the next one begins.
pub async fn build(run: &Run, job: &Job<'_>) -> Result<(Option<Built>, Option<u64>)> {
    build_of(run, job, &|_| true).await
}

/// Whether a record that is in parts goes into a pack; if not, the pack ends before it.
pub type Takes<'a> = &'a (dyn Fn(&Parted) -> bool + Sync);

/// The same, of what is taken.
pub async fn build_of(
    run: &Run,
    job: &Job<'_>,
    takes: Takes<'_>,
) -> Result<(Option<Built>, Option<u64>)> {
    let mut walk = Walk::begin(run, job.first).await?;
    let mut builder = Builder::new(job.level);
    let room = PACK_BYTES.min(run.ask.supports().max_value / 2);
    let mut next = job.first;
    // What goes to a file may be of any length, and is held by whoever writes it as well.
    let mut window = if job.to == To::Store { WINDOW } else { WINDOW / 8 };
    while next <= job.last {
        run.ask.check_cancelled().await?;
        let upto = job.last.min(next + window - 1);
        let records = fetch::records(run, next..=upto).await?;
        window = match records.values().map(|record| record.raw).sum::<u64>() > PACK_BYTES {
            true => (window / 2).max(1),
            false => (window * 2).min(WINDOW),
        };
        let mut raws = fetch::fresh(run, next..=upto).await?;
        for (sequence, record) in &records {
            let (raw, apart) = match raws.remove(sequence) {
                Some(Fresh::Proven(raw)) => (raw, false),
                Some(Fresh::Parted(parted)) if !takes(&parted) => {
                    let built = if builder.is_empty() { None } else { Some(builder.finish()?) };
                    return Ok((built, Some(*sequence)));
                }
                Some(Fresh::Parted(parted)) => (job.to.parts(&parted)?.into(), true),
                None => (Bytes::new(), false),
            };
            let follows = walk.step(run, (*sequence, record)).await?;
            let fate = match (job.fate)(*sequence) {
                Fate::Stays if record.hidden && record.manifest.is_some() => Fate::Bears,
                Fate::Stays if record.hidden => Fate::Hides,
                fate => fate,
            };
            let extents = walk.state.as_ref().filter(|_| fate != Fate::Hides);
            // A fence holds nothing, and hides nothing.
            let hidden = fate != Fate::Stays && !record.fence;
            let entry = Entry {
                sequence: *sequence,
                record,
                parent: walk.parent,
                extents,
                follows,
                hidden,
                raw: &raw,
                apart,
            };
            if fate != Fate::Goes {
                builder.push(&entry)?;
            }
            walk.parent = record.id;
            if builder.size() as u64 >= room && *sequence < job.last {
                return Ok((Some(builder.finish()?), Some(sequence + 1)));
            }
        }
        next = upto + 1;
    }
    let built = if builder.is_empty() { None } else { Some(builder.finish()?) };
    Ok((built, None))
}

type Of<'a> = (u64, &'a Record);

/// Goes from snapshot to snapshot and knows the state of each.
struct Walk {
    before: u64,
    parent: Id,
    state: Option<Extents>,
}

impl Walk {
    async fn begin(run: &Run, first: u64) -> Result<Walk> {
        let record = fetch::records(run, first..=first).await?.remove(&first);
        let parent = match &record {
            Some(record) => fetch::parent_id(run, first, Some(record)).await?,
            None => Id::default(),
        };
        let before = run.layout().await?.before(first);
        let state = match record {
            // Behind a fence comes a manifest, so nobody asks for the state before one.
            Some(record) if record.manifest.is_none() && !record.hidden && !record.fence => {
                match fetch::record(run, before).await? {
                    Some(_) => Some(restore::state(run, before).await?),
                    None => None,
                }
            }
            _ => None,
        };
        Ok(Walk { before, parent, state })
    }

    /// The state of the next snapshot, none if it does not show; the id before it. Whether its edit
    /// makes its state of the one before.
    async fn step(&mut self, run: &Run, of: Of<'_>) -> Result<bool> {
        let (sequence, record) = of;
        let follows = run.layout().await?.before(sequence) == self.before;
        if let Some(parent) = record.parent {
            self.parent = parent;
        }
        self.before = sequence;
        let before = self.state.take().filter(|_| follows);
        if record.fence {
            self.state = before;
            return Ok(false);
        }
        if record.hidden {
            self.state = record.manifest.clone();
            return Ok(false);
        }
        let made = walk::state(record, before.as_ref()).map_err(run.placed(sequence))?;
        let Some((state, follows)) = made else {
            let message = "Nothing says where a state lies; run verify, then repair.";
            return Err(run.placed(sequence)(Error::new(Code::Corrupt, message)));
        };
        self.state = Some(state);
        Ok(follows)
    }
}

/// Writes a pack under a key of its own.
pub async fn put(run: &Run, built: Built, to: To) -> Result<Packed> {
    let Built { mut packed, mut value } = built;
    if to == To::Nowhere {
        return Ok(packed);
    }
    packed.nonce.copy_from_slice(&run.ask.random(8).await?);
    let key = packed.key(&run.shared.name);
    pack::bind(&mut value, packed.head, &key);
    let value = Bytes::from(value);
    let result = run.ask.put(key.clone(), value.clone(), Mode::Create).await;
    if let Err(error) = result {
        // Nobody else writes this key: what is there after a lost answer is ours.
        let there = error.is_ambiguous()
            && run.ask.get(key).await?.is_some_and(|found| found.value == value);
        if !there {
            return Err(error);
        }
    }
    Ok(packed)
}

/// Names new packs in place of what they were made of. False: what they were made of has changed
/// meanwhile, and they were removed again.
pub async fn place(run: &Run, of: (&Replaced, &[Packed]), cut: Cut<'_>) -> Result<bool> {
    let (old, packs) = of;
    let next = old.next.filter(|_| run.ask.supports().commit);
    for _ in 0..ATTEMPTS {
        let layout = run.look().await?;
        if names(&layout, packs) {
            return Ok(true);
        }
        let mut control = layout.held.control.clone();
        let same = old.packs.iter().all(|pack| control.packs.contains(pack))
            && old.loose.is_none_or(|(first, _)| control.loose == first)
            // The next number may have been given, and its key be free again: it was packed.
            && next.is_none_or(|next| control.loose <= next);
        if !(same || sabotaged!(TimelinePlace)) || !cut(&mut control)? {
            break;
        }
        control.packs.retain(|pack| !old.packs.contains(pack));
        control.packs.extend_from_slice(packs);
        control.packs.sort_by_key(|pack| pack.first);
        let mut dead: Vec<Dead> =
            old.packs.iter().map(|p| Dead::Pack { first: p.first, nonce: p.nonce }).collect();
        if let Some((first, last)) = old.loose {
            control.loose = last + 1;
            control.hint = control.hint.max(last);
            dead.push(Dead::Loose { first, last });
        }
        let removed = debts::removed(run, &dead);
        if removed.is_empty() {
            let since = run.ask.now().await?;
            control.debt.extend(dead.into_iter().map(|keys| Debt { since, keys }));
        }
        let mut with = removed;
        let next = next.map(|next| run.shared.name.key(next));
        with.extend(next.clone().map(|key| Op::Check { key, version: None }));
        if swap::swap(run, (&layout, control), with).await? {
            return Ok(true);
        }
        if let Some(key) = next {
            if run.ask.get(key).await?.is_some() {
                break;
            }
        }
    }
    discard(run, packs).await?;
    Ok(false)
}

/// Whether packs are named: what seemed to be refused was done, and others have changed more since.
pub fn names(layout: &Layout, packs: &[Packed]) -> bool {
    let control = &layout.held.control;
    let named = packs.iter().all(|pack| control.packs.contains(pack));
    !packs.is_empty() && named && !sabotaged!(NamedPacks)
}

/// Removes packs that are not named.
pub async fn discard(run: &Run, packs: &[Packed]) -> Result<()> {
    if packs.is_empty() {
        return Ok(());
    }
    let layout = run.look().await?;
    let named = &layout.held.control.packs;
    for pack in packs.iter().filter(|pack| !named.contains(pack) || sabotaged!(NamedPacks)) {
        run.ask.delete(pack.key(&run.shared.name), None).await?;
    }
    Ok(())
}

/// What packs were made of.
#[derive(Debug, Default)]
pub struct Replaced {
    /// Other packs.
    pub packs: Vec<Packed>,
    /// Values of their own: the first and the last.
    pub loose: Option<(u64, u64)>,
    /// No snapshot may have this number yet, where the store has batches: it would build on what
    /// goes.
    pub next: Option<u64>,
}

/// Changes the control object further; false if what was planned does not fit it any more.
pub type Cut<'a> = &'a (dyn Fn(&mut Control) -> Result<bool> + Sync);

/// A `Cut` that changes nothing more.
pub fn nothing(_: &mut Control) -> Result<bool> {
    Ok(true)
}

/// Packs of so many bytes together make one: less than would be ended in the middle.
pub fn room(run: &Run) -> u64 {
    PACK_BYTES.min(run.ask.supports().max_value / 2) / 4 * 3
}
