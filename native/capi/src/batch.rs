//! Batches: several steps that are applied whole or not at all.

use std::ffi::c_char;

use bytes::Bytes;
use keepstate_core::error::Result;
use keepstate_core::store::{Op, Version};
use parking_lot::Mutex;

use crate::boundary;
use crate::cast;
use crate::error::{ks_error, ks_status};
use crate::settings::{self, ks_put_options};
use crate::store::ks_store;
use crate::wait;

/// Steps that are collected, and the versions that the last commit gave. Ends with `ks_batch_free`.
#[derive(Default)]
pub struct ks_batch {
    filled: Mutex<Filled>,
}

#[derive(Default)]
struct Filled {
    ops: Vec<Op>,
    versions: Vec<Version>,
}

impl ks_batch {
    fn add(&self, op: Op) {
        self.filled.lock().ops.push(op);
    }
}

/// An empty batch.
#[no_mangle]
pub unsafe extern "C" fn ks_batch_new(
    out: *mut *mut ks_batch,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, std::ptr::null_mut(), "out")?;
            *out = cast::hand_out(ks_batch::default());
            Ok(())
        })
    }
}

/// Adds a put. The value is copied. A key may occur once in a batch.
#[no_mangle]
pub unsafe extern "C" fn ks_batch_put(
    batch: *const ks_batch,
    key: *const c_char,
    key_len: usize,
    value: *const u8,
    value_len: usize,
    options: *const ks_put_options,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let batch = cast::handle(batch, "batch")?;
            let key = cast::text(key, key_len, "key")?;
            let value = Bytes::copy_from_slice(cast::bytes(value, value_len, "value")?);
            batch.add(settings::put_op(key, value, options)?);
            Ok(())
        })
    }
}

/// Adds a delete; with a version (else NULL) only of that one.
#[no_mangle]
pub unsafe extern "C" fn ks_batch_delete(
    batch: *const ks_batch,
    key: *const c_char,
    key_len: usize,
    version: *const c_char,
    version_len: usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let batch = cast::handle(batch, "batch")?;
            let key = cast::text(key, key_len, "key")?.into();
            let if_version = version_of(version, version_len)?;
            batch.add(Op::Delete { key, if_version });
            Ok(())
        })
    }
}

/// Adds a check, which writes nothing: the key must have this version, or with NULL be absent.
#[no_mangle]
pub unsafe extern "C" fn ks_batch_check(
    batch: *const ks_batch,
    key: *const c_char,
    key_len: usize,
    version: *const c_char,
    version_len: usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let batch = cast::handle(batch, "batch")?;
            let key = cast::text(key, key_len, "key")?.into();
            let version = version_of(version, version_len)?;
            batch.add(Op::Check { key, version });
            Ok(())
        })
    }
}

unsafe fn version_of(version: *const c_char, length: usize) -> Result<Option<Version>> {
    // SAFETY: the caller keeps the conventions.
    let text = unsafe { cast::maybe_text(version, length, "version")? };
    Ok(text.map(|text| Version(text.into())))
}

/// Applies all steps or none. Either way the batch is empty afterwards and can be filled again.
#[no_mangle]
pub unsafe extern "C" fn ks_store_commit(
    store: *const ks_store,
    batch: *const ks_batch,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let batch = cast::handle(batch, "batch")?;
            let ops = {
                let mut filled = batch.filled.lock();
                filled.versions.clear();
                std::mem::take(&mut filled.ops)
            };
            let inside = cast::handle(store, "store")?.opened().enter()?;
            if !ops.is_empty() {
                batch.filled.lock().versions = wait::commit(inside.store(), ops)?;
            }
            Ok(())
        })
    }
}

/// The version that the put of this index (puts alone are counted, from 0) got in the last commit;
/// NULL if there is none. It lives until the next commit of the batch.
#[no_mangle]
pub unsafe extern "C" fn ks_batch_version(
    batch: *const ks_batch,
    index: usize,
    len: *mut usize,
) -> *const c_char {
    boundary::answer(std::ptr::null(), || {
        // SAFETY: a live batch or NULL, and a writable length or NULL: the caller's promise.
        let (batch, len) = unsafe { (batch.as_ref(), len.as_mut()) };
        let Some(batch) = batch else { return std::ptr::null() };
        let filled = batch.filled.lock();
        let version = filled.versions.get(index).map(|version| &*version.0);
        if let Some(len) = len {
            *len = version.map_or(0, str::len);
        }
        version.map_or(std::ptr::null(), |version| version.as_ptr().cast())
    })
}

/// Ends a batch; what it holds is not applied. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_batch_free(batch: *mut ks_batch) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        drop(unsafe { cast::take(batch) });
    });
}
