//! Every truncation and every flipped byte of a small closed folder gives the exact data or a named
//! error, never wrong bytes and never silent loss; with and without the page, from a checkpoint or
//! not, opened to write or only to read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use keepstate_core::store::log::LogOptions;
use keepstate_core::store::{Embedded, Mode, Op, Store, StoreExt};
use keepstate_core::{Code, Error};
use support::*;

type Files = BTreeMap<String, Vec<u8>>;
type Data = Vec<(String, Vec<u8>)>;

fn files(path: &Path) -> Files {
    let entries = std::fs::read_dir(path).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        })
        .collect()
}

fn options() -> LogOptions {
    LogOptions { segment_bytes: 600, maintenance: true, ..quiet_async() }
}

/// A closed folder with several segments, moved frames, a batch and a delete.
fn closed(with_checkpoint: bool) -> (Files, Data) {
    let folder = folder();
    let small = LogOptions { maintenance: false, ..options() };
    let log = open(folder.path(), small.clone());
    for round in 0..4u8 {
        put(&*log, "a", &[round; 150]);
        put(&*log, &format!("b-{round}"), &[round; 60]);
    }
    log.flush().unwrap();
    log.compact().unwrap();
    log.delete_wait("b-1", None).unwrap();
    let op = |key: &str| Op::Put {
        key: key.into(),
        value: vec![9; 30].into(),
        mode: Mode::Overwrite,
        ttl: None,
    };
    log.commit_wait(vec![op("x"), op("y")]).unwrap();
    if with_checkpoint {
        put(&*log, "large", &vec![5; 1_100_000]);
        log.compact().unwrap();
        log.delete_wait("large", None).unwrap();
        put(&*log, "z", b"behind the checkpoint");
    }
    let data = all(&*log);
    log.close().unwrap();
    (files(folder.path()), data)
}

fn write(path: &Path, files: &Files) {
    std::fs::create_dir_all(path).unwrap();
    for (name, bytes) in files {
        std::fs::write(path.join(name), bytes).unwrap();
    }
}

fn read(path: &Path, options: LogOptions) -> Result<Data, Error> {
    let log = try_open(path, LogOptions { create: false, ..options })?;
    let mut data = Vec::new();
    for entry in log.list(&Default::default())? {
        let found = log.get(&entry.key, None)?.expect("a listed key has a value");
        data.push((entry.key, found.value.to_vec()));
    }
    log.close()?;
    Ok(data)
}

const NAMED: [Code; 4] = [Code::Corrupt, Code::NotOurs, Code::FormatTooNew, Code::NotFound];

struct Trial<'a> {
    files: &'a Files,
    data: &'a Data,
    exact: usize,
    named: usize,
}

impl Trial<'_> {
    fn run(&mut self, name: &str, bytes: Option<Vec<u8>>, what: &str) {
        let read_only = (self.exact + self.named) % 2 == 1;
        let options = LogOptions { read_only, maintenance: false, ..options() };
        let folder = folder();
        let mut files = self.files.clone();
        match bytes {
            Some(bytes) => drop(files.insert(name.into(), bytes)),
            None => drop(files.remove(name)),
        }
        write(folder.path(), &files);
        match read(folder.path(), options) {
            Ok(data) => {
                assert!(data == *self.data, "{name}, {what}: silent loss or wrong bytes");
                self.exact += 1;
            }
            Err(error) => {
                assert!(NAMED.contains(&error.code()), "{name}, {what}: {error:?}");
                self.named += 1;
            }
        }
    }
}

fn campaign(files: &Files, data: &Data, step: usize) -> (usize, usize) {
    let mut trial = Trial { files, data, exact: 0, named: 0 };
    // Most of the page is empty: it has trials of its own.
    for (name, bytes) in files.iter().filter(|(name, _)| *name != "page") {
        trial.run(name, None, "removed");
        let stride = if bytes.len() > 100_000 { bytes.len() / 50 } else { step };
        for at in (0..bytes.len()).step_by(stride) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            trial.run(name, Some(flipped), &format!("byte {at} flipped"));
            if at % 3 == 0 || bytes.len() < 200 {
                trial.run(name, Some(bytes[..at].to_vec()), &format!("cut to {at}"));
            }
        }
    }
    (trial.exact, trial.named)
}

#[test]
fn with_the_page() {
    let (files, data) = closed(false);
    assert!(files.len() >= 6, "{:?}", files.keys());
    let page = files["page"].clone();
    let (exact, named) = campaign(&files, &data, 1);
    assert!(named > 500 && exact >= 1, "{exact} exact, {named} named");
    let mut trial = Trial { files: &files, data: &data, exact: 0, named: 0 };
    for at in (0..80).chain([4000]) {
        let mut flipped = page.clone();
        flipped[at] ^= 0x10;
        trial.run("page", Some(flipped), &format!("byte {at} flipped"));
        trial.run("page", Some(page[..at].to_vec()), &format!("cut to {at}"));
    }
}

#[test]
fn without_the_page() {
    let (mut files, data) = closed(false);
    files.remove("page");
    // A cut of the active segment cannot be told from a torn tail without the page, so bytes only.
    let mut trial = Trial { files: &files, data: &data, exact: 0, named: 0 };
    for (name, bytes) in &files {
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            trial.run(name, Some(flipped), &format!("byte {at} flipped"));
        }
    }
    assert!(trial.named > 500, "{} exact, {} named", trial.exact, trial.named);
}

#[test]
fn from_a_checkpoint() {
    let (files, data) = closed(true);
    assert!(files.contains_key("checkpoint"));
    campaign(&files, &data, 3);
}
