//! The keys of a folder in the order of their bytes.
//!
//! Names sort otherwise than keys (a key may lie in a shard, below a cut, be escaped), so the tree
//! is walked best first: a heap holds each file by its key and each folder by what all keys in it
//! begin with. Whatever comes out is not greater than anything still inside.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::names::{self, Place};
use crate::disk::{Folder, Kind, Reached, Seen};
use crate::error::Result;
use crate::store::{Query, KEY_MAX};

/// A folder's place, by way of its parents. It is opened again when it is needed, so that a walk
/// holds two folders open, however deep the tree.
struct Node {
    parent: usize,
    name: String,
}

/// The number of the store's own folder.
const ROOT: usize = 0;

/// What waits in the heap; ordered by its key first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    key: String,
    is_folder: bool,
    name: String,
    /// The folder that it is in.
    parent: usize,
}

/// A walk under way.
pub struct Walk<'a> {
    root: &'a Folder,
    shards: u32,
    query: &'a Query,
    heap: BinaryHeap<Reverse<Item>>,
    /// All folders that were looked into.
    nodes: Vec<Node>,
    /// The one that was opened last: files of one folder often follow each other.
    open: Option<(usize, Reached<'a>)>,
}

impl<'a> Walk<'a> {
    /// A walk over the keys that `query` asks for, as yet without its limit.
    pub fn new(root: &'a Folder, shards: u32, query: &'a Query) -> Result<Walk<'a>> {
        let nodes = vec![Node { parent: ROOT, name: String::new() }];
        let mut walk = Walk { root, shards, query, heap: BinaryHeap::new(), nodes, open: None };
        if shards > 1 {
            walk.heap.extend((0..shards).map(|number| {
                let (key, name) = (String::new(), names::shard(number));
                Reverse(Item { key, is_folder: true, name, parent: ROOT })
            }));
        } else {
            walk.push_all(root.entries()?, ROOT, "");
        }
        Ok(walk)
    }

    /// The next key and its file.
    pub fn next(&mut self) -> Result<Option<(String, Seen)>> {
        while let Some(Reverse(item)) = self.heap.pop() {
            if item.is_folder {
                self.expand(item)?;
            } else if let Some(seen) = self.file(&item)? {
                return Ok(Some((item.key, seen)));
            }
        }
        Ok(None)
    }

    fn expand(&mut self, item: Item) -> Result<()> {
        // From the parent, not from the top: most often it was opened just now.
        let Some(parent) = self.folder(item.parent)? else { return Ok(()) };
        let Some(folder) = parent.child(&item.name)? else { return Ok(()) };
        let number = self.nodes.len();
        self.nodes.push(Node { parent: item.parent, name: item.name });
        self.push_all(folder.entries()?, number, &item.key);
        self.open = Some((number, Reached::Below(folder)));
        Ok(())
    }

    fn push_all(&mut self, entries: Vec<(String, Kind)>, parent: usize, above: &str) {
        for (name, kind) in entries {
            let (part, is_folder) = match kind {
                Kind::File => (names::file_part(&name), false),
                Kind::Folder => (names::folder_prefix(&name), true),
                Kind::Other => continue,
            };
            let Some(part) = part else { continue };
            let key = format!("{above}{part}");
            if self.is_asked(&key, is_folder) {
                self.heap.push(Reverse(Item { key, is_folder, name, parent }));
            }
        }
    }

    /// Whether the query asks for this key, or for any that begins with it.
    fn is_asked(&self, key: &str, is_folder: bool) -> bool {
        let prefix = self.query.prefix.as_str();
        let after = self.query.after.as_deref().unwrap_or_default();
        if key.len() > KEY_MAX {
            return false;
        }
        if is_folder {
            let behind = key > after || after.starts_with(key);
            return behind && (key.starts_with(prefix) || prefix.starts_with(key));
        }
        key > after && key.starts_with(prefix)
    }

    /// The file of a key, if it is the one that counts and still there.
    fn file(&mut self, item: &Item) -> Result<Option<Seen>> {
        if !self.stands_at(item, &names::place(&item.key, self.shards)) {
            return Ok(None);
        }
        let seen = self.folder(item.parent)?.map(|folder| folder.seen(&item.name)).transpose()?;
        Ok(seen.flatten().filter(|seen| seen.kind == Kind::File))
    }

    fn stands_at(&self, item: &Item, place: &Place) -> bool {
        item.name == place.name
            && self.names_above(item.parent).eq(place.folders.iter().rev().map(String::as_str))
    }

    /// The names of a folder and of those that it is in, up to the store's own.
    fn names_above(&self, number: usize) -> impl Iterator<Item = &str> {
        let node = |number: usize| self.nodes.get(number).filter(|_| number != ROOT);
        let chain = std::iter::successors(node(number), move |here| node(here.parent));
        chain.map(|node| node.name.as_str())
    }

    fn folder(&mut self, number: usize) -> Result<Option<&Folder>> {
        if self.open.as_ref().is_none_or(|(open, _)| *open != number) {
            let mut names: Vec<&str> = self.names_above(number).collect();
            names.reverse();
            self.open = self.root.descend(names)?.map(|folder| (number, folder));
        }
        Ok(self.open.as_ref().map(|(_, folder)| &**folder))
    }
}
