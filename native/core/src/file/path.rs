//! A single file at a path of this machine: whole or not at all.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use crate::clock::Clock;
use crate::disk::{self, failed_io, Existing, Folder, Temp};
use crate::error::{fail, Code, Error, Result};

/// The mode of a file that was not there before: an agent's state is its owner's.
const MODE: u32 = 0o600;

/// Writes a file in place of what is there, durably. A reader, and whoever comes after a crash,
/// finds the old content or the new. A symbolic link stays, and what it points to is replaced.
pub fn save_path(path: &Path, bytes: &[u8], clock: &dyn Clock) -> Result<()> {
    let path = followed(path)?;
    let (folder, name) = open(&path)?;
    let mode = folder.seen_file(name)?.map_or(MODE, |seen| seen.mode);
    let mut random = [0; 8];
    clock.random(&mut random)?;
    // Short, because the longest names leave no room for more.
    let hidden = format!(".keepstate-{:016x}", u64::from_le_bytes(random));
    let mut temp = Temp::create(&folder, hidden, mode)?;
    temp.write(bytes)?;
    temp.sync()?;
    temp.place(&folder, name, Existing::Replace)?;
    folder.sync()
}

/// The content of a file. NOT_FOUND if there is none.
pub fn read_path(path: &Path) -> Result<Bytes> {
    let path = followed(path)?;
    let (folder, name) = open(&path)?;
    match folder.file(name)? {
        Some(file) => Ok(disk::read(&file, None, &path)?.0),
        None => {
            let text = path.display().to_string();
            let message = format!("There is no file {text}; check the path.");
            Err(Error::new(Code::NotFound, message).at(|place| place.path = Some(text)))
        }
    }
}

/// The path behind a symbolic link.
fn followed(path: &Path) -> Result<PathBuf> {
    if !path.is_symlink() {
        return Ok(path.into());
    }
    path.canonicalize().map_err(|source| failed_io(source, "Following the link", path))
}

fn open(path: &Path) -> Result<(Folder, &str)> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        let message = format!("{} names no file, or is not UTF-8; choose another.", path.display());
        return fail(Code::InvalidArgument, message);
    };
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((Folder::open(parent.unwrap_or(Path::new(".")))?, name))
}
