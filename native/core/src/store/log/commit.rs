//! The queue of commits, and the thread that brings them into the log.
//!
//! In sync mode every commit waits here: the thread takes all that wait as one group, and whoever
//! comes while it syncs joins the next. In async mode a commit is written by its caller's own
//! thread where nobody is in the way, and only comes here otherwise.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::options::Durability;
use super::shared::Shared;
use crate::error::{fail, Code, Error, Result};
use crate::store::{batch, Commit, Done, Op, Version};

/// A batch that deletes may put so many bytes from the reserve: what tells that others are gone.
const SMALL_PUT: usize = 8 << 10;

/// A commit on its way, which is answered however it ends.
pub(super) struct Ticket {
    ops: Vec<Op>,
    size: u64,
    done: Option<Done>,
    outcome: Option<Result<Vec<Version>>>,
}

impl Ticket {
    /// A ticket, or an answer at once to what no log can take.
    pub fn new(commit: Commit) -> Option<Ticket> {
        let size = commit.ops.iter().map(size).sum::<u64>() + super::frame::HEAD as u64;
        let checked = check(&commit.ops);
        let mut ticket = Ticket { ops: commit.ops, size, done: Some(commit.done), outcome: None };
        match checked {
            Ok(()) => Some(ticket),
            Err(error) => {
                ticket.outcome = Some(Err(error));
                ticket.tell();
                None
            }
        }
    }

    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    pub fn take_ops(&mut self) -> Vec<Op> {
        std::mem::take(&mut self.ops)
    }

    /// At most so many bytes in the log.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether it frees space, and takes next to none.
    pub fn frees(&self) -> bool {
        let put = |op: &Op| match op {
            Op::Put { value, .. } => Some(value.len()),
            _ => None,
        };
        let mut puts = self.ops.iter().filter_map(put).peekable();
        let deletes = self.ops.iter().any(|op| matches!(op, Op::Delete { .. }));
        puts.peek().is_none() || deletes && puts.sum::<usize>() <= SMALL_PUT
    }

    pub fn outcome(&mut self, outcome: Result<Vec<Version>>) {
        self.outcome = Some(outcome);
    }

    /// The group failed: whoever had been admitted fails with it.
    pub fn fail(&mut self, error: &Error) {
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(Err(error.duplicate()));
        }
    }

    /// Answers. A caller that panics does so alone.
    pub fn tell(mut self) {
        self.answer();
    }

    fn answer(&mut self) {
        let Some(done) = self.done.take() else { return };
        let outcome = self.outcome.take().unwrap_or_else(|| {
            fail(Code::Internal, "A commit was dropped without an outcome; please report it.")
        });
        let _ = catch_unwind(AssertUnwindSafe(move || done(outcome)));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.answer();
    }
}

fn size(op: &Op) -> u64 {
    match op {
        Op::Put { key, value, .. } => key.len() as u64 + value.len() as u64 + 32,
        Op::Delete { key, .. } => key.len() as u64 + 4,
        Op::Check { .. } => 0,
    }
}

fn check(ops: &[Op]) -> Result<()> {
    batch::check(ops, &super::SUPPORTS)?;
    if ops.iter().map(size).sum::<u64>() > u64::from(u32::MAX) {
        return fail(Code::ValueTooLarge, "A batch exceeds 4 GiB; commit it in parts.");
    }
    Ok(())
}

/// Answers all of them with one error.
pub(super) fn fail_all(tickets: Vec<Ticket>, error: &Error) {
    for mut ticket in tickets {
        ticket.fail(error);
        ticket.tell();
    }
}

/// What waits for the thread.
#[derive(Default)]
struct Waiting {
    tickets: Vec<Ticket>,
    /// Something is to be prepared: space ahead, a new segment.
    chores: bool,
    /// Since when something is unsynced, in the clock's milliseconds.
    unsynced: Option<u64>,
    closing: bool,
}

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// Whether a sync is due sooner or later, to be asked without the mutex.
    dirty: AtomicBool,
}

/// So many bytes of values are taken as one group.
const GROUP_BYTES: u64 = 32 << 20;

/// What the thread does next.
enum Next {
    Commit(Vec<Ticket>),
    Chores,
    Sync,
    End,
}

impl Queue {
    /// Hands commits to the thread and wakes it once.
    pub fn push(&self, tickets: Vec<Ticket>) {
        let mut waiting = self.waiting.lock();
        if waiting.closing {
            drop(waiting);
            return fail_all(tickets, &super::closed());
        }
        waiting.tickets.extend(tickets);
        drop(waiting);
        self.wake.notify_one();
    }

    /// Takes what waits, so that who writes by himself keeps the order.
    pub fn take(&self) -> Vec<Ticket> {
        take_group(&mut self.waiting.lock().tickets)
    }

    pub fn ask_chores(&self) {
        self.waiting.lock().chores = true;
        self.wake.notify_one();
    }

    /// Notes that something is unsynced from `now` on.
    pub fn note_unsynced(&self, now: impl FnOnce() -> u64) {
        if !self.dirty.load(Ordering::Relaxed) && !self.dirty.swap(true, Ordering::AcqRel) {
            self.waiting.lock().unsynced = Some(now());
            self.wake.notify_one();
        }
    }

    /// Forgets it, before a sync begins.
    pub fn note_syncing(&self) {
        self.waiting.lock().unsynced = None;
        self.dirty.store(false, Ordering::Release);
    }

    pub fn close(&self) {
        self.waiting.lock().closing = true;
        self.wake.notify_one();
    }

    fn next(&self, shared: &Shared) -> Next {
        let mut waiting = self.waiting.lock();
        loop {
            if !waiting.tickets.is_empty() {
                return Next::Commit(take_group(&mut waiting.tickets));
            }
            if waiting.closing {
                return Next::End;
            }
            if std::mem::take(&mut waiting.chores) {
                return Next::Chores;
            }
            match (waiting.unsynced, shared.options.durability) {
                (Some(since), Durability::Async { window }) => {
                    let passed = shared.clock.now().saturating_sub(since);
                    let left = window.saturating_sub(Duration::from_millis(passed));
                    if left.is_zero() {
                        return Next::Sync;
                    }
                    self.wake.wait_for(&mut waiting, left);
                }
                _ => self.wake.wait(&mut waiting),
            }
        }
    }
}

fn take_group(tickets: &mut Vec<Ticket>) -> Vec<Ticket> {
    let mut bytes = 0;
    let fits = tickets.iter().take_while(|ticket| {
        let first = bytes == 0;
        bytes += ticket.size();
        first || bytes <= GROUP_BYTES
    });
    match fits.count() {
        all if all == tickets.len() => std::mem::take(tickets),
        some => tickets.drain(..some).collect(),
    }
}

/// Waits until whoever polls for the lock has had a chance to see it free.
const POLITE: Duration = Duration::from_micros(100);

impl Shared {
    /// Brings commits in, or into the queue, in order.
    pub fn submit(&self, commits: Vec<Commit>) {
        let tickets: Vec<Ticket> = commits.into_iter().filter_map(Ticket::new).collect();
        if tickets.is_empty() {
            return;
        }
        match self.is_sync() {
            true => self.queue.push(tickets),
            false => self.submit_inline(tickets),
        }
    }

    fn submit_inline(&self, mut tickets: Vec<Ticket>) {
        let Ok(Some(lock)) = self.try_append_lock() else { return self.queue.push(tickets) };
        if let Err(error) = self.check_open() {
            drop(lock);
            return fail_all(tickets, &error);
        }
        let mut tail = self.tail.lock();
        if tail.offset > self.options.segment_bytes + self.options.segment_bytes / 4 {
            // The thread is late with the next segment: waiting there keeps the bound on space.
            drop((tail, lock));
            return self.queue.push(tickets);
        }
        let mut earlier = self.queue.take();
        if !earlier.is_empty() {
            earlier.append(&mut tickets);
            tickets = earlier;
        }
        self.commit_group(&mut tail, &mut tickets);
        let chores = self.has_chores(&tail);
        self.upkeep.note(tail.since_checkpoint);
        drop(tail);
        drop(lock);
        tickets.into_iter().for_each(Ticket::tell);
        self.queue.note_unsynced(|| self.clock.now());
        if chores {
            self.queue.ask_chores();
        }
    }

    /// The thread.
    pub fn run_commits(&self) {
        let mut running = true;
        while running {
            // A fault of ours must not leave later callers waiting for ever.
            running = catch_unwind(AssertUnwindSafe(|| self.run_next())).unwrap_or(true);
        }
    }

    fn run_next(&self) -> bool {
        match self.queue.next(self) {
            Next::Commit(tickets) => self.bring_in(tickets),
            Next::Chores => self.do_chores(),
            Next::Sync => drop(self.flush_tail()),
            Next::End => return false,
        }
        true
    }

    fn bring_in(&self, mut tickets: Vec<Ticket>) {
        let lock = match self.append_lock() {
            Ok(lock) => lock,
            Err(error) => return fail_all(tickets, &error),
        };
        tickets.append(&mut self.queue.take());
        let mut tail = self.tail.lock();
        self.commit_group(&mut tail, &mut tickets);
        let chores = self.has_chores(&tail);
        self.upkeep.note(tail.since_checkpoint);
        drop(tail);
        drop(lock);
        tickets.into_iter().for_each(Ticket::tell);
        if !self.is_sync() {
            self.queue.note_unsynced(|| self.clock.now());
        }
        if chores {
            self.do_chores();
        }
        if self.page.as_ref().is_some_and(super::page::Page::take_wanted) {
            self.clock.sleep(POLITE);
        }
    }
}
