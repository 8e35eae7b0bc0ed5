//! What cannot be opened or held is refused with its code and a sentence that says what to do, and
//! nothing in the folder is changed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use keepstate_core::store::log::LogOptions;
use keepstate_core::store::{Mode, Op, Store, StoreExt};
use keepstate_core::{Code, Error};
use support::*;

fn refused(path: &Path, options: LogOptions) -> Error {
    let error = try_open(path, options).map(|_| ()).expect_err("it is refused");
    assert!(error.message().ends_with('.') && error.message().len() > 30, "{error}");
    error
}

fn names(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn folders_that_are_not_ours() {
    let folder = folder();
    std::fs::write(folder.path().join("notes.txt"), "mine").unwrap();
    assert_eq!(refused(folder.path(), quiet()).code(), Code::NotOurs);
    assert_eq!(names(folder.path()), ["notes.txt"]);
    let absent = folder.path().join("absent");
    let only = LogOptions { create: false, ..quiet() };
    assert_eq!(refused(&absent, only.clone()).code(), Code::NotFound);
    assert_eq!(refused(&absent, LogOptions { read_only: true, ..quiet() }).code(), Code::NotFound);
    assert!(!absent.exists());
    std::fs::create_dir(&absent).unwrap();
    assert_eq!(refused(&absent, only).code(), Code::NotFound);
    assert_eq!(names(&absent), Vec::<String>::new());
    assert_eq!(refused(&folder.path().join("notes.txt"), quiet()).code(), Code::NotOurs);
}

#[test]
fn newer_versions_and_wrong_magics() {
    for (name, at) in [("KEEPSTATE", 8), ("catalog", 8), ("00000001.log", 8)] {
        let folder = folder();
        drop(open(folder.path(), quiet()));
        let path = folder.path().join(name);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[at] = 2;
        let covered = if name.ends_with(".log") { 56 } else { bytes.len() - 8 };
        let check = crc_fast::crc64_nvme(&bytes[..covered]).to_le_bytes();
        bytes[covered..covered + 8].copy_from_slice(&check);
        std::fs::write(&path, &bytes).unwrap();
        assert_eq!(refused(folder.path(), quiet()).code(), Code::FormatTooNew, "{name}");
    }
    let folder = folder();
    drop(open(folder.path(), quiet()));
    for (text, code) in [
        ("some other program's own file", Code::NotOurs),
        ("x", Code::NotOurs),
        ("KEEPS", Code::Corrupt),
        ("", Code::Corrupt),
    ] {
        std::fs::write(folder.path().join("KEEPSTATE"), text).unwrap();
        assert_eq!(refused(folder.path(), quiet()).code(), code, "{text:?}");
    }
}

#[test]
fn files_of_another_store() {
    let (one, two) = (folder(), folder());
    let log = open(one.path(), quiet());
    put(&*log, "a", b"1");
    drop(log);
    let log = open(two.path(), quiet());
    put(&*log, "b", b"2");
    drop(log);
    // The page is only hints: another store's is made again.
    std::fs::copy(one.path().join("page"), two.path().join("page")).unwrap();
    let log = open(two.path(), quiet());
    assert_eq!(get(&*log, "b"), Some(b"2".to_vec()));
    drop(log);
    std::fs::copy(one.path().join("00000001.log"), two.path().join("00000001.log")).unwrap();
    assert_eq!(refused(two.path(), quiet()).code(), Code::Corrupt);
    std::fs::copy(one.path().join("catalog"), two.path().join("catalog")).unwrap();
    assert_eq!(refused(two.path(), quiet()).code(), Code::Corrupt);
}

#[test]
fn a_read_only_folder_can_be_read() {
    let folder = folder();
    let path = folder.path().join("store");
    let log = open(&path, quiet());
    put(&*log, "a", b"1");
    drop(log);
    let before: Vec<_> =
        names(&path).iter().map(|name| std::fs::read(path.join(name)).unwrap()).collect();
    let set = |mode| std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    set(0o555);
    let reader = open(&path, LogOptions { read_only: true, ..quiet() });
    assert_eq!(get(&*reader, "a"), Some(b"1".to_vec()));
    let put = reader.put_wait("b", b"2".to_vec(), Mode::Overwrite);
    assert_eq!(code(put), Code::ReadOnly);
    drop(reader);
    set(0o755);
    let after: Vec<_> =
        names(&path).iter().map(|name| std::fs::read(path.join(name)).unwrap()).collect();
    assert_eq!(before, after);
    // Without the page and the lock, as in a copy of the segments alone.
    std::fs::remove_file(path.join("page")).unwrap();
    std::fs::remove_file(path.join("lock")).unwrap();
    let reader = open(&path, LogOptions { read_only: true, ..quiet() });
    assert_eq!(get(&*reader, "a"), Some(b"1".to_vec()));
    assert!(!path.join("page").exists() && !path.join("lock").exists());
}

#[test]
fn what_no_batch_can_hold() {
    let folder = folder();
    let log = open(folder.path(), quiet());
    let put = |key: String| Op::Put { key, value: "v".into(), mode: Mode::Overwrite, ttl: None };
    let commit = |ops| code(log.commit_wait(ops));
    assert_eq!(commit(vec![put(String::new())]), Code::InvalidArgument);
    assert_eq!(commit(vec![put("k".repeat(1025))]), Code::KeyTooLong);
    assert_eq!(commit(vec![put("k".into()), put("k".into())]), Code::InvalidArgument);
    let many = (0..65_536).map(|number| put(number.to_string())).collect();
    assert_eq!(commit(many), Code::InvalidArgument);
    let value = bytes::Bytes::from(vec![0; (1 << 30) + 1]);
    let large = Op::Put { key: "k".into(), value, mode: Mode::Overwrite, ttl: None };
    assert_eq!(commit(vec![large]), Code::ValueTooLarge);
    let most: Vec<Op> = (0..65_535).map(|number| put(number.to_string())).collect();
    assert_eq!(log.commit_wait(most).unwrap().len(), 65_535);
    log.put_wait(&"k".repeat(1024), b"longest".to_vec(), Mode::Create).unwrap();
    assert_eq!(code(log.get("", None)), Code::InvalidArgument);
}

#[test]
fn a_clock_that_goes_back_brings_nothing_back() {
    use keepstate_core::clock::Clock;
    use keepstate_core::store::log::Log;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::sync::Arc;
    struct Set(AtomicU64);
    impl Clock for Set {
        fn now(&self) -> u64 {
            self.0.load(Ordering::Relaxed)
        }
        fn random(&self, buffer: &mut [u8]) -> keepstate_core::Result<()> {
            keepstate_core::clock::SystemClock.random(buffer)
        }
        fn sleep(&self, time: std::time::Duration) {
            std::thread::sleep(time);
        }
    }
    let folder = folder();
    let clock = Arc::new(Set(AtomicU64::new(1_000_000)));
    let log = Log::open(folder.path(), quiet(), clock.clone()).unwrap();
    let (value, mode) = (bytes::Bytes::from("v"), Mode::Overwrite);
    let ttl = Some(std::time::Duration::from_secs(5));
    log.commit_wait(vec![Op::Put { key: "short".into(), value, mode, ttl }]).unwrap();
    clock.0.store(1_006_000, Ordering::Relaxed);
    assert_eq!(get(&*log, "short"), None);
    put(&*log, "later", b"1");
    clock.0.store(1_000_000, Ordering::Relaxed);
    assert_eq!(get(&*log, "short"), None);
    put(&*log, "earlier", b"2");
    let times: Vec<u64> =
        log.list(&Default::default()).unwrap().iter().map(|entry| entry.modified).collect();
    assert!(times.iter().all(|time| *time == 1_006_000), "{times:?}");
    drop(log);
    let log = Log::open(folder.path(), quiet(), clock).unwrap();
    assert_eq!(get(&*log, "short"), None);
    assert_eq!(all(&*log).len(), 2);
}
