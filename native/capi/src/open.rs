//! From a URL to a store.

use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::store::memory::MemoryStore;

use crate::opened::Parts;

/// What can be asked of a store when it is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wishes {
    /// Acknowledged need not mean on disk.
    pub relaxed: bool,
}

/// Opens the store of a URL.
pub fn open(url: &str, wishes: Wishes) -> Result<Parts> {
    let (scheme, rest) = url.split_once(':').unwrap_or(("file", url));
    match scheme {
        "memory" if rest.is_empty() => memory(wishes),
        "memory" => {
            let message = format!("A memory store has no name; write memory: instead of {url}.");
            fail(Code::InvalidConfig, message)
        }
        _ => {
            let message = format!("There is no store of the kind '{scheme}'; use memory:.");
            fail(Code::InvalidConfig, message)
        }
    }
}

fn memory(wishes: Wishes) -> Result<Parts> {
    if wishes.relaxed {
        let message = "A memory store is never durable; leave the durability out.";
        return fail(Code::InvalidConfig, message);
    }
    Ok(Parts::embedded(MemoryStore::new(Arc::new(SystemClock))))
}
