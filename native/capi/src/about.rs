//! What this library is.

use std::ffi::c_char;

use crate::boundary;

/// The version of the binary interface that this header states. `ks_abi_version` must give the
/// same.
pub const KS_ABI_VERSION: u32 = 1;

/// The version of the binary interface that the library has. It changes when something that exists
/// changes its meaning; what is added shows in `ks_features`.
#[no_mangle]
pub extern "C" fn ks_abi_version() -> u32 {
    boundary::answer(0, || KS_ABI_VERSION)
}

/// The version of the library, as `1.2.3`.
#[no_mangle]
pub extern "C" fn ks_version() -> *const c_char {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    boundary::answer(std::ptr::null(), || VERSION.as_ptr().cast())
}

/// What the library has, as words with a space between: `memory vtable timeline ...`.
#[no_mangle]
pub extern "C" fn ks_features() -> *const c_char {
    const FEATURES: &str = "memory file dir vtable timeline single-file codec digest queue\0";
    boundary::answer(std::ptr::null(), || FEATURES.as_ptr().cast())
}
