//! No key reaches outside the folder, whatever its text and whatever somebody put into the folder;
//! and what people do there by hand counts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod dir;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use dir::{code, keys, open, value};
use keepstate_core::store::{Mode, Store, StoreExt};
use keepstate_core::Code;

fn refused(store: &dyn Store, key: &str) {
    assert_eq!(code(store.get(key, None)), Code::NotOurs, "get {key}");
    assert_eq!(code(store.put_wait(key, vec![1], Mode::Overwrite)), Code::NotOurs, "put {key}");
    assert_eq!(code(store.put_wait(key, vec![1], Mode::Create)), Code::NotOurs, "create {key}");
    assert_eq!(code(store.delete_wait(key, None)), Code::NotOurs, "delete {key}");
}

#[test]
fn no_text_of_a_key_leads_out() {
    let above = tempfile::tempdir().unwrap();
    let base = above.path().join("a/b");
    let store = open(&base);
    let secret = above.path().join("secret.txt");
    fs::write(&secret, b"secret").unwrap();
    let absolute = secret.to_str().unwrap().to_string();
    let backslashes = "..\\..\\secret.txt".to_string();
    for key in ["../../secret.txt", "./../../secret.txt", "x/../../../secret.txt"]
        .map(String::from)
        .into_iter()
        .chain([absolute, backslashes, "../../secret.txt\0".to_string()])
    {
        assert_eq!(value(&store, &key), None, "{key:?}");
        store.put_wait(&key, b"mine".to_vec(), Mode::Create).unwrap();
        assert_eq!(value(&store, &key).as_deref(), Some(&b"mine"[..]));
        store.delete_wait(&key, None).unwrap();
    }
    assert_eq!(fs::read(&secret).unwrap(), b"secret");
    assert_eq!(fs::read_dir(above.path()).unwrap().count(), 2);
    assert_eq!(fs::read_dir(above.path().join("a")).unwrap().count(), 1);
}

#[test]
fn the_stores_own_folder_holds_no_keys() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.put_wait("a", vec![1], Mode::Overwrite).unwrap();
    let lock = folder.path().join(".keepstate/lock");
    store.put_wait(".keepstate/lock", b"x".to_vec(), Mode::Create).expect("an ordinary key");
    assert_eq!(fs::metadata(lock).unwrap().len(), 0);
    assert_eq!(keys(&store), [".keepstate/lock", "a"]);
}

#[test]
fn links_are_not_followed() {
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("x.json"), b"outside").unwrap();
    let folder = tempfile::tempdir().unwrap();
    symlink(outside.path(), folder.path().join("link")).unwrap();
    symlink(outside.path().join("x.json"), folder.path().join("file.json")).unwrap();
    symlink("nowhere", folder.path().join("dangling.json")).unwrap();
    let store = open(folder.path());
    for key in ["link/x.json", "link/new.json", "file.json", "dangling.json"] {
        refused(&store, key);
    }
    assert!(keys(&store).is_empty());
    assert_eq!(fs::read(outside.path().join("x.json")).unwrap(), b"outside");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    let message = store.get("file.json", None).unwrap_err();
    assert!(message.place().path.as_deref().is_some_and(|path| path.ends_with("file.json")));
}

#[test]
fn a_link_that_was_put_over_a_folder_later_is_not_followed_either() {
    let outside = tempfile::tempdir().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    store.put_wait("a/x.json", vec![1], Mode::Overwrite).unwrap();
    fs::rename(folder.path().join("a"), outside.path().join("a")).unwrap();
    symlink(outside.path().join("a"), folder.path().join("a")).unwrap();
    refused(&store, "a/x.json");
    assert_eq!(fs::read(outside.path().join("a/x.json")).unwrap(), [1]);
}

#[test]
fn what_is_no_file_is_refused_without_waiting_for_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("folder.json")).unwrap();
    fs::write(folder.path().join("plain"), b"a file where a folder should be").unwrap();
    let pipe = folder.path().join("pipe.json");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let store = open(folder.path());
    for key in ["folder.json", "pipe.json", "plain/x.json"] {
        refused(&store, key);
    }
    assert!(keys(&store).is_empty());
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn what_people_do_by_hand_counts() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "notes/today.md", "by hand");
    write(folder.path(), "plain", "a name that no key has");
    write(folder.path(), ".hidden.json", "nor this");
    write(folder.path(), "a%2ejson.value", "nor this: digits in capitals only");
    write(folder.path(), "with.dot/x.json", "nor this: a folder with a dot");
    write(folder.path(), "caf\u{e9}.json", "nor this: unescaped");
    let store = open(folder.path());
    assert_eq!(keys(&store), ["notes/today.md"]);
    assert_eq!(value(&store, "notes/today.md").as_deref(), Some(&b"by hand"[..]));
    let before = store.get("notes/today.md", None).unwrap().unwrap().version;
    write(folder.path(), "notes/today.md", "by HAND");
    let stale = store.put_wait("notes/today.md", vec![1], Mode::IfVersion(before));
    assert_eq!(code(stale), Code::Conflict, "an edit by hand is another version");
    assert_eq!(value(&store, "notes/today.md").as_deref(), Some(&b"by HAND"[..]));
    fs::remove_dir_all(folder.path().join("notes")).unwrap();
    assert_eq!(value(&store, "notes/today.md"), None);
    fs::remove_dir_all(folder.path().join(".keepstate")).ok();
    store.put_wait("notes/today.md", vec![2], Mode::Create).expect("all is made again");
}
