//! Codecs, by name: `none gzip zstd lz4 brotli`.

use std::ffi::c_char;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use keepstate_core::codec::{Codec, Registry};
use keepstate_core::error::Result;

use crate::boundary;
use crate::bytes::ks_bytes;
use crate::cast;
use crate::error::{ks_error, ks_status};

/// The level that a codec has when none is named.
pub const KS_LEVEL_DEFAULT: i32 = i32::MIN;

/// The codecs of this library.
pub fn registry() -> &'static Arc<Registry> {
    static REGISTRY: OnceLock<Arc<Registry>> = OnceLock::new();
    REGISTRY.get_or_init(Arc::default)
}

fn codec(name: &str) -> Result<Arc<dyn Codec>> {
    registry().get(name)
}

/// The levels that a codec takes. Each place may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_codec_levels(
    name: *const c_char,
    name_len: usize,
    min: *mut i32,
    max: *mut i32,
    normal: *mut i32,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let places = [min, max, normal].map(|place| cast::maybe_out(place, 0));
            let levels = codec(cast::text(name, name_len, "name")?)?.levels();
            for (place, level) in places.into_iter().zip([levels.min, levels.max, levels.default]) {
                if let Some(place) = place? {
                    *place = level;
                }
            }
            Ok(())
        })
    }
}

/// Compresses. `level` is one that the codec takes, or `KS_LEVEL_DEFAULT`.
#[no_mangle]
pub unsafe extern "C" fn ks_codec_compress(
    name: *const c_char,
    name_len: usize,
    level: i32,
    data: *const u8,
    data_len: usize,
    out: *mut ks_bytes,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, ks_bytes::EMPTY, "out")?;
            let codec = codec(cast::text(name, name_len, "name")?)?;
            let level = (level != KS_LEVEL_DEFAULT).then_some(level);
            let stored = codec.compress(level, cast::bytes(data, data_len, "data")?)?;
            *out = ks_bytes::lend(Bytes::from(stored));
            Ok(())
        })
    }
}

/// Decompresses to at most `bound` bytes; more is `KS_VALUE_TOO_LARGE`, and never much more is
/// used.
#[no_mangle]
pub unsafe extern "C" fn ks_codec_decompress(
    name: *const c_char,
    name_len: usize,
    data: *const u8,
    data_len: usize,
    bound: usize,
    out: *mut ks_bytes,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, ks_bytes::EMPTY, "out")?;
            let codec = codec(cast::text(name, name_len, "name")?)?;
            let raw = codec.decompress(cast::bytes(data, data_len, "data")?, bound)?;
            *out = ks_bytes::lend(Bytes::from(raw));
            Ok(())
        })
    }
}
