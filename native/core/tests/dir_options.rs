//! What a folder is opened with: modes, shards, backups; and what is refused, by name.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dir;

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use dir::{child, code, keys, open, role, this_program, try_open, value};
use keepstate_core::store::dir::DirOptions;
use keepstate_core::store::{Embedded, Mode, Store, StoreExt};
use keepstate_core::Code;

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn files_and_folders_have_exactly_the_mode_that_was_asked_for() {
    for (asked, folder_mode) in [(0o600, 0o700), (0o640, 0o750), (0o666, 0o777)] {
        let folder = tempfile::tempdir().unwrap();
        let options = DirOptions { mode: asked, ..DirOptions::default() };
        let store = try_open(folder.path(), options).unwrap();
        store.put_wait("a/b.json", vec![1], Mode::Overwrite).unwrap();
        assert_eq!(mode(&folder.path().join("a/b.json")), asked);
        assert_eq!(mode(&folder.path().join("a")), folder_mode);
        assert_eq!(mode(&folder.path().join(".keepstate")), folder_mode);
    }
}

#[test]
fn shards_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let sharded = |shards| DirOptions { shards, ..DirOptions::default() };
    let store = try_open(folder.path(), sharded(Some(16))).unwrap();
    let mut all: Vec<String> = (0..60).map(|n| format!("k/{n}")).collect();
    for key in &all {
        store.put_wait(key, key.clone(), Mode::Overwrite).unwrap();
    }
    drop(store);
    assert!(fs::read_dir(folder.path()).unwrap().count() > 10, "they are spread");
    let store = try_open(folder.path(), sharded(None)).unwrap();
    all.sort();
    assert_eq!(keys(&store), all, "in order over all shards");
    assert_eq!(value(&store, "k/7").as_deref(), Some(&b"k/7"[..]));
    assert_eq!(code(try_open(folder.path(), sharded(Some(8)))), Code::InvalidConfig);
    assert_eq!(code(try_open(folder.path(), sharded(Some(1)))), Code::InvalidConfig);
    let file = folder.path().join(".keepstate/shards");
    let text = fs::read_to_string(&file).unwrap();
    for wrong in ["sixteen", "16", "", &text.replacen("16", "17", 1), &text.replacen("16", "6", 1)]
    {
        fs::write(&file, wrong).unwrap();
        assert_eq!(code(try_open(folder.path(), sharded(None))), Code::Corrupt, "{wrong:?}");
    }
    // By hand it is a number on a line.
    fs::write(&file, "16\n").unwrap();
    assert_eq!(keys(&try_open(folder.path(), sharded(None)).unwrap()), all);
    let full = tempfile::tempdir().unwrap();
    open(full.path()).put_wait("a", vec![1], Mode::Overwrite).unwrap();
    assert_eq!(code(try_open(full.path(), sharded(Some(8)))), Code::InvalidConfig);
}

fn backups(folder: &Path) -> Vec<Vec<u8>> {
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| fs::read(path).unwrap()).collect()
}

#[test]
fn the_last_versions_are_kept_beside() {
    let folder = tempfile::tempdir().unwrap();
    let options = DirOptions { backups: 3, ..DirOptions::default() };
    let store = try_open(folder.path(), options).unwrap();
    for number in 0..8_u8 {
        store.put_wait("a/b.json", vec![number], Mode::Overwrite).unwrap();
    }
    let kept = folder.path().join(".keepstate/backups/a/b.json");
    assert_eq!(backups(&kept), [[4], [5], [6]]);
    store.delete_wait("a/b.json", None).unwrap();
    assert_eq!(backups(&kept), [[5], [6], [7]], "what was deleted is kept too");
    assert!(keys(&store).is_empty());
}

#[test]
fn empty_folders_go_with_their_last_file() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.put_wait("a/b/c/d", vec![1], Mode::Overwrite).unwrap();
    store.put_wait("a/x", vec![1], Mode::Overwrite).unwrap();
    store.delete_wait("a/b/c/d", None).unwrap();
    assert!(!folder.path().join("a/b").exists());
    assert!(folder.path().join("a").exists());
}

fn time_of(store: &dyn Store, key: &str) -> i128 {
    let version = store.get(key, None).unwrap().unwrap().version;
    version.0.split_once('-').unwrap().0.parse().unwrap()
}

#[test]
fn the_time_of_a_key_only_grows_whatever_the_clock_says() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.put_wait("a.json", vec![1], Mode::Overwrite).unwrap();
    // As after a clock that went wrong and was set right.
    let far = SystemTime::now() + Duration::from_secs(1_000_000);
    File::open(folder.path().join("a.json")).unwrap().set_modified(far).unwrap();
    let mut last = time_of(&store, "a.json");
    for round in 0..4 {
        if round % 2 == 1 {
            store.delete_wait("a.json", None).unwrap();
        }
        store.put_wait("a.json", vec![1], Mode::Overwrite).unwrap();
        let now = time_of(&store, "a.json");
        assert!(now > last, "round {round}");
        last = now;
    }
}

#[test]
fn verify_reads_everything_and_stats_count() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    for key in ["a", "b/c"] {
        store.put_wait(key, vec![0; 500], Mode::Overwrite).unwrap();
    }
    assert_eq!(store.stats().unwrap()[..2], [("entries", 2), ("bytes", 1000)]);
    let mut last = (0, 0);
    let damage = store.verify(&mut |done, total| last = (done, total)).unwrap();
    assert!(damage.is_empty());
    assert_eq!(last, (2, 2));
    store.flush().unwrap();
    store.compact().unwrap();
}

#[test]
fn folders_that_are_none_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let absent = DirOptions { create: false, ..DirOptions::default() };
    assert_eq!(code(try_open(&path("absent"), absent)), Code::NotFound);
    assert!(!path("absent").exists());
    open(&path("made/on/the/way"));
    assert_eq!(mode(&path("made/on")), 0o700);
    fs::write(path("file"), b"x").unwrap();
    assert_eq!(code(try_open(&path("file"), DirOptions::default())), Code::NotOurs);
    assert_eq!(code(try_open(&path("file/below"), DirOptions::default())), Code::NotOurs);
    fs::create_dir(path("log")).unwrap();
    fs::write(path("log/KEEPSTATE"), b"").unwrap();
    fs::write(path("log/catalog"), b"").unwrap();
    assert_eq!(code(try_open(&path("log"), DirOptions::default())), Code::NotOurs);
    for wrong in [0o400, 0o1600, 0] {
        let options = DirOptions { mode: wrong, ..DirOptions::default() };
        assert_eq!(code(try_open(&path("m"), options)), Code::InvalidConfig);
    }
    for wrong in [0, 5000] {
        let options = DirOptions { shards: Some(wrong), ..DirOptions::default() };
        assert_eq!(code(try_open(&path("s"), options)), Code::InvalidConfig);
    }
}

/// As somebody who is not root: root may do anything.
#[test]
fn is_refused_by_modes() {
    let Some(folder) = role() else { return };
    let readable = open(&folder.join("readable"));
    assert_eq!(value(&readable, "a").as_deref(), Some(&b"there"[..]), "reading needs no writing");
    assert_eq!(keys(&readable), ["a"]);
    assert_eq!(code(readable.put_wait("b", vec![1], Mode::Overwrite)), Code::Permission);
    assert_eq!(code(readable.delete_wait("a", None)), Code::Permission);
    readable.delete_wait("absent", None).expect("nothing is to be done");
    assert_eq!(value(&readable, "a").as_deref(), Some(&b"there"[..]));
    let options = DirOptions::default();
    assert_eq!(code(try_open(&folder.join("closed"), options.clone())), Code::Permission);
    assert_eq!(code(try_open(&folder.join("closed/below"), options.clone())), Code::Permission);
    assert_eq!(code(try_open(&folder.join("readable/new"), options)), Code::Permission);
    let partly = open(&folder.join("partly"));
    assert_eq!(code(partly.list(&Default::default())), Code::Permission);
    assert_eq!(code(partly.get("closed/a", None)), Code::Permission);
    println!("all was refused");
}

fn passes(command: &mut Command, word: &str) {
    let output = command.stderr(Stdio::piped()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && text.contains(word), "{text}{errors}");
}

/// A copy of this program at a place that everybody can reach.
fn reachable_program(folder: &Path) -> PathBuf {
    let program = folder.join("program");
    fs::copy(this_program(), &program).unwrap();
    set_mode(&program, 0o755);
    program
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn read_only_and_unreadable_folders_are_named() {
    let folder = tempfile::tempdir().unwrap();
    set_mode(folder.path(), 0o755);
    for name in ["readable", "closed", "partly/closed"] {
        fs::create_dir_all(folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("readable/a.value"), b"there").unwrap();
    for (name, mode) in [("readable", 0o555), ("closed", 0o0), ("partly/closed", 0o0)] {
        set_mode(&folder.path().join(name), mode);
    }
    let mut command =
        child(&reachable_program(folder.path()), "is_refused_by_modes", folder.path());
    // Only root can become somebody else, and only root has to.
    if is_root() {
        command.uid(65_534).gid(65_534);
    }
    passes(&mut command, "all was refused");
    set_mode(&folder.path().join("partly/closed"), 0o755);
}

fn is_root() -> bool {
    unsafe { libc::geteuid() == 0 }
}

#[test]
fn fills_its_disk() {
    let Some(folder) = role() else { return };
    let store = open(&folder.join("store"));
    store.put_wait("a", vec![7; 100_000], Mode::Overwrite).unwrap();
    let error = store.put_wait("a", vec![8; 3_000_000], Mode::Overwrite).unwrap_err();
    assert!(matches!(error.code(), Code::DiskFull | Code::ValueTooLarge), "{error}");
    assert_eq!(value(&store, "a"), Some(vec![7; 100_000]), "the old value stays");
    assert_eq!(fs::read_dir(folder.join("store/.keepstate/tmp")).unwrap().count(), 0);
    store.delete_wait("a", None).expect("a delete works on a full disk");
    store.put_wait("a", vec![9; 100_000], Mode::Create).expect("there is room again");
    println!("it ended with {}", error.code().name());
}

#[test]
fn a_full_disk_leaves_the_old_value() {
    let folder = tempfile::tempdir().unwrap();
    let inner = child(&this_program(), "fills_its_disk", folder.path());
    let program = inner.get_program().to_str().unwrap().to_string();
    let arguments: Vec<_> = inner.get_args().map(|text| text.to_str().unwrap()).collect();
    let run = format!("exec '{program}' {}", arguments.join(" "));
    let shell = |before: &str| {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{before} && {run}")]);
        command.env("KEEPSTATE_TEST_ROLE", folder.path());
        command
    };
    // A limit on the length of files ends a write in the middle, on every machine.
    passes(&mut shell("trap '' XFSZ && ulimit -f 1000"), "it ended with VALUE_TOO_LARGE");
    // A disk of one megabyte, where the machine lets us have one.
    let mount = format!("mount -t tmpfs -o size=1m none '{}'", folder.path().display());
    let mut trial = Command::new("unshare");
    let may_mount = trial.args(["-rm", "sh", "-c", &mount]).stderr(Stdio::null()).status();
    if may_mount.is_ok_and(|status| status.success()) {
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", &format!("{mount} && {run}")]);
        passes(command.env("KEEPSTATE_TEST_ROLE", folder.path()), "it ended with DISK_FULL");
    }
}
