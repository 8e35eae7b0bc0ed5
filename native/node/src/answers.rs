//! What machines ask and are answered, between JavaScript and the core.

use bytes::Bytes;
use keepstate_core::error::{Code, Error, Result};
use keepstate_core::machine::{Answer, Request, RequestId};
use keepstate_core::store::{Entry, Found, Mode, Op, Query, Range, Version};

use crate::export::Call;
use crate::js::{expected, Env, Js};

/// What a request must be answered with.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    Found,
    Entries,
    Versions,
    Time,
    Random,
    Cancelled,
    Nothing,
}

impl Kind {
    pub fn of(request: &Request) -> Kind {
        match request {
            Request::Get { .. } => Kind::Found,
            Request::List(_) => Kind::Entries,
            Request::Put { .. } | Request::Delete { .. } | Request::Commit(_) => Kind::Versions,
            Request::Now => Kind::Time,
            Request::Random(_) => Kind::Random,
            Request::Sleep(_) => Kind::Nothing,
            Request::Cancelled => Kind::Cancelled,
        }
    }
}

/// `{ id, kind, ... }`. A single put or delete is asked as a commit of one step.
pub fn request(env: Env, (id, request): (RequestId, Request)) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"id", env.count(id)?)?;
    let kind = match request {
        Request::Get { key, range } => {
            env.set(object, c"key", env.text(&key)?)?;
            if let Some(asked) = range {
                env.set(object, c"range", range_object(env, asked)?)?;
            }
            "get"
        }
        Request::List(query) => {
            env.set(object, c"query", query_object(env, &query)?)?;
            "list"
        }
        Request::Put { key, value, mode } => {
            steps(env, object, vec![Op::Put { key, value, mode, ttl: None }])?
        }
        Request::Delete { key, if_version } => {
            steps(env, object, vec![Op::Delete { key, if_version }])?
        }
        Request::Commit(ops) => steps(env, object, ops)?,
        Request::Now => "now",
        Request::Cancelled => "cancelled",
        Request::Random(count) => {
            env.set(object, c"count", env.count(count as u64)?)?;
            "random"
        }
        Request::Sleep(time) => {
            env.set(object, c"milliseconds", env.number(time.as_secs_f64() * 1000.0)?)?;
            "sleep"
        }
    };
    env.set(object, c"kind", env.text(kind)?)?;
    Ok(object)
}

fn steps(env: Env, object: Js, ops: Vec<Op>) -> Result<&'static str> {
    env.set(object, c"ops", env.array(ops.into_iter(), step)?)?;
    Ok("commit")
}

/// `[kind, key, ...]`, as `ops` reads it.
fn step(env: Env, op: Op) -> Result<Js> {
    let version = |version: Option<Version>| match version {
        Some(version) => env.text(&version.0),
        None => env.null(),
    };
    let items = match op {
        Op::Put { key, value, mode, ttl } => {
            let condition = match mode {
                Mode::Overwrite => env.undefined()?,
                Mode::Create => env.null()?,
                Mode::IfVersion(there) => version(Some(there))?,
            };
            let ttl = match ttl {
                Some(time) => env.number(time.as_millis() as f64)?,
                None => env.undefined()?,
            };
            vec![env.integer(0)?, env.text(&key)?, env.bytes(value)?, condition, ttl]
        }
        Op::Delete { key, if_version: None } => vec![env.integer(1)?, env.text(&key)?],
        Op::Delete { key, if_version } => {
            vec![env.integer(1)?, env.text(&key)?, version(if_version)?]
        }
        Op::Check { key, version: there } => {
            vec![env.integer(2)?, env.text(&key)?, version(there)?]
        }
    };
    env.array(items.into_iter(), |_, item| Ok(item))
}

fn range_object(env: Env, range: Range) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"offset", env.count(range.offset)?)?;
    env.set(object, c"length", env.count(range.length)?)?;
    Ok(object)
}

fn query_object(env: Env, query: &Query) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"prefix", env.text(&query.prefix)?)?;
    if let Some(after) = &query.after {
        env.set(object, c"after", env.text(after)?)?;
    }
    if let Some(limit) = query.limit {
        env.set(object, c"limit", env.count(limit as u64)?)?;
    }
    Ok(object)
}

/// Reading.
impl Call {
    /// The id of an answer.
    pub fn answer_id(&self, answer: Js) -> Result<RequestId> {
        match self.env.get(answer, c"id")? {
            Some(id) => self.env.read_count(id, "The id of an answer"),
            None => expected("The id of an answer", "given"),
        }
    }

    /// `{ value }` of this kind, or `{ error }`.
    pub fn answer(&self, answer: Js, kind: Kind) -> Result<Answer> {
        if let Some(record) = self.env.get(answer, c"error")? {
            return Err(self.record(record)?);
        }
        let value = match self.env.get(answer, c"value")? {
            Some(value) => value,
            None => self.env.null()?,
        };
        let env = self.env;
        Ok(match kind {
            Kind::Found => Answer::Found(self.found(value)?),
            Kind::Entries => Answer::Listed(self.each(value, |entry| self.entry(entry))?),
            Kind::Versions => Answer::Committed(self.each(value, |text| self.text_version(text))?),
            Kind::Time => Answer::Time(env.read_number(value, "A time")? as u64),
            Kind::Random => Answer::Random(self.bytes(value, "Random bytes")?.to_vec()),
            Kind::Cancelled => Answer::Cancelled(env.read_boolean(value, "cancelled")?),
            Kind::Nothing => Answer::Nothing,
        })
    }

    fn each<T>(&self, list: Js, read: impl Fn(Js) -> Result<T>) -> Result<Vec<T>> {
        self.env.items(list, "The answer")?.into_iter().map(read).collect()
    }

    fn found(&self, value: Js) -> Result<Option<Found>> {
        if self.env.is_null(value) {
            return Ok(None);
        }
        let bytes = self.bytes(self.part(value, c"value")?, "The value of an answer")?;
        let version = self.text_version(self.part(value, c"version")?)?;
        Ok(Some(Found { value: Bytes::copy_from_slice(bytes), version }))
    }

    fn entry(&self, entry: Js) -> Result<Entry> {
        let count = |name, what| self.env.read_count(self.part(entry, name)?, what);
        Ok(Entry {
            key: self.key(self.part(entry, c"key")?)?,
            size: count(c"size", "The size of an entry")?,
            version: self.text_version(self.part(entry, c"version")?)?,
            modified: count(c"modified", "The time of an entry")?,
        })
    }

    fn text_version(&self, value: Js) -> Result<Version> {
        match self.version(value)? {
            Some(version) => Ok(version),
            None => expected("A version", "a string"),
        }
    }

    fn part(&self, object: Js, name: &std::ffi::CStr) -> Result<Js> {
        match self.env.get(object, name)? {
            Some(part) => Ok(part),
            None => self.env.undefined(),
        }
    }

    /// The error that a record tells of. A code that the core does not know is IO: it came from a
    /// store, and that it failed is all that is known.
    fn record(&self, record: Js) -> Result<Error> {
        let text = |name, what| self.env.read_text(self.part(record, name)?, what);
        let name = text(c"code", "The code of an error")?;
        let code = Code::ALL.iter().find(|code| code.name() == name).unwrap_or(&Code::Io);
        let error = Error::new(*code, text(c"message", "The message of an error")?);
        match self.env.get(record, c"key")? {
            Some(key) => Ok(error.key(self.key(key)?)),
            None => Ok(error),
        }
    }
}
