//! Long work: started here, completed on a queue, and finished by a call with the same answers as
//! the call that waits. Everything that the caller hands over is copied before `..._start` returns.

use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use bytes::Bytes;
use keepstate_core::drive;
use keepstate_core::error::Result;
use keepstate_core::store::Commit;

use crate::boundary;
use crate::bytes::ks_bytes;
use crate::cast;
use crate::error::{ks_error, ks_status};
use crate::op::{ks_op, Outcome, Promise};
use crate::opened::Opened;
use crate::queue::ks_queue;
use crate::settings::{self, ks_get_options, ks_put_options};
use crate::snapshot::ks_snapshot;
use crate::store::{absent, give_found, give_version, ks_store};
use crate::timeline::{ks_save_options, ks_timeline, save_of};
use keepstate_core::timeline::At;

/// An operation on its way: its handle for the caller, and the promise to complete it.
fn begin(opened: &Arc<Opened>, queue: &ks_queue, tag: u64) -> Result<(Arc<ks_op>, Promise)> {
    let ready = queue.ready()?.clone();
    let op = ks_op::new();
    let promise = Promise::new(op.clone(), (ready, tag), opened.ticket()?);
    Ok((op, promise))
}

/// Starts `ks_store_get`.
#[no_mangle]
pub unsafe extern "C" fn ks_store_get_start(
    store: *const ks_store,
    key: *const c_char,
    key_len: usize,
    options: *const ks_get_options,
    queue: *const ks_queue,
    tag: u64,
    op: *mut *mut ks_op,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let place = cast::out(op, ptr::null_mut(), "op")?;
            let opened = cast::handle(store, "store")?.opened();
            let key = cast::text(key, key_len, "key")?.to_owned();
            let range = settings::range(options)?;
            let queue = cast::handle(queue, "queue")?;
            let (op, promise) = begin(opened, queue, tag)?;
            *place = cast::hand_out_shared(op);
            queue.submit(Box::new(move || {
                let Some(promise) = promise.begin() else { return };
                let Some(ticket) = promise.ticket() else { return };
                let found = ticket.store().get(&key, range);
                promise.settle(found.map(|found| Outcome::Found(found, key)));
            }));
            Ok(())
        })
    }
}

/// Takes the result of `ks_store_get_start`. `version` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_store_get_finish(
    op: *const ks_op,
    value: *mut ks_bytes,
    version: *mut ks_bytes,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let value = cast::out(value, ks_bytes::EMPTY, "value")?;
            let version = cast::maybe_out(version, ks_bytes::EMPTY)?;
            let (found, key) = cast::handle(op, "op")?.take("get", |outcome| match outcome {
                Outcome::Found(found, key) => Ok((found, key)),
                other => Err(other),
            })?;
            give_found(found.ok_or_else(|| absent(&key))?, value, version);
            Ok(())
        })
    }
}

/// Starts `ks_store_put`.
#[no_mangle]
pub unsafe extern "C" fn ks_store_put_start(
    store: *const ks_store,
    key: *const c_char,
    key_len: usize,
    value: *const u8,
    value_len: usize,
    options: *const ks_put_options,
    queue: *const ks_queue,
    tag: u64,
    op: *mut *mut ks_op,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let place = cast::out(op, ptr::null_mut(), "op")?;
            let opened = cast::handle(store, "store")?.opened();
            let key = cast::text(key, key_len, "key")?;
            let value = Bytes::copy_from_slice(cast::bytes(value, value_len, "value")?);
            let step = settings::put_op(key, value, options)?;
            let queue = cast::handle(queue, "queue")?;
            let (op, promise) = begin(opened, queue, tag)?;
            *place = cast::hand_out_shared(op);
            queue.submit(Box::new(move || {
                let Some(promise) = promise.begin() else { return };
                let Some(store) = promise.ticket().map(|ticket| ticket.store().clone()) else {
                    return;
                };
                let done = Box::new(move |result: Result<_>| {
                    promise.settle(result.map(Outcome::Put));
                });
                store.commit(vec![Commit { ops: vec![step], done }]);
            }));
            Ok(())
        })
    }
}

/// Takes the result of `ks_store_put_start`. `version` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_store_put_finish(
    op: *const ks_op,
    version: *mut ks_bytes,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let version = cast::maybe_out(version, ks_bytes::EMPTY)?;
            let versions = cast::handle(op, "op")?.take("put", |outcome| match outcome {
                Outcome::Put(versions) => Ok(versions),
                other => Err(other),
            })?;
            give_version(versions, version)
        })
    }
}

/// Starts `ks_timeline_save`. Saves of one timeline land in the order in which they were called.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_save_start(
    timeline: *const ks_timeline,
    state: *const u8,
    state_len: usize,
    options: *const ks_save_options,
    queue: *const ks_queue,
    tag: u64,
    op: *mut *mut ks_op,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let place = cast::out(op, ptr::null_mut(), "op")?;
            let line = cast::handle(timeline, "timeline")?.line().clone();
            let save = save_of((state, state_len), options)?;
            let queue = cast::handle(queue, "queue")?;
            let (op, promise) = begin(&line.opened, queue, tag)?;
            *place = cast::hand_out_shared(op);
            let name = line.timeline.name().clone();
            line.join(Box::new(move |timeline| {
                let promise = promise.begin()?;
                let done = Box::new(move |result: Result<_>| {
                    promise.settle(result.map(|saved| Outcome::Saved(Box::new((name, saved)))));
                });
                timeline.save(save, done)
            }));
            queue.submit(Box::new(move || line.advance()));
            Ok(())
        })
    }
}

/// Takes the result of `ks_timeline_save_start`. `snapshot` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_save_finish(
    op: *const ks_op,
    snapshot: *mut *mut ks_snapshot,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let place = cast::maybe_out(snapshot, ptr::null_mut())?;
            let (name, saved) = cast::handle(op, "op")?.take("save", |outcome| match outcome {
                Outcome::Saved(saved) => Ok(*saved),
                other => Err(other),
            })?;
            if let Some(place) = place {
                *place = cast::hand_out(ks_snapshot::new(&name, saved));
            }
            Ok(())
        })
    }
}

/// Starts `ks_timeline_restore`.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_restore_start(
    timeline: *const ks_timeline,
    at: *const c_char,
    at_len: usize,
    queue: *const ks_queue,
    tag: u64,
    op: *mut *mut ks_op,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let place = cast::out(op, ptr::null_mut(), "op")?;
            let line = cast::handle(timeline, "timeline")?.line().clone();
            let at = At::parse(cast::maybe_text(at, at_len, "at")?.unwrap_or_default())?;
            let queue = cast::handle(queue, "queue")?;
            let (op, promise) = begin(&line.opened, queue, tag)?;
            let mut ground = line.ground();
            ground.cancelled = op.cancelled().clone();
            *place = cast::hand_out_shared(op);
            queue.submit(Box::new(move || {
                let Some(promise) = promise.begin() else { return };
                let name = line.timeline.name().clone();
                drive::start(line.timeline.restore(at), &ground, move |result| {
                    promise.settle(
                        result.map(|restored| Outcome::Restored(Box::new((name, restored)))),
                    );
                });
            }));
            Ok(())
        })
    }
}

/// Takes the result of `ks_timeline_restore_start`. `snapshot` may be NULL.
#[no_mangle]
pub unsafe extern "C" fn ks_timeline_restore_finish(
    op: *const ks_op,
    state: *mut ks_bytes,
    snapshot: *mut *mut ks_snapshot,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || {
            let state = cast::out(state, ks_bytes::EMPTY, "state")?;
            let place = cast::maybe_out(snapshot, ptr::null_mut())?;
            let op = cast::handle(op, "op")?;
            let (name, restored) = op.take("restore", |outcome| match outcome {
                Outcome::Restored(restored) => Ok(*restored),
                other => Err(other),
            })?;
            if let Some(place) = place {
                *place = cast::hand_out(ks_snapshot::new(&name, restored.snapshot));
            }
            *state = ks_bytes::lend(restored.bytes);
            Ok(())
        })
    }
}
