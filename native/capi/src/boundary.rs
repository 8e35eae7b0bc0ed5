//! The boundary: the only place where a panic is caught and where a result becomes a status.
//!
//! Every exported function has its whole body in one of these two calls; a test reads the sources
//! and refuses any that has not.

use std::any::Any;
use std::panic::{catch_unwind, AssertUnwindSafe};

use keepstate_core::error::{Code, Error, Result};

use crate::error::{ks_error, ks_status, KS_OK};

/// Runs the body of a call that can fail. `error` may be NULL, then only the status is told.
///
/// # Safety
/// `error` is NULL or may be written.
pub unsafe fn status(error: *mut *mut ks_error, body: impl FnOnce() -> Result<()>) -> ks_status {
    let result = catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(caught(&*panic)));
    let failure = result.err();
    let code = failure.as_ref().map_or(KS_OK, |failure| failure.code() as ks_status);
    // SAFETY: as this function's own.
    unsafe {
        if let Some(slot) = error.as_mut() {
            *slot = failure.map_or(std::ptr::null_mut(), ks_error::hand_out);
        }
    }
    code
}

/// Runs the body of a call that only answers. A panic gives `otherwise`.
pub fn answer<T>(otherwise: T, body: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or(otherwise)
}

/// Runs work on a thread of ours. A panic becomes an error there too, so that nobody waits for
/// ever.
pub fn contain<T>(body: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(body)).unwrap_or_else(|panic| Err(caught(&*panic)))
}

fn caught(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "without a message".to_owned());
    let message = format!("Keepstate stopped at a fault of its own: {text}. Please report it.");
    Error::new(Code::Internal, message)
}

#[cfg(test)]
#[path = "boundary_tests.rs"]
mod tests;
