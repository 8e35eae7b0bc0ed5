//! A plan of what is to become of every snapshot, and how it is carried out.

use std::collections::{BTreeMap, BTreeSet};

use super::needed::Needed;
use super::packing::{self, Upto};
use super::prune::{Policy, Pruned, Reason, Stretch};
use super::rewrite::{self, Fate, Job, Replaced, To};
use crate::error::{fail, Code, Result};
use crate::timeline::change::{fence, swap};
use crate::timeline::form::control::Control;
use crate::timeline::form::meta::Meta;
use crate::timeline::form::sections::{Floor, Packed, Pin, Tag};
use crate::timeline::operation::layout::{Layout, Place};
use crate::timeline::operation::run::Run;
use crate::timeline::read::tail::{self, Tail};
use crate::timeline::read::{fetch, list, restore};

/// How many snapshots are read at once.
const WINDOW: u64 = 64;
/// The level of zstd for packs that are written anew.
const LEVEL: i32 = 9;

/// What is to become of every snapshot.
pub struct Plan {
    /// What the plan was made of.
    pub seen: Control,
    /// Below it nothing is shown any more.
    pub floor: Floor,
    /// Nothing at all stays here: a fork is none any more.
    wholly: bool,
    /// Tags of what goes.
    untagged: Vec<String>,
    pub fates: BTreeMap<u64, Fate>,
    /// Packs, by their first snapshot, that go whole.
    emptied: BTreeSet<u64>,
    pruned: Pruned,
    /// The last of the values of their own that can be written anew.
    upto: Option<u64>,
    /// The latest snapshot that the plan knows.
    latest: u64,
}

/// A snapshot that shows, as far as a policy asks.
struct Shown {
    sequence: u64,
    time: u64,
}

impl Plan {
    /// What the rules say.
    pub async fn make(run: &Run, policy: &Policy) -> Result<Plan> {
        let layout = run.look().await?;
        let Some(latest) = tail::latest(run).await? else {
            return fail(Code::NotFound, list::empty(run));
        };
        let shown = shown(run, latest).await?;
        let upto = packing::boundary(run, Upto::Latest, (layout.own().loose, latest)).await?;
        let mut plan = Plan {
            seen: layout.held.control.clone(),
            floor: layout.held.control.floor.clone(),
            wholly: false,
            untagged: Vec::new(),
            fates: BTreeMap::new(),
            emptied: BTreeSet::new(),
            pruned: Pruned::default(),
            upto,
            latest,
        };
        let open = upto.map_or(layout.own().loose, |upto| upto + 1);
        let judge = Judge { layout: &layout, policy, open, newest: shown.len() };
        let mut kept = Vec::new();
        let mut prefix = true;
        for (at, snapshot) in shown.iter().enumerate() {
            let mut why = judge.reason((at, snapshot));
            // What lies open or elsewhere can still go from the front: by the floor.
            let held = matches!(why, Some(Reason::Open | Reason::Shared));
            prefix &= why.is_none() || held;
            if prefix && held {
                why = None;
            }
            plan.note(snapshot.sequence, why);
            if why.is_some() {
                kept.push(snapshot.sequence);
            }
        }
        plan.raise(run, kept.first().copied()).await?;
        plan.settle(run, &kept).await?;
        Ok(plan)
    }

    /// Everything goes but what forks show, and the numbers go on behind it.
    pub async fn nothing(run: &Run) -> Result<Plan> {
        run.look().await?;
        let mut tail = Tail::load(run).await?;
        if tail.head < tail.control.control.floor.sequence {
            return fail(Code::NotFound, list::empty(run));
        }
        fence::close(run, &mut tail).await?;
        let layout = run.layout().await?;
        if layout.held.version != tail.control.version {
            return Err(swap::busy(run));
        }
        let seen = layout.held.control.clone();
        // What is damaged can be removed, too.
        let count = match shown(run, tail.head).await {
            Ok(shown) => shown.len() as u64,
            Err(_) => tail.head - seen.floor.sequence + 1,
        };
        let pruned = Pruned { gone: count, ..Pruned::default() };
        let loose = layout.own().loose;
        let upto = match seen.pins.iter().any(|pin| pin.sequence >= loose) {
            true => packing::boundary(run, Upto::Latest, (loose, tail.sequence)).await?,
            false => Some(tail.sequence).filter(|last| *last >= loose),
        };
        let floor = Floor { sequence: tail.sequence + 1, parent: tail.id, base: tail.base };
        let (untagged, fates) = (Vec::new(), BTreeMap::new());
        let (latest, wholly, emptied) = (tail.sequence, true, BTreeSet::new());
        let mut plan = Plan { seen, floor, wholly, untagged, fates, emptied, pruned, upto, latest };
        if !plan.seen.pins.is_empty() {
            plan.settle(run, &[]).await?;
        }
        Ok(plan)
    }

    fn note(&mut self, sequence: u64, why: Option<Reason>) {
        match why {
            Some(_) => self.pruned.kept += 1,
            None => self.pruned.gone += 1,
        }
        match self.pruned.runs.last_mut() {
            Some(run) if run.why == why => (run.last, run.count) = (sequence, run.count + 1),
            _ => {
                let run = Stretch { first: sequence, last: sequence, count: 1, why };
                self.pruned.runs.push(run);
            }
        }
    }

    /// What goes from the front goes by the floor.
    async fn raise(&mut self, run: &Run, first: Option<u64>) -> Result<()> {
        let Some(first) = first.filter(|first| *first > self.floor.sequence) else { return Ok(()) };
        let Some(record) = fetch::record(run, first).await? else { return Ok(()) };
        let parent = fetch::parent_id(run, first, Some(&record)).await?;
        self.floor = Floor { sequence: first, parent, base: record.base };
        Ok(())
    }

    /// What goes, but holds bytes of what stays, only hides. Forks need what they show.
    async fn settle(&mut self, run: &Run, kept: &[u64]) -> Result<()> {
        let stays = stays(&self.seen, kept);
        let needed = needed(run, &stays).await?;
        let layout = run.layout().await?;
        let own = layout.own();
        let mut next = own.packs.first().map_or(own.loose, |pack| pack.first);
        let latest = self.latest;
        // Not the last one, on which what lies behind it may build.
        let goes = |pack: &&Packed| {
            pack.last < self.floor.sequence
                && pack.last + 1 < own.loose
                && stays.range(pack.first..=pack.last).next().is_none()
                && !needed.any(pack.base, pack.end - pack.base)
        };
        self.emptied = own.packs.iter().filter(goes).map(|pack| pack.first).collect();
        while next <= latest {
            let within = own.pack_at(next).filter(|pack| self.emptied.contains(&pack.first));
            if let Some(pack) = within {
                next = pack.last + 1;
                continue;
            }
            let upto = latest.min(next + WINDOW - 1);
            for (sequence, record) in fetch::records(run, next..=upto).await? {
                if stays.contains(&sequence) || record.fence && sequence >= self.floor.sequence {
                    continue;
                }
                let held = needed.any(record.base, record.raw);
                self.fates.insert(sequence, if held { Fate::Hides } else { Fate::Goes });
            }
            next = upto + 1;
        }
        // What is not written anew says how it differs from what lies before it.
        let last = match self.upto.filter(|upto| self.touches(own.loose, *upto)) {
            Some(upto) => upto,
            None => own.loose.saturating_sub(1),
        };
        if let Some(fate) = self.fates.get_mut(&last).filter(|_| last < latest) {
            *fate = Fate::Bears;
        }
        let gone =
            |sequence: u64| sequence < self.floor.sequence || self.fates.contains_key(&sequence);
        let tags = self.seen.tags.iter().filter(|tag| gone(tag.sequence));
        self.untagged = tags.map(|tag| tag.name.clone()).collect();
        Ok(())
    }

    fn fate(&self, sequence: u64) -> Fate {
        self.fates.get(&sequence).copied().unwrap_or(Fate::Stays)
    }

    /// Whether anything of a run changes.
    fn touches(&self, first: u64, last: u64) -> bool {
        self.fates.range(first..=last).next().is_some()
    }

    /// Writes anew what changes. None: the plan does not hold any more.
    pub async fn carry_out(mut self, run: &Run, to: To) -> Result<Option<Pruned>> {
        let layout = run.layout().await?;
        let (mut replaced, mut packs) = (Replaced::default(), Vec::new());
        if self.wholly && self.seen.pins.is_empty() {
            return self.clear(run).await;
        }
        replaced.next = self.wholly.then_some(self.floor.sequence);
        for pack in &layout.own().packs {
            if self.emptied.contains(&pack.first) {
                self.pruned.freed += pack.size;
                replaced.packs.push(pack.clone());
                continue;
            }
            if !self.touches(pack.first, pack.last) || !self.changes(run, pack).await? {
                continue;
            }
            self.pruned.freed += pack.size;
            packs.append(&mut self.rewrite(run, (pack.first, pack.last), to).await?);
            replaced.packs.push(pack.clone());
        }
        if !self.seen.pins.iter().any(|pin| pin.sequence < layout.own().first) {
            // Left of a timeline that had this name before.
            let others = |pack: &&Packed| pack.last < layout.own().first;
            let left: Vec<_> = self.seen.packs.iter().filter(others).cloned().collect();
            self.pruned.freed += left.iter().map(|pack| pack.size).sum::<u64>();
            replaced.packs.extend(left);
        }
        let loose = layout.own().loose;
        if let Some(upto) = self.upto.filter(|upto| self.touches(loose, *upto)) {
            for record in fetch::records(run, loose..=upto).await?.values() {
                self.pruned.freed += record.size as u64;
            }
            packs.append(&mut self.rewrite(run, (loose, upto), to).await?);
            replaced.loose = Some((loose, upto));
            replaced.next = Some(upto + 1);
        }
        let written: u64 = packs.iter().map(|pack| pack.size).sum();
        self.pruned.freed = self.pruned.freed.saturating_sub(written);
        if to == To::Nowhere {
            return Ok(Some(self.pruned));
        }
        let cut = |control: &mut Control| Ok(self.cut(control));
        let placed = rewrite::place(run, (&replaced, &packs), &cut).await?;
        Ok(placed.then_some(self.pruned))
    }

    /// Removes everything, without reading it.
    async fn clear(mut self, run: &Run) -> Result<Option<Pruned>> {
        let loose = self.seen.loose;
        let loose = self.upto.map(|upto| (loose, upto));
        self.pruned.freed = self.seen.packs.iter().map(|pack| pack.size).sum();
        let next = Some(self.floor.sequence);
        let replaced = Replaced { packs: self.seen.packs.clone(), loose, next };
        let cut = |control: &mut Control| Ok(self.cut(control));
        let placed = rewrite::place(run, (&replaced, &[]), &cut).await?;
        Ok(placed.then_some(self.pruned))
    }

    /// Whether a pack holds something that is to go or to hide and does not yet.
    async fn changes(&self, run: &Run, pack: &Packed) -> Result<bool> {
        let mut next = pack.first;
        while next <= pack.last {
            let upto = pack.last.min(next + WINDOW - 1);
            for (sequence, record) in fetch::records(run, next..=upto).await? {
                match self.fate(sequence) {
                    Fate::Stays => {}
                    Fate::Hides if record.hidden => {}
                    Fate::Bears if record.hidden && record.manifest.is_some() => {}
                    _ => return Ok(true),
                }
            }
            next = upto + 1;
        }
        Ok(false)
    }

    async fn rewrite(&self, run: &Run, of: (u64, u64), to: To) -> Result<Vec<Packed>> {
        let (first, last) = of;
        let fate = |sequence| self.fate(sequence);
        let job = Job { first, last, fate: &fate, level: LEVEL, to };
        rewrite::write(run, &job).await
    }

    /// Cuts what the control object says, if it still says what the plan was made of.
    fn cut(&self, control: &mut Control) -> bool {
        let seen = &self.seen;
        let pinned = control.pins == seen.pins || sabotaged!(TimelinePins);
        let held = control.tags == seen.tags && pinned;
        let begins = (&control.floor, &control.origin) == (&seen.floor, &seen.origin);
        if !held || !begins || control.cuts != seen.cuts {
            return false;
        }
        control.floor = self.floor.clone();
        control.tags.retain(|tag| !self.untagged.contains(&tag.name) && !self.wholly);
        if self.wholly {
            control.lease = None;
            if control.pins.is_empty() {
                // Else what forks show of it follows from what it was forked from.
                control.origin = None;
            }
            let open = self.seen.pins.iter().any(|pin| pin.sequence >= control.loose);
            control.loose =
                if open { control.loose } else { control.loose.max(self.floor.sequence) };
        }
        control.cuts += 1;
        true
    }
}

/// What must stay whole: what is kept, and what forks show.
fn stays(control: &Control, kept: &[u64]) -> BTreeSet<u64> {
    let forked = control.pins.iter().flat_map(|pin| pin.from..=pin.sequence);
    forked.chain(kept.iter().copied()).collect()
}

/// The bytes that these snapshots need.
async fn needed(run: &Run, stays: &BTreeSet<u64>) -> Result<Needed> {
    let mut needed = Needed::default();
    let mut before = None;
    for &sequence in stays {
        let Some(record) = fetch::record(run, sequence).await? else { continue };
        let follows = before.is_some_and(|before| before + 1 == sequence);
        before = Some(sequence);
        if !record.shows() {
            continue;
        }
        if follows && record.manifest.is_none() {
            record.edit()?.pieces(record.base).for_each(|piece| needed.add_one(&piece));
        } else {
            needed.add(&restore::state(run, sequence).await?);
        }
    }
    Ok(needed)
}

/// Every snapshot that shows.
async fn shown(run: &Run, latest: u64) -> Result<Vec<Shown>> {
    let mut shown = Vec::new();
    let mut next = run.layout().await?.held.control.floor.sequence;
    while next <= latest {
        run.ask.check_cancelled().await?;
        let upto = latest.min(next + WINDOW - 1);
        for (sequence, record) in fetch::records(run, next..=upto).await? {
            if record.shows() {
                let time = Meta::decode(&record.meta).map_err(run.placed(sequence))?.time;
                shown.push(Shown { sequence, time });
            }
        }
        next = upto + 1;
    }
    Ok(shown)
}

/// Decides by the rules.
struct Judge<'a> {
    layout: &'a Layout,
    policy: &'a Policy,
    /// From here on nothing can be written anew.
    open: u64,
    /// How many there are.
    newest: usize,
}

impl Judge<'_> {
    fn reason(&self, (at, snapshot): (usize, &Shown)) -> Option<Reason> {
        let (policy, control) = (self.policy, &self.layout.held.control);
        let from_end = (self.newest - at) as u64;
        let tagged = |tag: &Tag| tag.sequence == snapshot.sequence;
        let pinned = |pin: &Pin| (pin.from..=pin.sequence).contains(&snapshot.sequence);
        if from_end <= policy.keep_last.unwrap_or(0).max(1) {
            return Some(Reason::Last);
        }
        if !policy.drop_tagged && control.tags.iter().any(tagged) {
            return Some(Reason::Tagged);
        }
        if policy.older_than.is_some_and(|time| snapshot.time >= time) {
            return Some(Reason::Young);
        }
        if policy.keep_every.is_some_and(|every| snapshot.sequence % every == 0) {
            return Some(Reason::Every);
        }
        if control.pins.iter().any(pinned) {
            return Some(Reason::Forked);
        }
        if snapshot.sequence < self.layout.own().first {
            return Some(Reason::Shared);
        }
        let loose = matches!(self.layout.place(snapshot.sequence), Place::Loose(_));
        (loose && snapshot.sequence >= self.open).then_some(Reason::Open)
    }
}
