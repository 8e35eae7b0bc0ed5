//! The addon's own threads, for work that would hold up JavaScript. libuv's pool is not used: four
//! slow jobs there stop every file and name look-up of the process.
//!
//! One pool for the whole process, worker threads included. Threads start when there is work, and
//! never end: they hold nothing that must be released, and an exiting process need not wait.

use std::collections::VecDeque;
use std::mem;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, LazyLock};
use std::thread;

use parking_lot::{Condvar, Mutex};

/// Work that says itself how it ended.
pub type Job = Box<dyn FnOnce() + Send>;

/// Figures for `doctor` and for tests.
pub struct Figures {
    pub threads: usize,
    pub queued: usize,
    /// How often jobs were handed over.
    pub batches: u64,
}

struct Pool {
    state: Mutex<State>,
    wake: Condvar,
    most: usize,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    batches: u64,
}

static POOL: LazyLock<Pool> =
    LazyLock::new(|| Pool { state: Mutex::default(), wake: Condvar::new(), most: most() });

/// Two to four threads, as there are cores, unless `KEEPSTATE_THREADS` says how many.
fn most() -> usize {
    let asked = std::env::var("KEEPSTATE_THREADS").ok().and_then(|text| text.parse().ok());
    let cores = || thread::available_parallelism().map_or(2, usize::from).clamp(2, 4);
    asked.map_or_else(cores, |threads: usize| threads.clamp(1, 64))
}

/// Hands over jobs. Never blocks.
pub fn submit(jobs: Vec<Job>) {
    let pool = &*POOL;
    let mut state = pool.state.lock();
    let count = jobs.len();
    state.batches += 1;
    state.jobs.extend(jobs);
    let woken = count.min(state.idle);
    let missing = (count - woken).min(pool.most - state.threads);
    let started = (0..missing).filter(|_| start(&mut state)).count();
    let stuck = state.threads == 0;
    drop(state);
    match woken {
        0 => {}
        1 => drop(pool.wake.notify_one()),
        _ => drop(pool.wake.notify_all()),
    }
    if started < missing && stuck {
        // The system gives no thread at all: slow is better than never.
        loop {
            let job = next(&mut pool.state.lock());
            let Some(job) = job else { return };
            run(job);
        }
    }
}

fn start(state: &mut State) -> bool {
    let name = format!("keepstate-{}", state.threads);
    let started = thread::Builder::new().name(name).spawn(work).is_ok();
    state.threads += usize::from(started);
    started
}

fn next(state: &mut State) -> Option<Job> {
    state.jobs.pop_front()
}

fn work() {
    let pool = &*POOL;
    let mut state = pool.state.lock();
    loop {
        match next(&mut state) {
            Some(job) => {
                drop(state);
                run(job);
                state = pool.state.lock();
            }
            None => {
                state.idle += 1;
                pool.wake.wait(&mut state);
                state.idle -= 1;
            }
        }
    }
}

/// A job that panics has dropped its ticket, which tells its caller; the thread goes on.
fn run(job: Job) {
    let _ = catch_unwind(AssertUnwindSafe(job));
}

/// Jobs that must run in the order in which they came, one at a time, on whatever thread is free:
/// the writes of a store that blocks.
#[derive(Default)]
pub struct Strand {
    state: Mutex<Line>,
}

#[derive(Default)]
struct Line {
    jobs: VecDeque<Job>,
    running: bool,
}

impl Strand {
    /// Puts a job at the end of the line; gives what the pool must run, unless it runs already.
    pub fn line_up(self: &Arc<Self>, job: Job) -> Option<Job> {
        let mut line = self.state.lock();
        line.jobs.push_back(job);
        if mem::replace(&mut line.running, true) {
            return None;
        }
        let strand = self.clone();
        Some(Box::new(move || strand.run()))
    }

    fn run(&self) {
        loop {
            let job = self.take();
            let Some(job) = job else { return };
            run(job);
        }
    }

    fn take(&self) -> Option<Job> {
        let mut line = self.state.lock();
        let job = line.jobs.pop_front();
        line.running = job.is_some();
        job
    }
}

/// How busy the pool is.
pub fn figures() -> Figures {
    let state = POOL.state.lock();
    Figures { threads: state.threads, queued: state.jobs.len(), batches: state.batches }
}
