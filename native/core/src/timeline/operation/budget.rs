//! How much all handles of a process remember together. A process may have ten thousand timelines
//! open: what has not been used for the longest time is forgotten first.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::cache::Cache;

/// What all handles remember together, in bytes.
const TOTAL: usize = 128 << 20;

static HELD: AtomicUsize = AtomicUsize::new(0);
/// Counts uses, so that the oldest is known.
static USES: AtomicU64 = AtomicU64::new(0);
static CACHES: Mutex<Vec<Known>> = Mutex::new(Vec::new());

struct Known {
    cache: Weak<Mutex<Cache>>,
    used: Arc<AtomicU64>,
}

/// What one handle remembers, as far as it was told.
#[derive(Default)]
pub struct Account {
    held: usize,
    used: Arc<AtomicU64>,
}

impl Account {
    /// It remembers so much now. True: all together are too much.
    pub fn set(&mut self, held: usize) -> bool {
        self.used.store(USES.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
        let before = std::mem::replace(&mut self.held, held);
        let all = match held >= before {
            true => HELD.fetch_add(held - before, Ordering::Relaxed) + (held - before),
            false => HELD.fetch_sub(before - held, Ordering::Relaxed) - (before - held),
        };
        all > TOTAL
    }

    /// Counts a cache from now on.
    pub fn open(cache: Cache) -> Arc<Mutex<Cache>> {
        let used = cache.account.used.clone();
        let cache = Arc::new(Mutex::new(cache));
        let mut caches = CACHES.lock();
        if caches.len() == caches.capacity() {
            caches.retain(|known| known.cache.strong_count() > 0);
        }
        caches.push(Known { cache: Arc::downgrade(&cache), used });
        cache
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        HELD.fetch_sub(self.held, Ordering::Relaxed);
    }
}

/// Forgets what the longest unused handles remember, so that there is room for a while. One that is
/// in use just now, as the caller's own, is left alone.
pub fn relieve() {
    let Some(caches) = CACHES.try_lock() else { return };
    let mut oldest: Vec<(u64, Arc<Mutex<Cache>>)> = caches
        .iter()
        .filter_map(|known| Some((known.used.load(Ordering::Relaxed), known.cache.upgrade()?)))
        .collect();
    drop(caches);
    oldest.sort_unstable_by_key(|(used, _)| *used);
    for (_, cache) in oldest {
        if HELD.load(Ordering::Relaxed) <= TOTAL / 4 * 3 {
            return;
        }
        if let Some(mut cache) = cache.try_lock() {
            cache.empty();
        }
    }
}
