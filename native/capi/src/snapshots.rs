//! Listing the snapshots of a timeline, page by page.

use std::ptr;
use std::sync::Arc;

use keepstate_core::drive;
use keepstate_core::error::Result;
use keepstate_core::timeline::Page;
use parking_lot::Mutex;

use crate::boundary;
use crate::cast;
use crate::error::{ks_error, ks_status};
use crate::line::Line;
use crate::options::{self, grows};
use crate::snapshot::ks_snapshot;
use crate::timeline::ks_timeline;

/// How many snapshots are read at once.
const PAGE: usize = 128;

/// For `flags`: from the newest to the oldest.
pub const KS_PAGE_NEWEST_FIRST: u32 = 1;

/// Which snapshots are listed. All zeros are all, from the oldest on.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_page_options {
    /// `sizeof(ks_page_options)`.
    pub struct_size: usize,
    /// `KS_PAGE_...`, added up.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// Only later ones than this number; 0 is no bound.
    pub after: u64,
    /// Only earlier ones than this number; 0 is no bound.
    pub before: u64,
    /// At most so many; 0 is all.
    pub limit: u64,
}
grows!(ks_page_options);

/// A listing under way. It keeps no store open; ends with `ks_snapshots_free`.
pub struct ks_snapshots {
    line: Arc<Line>,
    walk: Mutex<Walk>,
}

/// Where a listing stands. What was lent last lies in `held`, before `next`.
struct Walk {
    page: Page,
    left: u64,
    held: Vec<ks_snapshot>,
    next: usize,
    ended: bool,
}

impl Walk {
    fn advance(&mut self, line: &Line, capacity: usize) -> Result<&[ks_snapshot]> {
        if self.next == self.held.len() && !self.ended {
            self.turn(line)?;
        }
        let end = self.held.len().min(self.next.saturating_add(capacity));
        let lent = self.held.get(self.next..end).unwrap_or_default();
        self.next = end;
        Ok(lent)
    }

    fn turn(&mut self, line: &Line) -> Result<()> {
        let limit = self.left.min(PAGE as u64) as usize;
        self.page.limit = Some(limit);
        (self.held, self.next) = (Vec::new(), 0);
        let _inside = line.opened.enter()?;
        let listed = drive::run(line.timeline.list(self.page), &line.ground())?;
        let name = line.timeline.name();
        self.held = listed.into_iter().map(|listed| ks_snapshot::new(name, listed)).collect();
        self.left -= self.held.len().min(limit) as u64;
        self.ended = self.held.len() < limit || self.left == 0;
        match self.held.last().map(ks_snapshot::sequence) {
            last if self.page.newest_first => self.page.before = last.or(self.page.before),
            last => self.page.after = last.or(self.page.after),
        }
        Ok(())
    }
}

/// Begins to list the snapshots. Nothing is read yet. `options` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_list(
    timeline: *const ks_timeline,
    options: *const ks_page_options,
    out: *mut *mut ks_snapshots,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, ptr::null_mut(), "out")?;
            let line = cast::handle(timeline, "timeline")?.line();
            line.opened.enter()?;
            let given = options::read(options)?;
            let some = |number: u64| (number != 0).then_some(number);
            let page = Page {
                after: some(given.after),
                before: some(given.before),
                limit: None,
                newest_first: given.flags & KS_PAGE_NEWEST_FIRST != 0,
            };
            let left = some(given.limit).unwrap_or(u64::MAX);
            let walk = Walk { page, left, held: Vec::new(), next: 0, ended: false };
            let (line, walk) = (line.clone(), Mutex::new(walk));
            *out = cast::hand_out(ks_snapshots { line, walk });
            Ok(())
        })
    }
}

/// Lends the next snapshots, at most `capacity`, until the next call on the listing; none are left
/// if `count` is 0. They must not be freed.
#[no_mangle]
pub unsafe extern "C" fn ks_snapshots_next_batch(
    snapshots: *const ks_snapshots,
    out: *mut *const ks_snapshot,
    capacity: usize,
    count: *mut usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let count = cast::out(count, 0, "count")?;
            let snapshots = cast::handle(snapshots, "snapshots")?;
            let out = cast::array(out, (capacity, ptr::null()), "out")?;
            let mut walk = snapshots.walk.lock();
            let lent = walk.advance(&snapshots.line, capacity)?;
            out.iter_mut().zip(lent).for_each(|(place, lent)| *place = lent);
            *count = lent.len();
            Ok(())
        })
    }
}

/// Ends a listing. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_snapshots_free(snapshots: *mut ks_snapshots) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        drop(unsafe { cast::take(snapshots) });
    });
}
