//! The class NativeStore: a store of the core in JavaScript's hands.

use std::cell::RefCell;
use std::ffi::CStr;
use std::sync::Arc;

use keepstate_core::error::{fail, Code, Error, Result};
use keepstate_core::store::{Commit, Embedded, Op, Query, Range, Store, Version};

use crate::export::{Call, Named};
use crate::handle::{wrap, Handle};
use crate::home::Home;
use crate::js::{Env, Js};
use crate::ops::{entries, found, nothing, one_version, supports, versions};
use crate::pool::Strand;
use crate::soon::{soon, Convert};
use crate::verify::verify;

/// Where the calls of a store run.
#[derive(Clone)]
pub enum Lane {
    /// On the JavaScript thread: each takes microseconds.
    Here,
    /// Writes there, reads on the pool: they may have to wait for the disk.
    WritesHere,
    /// Reads on the pool; commits are handed over at the end of the tick, without blocking.
    Tick,
    /// All on the pool; writes in their order.
    Pool(Arc<Strand>),
}

/// A store and how it is reached.
pub struct StoreHandle {
    pub store: Arc<dyn Store>,
    /// None for a view, which offers no more than the port.
    embedded: Option<Arc<dyn Embedded>>,
    pub lane: Lane,
    /// Why `getSync` failed, until it is asked for.
    failure: RefCell<Option<Error>>,
}

impl Handle for StoreHandle {
    const NAME: &'static CStr = c"NativeStore";
    const METHODS: &'static [Named] = &[
        (c"supports", |call| supports(call.env, &call.own::<StoreHandle>()?.store.supports())),
        (c"getSync", get_sync),
        (c"takeError", take_error),
        (c"get", get),
        (c"list", list),
        (c"put", put),
        (c"delete", delete),
        (c"commit", commit),
        (c"flush", |call| maintain(call, |store| store.flush(), nothing)),
        (c"stats", |call| maintain(call, |store| store.stats(), figures)),
        (c"verify", verify),
        (c"compact", |call| maintain(call, |store| store.compact(), nothing)),
        (c"view", view),
        (c"close", close),
    ];
}

impl StoreHandle {
    /// What only the core's own stores do.
    pub fn embedded(&self) -> Result<Arc<dyn Embedded>> {
        let message = "A read view cannot do this; call it on the store that the view is of.";
        self.embedded.clone().ok_or_else(|| Error::new(Code::Unsupported, message))
    }
}

/// What `getSync` gives where there is no value, and where it failed.
const ABSENT: i32 = -1;
const FAILED: i32 = -2;

/// A handle of a store that was opened.
pub fn opened<S: Embedded + 'static>(env: Env, store: Arc<S>, lane: Lane) -> Result<Js> {
    let embedded: Option<Arc<dyn Embedded>> = Some(store.clone());
    wrap(env, StoreHandle { store, embedded, lane, failure: RefCell::default() })
}

fn get_sync(call: &Call) -> Result<Js> {
    let handle = call.own::<StoreHandle>()?;
    let [key, into, offset, ..] = call.arguments;
    let read = || {
        let into = call.bytes_mut(into, "The buffer")?;
        let offset = call.env.read_count(offset, "The offset")? as usize;
        let into = into.get_mut(offset..).unwrap_or_default();
        call.env.with_text((key, "A key"), |key| copy(&*handle.store, key, into))
    };
    let length = read().unwrap_or_else(|error| {
        handle.failure.replace(Some(error));
        FAILED
    });
    call.env.integer(length)
}

fn copy(store: &dyn Store, key: &str, into: &mut [u8]) -> Result<i32> {
    let mut length = 0;
    let found = store.lend(key, &mut |value| {
        length = value.len();
        if let Some(room) = into.get_mut(..length) {
            room.copy_from_slice(value);
        }
    })?;
    if !found {
        return Ok(ABSENT);
    }
    i32::try_from(length).map_err(|_| {
        let message = "A value is too large for getSync; use get, with ranges.";
        Error::new(Code::ValueTooLarge, message).key(key)
    })
}

fn take_error(call: &Call) -> Result<Js> {
    match call.own::<StoreHandle>()?.failure.take() {
        Some(error) => Err(error),
        None => fail(Code::Internal, "No getSync has failed since takeError was called."),
    }
}

fn get(call: &Call) -> Result<Js> {
    let [key, range, ..] = call.arguments;
    let (key, range): (String, Option<Range>) = (call.key(key)?, call.range(range)?);
    read(call, move |store| store.get(&key, range), found)
}

fn list(call: &Call) -> Result<Js> {
    let query: Query = call.query(call.arguments[0])?;
    read(call, move |store| store.list(&query), entries)
}

fn read<T: Send + 'static>(
    call: &Call,
    work: impl FnOnce(&dyn Store) -> Result<T> + Send + 'static,
    convert: Convert<T>,
) -> Result<Js> {
    let handle = call.own::<StoreHandle>()?;
    if matches!(handle.lane, Lane::Here) {
        return convert(call.env, work(&*handle.store)?);
    }
    let store = handle.store.clone();
    Home::of(call.env)?.later(call.env, move || work(&*store), convert)
}

fn put(call: &Call) -> Result<Js> {
    let [key, value, condition, ttl] = call.arguments;
    let op = call.put((call.key(key)?, value), condition, ttl)?;
    write(call, vec![op], one_version)
}

fn delete(call: &Call) -> Result<Js> {
    let [key, version, ..] = call.arguments;
    let op = Op::Delete { key: call.key(key)?, if_version: call.version(version)? };
    write(call, vec![op], nothing)
}

fn commit(call: &Call) -> Result<Js> {
    write(call, call.ops(call.arguments[0])?, versions)
}

fn write(call: &Call, ops: Vec<Op>, convert: Convert<Vec<Version>>) -> Result<Js> {
    let handle = call.own::<StoreHandle>()?;
    let home = Home::of(call.env)?;
    let mut staged = Ok(());
    let result = soon(call.env, convert, |done| {
        let (store, commit) = (&handle.store, Commit { ops, done });
        staged = match &handle.lane {
            Lane::Here | Lane::WritesHere => {
                store.commit(vec![commit]);
                Ok(())
            }
            Lane::Tick => home.stage_commit(call.env, store, commit),
            Lane::Pool(strand) => {
                let store = store.clone();
                let job = Box::new(move || store.commit(vec![commit]));
                home.stage_in_order(call.env, strand, job)
            }
        };
    });
    staged.and(result)
}

/// What only the core's own stores do, on the pool.
fn maintain<T: Send + 'static>(
    call: &Call,
    work: fn(&dyn Embedded) -> Result<T>,
    convert: Convert<T>,
) -> Result<Js> {
    let store = call.own::<StoreHandle>()?.embedded()?;
    Home::of(call.env)?.later(call.env, move || work(&*store), convert)
}

fn figures(env: Env, figures: Vec<(&'static str, u64)>) -> Result<Js> {
    let object = env.object()?;
    for (name, figure) in figures {
        let name = std::ffi::CString::new(name).unwrap_or_default();
        env.set(object, &name, env.count(figure)?)?;
    }
    Ok(object)
}

fn view(call: &Call) -> Result<Js> {
    let StoreHandle { store, lane, .. } = call.own::<StoreHandle>()?;
    let (store, lane) = (store.view()?, lane.clone());
    wrap(call.env, StoreHandle { store, embedded: None, lane, failure: RefCell::default() })
}

/// Behind every write that was asked for before.
fn close(call: &Call) -> Result<Js> {
    let StoreHandle { store, lane, .. } = call.own::<StoreHandle>()?;
    let (store, home) = (store.clone(), Home::of(call.env)?);
    let Lane::Pool(strand) = lane else {
        return home.later(call.env, move || store.close(), nothing);
    };
    let mut staged = Ok(());
    let result = soon(call.env, nothing, |done| {
        let job = Box::new(move || done(store.close()));
        staged = home.stage_in_order(call.env, strand, job);
    });
    staged.and(result)
}
