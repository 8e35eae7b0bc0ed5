//! Proves that the running zstd frame of a timeline gives back every value from the pieces before
//! it, begins new frames in time, and meets wrong pieces with `CORRUPT` and little memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use keepstate_core::codec::{
    ContextDecoder, ContextEncoder, Piece, MAX_FRAME_BYTES, MAX_FRAME_VALUES,
};
use keepstate_core::{Code, Result};
use proptest::prelude::*;

/// A stored piece with its raw bytes.
struct Stored {
    back: u32,
    raw: Vec<u8>,
    stored: Vec<u8>,
}

fn encode(encoder: &mut ContextEncoder, raw: Vec<u8>) -> Stored {
    let mut stored = Vec::new();
    let back = encoder.push(&raw, &mut stored).unwrap();
    Stored { back, raw, stored }
}

fn decode(decoder: &mut ContextDecoder, piece: &Stored) -> Result<Vec<u8>> {
    let mut out = b"before".to_vec();
    let Stored { back, raw, stored } = piece;
    let result = decoder.push(Piece { back: *back, raw: raw.len(), stored }, &mut out);
    let raw = out.strip_prefix(b"before").unwrap().to_vec();
    assert!(result.is_ok() || raw.is_empty(), "a failed piece gives nothing");
    result.map(|()| raw)
}

fn message(number: usize) -> Vec<u8> {
    let call = number.wrapping_mul(2654435761) % 1_000_000;
    format!("{{\"role\":\"tool\",\"call\":\"call_{call}\",\"content\":\"exit code 0, {number} files\"}}")
        .into_bytes()
}

fn pieces(count: usize) -> Vec<Stored> {
    let mut encoder = ContextEncoder::new(None).unwrap();
    (0..count).map(|number| encode(&mut encoder, message(number))).collect()
}

#[test]
fn every_value_comes_back_and_context_makes_it_small() {
    let pieces = pieces(30);
    let mut decoder = ContextDecoder::new().unwrap();
    for (number, piece) in pieces.iter().enumerate() {
        assert_eq!(piece.back as usize, number);
        assert_eq!(decode(&mut decoder, piece).unwrap(), piece.raw);
    }
    let later: usize = pieces[10..].iter().map(|piece| piece.stored.len()).sum();
    let raw: usize = pieces[10..].iter().map(|piece| piece.raw.len()).sum();
    assert!(later * 2 < raw, "{later} of {raw}");
}

#[test]
fn a_frame_ends_after_32_values() {
    let pieces = pieces(70);
    let begun: Vec<usize> = (0..70).filter(|number| pieces[*number].back == 0).collect();
    assert_eq!(begun, [0, 32, 64]);
    assert_eq!(MAX_FRAME_VALUES, 32);
    let mut decoder = ContextDecoder::new().unwrap();
    for piece in &pieces[32..40] {
        assert_eq!(decode(&mut decoder, piece).unwrap(), piece.raw);
    }
}

#[test]
fn a_frame_ends_after_4_megabytes() {
    let mut encoder = ContextEncoder::new(None).unwrap();
    let sizes = [MAX_FRAME_BYTES - 1, 1, 10, MAX_FRAME_BYTES * 2, 5, 5];
    let pieces: Vec<Stored> = sizes
        .iter()
        .map(|size| encode(&mut encoder, message(*size).repeat(size / 60 + 1)[..*size].to_vec()))
        .collect();
    let backs: Vec<u32> = pieces.iter().map(|piece| piece.back).collect();
    assert_eq!(backs, [0, 1, 0, 1, 0, 1]);
    let mut decoder = ContextDecoder::new().unwrap();
    for piece in &pieces {
        assert!(decode(&mut decoder, piece).unwrap() == piece.raw);
    }
}

#[test]
fn after_a_reset_nothing_before_it_is_needed() {
    let mut encoder = ContextEncoder::new(Some(1)).unwrap();
    encode(&mut encoder, message(1));
    encoder.reset().unwrap();
    let piece = encode(&mut encoder, message(1));
    assert_eq!(piece.back, 0);
    assert_eq!(decode(&mut ContextDecoder::new().unwrap(), &piece).unwrap(), message(1));
}

#[test]
fn empty_values_keep_their_place() {
    let mut encoder = ContextEncoder::new(None).unwrap();
    let mut raws = vec![vec![], message(1)];
    raws.resize(40, vec![]);
    raws.push(message(2));
    let pieces: Vec<Stored> = raws.into_iter().map(|raw| encode(&mut encoder, raw)).collect();
    let mut decoder = ContextDecoder::new().unwrap();
    for piece in &pieces {
        assert_eq!(decode(&mut decoder, piece).unwrap(), piece.raw);
    }
}

#[test]
fn pieces_out_of_order_are_refused() {
    let pieces = pieces(5);
    let mut decoder = ContextDecoder::new().unwrap();
    assert_eq!(decode(&mut decoder, &pieces[1]).unwrap_err().code(), Code::InvalidArgument);
    decode(&mut decoder, &pieces[0]).unwrap();
    assert_eq!(decode(&mut decoder, &pieces[2]).unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(decode(&mut decoder, &pieces[1]).unwrap(), pieces[1].raw);
    let wrong = Stored { back: 2, raw: vec![0; 3], stored: vec![1, 2, 3, 4] };
    assert_eq!(decode(&mut decoder, &wrong).unwrap_err().code(), Code::Corrupt);
    assert_eq!(decode(&mut decoder, &pieces[2]).unwrap_err().code(), Code::InvalidArgument);
    decode(&mut decoder, &pieces[0]).unwrap();
}

#[test]
fn cut_changed_or_misstated_pieces_are_corrupt_or_as_long_as_stated() {
    let pieces = pieces(3);
    let try_third = |stored: &[u8], length: usize| {
        let mut decoder = ContextDecoder::new().unwrap();
        decode(&mut decoder, &pieces[0]).unwrap();
        decode(&mut decoder, &pieces[1]).unwrap();
        let wrong = Stored { back: 2, raw: vec![0; length], stored: stored.to_vec() };
        decode(&mut decoder, &wrong)
    };
    let Stored { raw, stored, .. } = &pieces[2];
    assert_eq!(try_third(stored, raw.len()).unwrap(), *raw);
    for length in 0..stored.len() {
        assert_eq!(try_third(&stored[..length], raw.len()).unwrap_err().code(), Code::Corrupt);
    }
    for length in (0..raw.len()).chain(raw.len() + 1..raw.len() + 40).chain([1 << 30]) {
        assert_eq!(try_third(stored, length).unwrap_err().code(), Code::Corrupt, "{length}");
    }
    for at in 0..stored.len() {
        for flip in [1, 0x80, 0xFF] {
            let mut changed = stored.clone();
            changed[at] ^= flip;
            match try_third(&changed, raw.len()) {
                Ok(data) => assert_eq!(data.len(), raw.len()),
                Err(error) => assert_eq!(error.code(), Code::Corrupt, "{error}"),
            }
        }
    }
    let end_of_frame = [1, 0, 0];
    for tail in [stored, &end_of_frame[..], &[1, 0, 0, 9]] {
        let followed = [stored, tail].concat();
        assert_eq!(try_third(&followed, raw.len()).unwrap_err().code(), Code::Corrupt);
    }
}

#[test]
fn a_level_is_one_of_zstd_s() {
    let error = ContextEncoder::new(Some(20)).err().unwrap();
    assert_eq!(error.code(), Code::InvalidArgument);
    assert!(error.message().contains("-7 to 19"), "{error}");
}

#[test]
fn memory_stays_as_it_is() {
    let mut encoder = ContextEncoder::new(None).unwrap();
    encode(&mut encoder, message(0));
    let memory = encoder.memory();
    assert!(memory < 2200 << 10, "{memory}");
    for number in 0..1000 {
        encode(&mut encoder, message(number).repeat(1 + number % 50));
    }
    assert_eq!(encoder.memory(), memory);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_values_come_back(
        values in prop::collection::vec((0usize..4000, 1usize..9, any::<bool>()), 1..90),
    ) {
        let mut encoder = ContextEncoder::new(None).unwrap();
        let mut decoder = ContextDecoder::new().unwrap();
        for (number, times, reset) in values {
            if reset && number % 7 == 0 {
                encoder.reset().unwrap();
            }
            let piece = encode(&mut encoder, message(number).repeat(times));
            prop_assert_eq!(decode(&mut decoder, &piece).unwrap(), piece.raw);
        }
    }
}
