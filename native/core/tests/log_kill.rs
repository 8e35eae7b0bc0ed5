//! 200 times a process is killed with SIGKILL under load, in both durabilities: what it had
//! acknowledged is there, a batch is there whole or not at all, and another process that has the
//! store open goes on without opening it again.
//!
//!     KEEPSTATE_LONG=1   1,000 times
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use keepstate_core::store::log::LogOptions;
use keepstate_core::store::{Embedded, Mode, Op, StoreExt};
use support::medium::Dice;
use support::*;

fn kills() -> u64 {
    if std::env::var("KEEPSTATE_LONG").is_ok() {
        1000
    } else {
        200
    }
}

fn options(asynchronous: bool) -> LogOptions {
    let base = if asynchronous { quiet_async() } else { quiet() };
    LogOptions { segment_bytes: 40 << 10, maintenance: true, ..base }
}

fn value(number: u64) -> Vec<u8> {
    number.to_le_bytes().repeat(20 + (number % 50) as usize)
}

fn number(value: &[u8]) -> u64 {
    let number = u64::from_le_bytes(value[..8].try_into().unwrap());
    assert_eq!(value, self::value(number), "a value is whole");
    number
}

#[test]
fn child() {
    let Some((from, path)) = task() else { return };
    let from: u64 = from.parse().unwrap();
    let log = open(&path, options(from % 2 == 0));
    let mut out = std::io::stdout();
    for number in from.. {
        let op = |key: String| Op::Put {
            key,
            value: value(number).into(),
            mode: Mode::Overwrite,
            ttl: None,
        };
        let ops = vec![op(format!("left-{}", number % 7)), op(format!("right-{}", number % 7))];
        log.commit_wait(ops).unwrap();
        writeln!(out, "acknowledged {number}").unwrap();
        out.flush().unwrap();
    }
}

#[test]
fn nothing_acknowledged_is_lost() {
    if task().is_some() {
        return;
    }
    let folder = folder();
    let path = folder.path().join("store");
    let log = open(&path, LogOptions { lock_timeout: Duration::from_secs(60), ..options(false) });
    let mut dice = Dice(7);
    let mut last = [0u64; 7];
    let mut from = 0;
    let begun = std::time::Instant::now();
    for kill in 0..kills() {
        from = from + 1 + (kill + from) % 2;
        let mut process = support::child(&from.to_string(), &path);
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut acknowledged = |line: String| {
            let Some((_, number)) = line.split_once("acknowledged ") else { return };
            let number: u64 = number.parse().unwrap();
            last[number as usize % 7] = number;
            from = number;
        };
        // Some are killed while they open, most while they write.
        if kill % 5 != 0 {
            while let Some(Ok(line)) = lines.next() {
                acknowledged(line.clone());
                if line.contains("acknowledged") {
                    break;
                }
            }
        }
        std::thread::sleep(Duration::from_micros(dice.below(6000) as u64));
        process.kill().unwrap();
        lines.map_while(Result::ok).for_each(acknowledged);
        process.wait().unwrap();
        let again = (kill % 20 == 7).then(|| open(&path, quiet()));
        let store = again.as_ref().unwrap_or(&log);
        for (slot, least) in last.iter().enumerate() {
            let left = get(&**store, &format!("left-{slot}")).map(|value| number(&value));
            let right = get(&**store, &format!("right-{slot}")).map(|value| number(&value));
            assert_eq!(left, right, "kill {kill}: a batch is whole");
            assert!(left.unwrap_or(0) >= *least, "kill {kill}: {left:?} but {least} was said");
        }
        put(&*log, "parent", &kill.to_le_bytes());
    }
    assert!(last.iter().all(|number| *number > 0));
    let (commits, seconds) = (last.iter().max().unwrap(), begun.elapsed().as_secs_f64());
    println!("kills of a log: {} kills, {commits} commits acknowledged, {seconds:.0} s", kills());
    assert_eq!(log.verify(&mut |_, _| ()).unwrap().len(), 0);
}
