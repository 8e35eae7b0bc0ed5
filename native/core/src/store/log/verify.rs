//! Reading everything and checking every checksum; and figures for people.

use std::sync::Arc;

use super::catalog::{Catalog, Identity};
use super::checkpoint;
use super::corrupt;
use super::index::{Index, ListPage, Moment};
use super::segment::{unparsable, Frame, Scan, Segment};
use super::shared::Shared;
use super::tail;
use crate::error::{Code, Error, Result};
use crate::store::Query;

/// A segment to be read, and up to where.
struct Part {
    segment: Arc<Segment>,
    end: u64,
}

/// What reading finds.
struct Findings<'a> {
    damage: Vec<Error>,
    /// Entries of the index whose frames were seen.
    seen: u64,
    done: u64,
    total: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl Shared {
    /// Checks all that was acknowledged when it began, while commits go on.
    pub fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Error>> {
        let _alone = self.upkeep_lock.lock();
        let (moment, parts) = self.parts();
        let total = parts.iter().map(|part| part.end).sum();
        let mut found = Findings { damage: Vec::new(), seen: 0, done: 0, total, progress };
        self.check_small_files(&mut found);
        for part in &parts {
            self.check_part(part, (&moment, &mut found))?;
        }
        let whole = found.damage.is_empty();
        let missing = self.count_entries(&moment).saturating_sub(found.seen);
        if whole && missing > 0 {
            let message = format!(
                "{missing} entries of the index have no frame in the log; open the store again, \
                 which rebuilds the index."
            );
            found.damage.push(Error::new(Code::Corrupt, message));
        }
        let damage = found.damage;
        drop(moment);
        let gone = self.index.write().close_moments();
        self.cache.forget(&gone);
        Ok(damage)
    }

    fn parts(&self) -> (Arc<Moment>, Vec<Part>) {
        let tail = self.tail.lock();
        let mut index = self.index.write();
        let moment = index.open_moment(tail.commit, self.clock.now());
        let parts = tail.catalog.segments.iter().filter_map(|listed| {
            let end = listed.ended.map_or(tail.offset, |(end, _)| end);
            Some(Part { segment: index.file(listed.number)?, end })
        });
        let parts = parts.collect();
        (moment, parts)
    }

    fn check_small_files(&self, found: &mut Findings<'_>) {
        found.damage.extend(Identity::read(&self.folder).err());
        let catalog = match Catalog::read(&self.folder, self.store) {
            Ok(catalog) => catalog,
            Err(error) => return found.damage.push(error),
        };
        let there = self
            .folder
            .names()
            .is_ok_and(|names| names.iter().any(|name| name == checkpoint::CHECKPOINT));
        let mut index = Index::default();
        let opened = tail::begin(&self.folder, &mut index, catalog);
        let Ok(tail) = opened else { return found.damage.extend(opened.err()) };
        let read = checkpoint::load(&self.folder, &tail.catalog, &mut index);
        if there && read.is_none() && checkpoint::is_damaged(&self.folder) {
            let message = "The checkpoint is damaged; it is ignored and will be written again.";
            found.damage.push(Error::new(Code::Corrupt, message));
        }
    }

    fn check_part(&self, part: &Part, (moment, found): (&Moment, &mut Findings<'_>)) -> Result<()> {
        let number = part.segment.number;
        let mut scan = Scan::whole(part.segment.clone(), part.end);
        while let Some(frame) = scan.peek()? {
            found.frame(number, &frame);
            found.seen += self.count_live(moment, &frame);
            found.done += frame.end() - frame.offset;
            (found.progress)(found.done.min(found.total), found.total);
            scan.accept();
        }
        if scan.offset != part.end {
            found.damage.push(corrupt("A frame is damaged", number, scan.offset));
        }
        Ok(())
    }

    /// How many steps of a frame are what the index has.
    fn count_live(&self, moment: &Moment, frame: &Frame<'_>) -> u64 {
        let index = self.index.read();
        let live = frame.steps().flatten().filter(|step| {
            let entry = match moment.frozen.get() {
                Some(frozen) => frozen.get_at(step.key, moment),
                None => index.get_at(step.key, moment),
            };
            step.put.is_some() && entry.is_some_and(|entry| entry.commit == step.commit)
        });
        live.count() as u64
    }

    fn count_entries(&self, moment: &Moment) -> u64 {
        let query = Query::default();
        let mut after: Option<String> = None;
        let mut entries = 0;
        loop {
            let (behind, count) = (after.as_deref(), 1024);
            let page = ListPage { query: &query, after: behind, count, at: Some(moment), now: 0 };
            let part = match moment.frozen.get() {
                Some(frozen) => frozen.entries(&page),
                None => self.index.read().entries(&page),
            };
            entries += part.len() as u64;
            let Some((last, ..)) = part.last().filter(|_| part.len() == count) else {
                return entries;
            };
            after = Some(String::from_utf8_lossy(last).into_owned());
        }
    }

    /// Figures for people.
    pub fn figures(&self) -> Vec<(&'static str, u64)> {
        let tail = self.tail.lock();
        let index = self.index.read();
        let ended = tail.catalog.segments.iter().filter_map(|listed| listed.ended);
        let bytes = ended.map(|(end, _)| end).sum::<u64>() + tail.offset;
        let live = index.live_bytes();
        vec![
            ("entries", index.len() as u64),
            ("bytes", bytes),
            ("live_bytes", live),
            ("debt", bytes.saturating_sub(live)),
            ("segments", tail.catalog.segments.len() as u64),
            ("memory_bytes", self.cache.bytes() as u64),
            ("unsynced_bytes", tail.offset.saturating_sub(tail.synced)),
            ("log_since_checkpoint", tail.since_checkpoint),
            ("commit", tail.commit),
        ]
    }
}

impl Findings<'_> {
    fn frame(&mut self, number: u64, frame: &Frame<'_>) {
        for step in frame.steps() {
            let Some(step) = step else {
                return self.damage.push(unparsable(number, frame.offset));
            };
            let Some(put) = step.put else { continue };
            if super::digest32(put.value) != put.crc {
                let key = String::from_utf8_lossy(step.key).into_owned();
                let damage = corrupt("A value is damaged", number, frame.offset);
                self.damage.push(damage.key(key));
            }
        }
    }
}
