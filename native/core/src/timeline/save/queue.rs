//! The queue of a timeline's saves.
//!
//! One machine at a time takes all that wait and writes them together, so a timeline never has two
//! writes under way, and a burst of saves shares one commit. What waits behind a failed save fails
//! too: it builds on a state that is not there.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{Mutex, MutexGuard};

use super::append::{self, Start};
use super::build::Ground;
use super::stream::Streamed;
use crate::codec::MAX_FRAME_VALUES;
use crate::error::{fail, Code, Error, Result};
use crate::timeline::form::meta::Meta;
use crate::timeline::form::snapshot::Snapshot;
use crate::timeline::operation::run::Run;
use crate::timeline::operation::shared::Shared;

/// How many saves are written together at most.
const BATCH: usize = 64;
/// How many lie in one value at most: as many as share a frame, so that a value never holds the
/// beginning of one in its middle.
const JOINED: usize = MAX_FRAME_VALUES as usize;

/// What is to be saved.
#[derive(Debug, Clone)]
pub enum Change {
    /// The whole state.
    Whole(Bytes),
    /// How the state differs from the one that was handed over before.
    Edits {
        /// Replacements in rising, disjoint positions of the state before.
        splices: Vec<Splice>,
        /// The new bytes of all of them, in order.
        fresh: Bytes,
        /// `Timeline::epoch` when the state before was handed over.
        epoch: u64,
    },
    /// The whole state, which is in the store already.
    Streamed(Arc<Streamed>),
}

/// Replaces `old` bytes at `position` of the state before by the next `new` of the new bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Splice {
    /// Where, in the state before.
    pub position: u64,
    /// How many bytes go.
    pub old: u64,
    /// How many come.
    pub new: u64,
}

/// A state on its way.
#[derive(Debug, Clone)]
pub struct Save {
    /// The state.
    pub change: Change,
    /// What is said of it. A time of 0 is filled in.
    pub meta: Meta,
    /// Only if this is the latest snapshot; 0: only if there is none.
    pub onto: Option<u64>,
}

/// Told once how a save ended.
pub type SaveDone = Box<dyn FnOnce(Result<Snapshot>) + Send>;

/// The saves of a timeline's handle.
pub struct Queue {
    shared: Arc<Shared>,
    writer: Mutex<Writer>,
}

#[derive(Default)]
struct Writer {
    waiting: VecDeque<(Save, SaveDone)>,
    busy: bool,
    /// What the next save builds on, and the epoch in which that counts.
    ground: Option<(Ground, u64)>,
    /// Another writer won; nothing is saved until the caller has looked.
    refused: bool,
    /// The head that the caller has looked at since the last save, and the epoch in which it did.
    seen: Option<(u64, u64)>,
}

impl Writer {
    /// What the next save builds on, if it still counts. Where the control object was changed
    /// through this handle, it is the same, and need not be read again. But where the latest was
    /// packed that it knows of, the next save must find out: it keeps what it knew, and will be
    /// refused.
    fn take(&mut self, shared: &Shared) -> Option<Ground> {
        let (mut ground, epoch) = self.ground.take()?;
        if epoch != shared.epoch() {
            return None;
        }
        let held = &mut ground.tail.control;
        if let Some(beside) = shared.beside().filter(|beside| beside.follows(held)) {
            if beside.now.control.loose <= ground.tail.sequence + 1 {
                *held = beside.now;
            }
        }
        Some(ground)
    }

    /// How many of those that wait are written together. One with an idempotency key goes alone, so
    /// that what was saved before it can be looked up; and so does one that came in a stream, which
    /// has a claim of its own.
    fn next_round(&self, most: usize) -> usize {
        let alone = |(save, _): &(Save, SaveDone)| {
            save.meta.idempotency_key.is_some() || matches!(save.change, Change::Streamed(_))
        };
        self.waiting
            .iter()
            .take(most)
            .position(alone)
            .map_or(self.waiting.len().min(most), |before| before.max(1))
    }
}

impl Queue {
    /// An empty one.
    pub fn new(shared: Arc<Shared>) -> Queue {
        Queue { shared, writer: Mutex::default() }
    }

    /// How many bytes of the state before it holds.
    pub fn used(&self) -> usize {
        let writer = self.writer.lock();
        let whole = writer.ground.as_ref().and_then(|(ground, _)| ground.tail.whole.as_ref());
        whole.map_or(0, |bytes| bytes.len())
    }

    /// Adds a save. True: nobody drains the queue yet, so the caller must.
    pub fn add(&self, save: Save, done: SaveDone) -> bool {
        let mut writer = self.writer.lock();
        writer.waiting.push_back((save, done));
        !std::mem::replace(&mut writer.busy, true)
    }

    /// The caller has looked: after a CONFLICT, saves are taken again. Where it has seen the head,
    /// the next save is one onto that head, whatever this handle knew before.
    pub fn look(&self, head: Option<u64>) {
        let mut writer = self.writer.lock();
        writer.refused = false;
        if head.is_none() || writer.busy {
            return;
        }
        if writer.ground.as_ref().is_some_and(|(ground, _)| Some(ground.tail.sequence) != head) {
            writer.ground = None;
            self.shared.unsettle();
        }
        writer.seen = head.map(|head| (head, self.shared.epoch()));
    }

    /// What the next save would build on counts no more.
    fn forget(&self) -> MutexGuard<'_, Writer> {
        let mut writer = self.writer.lock();
        (writer.ground, writer.seen) = (None, None);
        self.shared.unsettle();
        writer
    }
}

/// The turn of the one machine that drains the queue. A machine that is given up before the queue
/// is empty takes what waits with it: else nobody would ever drain for this handle again.
pub struct Turn {
    queue: Arc<Queue>,
    over: bool,
}

impl Turn {
    /// The turn of whom `add` told to drain.
    pub fn new(queue: Arc<Queue>) -> Turn {
        Turn { queue, over: false }
    }

    /// Writes all that waits, until nothing does.
    pub async fn drain(mut self, run: &Run) -> Result<()> {
        drain(run, &self.queue).await?;
        self.over = true;
        Ok(())
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        let behind: Vec<_> = {
            let mut writer = self.queue.forget();
            writer.busy = false;
            writer.waiting.drain(..).collect()
        };
        for (_, done) in behind {
            let message = "The save that this one was joined to was given up; save again.";
            done(fail(Code::Aborted, message));
        }
    }
}

async fn drain(run: &Run, queue: &Queue) -> Result<()> {
    loop {
        let (batch, mut start, epoch) = {
            let mut writer = queue.writer.lock();
            if writer.waiting.is_empty() {
                writer.busy = false;
                return Ok(());
            }
            let count = writer.next_round(if run.shared.supports.commit { BATCH } else { JOINED });
            let batch: Vec<_> = writer.waiting.drain(..count).collect();
            let epoch = run.shared.epoch();
            let ground = writer.take(&run.shared);
            let seen = writer.seen.filter(|(_, of)| *of == epoch).map(|(head, _)| head);
            let refused = writer.refused;
            (batch, Start { ground, refused, seen }, epoch)
        };
        let (saves, dones): (Vec<_>, Vec<_>) = batch.into_iter().unzip();
        match append::write(run, saves, &mut start).await {
            Ok(snapshots) => {
                if let Some(ground) = &mut start.ground {
                    ground.settle();
                }
                let mut writer = queue.writer.lock();
                writer.ground = start.ground.map(|ground| (ground, epoch));
                writer.refused = false;
                writer.seen = None;
                drop(writer);
                dones.into_iter().zip(snapshots).for_each(|(done, saved)| done(Ok(saved)));
            }
            Err(error) => {
                fail_all(queue, dones, &error);
                if sabotaged!(TimelineForget) {
                    let epoch = run.shared.epoch();
                    queue.writer.lock().ground = start.ground.map(|ground| (ground, epoch));
                }
            }
        }
    }
}

/// Tells everybody who waits: what waits behind a failed save builds on a state that is not there.
fn fail_all(queue: &Queue, dones: Vec<SaveDone>, error: &Error) {
    let behind: Vec<_> = {
        let mut writer = queue.forget();
        writer.refused |= matches!(error.code(), Code::Conflict | Code::LeaseLost);
        writer.waiting.drain(..).map(|(_, done)| done).collect()
    };
    dones.into_iter().chain(behind).for_each(|done| done(Err(error.duplicate())));
}
