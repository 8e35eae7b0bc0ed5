//! Stores: bytes by key.

use std::ffi::c_char;
use std::sync::Arc;

use bytes::Bytes;
use keepstate_core::error::{fail, Code, Error, Result};
use keepstate_core::store::{Found, Op, Version};

use crate::boundary;
use crate::bytes::ks_bytes;
use crate::cast;
use crate::error::{ks_error, ks_status};
use crate::fork;
use crate::open;
use crate::opened::Opened;
use crate::options;
use crate::report::ks_report;
use crate::settings::{self, ks_get_options, ks_put_options, ks_store_options, ks_supports};
use crate::wait;

/// An open store. Every call may come from any thread, several at once; ends with `ks_store_free`.
pub struct ks_store {
    opened: Arc<Opened>,
}

impl ks_store {
    /// A handle for the caller.
    pub fn hand_out(opened: Arc<Opened>) -> *mut ks_store {
        cast::hand_out(ks_store { opened })
    }

    /// What the handle shares with others.
    pub fn opened(&self) -> &Arc<Opened> {
        &self.opened
    }
}

/// The answer for a key that is not there.
pub fn absent(key: &str) -> Error {
    let message = "There is no such key; list shows what is there.";
    Error::new(Code::NotFound, message).key(key)
}

/// Tells what was found.
pub fn give_found(found: Found, value: &mut ks_bytes, version: Option<&mut ks_bytes>) {
    *value = ks_bytes::lend(found.value);
    if let Some(version) = version {
        *version = ks_bytes::text(&found.version.0);
    }
}

/// Tells the version of the one put of a commit.
pub fn give_version(versions: Vec<Version>, place: Option<&mut ks_bytes>) -> Result<()> {
    let Some(version) = versions.last() else {
        return fail(Code::Internal, "The store acknowledged a put without a version.");
    };
    if let Some(place) = place {
        *place = ks_bytes::text(&version.0);
    }
    Ok(())
}

/// Opens a store: `memory:`; `file:PATH` or just a path, the embedded log in a folder; `dir:PATH`,
/// plain files in a folder. `options` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_store_open(
    url: *const c_char,
    url_len: usize,
    options: *const ks_store_options,
    out: *mut *mut ks_store,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, std::ptr::null_mut(), "out")?;
            let url = cast::text(url, url_len, "url")?;
            let wishes = settings::wishes(options::read(options)?)?;
            *out = ks_store::hand_out(Opened::new(open::open(url, wishes)?));
            Ok(())
        })
    }
}

/// What the store can do.
#[no_mangle]
pub unsafe extern "C" fn ks_store_supports(
    store: *const ks_store,
    out: *mut ks_supports,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let opened = cast::handle(store, "store")?.opened();
            let startable = opened.ticket().is_ok();
            options::write(out, &settings::told(opened.supports(), startable))
        })
    }
}

/// Reads a value. `options` and `version` may be NULL. A key that is not there is `KS_NOT_FOUND`;
/// `KS_OK` always comes with an owner in `value`.
#[no_mangle]
pub unsafe extern "C" fn ks_store_get(
    store: *const ks_store,
    key: *const c_char,
    key_len: usize,
    options: *const ks_get_options,
    value: *mut ks_bytes,
    version: *mut ks_bytes,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let value = cast::out(value, ks_bytes::EMPTY, "value")?;
            let version = cast::maybe_out(version, ks_bytes::EMPTY)?;
            let inside = cast::handle(store, "store")?.opened.enter()?;
            let key = cast::text(key, key_len, "key")?;
            let found =
                inside.store().get(key, settings::range(options)?)?.ok_or_else(|| absent(key))?;
            give_found(found, value, version);
            Ok(())
        })
    }
}

/// Writes a value. `options` and `version`, which gets the new version, may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_store_put(
    store: *const ks_store,
    key: *const c_char,
    key_len: usize,
    value: *const u8,
    value_len: usize,
    options: *const ks_put_options,
    version: *mut ks_bytes,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let version = cast::maybe_out(version, ks_bytes::EMPTY)?;
            let inside = cast::handle(store, "store")?.opened.enter()?;
            let key = cast::text(key, key_len, "key")?;
            let value = Bytes::copy_from_slice(cast::bytes(value, value_len, "value")?);
            let op = settings::put_op(key, value, options)?;
            give_version(wait::commit(inside.store(), vec![op])?, version)
        })
    }
}

/// Removes a value; what is absent is no error. With a version (else NULL) only that one.
#[no_mangle]
pub unsafe extern "C" fn ks_store_delete(
    store: *const ks_store,
    key: *const c_char,
    key_len: usize,
    version: *const c_char,
    version_len: usize,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let inside = cast::handle(store, "store")?.opened.enter()?;
            let key = cast::text(key, key_len, "key")?;
            let version = cast::maybe_text(version, version_len, "version")?;
            let if_version = version.map(|version| Version(version.into()));
            let op = Op::Delete { key: key.into(), if_version };
            wait::commit(inside.store(), vec![op]).map(|_| ())
        })
    }
}

/// Makes everything acknowledged so far durable.
#[no_mangle]
pub unsafe extern "C" fn ks_store_flush(
    store: *const ks_store,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            cast::handle(store, "store")?.opened.enter()?.embedded()?.flush()
        })
    }
}

/// Does the maintenance that is due, now.
#[no_mangle]
pub unsafe extern "C" fn ks_store_compact(
    store: *const ks_store,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            cast::handle(store, "store")?.opened.enter()?.embedded()?.compact()
        })
    }
}

/// Figures for people, as one JSON object: `{"kind":"memory","entries":1,...}`.
#[no_mangle]
pub unsafe extern "C" fn ks_store_stats(
    store: *const ks_store,
    json: *mut ks_bytes,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let json = cast::out(json, ks_bytes::EMPTY, "json")?;
            let inside = cast::handle(store, "store")?.opened.enter()?;
            let stats = inside.embedded()?.stats()?;
            // Kinds and names are words of ours, without anything to escape.
            let mut text = format!("{{\"kind\":\"{}\"", inside.supports().kind);
            stats.iter().for_each(|(name, value)| text.push_str(&format!(",\"{name}\":{value}")));
            text.push('}');
            *json = ks_bytes::text(&text);
            Ok(())
        })
    }
}

/// Reads everything and checks every checksum. Damage is in the report, not a failed call.
#[no_mangle]
pub unsafe extern "C" fn ks_store_verify(
    store: *const ks_store,
    out: *mut *mut ks_report,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, std::ptr::null_mut(), "out")?;
            let inside = cast::handle(store, "store")?.opened.enter()?;
            let (mut items, embedded) = (0, inside.embedded()?);
            let problems = embedded.verify(&mut |done, _| items = done)?;
            *out = cast::hand_out(ks_report::new(items, 0, problems));
            Ok(())
        })
    }
}

/// Waits for the calls and operations that are under way and closes. After it returns no callback
/// of this store runs any more, and all calls are `KS_CLOSED`. Closing again does nothing.
#[no_mangle]
pub unsafe extern "C" fn ks_store_close(
    store: *const ks_store,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe { boundary::status(error, || cast::handle(store, "store")?.opened.close()) }
}

/// Closes, if that was not done, and ends the handle. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_store_free(store: *mut ks_store) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        let Some(store) = (unsafe { cast::take(store) }) else { return };
        match store.opened.close() {
            Err(error) if matches!(error.code(), Code::Forked | Code::Reentered) => {
                fork::keep(store);
            }
            _ => drop(store),
        }
    });
}
