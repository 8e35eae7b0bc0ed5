//! What a store of the caller's own lists into.

use keepstate_core::error::{fail, Code, Result};
use keepstate_core::store::{Entry, Query, Version};

use crate::boundary;
use crate::cast;
use crate::error::{ks_error, ks_status};
use crate::iter::ks_entry;

/// Takes the entries of a listing. It lives until the callback returns.
pub struct ks_sink {
    query: Query,
    entries: Vec<Entry>,
    ended: bool,
}

impl ks_sink {
    /// For the entries that this query asks for.
    pub fn new(query: &Query) -> ks_sink {
        ks_sink { query: query.clone(), entries: Vec::new(), ended: false }
    }

    fn add(&mut self, entry: Entry) -> Result<()> {
        let last = self.entries.last().map(|entry| entry.key.as_str());
        let behind = last.or(self.query.after.as_deref());
        let fits = entry.key.starts_with(&self.query.prefix)
            && behind.is_none_or(|behind| entry.key.as_str() > behind)
            && self.query.limit.is_none_or(|limit| self.entries.len() < limit);
        if !fits {
            let message = format!(
                "The callback list of a ks_store_vtable gave the key '{}', which is out of order, \
                 out of the prefix or beyond the limit; correct it.",
                entry.key
            );
            return fail(Code::InvalidArgument, message);
        }
        self.entries.push(entry);
        Ok(())
    }

    /// The entries, if the callback said that these are all.
    pub fn finish(self) -> Result<Vec<Entry>> {
        if self.ended {
            return Ok(self.entries);
        }
        let message =
            "The callback list of a ks_store_vtable said OK but did not call ks_sink_end.";
        fail(Code::Internal, message)
    }
}

/// Adds an entry, which is copied. An error says that it does not belong here; answer `list` with
/// it.
#[no_mangle]
pub unsafe extern "C" fn ks_sink_add(
    sink: *mut ks_sink,
    entry: *const ks_entry,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            cast::handle(sink, "sink")?;
            let given = cast::handle(entry, "entry")?;
            let key = cast::text(given.key, given.key_len, "key")?.to_owned();
            let version = cast::text(given.version, given.version_len, "version")?;
            let version = Version(version.into());
            (*sink).add(Entry { key, size: given.size, version, modified: given.modified })
        })
    }
}

/// Says that no entries follow.
#[no_mangle]
pub unsafe extern "C" fn ks_sink_end(sink: *mut ks_sink, error: *mut *mut ks_error) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            cast::handle(sink, "sink")?;
            (*sink).ended = true;
            Ok(())
        })
    }
}
