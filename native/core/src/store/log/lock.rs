//! Locks between processes: three bytes of the file `lock`.
//!
//! They belong to an open file description, so they end with the process, however it ends; there is
//! no stale lock. Threads of one process are kept apart by mutexes, not by these.

use std::time::Duration;

use super::medium::File;
use super::sys::{claim, Claim};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};

/// Which byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Byte {
    /// To append, cut, roll and replace the catalog.
    Append = 0,
    /// To compact and write checkpoints.
    Maintain = 1,
    /// Shared by all who have the store open to write.
    Present = 2,
}

/// The open lock file.
#[derive(Debug)]
pub(super) struct Locks {
    file: File,
}

const SHORTEST: Duration = Duration::from_micros(20);
const LONGEST: Duration = Duration::from_millis(2);

impl Locks {
    pub fn new(file: File) -> Self {
        Locks { file }
    }

    pub fn file(&self) -> &File {
        &self.file
    }

    pub fn attempt(&self, byte: Byte, how: Claim) -> Result<bool> {
        if byte == Byte::Append && sabotaged!(AppendLock) {
            return Ok(true);
        }
        let done = claim(self.file.raw(), byte as u64, how);
        done.map_err(|error| Error::io(error, "Locking", self.file.path()))
    }

    /// A lock that fails to be given back is still given back when the file is closed.
    pub fn release(&self, byte: Byte) {
        let _ = claim(self.file.raw(), byte as u64, Claim::Nothing);
    }

    /// Polls, from short sleeps to longer ones: a blocking lock could not be given up. `asked` runs
    /// before each sleep.
    pub fn wait(&self, byte: Byte, how: Claim, patience: Patience<'_>) -> Result<()> {
        let mut slept = Duration::ZERO;
        let mut pause = SHORTEST;
        loop {
            if self.attempt(byte, how)? {
                return Ok(());
            }
            if slept >= patience.timeout {
                return Err(self.locked(patience.timeout));
            }
            (patience.asked)();
            patience.clock.sleep(pause);
            slept += pause.max(Duration::from_micros(70));
            pause = (pause * 5 / 4).min(LONGEST);
        }
    }

    fn locked(&self, timeout: Duration) -> Error {
        let path = self.file.path().display().to_string();
        let message = format!(
            "Another process held the lock of the store for more than {} ms ({path}); wait for it, \
             or see which process has the folder open.",
            timeout.as_millis()
        );
        Error::new(Code::Locked, message).at(|place| place.path = Some(path))
    }
}

/// How long to wait, and what to do meanwhile.
pub(super) struct Patience<'a> {
    pub clock: &'a dyn Clock,
    pub timeout: Duration,
    pub asked: &'a dyn Fn(),
}
