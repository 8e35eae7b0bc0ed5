//! The port to the disk: every operation on a file that the log makes.
//!
//! `Disk` is the real one and thin. Tests put another in its place that counts, fails the Nth call,
//! or records what happened, so that every crash can be played.

use std::fmt;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sys;
pub use super::sys::Reserve;
use crate::error::{Error, Result};

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read what is there.
    Read,
    /// To read and write what is there.
    Write,
    /// To read and write; made if it is not there.
    Create,
    /// To read and write; emptied if it is there.
    Fresh,
}

/// Files and folders.
pub trait Medium: Send + Sync {
    /// Opens a file.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn Handle>>;
    /// Renames a file onto a name that may exist.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes a folder and those above it.
    fn create_folder(&self, path: &Path) -> io::Result<()>;
    /// Makes the names in a folder durable.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;
    /// The names in a folder.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
}

/// An open file.
pub trait Handle: Send + Sync {
    /// Reads at an offset; may be short.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// Writes at an offset; may be short.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize>;
    /// `fdatasync`.
    fn sync(&self) -> io::Result<()>;
    /// The length.
    fn length(&self) -> io::Result<u64>;
    /// Cuts, or extends with zeros that take no space.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Sets space aside.
    fn reserve(&self, offset: u64, length: u64, how: Reserve) -> io::Result<()>;
    /// The file itself, for locks and maps.
    fn file(&self) -> &fs::File;
}

/// The file system of this machine.
#[derive(Debug, Default, Clone, Copy)]
pub struct Disk;

impl Medium for Disk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn Handle>> {
        let mut options = OpenOptions::new();
        options.read(true).write(access != Access::Read);
        options.create(matches!(access, Access::Create | Access::Fresh));
        options.truncate(access == Access::Fresh);
        Ok(Arc::new(DiskFile(options.open(path)?)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn create_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        fs::File::open(path)?.sync_all()
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            names.push(entry?.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }
}

struct DiskFile(fs::File);

impl Handle for DiskFile {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.0.write_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }

    fn reserve(&self, offset: u64, length: u64, how: Reserve) -> io::Result<()> {
        sys::reserve(&self.0, offset, length, how)
    }

    fn file(&self) -> &fs::File {
        &self.0
    }
}

/// An open file with its path, so that every failure names it.
#[derive(Clone)]
pub(super) struct File {
    handle: Arc<dyn Handle>,
    path: Arc<Path>,
}

impl File {
    pub fn open(medium: &dyn Medium, path: &Path, access: Access) -> Result<File> {
        let handle = medium.open(path, access).map_err(|e| Error::io(e, "Opening a file", path))?;
        Ok(File { handle, path: path.into() })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn raw(&self) -> &fs::File {
        self.handle.file()
    }

    /// Fills the buffer from `offset` as far as the file goes; returns how far.
    pub fn read(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.handle.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io(error, "Reading", &self.path)),
            }
        }
        Ok(filled)
    }

    /// Everything, if it is not longer than `limit`.
    pub fn read_all(&self, limit: u64) -> Result<Option<Vec<u8>>> {
        let length = self.length()?;
        if length > limit {
            return Ok(None);
        }
        let mut bytes = vec![0; length as usize];
        let filled = self.read(&mut bytes, 0)?;
        bytes.truncate(filled);
        Ok(Some(bytes))
    }

    pub fn write(&self, mut bytes: &[u8], mut offset: u64) -> Result<()> {
        while !bytes.is_empty() {
            match self.handle.write_at(bytes, offset) {
                Ok(0) => {
                    let zero = io::Error::new(io::ErrorKind::WriteZero, "nothing was written");
                    return Err(Error::io(zero, "Writing", &self.path));
                }
                Ok(count) => {
                    bytes = bytes.get(count..).unwrap_or_default();
                    offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Error::io(error, "Writing", &self.path)),
            }
        }
        Ok(())
    }

    pub fn sync(&self) -> Result<()> {
        self.handle.sync().map_err(|error| Error::io(error, "Syncing", &self.path))
    }

    pub fn length(&self) -> Result<u64> {
        self.handle.length().map_err(|error| Error::io(error, "Measuring", &self.path))
    }

    pub fn truncate(&self, length: u64) -> Result<()> {
        self.handle.truncate(length).map_err(|error| Error::io(error, "Cutting", &self.path))
    }

    pub fn reserve(&self, offset: u64, length: u64, how: Reserve) -> Result<()> {
        let done = self.handle.reserve(offset, length, how);
        done.map_err(|error| Error::io(error, "Reserving space", &self.path))
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "File({})", self.path.display())
    }
}

/// The store's folder: its path, and the operations on names in it.
#[derive(Clone)]
pub(super) struct Folder {
    pub medium: Arc<dyn Medium>,
    pub path: PathBuf,
    pub read_only: bool,
}

impl Folder {
    pub fn open(&self, name: &str, access: Access) -> Result<File> {
        File::open(&*self.medium, &self.path.join(name), access)
    }

    pub fn names(&self) -> Result<Vec<String>> {
        let names = self.medium.list(&self.path);
        names.map_err(|error| Error::io(error, "Listing the store's folder", &self.path))
    }

    pub fn remove(&self, name: &str) -> Result<()> {
        let path = self.path.join(name);
        match self.medium.remove(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io(error, "Removing a file", path))
            }
            _ => Ok(()),
        }
    }

    pub fn rename(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.path.join(from), self.path.join(to));
        let done = self.medium.rename(&from, &to);
        done.map_err(|error| Error::io(error, "Renaming a file", to))
    }

    pub fn sync(&self) -> Result<()> {
        if sabotaged!(SyncFolder) {
            return Ok(());
        }
        let done = self.medium.sync_folder(&self.path);
        done.map_err(|error| Error::io(error, "Syncing the store's folder", &self.path))
    }

    /// Replaces a small file as a whole: there is the old one or the new one, never half of one.
    pub fn replace(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.write_new(name, bytes)?;
        self.put_in_place(name)
    }

    /// Writes and syncs what is to become `name`.
    pub fn write_new(&self, name: &str, bytes: &[u8]) -> Result<()> {
        let file = self.open(&format!("{name}.new"), Access::Fresh)?;
        file.write(bytes, 0)?;
        if sabotaged!(SyncSmallFile) {
            return Ok(());
        }
        file.sync()
    }

    /// Renames what was written onto `name`, for good.
    pub fn put_in_place(&self, name: &str) -> Result<()> {
        self.rename(&format!("{name}.new"), name)?;
        self.sync()
    }
}
