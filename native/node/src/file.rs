//! Single files, by the forms of the core: sealed, opened, written and read on the pool.

use std::ffi::CStr;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use keepstate_core::clock::SystemClock;
use keepstate_core::codec::Registry;
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::file::{read_path, save_path, File, Forms, Metadata, State, Writing};

use crate::export::Call;
use crate::home::Home;
use crate::js::{Env, Js};

static FORMS: LazyLock<Forms> = LazyLock::new(|| Forms::new(Arc::new(Registry::new())));

/// `sealFile(name, state, metadata)`: the bytes of a file.
pub fn seal_file(call: &Call) -> Result<Js> {
    let [name, state, given, _] = call.arguments;
    let (env, name) = (call.env, call.env.read_text(name, "The name of a file")?);
    let metadata = metadata_of(env, given)?;
    let codec = text(env, given, (c"codec", "codec"))?;
    let state = call.bytes(state, "A state")?.to_vec();
    let work = move || {
        let file = File { state: state_of(state, &metadata.encoding)?, metadata };
        let codec = codec.as_deref();
        FORMS.encode(&name, &file, Writing { codec, level: None }).map(Bytes::from)
    };
    Home::of(env)?.later(env, work, |env, bytes| env.bytes(bytes))
}

/// `openFile(name, bytes)`: the state of a file, proven, and the JSON of its metadata.
pub fn open_file(call: &Call) -> Result<Js> {
    let [name, bytes, ..] = call.arguments;
    let name = call.env.read_text(name, "The name of a file")?;
    let bytes = Bytes::copy_from_slice(call.bytes(bytes, "A file")?);
    let work = move || {
        let File { state, metadata } = FORMS.decode(&name, &bytes)?;
        let state = match state {
            State::Json(text) => text.into_bytes(),
            State::Bytes(bytes) => bytes,
        };
        Ok((Bytes::from(state), metadata.to_json()?))
    };
    Home::of(call.env)?.later(call.env, work, |env, (state, metadata)| {
        let object = env.object()?;
        env.set(object, c"state", env.bytes(state)?)?;
        env.set(object, c"metadata", env.text(&metadata)?)?;
        Ok(object)
    })
}

/// `fileMetadata(name, bytes)`: the JSON of what a file says of its state, which is not proven.
pub fn file_metadata(call: &Call) -> Result<Js> {
    let [name, bytes, ..] = call.arguments;
    let name = call.env.read_text(name, "The name of a file")?;
    let bytes = Bytes::copy_from_slice(call.bytes(bytes, "A file")?);
    let work = move || FORMS.metadata(&name, &bytes)?.to_json();
    Home::of(call.env)?.later(call.env, work, |env, metadata| env.text(&metadata))
}

/// `saveFilePath(path, bytes)`: the whole file, durably, or what was there before.
pub fn save_file_path(call: &Call) -> Result<Js> {
    let [path, bytes, ..] = call.arguments;
    let (path, bytes) = (call.path(path)?, call.bytes(bytes, "A file")?.to_vec());
    let work = move || save_path(&path, &bytes, &SystemClock);
    Home::of(call.env)?.later(call.env, work, |env, ()| env.null())
}

/// `readFilePath(path)`: what is there.
pub fn read_file_path(call: &Call) -> Result<Js> {
    let path = call.path(call.arguments[0])?;
    Home::of(call.env)?.later(call.env, move || read_path(&path), |env, bytes| env.bytes(bytes))
}

fn state_of(state: Vec<u8>, encoding: &str) -> Result<State> {
    if encoding != "json" {
        return Ok(State::Bytes(state));
    }
    match String::from_utf8(state) {
        Ok(text) => Ok(State::Json(text)),
        Err(_) => fail(Code::NotJson, "The state is not UTF-8, and so no JSON text; check it."),
    }
}

fn metadata_of(env: Env, given: Js) -> Result<Metadata> {
    let count = |name: &CStr, what| match env.get(given, name)? {
        Some(count) => env.read_count(count, what).map(Some),
        None => Ok(None),
    };
    Ok(Metadata {
        agent: text(env, given, (c"agent", "agent"))?,
        session: text(env, given, (c"session", "session"))?,
        index: count(c"index", "index")?,
        time: count(c"time", "time")?,
        label: text(env, given, (c"label", "label"))?,
        description: text(env, given, (c"description", "description"))?,
        encoding: text(env, given, (c"encoding", "encoding"))?.unwrap_or_default(),
        user: text(env, given, (c"user", "user"))?,
        ..Metadata::default()
    })
}

fn text(env: Env, given: Js, (name, what): (&CStr, &str)) -> Result<Option<String>> {
    match env.get(given, name)? {
        Some(text) => env.read_text(text, what).map(Some),
        None => Ok(None),
    }
}
