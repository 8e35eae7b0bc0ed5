//! Nonsense that is nearly sense for every decoder: valid inputs, changed at random by a seed, with
//! checksums that hold again so that what lies behind them is reached. No decoder panics, hangs, or
//! takes more memory than 64 times what it was given and a megabyte; what it gives is right or a
//! named error.
//!
//!     KEEPSTATE_FUZZ_SECONDS=600   so long for each target (10; with KEEPSTATE_LONG=1 600)
//!     KEEPSTATE_FUZZ_TARGET=value  only this one, or several with commas between
//!     KEEPSTATE_SEED=7             other nonsense
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "fuzz/checksums.rs"]
mod checksums;
#[path = "fuzz/found.rs"]
mod found;
#[path = "fuzz/memory.rs"]
mod memory;
#[path = "fuzz/mutate.rs"]
mod mutate;
mod repository;
mod support;
#[path = "fuzz/targets.rs"]
mod targets;

use std::cell::Cell;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use keepstate_core::hex;
use mutate::{mutate, Dice};
use targets::Target;

#[global_allocator]
static ALLOCATOR: memory::Counting = memory::Counting;

/// The longest that one input may take of a processor; ten times that by the clock.
const PATIENCE: Duration = Duration::from_secs(3);
/// Inputs that were taken although they were changed are changed further.
const MOST_KEPT: usize = 400;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().expect("a number"))
}

/// What is fed now, so that an input which never ends can be told.
static FED: Mutex<Vec<(&'static str, Instant, Vec<u8>)>> = Mutex::new(Vec::new());

/// Ends the program at an input that does not end.
fn watch(over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(200));
        let fed = FED.lock().unwrap();
        if let Some((name, _, input)) = fed.iter().find(|fed| fed.1.elapsed() > 10 * PATIENCE) {
            println!("{name}: never ends\n  input {}", hex::encode(input));
            std::process::abort();
        }
    }
}

thread_local! {
    static FEEDING: Cell<bool> = const { Cell::new(false) };
}

/// Feeds one input; an error is what was wrong.
fn feed(target: &Target, input: &[u8]) -> Result<(), String> {
    let begun = Instant::now();
    FED.lock().unwrap().push((target.name, begun, input.to_vec()));
    FEEDING.set(true);
    let result = feed_now(target, input);
    FEEDING.set(false);
    FED.lock().unwrap().retain(|(name, ..)| *name != target.name);
    result
}

/// How long this thread has run: others may keep it waiting.
fn spent() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is there to be written.
    let done = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(done, 0, "there is no clock of this thread");
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

fn feed_now(target: &Target, input: &[u8]) -> Result<(), String> {
    let begun = spent();
    let fed = || memory::peak(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input))));
    let (result, peak) = fed();
    if let Err(panic) = result {
        let text = panic.downcast_ref::<String>().cloned();
        let fixed = || (*panic.downcast_ref::<&str>().unwrap_or(&"a panic")).to_owned();
        return Err(text.unwrap_or_else(fixed));
    }
    let took = spent() - begun;
    if took > PATIENCE {
        return Err(format!("took {took:?}"));
    }
    let most = 64 * input.len() + (1 << 20) + target.allowance;
    if peak > most {
        return Err(format!("took {peak} bytes for {} bytes", input.len()));
    }
    Ok(())
}

/// How many inputs a target was fed, and what was wrong, if anything.
fn fire(target: &Target, (seconds, seed): (u64, u64)) -> (u64, Option<String>) {
    let own = keepstate_core::digest::crc64(target.name.as_bytes());
    let mut dice = Dice(seed ^ own);
    let mut corpus = target.corpus.clone();
    for input in &target.corpus {
        if let Err(wrong) = feed(target, input) {
            return (0, Some(format!("{}: a valid input: {wrong}", target.name)));
        }
    }
    let until = Instant::now() + Duration::from_secs(seconds);
    let mut count = 0;
    while Instant::now() < until {
        let mut input = mutate(&corpus, &mut dice);
        if dice.below(5) > 0 {
            (target.fix)(&mut input);
        }
        count += 1;
        if let Err(wrong) = feed(target, &input) {
            let wrong = format!("{}: {wrong}\n  input {}", target.name, hex::encode(&input));
            return (count, Some(wrong));
        }
        if dice.below(50) == 0 && input.len() < 20_000 {
            let spare = target.corpus.len() + dice.below(MOST_KEPT);
            match corpus.get_mut(spare) {
                Some(slot) => *slot = input,
                None => corpus.push(input),
            }
        }
    }
    (count, None)
}

#[test]
fn every_decoder_bears_nonsense() {
    let seconds = if number("KEEPSTATE_LONG").is_some() { 600 } else { 10 };
    let seconds = number("KEEPSTATE_FUZZ_SECONDS").unwrap_or(seconds);
    let seed = number("KEEPSTATE_SEED").unwrap_or(1);
    let wanted = std::env::var("KEEPSTATE_FUZZ_TARGET").ok();
    let mut all = targets::all();
    let is_wanted =
        |name: &str| wanted.as_ref().is_none_or(|all| all.split(',').any(|w| w == name));
    all.retain(|target| is_wanted(target.name));
    let (next, results) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    // A decoder's panics are told with their input; those of the test itself as ever.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if !FEEDING.get() {
            usual(panic);
        }
    }));
    let work = || {
        while let Some(target) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            let result = fire(target, (seconds, seed));
            results.lock().unwrap().push((target.name, result));
        }
    };
    let over = AtomicBool::new(false);
    let ended: Vec<_> = std::thread::scope(|scope| {
        scope.spawn(|| watch(&over));
        let threads = std::thread::available_parallelism().map_or(2, usize::from);
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let ended = threads.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        // Whatever happened to them: nobody would end the one who watches but this line.
        over.store(true, Ordering::Relaxed);
        ended
    });
    let _ = std::panic::take_hook();
    if let Some(panic) = ended.into_iter().find_map(Result::err) {
        std::panic::resume_unwind(panic);
    }
    let results = results.into_inner().unwrap();
    let total: u64 = results.iter().map(|(_, (count, _))| count).sum();
    let counts = results.iter().map(|(name, (count, _))| format!("{name} {count}"));
    let counts = counts.collect::<Vec<_>>().join(", ");
    println!("fuzz: {} decoders, {total} inputs, {seconds} s each: {counts}", all.len());
    let wrong: Vec<&String> = results.iter().filter_map(|(_, (_, wrong))| wrong.as_ref()).collect();
    wrong.iter().for_each(|wrong| println!("{wrong}"));
    assert!(wrong.is_empty(), "{} decoders failed", wrong.len());
}

#[test]
fn what_was_found_once_is_borne() {
    let all = targets::all();
    for (name, input) in found::FOUND {
        let target = all.iter().find(|target| target.name == *name).expect("a target");
        let mut input = hex::decode(input).expect("hexadecimal digits");
        (target.fix)(&mut input);
        feed(target, &input).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
    }
}
