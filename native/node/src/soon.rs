//! Calls that mostly end before they return: then JavaScript gets the value itself, and a promise
//! only where it must wait.

use std::sync::Arc;

use keepstate_core::error::Result;
use parking_lot::Mutex;

use crate::home::Home;
use crate::js::{Env, Js};
use crate::queue::{dropped, Ticket};

/// Told once how a call ended.
pub type Ending<T> = Box<dyn FnOnce(Result<T>) + Send>;

/// Makes a value of JavaScript of a result.
pub type Convert<T> = fn(Env, T) -> Result<Js>;

enum Slot<T> {
    /// The call has not returned yet.
    Open,
    /// It ended before it returned.
    Here(Result<T>),
    /// JavaScript waits.
    Owed(Ticket, Convert<T>),
    /// It was told, or never will be.
    Done,
}

/// Starts a call: gives its value if it has ended when `start` returns, else a promise.
pub fn soon<T: Send + 'static>(
    env: Env,
    convert: Convert<T>,
    start: impl FnOnce(Ending<T>),
) -> Result<Js> {
    let slot = Arc::new(Mutex::new(Slot::Open));
    let told = slot.clone();
    start(Box::new(move |result| {
        let mut slot = told.lock();
        match std::mem::replace(&mut *slot, Slot::Done) {
            Slot::Owed(ticket, convert) => ticket.settle(result, convert),
            Slot::Open => *slot = Slot::Here(result),
            Slot::Here(_) | Slot::Done => {}
        }
    }));
    let mut state = slot.lock();
    if let Slot::Here(result) = std::mem::replace(&mut *state, Slot::Done) {
        return convert(env, result?);
    }
    if Arc::strong_count(&slot) == 1 {
        return Err(dropped());
    }
    let (ticket, promise) = Ticket::new(env, &Home::of(env)?.queue)?;
    *state = Slot::Owed(ticket, convert);
    Ok(promise)
}
