//! Threads that write at once lose nothing and see nothing torn.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::Barrier;
use std::thread::scope;

use keepstate_core::store::{Mode, StoreExt};
use keepstate_core::Code;

use super::{put, value, Subject};

const THREADS: u64 = 8;
const ROUNDS: u64 = 25;

fn number(value: &[u8]) -> u64 {
    u64::from_le_bytes(value.try_into().expect("eight bytes"))
}

/// Adds one by compare-and-set, as often as it takes.
fn increment(store: &Subject) {
    loop {
        let found = store.get("counter", None).expect("a get").expect("the counter");
        let next = (number(&found.value) + 1).to_le_bytes().to_vec();
        match store.put_wait("counter", next, Mode::IfVersion(found.version)) {
            Ok(_) => return,
            Err(error) => assert_eq!(error.code(), Code::Conflict, "{error}"),
        }
    }
}

pub fn increments_by_compare_and_set_lose_nothing(store: Subject) {
    if !store.supports().conditional_put {
        return;
    }
    put(&store, "counter", &0_u64.to_le_bytes());
    scope(|threads| {
        for _ in 0..THREADS {
            threads.spawn(|| (0..ROUNDS).for_each(|_| increment(&store)));
        }
    });
    let sum = value(&store, "counter").expect("the counter");
    assert_eq!(number(&sum), THREADS * ROUNDS);
}

pub fn one_creator_wins(store: Subject) {
    if !store.supports().conditional_put {
        return;
    }
    let barrier = Barrier::new(THREADS as usize);
    let won: Vec<AtomicU64> = (0..ROUNDS).map(|_| AtomicU64::new(0)).collect();
    scope(|threads| {
        for thread in 0..THREADS as u8 {
            let (store, barrier, won) = (&store, &barrier, &won);
            threads.spawn(move || {
                for (round, wins) in won.iter().enumerate() {
                    barrier.wait();
                    match store.put_wait(&format!("r/{round}"), vec![thread], Mode::Create) {
                        Ok(_) => wins.fetch_add(1 << thread, Ordering::Relaxed),
                        Err(error) => {
                            assert_eq!(error.code(), Code::Conflict, "{error}");
                            0
                        }
                    };
                }
            });
        }
    });
    for (round, wins) in won.iter().enumerate() {
        let wins = wins.load(Ordering::Relaxed);
        assert_eq!(wins.count_ones(), 1, "round {round} has exactly one winner");
        let winner = value(&store, &format!("r/{round}")).expect("the winner's value");
        assert_eq!(winner, [wins.trailing_zeros() as u8], "the winner's value is there");
    }
}

pub fn readers_see_whole_values(store: Subject) {
    let patterns: Vec<Vec<u8>> = (0..4_u8).map(|n| vec![n; 20_000 + 7_000 * n as usize]).collect();
    put(&store, "a", &patterns[0]);
    let done = AtomicBool::new(false);
    scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let found = value(&store, "a").expect("it is always there");
                    assert!(patterns.contains(&found), "a torn value of {} bytes", found.len());
                }
            });
        }
        for round in 0..100 {
            put(&store, "a", &patterns[round % patterns.len()]);
        }
        done.store(true, Ordering::Relaxed);
    });
}

pub fn an_acknowledged_write_is_seen_by_every_thread(store: Subject) {
    let acknowledged = AtomicU64::new(0);
    put(&store, "a", &0_u64.to_le_bytes());
    scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| loop {
                let before = acknowledged.load(Ordering::SeqCst);
                let seen = number(&value(&store, "a").expect("it is always there"));
                assert!(seen >= before, "{before} was acknowledged, {seen} was read");
                if before == 100 {
                    return;
                }
            });
        }
        for count in 1..=100_u64 {
            put(&store, "a", &count.to_le_bytes());
            acknowledged.store(count, Ordering::SeqCst);
        }
    });
}
