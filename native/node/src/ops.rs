//! The steps of commits, queries, entries and versions, between JavaScript and the core.

use std::time::Duration;

use bytes::Bytes;
use keepstate_core::error::{Code, Error, Result};
use keepstate_core::store::{Durable, Entry, Found, Mode, Op, Query, Range, Supports, Version};

use crate::export::Call;
use crate::js::{expected, Env, Js};

/// Reading.
impl Call {
    pub fn key(&self, value: Js) -> Result<String> {
        self.env.read_text(value, "A key")
    }

    /// `[kind, key, ...]` of each step.
    pub fn ops(&self, list: Js) -> Result<Vec<Op>> {
        self.env.items(list, "The steps of a commit")?.into_iter().map(|op| self.op(op)).collect()
    }

    fn op(&self, op: Js) -> Result<Op> {
        let items = self.env.items(op, "A step of a commit")?;
        let at = |index: usize| match items.get(index) {
            Some(item) => Ok(*item),
            None => self.env.undefined(),
        };
        let key = self.key(at(1)?)?;
        match self.env.read_count(at(0)?, "The kind of a step")? {
            0 => self.put((key, at(2)?), at(3)?, at(4)?),
            1 => Ok(Op::Delete { key, if_version: self.version(at(2)?)? }),
            2 => Ok(Op::Check { key, version: self.version(at(2)?)? }),
            _ => expected("The kind of a step", "0, 1 or 2"),
        }
    }

    /// A put from its parts.
    pub fn put(&self, (key, value): (String, Js), condition: Js, ttl: Js) -> Result<Op> {
        let value = Bytes::copy_from_slice(self.bytes(value, "A value")?);
        let ttl = match self.env.is_undefined(ttl) {
            true => None,
            false => Some(Duration::from_millis(self.env.read_count(ttl, "ttl")?)),
        };
        Ok(Op::Put { key, value, mode: self.mode(condition)?, ttl })
    }

    fn mode(&self, condition: Js) -> Result<Mode> {
        if self.env.is_undefined(condition) {
            return Ok(Mode::Overwrite);
        }
        Ok(self.version(condition)?.map_or(Mode::Create, Mode::IfVersion))
    }

    /// A version, or none for `null` and `undefined`.
    pub fn version(&self, value: Js) -> Result<Option<Version>> {
        if self.env.is_undefined(value) || self.env.is_null(value) {
            return Ok(None);
        }
        let text = self.env.read_text(value, "A version")?;
        Ok(Some(Version(text.into_boxed_str())))
    }

    pub fn range(&self, value: Js) -> Result<Option<Range>> {
        if self.env.is_undefined(value) {
            return Ok(None);
        }
        let count = |name, what| match self.env.get(value, name)? {
            Some(number) => self.env.read_count(number, what),
            None => expected(what, "given"),
        };
        let offset = count(c"offset", "The offset of a range")?;
        let length = count(c"length", "The length of a range")?;
        Ok(Some(Range { offset, length }))
    }

    pub fn query(&self, value: Js) -> Result<Query> {
        let env = self.env;
        let text =
            |name, what| env.get(value, name)?.map(|text| env.read_text(text, what)).transpose();
        let limit = env.get(value, c"limit")?.map(|limit| env.read_count(limit, "limit"));
        Ok(Query {
            prefix: text(c"prefix", "prefix")?.unwrap_or_default(),
            after: text(c"after", "after")?,
            limit: limit.transpose()?.map(|limit| limit as usize),
        })
    }
}

/// What a commit of one put gives: its version.
pub fn one_version(env: Env, versions: Vec<Version>) -> Result<Js> {
    match versions.first() {
        Some(version) => env.text(&version.0),
        None => Err(Error::new(Code::Internal, "The store acknowledged a put without a version.")),
    }
}

/// What a commit gives: the versions of its puts.
pub fn versions(env: Env, versions: Vec<Version>) -> Result<Js> {
    env.array(versions.iter(), |env, version| env.text(&version.0))
}

/// `null`, for calls that give nothing.
pub fn nothing<T>(env: Env, _: T) -> Result<Js> {
    env.null()
}

/// `{ value, version }` or `null`.
pub fn found(env: Env, found: Option<Found>) -> Result<Js> {
    let Some(Found { value, version }) = found else { return env.null() };
    let object = env.object()?;
    env.set(object, c"value", env.bytes(value)?)?;
    env.set(object, c"version", env.text(&version.0)?)?;
    Ok(object)
}

/// The entries of a list.
pub fn entries(env: Env, entries: Vec<Entry>) -> Result<Js> {
    env.array(entries.iter(), |env, entry| {
        let object = env.object()?;
        env.set(object, c"key", env.text(&entry.key)?)?;
        env.set(object, c"size", env.count(entry.size)?)?;
        env.set(object, c"version", env.text(&entry.version.0)?)?;
        env.set(object, c"modified", env.count(entry.modified)?)?;
        Ok(object)
    })
}

/// What a store can do.
pub fn supports(env: Env, supports: &Supports) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"kind", env.text(&supports.kind)?)?;
    let flags = [
        (c"commit", supports.commit),
        (c"conditionalPut", supports.conditional_put),
        (c"conditionalDelete", supports.conditional_delete),
        (c"ttl", supports.ttl),
        (c"view", supports.view),
    ];
    for (name, flag) in flags {
        env.set(object, name, env.boolean(flag)?)?;
    }
    let durable = match supports.durable {
        Durable::Yes => "yes",
        Durable::No => "no",
        Durable::Unknown => "unknown",
    };
    env.set(object, c"durable", env.text(durable)?)?;
    env.set(object, c"maxValue", env.count(supports.max_value)?)?;
    env.set(object, c"maxBatch", env.count(supports.max_batch as u64)?)?;
    Ok(object)
}
