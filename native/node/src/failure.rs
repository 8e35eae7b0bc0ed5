//! Errors as data: the record that `src/native/record.ts` throws.

use std::any::Any;
use std::ffi::CStr;

use keepstate_core::error::{Code, Error, Result};

use crate::js::{Env, Js};

impl Env {
    /// `{ error: { code, message, retryable, cause, key?, ... } }`.
    pub fn record(self, error: &Error) -> Result<Js> {
        let inner = self.object()?;
        let put = |name: &CStr, value: Result<Js>| self.set(inner, name, value?);
        put(c"code", self.text(error.code().name()))?;
        put(c"message", self.text(error.message()))?;
        put(c"retryable", self.boolean(error.code().retryable()))?;
        put(c"cause", self.array(error.causes().iter(), |env, text| env.text(text)))?;
        let place = error.place();
        let texts = [
            (c"key", &place.key),
            (c"timeline", &place.timeline),
            (c"pointer", &place.pointer),
            (c"path", &place.path),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                put(name, self.text(text))?;
            }
        }
        for (name, number) in [(c"segment", place.segment), (c"offset", place.offset)] {
            if let Some(number) = number {
                put(name, self.count(number))?;
            }
        }
        let record = self.object()?;
        self.set(record, c"error", inner)?;
        Ok(record)
    }

    /// The value, or the record of what failed.
    pub fn outcome(self, result: Result<Js>) -> Result<Js> {
        result.or_else(|error| self.record(&error))
    }
}

/// A panic as an error: a fault of ours that must not take the process along.
pub fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    let message = format!("A fault of Keepstate's own: {text}. Please report it with this text.");
    Error::new(Code::Internal, message)
}
