//! Proves that a reading machine ends where it was started as long as it asks for little, that what
//! is left of it can be ended by another thread, and that nothing is written on the way there.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod timelines;

use std::sync::mpsc::sync_channel;
use std::thread;

use keepstate_core::drive::{self, Rest};
use keepstate_core::error::{Code, Result};
use keepstate_core::timeline::{At, Restored};
use timelines::{memory, stores, whole, Dice, Kept};

fn restore(kept: &Kept, at: At) -> (Option<Rest>, impl Fn() -> Result<Restored>) {
    let (sender, receiver) = sync_channel(1);
    let done = move |result| sender.send(result).unwrap();
    let rest = drive::start_reading(kept.timeline.restore(at), &kept.ground, done);
    (rest, move || receiver.recv().unwrap())
}

#[test]
fn what_is_in_memory_is_read_at_once_and_the_rest_elsewhere() {
    for (kind, store) in stores() {
        let kept = Kept::open(&store, "planner/run");
        let mut dice = Dice(77);
        let mut states = Vec::new();
        for _ in 0..120 {
            let mut state = states.last().cloned().unwrap_or_default();
            dice.change(&mut state);
            kept.save(&state).unwrap();
            states.push(state);
        }
        for sequence in [1, 60, 120] {
            let (rest, ended) = restore(&kept, At::Sequence(sequence));
            assert!(rest.is_none(), "{kind} @{sequence} was in memory");
            assert!(ended().unwrap().bytes == states[sequence as usize - 1]);
        }
        let reopened = Kept::open(&store, "planner/run");
        let (rest, ended) = restore(&reopened, At::Sequence(119));
        let rest = rest.expect("a hundred records are many reads");
        thread::spawn(rest).join().unwrap();
        assert!(ended().unwrap().bytes == states[118], "{kind}");
        let (rest, ended) = restore(&reopened, At::Sequence(119));
        assert!(rest.is_none() && ended().unwrap().bytes == states[118], "{kind}");
        let (rest, ended) = restore(&kept, At::Latest);
        assert!(rest.is_none() && ended().unwrap().bytes == states[119], "{kind}");
    }
}

#[test]
fn an_error_ends_it_at_once() {
    let kept = Kept::open(&memory(), "planner/run");
    let (rest, ended) = restore(&kept, At::Sequence(3));
    assert!(rest.is_none());
    assert_eq!(ended().unwrap_err().code(), Code::NotFound);
}

#[test]
fn a_machine_that_writes_waits_for_a_thread() {
    let store = memory();
    let kept = Kept::open(&store, "planner/run");
    let (sender, saved) = sync_channel(1);
    let machine = kept.timeline.save(whole(b"x"), Box::new(move |r| sender.send(r).unwrap()));
    let rest = drive::start_reading(machine.unwrap(), &kept.ground, |result| result.unwrap());
    let rest = rest.expect("it writes");
    assert!(saved.try_recv().is_err(), "saved already");
    rest();
    assert_eq!(saved.recv().unwrap().unwrap().sequence, 1);
}
