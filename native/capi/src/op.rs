//! Operations that run while the caller does other things.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use keepstate_core::error::{fail, Code, Error, Result};
use keepstate_core::store::{Found, Version};
use keepstate_core::timeline::{Name, Restored, Snapshot};
use parking_lot::Mutex;

use crate::boundary;
use crate::cast;
use crate::error::{ks_error, ks_status};
use crate::opened::Ticket;
use crate::queue::Ready;

/// An operation under way, or complete. Every call may come from any thread; ends with
/// `ks_op_free`.
pub struct ks_op {
    state: Mutex<State>,
    cancelled: Arc<AtomicBool>,
    /// The caller has let it go: its completion is not delivered.
    abandoned: AtomicBool,
}

enum State {
    Pending,
    Complete(Result<Outcome>),
    Taken,
}

/// What an operation gave.
pub enum Outcome {
    /// Of `ks_store_get_start`, with its key.
    Found(Option<Found>, String),
    /// Of `ks_store_put_start`.
    Put(Vec<Version>),
    /// Of `ks_timeline_save_start`.
    Saved(Box<(Name, Snapshot)>),
    /// Of `ks_timeline_restore_start`.
    Restored(Box<(Name, Restored)>),
}

impl ks_op {
    /// An operation that has not begun.
    pub fn new() -> Arc<ks_op> {
        Arc::new(ks_op {
            state: Mutex::new(State::Pending),
            cancelled: Arc::default(),
            abandoned: AtomicBool::new(false),
        })
    }

    /// Set when the caller cancels.
    pub fn cancelled(&self) -> &Arc<AtomicBool> {
        &self.cancelled
    }

    /// Whether nobody waits for it any more.
    pub fn is_abandoned(&self) -> bool {
        self.abandoned.load(Ordering::SeqCst)
    }

    /// The outcome, once. `pick` gives back what is not of its kind.
    pub fn take<T>(
        &self,
        kind: &str,
        pick: impl FnOnce(Outcome) -> std::result::Result<T, Outcome>,
    ) -> Result<T> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut *state, State::Taken) {
            State::Pending => {
                *state = State::Pending;
                let message = "The operation is not complete; wait for its completion first.";
                fail(Code::Unavailable, message)
            }
            State::Taken => {
                let message = "The result of this operation was taken already; keep it.";
                fail(Code::InvalidArgument, message)
            }
            State::Complete(Err(error)) => {
                let copy = error.duplicate();
                *state = State::Complete(Err(error));
                Err(copy)
            }
            State::Complete(Ok(outcome)) => pick(outcome).or_else(|other| {
                *state = State::Complete(Ok(other));
                let message = format!("This operation is not a {kind}; finish it by its own call.");
                fail(Code::InvalidArgument, message)
            }),
        }
    }
}

/// The duty to complete an operation. Dropped without a word it completes with an error, so that
/// nobody waits for ever.
pub struct Promise {
    duty: Option<Duty>,
}

struct Duty {
    op: Arc<ks_op>,
    ready: Arc<Ready>,
    tag: u64,
    ticket: Ticket,
}

impl Promise {
    /// A promise to the waiters of a queue, that holds the store open.
    pub fn new(op: Arc<ks_op>, (ready, tag): (Arc<Ready>, u64), ticket: Ticket) -> Promise {
        Promise { duty: Some(Duty { op, ready, tag, ticket }) }
    }

    /// The ticket to the store.
    pub fn ticket(&self) -> Option<&Ticket> {
        self.duty.as_ref().map(|duty| &duty.ticket)
    }

    /// The same promise if the work is still wanted; else it is completed as ABORTED.
    pub fn begin(self) -> Option<Promise> {
        let wanted = self.duty.as_ref().is_some_and(|duty| {
            !duty.ready.is_ended() && !duty.op.cancelled.load(Ordering::SeqCst)
        });
        if wanted {
            return Some(self);
        }
        self.settle(fail(Code::Aborted, "The operation was cancelled before it began."));
        None
    }

    /// Completes the operation.
    pub fn settle(mut self, result: Result<Outcome>) {
        self.keep(result);
    }

    fn keep(&mut self, result: Result<Outcome>) {
        let Some(Duty { op, ready, tag, ticket }) = self.duty.take() else { return };
        let status = result.as_ref().err().map_or(0, |error| error.code() as ks_status);
        *op.state.lock() = State::Complete(result);
        // Before the caller is told, so that it does not find its own operation in its way.
        drop(ticket);
        ready.push(op, tag, status);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let message = "The operation ended without an answer; please report it.";
        self.keep(Err(Error::new(Code::Internal, message)));
    }
}

/// Whether the operation is complete.
#[no_mangle]
pub unsafe extern "C" fn ks_op_is_done(op: *const ks_op) -> bool {
    boundary::answer(false, || {
        // SAFETY: a live operation or NULL, as the caller promised.
        unsafe { op.as_ref() }.is_some_and(|op| !matches!(*op.state.lock(), State::Pending))
    })
}

/// Asks an operation to end early. It completes in any case: with `KS_ABORTED`, or with its true
/// result where it was too late. Wait for the completion as ever.
#[no_mangle]
pub unsafe extern "C" fn ks_op_cancel(op: *const ks_op, error: *mut *mut ks_error) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            cast::handle(op, "op")?.cancelled.store(true, Ordering::SeqCst);
            Ok(())
        })
    }
}

/// Ends an operation's handle. One that is not complete is cancelled, and its completion is not
/// delivered. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_op_free(op: *mut ks_op) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        if let Some(op) = unsafe { cast::take_shared(op) } {
            op.abandoned.store(true, Ordering::SeqCst);
            op.cancelled.store(true, Ordering::SeqCst);
        }
    });
}
