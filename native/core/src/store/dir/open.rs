//! Opening a folder: what is refused, what is remembered, what is swept.

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;

use super::lock::Lock;
use super::{DirOptions, Tree};
use crate::clock::Clock;
use crate::digest::crc32c;
use crate::disk::{failed_io, Existing, Folder, Reached, Temp};
use crate::error::{fail, Code, Error, Result};

/// The folder of the store's own, which holds no keys: no key's place begins with a dot.
pub const OWN: &str = ".keepstate";
/// Where files are written before they get their names.
pub const TEMPORARY: &str = "tmp";
const SHARDS: &str = "shards";
const MOST_SHARDS: u32 = 4096;
/// After so many nanoseconds a temporary file's writer counts as dead.
const STALE: i128 = 3_600_000_000_000;

impl Tree {
    pub fn open(path: &Path, options: DirOptions, clock: Arc<dyn Clock>) -> Result<Tree> {
        check(&options)?;
        if options.create {
            make_path(path, options.folder_mode())?;
        }
        let root = Folder::open(path)?;
        refuse_a_log(&root)?;
        let lock = Lock::new(options.mode, clock.clone());
        let unsynced = Mutex::new(BTreeSet::new());
        let mut tree = Tree { root, shards: 1, options, clock, lock, unsynced };
        tree.shards = tree.agree_on_shards()?;
        tree.sweep();
        Ok(tree)
    }

    /// The folder at the end of these names, or none.
    pub fn descend(&self, folders: &[String]) -> Result<Option<Reached<'_>>> {
        self.root.descend(folders.iter().map(String::as_str))
    }

    /// The store's own folder, made if it is not there.
    pub fn own(&self) -> Result<Folder> {
        let (own, made) = self.root.child_or_new(OWN, self.folder_mode())?;
        if made {
            self.root.sync()?;
        }
        Ok(own)
    }

    /// Where files are written before they get their names.
    pub fn temporary(&self, own: &Folder) -> Result<Folder> {
        Ok(own.child_or_new(TEMPORARY, self.folder_mode())?.0)
    }

    /// A name that nobody else takes.
    pub fn unique_name(&self) -> Result<String> {
        let mut bytes = [0; 16];
        self.clock.random(&mut bytes)?;
        Ok(format!("{:032x}", u128::from_le_bytes(bytes)))
    }

    /// Removes what dead writers left. What cannot be removed does no harm.
    pub fn sweep(&self) {
        let Ok(Some(folder)) = self.root.descend([OWN, TEMPORARY]) else { return };
        let now = i128::from(self.clock.now()) * 1_000_000;
        for (name, _) in folder.entries().unwrap_or_default() {
            if let Ok(Some(seen)) = folder.seen_file(&name) {
                if seen.modified < now - STALE {
                    let _ = folder.remove(&name);
                }
            }
        }
    }

    /// How many shards the folder has: what it was made with; the options may not say otherwise.
    fn agree_on_shards(&self) -> Result<u32> {
        let asked = self.options.shards;
        let known = match self.known_shards()? {
            Some(known) => known,
            None => match asked {
                None | Some(1) => 1,
                Some(shards) => self.remember_shards(shards)?,
            },
        };
        match asked {
            Some(asked) if asked != known => {
                let path = self.root.path().display();
                let message = format!(
                    "{path} has {known} shards, not {asked}; leave the option out, or copy the \
                     store into a new folder that has them."
                );
                fail(Code::InvalidConfig, message)
            }
            _ => Ok(known),
        }
    }

    fn known_shards(&self) -> Result<Option<u32>> {
        let Some(own) = self.root.child(OWN)? else { return Ok(None) };
        let Some(file) = own.file(SHARDS)? else { return Ok(None) };
        let path = own.path_of(SHARDS);
        let mut text = String::new();
        // What is not UTF-8 tells no number either.
        match std::io::Read::read_to_string(&mut std::io::Read::take(file, 32), &mut text) {
            Err(source) if source.kind() != ErrorKind::InvalidData => {
                return Err(failed_io(source, "Reading the file", &path));
            }
            _ => {}
        }
        match parse_shards(&text) {
            Some(shards) if (2..=MOST_SHARDS).contains(&shards) => Ok(Some(shards)),
            _ => {
                let path = path.display().to_string();
                let message = format!(
                    "{path} does not tell the number of shards; write it there, on a line: the \
                     number of folders named 00, 01 and so on that the store was made with."
                );
                Err(Error::new(Code::Corrupt, message).at(|place| place.path = Some(path)))
            }
        }
    }

    /// Writes the number into a folder that holds nothing yet; the number that counts, should
    /// another process have been faster.
    fn remember_shards(&self, shards: u32) -> Result<u32> {
        if self.root.entries()?.iter().any(|(name, _)| name != OWN) {
            return Ok(1);
        }
        let own = self.own()?;
        let folder = self.temporary(&own)?;
        let mut temp = Temp::create(&folder, self.unique_name()?, self.options.mode)?;
        temp.write(shards_text(shards).as_bytes())?;
        temp.sync()?;
        if temp.place(&own, SHARDS, Existing::Keep)? {
            own.sync()?;
        }
        Ok(self.known_shards()?.unwrap_or(shards))
    }
}

/// The number and its crc32c: with another number every key would seem to be absent.
fn shards_text(shards: u32) -> String {
    let number = shards.to_string();
    format!("{number} {:08x}\n", crc32c(number.as_bytes()))
}

/// The number in such a text, or on a line by itself, as a person writes it.
fn parse_shards(text: &str) -> Option<u32> {
    let line = text.strip_suffix('\n')?;
    let shards = line.split(' ').next()?.parse().ok()?;
    (text == shards_text(shards) || sabotaged!(ShardsCheck) || line == shards.to_string())
        .then_some(shards)
}

fn check(options: &DirOptions) -> Result<()> {
    if options.mode & 0o600 != 0o600 || options.mode > 0o777 {
        let message = format!(
            "The mode {:o} is none for files that their owner writes; take 600, 640 or 644.",
            options.mode
        );
        return fail(Code::InvalidConfig, message);
    }
    match options.shards {
        Some(shards) if !(1..=MOST_SHARDS).contains(&shards) => {
            let message = format!("{shards} shards; from 1 to {MOST_SHARDS} are possible.");
            fail(Code::InvalidConfig, message)
        }
        _ => Ok(()),
    }
}

/// Makes the folder and those above it, each durably.
fn make_path(path: &Path, mode: u32) -> Result<()> {
    let failed = |source| failed_io(source, "Making the folder", path);
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {}
        Err(source) if source.kind() == ErrorKind::AlreadyExists => return Ok(()),
        Err(source) if source.kind() == ErrorKind::NotFound => {
            let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) else {
                return Err(failed(source));
            };
            make_path(parent, mode)?;
            match DirBuilder::new().mode(mode).create(path) {
                Err(source) if source.kind() != ErrorKind::AlreadyExists => {
                    return Err(failed(source))
                }
                _ => {}
            }
        }
        // Where nothing can be made, something may be there already: opening it will tell.
        Err(_) if path.exists() => return Ok(()),
        Err(source) => return Err(failed(source)),
    }
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Folder::open(parent.unwrap_or(Path::new(".")))?.sync()
}

fn refuse_a_log(root: &Folder) -> Result<()> {
    if root.seen("KEEPSTATE")?.is_none() || root.seen("catalog")?.is_none() {
        return Ok(());
    }
    let path = root.path().display().to_string();
    let message = format!("{path} holds an embedded log, not plain files; open it without `dir:`.");
    Err(Error::new(Code::NotOurs, message).at(|place| place.path = Some(path)))
}
