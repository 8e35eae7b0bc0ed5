//! What a verification found.

use keepstate_core::error::Error;

use crate::boundary;
use crate::cast;
use crate::error::ks_error;

/// What was read and what is wrong with it. Immutable; ends with `ks_report_free`.
pub struct ks_report {
    items: u64,
    bytes: u64,
    problems: Vec<ks_error>,
}

impl ks_report {
    /// A report of so many items with so many bytes.
    pub fn new(items: u64, bytes: u64, problems: Vec<Error>) -> ks_report {
        ks_report { items, bytes, problems: problems.into_iter().map(ks_error::new).collect() }
    }
}

unsafe fn read<T>(report: *const ks_report, otherwise: T, pick: impl FnOnce(&ks_report) -> T) -> T
where
    T: Copy,
{
    boundary::answer(otherwise, || {
        // SAFETY: a live report or NULL, as the caller promised.
        unsafe { report.as_ref() }.map_or(otherwise, pick)
    })
}

/// How many snapshots (of a timeline) or steps (of a store) were read.
#[no_mangle]
pub unsafe extern "C" fn ks_report_items(report: *const ks_report) -> u64 {
    // SAFETY: the caller keeps the conventions.
    unsafe { read(report, 0, |report| report.items) }
}

/// How many bytes they have together.
#[no_mangle]
pub unsafe extern "C" fn ks_report_bytes(report: *const ks_report) -> u64 {
    // SAFETY: the caller keeps the conventions.
    unsafe { read(report, 0, |report| report.bytes) }
}

/// How many problems were found; 0 means that all is well.
#[no_mangle]
pub unsafe extern "C" fn ks_report_count(report: *const ks_report) -> usize {
    // SAFETY: the caller keeps the conventions.
    unsafe { read(report, 0, |report| report.problems.len()) }
}

/// A problem, as long as the report lives; NULL behind the last. It must not be freed.
#[no_mangle]
pub unsafe extern "C" fn ks_report_problem(
    report: *const ks_report,
    index: usize,
) -> *const ks_error {
    let pick = |report: &ks_report| -> *const ks_error {
        report.problems.get(index).map_or(std::ptr::null(), |problem| problem)
    };
    // SAFETY: the caller keeps the conventions.
    unsafe { read(report, std::ptr::null(), pick) }
}

/// Ends a report. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_report_free(report: *mut ks_report) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        drop(unsafe { cast::take(report) });
    });
}
