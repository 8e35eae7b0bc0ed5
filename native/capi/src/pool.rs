//! The threads of a queue. Every job runs exactly once: on one of them, or on the thread that ends
//! the pool.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread::JoinHandle;

use keepstate_core::error::{Code, Error, Result};
use parking_lot::{Condvar, Mutex};

use crate::boundary;

/// Work for a thread of ours.
pub type Job = Box<dyn FnOnce() + Send>;

/// Threads that share one line of jobs.
pub struct Pool {
    line: Arc<Line>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Line {
    jobs: Mutex<Jobs>,
    wake: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Job>,
    ended: bool,
}

impl Pool {
    /// So many threads.
    pub fn new(count: usize) -> Result<Pool> {
        let mut pool = Pool { line: Arc::default(), threads: Vec::with_capacity(count) };
        for _ in 0..count {
            let line = pool.line.clone();
            let thread = std::thread::Builder::new().name("keepstate-queue".into());
            let thread = thread.spawn(move || line.work()).map_err(|cause| {
                let message = "A thread could not be started; check the process's limits.";
                Error::new(Code::Io, message).caused_by(cause)
            });
            match thread {
                Ok(thread) => pool.threads.push(thread),
                Err(error) => {
                    pool.end();
                    return Err(error);
                }
            }
        }
        Ok(pool)
    }

    /// Adds a job.
    pub fn submit(&self, job: Job) {
        self.line.jobs.lock().waiting.push_back(job);
        self.line.wake.notify_one();
    }

    /// Waits for the threads, and runs here what they left.
    pub fn end(self) {
        self.line.jobs.lock().ended = true;
        self.line.wake.notify_all();
        for thread in self.threads {
            let _ = thread.join();
        }
        while let Some(job) = self.line.take() {
            run(job);
        }
    }
}

impl Line {
    fn take(&self) -> Option<Job> {
        self.jobs.lock().waiting.pop_front()
    }

    fn work(&self) {
        loop {
            let job = {
                let mut jobs = self.jobs.lock();
                loop {
                    if jobs.ended {
                        return;
                    }
                    if let Some(job) = jobs.waiting.pop_front() {
                        break job;
                    }
                    self.wake.wait(&mut jobs);
                }
            };
            run(job);
        }
    }
}

/// A panic ends the job, not the thread; whoever waits for the job is told by its promise.
fn run(job: Job) {
    let _ = boundary::contain(|| {
        job();
        Ok(())
    });
}
