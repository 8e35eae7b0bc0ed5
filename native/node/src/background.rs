//! One thread for what can wait, as packing: it gives way to all others, and never takes a thread
//! of the pool from a save.

use std::collections::VecDeque;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::LazyLock;
use std::thread;

use parking_lot::{Condvar, Mutex};

use crate::pool::{self, Job};

static QUIET: LazyLock<Quiet> =
    LazyLock::new(|| Quiet { state: Mutex::default(), wake: Condvar::new() });

struct Quiet {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    started: bool,
}

/// Hands over jobs. Never blocks. The thread starts with the first one and never ends, as those of
/// the pool.
pub fn submit(jobs: Vec<Job>) {
    let mut state = QUIET.state.lock();
    if !state.started {
        let name = "keepstate-quiet".to_owned();
        state.started = thread::Builder::new().name(name).spawn(work).is_ok();
    }
    if !state.started {
        drop(state);
        return pool::submit(jobs);
    }
    state.jobs.extend(jobs);
    drop(state);
    QUIET.wake.notify_one();
}

fn work() {
    give_way();
    let mut state = QUIET.state.lock();
    loop {
        match state.jobs.pop_front() {
            Some(job) => {
                drop(state);
                // A job that panics has dropped its ticket, which tells its caller.
                let _ = catch_unwind(AssertUnwindSafe(job));
                state = QUIET.state.lock();
            }
            None => QUIET.wake.wait(&mut state),
        }
    }
}

/// A quarter of a core is left to this thread where others want all of it: less, and a lock that it
/// holds would be held for long.
#[cfg(target_os = "linux")]
fn give_way() {
    // SAFETY: on Linux this is about the calling thread alone. A failure leaves it as it was.
    unsafe { libc::nice(5) };
}

/// Elsewhere niceness is of the whole process.
#[cfg(not(target_os = "linux"))]
fn give_way() {}
