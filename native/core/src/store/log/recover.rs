//! What the holder of the append lock does before anything else: follow, and where somebody died or
//! failed, tell a torn tail from damage and put things in order (FORMAT.md 5).

use super::catalog::Catalog;
use super::corrupt;
use super::frame::{self, Head, Kind};
use super::index::Index;
use super::lock::Byte;
use super::medium::File;
use super::page::{Left, Page};
use super::segment::{self, Scan, FIRST};
use super::shared::Shared;
use super::sys::Claim;
use super::tail::{Intake, Tail};
use crate::error::{Code, Error, Result};

/// How far behind a broken frame is looked for others that prove it was whole.
const LOOK: u64 = 64 << 20;
/// A block that is compared in one go.
static ZEROS: [u8; 4096] = [0; 4096];

impl Shared {
    /// Brings the tail to the end of the log. Only under the append lock.
    pub fn settle(&self, tail: &mut Tail) -> Result<()> {
        let page = self.page()?;
        match page.left() {
            Left::Order => self.follow_all(tail, page)?,
            left => self.recover(tail, left)?,
        }
        if let Some(spot) = page.synced() {
            if spot.segment() == tail.segment.number {
                tail.synced = tail.synced.max(spot.offset());
            }
        }
        Ok(())
    }

    fn follow_all(&self, tail: &mut Tail, page: &Page) -> Result<()> {
        let (commit, generation) = (page.acknowledged(), page.generation());
        if commit == tail.commit && generation <= tail.catalog.generation {
            return Ok(());
        }
        self.follow(tail, u64::MAX)?;
        if tail.commit < commit {
            let what = "An acknowledged commit is not in the log";
            return Err(corrupt(what, tail.segment.number, tail.offset));
        }
        Ok(())
    }

    /// Puts in order what a process left that died or whose disk failed.
    pub fn recover(&self, tail: &mut Tail, left: Left) -> Result<()> {
        let page = self.page()?;
        let failed = left == Left::SyncFailed;
        page.set_left(if failed { left } else { Left::Midway });
        let bound = if failed { page.acknowledged() } else { u64::MAX };
        let catalog = Catalog::read(&self.folder, self.store)?;
        if catalog.generation == tail.catalog.generation {
            tail.advance(&mut self.index.write(), (Intake::Applying, bound))?;
        } else {
            self.reload(tail, bound)?;
        }
        // A catalog that was renamed but not synced must not be built upon.
        self.folder.sync()?;
        self.judge(tail)?;
        if failed {
            return self.end_at_synced(tail);
        }
        self.cut(tail)?;
        if let Err(error) = tail.segment.file.sync() {
            return Err(self.sync_failed(tail, error));
        }
        let promised = page.acknowledged();
        self.publish_tail(tail);
        self.clean(&tail.catalog)?;
        if promised > tail.commit {
            // A loss of power took what async mode had acknowledged; its numbers stay used.
            tail.commit = promised;
            self.write_mark(tail)?;
        }
        Ok(())
    }

    /// Tells a tail from damage: everything that anybody knows to be synced must be there.
    pub fn judge(&self, tail: &mut Tail) -> Result<()> {
        let mut synced = tail.synced.max(tail.stated);
        if let Some(spot) = self.page.as_ref().and_then(Page::synced) {
            if spot.segment() == tail.segment.number {
                synced = synced.max(spot.offset());
            } else if spot.segment() >= tail.catalog.next {
                let what = "The catalog is older than what was synced";
                return Err(corrupt(what, spot.segment(), spot.offset()));
            }
        }
        synced = synced.max(stated_behind(tail)?);
        if tail.offset < synced {
            let what = "A frame is damaged that was known to be on disk";
            return Err(corrupt(what, tail.segment.number, tail.offset));
        }
        tail.synced = synced;
        Ok(())
    }

    /// Cuts the tail behind the last frame, so that nothing stale lies where frames will come.
    fn cut(&self, tail: &mut Tail) -> Result<()> {
        tail.room = tail.segment.file.length()?;
        if is_zero(&tail.segment.file, tail.offset)? {
            return Ok(());
        }
        tail.segment.file.truncate(tail.offset)?;
        tail.room = tail.offset;
        Ok(())
    }

    /// Writes a frame that states everything before it as synced, and syncs it.
    pub fn write_mark(&self, tail: &mut Tail) -> Result<()> {
        let page = self.page()?;
        let behind = frame::behind(tail.offset, tail.synced);
        // A number of its own, so that every process notices that the log has grown.
        let (commit, time) = (tail.commit + 1, tail.time);
        let head = Head { kind: Kind::Mark, length: 0, commit, time, steps: 0, behind };
        tail.buffer.clear();
        let start = frame::begin(&mut tail.buffer);
        let (_, check) = frame::seal(&mut tail.buffer, start, (head, tail.check));
        page.set_left(Left::Midway);
        if let Err(error) = tail.segment.file.write(&tail.buffer, tail.offset) {
            self.take_back(tail);
            return Err(error);
        }
        if let Err(error) = tail.segment.file.sync() {
            return Err(self.sync_failed(tail, error));
        }
        tail.stated = tail.stated.max(tail.synced);
        tail.offset += tail.buffer.len() as u64;
        tail.room = tail.room.max(tail.offset);
        (tail.check, tail.commit) = (check, commit);
        self.publish_tail(tail);
        Ok(())
    }

    /// Removes files that a dead process was writing. A live one that compacts holds its own lock.
    fn clean(&self, catalog: &Catalog) -> Result<()> {
        // A thread of this process that compacts has the same lock of the folder.
        let Some(_alone) = self.upkeep_lock.try_lock() else { return Ok(()) };
        let Some(locks) = &self.locks else { return Ok(()) };
        if !locks.attempt(Byte::Maintain, Claim::Alone)? {
            return Ok(());
        }
        let removed = self.folder.names().and_then(|names| {
            let mut left = names.iter().filter(|name| is_left_over(name, catalog));
            left.try_for_each(|name| self.folder.remove(name))
        });
        locks.release(Byte::Maintain);
        removed
    }
}

fn is_left_over(name: &str, catalog: &Catalog) -> bool {
    let fresh = ["KEEPSTATE.new", "catalog.new", "checkpoint.new"];
    let unnamed = segment::number(name).is_some_and(|number| catalog.find(number).is_none());
    fresh.contains(&name) || unnamed
}

/// Whether only zeros lie behind an offset.
fn is_zero(file: &File, from: u64) -> Result<bool> {
    let mut buffer = vec![0; 64 << 10];
    let mut at = from;
    loop {
        let count = file.read(&mut buffer, at)?;
        if used_of(buffer.get(..count).unwrap_or_default()) > 0 {
            return Ok(false);
        }
        if count < buffer.len() {
            return Ok(true);
        }
        at += count as u64;
    }
}

/// How many bytes there are up to the last that is not zero.
fn used_of(bytes: &[u8]) -> usize {
    let mut used = bytes.len();
    while let Some(block) = bytes.get(used.saturating_sub(ZEROS.len())..used) {
        if block.is_empty() || !ZEROS.starts_with(block) {
            let last = block.iter().rposition(|byte| *byte != 0);
            return used - block.len() + last.map_or(0, |last| last + 1);
        }
        used -= block.len();
    }
    used
}

/// What frames behind a broken one state as synced. They count only if they chain from the check
/// that the broken one states, or from the one that it should have: then it was there, whole, once.
fn stated_behind(tail: &Tail) -> Result<u64> {
    let file = &tail.segment.file;
    let rest = file.length()?.saturating_sub(tail.offset).min(LOOK);
    if rest <= frame::HEAD as u64 {
        return Ok(0);
    }
    let mut bytes = vec![0; rest as usize];
    let filled = file.read(&mut bytes, tail.offset)?;
    bytes.truncate(filled);
    let used = used_of(&bytes);
    bytes.truncate((used + frame::HEAD).min(filled));
    let before = checks_before(&mut bytes, tail.check);
    let mut tries = 0;
    for at in frame::HEAD..used {
        let Some(rest) = bytes.get_mut(at..) else { break };
        if !rest.starts_with(b"KF") {
            continue;
        }
        let Some((head, stated)) = Head::parse(rest) else { continue };
        let whole = frame::HEAD + head.length as usize;
        let Some(candidate) = rest.get_mut(..whole) else { continue };
        tries += 1;
        let chains = before.iter().any(|before| frame::check(candidate, *before) == stated);
        if chains {
            return greatest(tail, (at, stated), (head, whole));
        }
        if tries > 10_000 {
            break;
        }
    }
    Ok(0)
}

/// The check that the broken frame states, and the one that its bytes give.
fn checks_before(bytes: &mut [u8], before: u64) -> Vec<u64> {
    let stated = bytes.get(28..36).and_then(|check| check.try_into().ok()).map(u64::from_le_bytes);
    let mut checks: Vec<u64> = stated.into_iter().collect();
    if let Some((head, _)) = Head::parse(bytes) {
        let whole = frame::HEAD + head.length as usize;
        if let Some(broken) = bytes.get_mut(..whole) {
            checks.push(frame::check(broken, before));
        }
    }
    checks
}

fn greatest(tail: &Tail, found: (usize, u64), first: (Head, usize)) -> Result<u64> {
    let ((at, check), (head, whole)) = (found, first);
    let offset = tail.offset + at as u64;
    let mut states = match head.behind {
        frame::FAR => 0,
        behind => offset.saturating_sub(u64::from(behind)),
    };
    let from = (offset + whole as u64, check);
    let mut scan = Scan::new(tail.segment.clone(), from, u64::MAX);
    while let Some(frame) = scan.peek()? {
        states = states.max(frame.states());
        scan.accept();
    }
    Ok(states.max(FIRST))
}

/// The whole log from a catalog, as far as `bound`, ready to be read.
pub(super) fn load(tail: &mut Tail, index: &mut Index, bound: u64) -> Result<()> {
    tail.advance(index, (Intake::Loading, bound))?;
    index.finish_loading();
    Ok(())
}

/// An error that a newer catalog may explain.
pub(super) fn may_be_stale(error: &Error) -> bool {
    matches!(error.code(), Code::Corrupt | Code::NotFound)
}
