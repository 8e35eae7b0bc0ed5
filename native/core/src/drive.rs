//! The driver for stores on this machine: it answers a machine's requests from a `Store`.
//!
//! Reads, time and randomness are answered at once on the thread that steps; commits complete on
//! whatever thread the store finishes them, and the machine goes on there. So no thread waits for a
//! sync, except that of a caller who asked to (`run`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use parking_lot::Mutex;

use crate::clock::Clock;
use crate::error::{fail, Code, Result};
use crate::machine::{Answer, Machine, Request, RequestId, Step};
use crate::store::{Commit, Op, Store};

/// What a driver answers from.
#[derive(Clone)]
pub struct Ground {
    /// The store.
    pub store: Arc<dyn Store>,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// Set by the caller to cancel.
    pub cancelled: Arc<AtomicBool>,
}

impl Ground {
    /// A ground that nobody cancels.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Ground { store, clock, cancelled: Arc::new(AtomicBool::new(false)) }
    }
}

/// Drives a machine to its end and waits for it.
pub fn run<T: Send + 'static>(machine: Machine<T>, ground: &Ground) -> Result<T> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    start(machine, ground, move |result| {
        let _ = sender.send(result);
    });
    receiver
        .recv()
        .unwrap_or_else(|_| fail(Code::Internal, "The store dropped a commit without an answer."))
}

/// Drives a machine. `done` is called once, on the thread on which the machine ends.
pub fn start<T: Send + 'static>(
    machine: Machine<T>,
    ground: &Ground,
    done: impl FnOnce(Result<T>) + Send + 'static,
) {
    let running = Running {
        machine: Mutex::new(Some((machine, Box::new(done)))),
        inbox: Mutex::new(Vec::new()),
        ground: ground.clone(),
    };
    Arc::new(running).pump();
}

/// The part of an operation that may have to wait.
pub type Rest = Box<dyn FnOnce() + Send>;

/// Drives a machine as `start` does, as long as it asks for little and only to read: what it needs
/// is then mostly in memory. What is left, if anything, is for a thread that may wait for the disk.
pub fn start_reading<T: Send + 'static>(
    machine: Machine<T>,
    ground: &Ground,
    done: impl FnOnce(Result<T>) + Send + 'static,
) -> Option<Rest> {
    let running = Running {
        machine: Mutex::new(Some((machine, Box::new(done)))),
        inbox: Mutex::new(Vec::new()),
        ground: ground.clone(),
    };
    Arc::new(running).read()
}

/// More reads than this are likely to find something that is not in memory.
const READS: usize = 16;

fn is_read((_, request): &(RequestId, Request)) -> bool {
    matches!(request, Request::Get { .. } | Request::List(_) | Request::Now | Request::Cancelled)
}

type Ending<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// How far a step went.
enum Went<T> {
    /// These are to be answered.
    Asked(Vec<(RequestId, Request)>),
    /// To the end.
    Ended(Ending<T>, Result<T>),
    /// It had ended before.
    Nowhere,
}

struct Running<T> {
    /// Taken by whoever steps; none after the end.
    machine: Mutex<Option<(Machine<T>, Ending<T>)>>,
    inbox: Mutex<Vec<(RequestId, Result<Answer>)>>,
    ground: Ground,
}

impl<T: Send + 'static> Running<T> {
    /// Steps while there are few reads; nobody else steps meanwhile, since nothing else is asked.
    fn read(self: Arc<Self>) -> Option<Rest> {
        let mut left = READS;
        loop {
            let went = {
                let mut machine = self.machine.try_lock()?;
                self.go(&mut machine)
            };
            match went {
                Went::Asked(asked)
                    if (1..=left).contains(&asked.len()) && asked.iter().all(is_read) =>
                {
                    left -= asked.len();
                    asked.into_iter().for_each(|one| self.serve(one));
                }
                Went::Asked(asked) => {
                    return Some(Box::new(move || {
                        asked.into_iter().for_each(|one| self.serve(one));
                        self.pump();
                    }))
                }
                Went::Ended(done, result) => {
                    done(result);
                    return None;
                }
                Went::Nowhere => return None,
            }
        }
    }

    /// Hands over what was answered, and goes on.
    fn go(&self, machine: &mut Option<(Machine<T>, Ending<T>)>) -> Went<T> {
        let Some((running, _)) = machine.as_mut() else { return Went::Nowhere };
        for (id, answer) in std::mem::take(&mut *self.inbox.lock()) {
            running.answer(id, answer);
        }
        match running.step() {
            Step::Do(requests) => Went::Asked(requests),
            Step::Done(result) => match machine.take() {
                Some((_, done)) => Went::Ended(done, result),
                None => Went::Nowhere,
            },
        }
    }

    /// Steps while there are answers. The machine is held while it is served, so that a commit that
    /// completes at once does not step it from within: its answer is found in the inbox, and so is
    /// one that comes while another thread steps.
    fn pump(self: &Arc<Self>) {
        loop {
            let Some(mut guard) = self.machine.try_lock() else { return };
            match self.go(&mut guard) {
                Went::Asked(requests) => requests.into_iter().for_each(|asked| self.serve(asked)),
                Went::Ended(done, result) => {
                    drop(guard);
                    return done(result);
                }
                Went::Nowhere => return,
            }
            drop(guard);
            if self.inbox.lock().is_empty() {
                return;
            }
        }
    }

    fn serve(self: &Arc<Self>, (id, request): (RequestId, Request)) {
        let ground = &self.ground;
        let answer = match request {
            Request::Get { key, range } => ground.store.get(&key, range).map(Answer::Found),
            Request::List(query) => ground.store.list(&query).map(Answer::Listed),
            Request::Now => Ok(Answer::Time(ground.clock.now())),
            Request::Cancelled => Ok(Answer::Cancelled(ground.cancelled.load(Ordering::Relaxed))),
            Request::Random(count) => {
                let mut bytes = vec![0; count];
                ground.clock.random(&mut bytes).map(|()| Answer::Random(bytes))
            }
            Request::Sleep(time) => {
                ground.clock.sleep(time);
                Ok(Answer::Nothing)
            }
            Request::Put { key, value, mode } => {
                return self.commit(id, vec![Op::Put { key, value, mode, ttl: None }])
            }
            Request::Delete { key, if_version } => {
                return self.commit(id, vec![Op::Delete { key, if_version }])
            }
            Request::Commit(ops) => return self.commit(id, ops),
        };
        self.inbox.lock().push((id, answer));
    }

    fn commit(self: &Arc<Self>, id: RequestId, ops: Vec<Op>) {
        let running = self.clone();
        let done = Box::new(move |result: Result<_>| {
            running.inbox.lock().push((id, result.map(Answer::Committed)));
            running.pump();
        });
        self.ground.store.commit(vec![Commit { ops, done }]);
    }
}
