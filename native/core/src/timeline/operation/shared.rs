//! What the machines of one timeline's handle share.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use parking_lot::Mutex;

use super::budget::Account;
use super::cache::Cache;
use super::layout::Layout;
use super::options::Options;
use super::run::Run;
use crate::error::Result;
use crate::machine::Machine;
use crate::store::{Supports, Version};
use crate::timeline::form::control::Held;
use crate::timeline::form::name::Name;
use crate::timeline::form::sections::Debt;

/// So many changes in a row are followed; behind more, a save reads the control object again.
const FOLLOWED: usize = 64;

/// What the machines of one timeline's handle share.
pub struct Shared {
    /// Whose snapshots.
    pub name: Name,
    /// What the store can.
    pub supports: Arc<Supports>,
    /// How they are kept.
    pub options: Options,
    /// What is remembered of them.
    pub cache: Arc<Mutex<Cache>>,
    /// Where they lay when that was read last.
    pub layout: Mutex<Option<Arc<Layout>>>,
    /// The latest snapshot when packing was tried last.
    pub tried: AtomicU64,
    /// Somebody packs or prunes through this handle.
    pub keeping: AtomicBool,
    /// Where the store has no conditions: somebody writes the control object through this handle.
    pub changing: AtomicBool,
    /// What this handle knows of its own lease.
    pub lease: Mutex<Option<OwnLease>>,
    /// What is to be removed, and when this handle saw that first.
    pub debts: Mutex<Vec<(Debt, u64)>>,
    /// Grows whenever what the next save would build on counts no more.
    epoch: AtomicU64,
    /// How the control object was changed through this handle since a save looked last.
    beside: Mutex<Option<Beside>>,
}

/// What a handle knows of its own lease.
#[derive(Debug, Clone, Copy)]
pub struct OwnLease {
    /// Who it is.
    pub holder: [u8; 16],
    /// How often the lease had changed hands.
    pub epoch: u64,
}

/// A control object that was written in place of others, one after the other.
pub struct Beside {
    before: VecDeque<Option<Version>>,
    /// What was written last.
    pub now: Held,
}

impl Beside {
    /// Whether it was written in place of this one, and nobody else wrote in between.
    pub fn follows(&self, held: &Held) -> bool {
        self.before.contains(&held.version)
    }
}

impl Shared {
    /// Of a timeline of which nothing is known yet.
    pub fn new(name: Name, supports: Arc<Supports>, options: Options) -> Shared {
        let cache = Account::open(Cache::new(options.cache_bytes));
        let (tried, keeping, changing) = (AtomicU64::new(0), false.into(), false.into());
        let (layout, lease, debts) = (Mutex::default(), Mutex::default(), Mutex::default());
        let (epoch, beside) = (AtomicU64::new(0), Mutex::default());
        Shared {
            name,
            supports,
            options,
            cache,
            layout,
            tried,
            keeping,
            changing,
            lease,
            debts,
            epoch,
            beside,
        }
    }

    /// An operation as a machine.
    pub fn machine<T, F>(self: &Arc<Self>, operation: impl FnOnce(Run) -> F) -> Machine<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        let shared = self.clone();
        Machine::new(self.supports.clone(), |ask| operation(Run::new(ask, shared)))
    }

    /// See `Timeline::epoch`.
    pub fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    /// What the next save would build on counts no more.
    pub fn unsettle(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// The control object was changed through this handle.
    pub fn changed(&self, before: Option<&Version>, now: Held) {
        let mut beside = self.beside.lock();
        let known = beside.take().filter(|known| known.now.version.as_ref() == before);
        let mut versions = known.map_or_else(VecDeque::new, |known| known.before);
        if versions.len() == FOLLOWED {
            versions.pop_front();
        }
        versions.push_back(before.cloned());
        *beside = Some(Beside { before: versions, now });
    }

    /// How it was changed since this was asked last.
    pub fn beside(&self) -> Option<Beside> {
        self.beside.lock().take()
    }
}
