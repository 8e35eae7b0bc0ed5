//! What the scenarios of the log share.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod medium;

use std::path::Path;
use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::store::log::{Durability, Log, LogOptions};
use keepstate_core::store::{Mode, Query, Store, StoreExt, Version};
use keepstate_core::{Code, Error};

/// Options that leave maintenance to the test.
pub fn quiet() -> LogOptions {
    LogOptions { maintenance: false, ..LogOptions::default() }
}

/// The same, asynchronous, with a window that never ends by itself.
pub fn quiet_async() -> LogOptions {
    let window = std::time::Duration::from_secs(3600);
    LogOptions { durability: Durability::Async { window }, ..quiet() }
}

pub fn open(path: &Path, options: LogOptions) -> Arc<Log> {
    try_open(path, options).expect("the log opens")
}

pub fn try_open(path: &Path, options: LogOptions) -> Result<Arc<Log>, Error> {
    Log::open(path, options, Arc::new(SystemClock))
}

pub fn put(log: &dyn Store, key: &str, value: &[u8]) -> Version {
    log.put_wait(key, value.to_vec(), Mode::Overwrite).expect("the put succeeds")
}

pub fn get(log: &dyn Store, key: &str) -> Option<Vec<u8>> {
    log.get(key, None).expect("the get succeeds").map(|found| found.value.to_vec())
}

/// Every key and value, in order.
pub fn all(log: &dyn Store) -> Vec<(String, Vec<u8>)> {
    let keys = log.list(&Query::default()).expect("the list succeeds");
    let value = |key: &str| get(log, key).expect("a listed key has a value");
    keys.iter().map(|entry| (entry.key.clone(), value(&entry.key))).collect()
}

pub fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    result.expect_err("an error").code()
}

/// A folder for a test, in memory where the machine has such.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).expect("a folder")
}

/// This test program again, as another process that runs only the test `child`.
pub fn child(task: &str, path: &Path) -> std::process::Child {
    std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture"])
        .env("KEEPSTATE_TASK", task)
        .env("KEEPSTATE_PATH", path)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("the test program starts again")
}

/// What a child is to do, and where; none in the parent.
pub fn task() -> Option<(String, std::path::PathBuf)> {
    let task = std::env::var("KEEPSTATE_TASK").ok()?;
    Some((task, std::env::var("KEEPSTATE_PATH").unwrap().into()))
}
