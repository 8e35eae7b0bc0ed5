//! Timelines: the ordered snapshots of one `agent/session`.
//!
//! A save stores what changed: the new bytes, and an edit that makes the new state of its parent's.
//! The way of a save: `append` takes what waits, `matcher` finds what changed, `record` makes the
//! value, the store decides who is first. The way back: `restore` walks to the last full manifest,
//! applies the edits since, and gathers the bytes, each proven by the id of the snapshot it came
//! in.
//!
//! Every operation is a machine (`crate::machine`); a `Timeline` is the memory that they share.

mod change;
mod chunk;
mod form;
#[cfg(feature = "testing")]
#[doc(hidden)]
pub mod fuzzing;
mod keep;
mod look;
mod operation;
mod read;
mod save;
mod transfer;

use std::future::Future;
use std::sync::Arc;

use bytes::Bytes;

pub use change::tag::From;
pub use form::meta::Meta;
pub use form::name::Name;
pub use form::names::shows;
pub use form::record::Id;
pub use form::snapshot::{At, Snapshot};
pub use keep::delete::Deleted;
pub use keep::packing::{Packing, Packings};
pub use keep::prune::{Policy, Pruned, Reason, Stretch};
pub use keep::repair::Repaired;
pub use look::blame::{Blame, Did};
pub use look::verify::{Progress, Report, Tell};
pub use look::why::{Detail, Weight};
pub use operation::options::Options;
pub use read::list::Page;
pub use read::outflow::Outflow;
pub use read::restore::Restored;
pub use save::queue::{Change, Save, SaveDone, Splice};
pub use save::stream::{Inflow, Streamed};
pub use transfer::export::{Cursor, Part};
pub use transfer::import::{Import, Taken};

use change::{fork, tag};
use keep::{delete, packing, prune, repair};
use look::{blame, verify, why};
use operation::run::Run;
use operation::shared::Shared;
use read::{list, outflow, restore};
use save::queue::Queue;
use save::{lease, queue, stream};
use transfer::carry::Told;
use transfer::export;

use crate::error::Result;
use crate::machine::Machine;
use crate::store::Supports;

/// One timeline. Clones share everything.
#[derive(Clone)]
pub struct Timeline {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    /// What an export under way has told.
    told: Arc<Told>,
}

impl Timeline {
    /// A timeline in a store of these abilities. Asks nothing yet.
    pub fn new(name: Name, supports: Arc<Supports>, options: Options) -> Timeline {
        let shared = Arc::new(Shared::new(name, supports, options));
        let queue = Arc::new(Queue::new(shared.clone()));
        Timeline { shared, queue, told: Arc::default() }
    }

    /// Its name.
    pub fn name(&self) -> &Name {
        &self.shared.name
    }

    /// Queues a save. `done` is called once, when the store has acknowledged or refused it. The
    /// machine that is returned, if one is, must be driven; it saves all that waits.
    pub fn save(&self, save: Save, done: SaveDone) -> Option<Machine<()>> {
        self.queue.add(save, done).then(|| {
            let turn = queue::Turn::new(self.queue.clone());
            self.machine(|run| async move { turn.drain(&run).await })
        })
    }

    /// Begins a save whose state comes in pieces.
    pub fn stream(&self) -> Machine<Inflow> {
        self.machine(|run| async move { stream::begin(&run).await })
    }

    /// A state that is given in pieces.
    pub fn restore_stream(&self, at: At) -> Machine<Outflow> {
        self.machine(|run| async move { run.again(|| Box::pin(outflow::begin(&run, &at))).await })
    }

    /// The number that an edit must carry: it grows whenever a save failed or the tail was
    /// reloaded, so that an edit of a state that was never saved is refused.
    pub fn epoch(&self) -> u64 {
        self.shared.epoch()
    }

    /// About how many bytes of memory it holds.
    pub fn memory(&self) -> usize {
        let held = self.shared.cache.lock().used();
        held + self.queue.used()
    }

    /// The state and metadata of a snapshot. After a CONFLICT it also says that the caller has
    /// looked, so that saves are taken again.
    pub fn restore(&self, at: At) -> Machine<Restored> {
        let queue = self.queue.clone();
        self.machine(|run| async move {
            let restored = run.again(|| Box::pin(restore::restore(&run, &at))).await;
            let head = restored.as_ref().ok().map(|restored| restored.snapshot.sequence);
            queue.look(head.filter(|_| at == At::Latest));
            restored
        })
    }

    /// The metadata of a snapshot.
    pub fn show(&self, at: At) -> Machine<Snapshot> {
        self.machine(|run| async move { run.again(|| Box::pin(list::show(&run, &at))).await })
    }

    /// Snapshots in order.
    pub fn list(&self, page: Page) -> Machine<Vec<Snapshot>> {
        self.machine(|run| async move { run.again(|| Box::pin(list::list(&run, &page))).await })
    }

    /// Removes all snapshots but what forks show. Numbers never restart.
    pub fn delete(&self) -> Machine<Deleted> {
        let queue = self.queue.clone();
        self.machine(|run| async move {
            let deleted = run.again(|| Box::pin(delete::delete(&run))).await;
            if deleted.is_ok() {
                queue.look(None);
            }
            delete::clear(&run, deleted).await
        })
    }

    /// Takes snapshots out.
    pub fn prune(&self, policy: Policy) -> Machine<Pruned> {
        self.machine(|run| async move {
            let pruned = run.again(|| Box::pin(prune::prune(&run, &policy))).await;
            match policy.dry_run {
                true => pruned,
                false => delete::clear(&run, pruned).await,
            }
        })
    }

    /// Makes another timeline that shares the history up to a snapshot.
    pub fn fork(&self, name: Name, at: At) -> Machine<Snapshot> {
        self.machine(
            |run| async move { run.again(|| Box::pin(fork::fork(&run, &name, &at))).await },
        )
    }

    /// Names a snapshot.
    pub fn tag(&self, name: String, at: At, from: From) -> Machine<Snapshot> {
        self.machine(|run| async move {
            run.again(|| Box::pin(tag::tag(&run, &name, (at.clone(), from.clone())))).await
        })
    }

    /// Takes a name away, and tells what it named.
    pub fn untag(&self, name: String, from: From) -> Machine<u64> {
        self.machine(|run| async move { tag::untag(&run, &name, &from).await })
    }

    /// All tags, and what they name.
    pub fn tags(&self) -> Machine<Vec<(String, u64)>> {
        self.machine(|run| async move { tag::tags(&run).await })
    }

    /// Which snapshot last changed the value that these steps lead to.
    pub fn blame(&self, at: At, path: Vec<String>) -> Machine<Blame> {
        self.machine(
            |run| async move { run.again(|| Box::pin(blame::blame(&run, &at, &path))).await },
        )
    }

    /// Which paths hold the bytes of a snapshot.
    pub fn why(&self, at: At, detail: Detail) -> Machine<Weight> {
        self.machine(|run| async move { run.again(|| Box::pin(why::why(&run, &at, detail))).await })
    }

    /// Gives back the lease, if this handle has one.
    pub fn release(&self) -> Machine<()> {
        self.machine(|run| async move { lease::release(&run).await })
    }

    /// Reads everything, proves every id and rebuilds every state.
    pub fn verify(&self) -> Machine<Report> {
        self.verify_telling(Arc::new(|_| {}))
    }

    /// The same; tells now and then how far it is.
    pub fn verify_telling(&self, tell: Tell) -> Machine<Report> {
        self.machine(|run| async move { run.again(|| Box::pin(verify::verify(&run, &tell))).await })
    }

    /// Makes few large values of many small ones: what is due, or everything.
    pub fn pack(&self, packing: Packing) -> Machine<Packings> {
        self.machine(
            |run| async move { run.again(|| Box::pin(packing::pack(&run, &packing))).await },
        )
    }

    /// Packs what has come together, if it is time and nobody is at it: to be driven in the
    /// background after saves.
    pub fn maintain(&self) -> Option<Machine<Packings>> {
        let turn = packing::Turn::take(&self.shared)?;
        Some(self.machine(|run| async move {
            let packing = Packing::default();
            let packed = run.again(|| Box::pin(packing::pack(&run, &packing))).await;
            drop(turn);
            packed
        }))
    }

    /// Writes anew what can still be proven of a damaged timeline, and tells what is lost.
    pub fn repair(&self) -> Machine<Repaired> {
        self.machine(|run| async move { repair::repair(&run).await })
    }

    /// The next part of this timeline as a file.
    pub fn export(&self, at: Cursor) -> Machine<Part> {
        let told = self.told.clone();
        self.machine(
            |run| async move { run.again(|| Box::pin(export::part(&run, &at, &told))).await },
        )
    }

    /// Takes the next bytes of a file that is to become this timeline.
    pub fn take_in(&self, import: Arc<Import>, bytes: Bytes) -> Machine<()> {
        self.machine(|run| async move { import.take(&run, bytes).await })
    }

    /// Makes what was taken in this timeline.
    pub fn finish_import(&self, import: Arc<Import>) -> Machine<Snapshot> {
        self.machine(|run| async move { import.finish(&run).await })
    }

    /// Removes what was taken in and is not to become this timeline.
    pub fn abandon_import(&self, import: Arc<Import>) -> Machine<()> {
        self.machine(|run| async move { import.abandon(&run).await })
    }

    fn machine<T, F>(&self, operation: impl FnOnce(Run) -> F) -> Machine<T>
    where
        F: Future<Output = Result<T>> + Send + 'static,
    {
        self.shared.machine(operation)
    }
}
