//! Proves that every digest gives the values of `test/vectors/digest.json`, at once and in parts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use keepstate_core::digest::{
    blake3, blake3_derive, blake3_keyed, crc32c, crc64, sha256, Crc64, Digest, Hasher,
};
use keepstate_core::{hex, Code};
use proptest::prelude::*;
use serde_json::Value;

fn vectors() -> Value {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../test/vectors/digest.json");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn cases() -> Vec<(Vec<u8>, Value)> {
    let cases = vectors()["cases"].as_array().unwrap().clone();
    let input = |case: &Value| {
        let length = case["length"].as_u64().unwrap() as usize;
        (0..length).map(|at| (at % 251) as u8).collect()
    };
    cases.into_iter().map(|case| (input(&case), case)).collect()
}

#[test]
fn functions_give_the_known_values() {
    let vectors = vectors();
    let key: [u8; 32] = vectors["key"].as_str().unwrap().as_bytes().try_into().unwrap();
    let context = vectors["context"].as_str().unwrap();
    for (input, case) in cases() {
        let same = |name: &str, bytes: &[u8]| assert_eq!(case[name], hex::encode(bytes), "{name}");
        same("blake3", &blake3(&input));
        same("blake3_keyed", &blake3_keyed(&key, &input));
        same("blake3_derived", &blake3_derive(context, &input));
        same("sha256", &sha256(&input));
        same("crc32c", &crc32c(&input).to_be_bytes());
        same("crc64", &crc64(&input).to_be_bytes());
    }
}

#[test]
fn names_lead_to_the_same_values() {
    for (input, case) in cases() {
        for digest in Digest::ALL {
            assert_eq!(case[digest.name()], digest.of(&input).hex());
            assert_eq!(Digest::named(digest.name()).unwrap(), digest);
        }
    }
    let error = Digest::named("md5").unwrap_err();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("blake3, sha256 or crc32c"), "{error}");
}

#[test]
fn keyed_and_deriving_hashers_match_the_functions() {
    let key = [7; 32];
    let mut keyed = Hasher::keyed(&key);
    keyed.update(b"agent state");
    assert_eq!(keyed.finish().as_bytes(), blake3_keyed(&key, b"agent state"));
    let mut deriving = Hasher::deriving("a test");
    deriving.update(b"agent state");
    assert_eq!(deriving.finish().as_bytes(), blake3_derive("a test", b"agent state"));
}

#[test]
fn hexadecimal_text_is_checked() {
    assert_eq!(hex::decode("00Ffa9").unwrap(), [0, 255, 0xa9]);
    for wrong in ["0", "0g", "+1", "\u{e9}"] {
        assert_eq!(hex::decode(wrong).unwrap_err().code(), Code::InvalidArgument, "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_add_up(
        input in prop::collection::vec(any::<u8>(), 0..5000),
        cut in any::<prop::sample::Index>(),
    ) {
        let (left, right) = input.split_at(cut.index(input.len() + 1));
        for digest in Digest::ALL {
            let mut hasher = digest.hasher();
            hasher.update(left);
            hasher.update(right);
            prop_assert_eq!(hasher.finish(), digest.of(&input));
        }
        prop_assert_eq!(Crc64::default().with(left).with(right).finish(), crc64(&input));
    }

    #[test]
    fn hexadecimal_text_goes_both_ways(input in prop::collection::vec(any::<u8>(), 0..100)) {
        prop_assert_eq!(hex::decode(&hex::encode(&input)).unwrap(), input);
    }
}
