//! The one way in which this crate writes a file that is read by others: beside its place, whole,
//! and then by one rename.

use std::fs::File;
use std::path::PathBuf;

use rustix::fs::UTIME_OMIT;
use rustix::io::Errno;

use super::sys::{self, Timespec, Timestamps};
use super::{failed, failed_io, Folder, Seen};
use crate::error::{fail, Code, Result};

/// What happens to a file that has the name already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// It is replaced.
    Replace,
    /// It stays, and the new file does not get the name.
    Keep,
}

/// A file that has not got its name yet. Dropped before that, it is removed.
pub struct Temp<'a> {
    folder: &'a Folder,
    name: String,
    file: File,
    placed: bool,
}

impl<'a> Temp<'a> {
    /// An empty file in `folder` under a name that nobody else uses.
    pub fn create(folder: &'a Folder, name: String, mode: u32) -> Result<Temp<'a>> {
        let file = folder.new_file(&name, mode)?;
        Ok(Temp { folder, name, file, placed: false })
    }

    /// Writes behind what was written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        sys::write_all(&self.file, bytes)
            .map_err(|source| failed_io(source, "Writing the file", &self.path()))
    }

    /// Makes the content durable (not yet its name).
    pub fn sync(&self) -> Result<()> {
        sys::fsync(&self.file).map_err(|errno| failed(errno, "Syncing the file", &self.path()))
    }

    /// What the system tells of it.
    pub fn seen(&self) -> Result<Seen> {
        Seen::of(&self.file, &self.path())
    }

    /// Raises its time of modification above `floor` if it is not; true if it had to.
    pub fn raise_above(&self, floor: i128) -> Result<bool> {
        if self.seen()?.modified > floor {
            return Ok(false);
        }
        // Some file systems keep only micro-, whole or even seconds.
        for step in [1, 1_000, 1_000_000_000, 2_000_000_000] {
            set_modified(&self.file, floor + step)
                .map_err(|errno| failed(errno, "Setting the time of the file", &self.path()))?;
            if self.seen()?.modified > floor {
                return Ok(true);
            }
        }
        let path = self.path().display().to_string();
        let message = format!("The file system of {path} keeps no times; use another folder.");
        fail(Code::Unsupported, message)
    }

    /// Gives it its name; false if it is taken and was to be kept.
    pub fn place(mut self, folder: &Folder, name: &str, existing: Existing) -> Result<bool> {
        let renamed = match existing {
            Existing::Replace => self.rename(folder, name),
            Existing::Keep => match self.rename_to_free(folder, name) {
                Err(Errno::EXIST) => return Ok(false),
                renamed => renamed,
            },
        };
        renamed.map_err(|errno| failed(errno, "Renaming to the file", &folder.path_of(name)))?;
        self.placed = true;
        Ok(true)
    }

    fn rename(&self, folder: &Folder, name: &str) -> rustix::io::Result<()> {
        sys::renameat((self.folder, self.name.as_str()), (folder, name))
    }

    fn rename_to_free(&self, folder: &Folder, name: &str) -> rustix::io::Result<()> {
        let old = self.name.as_str();
        match sys::renameat_free((self.folder, old), (folder, name)) {
            // Not every file system knows the flag; a second name cannot replace either.
            Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
                sys::linkat((self.folder, old), (folder, name))?;
                sys::unlinkat(self.folder, old, sys::AtFlags::empty())
            }
            renamed => renamed,
        }
    }

    fn path(&self) -> PathBuf {
        self.folder.path_of(&self.name)
    }
}

impl Drop for Temp<'_> {
    fn drop(&mut self) {
        if !self.placed {
            // What cannot be removed now is swept when the folder is opened again.
            let _ = self.folder.remove(&self.name);
        }
    }
}

/// Sets the time of modification, in nanoseconds since 1970, and leaves that of access.
pub(crate) fn set_modified(file: &File, time: i128) -> rustix::io::Result<()> {
    let second = 1_000_000_000;
    let seconds = i64::try_from(time.div_euclid(second)).map_err(|_| Errno::OVERFLOW)?;
    let nanoseconds = time.rem_euclid(second) as _;
    let times = Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: seconds, tv_nsec: nanoseconds },
    };
    sys::futimens(file, &times)
}
