//! Queues: where operations are started and their completions are picked up.

use std::collections::VecDeque;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use keepstate_core::error::{fail, Code, Result};
use parking_lot::{Condvar, Mutex};

use crate::boundary;
use crate::cast;
use crate::error::{ks_error, ks_status};
use crate::fork::{self, Birth};
use crate::op::ks_op;
use crate::options::{self, grows};
use crate::pool::{Job, Pool};
use crate::signal::Signal;
use crate::vtable;

/// The most threads of a queue.
const THREADS_MAX: u32 = 256;

/// Completions and the threads that make them. Every call may come from any thread; ends with
/// `ks_queue_free`.
pub struct ks_queue {
    ready: Arc<Ready>,
    pool: Pool,
    birth: Birth,
}

/// How a queue works. All zeros are the defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_queue_options {
    /// `sizeof(ks_queue_options)`.
    pub struct_size: usize,
    /// How many threads; 0 is one for each processor, at most 4.
    pub threads: u32,
    /// 0.
    pub reserved: u32,
}
grows!(ks_queue_options);

/// An operation that is complete. This struct never grows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_completion {
    /// What was given when it was started.
    pub tag: u64,
    /// The operation. It still is to be finished and freed.
    pub op: *mut ks_op,
    /// How it ended.
    pub status: ks_status,
    /// 0.
    pub reserved: u32,
}

impl ks_completion {
    const EMPTY: ks_completion =
        ks_completion { tag: 0, op: ptr::null_mut(), status: 0, reserved: 0 };
}

/// The completions that wait to be picked up.
#[derive(Default)]
pub struct Ready {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    ended: AtomicBool,
}

#[derive(Default)]
struct Waiting {
    done: VecDeque<(Arc<ks_op>, u64, ks_status)>,
    woken: bool,
    signal: Option<Signal>,
}

impl Waiting {
    fn tell(&self) {
        if let Some(signal) = &self.signal {
            signal.set();
        }
    }

    /// Moves out what is ready. Also answers a wake.
    fn take(&mut self, out: &mut [ks_completion]) -> usize {
        let mut count = 0;
        while count < out.len() {
            let Some((op, tag, status)) = self.done.pop_front() else { break };
            if let (Some(place), false) = (out.get_mut(count), op.is_abandoned()) {
                let op = Arc::as_ptr(&op).cast_mut();
                *place = ks_completion { tag, op, status, reserved: 0 };
                count += 1;
            }
        }
        self.woken = false;
        if self.done.is_empty() {
            if let Some(signal) = &self.signal {
                signal.clear();
            }
        }
        count
    }
}

impl Ready {
    /// Adds a completion.
    pub fn push(&self, op: Arc<ks_op>, tag: u64, status: ks_status) {
        let mut waiting = self.waiting.lock();
        waiting.done.push_back((op, tag, status));
        if waiting.done.len() == 1 {
            waiting.tell();
        }
        drop(waiting);
        self.wake.notify_one();
    }

    /// Whether the queue is being freed: then nothing new begins.
    pub fn is_ended(&self) -> bool {
        self.ended.load(Ordering::SeqCst)
    }

    fn wake(&self) {
        let mut waiting = self.waiting.lock();
        waiting.woken = true;
        waiting.tell();
        drop(waiting);
        self.wake.notify_one();
    }

    /// Waits for completions, a wake, or so many milliseconds (negative: for ever).
    fn wait(&self, out: &mut [ks_completion], timeout: i64) -> usize {
        let mut waiting = self.waiting.lock();
        loop {
            let woken = waiting.woken;
            let count = waiting.take(out);
            if count > 0 || woken || out.is_empty() || timeout == 0 {
                return count;
            }
            let timed_out = match u64::try_from(timeout) {
                Ok(millis) => {
                    let time = Duration::from_millis(millis);
                    self.wake.wait_for(&mut waiting, time).timed_out()
                }
                Err(_) => {
                    self.wake.wait(&mut waiting);
                    false
                }
            };
            if timed_out {
                return waiting.take(out);
            }
        }
    }
}

impl ks_queue {
    /// Where completions go. FORKED in a child process: there are no threads.
    pub fn ready(&self) -> Result<&Arc<Ready>> {
        self.birth.check("queue")?;
        Ok(&self.ready)
    }

    /// Runs a job on one of the threads.
    pub fn submit(&self, job: Job) {
        self.pool.submit(job);
    }
}

/// A queue with threads of its own. `options` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_queue_new(
    options: *const ks_queue_options,
    out: *mut *mut ks_queue,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, ptr::null_mut(), "out")?;
            let threads = match options::read(options)?.threads {
                0 => std::thread::available_parallelism().map_or(1, usize::from).min(4),
                more if more > THREADS_MAX => {
                    let message = format!("A queue has at most {THREADS_MAX} threads, not {more}.");
                    return fail(Code::InvalidArgument, message);
                }
                count => count as usize,
            };
            let (ready, birth) = (Arc::default(), Birth::now());
            *out = cast::hand_out(ks_queue { ready, pool: Pool::new(threads)?, birth });
            Ok(())
        })
    }
}

/// Waits until something is complete, at most `timeout_ms` (negative: for ever), and gives as many
/// completions as are there, at most `capacity`. `count` is 0 after the time, and after a wake.
#[no_mangle]
pub unsafe extern "C" fn ks_queue_wait(
    queue: *const ks_queue,
    timeout_ms: i64,
    out: *mut ks_completion,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let count = cast::out(count, 0, "count")?;
            let ready = cast::handle(queue, "queue")?.ready()?;
            let out = cast::array(out, (capacity, ks_completion::EMPTY), "out")?;
            *count = ready.wait(out, timeout_ms);
            Ok(())
        })
    }
}

/// The same without waiting.
#[no_mangle]
pub unsafe extern "C" fn ks_queue_take(
    queue: *const ks_queue,
    out: *mut ks_completion,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let count = cast::out(count, 0, "count")?;
            let ready = cast::handle(queue, "queue")?.ready()?;
            let out = cast::array(out, (capacity, ks_completion::EMPTY), "out")?;
            *count = ready.wait(out, 0);
            Ok(())
        })
    }
}

/// Lets one wait return with nothing: the present one, or else the next.
#[no_mangle]
pub unsafe extern "C" fn ks_queue_wake(
    queue: *const ks_queue,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            cast::handle(queue, "queue")?.ready()?.wake();
            Ok(())
        })
    }
}

/// A file descriptor that is readable while completions are there (or after a wake), for an event
/// loop. Do not read it: `ks_queue_take` does. It lives as long as the queue. Linux only, else
/// `KS_UNSUPPORTED`.
#[no_mangle]
pub unsafe extern "C" fn ks_queue_fd(
    queue: *const ks_queue,
    fd: *mut i32,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let fd = cast::out(fd, -1, "fd")?;
            let mut waiting = cast::handle(queue, "queue")?.ready()?.waiting.lock();
            if waiting.signal.is_none() {
                waiting.signal = Some(Signal::new()?);
                if !waiting.done.is_empty() || waiting.woken {
                    waiting.tell();
                }
            }
            *fd = waiting.signal.as_ref().map_or(-1, Signal::fd);
            Ok(())
        })
    }
}

/// Ends a queue. What has not begun is aborted, what has is waited for; the operations stay until
/// they are freed. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_queue_free(queue: *mut ks_queue) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        let Some(queue) = (unsafe { cast::take(queue) }) else { return };
        // In a child there are no threads to wait for, and a callback cannot wait for itself.
        if !queue.birth.is_here() || vtable::is_inside() {
            return fork::keep(queue);
        }
        queue.ready.ended.store(true, Ordering::SeqCst);
        queue.ready.wake();
        queue.pool.end();
    });
}
