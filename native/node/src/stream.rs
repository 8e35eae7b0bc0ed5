//! States that come and go in pieces: the classes NativeInflow, NativeStreamed and NativeOutflow,
//! and the methods of a timeline that take them.

use std::cell::RefCell;
use std::ffi::CStr;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use keepstate_core::error::Result;
use keepstate_core::timeline::{Inflow, Outflow, Streamed};

use crate::export::{Call, Named};
use crate::handle::{wrap, Handle};
use crate::js::{Env, Js};
use crate::machine::{machine, Converted};
use crate::snapshot::snapshot;
use crate::timeline::TimelineHandle;

/// So much room is made for what is staged.
const ROOM: usize = 2 << 20;

/// A save under way, and what is to be fed next.
struct InflowHandle {
    flow: Inflow,
    staged: RefCell<BytesMut>,
}

/// A state that is in the store, but for its record.
struct StreamedHandle(Arc<Streamed>);

/// A state that is being given.
struct OutflowHandle(Outflow);

impl Handle for InflowHandle {
    const NAME: &'static CStr = c"NativeInflow";
    const METHODS: &'static [Named] = &[];
}

impl Handle for StreamedHandle {
    const NAME: &'static CStr = c"NativeStreamed";
    const METHODS: &'static [Named] = &[];
}

impl Handle for OutflowHandle {
    const NAME: &'static CStr = c"NativeOutflow";
    const METHODS: &'static [Named] = &[];
}

impl Call {
    /// What `finish` gave.
    pub fn streamed(&self, value: Js) -> Result<Arc<Streamed>> {
        Ok(self.owned::<StreamedHandle>(value)?.0.clone())
    }

    fn inflow(&self) -> Result<&InflowHandle> {
        self.owned(self.arguments[0])
    }
}

/// Begins a save.
pub fn inflow(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    handle.run(call, handle.timeline.stream(), |env, flow| {
        wrap(env, InflowHandle { flow, staged: RefCell::default() })
    })
}

/// Copies bytes to those that are fed next, and tells how many these are by now.
pub fn stage(call: &Call) -> Result<Js> {
    let mut staged = call.inflow()?.staged.borrow_mut();
    let bytes = call.bytes(call.arguments[1], "A piece of a state")?;
    if staged.is_empty() {
        staged.reserve(bytes.len().max(ROOM));
    }
    staged.extend_from_slice(bytes);
    call.env.count(staged.len() as u64)
}

/// Stores what was staged.
pub fn feed(call: &Call) -> Result<Js> {
    let (handle, inflow) = (TimelineHandle::of(call)?, call.inflow()?);
    let piece = inflow.staged.take().freeze();
    let (weight, operation) = (piece.len(), inflow.flow.feed(piece));
    if handle.is_stepped() {
        // It hashes and compresses at its first step: too much for the JavaScript thread.
        let convert = |env: Env, result: Result<()>| nothing(env, result?);
        return machine(call.env, Box::new(Converted { machine: operation, convert }), weight);
    }
    handle.run(call, operation, nothing)
}

/// All that was fed is stored: gives what is to be saved.
pub fn finish(call: &Call) -> Result<Js> {
    let (handle, inflow) = (TimelineHandle::of(call)?, call.inflow()?);
    handle.run(call, inflow.flow.finish(), |env, done| wrap(env, StreamedHandle(Arc::new(done))))
}

/// Nothing is to be saved.
pub fn give_up(call: &Call) -> Result<Js> {
    let (handle, inflow) = (TimelineHandle::of(call)?, call.inflow()?);
    inflow.staged.take();
    handle.run(call, inflow.flow.abort(), nothing)
}

/// `{ snapshot, flow }`.
pub fn outflow(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    let at = call.at(call.arguments[0])?;
    handle.run(call, handle.timeline.restore_stream(at), |env, flow| {
        let object = env.object()?;
        env.set(object, c"snapshot", snapshot(env, flow.snapshot.clone())?)?;
        env.set(object, c"flow", wrap(env, OutflowHandle(flow))?)?;
        Ok(object)
    })
}

/// The next piece; null at the end. It is a copy: what was handed over waits for the collector's
/// turn, and a state of many pieces would hold many of them.
pub fn next(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    let flow: &OutflowHandle = call.owned(call.arguments[0])?;
    handle.run(call, flow.0.next(), |env, piece: Option<Bytes>| match piece {
        Some(piece) => env.copied(&piece),
        None => env.null(),
    })
}

fn nothing(env: Env, (): ()) -> Result<Js> {
    env.null()
}
