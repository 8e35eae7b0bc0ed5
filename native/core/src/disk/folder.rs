//! A folder that is open, and what can be done to a name in it.

use std::fs::File;
use std::ops::Deref;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::failed;
use super::sys::{self, AtFlags, FileType, Mode, OFlags, Stat};
use crate::error::{Code, Error, Result};

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A plain file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link, a device, a pipe, a socket.
    Other,
}

/// What the system tells of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What it is.
    pub kind: Kind,
    /// Its length in bytes.
    pub size: u64,
    /// When it was last written, in nanoseconds since 1970.
    pub modified: i128,
    /// Its number in the file system.
    pub inode: u64,
    /// How many names it has.
    pub names: u64,
    /// Its permissions.
    pub mode: u32,
}

/// A folder that is open.
pub struct Folder {
    fd: OwnedFd,
    path: PathBuf,
}

const OPEN: OFlags = OFlags::RDONLY.union(OFlags::CLOEXEC);
const FOLDER: OFlags = OPEN.union(OFlags::DIRECTORY);

impl Folder {
    /// The folder at a path that the user gave: symbolic links on it are followed.
    pub fn open(path: &Path) -> Result<Folder> {
        match sys::open(path, FOLDER, Mode::empty()) {
            Ok(fd) => Ok(Folder { fd, path: path.into() }),
            Err(errno) => Err(failed(errno, "Opening the folder", path)),
        }
    }

    /// The path, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a name in it, for messages.
    pub fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// A folder inside, or none. A symbolic link is not followed.
    pub fn child(&self, name: &str) -> Result<Option<Folder>> {
        match sys::openat(&self.fd, name, (FOLDER | OFlags::NOFOLLOW, Mode::empty())) {
            Ok(fd) => Ok(Some(Folder { fd, path: self.path_of(name) })),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed(errno, "Opening the folder", &self.path_of(name))),
        }
    }

    /// The folder at the end of these names, each in the one before, or none.
    pub fn descend<'a, 'b>(
        &'a self,
        names: impl IntoIterator<Item = &'b str>,
    ) -> Result<Option<Reached<'a>>> {
        let mut here = Reached::Here(self);
        for name in names {
            match here.child(name)? {
                Some(folder) => here = Reached::Below(folder),
                None => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    /// A folder inside, made with exactly this mode if there is none; true if it was made.
    pub fn child_or_new(&self, name: &str, mode: u32) -> Result<(Folder, bool)> {
        if let Some(folder) = self.child(name)? {
            return Ok((folder, false));
        }
        let failed = |errno| failed(errno, "Making the folder", &self.path_of(name));
        let made = match sys::mkdirat(&self.fd, name, Mode::RWXU) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(failed(errno)),
        };
        let folder = self.child(name)?.ok_or_else(|| failed(Errno::NOENT))?;
        if made {
            // The mode of mkdir is cut by the umask.
            sys::fchmod(&folder.fd, Mode::from_raw_mode(mode as _)).map_err(failed)?;
        }
        Ok((folder, made))
    }

    /// A plain file inside, open for reading, or none. Anything else of that name is refused.
    pub fn file(&self, name: &str) -> Result<Option<File>> {
        // Without NONBLOCK a pipe that somebody put here would keep us waiting.
        let flags = OPEN | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let fd = match sys::openat(&self.fd, name, (flags, Mode::empty())) {
            Ok(fd) => fd,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(failed(errno, "Opening the file", &self.path_of(name))),
        };
        let file = File::from(fd);
        if Seen::of(&file, &self.path_of(name))?.kind != Kind::File {
            return Err(self.not_a_file(name));
        }
        Ok(Some(file))
    }

    /// A file inside, open for reading and writing, made empty if it is not there.
    pub fn file_or_new(&self, name: &str, mode: u32) -> Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        sys::openat(&self.fd, name, (flags, Mode::from_raw_mode(mode as _)))
            .map(File::from)
            .map_err(|errno| failed(errno, "Opening the file", &self.path_of(name)))
    }

    /// A file inside that was not there before, open for writing.
    pub fn new_file(&self, name: &str, mode: u32) -> Result<File> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let made = sys::openat(&self.fd, name, (flags, Mode::RUSR | Mode::WUSR))
            .and_then(|fd| sys::fchmod(&fd, Mode::from_raw_mode(mode as _)).map(|()| fd));
        made.map(File::from).map_err(|errno| failed(errno, "Making the file", &self.path_of(name)))
    }

    /// What stands under a name, or none.
    pub fn seen(&self, name: &str) -> Result<Option<Seen>> {
        match sys::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(Seen::from_stat(&stat))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(failed(errno, "Looking at the file", &self.path_of(name))),
        }
    }

    /// What stands under a name if it is a plain file; anything else of that name is refused.
    pub fn seen_file(&self, name: &str) -> Result<Option<Seen>> {
        match self.seen(name)? {
            Some(seen) if seen.kind != Kind::File => Err(self.not_a_file(name)),
            seen => Ok(seen),
        }
    }

    /// The names in it and what they stand for, in no order. Names that are not UTF-8 are left out.
    pub fn entries(&self) -> Result<Vec<(String, Kind)>> {
        let doing = "Listing the folder";
        let entries = sys::entries(&self.fd).map_err(|errno| failed(errno, doing, &self.path))?;
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|errno| failed(errno, doing, &self.path))?;
            let Ok(name) = entry.file_name().to_str() else { continue };
            if name == "." || name == ".." {
                continue;
            }
            let kind = match entry.file_type() {
                FileType::RegularFile => Kind::File,
                FileType::Directory => Kind::Folder,
                FileType::Unknown => self.seen(name)?.map_or(Kind::Other, |seen| seen.kind),
                _ => Kind::Other,
            };
            names.push((name.to_string(), kind));
        }
        Ok(names)
    }

    /// Removes a file; false if there is none.
    pub fn remove(&self, name: &str) -> Result<bool> {
        match sys::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(failed(errno, "Removing the file", &self.path_of(name))),
        }
    }

    /// Removes a folder inside if it is empty; false if something is in it.
    pub fn remove_folder(&self, name: &str) -> Result<bool> {
        match sys::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) | Err(Errno::NOENT) => Ok(true),
            Err(Errno::NOTEMPTY | Errno::EXIST) => Ok(false),
            Err(errno) => Err(failed(errno, "Removing the folder", &self.path_of(name))),
        }
    }

    /// Makes the names in it durable.
    pub fn sync(&self) -> Result<()> {
        sys::fsync(&self.fd).map_err(|errno| failed(errno, "Syncing the folder", &self.path))
    }

    fn not_a_file(&self, name: &str) -> Error {
        let path = self.path_of(name).display().to_string();
        let message = format!(
            "{path} is not a plain file; Keepstate follows no links and reads no devices. \
             Move it away, or put a file in its place."
        );
        Error::new(Code::NotOurs, message).at(|place| place.path = Some(path))
    }
}

/// A folder at the end of a way that may have no steps.
pub enum Reached<'a> {
    /// The way had none.
    Here(&'a Folder),
    /// It had.
    Below(Folder),
}

impl Deref for Reached<'_> {
    type Target = Folder;

    fn deref(&self) -> &Folder {
        match self {
            Reached::Here(folder) => folder,
            Reached::Below(folder) => folder,
        }
    }
}

impl AsFd for Folder {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Seen {
    /// What the system tells of an open file.
    pub fn of(file: &File, path: &Path) -> Result<Seen> {
        sys::fstat(file)
            .map(|stat| Seen::from_stat(&stat))
            .map_err(|errno| failed(errno, "Looking at the file", path))
    }

    /// Whether it still holds what it held: another name or mode changes nothing of that.
    pub fn same_content(&self, before: &Seen) -> bool {
        (self.size, self.modified) == (before.size, before.modified)
    }

    // The widths of these fields differ between systems.
    #[allow(clippy::unnecessary_cast)]
    fn from_stat(stat: &Stat) -> Seen {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Folder,
            _ => Kind::Other,
        };
        Seen {
            kind,
            size: stat.st_size.max(0) as u64,
            modified: i128::from(stat.st_mtime as i64) * 1_000_000_000 + stat.st_mtime_nsec as i128,
            inode: stat.st_ino as u64,
            names: stat.st_nlink as u64,
            mode: stat.st_mode as u32 & 0o7777,
        }
    }
}
