//! Reading a file that somebody may be writing to by hand.

use std::fs::File;
use std::path::Path;

use bytes::Bytes;

use super::sys;
use super::{failed_io, Seen};
use crate::error::{fail, Code, Error, Result};
use crate::store::Range;

/// How often a file that changes while it is read is read again.
const ATTEMPTS: usize = 5;
const CHUNK: usize = 1 << 20;

/// The file, or the part of it that is asked for, and what the system told of it then.
pub fn read(file: &File, range: Option<Range>, path: &Path) -> Result<(Bytes, Seen)> {
    for _ in 0..ATTEMPTS {
        let before = Seen::of(file, path)?;
        let value = read_part(file, part(before.size, range), path)?;
        // Keepstate never changes a file that has its name; an editor may.
        if Seen::of(file, path)?.same_content(&before) {
            return Ok((value, before));
        }
    }
    let path = path.display();
    fail(Code::Unavailable, format!("{path} is being written to; try again when that is done."))
}

/// Reads the whole file and forgets it.
pub fn read_through(file: &File, path: &Path) -> Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut offset = 0;
    loop {
        let read = read_some(file, &mut buffer, offset);
        match read.map_err(|source| failed_io(source, "Reading the file", path))? {
            0 => return Ok(()),
            count => offset += count as u64,
        }
    }
}

/// The offset and length of what is asked for, as far as it is there.
fn part(size: u64, range: Option<Range>) -> (u64, u64) {
    let Some(range) = range else { return (0, size) };
    let offset = range.offset.min(size);
    (offset, range.length.min(size - offset))
}

fn read_part(file: &File, (offset, length): (u64, u64), path: &Path) -> Result<Bytes> {
    let mut value = Vec::new();
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    value.try_reserve_exact(length).map_err(|source| {
        let message = format!("{} has {length} bytes, more than memory.", path.display());
        Error::new(Code::OutOfMemory, message + " Read it by ranges.").caused_by(source)
    })?;
    value.resize(length, 0);
    let failed = |source| failed_io(source, "Reading the file", path);
    let mut done = 0;
    while let Some(rest) = value.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match read_some(file, rest, offset + done as u64).map_err(failed)? {
            0 => break,
            count => done += count,
        }
    }
    value.truncate(done);
    Ok(value.into())
}

fn read_some(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<usize> {
    loop {
        match sys::read_at(file, buffer, offset) {
            Err(source) if source.kind() == std::io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
