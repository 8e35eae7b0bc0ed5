//! Figures of the log on this machine: commits, gets, and opening a million entries.
//!
//! `cargo run --profile ci --example log_speed -- [speed | fill FOLDER | open FOLDER]`
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::mpsc::channel;
use std::sync::Arc;
use std::time::Instant;

use keepstate_core::clock::SystemClock;
use keepstate_core::store::log::{Log, LogOptions};
use keepstate_core::store::{Commit, Embedded, Mode, Op, Store, StoreExt};

fn open(path: &Path, options: LogOptions) -> Arc<Log> {
    Log::open(path, options, Arc::new(SystemClock)).unwrap()
}

fn put(key: String, value: &[u8]) -> Op {
    Op::Put { key, value: value.to_vec().into(), mode: Mode::Overwrite, ttl: None }
}

fn durable(log: &Log, value: &[u8]) {
    let count = 5000;
    let mut times = Vec::new();
    let begin = Instant::now();
    for number in 0..count {
        let one = Instant::now();
        log.commit_wait(vec![put(format!("key-{:08}", number % 1000), value)]).unwrap();
        times.push(one.elapsed());
    }
    let rate = count as f64 / begin.elapsed().as_secs_f64();
    times.sort();
    println!(
        "durable, 1 client: {rate:.0}/s (p50 {:?}, p99 {:?}, max {:?})",
        times[count / 2],
        times[count * 99 / 100],
        times[count - 1]
    );
    let rounds = 300;
    let begin = Instant::now();
    for round in 0..rounds {
        let (sender, receiver) = channel();
        let commits = (0..100).map(|number| {
            let sender = sender.clone();
            let done = Box::new(move |result: Result<_, _>| {
                result.unwrap();
                sender.send(()).unwrap();
            });
            Commit { ops: vec![put(format!("key-{:08}", round * 100 + number), value)], done }
        });
        log.commit(commits.collect());
        (0..100).for_each(|_| receiver.recv().unwrap());
    }
    println!(
        "durable, 100 in flight: {:.0}/s",
        rounds as f64 * 100.0 / begin.elapsed().as_secs_f64()
    );
}

fn raw_sync(folder: &Path) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::create(folder.join("raw")).unwrap();
    file.write_at(&vec![0; 8 << 20], 0).unwrap();
    file.sync_all().unwrap();
    let begin = Instant::now();
    let count = 3000;
    let mut times = Vec::new();
    for number in 0..count {
        let one = Instant::now();
        file.write_at(&[7; 1060], number * 1060).unwrap();
        file.sync_data().unwrap();
        times.push(one.elapsed());
    }
    times.sort();
    let rate = count as f64 / begin.elapsed().as_secs_f64();
    println!("pwrite + fdatasync alone: {rate:.0}/s (p50 {:?})", times[times.len() / 2]);
}

fn inline(log: &Log, value: &[u8]) {
    let count = 200_000;
    let (begin, spent) = (Instant::now(), cpu());
    for number in 0..count {
        let op = put(format!("key-{:08}", number % 1000), value);
        log.commit(vec![Commit { ops: vec![op], done: Box::new(|result| drop(result.unwrap())) }]);
    }
    let each = begin.elapsed().as_nanos() as f64 / count as f64;
    let spent = (cpu() - spent) / count as f64;
    println!("async inline put: {each:.0} ns ({:.0}/s), {spent:.0} on the processor", 1e9 / each);
    log.flush().unwrap();
}

fn reads(log: &Log) {
    let keys: Vec<String> = (0..1000).map(|number| format!("key-{number:08}")).collect();
    for round in 0..3 {
        let (begin, spent) = (Instant::now(), cpu());
        let mut bytes = 0;
        for _ in 0..200 {
            for key in &keys {
                bytes += log.get(key, None).unwrap().unwrap().value.len();
            }
        }
        let each = begin.elapsed().as_nanos() as f64 / (200.0 * keys.len() as f64);
        let spent = (cpu() - spent) / (200.0 * keys.len() as f64);
        println!("get {round}: {each:.0} ns, {spent:.0} on the processor ({bytes} bytes)");
    }
}

/// Nanoseconds that this thread spent on a processor: unlike the clock, true on a busy machine.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    text.split(' ').next().unwrap().parse().unwrap()
}

fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["fill", folder] => {
            let log = open(Path::new(folder), LogOptions::asynchronous());
            let mut state = 1u64;
            for _ in 0..1_000_000 {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                let op = put(
                    format!("entries/{:032x}", u128::from(state) * 0x9E37_79B9_7F4A_7C15),
                    &[7; 100],
                );
                log.commit(vec![Commit { ops: vec![op], done: Box::new(|r| drop(r.unwrap())) }]);
            }
            log.close().unwrap();
        }
        ["open", folder] => {
            let (begin, spent) = (Instant::now(), cpu());
            let log = open(Path::new(folder), LogOptions::default());
            let (time, spent) = (begin.elapsed(), (cpu() - spent) / 1e6);
            println!("open: {time:?}, {spent:.0} ms on the processor, peak {} MB", peak());
            log.close().unwrap();
        }
        _ => {
            let folder = tempfile::tempdir_in(".").unwrap();
            let value = vec![7; 1000];
            raw_sync(folder.path());
            let log = open(&folder.path().join("sync"), LogOptions::default());
            durable(&log, &value);
            reads(&log);
            log.close().unwrap();
            let log = open(&folder.path().join("async"), LogOptions::asynchronous());
            inline(&log, &value);
            inline(&log, &value);
            reads(&log);
            log.close().unwrap();
        }
    }
}
