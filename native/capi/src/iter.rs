//! Listing the keys of a store, page by page.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use keepstate_core::error::Result;
use keepstate_core::store::{Entry, Query};
use parking_lot::Mutex;

use crate::boundary;
use crate::cast;
use crate::error::{ks_error, ks_status};
use crate::opened::Opened;
use crate::options::{self, grows};
use crate::store::ks_store;

/// How many entries are read from the store at once.
const PAGE: usize = 512;

/// What is told of a key. This struct never grows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_entry {
    /// The key.
    pub key: *const c_char,
    /// Its length.
    pub key_len: usize,
    /// The length of the value.
    pub size: u64,
    /// The version of the value.
    pub version: *const c_char,
    /// Its length.
    pub version_len: usize,
    /// When it was written, in milliseconds since 1970.
    pub modified: u64,
}

/// Which keys are listed. All zeros are all keys.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_list_options {
    /// `sizeof(ks_list_options)`.
    pub struct_size: usize,
    /// Only keys greater than this one; NULL is none.
    pub after: *const c_char,
    /// Its length.
    pub after_len: usize,
    /// At most so many; 0 is all.
    pub limit: u64,
}
grows!(ks_list_options);

/// A listing under way. It keeps no store open; ends with `ks_iter_free`.
pub struct ks_iter {
    opened: Arc<Opened>,
    walk: Mutex<Walk>,
}

/// Where a listing stands. The entries that were lent last lie in `page`, before `next`.
struct Walk {
    query: Query,
    left: u64,
    page: Vec<Entry>,
    next: usize,
    ended: bool,
}

impl Walk {
    /// The next entries, at most `capacity` and at most a page. None are left if there are none.
    fn advance(&mut self, opened: &Opened, capacity: usize) -> Result<&[Entry]> {
        if self.next == self.page.len() && !self.ended {
            self.turn(opened)?;
        }
        let end = self.page.len().min(self.next.saturating_add(capacity));
        let lent = self.page.get(self.next..end).unwrap_or_default();
        self.next = end;
        Ok(lent)
    }

    fn turn(&mut self, opened: &Opened) -> Result<()> {
        let limit = self.left.min(PAGE as u64) as usize;
        self.query.limit = Some(limit);
        (self.page, self.next) = (Vec::new(), 0);
        self.page = opened.enter()?.store().list(&self.query)?;
        self.left -= self.page.len().min(limit) as u64;
        self.ended = self.page.len() < limit || self.left == 0;
        if let Some(last) = self.page.last() {
            self.query.after = Some(last.key.clone());
        }
        Ok(())
    }
}

impl ks_entry {
    const EMPTY: ks_entry = ks_entry {
        key: ptr::null(),
        key_len: 0,
        size: 0,
        version: ptr::null(),
        version_len: 0,
        modified: 0,
    };

    fn lend(entry: &Entry) -> ks_entry {
        ks_entry {
            key: entry.key.as_ptr().cast(),
            key_len: entry.key.len(),
            size: entry.size,
            version: entry.version.0.as_ptr().cast(),
            version_len: entry.version.0.len(),
            modified: entry.modified,
        }
    }
}

/// Begins to list the keys that begin with `prefix`, in the order of their bytes. Nothing is read
/// yet. `options` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_store_list(
    store: *const ks_store,
    prefix: *const c_char,
    prefix_len: usize,
    options: *const ks_list_options,
    out: *mut *mut ks_iter,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, ptr::null_mut(), "out")?;
            let opened = cast::handle(store, "store")?.opened();
            opened.enter()?;
            let prefix = cast::text(prefix, prefix_len, "prefix")?.to_owned();
            let options = options::read(options)?;
            let after = cast::maybe_text(options.after, options.after_len, "after")?;
            let query = Query { prefix, after: after.map(str::to_owned), limit: None };
            let left = if options.limit == 0 { u64::MAX } else { options.limit };
            let walk = Walk { query, left, page: Vec::new(), next: 0, ended: false };
            let (opened, walk) = (opened.clone(), Mutex::new(walk));
            *out = cast::hand_out(ks_iter { opened, walk });
            Ok(())
        })
    }
}

/// Gives the next entries, at most `capacity`; none are left if `count` is 0. What the entries
/// point to lives until the next call on the iterator.
#[no_mangle]
pub unsafe extern "C" fn ks_iter_next_batch(
    iter: *const ks_iter,
    entries: *mut ks_entry,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let count = cast::out(count, 0, "count")?;
            let iter = cast::handle(iter, "iter")?;
            let entries = cast::array(entries, (capacity, ks_entry::EMPTY), "entries")?;
            let mut walk = iter.walk.lock();
            let lent = walk.advance(&iter.opened, capacity)?;
            entries.iter_mut().zip(lent).for_each(|(place, entry)| *place = ks_entry::lend(entry));
            *count = lent.len();
            Ok(())
        })
    }
}

/// Ends a listing. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_iter_free(iter: *mut ks_iter) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        drop(unsafe { cast::take(iter) });
    });
}
