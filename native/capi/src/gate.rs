//! The gate of a store: whoever uses it passes through, and closing waits until everybody has left.
//! So closing is a barrier: after it no callback runs and nothing is dropped any more.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex};

const SHUT: u64 = 1 << 63;

/// Counts who is inside. The top bit says that nobody may enter any more.
#[derive(Default)]
pub struct Gate {
    inside: AtomicU64,
    left: Mutex<()>,
    empty: Condvar,
}

impl Gate {
    /// True: you are inside and must leave. False: it is shut.
    pub fn enter(&self) -> bool {
        if self.inside.fetch_add(1, Ordering::SeqCst) & SHUT == 0 {
            return true;
        }
        self.leave();
        false
    }

    /// Ends what `enter` began.
    pub fn leave(&self) {
        if self.inside.fetch_sub(1, Ordering::SeqCst) == SHUT + 1 {
            // Taken so that a closer cannot miss this between its look and its wait.
            let _held = self.left.lock();
            self.empty.notify_all();
        }
    }

    /// Lets nobody in any more and waits until all have left. True for the first closer.
    pub fn shut(&self) -> bool {
        let before = self.inside.fetch_or(SHUT, Ordering::SeqCst);
        let mut held = self.left.lock();
        while self.inside.load(Ordering::SeqCst) != SHUT {
            self.empty.wait(&mut held);
        }
        before & SHUT == 0
    }
}
