//! Timelines: the ordered snapshots of one `agent/session`.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use bytes::Bytes;
use keepstate_core::drive;
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::timeline::{At, Change, Meta, Name, Options, Save, Timeline};

use crate::boundary;
use crate::bytes::ks_bytes;
use crate::cast;
use crate::error::{ks_error, ks_status};
use crate::line::Line;
use crate::options::{self, grows};
use crate::report::ks_report;
use crate::snapshot::ks_snapshot;
use crate::store::ks_store;

/// A timeline. Every call may come from any thread, several at once. It keeps no store open; ends
/// with `ks_timeline_free`.
pub struct ks_timeline {
    line: Arc<Line>,
}

/// For `flags`: keep a SHA-256 of each whole state and check it at each restore.
pub const KS_TIMELINE_FULL_INTEGRITY: u32 = 1;
/// For `flags`: take a store without conditional writes. Only this handle may then write.
pub const KS_TIMELINE_SINGLE_WRITER: u32 = 2;

/// How a timeline is kept. All zeros are the defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_timeline_options {
    /// `sizeof(ks_timeline_options)`.
    pub struct_size: usize,
    /// `KS_TIMELINE_...`, added up.
    pub flags: u32,
    /// The level of zstd; 0 is the default.
    pub level: i32,
    /// How many bytes are held in memory; 0 is the default.
    pub cache_bytes: u64,
}
grows!(ks_timeline_options);

/// For `flags`: only if `onto` is the latest snapshot (0: only if there is none).
pub const KS_SAVE_ONTO: u32 = 1;

/// What is said of a snapshot. All zeros are the defaults; NULL is nothing said.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_save_options {
    /// `sizeof(ks_save_options)`.
    pub struct_size: usize,
    /// `KS_SAVE_...`, added up.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// See `KS_SAVE_ONTO`.
    pub onto: u64,
    /// In milliseconds since 1970; 0 is now.
    pub time: u64,
    /// How the bytes are to be read: `msgpack`, `json` or one's own; NULL is `bytes`.
    pub encoding: *const c_char,
    /// Its length.
    pub encoding_len: usize,
    /// A short name for people.
    pub label: *const c_char,
    /// Its length.
    pub label_len: usize,
    /// A longer text for people.
    pub description: *const c_char,
    /// Its length.
    pub description_len: usize,
    /// The version of the user's schema.
    pub schema: *const c_char,
    /// Its length.
    pub schema_len: usize,
    /// Makes a retry the same snapshot.
    pub idempotency_key: *const c_char,
    /// Its length.
    pub idempotency_key_len: usize,
    /// Whatever the user adds, as a MessagePack map.
    pub user: *const u8,
    /// Its length.
    pub user_len: usize,
}
grows!(ks_save_options);

impl ks_timeline {
    /// What the handle shares with its operations.
    pub fn line(&self) -> &Arc<Line> {
        &self.line
    }
}

/// What is to be saved, of the caller's bytes (which are copied) and options.
///
/// # Safety
/// As `cast::bytes` and `options::read`.
pub unsafe fn save_of(
    (state, length): (*const u8, usize),
    given: *const ks_save_options,
) -> Result<Save> {
    // SAFETY: as this function's own.
    unsafe {
        let state = Bytes::copy_from_slice(cast::bytes(state, length, "state")?);
        let given = options::read(given)?;
        let onto = given.flags & KS_SAVE_ONTO != 0;
        if given.onto != 0 && !onto {
            let message = "onto is set without the flag KS_SAVE_ONTO; add the flag.";
            return fail(Code::InvalidArgument, message);
        }
        let (change, meta) = (Change::Whole(state), meta(&given)?);
        Ok(Save { change, meta, onto: onto.then_some(given.onto) })
    }
}

unsafe fn meta(given: &ks_save_options) -> Result<Meta> {
    let text = |text, length, what| -> Result<Option<String>> {
        // SAFETY: the caller keeps the conventions.
        Ok(unsafe { cast::maybe_text(text, length, what)? }.map(str::to_owned))
    };
    // SAFETY: the caller keeps the conventions.
    let user = unsafe { cast::bytes(given.user, given.user_len, "user")? };
    let encoding = text(given.encoding, given.encoding_len, "encoding")?;
    let encoding = encoding.unwrap_or_else(|| "bytes".to_owned());
    Ok(Meta {
        time: given.time,
        label: text(given.label, given.label_len, "label")?,
        description: text(given.description, given.description_len, "description")?,
        // MessagePack is what a snapshot holds that says nothing of it.
        encoding: (encoding != "msgpack").then_some(encoding),
        schema: text(given.schema, given.schema_len, "schema")?,
        idempotency_key: text(given.idempotency_key, given.idempotency_key_len, "idempotency_key")?,
        user: (!user.is_empty()).then(|| Bytes::copy_from_slice(user)),
        ..Meta::default()
    })
}

unsafe fn open(
    store: *const ks_store,
    name: Name,
    given: *const ks_timeline_options,
) -> Result<*mut ks_timeline> {
    // SAFETY: the caller keeps the conventions.
    let (opened, given) =
        unsafe { (cast::handle(store, "store")?.opened(), options::read(given)?) };
    opened.enter()?;
    let mut options = Options {
        full_integrity: given.flags & KS_TIMELINE_FULL_INTEGRITY != 0,
        single_writer: given.flags & KS_TIMELINE_SINGLE_WRITER != 0,
        ..Options::default()
    };
    if given.level != 0 {
        options.level = given.level;
    }
    if given.cache_bytes != 0 {
        options.cache_bytes = usize::try_from(given.cache_bytes).unwrap_or(usize::MAX);
    }
    let timeline = Timeline::new(name, opened.supports().clone(), options);
    Ok(cast::hand_out(ks_timeline { line: Line::new(opened.clone(), timeline) }))
}

/// The timeline of any two texts. Nothing is read yet. `options` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_open(
    store: *const ks_store,
    agent: *const c_char,
    agent_len: usize,
    session: *const c_char,
    session_len: usize,
    options: *const ks_timeline_options,
    out: *mut *mut ks_timeline,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, ptr::null_mut(), "out")?;
            let agent = cast::text(agent, agent_len, "agent")?;
            let session = cast::text(session, session_len, "session")?;
            *out = open(store, Name::new(agent, session)?, options)?;
            Ok(())
        })
    }
}

/// The timeline of a reference `agent/session`, in which `/ @ # %` of the names are
/// percent-encoded.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_open_ref(
    store: *const ks_store,
    reference: *const c_char,
    reference_len: usize,
    options: *const ks_timeline_options,
    out: *mut *mut ks_timeline,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, ptr::null_mut(), "out")?;
            let name = Name::parse(cast::text(reference, reference_len, "reference")?)?;
            *out = open(store, name, options)?;
            Ok(())
        })
    }
}

/// Saves a state as the next snapshot, and waits until the store has acknowledged it. `options` and
/// `snapshot`, which gets what was saved, may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_save(
    timeline: *const ks_timeline,
    state: *const u8,
    state_len: usize,
    options: *const ks_save_options,
    snapshot: *mut *mut ks_snapshot,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let place = cast::maybe_out(snapshot, ptr::null_mut())?;
            let line = cast::handle(timeline, "timeline")?.line();
            let _inside = line.opened.enter()?;
            let saved = line.save(save_of((state, state_len), options)?)?;
            if let Some(place) = place {
                *place = cast::hand_out(ks_snapshot::new(line.timeline.name(), saved));
            }
            Ok(())
        })
    }
}

/// Restores the bytes of a snapshot: `@17`, `@latest`, `#tag`; NULL is the latest. `snapshot` may
/// be NULL. After a CONFLICT this also says that you have looked, so that saves are taken again.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_restore(
    timeline: *const ks_timeline,
    at: *const c_char,
    at_len: usize,
    state: *mut ks_bytes,
    snapshot: *mut *mut ks_snapshot,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let state = cast::out(state, ks_bytes::EMPTY, "state")?;
            let place = cast::maybe_out(snapshot, ptr::null_mut())?;
            let line = cast::handle(timeline, "timeline")?.line();
            let _inside = line.opened.enter()?;
            let at = At::parse(cast::maybe_text(at, at_len, "at")?.unwrap_or_default())?;
            let restored = drive::run(line.timeline.restore(at), &line.ground())?;
            if let Some(place) = place {
                let snapshot = ks_snapshot::new(line.timeline.name(), restored.snapshot);
                *place = cast::hand_out(snapshot);
            }
            *state = ks_bytes::lend(restored.bytes);
            Ok(())
        })
    }
}

/// What is known of a snapshot, without its state. `at` as in `ks_timeline_restore`.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_show(
    timeline: *const ks_timeline,
    at: *const c_char,
    at_len: usize,
    snapshot: *mut *mut ks_snapshot,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let place = cast::out(snapshot, ptr::null_mut(), "snapshot")?;
            let line = cast::handle(timeline, "timeline")?.line();
            let _inside = line.opened.enter()?;
            let at = At::parse(cast::maybe_text(at, at_len, "at")?.unwrap_or_default())?;
            let shown = drive::run(line.timeline.show(at), &line.ground())?;
            *place = cast::hand_out(ks_snapshot::new(line.timeline.name(), shown));
            Ok(())
        })
    }
}

/// Removes all snapshots; numbers never restart. `count`, which gets how many numbers went, may be
/// NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_delete(
    timeline: *const ks_timeline,
    count: *mut u64,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let place = cast::maybe_out(count, 0)?;
            let line = cast::handle(timeline, "timeline")?.line();
            let _inside = line.opened.enter()?;
            let removed = drive::run(line.timeline.delete(), &line.ground())?.snapshots;
            if let Some(place) = place {
                *place = removed;
            }
            Ok(())
        })
    }
}

/// Reads everything, proves every id and rebuilds every state. Damage is in the report, not a
/// failed call.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_verify(
    timeline: *const ks_timeline,
    out: *mut *mut ks_report,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, ptr::null_mut(), "out")?;
            let line = cast::handle(timeline, "timeline")?.line();
            let _inside = line.opened.enter()?;
            let found = drive::run(line.timeline.verify(), &line.ground())?;
            let report = ks_report::new(found.snapshots, found.bytes, found.problems);
            *out = cast::hand_out(report);
            Ok(())
        })
    }
}

/// Ends a timeline's handle. NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_free(timeline: *mut ks_timeline) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        drop(unsafe { cast::take(timeline) });
    });
}
