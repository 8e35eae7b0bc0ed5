//! Bytes that are lent to the caller without a copy.

use bytes::Bytes;

use crate::boundary;
use crate::cast;
use crate::error::{ks_error, ks_status};

/// What keeps lent bytes alive.
pub struct ks_owner {
    /// Kept for whoever reads them through `ks_bytes`.
    bytes: Bytes,
}

/// Bytes that belong to the library and are lent, until `ks_bytes_free`. `ptr` is never NULL after
/// a call that succeeded, even where `len` is 0; `owner` is NULL where there is nothing to free.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_bytes {
    /// The first byte.
    pub ptr: *const u8,
    /// How many.
    pub len: usize,
    /// What keeps them alive.
    pub owner: *mut ks_owner,
}

/// So that no bytes have an address too.
static NOTHING: u8 = 0;

impl ks_bytes {
    /// No bytes and no owner.
    pub const EMPTY: ks_bytes =
        ks_bytes { ptr: &raw const NOTHING, len: 0, owner: std::ptr::null_mut() };

    /// Lends bytes to the caller, who frees them.
    pub fn lend(bytes: Bytes) -> ks_bytes {
        let len = bytes.len();
        let ptr = if len == 0 { &raw const NOTHING } else { bytes.as_ptr() };
        ks_bytes { ptr, len, owner: cast::hand_out(ks_owner { bytes }) }
    }

    /// Lends a text.
    pub fn text(text: &str) -> ks_bytes {
        ks_bytes::lend(Bytes::copy_from_slice(text.as_bytes()))
    }

    /// Takes back what a caller hands over, with its owner. None if it has no owner.
    ///
    /// # Safety
    /// It came from this library and is not used again.
    pub unsafe fn take(self) -> Option<Bytes> {
        // SAFETY: the owner is ours, as the caller promised.
        unsafe { cast::take(self.owner) }.map(|owner| owner.bytes)
    }
}

/// Makes bytes of the library's own from the caller's, for the answers of a `ks_store_vtable`.
#[no_mangle]
pub unsafe extern "C" fn ks_bytes_copy(
    data: *const u8,
    data_len: usize,
    out: *mut ks_bytes,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, ks_bytes::EMPTY, "out")?;
            let data = cast::bytes(data, data_len, "data")?;
            *out = ks_bytes::lend(Bytes::copy_from_slice(data));
            Ok(())
        })
    }
}

/// Ends lent bytes and empties the struct, so that a second call does nothing. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_bytes_free(bytes: *mut ks_bytes) {
    boundary::answer((), || {
        // SAFETY: NULL, or bytes that this library filled in or this function emptied.
        unsafe {
            if let Some(bytes) = bytes.as_mut() {
                drop(cast::take(bytes.owner));
                *bytes = ks_bytes::EMPTY;
            }
        }
    });
}

/// Ends lent bytes by their owner alone, for finalizers. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_owner_free(owner: *mut ks_owner) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        drop(unsafe { cast::take(owner) });
    });
}
