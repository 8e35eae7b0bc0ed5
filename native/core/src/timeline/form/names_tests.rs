//! A control object tells of forks and of what was deleted.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::super::record::Id;
use super::super::sections::{Branch, Floor, Lease, Origin, Packed};
use super::*;

fn told(control: &Control, values: usize) -> Option<bool> {
    shows(&name(), Some(&control.encode(&name().control()).into()), values).unwrap()
}

fn name() -> Name {
    Name::new("a", "b").unwrap()
}

fn packed(first: u64, last: u64) -> Packed {
    Packed { first, last, base: first, end: last, size: 1, head: 1, nonce: [0; 8] }
}

#[test]
fn values_alone_are_a_timeline() {
    assert_eq!(shows(&name(), None, 1).unwrap(), Some(true));
    assert_eq!(shows(&name(), None, 0).unwrap(), Some(false));
    assert_eq!(told(&Control::default(), 1), Some(true));
    assert_eq!(told(&Control::default(), 0), Some(false));
}

#[test]
fn a_fork_is_one_without_values() {
    let branch = Branch { timeline: "a/b".into(), first: 1, last: 7, base: 0 };
    let origin = Origin { id: Id::default(), first: 8, base: 9, line: vec![branch] };
    let fork = Control { origin: Some(origin), ..Control::default() };
    assert_eq!(told(&fork, 0), Some(true));
    let floor = Floor { sequence: 8, ..Floor::default() };
    assert_eq!(told(&Control { floor, ..fork }, 0), Some(false));
}

#[test]
fn packs_count_from_the_floor_on() {
    let floor = Floor { sequence: 10, ..Floor::default() };
    let deleted = Control { floor, packs: vec![packed(1, 9)], ..Control::default() };
    assert_eq!(told(&deleted, 0), Some(false));
    assert_eq!(told(&deleted, 1), None, "what is left may lie below the floor");
    let again = Control { packs: vec![packed(10, 20)], ..deleted };
    assert_eq!(told(&again, 0), Some(true));
}

#[test]
fn a_lease_may_have_left_a_fence() {
    let lease = Some(Lease { holder: [0; 16], epoch: 2, until: 0 });
    assert_eq!(told(&Control { lease, ..Control::default() }, 1), None);
}

#[test]
fn damage_is_an_error() {
    assert!(shows(&name(), Some(&Bytes::from_static(b"KC")), 1).is_err());
}
