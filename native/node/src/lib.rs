//! The Node-API addon of Keepstate: converts, owns, catches; holds no logic.
//!
//! A call enters through `export`, which catches panics and gives errors back as records. `js`,
//! `bytes`, `ops` and `failure` convert; `handle` lets JavaScript own things; `home` is what the
//! addon keeps for each environment. Work that waits leaves through `home` to a store or to `pool`,
//! and comes back through `queue`. What the exports are called and take is stated, as types, in
//! `src/native/exports.ts`.
// Exports are documented where their callers look, in exports.ts; nothing else can link to this
// crate.
#![allow(missing_docs)]

mod abort;
mod answers;
mod background;
mod bytes;
mod carry;
mod codec;
mod drive;
mod export;
mod failure;
mod file;
mod handle;
mod home;
mod insight;
mod js;
mod json;
mod machine;
mod open;
mod ops;
mod pool;
mod queue;
mod seal;
mod snapshot;
mod soon;
mod store;
mod stream;
mod tape;
#[cfg(feature = "testing")]
mod test;
mod timeline;
mod upkeep;
mod verify;

use keepstate_core::error::{Code, Result};
use napi::bindgen_prelude::{JsValue, Object};
use napi_derive::napi;

use export::{function, Call, Named};
use home::Home;
use js::{Env, Js};

const EXPORTS: &[Named] = &[
    (c"version", |call| call.env.text(env!("CARGO_PKG_VERSION"))),
    (c"codes", codes),
    (c"pool", pool_figures),
    (c"openMemory", open::memory),
    (c"openLog", open::log),
    (c"openDir", open::dir),
    (c"repairLog", open::repair_log),
    (c"keyRing", seal::key_ring),
    (c"chunk", codec::chunk),
    (c"abortToken", abort::abort_token),
    (c"timeline", timeline::timeline),
    (c"steppedTimeline", timeline::stepped_timeline),
    (c"tapeReader", tape::tape_reader),
    (c"timelineShows", upkeep::timeline_shows),
    (c"digestSync", codec::digest_sync),
    (c"digest", codec::digest),
    (c"compressSync", codec::compress_sync),
    (c"compress", codec::compress),
    (c"decompressSync", codec::decompress_sync),
    (c"decompress", codec::decompress),
    (c"sealFile", file::seal_file),
    (c"openFile", file::open_file),
    (c"fileMetadata", file::file_metadata),
    (c"saveFilePath", file::save_file_path),
    (c"readFilePath", file::read_file_path),
    (c"toJsonSync", json::to_json_sync),
    (c"toJson", json::to_json_later),
    (c"fromJsonSync", json::from_json_sync),
    (c"fromJson", json::from_json_later),
];

/// Fills the module's exports. A failure here is thrown: the loader reports it.
#[napi(module_exports, catch_unwind)]
pub fn exports(exports: Object, env: napi::Env) -> napi::Result<()> {
    let (env, exports) = (Env(env.raw()), exports.raw());
    let fill = || -> Result<()> {
        Home::found(env)?;
        #[cfg(feature = "testing")]
        fill_with(env, exports, test::EXPORTS)?;
        fill_with(env, exports, EXPORTS)
    };
    fill().map_err(|error| napi::Error::from_reason(error.to_string()))
}

fn fill_with(env: Env, exports: Js, named: &[Named]) -> Result<()> {
    named.iter().try_for_each(|named| env.set(exports, named.0, function(env, *named)?))
}

fn codes(call: &Call) -> Result<Js> {
    call.env.array(Code::ALL.iter(), |env, code| {
        let object = env.object()?;
        env.set(object, c"number", env.count(*code as u64)?)?;
        env.set(object, c"name", env.text(code.name())?)?;
        env.set(object, c"retryable", env.boolean(code.retryable())?)?;
        Ok(object)
    })
}

fn pool_figures(call: &Call) -> Result<Js> {
    let (env, figures) = (call.env, pool::figures());
    let object = env.object()?;
    env.set(object, c"threads", env.count(figures.threads as u64)?)?;
    env.set(object, c"queued", env.count(figures.queued as u64)?)?;
    env.set(object, c"batches", env.count(figures.batches)?)?;
    let queue = &Home::of(env)?.queue;
    env.set(object, c"pending", env.count(queue.pending() as u64)?)?;
    env.set(object, c"wakes", env.count(queue.wakes())?)?;
    Ok(object)
}
