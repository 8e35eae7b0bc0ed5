//! The two system calls that the standard library lacks: locks of an open file description, and
//! `fallocate`.
//!
//! Unsafe because libc's functions are: each call passes a valid descriptor, borrowed from a `File`
//! that outlives the call, and a pointer to a local that the kernel reads or writes at once.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

/// What is asked of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Claim {
    /// Beside other readers.
    Shared,
    /// Alone.
    Alone,
    /// No more.
    Nothing,
}

/// Claims one byte of `file` for its open file description; false if somebody else has it.
pub(super) fn claim(file: &File, byte: u64, claim: Claim) -> io::Result<bool> {
    let kind = match claim {
        Claim::Shared => libc::F_RDLCK,
        Claim::Alone => libc::F_WRLCK,
        Claim::Nothing => libc::F_UNLCK,
    };
    let lock = libc::flock {
        l_type: kind as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: byte as libc::off_t,
        l_len: 1,
        l_pid: 0,
    };
    loop {
        // SAFETY: the descriptor is open as long as `file` is borrowed; `lock` is read only.
        if unsafe { libc::fcntl(file.as_raw_fd(), libc::F_OFD_SETLK, &lock) } == 0 {
            return Ok(true);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EAGAIN | libc::EACCES) => return Ok(false),
            Some(libc::EINTR) => {}
            _ => return Err(error),
        }
    }
}

/// Whether `reserve` makes the file longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reserve {
    /// It reads as zeros up to the new end.
    Visible,
    /// Space is set aside behind the end.
    Hidden,
}

/// Sets space aside for a part of a file.
pub(super) fn reserve(file: &File, offset: u64, length: u64, how: Reserve) -> io::Result<()> {
    let mode = match how {
        Reserve::Visible => 0,
        Reserve::Hidden => libc::FALLOC_FL_KEEP_SIZE,
    };
    let (offset, length) = (offset as libc::off_t, length as libc::off_t);
    loop {
        // SAFETY: the descriptor is open as long as `file` is borrowed.
        if unsafe { libc::fallocate(file.as_raw_fd(), mode, offset, length) } == 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
