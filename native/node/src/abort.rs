//! The class AbortToken: a flag that JavaScript sets and that long work looks at.

use std::ffi::CStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use keepstate_core::error::{Code, Error, Result};

use crate::export::{Call, Named};
use crate::handle::{wrap, Handle};
use crate::js::Js;

/// Set once, never cleared.
pub struct AbortToken(Arc<AtomicBool>);

impl Handle for AbortToken {
    const NAME: &'static CStr = c"AbortToken";
    const METHODS: &'static [Named] = &[(c"abort", |call| {
        call.own::<AbortToken>()?.0.store(true, Ordering::Relaxed);
        call.env.undefined()
    })];
}

/// A new token.
pub fn abort_token(call: &Call) -> Result<Js> {
    wrap(call.env, AbortToken(Arc::default()))
}

impl Call {
    /// The flag of a token; where none was given, one that nobody sets.
    pub fn token(&self, value: Js) -> Result<Arc<AtomicBool>> {
        if self.env.is_undefined(value) {
            return Ok(Arc::default());
        }
        Ok(self.owned::<AbortToken>(value)?.0.clone())
    }
}

/// What a call ends with that its caller cancelled.
pub fn aborted() -> Error {
    Error::new(Code::Aborted, "The call was cancelled by its caller.")
}
