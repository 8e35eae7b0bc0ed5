//! Proves that cut points are those of `test/vectors/chunk.json` for ever, the same for any split
//! of the input, within their limits, and that they follow the content.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::HashSet;

use keepstate_core::chunk::{chunks, ChunkOptions, Chunker};
use keepstate_core::Code;
use proptest::prelude::*;
use serde_json::{json, Value};

const SMALL: ChunkOptions = ChunkOptions { min: 64, average: 256, max: 1024 };

/// The outputs of SplitMix64, eight little-endian bytes each.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed;
    let mut bytes = Vec::new();
    while bytes.len() < length {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// The input that a case of the vectors describes.
fn input(case: &Value) -> Vec<u8> {
    let number = |name: &str| case[name].as_u64().unwrap();
    let length = number("length") as usize;
    let period = number("period") as usize;
    noise(number("seed"), period).into_iter().cycle().take(length).collect()
}

fn options(case: &Value) -> ChunkOptions {
    let number = |name: &str| case[name].as_u64().unwrap() as usize;
    ChunkOptions { min: number("min"), average: number("average"), max: number("max") }
}

fn cuts(bytes: &[u8], options: ChunkOptions) -> Vec<usize> {
    let ends = chunks(bytes, options).unwrap().scan(0, |end, chunk| {
        *end += chunk.len();
        Some(*end)
    });
    ends.collect()
}

fn cuts_in_pieces(bytes: &[u8], options: ChunkOptions, sizes: &[usize]) -> Vec<usize> {
    let mut chunker = Chunker::new(options).unwrap();
    let (mut cuts, mut at) = (Vec::new(), 0);
    for size in sizes.iter().cycle() {
        let end = (at + size).min(bytes.len());
        while let Some(length) = chunker.cut(&bytes[at..end]) {
            at += length;
            cuts.push(at);
        }
        at = end;
        if at == bytes.len() {
            break;
        }
    }
    if chunker.pending() > 0 {
        cuts.push(at);
    }
    cuts
}

#[test]
fn cut_points_never_change() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/vectors/chunk.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cases = vectors["cases"].as_array().unwrap();
    assert!(cases.len() >= 6);
    for case in cases {
        assert_eq!(json!(cuts(&input(case), options(case))), case["cuts"], "{case}");
    }
}

#[test]
fn lengths_keep_their_limits() {
    let ChunkOptions { min, max, .. } = ChunkOptions::default();
    let bytes = noise(7, 8 << 20);
    let lengths: Vec<usize> =
        chunks(&bytes, ChunkOptions::default()).unwrap().map(<[u8]>::len).collect();
    let (last, rest) = lengths.split_last().unwrap();
    assert!(rest.iter().all(|length| (min..=max).contains(length)) && *last <= max);
    let average = bytes.len() / lengths.len();
    assert!((30 << 10..44 << 10).contains(&average), "{average}");
    let forced = rest.iter().filter(|length| **length == max).count();
    assert!(forced * 100 <= rest.len() * 4, "{forced} of {}", rest.len());
}

#[test]
fn an_insertion_changes_only_the_chunks_around_it() {
    let before = noise(3, 4 << 20);
    let mut after = before.clone();
    after.splice(1_000_000..1_000_000, *b"a few new bytes");
    after.splice(0..0, noise(4, 777));
    let known: HashSet<&[u8]> = chunks(&before, ChunkOptions::default()).unwrap().collect();
    let all: Vec<&[u8]> = chunks(&after, ChunkOptions::default()).unwrap().collect();
    let new = all.iter().filter(|chunk| !known.contains(**chunk)).count();
    assert!((2..=8).contains(&new), "{new} of {}", all.len());
}

#[test]
fn impossible_options_are_refused() {
    for (min, average, max) in
        [(63, 256, 1024), (64, 64, 1024), (256, 128, 1024), (64, 256, 256), (0, 0, 0)]
    {
        let error = Chunker::new(ChunkOptions { min, average, max }).unwrap_err();
        assert_eq!(error.code(), Code::InvalidArgument);
    }
}

#[test]
fn nothing_has_no_chunks() {
    assert_eq!(cuts(b"", SMALL), [0usize; 0]);
    assert_eq!(cuts(b"x", SMALL), [1]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn any_split_gives_the_same(
        seed in any::<u64>(),
        length in 0usize..20_000,
        period in 1usize..3000,
        sizes in prop::collection::vec(1usize..900, 1..6),
    ) {
        let bytes: Vec<u8> = noise(seed, period).into_iter().cycle().take(length).collect();
        let whole = cuts(&bytes, SMALL);
        prop_assert_eq!(&cuts_in_pieces(&bytes, SMALL, &sizes), &whole);
        prop_assert_eq!(whole.last().copied().unwrap_or(0), length);
    }
}
