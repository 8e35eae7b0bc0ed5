//! Where the log ends, and how a process follows what is appended to it.

use std::sync::Arc;

use parking_lot::RwLockWriteGuard;

use super::catalog::{Catalog, Listed};
use super::corrupt;
use super::frame::{self, Kind};
use super::index::{Change, Index, Stored};
use super::medium::Folder;
use super::page::Spot;
use super::segment::{unparsable, Frame, Scan, Segment, FIRST};
use super::shared::Shared;
use crate::error::{fail, Code, Error, Result};

/// The end of the log, as far as it was read.
pub(super) struct Tail {
    pub catalog: Catalog,
    /// The segment that is read, in the end the active one.
    pub segment: Arc<Segment>,
    /// Behind the last frame, and its check.
    pub offset: u64,
    pub check: u64,
    /// The greatest commit number, and the greatest time.
    pub commit: u64,
    pub time: u64,
    /// What is known to be synced of the segment.
    pub synced: u64,
    /// What the frames of the segment state as synced, and where the last one that is no mark ends.
    pub stated: u64,
    pub content: u64,
    /// The segment's file is known to be so long.
    pub room: u64,
    /// How much the next preallocation takes.
    pub step: u64,
    /// Bytes of log since the last checkpoint.
    pub since_checkpoint: u64,
    pub buffer: Vec<u8>,
}

/// How frames come into the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intake {
    /// Collected and sorted, before anybody reads.
    Loading,
    /// One by one.
    Applying,
}

impl Tail {
    /// At the beginning of a segment.
    pub fn at(catalog: Catalog, segment: Arc<Segment>) -> Tail {
        Tail {
            offset: FIRST,
            check: segment.check,
            catalog,
            segment,
            commit: 0,
            time: 0,
            synced: FIRST,
            stated: FIRST,
            content: FIRST,
            room: 0,
            step: 0,
            since_checkpoint: 0,
            buffer: Vec::new(),
        }
    }

    /// Goes to the beginning of another segment.
    pub fn enter(&mut self, segment: Arc<Segment>) {
        self.offset = FIRST;
        self.check = segment.check;
        self.segment = segment;
        (self.synced, self.stated, self.content) = (FIRST, FIRST, FIRST);
        self.room = 0;
    }

    pub fn listed(&self) -> Option<&Listed> {
        self.catalog.find(self.segment.number).map(|(_, listed)| listed)
    }

    fn following(&self) -> Option<u64> {
        let (at, _) = self.catalog.find(self.segment.number)?;
        self.catalog.segments.get(at + 1).map(|listed| listed.number)
    }

    /// Reads frames from here through all segments of the catalog, as far as they chain and no
    /// number is beyond `bound`.
    pub fn advance(&mut self, index: &mut Index, how: (Intake, u64)) -> Result<()> {
        loop {
            let Some(listed) = self.listed().copied() else {
                return Err(corrupt("A segment left the catalog", self.segment.number, 0));
            };
            let Some((end, _)) = listed.ended else { return self.read(index, u64::MAX, how) };
            self.read(index, end, (how.0, u64::MAX))?;
            if self.offset != end {
                let what = "A frame of an ended segment is damaged";
                return Err(corrupt(what, self.segment.number, self.offset));
            }
            let next = self.following().and_then(|number| index.file(number));
            let Some(next) = next else {
                return Err(corrupt("A segment has no successor", self.segment.number, end));
            };
            self.enter(next);
        }
    }

    fn read(&mut self, index: &mut Index, limit: u64, how: (Intake, u64)) -> Result<()> {
        let (intake, bound) = how;
        let mut scan = Scan::new(self.segment.clone(), (self.offset, self.check), limit);
        while let Some(frame) = scan.peek()? {
            // The end of a segment counts only once the catalog says so: until then it may be taken
            // back.
            let too_early = frame.head.kind == Kind::End && limit == u64::MAX;
            if too_early || frame.head.commit > bound {
                break;
            }
            self.take(index, &frame, intake)?;
            scan.accept();
            self.since_checkpoint += scan.offset - self.offset;
            (self.offset, self.check) = (scan.offset, scan.check);
        }
        Ok(())
    }

    fn take(&mut self, index: &mut Index, frame: &Frame<'_>, how: Intake) -> Result<()> {
        let head = &frame.head;
        let number = self.segment.number;
        let grows = match head.kind {
            Kind::Commit => head.commit > self.commit,
            _ => head.commit >= self.commit,
        };
        if !grows {
            return Err(corrupt("Commit numbers do not grow", number, frame.offset));
        }
        let payload = frame.offset + frame::HEAD as u64;
        let mut deletes = 0;
        for step in frame.steps() {
            let step = step.ok_or_else(|| unparsable(number, frame.offset))?;
            let put = step.put.map(|put| Stored {
                place: Spot::new(number, payload + put.at as u64),
                length: put.value.len() as u32,
                crc: put.crc,
                expires: put.expires,
            });
            if put.is_none_or(|put| put.expires != 0) {
                deletes += frame::delete_weight(step.key.len());
            }
            let change = Change { commit: step.commit, time: step.time, put };
            match how {
                Intake::Loading => index.load(step.key, &change),
                Intake::Applying => drop(index.apply(step.key.into(), &change)),
            }
        }
        index.count(number, 0, deletes);
        index.time = index.time.max(head.time);
        self.commit = head.commit;
        self.time = self.time.max(head.time);
        self.stated = self.stated.max(frame.states());
        if head.kind != Kind::Mark {
            self.content = frame.end();
        }
        Ok(())
    }
}

impl Shared {
    /// Reads what others acknowledged since. Takes no lock of the folder and changes nothing in it.
    pub fn catch_up(&self) -> Result<()> {
        let Some(page) = &self.page else { return Ok(()) };
        let mut tail = self.tail.lock();
        for _ in 0..100 {
            if self.seen.is_current(page) {
                return Ok(());
            }
            let bound = page.acknowledged();
            self.follow(&mut tail, bound)?;
            if tail.commit >= bound && page.generation() <= tail.catalog.generation {
                return Ok(());
            }
            // A catalog is replaced just before the page says so.
            self.clock.sleep(std::time::Duration::from_micros(50));
        }
        let what = "An acknowledged commit is not in the log";
        Err(corrupt(what, tail.segment.number, tail.offset))
    }

    /// Reads on up to `bound`, under whatever catalog there is now.
    pub fn follow(&self, tail: &mut Tail, bound: u64) -> Result<()> {
        let page = self.page()?;
        let mut retried = false;
        loop {
            let generation = page.generation();
            // A catalog is replaced before the page says so, and its writer may die in between:
            // then this process is ahead of the page, until a writer puts it in order.
            let done = if generation <= tail.catalog.generation {
                let mut index = self.index.write();
                tail.advance(&mut index, (Intake::Applying, bound))
            } else {
                self.reload(tail, bound)
            };
            match done {
                Ok(()) => break,
                // Gone or cut under our feet by a newer catalog: load that one.
                Err(error) if page.generation() == generation && retried => return Err(error),
                Err(_) => retried = page.generation() == generation,
            }
        }
        self.seen.set(tail.commit, tail.catalog.generation);
        Ok(())
    }

    /// Goes over to the catalog that is there now.
    pub fn reload(&self, tail: &mut Tail, bound: u64) -> Result<()> {
        let catalog = Catalog::read(&self.folder, self.store)?;
        let stays = match catalog.find(tail.segment.number).map(|(_, listed)| listed.ended) {
            None => false,
            Some(Some((end, _))) => tail.offset <= end,
            Some(None) => true,
        };
        if !stays {
            return self.rebuild(tail, (catalog, bound));
        }
        let mut index = self.index.write();
        let fresh = self.exchange(&mut index, (&tail.catalog, &catalog))?;
        let here = catalog.find(tail.segment.number).map_or(0, |(at, _)| at);
        for segment in fresh {
            if catalog.find(segment.number).is_some_and(|(at, _)| at < here) {
                self.relocate_all(&mut index, &catalog, &segment)?;
            }
        }
        self.retire(&mut index, &catalog);
        tail.catalog = catalog;
        tail.advance(&mut index, (Intake::Applying, bound))
    }

    /// Opens the segments that are new in a catalog.
    fn exchange(
        &self,
        index: &mut Index,
        (old, new): (&Catalog, &Catalog),
    ) -> Result<Vec<Arc<Segment>>> {
        let mut fresh = Vec::new();
        for listed in &new.segments {
            if old.find(listed.number).is_none() {
                let named = (listed.number, listed.id);
                fresh.push(Segment::open(&self.folder, self.store, named)?);
            }
        }
        for segment in &fresh {
            index.open(segment.clone());
        }
        Ok(fresh)
    }

    fn retire(&self, index: &mut Index, catalog: &Catalog) {
        let gone: Vec<u64> =
            index.used().keys().copied().filter(|n| catalog.find(*n).is_none()).collect();
        for number in gone {
            index.retire(number);
        }
    }

    /// Points the index to what a compaction of another process moved.
    fn relocate_all(
        &self,
        index: &mut Index,
        catalog: &Catalog,
        segment: &Arc<Segment>,
    ) -> Result<()> {
        let number = segment.number;
        let end = catalog.find(number).and_then(|(_, listed)| listed.ended);
        let end = end.map_or(u64::MAX, |(end, _)| end);
        let mut scan = Scan::whole(segment.clone(), end);
        while let Some(frame) = scan.peek()? {
            let payload = frame.offset + frame::HEAD as u64;
            for step in frame.steps() {
                let step = step.ok_or_else(|| unparsable(number, frame.offset))?;
                if step.put.is_none_or(|put| put.expires != 0) {
                    index.count(number, 0, frame::delete_weight(step.key.len()));
                }
                let Some(put) = step.put else { continue };
                let place = Spot::new(number, payload + put.at as u64);
                let (length, crc, expires) = (put.value.len() as u32, put.crc, put.expires);
                index.relocate(step.key, step.commit, &Stored { place, length, crc, expires });
            }
            scan.accept();
        }
        if scan.offset != end {
            return Err(corrupt("A frame of a compacted segment is damaged", number, scan.offset));
        }
        Ok(())
    }

    /// Reads everything again, and leaves the old index to the views that are open on it.
    fn rebuild(&self, tail: &mut Tail, (catalog, bound): (Catalog, u64)) -> Result<()> {
        let mut fresh = Index::default();
        let mut begun = begin(&self.folder, &mut fresh, catalog)?;
        begun.advance(&mut fresh, (Intake::Loading, bound))?;
        fresh.finish_loading();
        begun.buffer = std::mem::take(&mut tail.buffer);
        *tail = begun;
        let mut index: RwLockWriteGuard<'_, Index> = self.index.write();
        let before = std::mem::replace(&mut *index, fresh);
        Arc::new(before).freeze();
        Ok(())
    }
}

/// Opens all segments of a catalog and stands before the first frame.
pub(super) fn begin(folder: &Folder, index: &mut Index, catalog: Catalog) -> Result<Tail> {
    for listed in &catalog.segments {
        let opened = Segment::open(folder, catalog.store, (listed.number, listed.id));
        let segment = opened.map_err(|error| gone(listed.number, error))?;
        if listed.ended.is_some_and(|(end, _)| segment.file.length().is_ok_and(|has| has < end)) {
            let has = segment.file.length()?;
            return Err(corrupt("A segment is shorter than it was", listed.number, has));
        }
        index.open(segment);
    }
    let first = catalog.segments.first().and_then(|listed| index.file(listed.number));
    match first {
        Some(segment) => Ok(Tail::at(catalog, segment)),
        None => fail(Code::Internal, "A catalog without segments was believed; report this."),
    }
}

fn gone(number: u64, error: Error) -> Error {
    if error.code() != Code::NotFound {
        return error;
    }
    corrupt("A segment that the catalog names is gone", number, 0).caused_by(error)
}
