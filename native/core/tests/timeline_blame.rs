//! Blame names the snapshot that last changed a value, as comparing all states one by one does; the
//! parts of a weighed state add up; a verification tells how far it is.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod timelines;

use std::sync::{Arc, Mutex};

use keepstate_core::error::Code;
use keepstate_core::msgpack::{self, JsonForm};
use keepstate_core::timeline::{At, Detail, Did, Meta, Packing, Progress, Save, Weight};
use timelines::{memory, whole, Dice, Kept};

fn encoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    msgpack::from_json(text, JsonForm::Plain, &mut bytes).unwrap();
    bytes
}

fn path(steps: &[&str]) -> Vec<String> {
    steps.iter().map(|step| (*step).to_owned()).collect()
}

#[test]
fn the_last_change_of_every_path_is_found() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    let mut dice = Dice(8);
    let (mut items, mut flag, mut states) = (Vec::new(), 0, Vec::new());
    for n in 0..90 {
        match dice.roll(6) {
            0 if !items.is_empty() => drop(items.remove(0)),
            1 => flag = dice.roll(3),
            2 if !items.is_empty() => {
                let at = dice.roll(items.len());
                items[at] = format!("{{\"text\": \"changed {}\", \"n\": 1}}", dice.roll(4));
            }
            _ => items.push(format!("{{\"text\": \"item {n}\", \"n\": {}}}", dice.roll(2))),
        }
        let text = format!("{{\"step\": {n}, \"items\": [{}], \"flag\": {flag}}}", items.join(","));
        let bytes = encoded(&text);
        kept.save(&bytes).unwrap();
        states.push(bytes);
        if n == 50 {
            kept.run(kept.timeline.pack(Packing { all: true, level: None })).unwrap();
        }
    }
    let paths = [&["step"][..], &["flag"], &["items"], &["items", "0"], &["items", "3", "text"]];
    let (mut found, mut absent) = (0, 0);
    for steps in paths.map(path) {
        for at in 1..=states.len() {
            let value = |n: usize| {
                let bytes: &Vec<u8> = &states[n - 1];
                msgpack::locate(bytes, &steps).unwrap().map(|at| bytes[at].to_vec())
            };
            let changed = (2..=at).rev().find(|n| value(*n) != value(n - 1));
            let blamed = kept.run(kept.timeline.blame(At::Sequence(at as u64), steps.clone()));
            match (changed, blamed) {
                (None, Err(error)) => {
                    assert!(value(1).is_none() && error.code() == Code::NotFound);
                    absent += 1;
                }
                (changed, blamed) => {
                    let blamed = blamed.unwrap();
                    let expected = changed.unwrap_or(1);
                    assert_eq!(blamed.snapshot.sequence, expected as u64, "{steps:?} @{at}");
                    let did = match changed {
                        None => Did::Oldest,
                        Some(n) => match (value(n - 1), value(n)) {
                            (None, _) => Did::Add,
                            (_, None) => Did::Remove,
                            _ => Did::Change,
                        },
                    };
                    assert_eq!(blamed.did, did);
                    found += 1;
                }
            }
        }
    }
    assert!(found > 300 && absent > 0);
}

#[test]
fn the_parts_of_a_state_add_up() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    let text = |n: usize| "lorem ipsum dolor ".repeat(n);
    for n in 1..40 {
        let state = format!(
            "{{\"log\": \"{}\", \"list\": [{}], \"n\": {n}}}",
            text(n * 40),
            (0..n).map(|i| format!("\"entry {i}\"")).collect::<Vec<_>>().join(",")
        );
        kept.save(&encoded(&state)).unwrap();
    }
    let detail = Detail { depth: 2, most: 100 };
    let weight = kept.run(kept.timeline.why(At::Latest, detail)).unwrap();
    let log = &weight.parts[0];
    assert_eq!((log.name.as_str(), weight.count), ("log", 3));
    assert!(log.stored < log.logical / 4, "repeated text takes less: {log:?}");
    fn sums(weight: &Weight) {
        let logical: u64 = weight.parts.iter().map(|part| part.logical).sum();
        let stored: u64 = weight.parts.iter().map(|part| part.stored).sum();
        assert!(logical <= weight.logical && stored <= weight.stored + weight.count + 1);
        weight.parts.iter().for_each(sums);
    }
    sums(&weight);
    let list = weight.parts.iter().find(|part| part.name == "list").unwrap();
    assert_eq!(list.parts.len(), 39);
    let few = kept.run(kept.timeline.why(At::Latest, Detail { depth: 1, most: 1 })).unwrap();
    assert!(few.parts.len() == 1 && few.parts[0].parts.is_empty());
}

#[test]
fn a_verification_tells_how_far_it_is() {
    let store = memory();
    let kept = Kept::open(&store, "a/b");
    for n in 0..150 {
        kept.save(&encoded(&format!("{{\"n\": {n}}}"))).unwrap();
    }
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = told.clone();
    let tell = Arc::new(move |progress| teller.lock().unwrap().push(progress));
    let report = kept.run(kept.timeline.verify_telling(tell)).unwrap();
    let told = told.lock().unwrap();
    assert!(told.len() == 3 && told.is_sorted_by_key(|progress| progress.done));
    let whole =
        Progress { snapshots: report.snapshots, bytes: report.bytes, done: 150, total: 150 };
    assert_eq!(told.last(), Some(&whole));
}

#[test]
fn states_that_say_their_encoding_are_looked_into_if_it_is_msgpack() {
    let kept = Kept::open(&memory(), "a/b");
    for (encoding, looks) in [("msgpack", true), ("json", false)] {
        let meta = Meta { encoding: Some(encoding.into()), ..Meta::default() };
        let save = Save { meta, ..whole(&encoded("{\"a\": [1, 2]}")) };
        kept.start(save).recv().unwrap().unwrap();
        let blamed = kept.run(kept.timeline.blame(At::Latest, path(&["a"])));
        assert_eq!(blamed.map_err(|error| error.code()).is_ok(), looks, "{encoding}");
        let weight = kept.run(kept.timeline.why(At::Latest, Detail { depth: 1, most: 9 })).unwrap();
        assert_eq!(weight.count == 1, looks, "{encoding}");
    }
}
