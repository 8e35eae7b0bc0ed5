//! Opening: the folder, the identity, the first segment, the replay.

use std::path::Path;
use std::sync::Arc;

use super::cache::Cache;
use super::catalog::{Catalog, Identity, Listed, CATALOG, IDENTITY};
use super::checkpoint;
use super::index::Index;
use super::lock::{Byte, Locks, Patience};
use super::medium::{Access, Folder};
use super::options::LogOptions;
use super::page::{Left, Page};
use super::recover;
use super::segment::{self, Origin, Segment, SegmentHead, FIRST};
use super::shared::{Seen, Shared};
use super::sys::Claim;
use super::tail::{self, Intake, Tail};
use super::{corrupt, StoreId};
use crate::clock::Clock;
use crate::error::{Code, Error, Result};

const LOCK: &str = "lock";
const PAGE: &str = "page";

/// A folder on the way to an open log.
struct Opening {
    folder: Folder,
    options: LogOptions,
    clock: Arc<dyn Clock>,
    locks: Option<Locks>,
}

/// Opens the log in a folder.
pub(super) fn open(path: &Path, options: LogOptions, clock: Arc<dyn Clock>) -> Result<Shared> {
    let folder = Folder {
        medium: options.medium.clone(),
        path: path.to_path_buf(),
        read_only: options.read_only,
    };
    let mut opening = Opening { folder, options, clock, locks: None };
    if opening.options.read_only {
        return opening.read_only();
    }
    opening.prepare()?;
    opening.writable()
}

impl Opening {
    /// Sees to it that there is a store in the folder.
    fn prepare(&mut self) -> Result<()> {
        let names = match self.folder.names() {
            Err(error) if error.code() == Code::NotFound && self.options.create => {
                let path = &self.folder.path;
                let made = self.folder.medium.create_folder(path);
                made.map_err(|error| Error::io(error, "Making the store's folder", path))?;
                if let Some(parent) = path.parent().filter(|path| !path.as_os_str().is_empty()) {
                    let _ = self.folder.medium.sync_folder(parent);
                }
                Vec::new()
            }
            Err(error) if error.code() == Code::NotFound => return Err(self.absent()),
            names => names?,
        };
        self.check_names(&names)?;
        self.locks = Some(Locks::new(self.folder.open(LOCK, Access::Create)?));
        self.wait(Byte::Present, Claim::Shared)?;
        let whole = |names: &[String]| [IDENTITY, CATALOG].iter().all(|n| has(names, n));
        if whole(&names) {
            return Ok(());
        }
        self.wait(Byte::Append, Claim::Alone)?;
        let made = self.complete();
        self.release();
        made
    }

    /// Refuses what is not ours, and what is not there.
    fn check_names(&self, names: &[String]) -> Result<()> {
        if has(names, IDENTITY) {
            return Ok(());
        }
        let ours = [LOCK, PAGE, "KEEPSTATE.new"];
        if let Some(other) = names.iter().find(|name| !ours.contains(&name.as_str())) {
            let path = self.folder.path.display().to_string();
            let message = format!(
                "{path} has files but no {IDENTITY} file (there is {other:?}), so it is no store \
                 of Keepstate; choose an empty or a new folder."
            );
            return Err(Error::new(Code::NotOurs, message).at(|place| place.path = Some(path)));
        }
        if !self.options.create {
            return Err(self.absent());
        }
        Ok(())
    }

    fn absent(&self) -> Error {
        let path = self.folder.path.display().to_string();
        let message = format!("There is no store at {path}; check the path, or open with create.");
        Error::new(Code::NotFound, message).at(|place| place.path = Some(path))
    }

    /// Makes what is missing of a store that was never finished. Under the append lock.
    fn complete(&self) -> Result<()> {
        let names = self.folder.names()?;
        self.check_names(&names)?;
        if !has(&names, IDENTITY) {
            let mut id = [0; 16];
            self.clock.random(&mut id)?;
            let identity = Identity { id: StoreId(id), created: self.clock.now() };
            identity.write(&self.folder)?;
        }
        if has(&names, CATALOG) {
            return Ok(());
        }
        let store = Identity::read(&self.folder)?.id;
        self.check_unfinished(&names)?;
        let mut id = [0; 16];
        self.clock.random(&mut id)?;
        let head = SegmentHead { origin: Origin::Appended, number: 1, id };
        Segment::create(&self.folder, store, head)?.file.sync()?;
        self.folder.sync()?;
        let first = Listed { number: 1, id, origin: Origin::Appended, ended: None };
        let segments = vec![first];
        Catalog { store, generation: 0, next: 2, segments }.replace(&self.folder)
    }

    /// A store without a catalog is one that was never finished only if nothing was written yet.
    fn check_unfinished(&self, names: &[String]) -> Result<()> {
        for number in names.iter().filter_map(|name| segment::number(name)) {
            let file = self.folder.open(&segment::name(number), Access::Read)?;
            if number != 1 || file.length()? > FIRST {
                return Err(corrupt("The catalog is gone but segments are there", number, 0));
            }
        }
        Ok(())
    }

    fn wait(&self, byte: Byte, how: Claim) -> Result<()> {
        let Some(locks) = &self.locks else { return Ok(()) };
        let timeout = self.options.lock_timeout;
        locks.wait(byte, how, Patience { clock: &*self.clock, timeout, asked: &|| () })
    }

    fn release(&self) {
        if let Some(locks) = &self.locks {
            locks.release(Byte::Append);
        }
    }

    /// Replays without the lock as far as commits are acknowledged, then takes it for the rest.
    fn writable(self) -> Result<Shared> {
        let store = Identity::read(&self.folder)?.id;
        let file = self.folder.open(PAGE, Access::Create)?;
        let page = match Page::of_store(&file, store)? {
            Some(page) => page,
            None => {
                // Nobody else has the store open, so the lock is no burden; it is kept to the end.
                self.wait(Byte::Append, Claim::Alone)?;
                Page::ensure(&file, store)?
            }
        };
        let fresh = page.generation() == 0;
        let bound = if fresh { u64::MAX } else { page.acknowledged() };
        let (tail, index) = self.replay(store, bound)?;
        let shared = self.share(store, (tail, index), Some(page));
        let lock = shared.append_lock()?;
        let mut tail = shared.tail.lock();
        let left = shared.page()?.left();
        let left = if left == Left::Order { Left::Midway } else { left };
        shared.recover(&mut tail, left)?;
        drop(tail);
        drop(lock);
        Ok(shared)
    }

    /// Everything is read, nothing written: not a lock taken to write, not the page.
    fn read_only(mut self) -> Result<Shared> {
        let names = self.folder.names().map_err(|error| match error.code() {
            Code::NotFound => self.absent(),
            _ => error,
        })?;
        self.options.create = false;
        self.check_names(&names)?;
        let store = Identity::read(&self.folder)?.id;
        if has(&names, LOCK) {
            self.locks = Some(Locks::new(self.folder.open(LOCK, Access::Read)?));
        }
        let page = match has(&names, PAGE) {
            true => Page::existing(&self.folder.open(PAGE, Access::Read)?, store)?,
            false => None,
        };
        let bound = page.as_ref().map_or(u64::MAX, Page::acknowledged);
        let (mut tail, mut index) = self.replay(store, bound)?;
        self.wait(Byte::Append, Claim::Shared)?;
        let rest = tail.advance(&mut index, (Intake::Applying, u64::MAX));
        let acknowledged = page.as_ref().map_or(0, Page::acknowledged);
        self.release();
        rest?;
        let shared = self.share(store, (tail, index), page);
        let mut tail = shared.tail.lock();
        shared.judge(&mut tail)?;
        // What async mode acknowledged and a loss of power took is not waited for.
        shared.seen.set(tail.commit.max(acknowledged), tail.catalog.generation);
        drop(tail);
        Ok(shared)
    }

    /// Loads the index, again if a compaction replaced the catalog meanwhile.
    fn replay(&self, store: StoreId, bound: u64) -> Result<(Tail, Index)> {
        loop {
            let catalog = Catalog::read(&self.folder, store)?;
            let generation = catalog.generation;
            let mut index = Index::default();
            let loaded = self.load(&mut index, (catalog, bound)).map(|tail| (tail, index));
            match loaded {
                Ok(loaded) => return Ok(loaded),
                Err(error) => {
                    let now = Catalog::read(&self.folder, store)?.generation;
                    if now == generation || !recover::may_be_stale(&error) {
                        return Err(error);
                    }
                }
            }
        }
    }

    /// From the checkpoint, if it counts, else from the first frame.
    fn load(&self, index: &mut Index, (catalog, bound): (Catalog, u64)) -> Result<Tail> {
        let mut tail = tail::begin(&self.folder, index, catalog)?;
        match checkpoint::load(&self.folder, &tail.catalog, index) {
            Some(behind) => tail = behind,
            None => {
                let catalog = tail.catalog;
                *index = Index::default();
                tail = tail::begin(&self.folder, index, catalog)?;
            }
        }
        recover::load(&mut tail, index, bound)?;
        Ok(tail)
    }

    fn share(self, store: StoreId, loaded: (Tail, Index), page: Option<Page>) -> Shared {
        let (tail, index) = loaded;
        let cache = Cache::new(self.options.memory_budget);
        Shared {
            folder: self.folder,
            store,
            options: self.options,
            clock: self.clock,
            page,
            locks: self.locks,
            appending: Default::default(),
            tail: tail.into(),
            index: index.into(),
            cache,
            seen: Seen::default(),
            queue: Default::default(),
            upkeep: Default::default(),
            upkeep_lock: Default::default(),
            closed: Default::default(),
        }
    }
}

fn has(names: &[String], name: &str) -> bool {
    names.iter().any(|other| other == name)
}
