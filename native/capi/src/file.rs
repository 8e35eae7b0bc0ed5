//! Single files: one state with its metadata, complete in itself, at a key of a store or at a path.
//!
//! The end of the name tells the form: `.json`, `.json.gz`, `.json.zst`, `.json.lz4`, `.json.br`
//! hold JSON text that standard tools read, `.ks` holds any bytes.

use std::ffi::c_char;
use std::path::Path;
use std::ptr;

use bytes::Bytes;
use keepstate_core::clock::{Clock, SystemClock};
use keepstate_core::error::{fail, Code, Error, Result};
use keepstate_core::file::{self, File, Forms, Metadata, State, Writing};
use keepstate_core::store::{Mode, StoreExt};

use crate::boundary;
use crate::bytes::ks_bytes;
use crate::cast;
use crate::codec;
use crate::error::{ks_error, ks_status};
use crate::options::{self, grows};
use crate::store::{absent, ks_store};

/// What a single file says of its state. Immutable; ends with `ks_file_free`.
pub struct ks_file {
    metadata: Metadata,
}

/// For `flags`: `level` is set; else the codec's default is taken.
pub const KS_FILE_LEVEL: u32 = 1;
/// For `flags`: `index` is set.
pub const KS_FILE_INDEX: u32 = 2;

/// How a single file is written, and what it says. All zeros are the defaults; NULL is nothing
/// said.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_file_options {
    /// `sizeof(ks_file_options)`.
    pub struct_size: usize,
    /// `KS_FILE_...`, added up.
    pub flags: u32,
    /// The codec's level; see `KS_FILE_LEVEL`.
    pub level: i32,
    /// The codec of a `.ks` file; NULL is `zstd`. In the others the name tells it.
    pub codec: *const c_char,
    /// Its length.
    pub codec_len: usize,
    /// How the state is to be read; NULL is `bytes` in a `.ks` file and `json` in the others.
    pub encoding: *const c_char,
    /// Its length.
    pub encoding_len: usize,
    /// The agent whose state it is.
    pub agent: *const c_char,
    /// Its length.
    pub agent_len: usize,
    /// The session that it belongs to.
    pub session: *const c_char,
    /// Its length.
    pub session_len: usize,
    /// The number of the snapshot; see `KS_FILE_INDEX`.
    pub index: u64,
    /// In milliseconds since 1970; 0 is now.
    pub time: u64,
    /// A short name.
    pub label: *const c_char,
    /// Its length.
    pub label_len: usize,
    /// A sentence.
    pub description: *const c_char,
    /// Its length.
    pub description_len: usize,
    /// The user's own metadata: the text of a JSON object.
    pub user: *const c_char,
    /// Its length.
    pub user_len: usize,
}
grows!(ks_file_options);

fn forms() -> Forms {
    Forms::new(codec::registry().clone())
}

/// The bytes of a file of this name with this state.
unsafe fn encode(
    name: &str,
    (state, length): (*const u8, usize),
    given: *const ks_file_options,
) -> Result<Vec<u8>> {
    // SAFETY: the caller keeps the conventions.
    let (state, given) = unsafe { (cast::bytes(state, length, "state")?, options::read(given)?) };
    let text = |text, length, what| -> Result<Option<String>> {
        // SAFETY: the caller keeps the conventions.
        Ok(unsafe { cast::maybe_text(text, length, what)? }.map(str::to_owned))
    };
    let usual = if name.ends_with(".ks") { "bytes" } else { "json" };
    let metadata = Metadata {
        agent: text(given.agent, given.agent_len, "agent")?,
        session: text(given.session, given.session_len, "session")?,
        index: (given.flags & KS_FILE_INDEX != 0).then_some(given.index),
        time: Some(if given.time == 0 { SystemClock.now() } else { given.time }),
        label: text(given.label, given.label_len, "label")?,
        description: text(given.description, given.description_len, "description")?,
        encoding: text(given.encoding, given.encoding_len, "encoding")?.unwrap_or(usual.into()),
        user: text(given.user, given.user_len, "user")?,
        ..Metadata::default()
    };
    let codec = text(given.codec, given.codec_len, "codec")?;
    let level = (given.flags & KS_FILE_LEVEL != 0).then_some(given.level);
    let file = File { state: state_of(state, &metadata.encoding)?, metadata };
    forms().encode(name, &file, Writing { codec: codec.as_deref(), level })
}

fn state_of(state: &[u8], encoding: &str) -> Result<State> {
    if encoding != "json" {
        return Ok(State::Bytes(state.into()));
    }
    match std::str::from_utf8(state) {
        Ok(text) => Ok(State::Json(text.into())),
        Err(problem) => {
            let message = "The state is no JSON text; give another encoding and a name in .ks.";
            Err(Error::new(Code::NotJson, message).caused_by(problem))
        }
    }
}

/// Tells a state and what its file says.
fn give(file: File, state: &mut ks_bytes, place: Option<&mut *mut ks_file>) {
    let bytes = match file.state {
        State::Json(text) => text.into_bytes(),
        State::Bytes(bytes) => bytes,
    };
    *state = ks_bytes::lend(Bytes::from(bytes));
    if let Some(place) = place {
        *place = cast::hand_out(ks_file { metadata: file.metadata });
    }
}

/// Writes a single file at a key of a store, in place of what is there. `options` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_file_save(
    store: *const ks_store,
    key: *const c_char,
    key_len: usize,
    state: *const u8,
    state_len: usize,
    options: *const ks_file_options,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let inside = cast::handle(store, "store")?.opened().enter()?;
            let key = cast::text(key, key_len, "key")?;
            let bytes = encode(key, (state, state_len), options)?;
            inside.store().put_wait(key, bytes, Mode::Overwrite).map(|_| ())
        })
    }
}

/// Restores the state of a single file at a key of a store, its hash proven. `file` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_file_restore(
    store: *const ks_store,
    key: *const c_char,
    key_len: usize,
    state: *mut ks_bytes,
    file: *mut *mut ks_file,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let state = cast::out(state, ks_bytes::EMPTY, "state")?;
            let place = cast::maybe_out(file, ptr::null_mut())?;
            let inside = cast::handle(store, "store")?.opened().enter()?;
            let key = cast::text(key, key_len, "key")?;
            let found = inside.store().get(key, None)?.ok_or_else(|| absent(key))?;
            give(forms().decode(key, &found.value)?, state, place);
            Ok(())
        })
    }
}

/// What a single file at a key of a store says of its state, which is not proven.
#[no_mangle]
pub unsafe extern "C" fn ks_file_show(
    store: *const ks_store,
    key: *const c_char,
    key_len: usize,
    file: *mut *mut ks_file,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let place = cast::out(file, ptr::null_mut(), "file")?;
            let inside = cast::handle(store, "store")?.opened().enter()?;
            let key = cast::text(key, key_len, "key")?;
            let found = inside.store().get(key, None)?.ok_or_else(|| absent(key))?;
            let metadata = forms().metadata(key, &found.value)?;
            *place = cast::hand_out(ks_file { metadata });
            Ok(())
        })
    }
}

/// Writes a single file at a path, durably, and whole or not at all. `options` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_file_save_path(
    path: *const c_char,
    path_len: usize,
    state: *const u8,
    state_len: usize,
    options: *const ks_file_options,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let path = path_of(path, path_len)?;
            let bytes = encode(path, (state, state_len), options)?;
            file::save_path(Path::new(path), &bytes, &SystemClock)
        })
    }
}

/// Restores the state of a single file at a path, its hash proven. `file` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_file_restore_path(
    path: *const c_char,
    path_len: usize,
    state: *mut ks_bytes,
    file: *mut *mut ks_file,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let state = cast::out(state, ks_bytes::EMPTY, "state")?;
            let place = cast::maybe_out(file, ptr::null_mut())?;
            let path = path_of(path, path_len)?;
            let found = file::read_path(Path::new(path))?;
            give(forms().decode(path, &found)?, state, place);
            Ok(())
        })
    }
}

/// What a single file at a path says of its state, which is not proven.
#[no_mangle]
pub unsafe extern "C" fn ks_file_show_path(
    path: *const c_char,
    path_len: usize,
    file: *mut *mut ks_file,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let place = cast::out(file, ptr::null_mut(), "file")?;
            let path = path_of(path, path_len)?;
            let metadata = forms().metadata(path, &file::read_path(Path::new(path))?)?;
            *place = cast::hand_out(ks_file { metadata });
            Ok(())
        })
    }
}

unsafe fn path_of<'a>(path: *const c_char, length: usize) -> Result<&'a str> {
    // SAFETY: the caller keeps the conventions.
    match unsafe { cast::text(path, length, "path")? } {
        bad if bad.is_empty() || bad.contains('\0') => {
            fail(Code::InvalidArgument, "The path is empty or has a NUL in it; check it.")
        }
        path => Ok(path),
    }
}

/// The metadata as one JSON object: agent, session, index, time, label, description, encoding,
/// size, hash and the user's own under `metadata`, as far as they are known.
#[no_mangle]
pub unsafe extern "C" fn ks_file_json(
    file: *const ks_file,
    json: *mut ks_bytes,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let json = cast::out(json, ks_bytes::EMPTY, "json")?;
            let text = cast::handle(file, "file")?.metadata.to_json()?;
            *json = ks_bytes::lend(Bytes::from(text));
            Ok(())
        })
    }
}

/// Ends what a file says. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_file_free(file: *mut ks_file) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        drop(unsafe { cast::take(file) });
    });
}
