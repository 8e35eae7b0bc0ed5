//! Opening the stores of the core, with their options.

use std::ffi::CStr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use keepstate_core::clock::SystemClock;
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::store::dir::{DirOptions, DirStore};
use keepstate_core::store::log::{repair, Durability, Log, LogOptions, Report};
use keepstate_core::store::memory::MemoryStore;

use crate::export::Call;
use crate::home::Home;
use crate::js::{expected, Env, Js};
use crate::pool::Strand;
use crate::store::{opened, Lane};

/// Without durability, what was acknowledged is synced after so many milliseconds.
const SYNC_EVERY: u64 = 1000;

/// A new, empty store in memory.
pub fn memory(call: &Call) -> Result<Js> {
    opened(call.env, Arc::new(MemoryStore::new(Arc::new(SystemClock))), Lane::Here)
}

/// A folder of plain files.
pub fn dir(call: &Call) -> Result<Js> {
    let [path, given, ..] = call.arguments;
    let (path, given) = (call.path(path)?, Given { env: call.env, object: given });
    if given.flag(c"readOnly", "readOnly")? == Some(true) {
        let message = "A folder of plain files cannot be opened read-only; leave readOnly out.";
        return fail(Code::InvalidConfig, message);
    }
    let default = DirOptions::default();
    let options = DirOptions {
        create: given.flag(c"create", "create")?.unwrap_or(default.create),
        shards: given.count(c"shards", "shards")?.map(|shards| shards as u32),
        mode: given.count(c"mode", "mode")?.map_or(default.mode, |mode| mode as u32),
        backups: given.count(c"backups", "backups")?.map_or(0, |backups| backups as usize),
        sync: given.sync()?,
    };
    let open = move || DirStore::open(&path, options, Arc::new(SystemClock));
    Home::of(call.env)?.later(call.env, open, |env, store| {
        opened(env, Arc::new(store), Lane::Pool(Arc::new(Strand::default())))
    })
}

/// The embedded log.
pub fn log(call: &Call) -> Result<Js> {
    let [path, given, ..] = call.arguments;
    let (path, given) = (call.path(path)?, Given { env: call.env, object: given });
    let default = LogOptions::default();
    let window = given.count(c"syncEvery", "syncEvery")?.unwrap_or(SYNC_EVERY);
    let sync = given.sync()?;
    let options = LogOptions {
        durability: match sync {
            true => Durability::Sync,
            false => Durability::Async { window: Duration::from_millis(window) },
        },
        create: given.flag(c"create", "create")?.unwrap_or(default.create),
        read_only: given.flag(c"readOnly", "readOnly")?.unwrap_or(default.read_only),
        segment_bytes: given.count(c"segment", "segment")?.unwrap_or(default.segment_bytes),
        memory_budget: given
            .count(c"memory", "memory")?
            .map_or(default.memory_budget, |bytes| bytes as usize),
        ..default
    };
    let open = move || Log::open(&path, options, Arc::new(SystemClock));
    let opened = move |env, log| opened(env, log, if sync { Lane::Tick } else { Lane::WritesHere });
    Home::of(call.env)?.later(call.env, open, opened)
}

/// Repairs the log in a folder that nobody has open.
pub fn repair_log(call: &Call) -> Result<Js> {
    let path = call.path(call.arguments[0])?;
    let work = move || repair(&path, LogOptions::default(), Arc::new(SystemClock));
    Home::of(call.env)?.later(call.env, work, repaired)
}

/// `{ kept, lost, copies }`.
fn repaired(env: Env, report: Report) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"kept", env.count(report.kept)?)?;
    let lost = env.array(report.lost.iter(), |env, error| env.record(error))?;
    env.set(object, c"lost", lost)?;
    let copies = report.copies.iter();
    let copies = env.array(copies, |env, path| env.text(&path.display().to_string()))?;
    env.set(object, c"copies", copies)?;
    Ok(object)
}

/// Options, of which any may be absent.
struct Given {
    env: Env,
    object: Js,
}

impl Given {
    fn flag(&self, name: &CStr, what: &str) -> Result<Option<bool>> {
        let flag = self.env.get(self.object, name)?;
        flag.map(|flag| self.env.read_boolean(flag, what)).transpose()
    }

    fn count(&self, name: &CStr, what: &str) -> Result<Option<u64>> {
        let count = self.env.get(self.object, name)?;
        count.map(|count| self.env.read_count(count, what)).transpose()
    }

    /// Whether acknowledged means durable.
    fn sync(&self) -> Result<bool> {
        let Some(text) = self.env.get(self.object, c"durability")? else { return Ok(true) };
        match self.env.read_text(text, "durability")?.as_str() {
            "sync" => Ok(true),
            "async" => Ok(false),
            _ => expected("durability", "sync or async"),
        }
    }
}

impl Call {
    /// A path of the file system.
    pub fn path(&self, value: Js) -> Result<PathBuf> {
        let path = self.env.read_text(value, "A path")?;
        if path.is_empty() || path.contains('\0') {
            return expected("A path", "a name of a file or folder, without zero characters");
        }
        Ok(PathBuf::from(path))
    }
}
