//! Fork: a child process has none of its parent's threads, and its files are shared with the
//! parent. So every handle remembers the process that made it, and is FORKED in any other.

use std::any::Any;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Once;

use keepstate_core::error::{fail, Code, Result};
use parking_lot::Mutex;

static GENERATION: AtomicU32 = AtomicU32::new(0);
static WATCHED: Once = Once::new();

/// The process in which something was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Birth(u32);

impl Birth {
    /// This process.
    pub fn now() -> Birth {
        WATCHED.call_once(watch);
        Birth(GENERATION.load(Ordering::Relaxed))
    }

    /// Whether this is still that process.
    pub fn is_here(self) -> bool {
        self.0 == GENERATION.load(Ordering::Relaxed)
    }

    /// FORKED in a child of that process.
    pub fn check(self, what: &str) -> Result<()> {
        if self.is_here() {
            return Ok(());
        }
        let message =
            format!("This {what} belongs to the parent of this process; open one after the fork.");
        fail(Code::Forked, message)
    }
}

/// Keeps for ever what was freed where it cannot be dropped: in a child process, where it is the
/// parent's, or in a callback, where it is in use.
pub fn keep<T: Send + 'static>(value: T) {
    static KEPT: Mutex<Vec<Box<dyn Any + Send>>> = Mutex::new(Vec::new());
    KEPT.lock().push(Box::new(value));
}

#[cfg(unix)]
fn watch() {
    extern "C" fn in_child() {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the function only adds to a counter, which is allowed in the child of a fork.
    unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
}

#[cfg(not(unix))]
fn watch() {}
