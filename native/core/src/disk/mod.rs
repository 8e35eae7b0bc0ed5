//! Files and folders of this machine, one step at a time.
//!
//! A path is never handed to the system as a whole: each folder is opened inside the one before,
//! without following symbolic links. So what lies outside a folder cannot be reached through it,
//! and the length of a path has no limit.

mod folder;
mod read;
pub(crate) mod sys;
mod temp;

pub use folder::{Folder, Kind, Reached, Seen};
pub use read::{read, read_through};
pub(crate) use temp::set_modified;
pub use temp::{Existing, Temp};

use std::fmt::Display;
use std::path::Path;

use rustix::io::Errno;

use crate::error::{Code, Error};

/// The error that a system call's failure at `path` means.
pub(crate) fn failed(errno: Errno, doing: impl Display, path: &Path) -> Error {
    let advice = match errno {
        Errno::LOOP => (Code::NotOurs, "it is a symbolic link; put what it points to in its place"),
        Errno::NOTDIR => (Code::NotOurs, "a part of it is not a folder; move that file away"),
        Errno::ISDIR => (Code::NotOurs, "it is a folder; move it away"),
        Errno::FBIG => (Code::ValueTooLarge, "the file system or a limit of the process ends here"),
        Errno::NAMETOOLONG => (Code::KeyTooLong, "take a shorter name"),
        Errno::MFILE | Errno::NFILE => (
            Code::Unavailable,
            "too many files are open; close some or raise the limit (ulimit -n)",
        ),
        _ => return Error::io(errno.into(), doing, path),
    };
    let text = path.display().to_string();
    let message = format!("{doing} failed at {text}: {errno}; {}.", advice.1);
    Error::new(advice.0, message)
        .at(|place| place.path = Some(text))
        .caused_by(std::io::Error::from(errno))
}

/// As `failed`, for errors of the standard library.
pub(crate) fn failed_io(source: std::io::Error, doing: impl Display, path: &Path) -> Error {
    match Errno::from_io_error(&source) {
        Some(errno) => failed(errno, doing, path),
        None => Error::io(source, doing, path),
    }
}
