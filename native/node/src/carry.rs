//! Timelines as files: parts of an export, and the class NativeImport.

use std::ffi::CStr;
use std::sync::Arc;

use bytes::Bytes;
use keepstate_core::error::Result;
use keepstate_core::timeline::{Cursor, Import, Part};

use crate::export::{Call, Named};
use crate::handle::{wrap, Handle};
use crate::js::{Env, Js};
use crate::machine::{machine, Converted};
use crate::ops::nothing;
use crate::snapshot::snapshot;
use crate::timeline::TimelineHandle;

/// An import under way.
struct ImportHandle(Arc<Import>);

impl Handle for ImportHandle {
    const NAME: &'static CStr = c"NativeImport";
    const METHODS: &'static [Named] = &[(c"taken", |call| {
        let (env, taken) = (call.env, call.own::<ImportHandle>()?.0.taken());
        let object = env.object()?;
        env.set(object, c"snapshots", env.count(taken.snapshots)?)?;
        env.set(object, c"bytes", env.count(taken.bytes)?)?;
        Ok(object)
    })];
}

/// `part(cursor, token?)`: the next part of the file.
pub fn part(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    let cursor = call.cursor(call.arguments[0])?;
    handle.run(call, handle.timeline.export(cursor), |env, Part { bytes, next }| {
        let object = env.object()?;
        env.set(object, c"bytes", env.bytes(bytes)?)?;
        if let Some(cursor) = next {
            env.set(object, c"next", told(env, cursor)?)?;
        }
        Ok(object)
    })
}

/// `importer()`.
pub fn importer(call: &Call) -> Result<Js> {
    wrap(call.env, ImportHandle(Arc::default()))
}

/// `takeIn(import, token?, bytes)`.
pub fn take_in(call: &Call) -> Result<Js> {
    let (handle, import) = (TimelineHandle::of(call)?, call.import()?);
    let bytes = Bytes::copy_from_slice(call.bytes(call.arguments[2], "A piece of a file")?);
    let (weight, operation) = (bytes.len(), handle.timeline.take_in(import, bytes));
    if handle.home.is_some() {
        return handle.run(call, operation, nothing);
    }
    // It hashes all of them at its first step: too much for the JavaScript thread.
    let convert = |env: Env, result: Result<()>| nothing(env, result?);
    machine(call.env, Box::new(Converted { machine: operation, convert }), weight)
}

/// `finishImport(import, token?)`.
pub fn finish_import(call: &Call) -> Result<Js> {
    let (handle, import) = (TimelineHandle::of(call)?, call.import()?);
    handle.run(call, handle.timeline.finish_import(import), snapshot)
}

/// `abandonImport(import)`.
pub fn abandon_import(call: &Call) -> Result<Js> {
    let (handle, import) = (TimelineHandle::of(call)?, call.import()?);
    handle.run(call, handle.timeline.abandon_import(import), nothing)
}

impl Call {
    fn import(&self) -> Result<Arc<Import>> {
        Ok(self.owned::<ImportHandle>(self.arguments[0])?.0.clone())
    }

    /// `NativeCursor`; what is absent is 0.
    fn cursor(&self, given: Js) -> Result<Cursor> {
        let count = |name, what| match self.env.get(given, name)? {
            Some(count) => self.env.read_count(count, what),
            None => Ok(0),
        };
        Ok(Cursor {
            sequence: count(c"sequence", "sequence")?,
            last: count(c"last", "last")?,
            after: count(c"after", "after")?,
            cuts: count(c"cuts", "cuts")?,
            chunk: count(c"chunk", "chunk")?,
        })
    }
}

fn told(env: Env, cursor: Cursor) -> Result<Js> {
    let object = env.object()?;
    let Cursor { sequence, last, after, cuts, chunk } = cursor;
    let place = [(c"sequence", sequence), (c"last", last), (c"chunk", chunk)];
    for (name, count) in place.into_iter().chain([(c"after", after), (c"cuts", cuts)]) {
        env.set(object, name, env.count(count)?)?;
    }
    Ok(object)
}
