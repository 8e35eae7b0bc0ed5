//! System calls of `disk` that fail on demand. Each thread has its own faults: a store of plain
//! files works on the thread that calls it.

use std::cell::RefCell;

use super::Call;

/// How a call fails.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    /// The error that the system gives.
    pub errno: i32,
    /// How many bytes a write writes before it fails.
    pub written: usize,
}

type Decide = Box<dyn FnMut(Call) -> Option<Fault>>;

thread_local! {
    static DECIDE: RefCell<Option<Decide>> = const { RefCell::new(None) };
}

/// From now on this decides about each call of this thread.
pub fn arm(decide: impl FnMut(Call) -> Option<Fault> + 'static) {
    DECIDE.with(|slot| *slot.borrow_mut() = Some(Box::new(decide)));
}

/// Nothing fails any more.
pub fn disarm() {
    DECIDE.with(|slot| *slot.borrow_mut() = None);
}

/// Whether this call is to fail, and how.
pub fn next(call: Call) -> Option<Fault> {
    DECIDE.with(|slot| slot.borrow_mut().as_mut().and_then(|decide| decide(call)))
}
