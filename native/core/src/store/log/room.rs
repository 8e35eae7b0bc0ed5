//! Space ahead of the log's end, new segments, and what follows a failed sync.

use std::sync::Arc;

use super::append::RESERVE;
use super::catalog::{Catalog, Listed};
use super::corrupt;
use super::frame::{self, Head, Kind};
use super::index::Stored;
use super::medium::Reserve;
use super::page::{Left, Spot};
use super::segment::{self, unparsable, Origin, Scan, Segment, SegmentHead, FIRST};
use super::shared::Shared;
use super::tail::Tail;
use crate::error::{Code, Error, Result};

const SMALLEST_STEP: u64 = 256 << 10;
/// Less than this is not worth asking for.
const SMALLEST_RESERVE: u64 = 4 << 10;
const LARGEST_STEP: u64 = 4 << 20;
/// A commit of so many bytes takes no less time than to write zeros ahead of it.
const LARGE: u64 = 1 << 20;
/// What `give_up_space` leaves behind the tail.
const KEPT: u64 = 8 << 10;
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// Writes zeros from `from` to `to`.
fn fill(segment: &Segment, from: u64, to: u64) -> Result<()> {
    let mut at = from;
    while at < to {
        let count = (to - at).min(ZEROS.len() as u64);
        segment.file.write(ZEROS.get(..count as usize).unwrap_or_default(), at)?;
        at += count;
    }
    Ok(())
}

impl Shared {
    /// Sees to it that `need` bytes can be written behind the tail without asking for space.
    pub fn make_room(&self, tail: &mut Tail, need: u64) -> Result<()> {
        let least = tail.offset + need;
        if least <= tail.room {
            return Ok(());
        }
        tail.room = tail.segment.file.length()?;
        if least <= tail.room || need >= LARGE && self.set_aside(tail, least) {
            return Ok(());
        }
        self.widen(tail, least)
    }

    /// Room for a large commit, in sync mode: it is only reserved, and so is what small ones behind
    /// it need. False: it was not possible.
    fn set_aside(&self, tail: &mut Tail, least: u64) -> bool {
        if !self.is_sync() || self.upkeep.is_tight() {
            return false;
        }
        let from = tail.room.max(tail.offset);
        let to = (least + SMALLEST_STEP + RESERVE).min(self.longest()).max(least);
        let done = tail.segment.file.reserve(from, to - from, Reserve::Visible).is_ok();
        if done {
            (tail.room, tail.step) = (to, 0);
        }
        done
    }

    /// Sees to it that there is space up to an offset, and if possible beyond.
    fn widen(&self, tail: &mut Tail, least: u64) -> Result<()> {
        tail.step = (tail.step * 2).clamp(SMALLEST_STEP, LARGEST_STEP);
        let ahead = (tail.room + tail.step).min(self.longest());
        if ahead > least && !self.upkeep.is_tight() && self.extend(tail, ahead).is_ok() {
            return Ok(());
        }
        self.extend(tail, least)
    }

    /// No segment is preallocated beyond this.
    fn longest(&self) -> u64 {
        self.options.segment_bytes + 2 * RESERVE
    }

    /// In sync mode with written zeros, because a sync is faster where only data changed; in async
    /// mode with reserved space, because writing twice costs more than the few syncs.
    fn extend(&self, tail: &mut Tail, to: u64) -> Result<()> {
        let from = tail.room.max(tail.offset);
        let done = match self.is_sync() {
            true => fill(&tail.segment, from, to),
            false => tail.segment.file.reserve(from, to - from, Reserve::Visible),
        };
        match done {
            Ok(()) => tail.room = to,
            Err(error) if error.code() == Code::DiskFull || self.is_sync() => {
                self.keep_reserve(tail, from)?;
                return Err(error);
            }
            // A file system that cannot reserve: writes find out by themselves.
            Err(_) => tail.room = to,
        }
        Ok(())
    }

    /// On a full disk: keeps what was got up to the reserve, for deletes. More would be of no use,
    /// and compaction may need it.
    fn keep_reserve(&self, tail: &mut Tail, from: u64) -> Result<()> {
        let file = &tail.segment.file;
        let most = from.max(tail.offset + RESERVE);
        let mut part = most - from;
        while !self.is_sync() && part >= SMALLEST_RESERVE {
            if file.reserve(from, part, Reserve::Visible).is_ok() {
                break;
            }
            part /= 2;
        }
        let got = file.length()?;
        tail.room = got.min(most);
        if got > most {
            file.truncate(most)?;
        }
        Ok(())
    }

    /// Whether the thread should prepare something before the next commit needs it.
    pub fn has_chores(&self, tail: &Tail) -> bool {
        let low = tail.room.saturating_sub(tail.offset) < tail.step / 2 + RESERVE;
        let ahead = low && tail.room < self.longest() && !self.upkeep.is_tight();
        tail.offset >= self.options.segment_bytes || ahead
    }

    /// Prepares it. What fails here fails again, and is told, when a commit needs it.
    pub fn do_chores(&self) {
        if !self.is_sync() && self.tail.lock().offset >= self.options.segment_bytes {
            // Most of the sync happens before anybody has to wait for it.
            let _ = self.flush_tail();
        }
        let Ok(lock) = self.append_lock() else { return };
        let mut tail = self.tail.lock();
        if self.settle(&mut tail).is_err() || !self.has_chores(&tail) {
            return;
        }
        if tail.offset >= self.options.segment_bytes {
            let rolled = self.roll(&mut tail).is_ok();
            drop((tail, lock));
            if rolled {
                self.upkeep.poke();
                self.wait_for_upkeep();
            }
            return;
        }
        let least = tail.room.max(tail.offset) + 1;
        if self.widen(&mut tail, least).is_ok() && self.is_sync() {
            if let Err(error) = tail.segment.file.sync() {
                self.sync_failed(&mut tail, error);
            }
        }
    }

    /// Ends the active segment with an end frame and goes on in a new one. Until the end frame is
    /// written nothing has changed, so a full disk is no harm.
    pub fn roll(&self, tail: &mut Tail) -> Result<()> {
        let page = self.page()?;
        page.set_left(Left::Midway);
        let end = tail.offset + (frame::HEAD + 8) as u64;
        let mut catalog = tail.catalog.clone();
        let prepared = self.create_active(&mut catalog).and_then(|segment| {
            end_listed(&mut catalog, tail.segment.number, (end, tail.commit));
            Ok((segment, catalog.prepare(&self.folder)?))
        });
        let (segment, catalog) = match prepared {
            Ok(prepared) => prepared,
            Err(error) => {
                let _ = self.folder.remove(&segment::name(tail.catalog.next));
                page.set_left(Left::Order);
                return Err(error);
            }
        };
        self.write_end(tail, segment.number)?;
        self.folder.put_in_place(super::catalog::CATALOG)?;
        // The zeros behind the end are of no use to anybody; failing to cut them is no harm.
        let _ = tail.segment.file.truncate(end);
        self.go_on(tail, catalog, Arc::new(segment));
        Ok(())
    }

    fn write_end(&self, tail: &mut Tail, next: u64) -> Result<()> {
        tail.buffer.clear();
        let start = frame::begin(&mut tail.buffer);
        tail.buffer.extend_from_slice(&next.to_le_bytes());
        let head = Head {
            kind: Kind::End,
            length: 0,
            commit: tail.commit,
            time: tail.time,
            steps: 0,
            behind: frame::behind(tail.offset, tail.synced),
        };
        frame::seal(&mut tail.buffer, start, (head, tail.check));
        if let Err(error) = tail.segment.file.write(&tail.buffer, tail.offset) {
            self.take_back(tail);
            return Err(error);
        }
        match tail.segment.file.sync() {
            Ok(()) => Ok(()),
            Err(error) => Err(self.sync_failed(tail, error)),
        }
    }

    /// Makes the file of the next active segment and names it in `catalog`.
    fn create_active(&self, catalog: &mut Catalog) -> Result<Segment> {
        let mut id = [0; 16];
        self.clock.random(&mut id)?;
        let number = catalog.next;
        let head = SegmentHead { origin: Origin::Appended, number, id };
        let segment = Segment::create(&self.folder, self.store, head)?;
        let ahead = match self.upkeep.is_tight() {
            true => FIRST,
            false => SMALLEST_STEP.min(self.options.segment_bytes) + RESERVE,
        };
        let space = match self.is_sync() {
            true => fill(&segment, FIRST, ahead),
            false if ahead == FIRST => Ok(()),
            false => segment.file.reserve(FIRST, ahead - FIRST, Reserve::Visible),
        };
        match space {
            // Without its reserve no segment is begun, unless to win space back.
            Err(error) if self.is_sync() || error.code() == Code::DiskFull => return Err(error),
            _ => {}
        }
        if !sabotaged!(SyncNewSegment) {
            segment.file.sync()?;
        }
        self.folder.sync()?;
        catalog.next += 1;
        catalog.segments.push(Listed { number, id, origin: Origin::Appended, ended: None });
        Ok(segment)
    }

    /// Takes a new catalog, which is on disk, into use, with its active segment.
    fn go_on(&self, tail: &mut Tail, catalog: Catalog, segment: Arc<Segment>) {
        self.index.write().open(segment.clone());
        tail.catalog = catalog;
        tail.enter(segment);
        tail.step = 0;
        self.publish_tail(tail);
    }

    /// Gives up what is only set aside, so that a full disk has a few blocks again.
    pub fn give_up_space(&self, tail: &mut Tail) -> Result<()> {
        self.upkeep.set_tight(true);
        self.folder.remove(super::checkpoint::CHECKPOINT)?;
        let to = (tail.offset + KEPT).min(tail.segment.file.length()?);
        tail.segment.file.truncate(to)?;
        tail.segment.file.sync()?;
        tail.room = to;
        Ok(())
    }

    /// Tells all processes where the log stands, all of it synced.
    pub fn publish_tail(&self, tail: &mut Tail) {
        tail.synced = tail.offset;
        let Some(page) = &self.page else { return };
        page.set_synced(Spot::new(tail.segment.number, tail.offset));
        page.set_acknowledged(tail.commit);
        page.set_generation(tail.catalog.generation);
        self.seen.set(tail.commit, tail.catalog.generation);
        page.set_left(Left::Order);
    }

    /// Undoes a write that failed: zeros where it may have reached. Until that is on disk, the page
    /// says that the next holder of the lock must look.
    pub fn take_back(&self, tail: &mut Tail) {
        if sabotaged!(TakeBack) {
            return self.page.iter().for_each(|page| page.set_left(Left::Order));
        }
        let end = tail.offset + tail.buffer.len() as u64;
        let file = &tail.segment.file;
        let undone = fill(&tail.segment, tail.offset, end.min(tail.room)).and_then(|()| {
            if end > tail.room {
                file.truncate(tail.room.max(tail.offset))?;
            }
            file.sync()
        });
        if let (Ok(()), Some(page)) = (undone, &self.page) {
            page.set_left(Left::Order);
        }
    }

    /// After a failed sync nobody can say what is on disk behind the last good one, now or later.
    /// So the segment ends there, for good, before anybody appends again.
    pub fn sync_failed(&self, tail: &mut Tail, error: Error) -> Error {
        if sabotaged!(EndAfterFailedSync) {
            return error;
        }
        if let Some(page) = &self.page {
            page.set_left(Left::SyncFailed);
        }
        // If this fails too, the page makes the next holder of the lock try again.
        let _ = self.end_at_synced(tail);
        error
    }

    /// Ends the active segment at its last synced offset; what was acknowledged behind it (async
    /// mode) is appended again to a new one.
    pub fn end_at_synced(&self, tail: &mut Tail) -> Result<()> {
        let at = tail.synced.max(tail.stated);
        let mut catalog = tail.catalog.clone();
        let segment = Arc::new(self.create_active(&mut catalog)?);
        let mut carried = Carried::new(&segment);
        let last = carried.read(tail, at)?;
        segment.file.write(&carried.buffer, FIRST)?;
        segment.file.sync()?;
        end_listed(&mut catalog, tail.segment.number, (at, last));
        catalog.replace(&self.folder)?;
        self.index.write().open(segment.clone());
        tail.catalog = catalog;
        tail.enter(segment.clone());
        (tail.offset, tail.check) = carried.end;
        tail.content = tail.offset;
        let mut index = self.index.write();
        for (key, commit, stored) in &carried.moved {
            index.relocate(key, *commit, stored);
        }
        drop(index);
        self.publish_tail(tail);
        Ok(())
    }
}

fn end_listed(catalog: &mut Catalog, number: u64, ended: (u64, u64)) {
    if let Some(listed) = catalog.segments.iter_mut().find(|listed| listed.number == number) {
        listed.ended = Some(ended);
    }
}

/// Frames on their way from a segment whose sync failed to the next.
struct Carried {
    buffer: Vec<u8>,
    number: u64,
    end: (u64, u64),
    moved: Vec<(Box<[u8]>, u64, Stored)>,
}

impl Carried {
    fn new(to: &Segment) -> Carried {
        let end = (FIRST, to.check);
        Carried { buffer: Vec::new(), number: to.number, end, moved: Vec::new() }
    }

    /// Reads the tail's segment; returns the greatest commit below `at`, which stays.
    fn read(&mut self, tail: &Tail, at: u64) -> Result<u64> {
        let number = tail.segment.number;
        let mut scan = Scan::whole(tail.segment.clone(), tail.offset);
        let mut last = 0;
        while let Some(frame) = scan.peek()? {
            if frame.offset < at {
                last = frame.head.commit;
            } else if matches!(frame.head.kind, Kind::Commit | Kind::Moved) {
                let payload = self.end.0 + frame::HEAD as u64;
                for step in frame.steps() {
                    let step = step.ok_or_else(|| unparsable(number, frame.offset))?;
                    let Some(put) = step.put else { continue };
                    let place = Spot::new(self.number, payload + put.at as u64);
                    let (length, crc) = (put.value.len() as u32, put.crc);
                    let stored = Stored { place, length, crc, expires: put.expires };
                    self.moved.push((step.key.into(), step.commit, stored));
                }
                self.append(frame.head, frame.payload);
            }
            scan.accept();
        }
        if scan.offset != tail.offset {
            let what = "After a failed sync, what was acknowledged before it cannot be read back";
            return Err(corrupt(what, number, scan.offset));
        }
        Ok(last)
    }

    fn append(&mut self, head: Head, payload: &[u8]) {
        let start = frame::begin(&mut self.buffer);
        self.buffer.extend_from_slice(payload);
        let head = Head { behind: frame::behind(self.end.0, FIRST), ..head };
        let (_, check) = frame::seal(&mut self.buffer, start, (head, self.end.1));
        self.end = (self.end.0 + (self.buffer.len() - start) as u64, check);
    }
}
