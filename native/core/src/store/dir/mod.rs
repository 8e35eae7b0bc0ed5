//! `dir:`: one plain file for each key, for people who want to open their agent's state in an
//! editor. What people change there counts like any other write (FORMAT.md, "Plain folders").
//!
//! What it is *not*: it has no batches, no views and no checksums of its own, and it does not tell
//! keys apart that differ only in case where the file system does not.

mod backup;
mod lock;
mod names;
mod open;
mod read;
mod walk;
mod write;

#[cfg(test)]
mod names_tests;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use super::{batch, key, Commit, Durable, Embedded, Entry, Found, Op, Query, Range, Store};
use super::{Supports, Version};
use crate::clock::Clock;
use crate::disk::{Folder, Seen};
use crate::error::{fail, Code, Error, Result};
use lock::Lock;
use names::Place;
use walk::Walk;

/// How a folder is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirOptions {
    /// Whether the folder is made if it does not exist.
    pub create: bool,
    /// Over how many folders the keys are spread by hash; none takes what the folder was made with.
    pub shards: Option<u32>,
    /// The mode of files. Folders have it too, and may be entered by whoever may read.
    pub mode: u32,
    /// How many former versions of each key are kept in `.keepstate/backups`.
    pub backups: usize,
    /// Whether a write waits until its name is durable. Its content always is: without that, a loss
    /// of power could leave a name with half of it.
    pub sync: bool,
}

impl Default for DirOptions {
    fn default() -> Self {
        DirOptions { create: true, shards: None, mode: 0o600, backups: 0, sync: true }
    }
}

/// A store of plain files.
pub struct DirStore {
    /// None after `close`, which waits for the calls under way.
    tree: RwLock<Option<Tree>>,
    supports: Supports,
}

/// An open folder.
struct Tree {
    root: Folder,
    shards: u32,
    options: DirOptions,
    clock: Arc<dyn Clock>,
    lock: Lock,
    /// The folders in which names changed since the last flush.
    unsynced: Mutex<BTreeSet<Vec<String>>>,
}

impl DirStore {
    /// Opens a folder. Nothing is written into it before the first write, except that leftovers of
    /// dead writers are removed.
    pub fn open(path: &Path, options: DirOptions, clock: Arc<dyn Clock>) -> Result<DirStore> {
        let supports = supports(&options);
        let tree = Tree::open(path, options, clock)?;
        Ok(DirStore { tree: RwLock::new(Some(tree)), supports })
    }

    fn with<T>(&self, work: impl FnOnce(&Tree) -> Result<T>) -> Result<T> {
        match self.tree.read().as_ref() {
            Some(tree) => work(tree),
            None => fail(Code::Closed, "The folder's store is closed; open it again."),
        }
    }

    fn apply(&self, ops: &[Op]) -> Result<Vec<Version>> {
        self.with(|tree| {
            batch::check(ops, &self.supports)?;
            let versions = ops.iter().map(|op| tree.apply(op).map_err(|e| e.key(op.key())));
            Ok(versions.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
        })
    }
}

impl Store for DirStore {
    fn supports(&self) -> Supports {
        self.supports.clone()
    }

    fn get(&self, key: &str, range: Option<Range>) -> Result<Option<Found>> {
        self.with(|tree| {
            key::check(key)?;
            tree.get(&tree.place(key), range).map_err(|error| error.key(key))
        })
    }

    fn list(&self, query: &Query) -> Result<Vec<Entry>> {
        self.with(|tree| {
            let mut entries = Vec::new();
            let limit = query.limit.unwrap_or(usize::MAX);
            let mut walk = Walk::new(&tree.root, tree.shards, query)?;
            while entries.len() < limit {
                let Some((key, seen)) = walk.next()? else { break };
                entries.push(entry(key, &seen));
            }
            Ok(entries)
        })
    }

    fn commit(&self, commits: Vec<Commit>) {
        for commit in commits {
            let result = self.apply(&commit.ops);
            (commit.done)(result);
        }
    }

    fn view(&self) -> Result<Arc<dyn Store>> {
        self.with(|_| {
            let message = "A folder of plain files has no views; copy it to a store that has.";
            fail(Code::Unsupported, message)
        })
    }

    fn close(&self) -> Result<()> {
        match self.tree.write().take() {
            Some(tree) => tree.flush(),
            None => Ok(()),
        }
    }
}

impl Embedded for DirStore {
    fn flush(&self) -> Result<()> {
        self.with(Tree::flush)
    }

    fn stats(&self) -> Result<Vec<(&'static str, u64)>> {
        self.with(|tree| {
            let (mut entries, mut bytes) = (0, 0);
            let query = Query::default();
            let mut walk = Walk::new(&tree.root, tree.shards, &query)?;
            while let Some((_, seen)) = walk.next()? {
                entries += 1;
                bytes += seen.size;
            }
            Ok(vec![("entries", entries), ("bytes", bytes), ("shards", u64::from(tree.shards))])
        })
    }

    fn verify(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<Vec<Error>> {
        let keys = self.list(&Query::default())?;
        let total = keys.len() as u64;
        let mut damage = Vec::new();
        for (done, entry) in keys.iter().enumerate() {
            progress(done as u64, total);
            self.with(|tree| {
                damage.extend(tree.verify(&tree.place(&entry.key)).err());
                Ok(())
            })?;
        }
        progress(total, total);
        Ok(damage)
    }

    fn compact(&self) -> Result<()> {
        self.with(|tree| {
            tree.sweep();
            Ok(())
        })
    }
}

impl Tree {
    fn place(&self, key: &str) -> Place {
        names::place(key, self.shards)
    }

    /// The file of a place, or none.
    fn look(&self, place: &Place) -> Result<Option<Seen>> {
        match self.descend(&place.folders)? {
            Some(folder) => folder.seen_file(&place.name),
            None => Ok(None),
        }
    }

    fn folder_mode(&self) -> u32 {
        self.options.folder_mode()
    }
}

impl DirOptions {
    /// Whoever may read files may enter folders.
    fn folder_mode(&self) -> u32 {
        self.mode | (self.mode & 0o444) >> 2
    }
}

fn version(seen: &Seen) -> Version {
    Version(format!("{}-{}", seen.modified, seen.inode).into())
}

fn entry(key: String, seen: &Seen) -> Entry {
    let modified = u64::try_from(seen.modified / 1_000_000).unwrap_or(0);
    Entry { key, size: seen.size, version: version(seen), modified }
}

fn supports(options: &DirOptions) -> Supports {
    Supports {
        kind: "dir".into(),
        commit: false,
        conditional_put: true,
        conditional_delete: true,
        ttl: false,
        view: false,
        durable: if options.sync { Durable::Yes } else { Durable::No },
        max_value: isize::MAX as u64,
        max_batch: 1,
    }
}
