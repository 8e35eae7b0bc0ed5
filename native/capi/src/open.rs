//! From a URL to a store.

use std::path::Path;
use std::sync::Arc;

use keepstate_core::clock::{Clock, SystemClock};
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::store::dir::{DirOptions, DirStore};
use keepstate_core::store::log::{Log, LogOptions};
use keepstate_core::store::memory::MemoryStore;

use crate::opened::Parts;

/// What can be asked of a store when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    /// Whether acknowledged may mean less than on disk; none is what the store does by itself.
    pub relaxed: Option<bool>,
    /// Write nothing at all.
    pub read_only: bool,
    /// Refuse a folder without a store.
    pub existing: bool,
}

/// Opens the store of a URL. A text without a scheme is a path.
pub fn open(url: &str, wishes: Wishes) -> Result<Parts> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let (scheme, rest) = match url.split_once(':') {
        Some((scheme, rest)) if is_scheme(scheme) => (scheme, rest),
        _ => ("file", url),
    };
    match scheme {
        "memory" => memory(rest, wishes, clock),
        "file" => log(path(rest)?, wishes, clock),
        "dir" => dir(path(rest)?, wishes, clock),
        _ => {
            let message = format!(
                "There is no store of the kind '{scheme}:'; use memory:, file:PATH or dir:PATH."
            );
            fail(Code::InvalidConfig, message)
        }
    }
}

/// One letter is a drive, and a slash or a dot begins a path.
fn is_scheme(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    text.len() > 1 && text.bytes().all(plain)
}

fn path(rest: &str) -> Result<&Path> {
    match rest.strip_prefix("//").unwrap_or(rest) {
        "" => fail(Code::InvalidConfig, "The store has no path; write it as in file:./state."),
        path => Ok(Path::new(path)),
    }
}

fn memory(rest: &str, wishes: Wishes, clock: Arc<dyn Clock>) -> Result<Parts> {
    if !rest.is_empty() {
        return fail(Code::InvalidConfig, "A memory store has no name; write memory: alone.");
    }
    if wishes != (Wishes { relaxed: None, read_only: false, existing: false }) {
        let message = "A memory store is empty at first and never durable; leave the options out.";
        return fail(Code::InvalidConfig, message);
    }
    Ok(Parts::embedded(Arc::new(MemoryStore::new(clock))))
}

fn log(path: &Path, wishes: Wishes, clock: Arc<dyn Clock>) -> Result<Parts> {
    let mut options = match wishes.relaxed {
        Some(true) => LogOptions::asynchronous(),
        _ => LogOptions::default(),
    };
    options.read_only = wishes.read_only;
    options.create = !wishes.existing && !wishes.read_only;
    Ok(Parts::embedded(Log::open(path, options, clock)?))
}

fn dir(path: &Path, wishes: Wishes, clock: Arc<dyn Clock>) -> Result<Parts> {
    if wishes.read_only {
        let message = "A store of plain files cannot be opened read-only; leave that flag out.";
        return fail(Code::Unsupported, message);
    }
    let sync = wishes.relaxed != Some(true);
    let options = DirOptions { create: !wishes.existing, sync, ..DirOptions::default() };
    Ok(Parts::embedded(Arc::new(DirStore::open(path, options, clock)?)))
}
