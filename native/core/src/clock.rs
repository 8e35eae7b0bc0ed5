//! The port for time and randomness. Nothing in the core reads either by itself, so that every run
//! can be replayed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::error::{Code, Error, Result};

/// Time and randomness.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now(&self) -> u64;

    /// Fills the buffer with random bytes fit for keys and nonces.
    fn random(&self, buffer: &mut [u8]) -> Result<()>;

    /// Waits.
    fn sleep(&self, time: Duration);
}

/// The clock and randomness of the operating system.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> u64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
    }

    fn random(&self, buffer: &mut [u8]) -> Result<()> {
        getrandom::fill(buffer).map_err(|source| {
            let message = "The operating system gave no random bytes; check /dev/urandom.";
            Error::new(Code::Internal, message).caused_by(source.to_string())
        })
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }
}
