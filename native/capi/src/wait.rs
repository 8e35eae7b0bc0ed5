//! Waiting for a commit on the caller's thread: the one thing that the calls without a queue do.

use std::sync::Arc;

use keepstate_core::error::{fail, Code, Result};
use keepstate_core::store::{Commit, Op, Store, Version};
use parking_lot::{Condvar, Mutex};

/// Where the answer comes.
#[derive(Default)]
struct Slot {
    answer: Mutex<Option<Result<Vec<Version>>>>,
    there: Condvar,
}

/// Fills the slot, with an error if the store lets it go without an answer.
struct Teller(Arc<Slot>);

impl Teller {
    fn tell(&self, answer: Result<Vec<Version>>) {
        self.0.answer.lock().get_or_insert(answer);
        self.0.there.notify_one();
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if self.0.answer.lock().is_none() {
            self.tell(fail(Code::Internal, "The store dropped a commit without an answer."));
        }
    }
}

/// Commits one batch and waits for it. (A channel would do the same at three times the cost, which
/// is most of a put in memory.)
pub fn commit(store: &dyn Store, ops: Vec<Op>) -> Result<Vec<Version>> {
    let slot = Arc::new(Slot::default());
    let teller = Teller(slot.clone());
    store.commit(vec![Commit { ops, done: Box::new(move |answer| teller.tell(answer)) }]);
    let mut answer = slot.answer.lock();
    loop {
        if let Some(answer) = answer.take() {
            return answer;
        }
        slot.there.wait(&mut answer);
    }
}
