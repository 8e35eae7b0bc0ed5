//! Pointers of the caller's: the only place where they become references, texts and boxes.
//!
//! What a caller can get wrong and what can be seen from here is an error that names the argument.

use std::sync::Arc;

use keepstate_core::error::{fail, Code, Error, Result};

/// As a length of a text: it ends at its first NUL.
pub const KS_NUL: usize = usize::MAX;

fn missing(what: &str) -> Error {
    Error::new(Code::InvalidArgument, format!("{what} is NULL; pass a valid pointer."))
}

fn aligned<T>(pointer: *const T, what: &str) -> Result<()> {
    if pointer.is_null() {
        return Err(missing(what));
    }
    if pointer.is_aligned() {
        return Ok(());
    }
    fail(Code::InvalidArgument, format!("{what} is no pointer that was handed out; check it."))
}

/// A handle, or an error that names it.
///
/// # Safety
/// `pointer` is NULL or a live handle of this type, for as long as the reference is used.
pub unsafe fn handle<'a, T>(pointer: *const T, what: &str) -> Result<&'a T> {
    aligned(pointer, what)?;
    // SAFETY: not NULL, aligned, and live as the caller promised.
    Ok(unsafe { &*pointer })
}

/// A place for an answer that must be there.
///
/// # Safety
/// `pointer` is NULL or may be written, and nobody else uses it meanwhile.
pub unsafe fn out<T>(pointer: *mut T, empty: T, what: &str) -> Result<&'static mut T> {
    aligned(pointer, what)?;
    // SAFETY: not NULL, aligned, writable as the caller promised; `write` reads nothing of what was
    // there.
    unsafe {
        pointer.write(empty);
        Ok(&mut *pointer)
    }
}

/// A place for an answer that the caller may leave out.
///
/// # Safety
/// As `out`.
pub unsafe fn maybe_out<T>(pointer: *mut T, empty: T) -> Result<Option<&'static mut T>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: as this function's own.
    unsafe { out(pointer, empty, "A place for an answer").map(Some) }
}

/// Bytes of the caller's. NULL is the same as no bytes if the length is 0.
///
/// # Safety
/// So many bytes may be read at `pointer`, for as long as the slice is used.
pub unsafe fn bytes<'a>(pointer: *const u8, length: usize, what: &str) -> Result<&'a [u8]> {
    if length == 0 {
        return Ok(&[]);
    }
    if pointer.is_null() {
        return Err(missing(what));
    }
    if length > isize::MAX as usize {
        return fail(Code::InvalidArgument, format!("The length of {what} cannot be right."));
    }
    // SAFETY: not NULL, of a length that can be, readable as the caller promised.
    Ok(unsafe { std::slice::from_raw_parts(pointer, length) })
}

/// A text of the caller's, that must be there.
///
/// # Safety
/// As `bytes`; with `KS_NUL` there is a NUL behind the text.
pub unsafe fn text<'a>(pointer: *const libc::c_char, length: usize, what: &str) -> Result<&'a str> {
    // SAFETY: as this function's own.
    unsafe { maybe_text(pointer, length, what)? }.ok_or_else(|| missing(what))
}

/// A text of the caller's; NULL is none.
///
/// # Safety
/// As `text`.
pub unsafe fn maybe_text<'a>(
    pointer: *const libc::c_char,
    length: usize,
    what: &str,
) -> Result<Option<&'a str>> {
    if pointer.is_null() {
        return Ok(None);
    }
    // SAFETY: with `KS_NUL` the caller promised a NUL; else so many bytes.
    let raw = unsafe {
        let length = if length == KS_NUL { libc::strlen(pointer) } else { length };
        bytes(pointer.cast(), length, what)?
    };
    match std::str::from_utf8(raw) {
        Ok(text) => Ok(Some(text)),
        Err(problem) => {
            let at = problem.valid_up_to();
            let message = format!("{what} is not UTF-8 from its byte {at} on; encode it first.");
            fail(Code::InvalidArgument, message)
        }
    }
}

/// An array of the caller's that is to be filled.
///
/// # Safety
/// So many elements may be written at `pointer`, and nobody else uses them meanwhile.
pub unsafe fn array<'a, T: Copy>(
    pointer: *mut T,
    (length, empty): (usize, T),
    what: &str,
) -> Result<&'a mut [T]> {
    if length == 0 {
        return Ok(&mut []);
    }
    aligned(pointer, what)?;
    if length > isize::MAX as usize / size_of::<T>().max(1) {
        return fail(Code::InvalidArgument, format!("The length of {what} cannot be right."));
    }
    // SAFETY: not NULL, aligned, writable as the caller promised; every element is written before
    // it is seen.
    unsafe {
        for index in 0..length {
            pointer.add(index).write(empty);
        }
        Ok(std::slice::from_raw_parts_mut(pointer, length))
    }
}

/// Hands a value out as a handle; `take` gets it back.
pub fn hand_out<T>(value: T) -> *mut T {
    Box::into_raw(Box::new(value))
}

/// Takes a handle back that `hand_out` gave. NULL is none.
///
/// # Safety
/// `pointer` is NULL or came from `hand_out` and is not used again.
pub unsafe fn take<T>(pointer: *mut T) -> Option<Box<T>> {
    // SAFETY: not NULL and ours, as the caller promised.
    (!pointer.is_null()).then(|| unsafe { Box::from_raw(pointer) })
}

/// Hands a shared value out as a handle; `take_shared` gets it back.
pub fn hand_out_shared<T>(value: Arc<T>) -> *mut T {
    Arc::into_raw(value).cast_mut()
}

/// Takes a handle back that `hand_out_shared` gave. NULL is none.
///
/// # Safety
/// `pointer` is NULL or came from `hand_out_shared` and is not used again.
pub unsafe fn take_shared<T>(pointer: *mut T) -> Option<Arc<T>> {
    // SAFETY: not NULL and ours, as the caller promised.
    (!pointer.is_null()).then(|| unsafe { Arc::from_raw(pointer.cast_const()) })
}
