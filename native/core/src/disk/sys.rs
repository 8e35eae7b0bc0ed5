//! The system calls that `disk` makes, each at one place, so that tests can make each fail.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::path::Path;

use rustix::fs as real;
use rustix::io::Result;

pub use real::{AtFlags, FileType, Mode, OFlags, RenameFlags, Stat, Timespec, Timestamps};

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "testing"), allow(dead_code))]
pub enum Call {
    /// A file or folder is opened or made.
    Open,
    /// A folder is made.
    Folder,
    /// A mode or time is set.
    Change,
    /// Something is looked at.
    Look,
    /// A folder is listed.
    List,
    /// A file is read.
    Read,
    /// A file is written.
    Write,
    /// A file or folder is synced.
    Sync,
    /// A file gets a name.
    Rename,
    /// A file or folder is removed.
    Remove,
    /// The lock is taken or released.
    Lock,
}

/// Fails where a test wants it to.
#[cfg(feature = "testing")]
pub fn may_fail(call: Call) -> Result<()> {
    match crate::testing::faults::next(call) {
        Some(fault) => Err(rustix::io::Errno::from_raw_os_error(fault.errno)),
        None => Ok(()),
    }
}

/// Fails where a test wants it to, and only there.
#[cfg(not(feature = "testing"))]
#[inline(always)]
pub fn may_fail(_: Call) -> Result<()> {
    Ok(())
}

pub fn open(path: &Path, flags: OFlags, mode: Mode) -> Result<OwnedFd> {
    may_fail(Call::Open)?;
    real::open(path, flags, mode)
}

pub fn openat(folder: impl AsFd, name: &str, (flags, mode): (OFlags, Mode)) -> Result<OwnedFd> {
    may_fail(Call::Open)?;
    real::openat(folder, name, flags, mode)
}

pub fn mkdirat(folder: impl AsFd, name: &str, mode: Mode) -> Result<()> {
    may_fail(Call::Folder)?;
    real::mkdirat(folder, name, mode)
}

pub fn fchmod(file: impl AsFd, mode: Mode) -> Result<()> {
    may_fail(Call::Change)?;
    real::fchmod(file, mode)
}

pub fn futimens(file: impl AsFd, times: &Timestamps) -> Result<()> {
    may_fail(Call::Change)?;
    real::futimens(file, times)
}

pub fn statat(folder: impl AsFd, name: &str, flags: AtFlags) -> Result<Stat> {
    may_fail(Call::Look)?;
    real::statat(folder, name, flags)
}

pub fn fstat(file: impl AsFd) -> Result<Stat> {
    may_fail(Call::Look)?;
    real::fstat(file)
}

pub fn entries(folder: impl AsFd) -> Result<real::Dir> {
    may_fail(Call::List)?;
    real::Dir::read_from(folder)
}

pub fn unlinkat(folder: impl AsFd, name: &str, flags: AtFlags) -> Result<()> {
    may_fail(Call::Remove)?;
    real::unlinkat(folder, name, flags)
}

pub fn fsync(file: impl AsFd) -> Result<()> {
    may_fail(Call::Sync)?;
    real::fsync(file)
}

pub fn renameat<A: AsFd, B: AsFd>(from: (A, &str), to: (B, &str)) -> Result<()> {
    may_fail(Call::Rename)?;
    real::renameat(from.0, from.1, to.0, to.1)
}

pub fn renameat_free<A: AsFd, B: AsFd>(from: (A, &str), to: (B, &str)) -> Result<()> {
    may_fail(Call::Rename)?;
    real::renameat_with(from.0, from.1, to.0, to.1, RenameFlags::NOREPLACE)
}

pub fn linkat<A: AsFd, B: AsFd>(from: (A, &str), to: (B, &str)) -> Result<()> {
    may_fail(Call::Rename)?;
    real::linkat(from.0, from.1, to.0, to.1, AtFlags::empty())
}

/// Writes all of it, or a part and then fails.
pub fn write_all(mut file: &File, bytes: &[u8]) -> std::io::Result<()> {
    #[cfg(feature = "testing")]
    if let Some(fault) = crate::testing::faults::next(Call::Write) {
        file.write_all(bytes.get(..fault.written).unwrap_or(bytes))?;
        return Err(std::io::Error::from_raw_os_error(fault.errno));
    }
    file.write_all(bytes)
}

pub fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    may_fail(Call::Read)?;
    file.read_at(buffer, offset)
}
