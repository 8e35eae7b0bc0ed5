//! Where the snapshots of a timeline lie: in which packs, from where on in values of their own, and
//! for a fork in whose keys. Read from the control objects; whatever is read by it counts only
//! while they have not changed.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::run::Run;
use crate::error::{Code, Error, Result};
use crate::machine::{Answer, Request};
use crate::store::{Found, Version};
use crate::timeline::form::control::{Control, Held};
use crate::timeline::form::name::Name;
use crate::timeline::form::sections::{Origin, Packed};

/// Where everything lies.
#[derive(Debug)]
pub struct Layout {
    /// The timeline's own control object.
    pub held: Held,
    /// The versions of those of the timelines that it was forked from.
    versions: Vec<Option<Version>>,
    /// The parts of its history, the oldest first; the last one is its own.
    regions: Vec<Region>,
}

/// A part of a timeline's history that lies in the keys of one timeline.
#[derive(Debug)]
pub struct Region {
    /// Whose keys.
    pub name: Name,
    /// The first sequence.
    pub first: u64,
    /// The last one.
    pub last: u64,
    /// Where its new bytes begin in the logical space.
    pub base: u64,
    /// In rising order.
    pub packs: Vec<Packed>,
    /// From here on snapshots have values of their own.
    pub loose: u64,
}

/// Where one snapshot lies.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// In a pack.
    Pack(&'a Region, &'a Packed),
    /// In a value of its own, or in one that begins a little before.
    Loose(&'a Region),
    /// It was taken out, or never was.
    Nowhere,
}

impl Layout {
    /// The newest part, in the timeline's own keys.
    pub fn own(&self) -> &Region {
        // There is always one: `new` puts it there.
        &self.regions[self.regions.len() - 1]
    }

    /// All parts, the oldest first.
    pub fn regions(&self) -> &[Region] {
        &self.regions
    }

    /// Where a snapshot lies.
    pub fn place(&self, sequence: u64) -> Place<'_> {
        let region = self.regions.iter().find(|region| sequence <= region.last);
        match region {
            Some(region) if sequence >= region.first => region.place(sequence),
            _ => Place::Nowhere,
        }
    }

    /// The part that an offset of the logical space lies in, and where the next one begins.
    pub fn region_of(&self, offset: u64) -> Option<(&Region, u64)> {
        let mut end = u64::MAX;
        for region in self.regions.iter().rev() {
            if region.base <= offset {
                return Some((region, end));
            }
            end = region.base;
        }
        None
    }

    /// The first sequence of which anything may be there.
    pub fn oldest(&self) -> u64 {
        let first = |region: &Region| region.packs.first().map_or(region.loose, |p| p.first);
        self.regions.iter().map(first).min().unwrap_or(1)
    }

    /// The origin, if this snapshot is the one that the timeline was forked from.
    pub fn forked_at(&self, sequence: u64) -> Option<&Origin> {
        let origin = self.held.control.origin.as_ref()?;
        (self.before(origin.first) == sequence).then_some(origin)
    }

    /// The snapshot number before this one, where parts do not follow each other.
    pub fn before(&self, sequence: u64) -> u64 {
        let begins = self.regions.iter().position(|region| region.first == sequence);
        match begins.and_then(|at| at.checked_sub(1)).and_then(|at| self.regions.get(at)) {
            Some(region) => region.last,
            None => sequence.saturating_sub(1),
        }
    }

    fn new(name: &Name, held: Held, others: &[Held]) -> Result<Layout> {
        let mut regions = Vec::with_capacity(others.len() + 1);
        let line = held.control.origin.as_ref().map_or(&[][..], |origin| &origin.line);
        for (branch, other) in line.iter().zip(others) {
            let (control, bounds) = (&other.control, branch.first..=branch.last);
            let name = Name::parse(&branch.timeline)?;
            regions.push(Region::new(name, control, (bounds, branch.base)));
        }
        let (first, base) = match &held.control.origin {
            Some(origin) => (origin.first, origin.base),
            None => (1, 0),
        };
        regions.push(Region::new(name.clone(), &held.control, (first..=u64::MAX, base)));
        let versions = others.iter().map(|other| other.version.clone()).collect();
        Ok(Layout { held, versions, regions })
    }

    fn is(&self, own: Option<&Version>, others: &[Option<Version>]) -> bool {
        self.held.version.as_ref() == own && self.versions == others
    }

    /// The keys of the control objects that it was read from: its own, and those of the timelines
    /// that it was forked from.
    fn controls(&self) -> Vec<String> {
        let (own, others) = (self.own().name.control(), self.regions.len() - 1);
        let others = self.regions.iter().take(others).map(|region| region.name.control());
        std::iter::once(own).chain(others).collect()
    }
}

impl Region {
    fn new(name: Name, control: &Control, at: (RangeInclusive<u64>, u64)) -> Region {
        let (bounds, base) = at;
        let (first, last) = bounds.into_inner();
        let within = |pack: &&Packed| pack.last >= first && pack.first <= last;
        let packs = control.packs.iter().filter(within).cloned().collect();
        Region { name, first, last, base, packs, loose: control.loose.max(first) }
    }

    fn place(&self, sequence: u64) -> Place<'_> {
        if sequence >= self.loose {
            return Place::Loose(self);
        }
        match self.pack_at(sequence) {
            Some(pack) => Place::Pack(self, pack),
            None => Place::Nowhere,
        }
    }

    /// The pack that a snapshot would lie in, if it is one.
    pub fn pack_at(&self, sequence: u64) -> Option<&Packed> {
        let at = self.packs.partition_point(|pack| pack.last < sequence);
        self.packs.get(at).filter(|pack| pack.first <= sequence)
    }

    /// The pack that an offset lies in, if it is one.
    pub fn pack_of(&self, offset: u64) -> Option<&Packed> {
        let at = self.packs.partition_point(|pack| pack.end <= offset);
        self.packs.get(at).filter(|pack| pack.base <= offset)
    }
}

/// Reads the control objects. What other snapshots than before are taken out, is forgotten.
pub async fn read(run: &Run) -> Result<Arc<Layout>> {
    // Before it is asked: what is forgotten from now on is forgotten by this operation, too.
    run.begin();
    let found = run.ask.get(run.shared.name.control()).await?;
    from(run, found).await
}

/// The same of a control object that was asked for after `Run::begin`.
pub async fn take(run: &Run, found: Option<Found>) -> Result<Arc<Layout>> {
    let layout = from(run, found).await?;
    *run.seen.layout.lock() = Some(layout.clone());
    Ok(layout)
}

async fn from(run: &Run, found: Option<Found>) -> Result<Arc<Layout>> {
    let known = run.shared.layout.lock().clone();
    let version = found.as_ref().map(|found| &found.version);
    let same = known.as_ref().filter(|known| known.held.version.as_ref() == version);
    let held = match (same, &found) {
        (Some(known), _) => known.held.clone(),
        (None, found) => decode(&run.shared.name, found.as_ref())?,
    };
    let others = others(run, &held.control).await?;
    let versions: Vec<_> = others.iter().map(|other| other.version.clone()).collect();
    if let Some(known) = known.as_ref().filter(|known| known.is(version, &versions)) {
        return Ok(known.clone());
    }
    let layout = Arc::new(Layout::new(&run.shared.name, held, &others)?);
    if known.is_some_and(|known| cut(&known, &layout)) {
        run.shared.cache.lock().clear();
        run.begin();
    }
    *run.shared.layout.lock() = Some(layout.clone());
    Ok(layout)
}

fn cut(before: &Layout, after: &Layout) -> bool {
    let (before, after) = (&before.held.control, &after.held.control);
    before.cuts != after.cuts || before.origin != after.origin
}

async fn others(run: &Run, control: &Control) -> Result<Vec<Held>> {
    let Some(origin) = &control.origin else { return Ok(Vec::new()) };
    let mut names = Vec::with_capacity(origin.line.len());
    for branch in &origin.line {
        names.push(Name::parse(&branch.timeline)?);
    }
    let found = run.ask.get_all(names.iter().map(Name::control).collect()).await?;
    names.iter().zip(found).map(|(name, found)| decode(name, found.as_ref())).collect()
}

/// A control object, as it was found.
pub fn decode(name: &Name, found: Option<&Found>) -> Result<Held> {
    let Some(found) = found else { return Ok(Held::default()) };
    let control = Control::decode(&name.control(), &found.value).map_err(|error| {
        error.at(|place| {
            place.timeline = Some(name.to_string());
            place.key = Some(name.control());
        })
    })?;
    Ok(Held { control, version: Some(found.version.clone()) })
}

impl Run {
    /// Where everything lies, as this operation has seen it.
    pub async fn layout(&self) -> Result<Arc<Layout>> {
        if let Some(layout) = self.seen.layout.lock().clone() {
            return Ok(layout);
        }
        let layout = read(self).await?;
        *self.seen.layout.lock() = Some(layout.clone());
        Ok(layout)
    }

    /// Reads it again.
    pub async fn look(&self) -> Result<Arc<Layout>> {
        self.forget_layout();
        self.layout().await
    }

    /// What was seen of it counts no more.
    pub fn forget_layout(&self) {
        *self.seen.layout.lock() = None;
        *self.seen.reached.lock() = None;
        self.seen.doubted.store(false, std::sync::atomic::Ordering::Relaxed);
    }

    /// Something was concluded from a key that is not there. That counts only if nothing was
    /// moved meanwhile, which the next round of requests will tell, or `settle`.
    pub fn doubt(&self) {
        self.seen.doubted.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    /// Reads several things at once, and with them, where there is doubt, whether something was
    /// moved.
    pub async fn ask_all(&self, mut requests: Vec<Request>) -> Result<Vec<Option<Found>>> {
        let doubted = self.seen.doubted.swap(false, std::sync::atomic::Ordering::Relaxed);
        let wanted = requests.len();
        if doubted {
            let controls = self.layout().await?.controls().into_iter();
            requests.extend(controls.map(|key| Request::Get { key, range: None }));
        }
        let mut found = Vec::with_capacity(requests.len());
        for answer in self.ask.all(requests).await {
            match answer? {
                Answer::Found(one) => found.push(one),
                _ => return Err(Error::new(Code::Internal, "A driver answered something else.")),
            }
        }
        if doubted {
            self.compare(found.split_off(wanted)).await?;
        }
        Ok(found)
    }

    /// Resolves what is still in doubt.
    pub async fn settle(&self) -> Result<()> {
        self.ask_all(Vec::new()).await.map(|_| ())
    }

    async fn compare(&self, controls: Vec<Option<Found>>) -> Result<()> {
        let mut versions = controls.into_iter().map(|found| found.map(|found| found.version));
        let own = versions.next().flatten();
        match self.layout().await?.is(own.as_ref(), &versions.collect::<Vec<_>>()) {
            true => Ok(()),
            false => Err(self.shifted()),
        }
    }

    /// A key was named by the layout and is not there. If the layout is still the same, it is lost.
    pub fn moved(&self, key: String) -> Error {
        let _ = self.shifted();
        let message = format!(
            "A value of {} is missing, although others need it; restore the store from a backup.",
            self.shared.name
        );
        Error::new(Code::Corrupt, message).at(|place| {
            place.timeline = Some(self.shared.name.to_string());
            place.key = Some(key);
        })
    }

    /// Something was moved while it was read.
    pub fn shifted(&self) -> Error {
        self.seen.missed.store(true, std::sync::atomic::Ordering::Relaxed);
        let message =
            format!("{} is being rearranged all the time; try again later.", self.shared.name);
        Error::new(Code::Unavailable, message)
    }

    /// Whether an operation failed because something was moved under it, so that it is worth
    /// another try.
    pub async fn outdated(&self) -> Result<bool> {
        if !self.seen.missed.swap(false, std::sync::atomic::Ordering::Relaxed) {
            return Ok(false);
        }
        self.seen.doubted.store(false, std::sync::atomic::Ordering::Relaxed);
        *self.seen.reached.lock() = None;
        let before = self.seen.layout.lock().take();
        let after = self.layout().await?;
        Ok(before.is_none_or(|before| !Arc::ptr_eq(&before, &after)))
    }
}
