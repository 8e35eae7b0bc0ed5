//! Errors as C sees them.

use std::ffi::{c_char, CString};
use std::ptr;

use keepstate_core::error::{Code, Error, Result};

use crate::boundary;
use crate::cast;

/// The result of a call: `KS_OK`, or one of the other `KS_` codes. The numbers are the same in
/// every language and are never used again for another meaning.
pub type ks_status = u32;

/// The call did what it says.
pub const KS_OK: ks_status = 0;

/// What went wrong and where. Immutable; may be read by several threads; ends with `ks_error_free`.
/// Every text that is read from it lives as long as it does and also ends with a NUL.
pub struct ks_error {
    error: Error,
    name: CString,
    message: CString,
    causes: Vec<CString>,
    key: Option<CString>,
    timeline: Option<CString>,
    pointer: Option<CString>,
    path: Option<CString>,
}

/// A text with a NUL behind it. NULs within are shown as the replacement character, so that the
/// length that is told is that of the whole text.
fn terminated(text: &str) -> CString {
    CString::new(text)
        .unwrap_or_else(|_| CString::new(text.replace('\0', "\u{fffd}")).unwrap_or_default())
}

impl ks_error {
    /// The same error, readable from C.
    pub fn new(error: Error) -> ks_error {
        let some = |text: &Option<String>| text.as_deref().map(terminated);
        let place = error.place();
        ks_error {
            name: terminated(error.code().name()),
            message: terminated(error.message()),
            causes: error.causes().iter().map(|text| terminated(text)).collect(),
            key: some(&place.key),
            timeline: some(&place.timeline),
            pointer: some(&place.pointer),
            path: some(&place.path),
            error,
        }
    }

    /// A handle for the caller, who frees it.
    pub fn hand_out(error: Error) -> *mut ks_error {
        cast::hand_out(ks_error::new(error))
    }

    /// The error that C gave back to us.
    pub fn into_error(self) -> Error {
        self.error
    }
}

/// The code of a number, if the table has it.
pub fn code_of(status: ks_status) -> Option<Code> {
    Code::ALL.iter().copied().find(|code| *code as ks_status == status)
}

fn give(text: Option<&CString>, length: Option<&mut usize>) -> *const c_char {
    if let Some(length) = length {
        *length = text.map_or(0, |text| text.as_bytes().len());
    }
    text.map_or(ptr::null(), |text| text.as_ptr())
}

/// Reads a text of an error; a NULL error has none.
unsafe fn text(
    error: *const ks_error,
    length: *mut usize,
    pick: impl FnOnce(&ks_error) -> Option<&CString>,
) -> *const c_char {
    boundary::answer(ptr::null(), || {
        // SAFETY: a live error or NULL, and a writable length or NULL: the caller's promise.
        unsafe { give(error.as_ref().and_then(pick), length.as_mut()) }
    })
}

/// Reads a number of an error; false if it has none.
unsafe fn number(
    error: *const ks_error,
    value: *mut u64,
    pick: impl FnOnce(&ks_error) -> Option<u64>,
) -> bool {
    boundary::answer(false, || {
        // SAFETY: a live error or NULL, and a writable number or NULL: the caller's promise.
        let (found, place) = unsafe { (error.as_ref().and_then(pick), value.as_mut()) };
        if let (Some(found), Some(place)) = (found, place) {
            *place = found;
        }
        found.is_some()
    })
}

/// Makes an error, for stores of one's own (`ks_store_vtable`). The answer is what was made, or
/// NULL if `code` is `KS_OK` or not in the table, or if the message is not UTF-8.
#[no_mangle]
pub unsafe extern "C" fn ks_error_new(
    code: ks_status,
    message: *const c_char,
    message_len: usize,
) -> *mut ks_error {
    boundary::answer(ptr::null_mut(), || {
        let Some(code) = code_of(code) else { return ptr::null_mut() };
        // SAFETY: the caller keeps the conventions.
        let message: Result<&str> = unsafe { cast::text(message, message_len, "message") };
        message.map_or(ptr::null_mut(), |text| ks_error::hand_out(Error::new(code, text)))
    })
}

/// The code: the same as the status of the call that gave the error. `KS_OK` for NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_error_code(error: *const ks_error) -> ks_status {
    boundary::answer(KS_OK, || {
        // SAFETY: a live error or NULL, as the caller promised.
        unsafe { error.as_ref() }.map_or(KS_OK, |error| error.error.code() as ks_status)
    })
}

/// The stable name of the code, as `NOT_FOUND`.
#[no_mangle]
pub unsafe extern "C" fn ks_error_name(error: *const ks_error, len: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the conventions.
    unsafe { text(error, len, |error| Some(&error.name)) }
}

/// What happened, and what to do.
#[no_mangle]
pub unsafe extern "C" fn ks_error_message(
    error: *const ks_error,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the conventions.
    unsafe { text(error, len, |error| Some(&error.message)) }
}

/// Whether the same call may succeed when it is made again.
#[no_mangle]
pub unsafe extern "C" fn ks_error_retryable(error: *const ks_error) -> bool {
    boundary::answer(false, || {
        // SAFETY: a live error or NULL, as the caller promised.
        unsafe { error.as_ref() }.is_some_and(|error| error.error.code().retryable())
    })
}

/// The text of a cause, the nearest first; NULL behind the last.
#[no_mangle]
pub unsafe extern "C" fn ks_error_cause(
    error: *const ks_error,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the conventions.
    unsafe { text(error, len, |error| error.causes.get(index)) }
}

/// The store's key that it is about, or NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_error_key(error: *const ks_error, len: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the conventions.
    unsafe { text(error, len, |error| error.key.as_ref()) }
}

/// The timeline that it is about, as `agent/session`, or NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_error_timeline(
    error: *const ks_error,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the conventions.
    unsafe { text(error, len, |error| error.timeline.as_ref()) }
}

/// The JSON pointer that it is about, or NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_error_pointer(
    error: *const ks_error,
    len: *mut usize,
) -> *const c_char {
    // SAFETY: the caller keeps the conventions.
    unsafe { text(error, len, |error| error.pointer.as_ref()) }
}

/// The path of the file or folder that it is about, or NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_error_path(error: *const ks_error, len: *mut usize) -> *const c_char {
    // SAFETY: the caller keeps the conventions.
    unsafe { text(error, len, |error| error.path.as_ref()) }
}

/// The number of the log's segment that it is about; false if there is none.
#[no_mangle]
pub unsafe extern "C" fn ks_error_segment(error: *const ks_error, segment: *mut u64) -> bool {
    // SAFETY: the caller keeps the conventions.
    unsafe { number(error, segment, |error| error.error.place().segment) }
}

/// The offset in the segment or file that it is about; false if there is none.
#[no_mangle]
pub unsafe extern "C" fn ks_error_offset(error: *const ks_error, offset: *mut u64) -> bool {
    // SAFETY: the caller keeps the conventions.
    unsafe { number(error, offset, |error| error.error.place().offset) }
}

/// Ends an error. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_error_free(error: *mut ks_error) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        drop(unsafe { cast::take(error) });
    });
}
