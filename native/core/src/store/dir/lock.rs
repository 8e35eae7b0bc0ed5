//! The lock that all writers of a folder take in turn.
//!
//! Unsafe: one call of fcntl(2), because no safe crate offers locks of open file descriptions. The
//! older kind belongs to the process: it would not keep two stores of one process apart, and
//! closing any other handle of the file would release it.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use rustix::io::Errno;

use crate::clock::Clock;
use crate::disk::sys::{may_fail, Call};
use crate::disk::{failed, set_modified, Folder, Seen};
use crate::error::{Code, Error, Result};

const NAME: &str = "lock";
const PATIENCE: Duration = Duration::from_secs(30);

/// The lock file `.keepstate/lock`. Its time of modification is at least that of every file that
/// was deleted: a file made later gets a greater one, so that no version comes back.
pub struct Lock {
    /// Threads take turns here; they share one open file description.
    file: Mutex<Option<File>>,
    mode: u32,
    clock: Arc<dyn Clock>,
}

/// The lock, held.
pub struct Held<'a> {
    file: MutexGuard<'a, Option<File>>,
}

impl Lock {
    /// A lock that nobody of this process holds. The file is opened when it is needed first.
    pub fn new(mode: u32, clock: Arc<dyn Clock>) -> Lock {
        Lock { file: Mutex::new(None), mode, clock }
    }

    /// Waits for the lock in the folder `.keepstate`. LOCKED if it is not to be had in time.
    pub fn hold(&self, folder: &Folder) -> Result<Held<'_>> {
        let mut slot = self.file.lock();
        loop {
            let file = match slot.take() {
                Some(file) => file,
                None => folder.file_or_new(NAME, self.mode)?,
            };
            self.wait(&file, folder)?;
            // Somebody may have removed the file: then others lock another one.
            if Seen::of(&file, &folder.path_of(NAME))?.names > 0 {
                *slot = Some(file);
                return Ok(Held { file: slot });
            }
        }
    }

    /// The time above which a new file must be.
    pub fn floor(&self, folder: &Folder) -> Result<i128> {
        Ok(folder.seen_file(NAME)?.map_or(i128::MIN, |seen| seen.modified))
    }

    fn wait(&self, file: &File, folder: &Folder) -> Result<()> {
        let (mut waited, mut pause) = (Duration::ZERO, Duration::from_micros(50));
        while !try_lock(file)
            .map_err(|errno| failed(errno, "Locking the file", &folder.path_of(NAME)))?
        {
            if waited >= PATIENCE {
                return Err(locked(folder));
            }
            self.clock.sleep(pause);
            waited += pause;
            pause = (pause * 2).min(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Held<'_> {
    /// Keeps in mind that a file of this time is deleted.
    pub fn raise(&self, time: i128, folder: &Folder) -> Result<()> {
        let Some(file) = self.file.as_ref().filter(|_| !sabotaged!(DirTimesOfDeleted)) else {
            return Ok(());
        };
        let path = folder.path_of(NAME);
        if Seen::of(file, &path)?.modified >= time {
            return Ok(());
        }
        set_modified(file, time).map_err(|errno| failed(errno, "Setting the time of", &path))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(file) = self.file.as_ref() {
            if change(file, libc::F_UNLCK).is_err() {
                // Closing the only handle of the description releases it too.
                *self.file = None;
            }
        }
    }
}

fn locked(folder: &Folder) -> Error {
    let path = folder.path_of(NAME).display().to_string();
    let message = format!(
        "Another process has held {path} for {} seconds; see what it does (lsof), and try again.",
        PATIENCE.as_secs()
    );
    Error::new(Code::Locked, message).at(|place| place.path = Some(path))
}

fn try_lock(file: &File) -> std::result::Result<bool, Errno> {
    if sabotaged!(DirLock) {
        return Ok(true);
    }
    match change(file, libc::F_WRLCK) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(errno) => Err(errno),
    }
}

fn change(file: &File, kind: libc::c_int) -> std::result::Result<(), Errno> {
    may_fail(Call::Lock)?;
    loop {
        // SAFETY: all zeros is a valid `flock`: a struct of integers.
        let mut range: libc::flock = unsafe { std::mem::zeroed() };
        range.l_type = kind as _;
        range.l_whence = libc::SEEK_SET as _;
        range.l_len = 1;
        // SAFETY: the descriptor is open as long as `file` is borrowed, and `range` outlives the
        // call, which keeps no pointer to it.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &range) } == 0 {
            return Ok(());
        }
        match Errno::from_io_error(&std::io::Error::last_os_error()) {
            Some(Errno::INTR) => {}
            Some(errno) => return Err(errno),
            None => return Err(Errno::IO),
        }
    }
}
