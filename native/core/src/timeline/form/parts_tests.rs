//! Lists of parts come back as they were written, damage is named, and equal attachments are cut
//! alike wherever they stand.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::digest;

fn noise(length: usize) -> Bytes {
    let mut state = 7u64;
    let step = |state: &mut u64| {
        *state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (*state >> 56) as u8
    };
    (0..length).map(|_| step(&mut state)).collect::<Vec<u8>>().into()
}

fn listed(nonces: [u8; 2]) -> Parts {
    let chunk = |byte, nonce| Some(Chunk { hash: [byte; 32], nonce: [nonce; 8] });
    let list = vec![
        Part { length: 5, chunk: None },
        Part { length: 70_000, chunk: chunk(1, nonces[0]) },
        Part { length: 9, chunk: chunk(2, nonces[1]) },
        Part { length: 60, chunk: None },
    ];
    Parts { list, inline: vec![3; 65].into() }
}

#[test]
fn a_list_comes_back_as_it_was_and_damage_is_named() {
    for nonces in [[0, 0], [4, 4], [9, 4]] {
        let parts = listed(nonces);
        for level in [None, Some(3)] {
            let bytes = Bytes::from(parts.encode(level).unwrap());
            assert_eq!(Parts::decode(&bytes, 70_074).unwrap(), parts);
            assert!(Parts::decode(&bytes, 70_073).is_err());
            for at in 0..bytes.len() {
                assert!(Parts::decode(&bytes.slice(..at), 70_074).is_err(), "cut at {at}");
                let mut flipped = bytes.to_vec();
                flipped[at] ^= 0x81;
                let _ = Parts::decode(&flipped.into(), 70_074);
            }
        }
    }
}

#[test]
fn long_runs_are_cut_and_short_ones_are_not() {
    let run = |length, cut| Run { length, cut };
    let of = |lengths: &[u64]| {
        let mut edit = Edit::default();
        for length in lengths {
            edit.insert(*length);
            edit.keep(1);
        }
        runs(&edit, 50, 1000)
    };
    assert_eq!(of(&[999, 999]), []);
    assert_eq!(of(&[10, 20, 1000, 5]), [run(30, false), run(1000, true), run(5, false)]);
    assert_eq!(of(&[999; 5000]), [run(999 * 5000, true)]);
}

#[test]
fn an_attachment_is_cut_alike_wherever_it_stands() {
    let file = noise(900_000);
    let cut = |state: Vec<u8>| -> Vec<Bytes> {
        let run = Run { length: state.len() as u64, cut: true };
        let pieces = pieces(&[run], &state.into()).unwrap();
        pieces.into_iter().filter(|(_, cut)| *cut).map(|(bytes, _)| bytes).collect()
    };
    let header = [&[0xc6][..], &900_000u32.to_be_bytes()].concat();
    let alone: Vec<Bytes> = cut(file.to_vec());
    assert!(alone.len() > 6);
    let one = cut([&b"something in front"[..], &header, &file, b"end"].concat());
    assert!(one == alone);
    let two = cut([&header[..], &file, b"between", &header, &file, &[1; 5000]].concat());
    assert!(two[..alone.len()] == alone && two[alone.len()..2 * alone.len()] == alone);
    assert_eq!(two.len(), 2 * alone.len() + 1);
    // What is cut must not change: what is stored would not be found again.
    let ends: Vec<usize> = alone.iter().map(Bytes::len).collect();
    assert_eq!(digest::crc32c(&alone.concat()), digest::crc32c(&file));
    assert_eq!(ends, CUT_OF_NOISE);
}

#[test]
fn what_does_not_shrink_is_stored_as_it_is() {
    for (raw, packed) in [(noise(100_000), false), (vec![7; 100_000].into(), true)] {
        let mut stored = Vec::new();
        pack(&raw, Some(3), &mut stored).unwrap();
        assert_eq!(stored[0], u8::from(packed));
        assert_eq!(stored.len() < 1000, packed);
        let stored = Bytes::from(stored);
        assert_eq!(unpack(&stored, 100_000).unwrap(), raw);
        assert!(unpack(&stored, 99_999).is_err() && unpack(&stored, 100_001).is_err());
    }
    assert!(unpack(&Bytes::new(), 0).is_err());
}

const CUT_OF_NOISE: [usize; 12] =
    [65710, 90189, 93529, 66896, 68699, 68350, 89284, 74881, 84855, 70001, 70399, 57207];
