//! An open store, as its handle, its timelines and its operations share it.

use std::ops::Deref;
use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::drive::Ground;
use keepstate_core::error::{fail, Code, Error, Result};
use keepstate_core::store::{Embedded, Store, Supports};

use crate::fork::Birth;
use crate::gate::Gate;
use crate::vtable;

/// What `open` made.
pub struct Parts {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The same, where it is one of ours.
    pub embedded: Option<Arc<dyn Embedded>>,
    /// Its calls may only be made on threads that are the caller's own.
    pub callers_only: bool,
}

impl Parts {
    /// A store of ours.
    pub fn embedded<S: Embedded + 'static>(store: Arc<S>) -> Parts {
        Parts { store: store.clone(), embedded: Some(store), callers_only: false }
    }
}

/// An open store and its gate.
pub struct Opened {
    parts: Parts,
    supports: Arc<Supports>,
    gate: Gate,
    birth: Birth,
}

impl Opened {
    /// A store that is shared from now on.
    pub fn new(parts: Parts) -> Arc<Opened> {
        let supports = Arc::new(parts.store.supports());
        Arc::new(Opened { parts, supports, gate: Gate::default(), birth: Birth::now() })
    }

    /// What it can do.
    pub fn supports(&self) -> &Arc<Supports> {
        &self.supports
    }

    /// For the time of one call. CLOSED after `close`, FORKED in a child process.
    pub fn enter(&self) -> Result<Inside<'_>> {
        self.pass().map(|()| Inside(self))
    }

    /// For an operation that other threads complete. A store that may only be called on threads of
    /// the caller's has none.
    pub fn ticket(self: &Arc<Self>) -> Result<Ticket> {
        if self.parts.callers_only {
            let message = "This store may be called on your threads only; \
                           use the calls that wait, or give it KS_VTABLE_THREAD_SAFE.";
            return fail(Code::Unsupported, message);
        }
        self.pass().map(|()| Ticket(self.clone()))
    }

    fn pass(&self) -> Result<()> {
        self.birth.check("store")?;
        if self.gate.enter() {
            return Ok(());
        }
        fail(Code::Closed, "This store is closed; open it again.")
    }

    /// Waits for everybody who is inside, then closes. Idempotent, and a barrier each time.
    pub fn close(&self) -> Result<()> {
        self.birth.check("store")?;
        if vtable::is_inside() {
            let message =
                "A store cannot be closed from within a callback; close it after the call.";
            return fail(Code::Reentered, message);
        }
        match self.gate.shut() {
            true => self.parts.store.close(),
            false => Ok(()),
        }
    }
}

/// The right to use a store, for one call.
pub struct Inside<'a>(&'a Opened);

impl Inside<'_> {
    /// The store.
    pub fn store(&self) -> &dyn Store {
        &*self.0.parts.store
    }

    /// The store, if it is one of ours.
    pub fn embedded(&self) -> Result<&dyn Embedded> {
        self.0.parts.embedded.as_deref().ok_or_else(|| {
            let message = "This store has no such operation; only some embedded stores have.";
            Error::new(Code::Unsupported, message)
        })
    }
}

impl Deref for Inside<'_> {
    type Target = Opened;

    fn deref(&self) -> &Opened {
        self.0
    }
}

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        self.0.gate.leave();
    }
}

/// The right to use a store, until an operation is complete.
pub struct Ticket(Arc<Opened>);

impl Ticket {
    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.parts.store
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.gate.leave();
    }
}

/// What drives machines over a store.
pub fn ground(opened: &Opened) -> Ground {
    Ground::new(opened.parts.store.clone(), Arc::new(SystemClock))
}
