//! An operation under way: whom it asks, what it has seen, and what it may remember.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::cache::View;
use super::claim::Claim;
use super::layout::Layout;
use super::shared::Shared;
use crate::error::{fail, Code, Error, Result};
use crate::machine::Ask;
use crate::timeline::form::name::Name;
use crate::timeline::form::walk;

/// How often an operation begins again because packs were moved under it.
pub const ATTEMPTS: usize = 16;

/// One operation under way: whom it asks, and what it shares with the others.
pub struct Run {
    /// Whom it asks.
    pub ask: Ask,
    /// What it shares with the others.
    pub shared: Arc<Shared>,
    pub seen: Seen,
}

/// What an operation has seen so far.
#[derive(Default)]
pub struct Seen {
    /// Where everything lies.
    pub layout: Mutex<Option<Arc<Layout>>>,
    /// The latest number, where it was just found out: none if there are no values of their own.
    pub reached: Mutex<Option<Option<u64>>>,
    /// Packs that were read whole, by their nonce.
    pub wholes: Mutex<HashMap<[u8; 8], Bytes>>,
    /// Something was concluded from a key that is not there.
    pub doubted: AtomicBool,
    /// Something was not where the layout says.
    pub missed: AtomicBool,
    /// Which generation of what is remembered it may use.
    generation: AtomicU64,
    /// Those of the round of saves under way.
    pub claims: Mutex<Vec<Claim>>,
}

/// What `Run::again` tries.
type Trying<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl Run {
    pub fn new(ask: Ask, shared: Arc<Shared>) -> Run {
        let run = Run { ask, shared, seen: Seen::default() };
        run.begin();
        run
    }

    /// The same operation, on another timeline of the store.
    pub fn on(&self, timeline: &str) -> Result<Run> {
        let Shared { supports, options, .. } = &*self.shared;
        let name = Name::parse(timeline)?;
        let other = Shared::new(name, supports.clone(), options.clone());
        Ok(Run::new(self.ask.clone(), Arc::new(other)))
    }

    /// From now on what is remembered may be used as it is now.
    pub fn begin(&self) {
        let generation = self.shared.cache.lock().generation();
        self.seen.generation.store(generation, Ordering::Relaxed);
    }

    /// Nothing that is remembered counts any more.
    pub fn forget(&self) {
        self.shared.cache.lock().clear();
        self.begin();
    }

    /// What is remembered, as far as this operation may use it.
    pub fn cache(&self) -> View<'_> {
        View::new(self.shared.cache.lock(), self.seen.generation.load(Ordering::Relaxed))
    }

    /// Does something that reads, until nothing is moved while it does.
    pub async fn again<'a, T>(&self, attempt: impl Fn() -> Trying<'a, T>) -> Result<T> {
        let mut left = ATTEMPTS;
        loop {
            let result = attempt().await;
            let settled = self.settle().await;
            // What is in doubt is neither so nor not so.
            let result = settled.and(result);
            left -= 1;
            let Err(error) = &result else { return result };
            if walk::is_damage(error) {
                // What looks damaged may only have been moved.
                self.seen.missed.store(true, Ordering::Relaxed);
            }
            if left == 0 || sabotaged!(TimelineReread) || !self.outdated().await? {
                return result;
            }
        }
    }

    /// Refuses to write where writers could not be told apart, unless there is only one.
    pub fn require_conditions(&self) -> Result<()> {
        let supports = self.ask.supports();
        if supports.conditional_put || self.shared.options.single_writer {
            return Ok(());
        }
        let kind = &supports.kind;
        let message = format!(
            "A {kind} store cannot tell writers apart; set singleWriter if there is only one."
        );
        fail(Code::Unsupported, message)
    }

    /// Adds the timeline and a sequence to an error.
    pub fn placed(&self, sequence: u64) -> impl Fn(Error) -> Error + '_ {
        move |error| self.shared.name.place(error, sequence)
    }
}
