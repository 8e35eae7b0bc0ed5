//! A store of the caller's own, as a table of functions.

use std::cell::Cell;
use std::ffi::{c_char, c_void};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use keepstate_core::error::{fail, Code, Error, Result};
use keepstate_core::store::{
    batch, key, Commit, Durable, Entry, Found, Op, Query, Range, Store, Supports, Version,
};
use parking_lot::ReentrantMutex;

use crate::boundary;
use crate::bytes::ks_bytes;
use crate::cast;
use crate::error::{code_of, ks_error, ks_status, KS_OK};
use crate::opened::{Opened, Parts};
use crate::options::{self, grows};
use crate::sink::ks_sink;
use crate::step::{ks_step, Steps};
use crate::store::ks_store;

/// For `flags`: the functions may be called from any thread, several at once. Without it they run
/// one at a time, and only on threads that are inside a call of yours on this store.
pub const KS_VTABLE_THREAD_SAFE: u32 = 1;
/// For `flags`: `commit` applies several steps whole or not at all.
pub const KS_VTABLE_COMMIT: u32 = 2;
/// For `flags`: `commit` honours versions and absence in puts and checks.
pub const KS_VTABLE_CONDITIONAL_PUT: u32 = 4;
/// For `flags`: `commit` honours versions in deletes.
pub const KS_VTABLE_CONDITIONAL_DELETE: u32 = 8;
/// For `flags`: `commit` honours `ttl_ms`.
pub const KS_VTABLE_TTL: u32 = 16;
/// For `flags`: what `commit` acknowledged survives a loss of power.
pub const KS_VTABLE_DURABLE: u32 = 32;

/// A store of one's own. The functions answer with a status, and may set `*error` to an error made
/// by `ks_error_new`, which then belongs to the library. An exception must not leave them. They
/// must not close or free the store. Their arguments live until they return.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_store_vtable {
    /// `sizeof(ks_store_vtable)`.
    pub struct_size: usize,
    /// Handed to each function. An integer is as good as a pointer.
    pub userdata: *mut c_void,
    /// `KS_VTABLE_...`, added up.
    pub flags: u32,
    /// 0.
    pub reserved: u32,
    /// The largest value in bytes; 0 is no limit.
    pub max_value: u64,
    /// Reads a whole value. `KS_NOT_FOUND` if the key is absent. `KS_OK` counts only with both
    /// places filled by `ks_bytes_copy`, so that a callback which failed unseen is no answer.
    pub get: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            key: *const c_char,
            key_len: usize,
            value: *mut ks_bytes,
            version: *mut ks_bytes,
            error: *mut *mut ks_error,
        ) -> ks_status,
    >,
    /// Applies `count` steps; more than one only with `KS_VTABLE_COMMIT`. A condition that is not
    /// met is `KS_CONFLICT`. `KS_OK` counts only with `*applied` = `count` and, for each put, the
    /// place of the same index in `versions` filled by `ks_bytes_copy`.
    pub commit: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            steps: *const ks_step,
            count: usize,
            versions: *mut ks_bytes,
            applied: *mut usize,
            error: *mut *mut ks_error,
        ) -> ks_status,
    >,
    /// Tells the keys that begin with `prefix` and are greater than `after` (NULL: all) in the
    /// order of their bytes, at most `limit`, each by `ks_sink_add`. `KS_OK` counts only after
    /// `ks_sink_end`.
    pub list: Option<
        unsafe extern "C" fn(
            userdata: *mut c_void,
            prefix: *const c_char,
            prefix_len: usize,
            after: *const c_char,
            after_len: usize,
            limit: usize,
            sink: *mut ks_sink,
            error: *mut *mut ks_error,
        ) -> ks_status,
    >,
    /// Told once, when the store is closed or freed; no other function is called after it. May be
    /// NULL.
    pub drop: Option<unsafe extern "C" fn(userdata: *mut c_void)>,
}
grows!(ks_store_vtable);

/// Makes a store of a table, which is copied. If the call fails, `drop` is not called.
#[no_mangle]
pub unsafe extern "C" fn ks_store_from_vtable(
    vtable: *const ks_store_vtable,
    out: *mut *mut ks_store,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let out = cast::out(out, std::ptr::null_mut(), "out")?;
            cast::handle(vtable.cast::<usize>(), "vtable")?;
            let table = options::read(vtable)?;
            let callers_only = table.flags & KS_VTABLE_THREAD_SAFE == 0;
            let store = Arc::new(GuestStore::new(table)?);
            let parts = Parts { store, embedded: None, callers_only };
            *out = ks_store::hand_out(Opened::new(parts));
            Ok(())
        })
    }
}

thread_local! {
    static INSIDE: Cell<usize> = const { Cell::new(0) };
}

/// Whether this thread runs a callback now: then it must not wait for callbacks to end.
pub fn is_inside() -> bool {
    INSIDE.with(|depth| depth.get() != 0)
}

/// A callback that runs on this thread.
struct Visit;

impl Visit {
    fn begin() -> Visit {
        INSIDE.with(|depth| depth.set(depth.get() + 1));
        Visit
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        INSIDE.with(|depth| depth.set(depth.get() - 1));
    }
}

/// A table as a store of the core.
struct GuestStore {
    table: ks_store_vtable,
    supports: Supports,
    /// One at a time, for tables that are not thread-safe.
    turn: ReentrantMutex<()>,
    dropped: AtomicBool,
}

// SAFETY: the functions are called one at a time, or the guest said that they may be called from
// any thread; userdata is only handed through.
unsafe impl Send for GuestStore {}
// SAFETY: as above.
unsafe impl Sync for GuestStore {}

impl GuestStore {
    fn new(table: ks_store_vtable) -> Result<GuestStore> {
        if table.get.is_none() || table.commit.is_none() || table.list.is_none() {
            let message = "get, commit and list of a ks_store_vtable must not be NULL.";
            return fail(Code::InvalidArgument, message);
        }
        let supports = supports(&table);
        let (turn, dropped) = (ReentrantMutex::new(()), AtomicBool::new(false));
        Ok(GuestStore { table, supports, turn, dropped })
    }

    /// Calls a function of the table, in turn, and makes a result of its answer.
    fn visit(
        &self,
        what: &str,
        call: impl FnOnce(&ks_store_vtable, *mut *mut ks_error) -> Option<ks_status>,
    ) -> Result<()> {
        let safe = self.table.flags & KS_VTABLE_THREAD_SAFE != 0;
        let _turn = (!safe).then(|| self.turn.lock());
        if self.dropped.load(Ordering::SeqCst) {
            return fail(Code::Closed, "This store is closed; open it again.");
        }
        let _visit = Visit::begin();
        let mut error = std::ptr::null_mut();
        let status = call(&self.table, &mut error);
        // SAFETY: the guest sets nothing but errors of ours, as the vtable says.
        let error = unsafe { cast::take(error) };
        match (status, error) {
            (Some(KS_OK), None) => Ok(()),
            (_, Some(error)) => Err(error.into_error()),
            (Some(status), None) => Err(named(what, status)),
            (None, None) => fail(Code::Internal, "A vtable lost a function."),
        }
    }

    fn apply(&self, ops: &[Op]) -> Result<Vec<Version>> {
        batch::check(ops, &self.supports)?;
        let steps = Steps::new(ops);
        let mut versions = vec![ks_bytes::EMPTY; ops.len()];
        let mut applied = 0;
        let result = self.visit("commit", |table, error| {
            let (first, count) = steps.as_c();
            // SAFETY: the function is the guest's, of this type; all arguments outlive the call.
            table.commit.map(|commit| unsafe {
                commit(table.userdata, first, count, versions.as_mut_ptr(), &mut applied, error)
            })
        });
        let versions: Vec<_> = versions.into_iter().map(taken).collect();
        result?;
        if applied != ops.len() {
            return unproven("commit", "did not set *applied to the number of steps");
        }
        let puts = ops.iter().zip(versions).filter(|(op, _)| matches!(op, Op::Put { .. }));
        puts.map(|(_, version)| version_of(version, "commit")).collect()
    }
}

impl Store for GuestStore {
    fn supports(&self) -> Supports {
        self.supports.clone()
    }

    fn get(&self, key: &str, range: Option<Range>) -> Result<Option<Found>> {
        key::check(key)?;
        let (mut value, mut version) = (ks_bytes::EMPTY, ks_bytes::EMPTY);
        let result = self.visit("get", |table, error| {
            let text = key.as_ptr().cast();
            // SAFETY: the function is the guest's, of this type; all arguments outlive the call.
            table.get.map(|get| unsafe {
                get(table.userdata, text, key.len(), &mut value, &mut version, error)
            })
        });
        let (value, version) = (taken(value), taken(version));
        match result {
            Err(error) if error.code() == Code::NotFound => return Ok(None),
            other => other?,
        }
        let Some(value) = value else { return unproven("get", "gave no value") };
        let value = range.map_or(value.clone(), |range| cut(&value, range));
        Ok(Some(Found { value, version: version_of(version, "get")? }))
    }

    fn list(&self, query: &Query) -> Result<Vec<Entry>> {
        let mut sink = ks_sink::new(query);
        let limit = query.limit.unwrap_or(usize::MAX);
        let after = query.after.as_deref();
        self.visit("list", |table, error| {
            let (prefix, length) = (query.prefix.as_ptr().cast(), query.prefix.len());
            let from = after.map_or(std::ptr::null(), |after| after.as_ptr().cast());
            let from_length = after.map_or(0, str::len);
            let sink: *mut ks_sink = &mut sink;
            // SAFETY: the function is the guest's, of this type; all arguments outlive the call.
            table.list.map(|list| unsafe {
                list(table.userdata, prefix, length, from, from_length, limit, sink, error)
            })
        })?;
        sink.finish()
    }

    fn commit(&self, commits: Vec<Commit>) {
        for commit in commits {
            (commit.done)(boundary::contain(|| self.apply(&commit.ops)));
        }
    }

    fn view(&self) -> Result<Arc<dyn Store>> {
        fail(Code::Unsupported, "A store of your own has no views; read from the store itself.")
    }

    fn close(&self) -> Result<()> {
        let safe = self.table.flags & KS_VTABLE_THREAD_SAFE != 0;
        let _turn = (!safe).then(|| self.turn.lock());
        if !self.dropped.swap(true, Ordering::SeqCst) {
            let _visit = Visit::begin();
            if let Some(drop) = self.table.drop {
                // SAFETY: the function is the guest's, and this is its only call.
                unsafe { drop(self.table.userdata) };
            }
        }
        Ok(())
    }
}

fn supports(table: &ks_store_vtable) -> Supports {
    let has = |flag: u32| table.flags & flag != 0;
    Supports {
        kind: "vtable".into(),
        commit: has(KS_VTABLE_COMMIT),
        conditional_put: has(KS_VTABLE_CONDITIONAL_PUT),
        conditional_delete: has(KS_VTABLE_CONDITIONAL_DELETE),
        ttl: has(KS_VTABLE_TTL),
        view: false,
        durable: if has(KS_VTABLE_DURABLE) { Durable::Yes } else { Durable::Unknown },
        max_value: if table.max_value == 0 { isize::MAX as u64 } else { table.max_value },
        max_batch: if has(KS_VTABLE_COMMIT) { usize::MAX } else { 1 },
    }
}

/// The bytes that a guest filled in. What has no owner is not believed.
fn taken(bytes: ks_bytes) -> Option<bytes::Bytes> {
    // SAFETY: the guest fills the places with `ks_bytes_copy` only, as the vtable says.
    unsafe { bytes.take() }
}

fn version_of(bytes: Option<bytes::Bytes>, what: &str) -> Result<Version> {
    let text = bytes.as_deref().map(std::str::from_utf8);
    match text {
        Some(Ok(text)) => Ok(Version(text.into())),
        Some(Err(_)) => unproven(what, "gave a version that is not UTF-8"),
        None => unproven(what, "gave no version"),
    }
}

/// A callback said OK and did not prove it.
fn unproven<T>(what: &str, how: &str) -> Result<T> {
    let message =
        format!("The callback {what} of a ks_store_vtable said OK but {how}; correct it.");
    fail(Code::Internal, message)
}

/// A callback failed without an error of its own.
fn named(what: &str, status: ks_status) -> Error {
    let code = code_of(status).unwrap_or(Code::Internal);
    let message = format!(
        "The callback {what} of a ks_store_vtable answered with status {status}: {}",
        code.meaning()
    );
    Error::new(code, message)
}

fn cut(value: &bytes::Bytes, range: Range) -> bytes::Bytes {
    let length = value.len() as u64;
    let from = range.offset.min(length);
    let to = range.offset.saturating_add(range.length).min(length);
    value.slice(from as usize..to as usize)
}
