//! The encoders of running frames, of which only so many are kept: one takes hundreds of kilobytes,
//! and a process may have ten thousand timelines open. Whoever has not saved for the longest time
//! gives up their encoder, and their next piece begins a frame.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::{Mutex, MutexGuard};
use zstd_safe::CCtx;

/// How many encoders live at most, whatever the number of timelines.
const LIVE: usize = 64;

/// Counts uses, so that the oldest is known.
static USES: AtomicU64 = AtomicU64::new(0);
static SLOTS: Mutex<Vec<Weak<Slot>>> = Mutex::new(Vec::new());

/// A place for an encoder, and when it was used last.
#[derive(Default)]
pub(super) struct Slot {
    context: Mutex<Option<CCtx<'static>>>,
    used: AtomicU64,
}

impl Slot {
    /// The encoder, as long as it is held; none if it was given up or never was.
    pub fn hold(&self) -> MutexGuard<'_, Option<CCtx<'static>>> {
        self.used.store(USES.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        self.context.lock()
    }
}

/// Makes room for one more encoder, in a slot whose own is not held now.
pub(super) fn admit(slot: &Arc<Slot>) {
    let mut slots = SLOTS.lock();
    slots.retain(|other| other.strong_count() > 0);
    while slots.len() >= LIVE {
        let age = |slot: &Weak<Slot>| slot.upgrade().map_or(0, |s| s.used.load(Ordering::Relaxed));
        let oldest = slots.iter().enumerate().min_by_key(|(_, slot)| age(slot));
        let Some(at) = oldest.map(|(at, _)| at) else { break };
        if let Some(oldest) = slots.swap_remove(at).upgrade() {
            // Nobody holds one encoder while it asks for another.
            *oldest.context.lock() = None;
        }
    }
    slots.push(Arc::downgrade(slot));
}
