//! Digests, by name: `blake3 sha256 crc32c`; and hexadecimal text.

use std::ffi::c_char;

use keepstate_core::digest::{Digest, Hasher};
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::hex;
use parking_lot::Mutex;

use crate::boundary;
use crate::cast;
use crate::error::{ks_error, ks_status};

/// The most bytes that a digest has.
pub const KS_DIGEST_MAX: usize = 32;

/// A digest of bytes that come in several parts. Ends with `ks_hasher_free`.
pub struct ks_hasher {
    hasher: Mutex<Hasher>,
}

/// Writes an answer into the caller's buffer. `written` is set to the length that it has, even
/// where it does not fit.
unsafe fn fill(
    answer: &[u8],
    (out, capacity): (*mut u8, usize),
    written: *mut usize,
) -> Result<()> {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        let written = cast::out(written, 0, "written")?;
        *written = answer.len();
        if answer.len() > capacity {
            let length = answer.len();
            let message =
                format!("The answer has {length} bytes, the buffer {capacity}; enlarge it.");
            return fail(Code::InvalidArgument, message);
        }
        let place = cast::array(out, (answer.len(), 0), "out")?;
        place.copy_from_slice(answer);
    }
    Ok(())
}

/// The digest of bytes: 32 bytes, or 4 of `crc32c` (its number, the highest byte first).
#[no_mangle]
pub unsafe extern "C" fn ks_digest(
    name: *const c_char,
    name_len: usize,
    data: *const u8,
    data_len: usize,
    out: *mut u8,
    capacity: usize,
    written: *mut usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let digest = Digest::named(cast::text(name, name_len, "name")?)?;
            let sum = digest.of(cast::bytes(data, data_len, "data")?);
            fill(sum.as_bytes(), (out, capacity), written)
        })
    }
}

/// Begins a digest.
#[no_mangle]
pub unsafe extern "C" fn ks_hasher_new(
    name: *const c_char,
    name_len: usize,
    out: *mut *mut ks_hasher,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, std::ptr::null_mut(), "out")?;
            let hasher = Digest::named(cast::text(name, name_len, "name")?)?.hasher();
            *out = cast::hand_out(ks_hasher { hasher: Mutex::new(hasher) });
            Ok(())
        })
    }
}

/// Adds bytes.
#[no_mangle]
pub unsafe extern "C" fn ks_hasher_update(
    hasher: *const ks_hasher,
    data: *const u8,
    data_len: usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let hasher = cast::handle(hasher, "hasher")?;
            let data = cast::bytes(data, data_len, "data")?;
            hasher.hasher.lock().update(data);
            Ok(())
        })
    }
}

/// The digest of all that was added so far. More may be added after it.
#[no_mangle]
pub unsafe extern "C" fn ks_hasher_finish(
    hasher: *const ks_hasher,
    out: *mut u8,
    capacity: usize,
    written: *mut usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let so_far = cast::handle(hasher, "hasher")?.hasher.lock().clone();
            fill(so_far.finish().as_bytes(), (out, capacity), written)
        })
    }
}

/// Ends a digest. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_hasher_free(hasher: *mut ks_hasher) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        drop(unsafe { cast::take(hasher) });
    });
}

/// Bytes as lower-case hexadecimal text, two digits for each, without a NUL behind them.
#[no_mangle]
pub unsafe extern "C" fn ks_hex_encode(
    data: *const u8,
    data_len: usize,
    out: *mut c_char,
    capacity: usize,
    written: *mut usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let text = hex::encode(cast::bytes(data, data_len, "data")?);
            fill(text.as_bytes(), (out.cast(), capacity), written)
        })
    }
}

/// The bytes of hexadecimal text; digits of either case.
#[no_mangle]
pub unsafe extern "C" fn ks_hex_decode(
    text: *const c_char,
    text_len: usize,
    out: *mut u8,
    capacity: usize,
    written: *mut usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let bytes = hex::decode(cast::text(text, text_len, "text")?)?;
            fill(&bytes, (out, capacity), written)
        })
    }
}
