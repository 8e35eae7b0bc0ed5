//! Whatever the two strings are, the edit makes the new one of the old one, byte for byte, and
//! typical changes of agent state cost about what changed.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::timeline::form::extent::{Extent, Extents};

/// Applies the edit to extents and gathers bytes: old lies at 0, the fresh bytes behind it.
fn rebuilt(old: &[u8], new: &[u8]) -> (Vec<u8>, usize) {
    let (mut edit, mut fresh) = (Edit::default(), Vec::new());
    diff(old, new, (&mut edit, &mut fresh));
    let edit = edit.finish();
    let mut coded = Vec::new();
    edit.encode(&mut coded);
    assert_eq!(Edit::decode(&coded, old.len() as u64).unwrap(), edit, "the edit's code");
    let mut parent = Extents::default();
    parent.push(Extent { offset: 0, length: old.len() as u64 });
    let space = [old, &fresh].concat();
    let state = edit.apply(&parent, old.len() as u64).unwrap();
    let bytes = state.iter().flat_map(|e| space[e.offset as usize..e.end() as usize].to_vec());
    (bytes.collect(), fresh.len())
}

fn text(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        b"abcdefghijklmnopqrstuvwxyz {}\":,"[(state >> 40) as usize % 32]
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn an_appended_message_costs_itself() {
    let (body, message) = (text(1, 200_000), text(2, 3_000));
    let old =
        [b"{\"step\":9,\"at\":\"09:59:59\",\"m\":[".as_slice(), &body, b"],\"end\":true}"].concat();
    let new = [
        b"{\"step\":10,\"at\":\"10:00:00\",\"m\":[".as_slice(),
        &body,
        &message,
        b"],\"end\":true}",
    ]
    .concat();
    let (bytes, fresh) = rebuilt(&old, &new);
    assert_eq!(bytes, new);
    assert!(fresh < 3_100, "{fresh} bytes for a message of 3,000");
}

#[test]
fn a_sliding_window_costs_what_slid_in() {
    let old = text(3, 500_000);
    let new = [&old[70_000..], &text(4, 5_000)[..]].concat();
    let (bytes, fresh) = rebuilt(&old, &new);
    assert_eq!(bytes, new);
    assert!(fresh <= 5_100, "{fresh} bytes for 5,000 new ones");
}

#[test]
fn many_small_changes_cost_little_each() {
    let old = text(5, 300_000);
    let mut new = old.clone();
    for at in (1_000..300_000).step_by(10_000) {
        new[at] = b'#';
        new.splice(at + 3_000..at + 3_010, text(at as u64, 300));
    }
    let (bytes, fresh) = rebuilt(&old, &new);
    assert_eq!(bytes, new);
    assert!(fresh < 30 * 450, "{fresh} bytes for 30 changes of 301");
}

proptest! {
    #[test]
    fn any_two_strings(old in proptest::collection::vec(0u8..3, 0..400), cuts in proptest::collection::vec(
        (0usize..400, 0usize..80, proptest::collection::vec(0u8..3, 0..80)), 0..6)) {
        let mut new = old.clone();
        for (at, length, insert) in cuts {
            let start = at.min(new.len());
            let end = (start + length).min(new.len());
            new.splice(start..end, insert);
        }
        prop_assert_eq!(rebuilt(&old, &new).0, new);
    }

    #[test]
    fn any_large_change(seed in 1u64.., from in 0usize..20_000, length in 0usize..9_000, grow in 0usize..9_000) {
        let old = text(seed, 30_000);
        let mut new = old.clone();
        new.splice(from..from + length, text(seed ^ 77, grow));
        new.rotate_left(seed as usize % 3_000);
        prop_assert_eq!(rebuilt(&old, &new).0, new);
    }
}
