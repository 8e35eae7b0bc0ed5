//! The thread that keeps house: checkpoints and compaction, in whichever process has the lock for
//! maintenance, paced, while commits go on.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::compact::Zeal;
use super::lock::{Byte, Patience};
use super::shared::Shared;
use super::sys::Claim;
use crate::error::{fail, Code, Result};

/// A checkpoint is due when more log than this is new.
const LEAST_NEW_LOG: u64 = 1 << 20;
/// Between two rounds.
const PAUSE: Duration = Duration::from_millis(500);
/// How long, in steps, commits are held up where they outrun compaction.
const STEPS: usize = 500;
const STEP: Duration = Duration::from_millis(20);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Wish {
    #[default]
    Nothing,
    Round,
    End,
}

/// What asks for maintenance.
#[derive(Default)]
pub(super) struct Upkeep {
    wish: Mutex<Wish>,
    wake: Condvar,
    asked: AtomicBool,
    /// From so much new log on a checkpoint is due; 0: not known yet.
    due: AtomicU64,
    scarce: AtomicBool,
    /// Space is so short that none is set aside ahead.
    tight: AtomicBool,
    /// The last round failed: nobody should wait for the next.
    fails: AtomicBool,
}

impl Upkeep {
    /// Told after each group how much log is new.
    pub fn note(&self, new_log: u64) {
        let due = self.due.load(Ordering::Relaxed).max(LEAST_NEW_LOG);
        if new_log >= due && !self.asked.load(Ordering::Relaxed) {
            self.poke();
        }
    }

    /// Told when the disk was full.
    pub fn note_scarce(&self) {
        self.set_tight(true);
        if !self.scarce.swap(true, Ordering::AcqRel) {
            self.poke();
        }
    }

    pub fn is_tight(&self) -> bool {
        self.tight.load(Ordering::Relaxed)
    }

    pub fn set_tight(&self, tight: bool) {
        self.tight.store(tight, Ordering::Relaxed);
    }

    pub fn poke(&self) {
        self.asked.store(true, Ordering::Relaxed);
        let mut wish = self.wish.lock();
        if *wish == Wish::Nothing {
            *wish = Wish::Round;
            self.wake.notify_one();
        }
    }

    pub fn end(&self) {
        *self.wish.lock() = Wish::End;
        self.wake.notify_one();
    }

    /// Waits until something is due; false at the end.
    fn next(&self) -> bool {
        let mut wish = self.wish.lock();
        while *wish == Wish::Nothing {
            self.wake.wait(&mut wish);
        }
        if *wish == Wish::End {
            return false;
        }
        *wish = Wish::Nothing;
        true
    }

    /// Waits between two rounds.
    fn pause(&self) {
        let mut wish = self.wish.lock();
        if *wish != Wish::End {
            self.wake.wait_for(&mut wish, PAUSE);
        }
        self.asked.store(false, Ordering::Relaxed);
    }
}

impl Shared {
    /// The thread.
    pub fn run_maintenance(&self) {
        while self.upkeep.next() {
            // What fails is tried again when more is due; damage is told by who reads it.
            let failed = self.maintain().is_err();
            self.upkeep.fails.store(failed, Ordering::Relaxed);
            self.upkeep.pause();
        }
    }

    /// One round, if no other process is at it.
    fn maintain(&self) -> Result<()> {
        let _alone = self.upkeep_lock.lock();
        let Some(locks) = &self.locks else { return Ok(()) };
        if !locks.attempt(Byte::Maintain, Claim::Alone)? {
            return Ok(());
        }
        let done = self.maintain_alone();
        locks.release(Byte::Maintain);
        done
    }

    fn maintain_alone(&self) -> Result<()> {
        if self.upkeep.scarce.swap(false, Ordering::AcqRel) {
            self.make_compactable()?;
        }
        self.compact_due(Zeal::Bound)?;
        self.upkeep.set_tight(false);
        self.checkpoint_if_due()
    }

    /// Writes a checkpoint if enough is new.
    pub fn checkpoint_if_due(&self) -> Result<()> {
        let due = LEAST_NEW_LOG.max(self.index.read().live_bytes() / 8);
        self.upkeep.due.store(due, Ordering::Relaxed);
        if self.tail.lock().since_checkpoint < due {
            return Ok(());
        }
        self.write_checkpoint()
    }

    /// Everything that is worth it, now, because somebody asked.
    pub fn maintain_now(&self) -> Result<()> {
        let _alone = self.upkeep_lock.lock();
        let Some(locks) = self.locks.as_ref().filter(|_| !self.options.read_only) else {
            return fail(Code::ReadOnly, "The store is open to read only; open it to write.");
        };
        let timeout = self.options.lock_timeout;
        let patience = Patience { clock: &*self.clock, timeout, asked: &|| () };
        locks.wait(Byte::Maintain, Claim::Alone, patience)?;
        let done = self
            .make_compactable()
            .and_then(|()| self.compact_due(Zeal::Asked))
            .and_then(|()| self.checkpoint_if_due());
        self.upkeep.set_tight(false);
        locks.release(Byte::Maintain);
        done
    }

    /// At the end of an open store: no waiting for others.
    pub fn last_checkpoint(&self) -> Result<()> {
        let _alone = self.upkeep_lock.lock();
        let Some(locks) = &self.locks else { return Ok(()) };
        if !self.options.maintenance || !locks.attempt(Byte::Maintain, Claim::Alone)? {
            return Ok(());
        }
        let done = self.checkpoint_if_due();
        locks.release(Byte::Maintain);
        done
    }

    /// Ends the active segment if half of it is dead: only ended ones can be compacted.
    fn make_compactable(&self) -> Result<()> {
        let _lock = self.append_lock()?;
        let mut tail = self.tail.lock();
        self.settle(&mut tail)?;
        let number = tail.segment.number;
        let live = self.index.read().used().get(&number).map_or(0, |used| used.live_bytes);
        let written = tail.offset - super::segment::FIRST;
        if written == 0 || live > written / 2 {
            return Ok(());
        }
        if tail.synced < tail.offset {
            if let Err(error) = tail.segment.file.sync() {
                return Err(self.sync_failed(&mut tail, error));
            }
            self.publish_tail(&mut tail);
        }
        match self.roll(&mut tail) {
            Err(error) if error.code() == Code::DiskFull => {
                self.give_up_space(&mut tail)?;
                self.roll(&mut tail)
            }
            done => done,
        }
    }

    /// Holds commits up where they outrun compaction, so that the bound on space holds.
    pub fn wait_for_upkeep(&self) {
        for _ in 0..STEPS {
            let total: u64 = {
                let tail = self.tail.lock();
                let ended = tail.catalog.segments.iter().filter_map(|listed| listed.ended);
                ended.map(|(end, _)| end).sum::<u64>() + tail.offset
            };
            let bound = 2 * self.index.read().live_bytes() + self.options.segment_bytes;
            let hopeless = !self.options.maintenance || self.upkeep.fails.load(Ordering::Relaxed);
            if total < bound || hopeless || self.check_open().is_err() {
                return;
            }
            self.upkeep.poke();
            self.upkeep.hurry();
            self.clock.sleep(STEP);
        }
    }
}

impl Upkeep {
    /// Ends a pause.
    fn hurry(&self) {
        self.wake.notify_one();
    }
}
