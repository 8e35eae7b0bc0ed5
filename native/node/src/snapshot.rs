//! What timelines take and give, between JavaScript and the core.

use std::cell::{Cell, RefCell};
use std::ffi::CStr;

use bytes::Bytes;
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::hex;
use keepstate_core::timeline::{
    At, Change, Deleted, Meta, Page, Report, Restored, Save, Snapshot, Splice,
};

use crate::export::{Call, Named};
use crate::handle::{wrap, Handle};
use crate::js::{expected, Env, Js};

/// The encoding where none is named.
const MSGPACK: &str = "msgpack";

/// Reading.
impl Call {
    /// The parts of a `NativeSave`, and how many bytes it brings. What every save has is read by
    /// its place: to find a property by its name costs several times as much.
    pub fn save(&self) -> Result<(Save, usize)> {
        let env = self.env;
        let [bytes, edits, epoch, said] = self.arguments;
        let silent = env.is_undefined(said);
        let streamed = if silent { None } else { env.get(said, c"streamed")? };
        if let Some(streamed) = streamed {
            let onto = env.get(said, c"onto")?.map(|onto| self.onto(onto)).transpose()?;
            let streamed = self.streamed(streamed)?;
            let weight = streamed.length as usize;
            let change = Change::Streamed(streamed);
            return Ok((Save { change, meta: self.meta(said)?, onto }, weight));
        }
        let bytes = Bytes::copy_from_slice(self.bytes(bytes, "The state")?);
        let weight = bytes.len();
        let change = match env.is_undefined(edits) {
            true => Change::Whole(bytes),
            false => Change::Edits {
                splices: splices(&self.numbers(edits, "The edits")?)?,
                fresh: bytes,
                epoch: env.read_count(epoch, "The epoch of edits")?,
            },
        };
        if silent {
            let meta = Meta { encoding: Some(MSGPACK.into()), ..Meta::default() };
            return Ok((Save { change, meta, onto: None }, weight));
        }
        let onto = env.get(said, c"onto")?.map(|onto| self.onto(onto)).transpose()?;
        Ok((Save { change, meta: self.meta(said)?, onto }, weight))
    }

    fn meta(&self, change: Js) -> Result<Meta> {
        let env = self.env;
        let text =
            |name, what| env.get(change, name)?.map(|text| env.read_text(text, what)).transpose();
        let user = match env.get(change, c"metadata")? {
            Some(bytes) => Some(Bytes::copy_from_slice(self.bytes(bytes, "metadata")?)),
            None => None,
        };
        Ok(Meta {
            label: text(c"label", "label")?,
            description: text(c"description", "description")?,
            encoding: text(c"encoding", "encoding")?,
            schema: text(c"schemaVersion", "schemaVersion")?,
            idempotency_key: text(c"idempotencyKey", "idempotencyKey")?,
            user,
            ..Meta::default()
        })
    }

    fn onto(&self, value: Js) -> Result<u64> {
        match self.at(value)? {
            At::Sequence(sequence) => Ok(sequence),
            _ => fail(Code::InvalidRef, "onto names a snapshot by number, as @17, or @0 for none."),
        }
    }

    /// The part of a reference behind the timeline's name; undefined is the latest.
    pub fn at(&self, value: Js) -> Result<At> {
        if self.env.is_undefined(value) {
            return Ok(At::Latest);
        }
        At::parse(&self.env.read_text(value, "A reference")?)
    }

    pub fn page(&self, options: Js) -> Result<Page> {
        let env = self.env;
        let count = |name, what| {
            env.get(options, name)?.map(|count| env.read_count(count, what)).transpose()
        };
        let reverse = env.get(options, c"reverse")?;
        let reverse = reverse.map(|flag| env.read_boolean(flag, "reverse")).transpose()?;
        Ok(Page {
            after: count(c"after", "after")?,
            before: count(c"before", "before")?,
            limit: count(c"limit", "limit")?.map(|limit| limit as usize),
            newest_first: reverse.unwrap_or(false),
        })
    }
}

/// Keep, drop, insert; again and again: as replacements at positions of the state before.
fn splices(edits: &[f64]) -> Result<Vec<Splice>> {
    let mut position = 0;
    let whole = |number: f64| match number >= 0.0 && number.fract() == 0.0 {
        true => Ok(number as u64),
        false => expected("An edit", "a whole number from 0 on"),
    };
    let mut splices = Vec::with_capacity(edits.len() / 3);
    for edit in edits.chunks(3) {
        let &[keep, drop, insert] = edit else {
            return expected("The edits", "a multiple of three numbers");
        };
        position += whole(keep)?;
        let splice = Splice { position, old: whole(drop)?, new: whole(insert)? };
        position += splice.old;
        splices.push(splice);
    }
    Ok(splices)
}

/// `NativeSaved`: most snapshots have nothing but what every one has, by its place.
pub fn saved(env: Env, saved: Snapshot) -> Result<Js> {
    let Snapshot { sequence, id, parent, meta, length, stored, tags } = &saved;
    let encoding = Some(MSGPACK.into());
    if *meta != (Meta { time: meta.time, encoding, ..Meta::default() }) || !tags.is_empty() {
        return snapshot(env, saved);
    }
    let ids = hex::encode(&[id.0, parent.0].concat());
    let parts = [
        env.count(*sequence)?,
        env.count(meta.time)?,
        env.count(*length)?,
        env.count(*stored)?,
        env.text(&ids)?,
    ];
    env.array(parts.into_iter(), |_, part| Ok(part))
}

/// `NativeSnapshot`.
pub fn snapshot(env: Env, snapshot: Snapshot) -> Result<Js> {
    let object = env.object()?;
    let Snapshot { sequence, id, parent, meta, length, stored, tags } = snapshot;
    for (name, count) in
        [(c"sequence", sequence), (c"time", meta.time), (c"size", length), (c"storedBytes", stored)]
    {
        env.set(object, name, env.count(count)?)?;
    }
    env.set(object, c"id", env.text(&hex::encode(&id.0))?)?;
    env.set(object, c"parent", env.text(&hex::encode(&parent.0))?)?;
    let encoding = Some(meta.encoding.unwrap_or_else(|| MSGPACK.into()));
    for (name, text) in [
        (c"encoding", encoding),
        (c"label", meta.label),
        (c"description", meta.description),
        (c"schemaVersion", meta.schema),
        (c"idempotencyKey", meta.idempotency_key),
    ] {
        if let Some(text) = text {
            env.set(object, name, env.text(&text)?)?;
        }
    }
    if !tags.is_empty() {
        env.set(object, c"tags", env.array(tags.iter(), |env, tag| env.text(tag))?)?;
    }
    if let Some(user) = meta.user {
        env.set(object, c"metadata", env.bytes(user)?)?;
    }
    Ok(object)
}

pub fn snapshots(env: Env, snapshots: Vec<Snapshot>) -> Result<Js> {
    env.array(snapshots.into_iter(), snapshot)
}

/// `{ snapshot, state }`.
pub fn restored(env: Env, restored: Restored) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"snapshot", snapshot(env, restored.snapshot)?)?;
    env.set(object, c"state", StateHandle::wrap(env, restored.bytes)?)?;
    Ok(object)
}

/// `{ snapshots, freedBytes, forks }`.
pub fn deleted(env: Env, deleted: Deleted) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"snapshots", env.count(deleted.snapshots)?)?;
    env.set(object, c"freedBytes", env.count(deleted.freed)?)?;
    env.set(object, c"forks", env.array(deleted.forks.iter(), |env, fork| env.text(fork))?)?;
    Ok(object)
}

/// An encoded state that came back. Mostly it is only needed until its tape was read: so it stays
/// here, and its memory is used again by the next one.
pub struct StateHandle {
    bytes: RefCell<Bytes>,
    reported: Cell<i64>,
}

impl Handle for StateHandle {
    const NAME: &'static CStr = c"NativeState";
    const METHODS: &'static [Named] =
        &[(c"take", |call| call.env.bytes(call.own::<StateHandle>()?.take(call.env)))];

    fn reported(&self) -> i64 {
        self.reported.get()
    }
}

impl StateHandle {
    fn wrap(env: Env, bytes: Bytes) -> Result<Js> {
        let reported = Cell::new(bytes.len() as i64);
        env.report(reported.get());
        wrap(env, StateHandle { bytes: RefCell::new(bytes), reported })
    }

    /// The bytes; after this there are none.
    pub fn take(&self, env: Env) -> Bytes {
        env.report(-self.reported.replace(0));
        self.bytes.take()
    }
}

/// `{ snapshots, bytes, damage }`.
pub fn report(env: Env, report: Report) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"snapshots", env.count(report.snapshots)?)?;
    env.set(object, c"bytes", env.count(report.bytes)?)?;
    let damage = env.array(report.problems.iter(), |env, error| env.record(error))?;
    env.set(object, c"damage", damage)?;
    Ok(object)
}
