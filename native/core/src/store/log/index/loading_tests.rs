//! Loading many changes at once gives what applying them one by one gives, in whatever order they
//! come, with equal keys, deletes, and keys that agree in many bytes.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use crate::store::log::index::{Change, Index, Stored};
use crate::store::log::page::Spot;

fn change(commit: u64, put: bool) -> Change {
    let place = Spot::new(1, 64 + commit);
    let stored = Stored { place, length: 1, crc: 0, expires: 0 };
    Change { commit, time: commit, put: put.then_some(stored) }
}

fn agree(keys: &[String]) {
    let mut index = Index::default();
    let mut model: BTreeMap<Vec<u8>, u64> = BTreeMap::new();
    for (commit, key) in (1..).zip(keys) {
        let put = commit % 5 != 0;
        index.load(key.as_bytes(), &change(commit, put));
        match put {
            true => drop(model.insert(key.clone().into_bytes(), commit)),
            false => drop(model.remove(key.as_bytes())),
        }
    }
    index.finish_loading();
    assert_eq!(index.len(), model.len());
    for (key, commit) in &model {
        assert_eq!(index.raw(key).unwrap().commit, *commit, "{:?}", String::from_utf8_lossy(key));
    }
}

#[test]
fn in_order_and_out_of_order() {
    let mut state = 1u64;
    let mut random = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 40
    };
    agree(&(0..500).map(|number| format!("key-{number:04}")).collect::<Vec<_>>());
    agree(&(0..500).rev().map(|number| format!("key-{number:04}")).collect::<Vec<_>>());
    agree(&(0..3000).map(|_| format!("k/{}", random() % 400)).collect::<Vec<_>>());
    agree(&(0..900).map(|_| format!("{:x}", random() % 300)).collect::<Vec<_>>());
    let long = |number| format!("{}{number}", "same/".repeat(number as usize % 4 + 1));
    agree(&(0..900).map(|_| long(random() % 300)).collect::<Vec<_>>());
    let odd = ["", "a", "a\0", "a\0\0", "aa", "a", "b", "a\0", ""].map(String::from);
    agree(&odd);
    agree(&["only".to_string()]);
    agree(&[]);
}
