//! What the tests of the store of plain files share: opening, and this test again as a child.
#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use keepstate_core::clock::SystemClock;
use keepstate_core::store::dir::{DirOptions, DirStore};
use keepstate_core::store::Store;
use keepstate_core::{Code, Result};

const ROLE: &str = "KEEPSTATE_TEST_ROLE";

pub fn try_open(path: &Path, options: DirOptions) -> Result<DirStore> {
    DirStore::open(path, options, Arc::new(SystemClock))
}

pub fn open(path: &Path) -> DirStore {
    try_open(path, DirOptions::default()).expect("the folder opens")
}

/// Opened for speed: for tests in which nobody loses power.
pub fn open_fast(path: &Path) -> DirStore {
    try_open(path, DirOptions { sync: false, ..DirOptions::default() }).expect("the folder opens")
}

pub fn code<T>(result: Result<T>) -> Code {
    match result {
        Ok(_) => panic!("this must be refused"),
        Err(error) => error.code(),
    }
}

pub fn value(store: &dyn Store, key: &str) -> Option<Vec<u8>> {
    store.get(key, None).expect("a get").map(|found| found.value.to_vec())
}

pub fn keys(store: &dyn Store) -> Vec<String> {
    let entries = store.list(&Default::default()).expect("a list");
    entries.into_iter().map(|entry| entry.key).collect()
}

/// This program, to run only the test `name`, which finds its folder with `role`.
pub fn child(program: &Path, name: &str, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", name, "--nocapture", "--test-threads=1"]).env(ROLE, folder);
    command
}

pub fn this_program() -> PathBuf {
    std::env::current_exe().expect("the path of this program")
}

/// The folder of a child; none in the parent, where a child's test has nothing to do.
pub fn role() -> Option<PathBuf> {
    std::env::var_os(ROLE).map(PathBuf::from)
}
