//! Proves what a reader of tapes relies on: shapes are told once and again when they are lost,
//! texts are found where their chunks say, and no buffer is written beyond its end.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use super::chunks::Chunks;
use super::pool::{Pool, Short};
use super::text::is_ascii;
use super::{from_json, JsonForm, Part, Tape};

const UNWRITTEN: i32 = 0x5a5a_5a5a;
const KEYS: usize = 5;
const SHAPES: usize = 6;
const FORGOTTEN: usize = 9;

fn encoded(json: &str) -> Vec<u8> {
    let mut out = Vec::new();
    from_json(json, JsonForm::Marked, &mut out).unwrap();
    out
}

/// Reads a state as a reader does; gives header and words.
fn taken(tape: &mut Tape, state: &[u8]) -> Vec<i32> {
    tape.read(state).unwrap();
    let mut words = vec![UNWRITTEN; tape.len() + 3];
    assert!(tape.write(&mut words));
    assert_eq!(words.split_off(tape.len()), [UNWRITTEN; 3], "written behind the end");
    assert!(!words.contains(&UNWRITTEN), "less was written than was said");
    let parts = tape.parts(state).count();
    assert!(parts >= words[KEYS] as usize);
    tape.told();
    words
}

#[test]
fn shapes_are_told_once() {
    let mut tape = Tape::new();
    let state = encoded(r#"[{"role":"user","n":1},{"role":"tool","n":2},{"role":"tool"}]"#);
    let first = taken(&mut tape, &state);
    assert_eq!((first[KEYS], first[SHAPES]), (2, 2));
    let second = taken(&mut tape, &state);
    assert_eq!((second[KEYS], second[SHAPES]), (0, 0));
    let more = taken(&mut tape, &encoded(r#"[{"role":"user","n":1,"more":[]}]"#));
    assert_eq!((more[KEYS], more[SHAPES]), (1, 1));
}

#[test]
fn shapes_that_were_not_told_are_told_later() {
    let mut tape = Tape::new();
    let state = encoded(r#"[{"role":"user"},{"kind":1}]"#);
    tape.read(&state[..state.len() - 1]).unwrap_err();
    tape.read(&state).unwrap();
    assert!(!tape.write(&mut [0; 11]), "there is no room");
    let words = taken(&mut tape, &state);
    assert_eq!((words[KEYS], words[SHAPES]), (2, 2));
    tape.forget();
    let again = taken(&mut tape, &state);
    assert_eq!(again, words);
}

#[test]
fn keys_that_are_data_are_not_kept() {
    let mut tape = Tape::new();
    let entries: Vec<String> = (0..20_000).map(|n| format!("\"key {n}\":{n}")).collect();
    let large = encoded(&format!("{{{}}}", entries.join(",")));
    let small = encoded(r#"{"a":1}"#);
    assert_eq!(taken(&mut tape, &small)[FORGOTTEN], 0);
    let words = taken(&mut tape, &large);
    assert_eq!((words[FORGOTTEN], words[KEYS]), (1, 20_000));
    let words = taken(&mut tape, &small);
    assert_eq!((words[FORGOTTEN], words[KEYS], words[SHAPES]), (0, 1, 1));
}

#[test]
fn arrays_of_float64_are_handed_over_whole() {
    let mut tape = Tape::new();
    let numbers = taken(&mut tape, &encoded("[[0,1.5,2,-7,1e300,2000,0.25,3.5,-0]]"));
    assert_eq!((numbers[1], numbers[2], numbers[3]), (0, 9, 0), "all nine are bulk");
    let mixed = taken(&mut tape, &encoded("[[0.5,1.5,2.5,3.5,4.5,5.5,6.5,null,5000]]"));
    assert_eq!((mixed[1], mixed[2], mixed[3]), (7, 0, 1), "null is no number");
    let few = taken(&mut tape, &encoded("[0.5,1.5]"));
    assert_eq!((few[1], few[2]), (2, 0));
}

#[test]
fn texts_are_where_their_chunks_say() {
    let texts: Vec<String> = (0..900)
        .map(|n| match n % 5 {
            0 => "x".repeat(n * 3),
            1 => format!("\u{e9}{}", "e".repeat(n)),
            2 => format!("{}\u{65e5}", "w".repeat(n)),
            3 => "repeated".into(),
            _ => format!("{n}"),
        })
        .collect();
    let state = encoded(&format!(
        "[{}]",
        texts.iter().map(|t| format!("{t:?}")).collect::<Vec<_>>().join(",")
    ));
    let mut tape = Tape::new();
    let words = taken(&mut tape, &state);
    let wide = |units: &[u16]| String::from_utf16(units).unwrap();
    let parts: Vec<String> = tape
        .parts(&state)
        .map(|part| match part {
            Part::Latin(bytes) => bytes.iter().map(|byte| char::from(*byte)).collect(),
            Part::Wide(units) => wide(units),
            other => panic!("{other:?}"),
        })
        .collect();
    let chunks = words[4] as usize;
    assert!(parts.len() == chunks && parts.iter().all(|part| part.encode_utf16().count() < 50_000));
    let counts = &words[10..10 + chunks];
    let mut places = words[10 + chunks..].chunks(2);
    let mut found = Vec::new();
    for (part, count) in parts.iter().zip(counts) {
        let units: Vec<u16> = part.encode_utf16().collect();
        for place in places.by_ref().take(*count as usize) {
            found.push(wide(&units[place[0] as usize..place[1] as usize]));
        }
    }
    let (mut found, mut expected): (Vec<_>, Vec<_>) = (found, texts);
    for list in [&mut found, &mut expected] {
        list.sort();
        list.dedup();
    }
    assert!(found == expected);
}

#[test]
fn chunks_are_neither_long_nor_empty_between() {
    let mut chunks = Chunks::default();
    assert_eq!(
        [chunks.add(0, 30_000), chunks.add(30_001, 48_000), chunks.add(48_001, 49_153)],
        [0, 1, 2]
    );
    assert_eq!(chunks.add(60_000, 60_010), 3);
    assert_eq!(chunks.add(60_020, 400_000), 4);
    let ends: Vec<_> =
        chunks.chunks.iter().map(|chunk| (chunk.start, chunk.end, chunk.texts)).collect();
    assert_eq!(
        ends,
        [(0, 48_000, 2), (48_001, 49_153, 1), (60_000, 60_010, 1), (60_020, 400_000, 1)]
    );
}

#[test]
fn short_texts_are_themselves_up_to_zeros_and_ends() {
    let bytes = *b"abcdefghijklmnopqrstuvwxyz0123456789";
    for len in 0..=24 {
        for start in [0, 5, bytes.len() - len] {
            let mut copy = vec![b'#'; 40];
            copy[7..7 + len].copy_from_slice(&bytes[start..start + len]);
            let short = Short::of(&bytes, start, len).unwrap();
            assert_eq!(short, Short::of(&copy, 7, len).unwrap(), "{start} {len}");
            assert!(short.is_ascii());
            if len > 0 {
                copy[6 + len] = 0x80;
                assert!(!Short::of(&copy, 7, len).unwrap().is_ascii(), "{len}");
                copy[6 + len] = 0;
                assert_ne!(Short::of(&copy, 7, len), Short::of(&copy, 7, len - 1));
            }
        }
    }
    assert_eq!(Short::of(&bytes, 0, 25), None);
    assert_eq!(Short::of(&bytes, 30, 7), None);
    assert_eq!(Short::of(&bytes, 99, 0), None);
}

#[test]
fn a_pool_gives_each_text_its_own_number_and_forgets() {
    let mut pool = Pool::new();
    let texts: Vec<String> = (0..5_000).map(|n| format!("{n}")).collect();
    for round in 0..3 {
        for (number, text) in texts.iter().enumerate() {
            let short = Short::of(text.as_bytes(), 0, text.len()).unwrap();
            let number = number as u32 + round * 10_000;
            assert_eq!(pool.number(short, || number), number);
            assert_eq!(pool.number(short, || u32::MAX), number, "it was met just now");
        }
        pool.clear();
    }
}

#[test]
fn a_byte_that_is_not_ascii_is_seen_everywhere() {
    for len in 0..200 {
        let mut bytes = vec![b'a'; len];
        assert!(is_ascii(&bytes));
        for at in 0..len {
            bytes[at] = 0x80;
            assert!(!is_ascii(&bytes), "{at} of {len}");
            bytes[at] = b'a';
        }
    }
}
