//! Proves that sealed values open with their key and at their place only: every flip, cut, swap and
//! move is a named error, ranges give what the whole gives, and the bytes are those of
//! `test/vectors/seal.json`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use keepstate_core::seal::{KeyRing, Stretch, CHUNK, MAX_HEADER, MAX_KEY_ID, TAG};
use keepstate_core::store::Range;
use keepstate_core::{hex, Code, Error, Result};
use proptest::prelude::*;
use serde_json::Value;

const KEY: &str = "t/planner/run-42/000000000017";

/// Random bytes that are not: a counter, so that runs can be repeated.
fn counting() -> impl FnMut(&mut [u8]) -> Result<()> {
    let mut next = 0u8;
    move |buffer: &mut [u8]| {
        for byte in buffer {
            next = next.wrapping_add(1);
            *byte = next;
        }
        Ok(())
    }
}

fn ring() -> KeyRing {
    KeyRing::new("2026-a", [9; 32]).unwrap()
}

fn sealed(raw: &[u8]) -> Vec<u8> {
    ring().seal(KEY, raw, &mut counting()).unwrap()
}

fn raw(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 + at / 251) as u8).collect()
}

fn range(offset: u64, length: u64) -> Range {
    Range { offset, length }
}

fn is_named(error: &Error) -> bool {
    use Code::{FormatTooNew, KeyUnknown, NotOurs, SealBroken};
    matches!(error.code(), FormatTooNew | KeyUnknown | NotOurs | SealBroken)
}

#[track_caller]
fn assert_broken(result: Result<Vec<u8>>) {
    let error = result.unwrap_err();
    assert_eq!(error.code(), Code::SealBroken, "{error}");
    assert_eq!(error.place().key.as_deref().unwrap_or(KEY), KEY);
}

#[test]
fn values_of_any_length_come_back() {
    let chunk = CHUNK as usize;
    for length in [0, 1, 1000, chunk - 1, chunk, chunk + 1, 2 * chunk, 3 * chunk + 5] {
        let raw = raw(length);
        let sealed = sealed(&raw);
        let chunks = length.div_ceil(chunk).max(1);
        let head = ring().read(KEY, &sealed).unwrap();
        assert_eq!(sealed.len(), head.head_length() + length + chunks * TAG);
        assert_eq!((head.length(), head.stored_length()), (length as u64, sealed.len() as u64));
        assert!(ring().open(KEY, &sealed).unwrap() == raw);
    }
}

#[test]
fn the_bytes_are_those_of_the_vectors() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/vectors/seal.json");
    let vectors: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let text = |case: &Value, name: &str| case[name].as_str().unwrap().to_string();
    let bytes = |case: &Value, name: &str| hex::decode(&text(case, name)).unwrap();
    for case in vectors["values"].as_array().unwrap() {
        let key: [u8; 32] = bytes(case, "key").try_into().unwrap();
        let ring = KeyRing::new(&text(case, "keyId"), key).unwrap();
        let salt = bytes(case, "salt");
        let mut random = |buffer: &mut [u8]| {
            buffer.copy_from_slice(&salt);
            Ok(())
        };
        let sealed = ring.seal(&text(case, "storeKey"), text(case, "raw").as_bytes(), &mut random);
        assert_eq!(hex::encode(&sealed.unwrap()), text(case, "sealed"));
        let opened = ring.open(&text(case, "storeKey"), &bytes(case, "sealed")).unwrap();
        assert_eq!(opened, text(case, "raw").as_bytes());
    }
    for case in vectors["passphrases"].as_array().unwrap() {
        let stretch = Stretch::parse(&text(case, "stretch")).unwrap();
        assert_eq!(
            hex::encode(&stretch.key(&text(case, "passphrase")).unwrap()),
            text(case, "key")
        );
    }
}

#[test]
fn equal_values_are_sealed_differently() {
    let mut random = counting();
    let first = ring().seal(KEY, b"the same", &mut random).unwrap();
    let second = ring().seal(KEY, b"the same", &mut random).unwrap();
    assert_ne!(first[first.len() - 24..], second[second.len() - 24..]);
}

#[test]
fn every_changed_byte_is_noticed() {
    for raw in [raw(0), raw(150)] {
        let sealed = sealed(&raw);
        for at in 0..sealed.len() {
            for flip in [0x01, 0x02, 0x80, 0xFF] {
                let mut changed = sealed.clone();
                changed[at] ^= flip;
                let error = ring().open(KEY, &changed).unwrap_err();
                assert!(is_named(&error), "{at}: {error}");
                let error = ring().open_range(KEY, &changed, range(0, 1)).unwrap_err();
                assert!(is_named(&error), "{at}: {error}");
            }
        }
    }
}

#[test]
fn every_cut_and_every_addition_is_noticed() {
    let sealed = sealed(&raw(150));
    for length in 0..sealed.len() {
        assert_broken(ring().open(KEY, &sealed[..length]));
        assert_broken(ring().open_range(KEY, &sealed[..length], range(0, 150)));
    }
    assert_broken(ring().open(KEY, &[&sealed[..], b"x"].concat()));
}

#[test]
fn a_cut_between_chunks_is_noticed_by_every_range_that_needs_it() {
    let chunk = u64::from(CHUNK);
    let raw = raw(3 * CHUNK as usize);
    let sealed = sealed(&raw);
    let cut = &sealed[..sealed.len() - CHUNK as usize - TAG];
    assert_broken(ring().open(KEY, cut));
    assert_broken(ring().open_range(KEY, cut, range(2 * chunk, 1)));
    assert_broken(ring().open_range(KEY, cut, range(chunk, u64::MAX)));
    assert_broken(ring().open_range(KEY, cut, range(4 * chunk, 1)));
    assert_broken(ring().open_range(KEY, cut, range(u64::MAX, 0)));
    let part = ring().open_range(KEY, cut, range(chunk, chunk)).unwrap();
    assert!(part == raw[CHUNK as usize..2 * CHUNK as usize]);
}

#[test]
fn reordered_repeated_and_foreign_chunks_are_noticed() {
    let mut random = counting();
    let raw = raw(3 * CHUNK as usize);
    let sealed = ring().seal(KEY, &raw, &mut random).unwrap();
    let other = ring().seal(KEY, &raw, &mut random).unwrap();
    let head = ring().read(KEY, &sealed).unwrap().head_length();
    let length = CHUNK as usize + TAG;
    let chunk = |of: &[u8], number: usize| of[head + number * length..][..length].to_vec();
    let join = |chunks: [Vec<u8>; 3]| [sealed[..head].to_vec(), chunks.concat()].concat();
    let [zero, one, two] = [0, 1, 2].map(|number| chunk(&sealed, number));
    let mix = |chunks: [&Vec<u8>; 3]| ring().open(KEY, &join(chunks.map(Clone::clone)));
    assert!(mix([&zero, &one, &two]).unwrap() == raw);
    assert_broken(mix([&one, &zero, &two]));
    assert_broken(mix([&zero, &zero, &two]));
    assert_broken(mix([&zero, &two, &one]));
    assert_broken(mix([&zero, &chunk(&other, 1), &two]));
    let header_of_other = [&other[..head], &sealed[head..]].concat();
    assert_broken(ring().open(KEY, &header_of_other));
}

#[test]
fn a_value_opens_only_at_its_own_key() {
    let sealed = sealed(b"the plan");
    let error = ring().open("t/planner/run-42/000000000018", &sealed).unwrap_err();
    assert_eq!(error.code(), Code::SealBroken);
    assert_eq!(error.place().key.as_deref(), Some("t/planner/run-42/000000000018"));
}

#[test]
fn only_the_right_key_opens() {
    let sealed = sealed(b"the plan");
    let unknown = KeyRing::new("2027-a", [9; 32]).unwrap().open(KEY, &sealed).unwrap_err();
    assert_eq!(unknown.code(), Code::KeyUnknown);
    assert!(unknown.message().contains("'2026-a'"), "{unknown}");
    assert!(unknown.message().contains("2027-a"), "{unknown}");
    assert_broken(KeyRing::new("2026-a", [8; 32]).unwrap().open(KEY, &sealed));
}

#[test]
fn keys_can_be_changed_while_old_values_stay_readable() {
    let old = sealed(b"the plan");
    let mut ring = ring();
    ring.add("2026-b", [10; 32]).unwrap();
    assert_eq!(ring.current(), "2026-a");
    ring.set_current("2026-b").unwrap();
    let new = ring.seal(KEY, b"the plan", &mut counting()).unwrap();
    assert_eq!(ring.read(KEY, &new).unwrap().key_id(), "2026-b");
    assert_eq!(ring.open(KEY, &old).unwrap(), ring.open(KEY, &new).unwrap());
    assert_eq!(ring.ids(), ["2026-a", "2026-b"]);
    assert_eq!(ring.set_current("2026-c").unwrap_err().code(), Code::KeyUnknown);
}

#[test]
fn a_range_needs_only_the_chunks_that_it_touches() {
    let raw = raw(4 * CHUNK as usize + 10);
    let mut sealed = sealed(&raw);
    let head = ring().read(KEY, &sealed[..MAX_HEADER]).unwrap();
    let wanted = range(u64::from(CHUNK) + 5, 20);
    let span = head.span(wanted);
    let stored = &sealed[span.offset as usize..][..span.length as usize];
    assert_eq!(stored.len(), CHUNK as usize + TAG);
    assert_eq!(head.open(wanted, stored).unwrap(), raw[CHUNK as usize + 5..][..20]);
    assert_broken(head.open(wanted, &stored[1..]));
    assert_broken(head.open(wanted, &[stored, b"x"].concat()));
    let last = sealed.len() - 1;
    sealed[last] ^= 1;
    assert_eq!(ring().open_range(KEY, &sealed, wanted).unwrap().len(), 20);
    assert_broken(ring().open_range(KEY, &sealed, range(4 * u64::from(CHUNK), 1)));
}

#[test]
fn without_randomness_nothing_is_sealed() {
    let mut absent = |_: &mut [u8]| Err(Error::new(Code::Io, "No random bytes."));
    assert_eq!(ring().seal(KEY, b"x", &mut absent).unwrap_err().code(), Code::Io);
    assert_eq!(Stretch::new(&mut absent).unwrap_err().code(), Code::Io);
    let mut zeros = |_: &mut [u8]| Ok(());
    assert_eq!(ring().seal(KEY, b"x", &mut zeros).unwrap_err().code(), Code::Internal);
}

#[test]
fn keys_are_checked_and_not_shown() {
    let mut ring = ring();
    let long = "k".repeat(MAX_KEY_ID + 1);
    for (id, key) in [("", [1; 32]), (&long, [1; 32]), ("2026-a", [1; 32]), ("zero", [0; 32])] {
        assert_eq!(ring.add(id, key).unwrap_err().code(), Code::InvalidArgument, "{id}");
    }
    ring.add(&long[1..], [5; 32]).unwrap();
    ring.set_current(&long[1..]).unwrap();
    let sealed = ring.seal(KEY, b"x", &mut counting()).unwrap();
    assert_eq!(ring.read(KEY, &sealed).unwrap().head_length(), MAX_HEADER);
    let shown = format!("{ring:?}");
    assert!(
        shown.contains("2026-a") && !shown.contains("9, 9") && !shown.contains("5, 5"),
        "{shown}"
    );
}

#[test]
fn values_that_are_not_sealed_or_newer_say_so() {
    let ours = sealed(b"x");
    let code = |bytes: &[u8]| ring().open(KEY, bytes).unwrap_err().code();
    assert_eq!(code(b"{\"keepstate\":1}"), Code::NotOurs);
    for at in [8, 10, 11] {
        let mut newer = ours.clone();
        newer[at] += 1;
        assert_eq!(code(&newer), Code::FormatTooNew, "{at}");
    }
}

#[test]
fn a_passphrase_gives_its_key_again() {
    let stretch = Stretch::new(&mut counting()).unwrap();
    assert!(stretch.to_string().starts_with("argon2id m=65536 t=3 p=4 salt=0102"), "{stretch}");
    let quick = stretch.costs([64, 1, 1]).unwrap();
    let again = Stretch::parse(&quick.to_string()).unwrap();
    assert_eq!(again, quick);
    let key = quick.key("correct horse").unwrap();
    assert_eq!(again.key("correct horse").unwrap(), key);
    assert_ne!(again.key("correct horsf").unwrap(), key);
    assert_ne!(quick.clone().costs([64, 2, 1]).unwrap().key("correct horse").unwrap(), key);
    assert_eq!(quick.key("short").unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn parameters_from_a_store_are_not_trusted() {
    let salt = "salt=000102030405060708090a0b0c0d0e0f";
    for (text, code) in [
        (format!("argon2id m=4294967295 t=1 p=1 {salt}"), Code::InvalidArgument),
        (format!("argon2id m=64 t=4000 p=1 {salt}"), Code::InvalidArgument),
        (format!("argon2id m=64 t=1 p=4294967295 {salt}"), Code::InvalidArgument),
        (format!("argon2id m=64 t=0 p=1 {salt}"), Code::InvalidArgument),
        (format!("argon2id m=4 t=1 p=1 {salt}"), Code::InvalidArgument),
        (format!("argon2i m=64 t=1 p=1 {salt}"), Code::Corrupt),
        (format!("argon2id m=64 t=1 {salt}"), Code::Corrupt),
        (format!("argon2id m=64 t=1 p=1 {salt}00"), Code::Corrupt),
        (format!("argon2id m=64 t=1 p=1 {salt} x"), Code::Corrupt),
        (String::new(), Code::Corrupt),
    ] {
        assert_eq!(Stretch::parse(&text).unwrap_err().code(), code, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_range_gives_what_the_whole_gives(
        length in 0usize..200_000,
        offset in 0u64..220_000,
        wanted in 0u64..220_000,
    ) {
        let raw = raw(length);
        let sealed = sealed(&raw);
        let from = (offset as usize).min(length);
        let to = (offset + wanted).min(length as u64) as usize;
        let part = ring().open_range(KEY, &sealed, range(offset, wanted)).unwrap();
        prop_assert!(part == raw[from..to.max(from)]);
        let head = ring().read(KEY, &sealed).unwrap();
        let span = head.span(range(offset, wanted));
        let stored = &sealed[span.offset as usize..][..span.length as usize];
        prop_assert!(head.open(range(offset, wanted), stored).unwrap() == part);
    }

    #[test]
    fn noise_is_a_named_error(noise in prop::collection::vec(any::<u8>(), 0..300)) {
        let begun = [&sealed(b"")[..12], &noise].concat();
        for bytes in [&noise, &begun] {
            let error = ring().open(KEY, bytes).unwrap_err();
            prop_assert!(is_named(&error), "{}", error);
        }
    }
}
