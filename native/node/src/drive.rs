//! Machines over a store of the core: they run to their end natively.

use std::sync::atomic::AtomicBool;
use std::sync::Arc;
use std::thread;

use keepstate_core::clock::SystemClock;
use keepstate_core::drive::{self, Ground};
use keepstate_core::error::Result;
use keepstate_core::machine::Machine;
use keepstate_core::store::{Commit, Entry, Found, Query, Range, Store, Supports};

use crate::background;
use crate::pool;
use crate::store::Lane;

/// What a machine runs on, so that it steps on the pool and nowhere else.
pub fn ground(store: &Arc<dyn Store>, lane: &Lane, cancelled: Arc<AtomicBool>) -> Ground {
    reached((store, pool::submit), lane, cancelled)
}

/// The same for what can wait: it steps in the background.
pub fn quiet_ground(store: &Arc<dyn Store>, lane: &Lane) -> Ground {
    reached((store, background::submit), lane, Arc::default())
}

/// Where jobs go that must leave the thread they are on.
type Leave = fn(Vec<pool::Job>);

fn reached(
    (store, leave): (&Arc<dyn Store>, Leave),
    lane: &Lane,
    cancelled: Arc<AtomicBool>,
) -> Ground {
    let store: Arc<dyn Store> = match lane {
        Lane::Tick | Lane::WritesHere => Arc::new(Bounced { store: store.clone(), leave }),
        Lane::Here | Lane::Pool(_) => store.clone(),
    };
    Ground { store, clock: Arc::new(SystemClock), cancelled }
}

/// A job that drives a machine. What `done` gives its caller must survive that it is dropped.
pub fn job<T: Send + 'static>(
    machine: Machine<T>,
    ground: Ground,
    done: impl FnOnce(Result<T>) + Send + 'static,
) -> pool::Job {
    Box::new(move || drive::start(machine, &ground, done))
}

/// A store whose commits complete where they were asked for, or else where jobs go. A machine goes
/// on where its commit completes, to compress and to hash: not on the thread that syncs for all.
struct Bounced {
    store: Arc<dyn Store>,
    leave: Leave,
}

impl Store for Bounced {
    fn supports(&self) -> Supports {
        self.store.supports()
    }

    fn get(&self, key: &str, range: Option<Range>) -> Result<Option<Found>> {
        self.store.get(key, range)
    }

    fn list(&self, query: &Query) -> Result<Vec<Entry>> {
        self.store.list(query)
    }

    fn commit(&self, commits: Vec<Commit>) {
        let (asked, leave) = (thread::current().id(), self.leave);
        let bounced = commits.into_iter().map(|Commit { ops, done }| Commit {
            ops,
            done: Box::new(move |result| match thread::current().id() == asked {
                true => done(result),
                false => leave(vec![Box::new(move || done(result))]),
            }),
        });
        self.store.commit(bounced.collect());
    }

    fn view(&self) -> Result<Arc<dyn Store>> {
        self.store.view()
    }

    fn close(&self) -> Result<()> {
        self.store.close()
    }
}
