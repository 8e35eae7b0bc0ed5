//! Base64 with padding (RFC 4648), for bytes inside of JSON.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Appends the base64 of `bytes`.
pub(super) fn encode(bytes: &[u8], out: &mut Vec<u8>) {
    out.reserve(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - chunk.len()));
        for place in 0..4 {
            out.push(if place > chunk.len() { b'=' } else { digit(word >> (18 - 6 * place)) });
        }
    }
}

fn digit(value: u32) -> u8 {
    DIGITS.get((value & 63) as usize).copied().unwrap_or(b'=')
}

/// The bytes of exactly what `encode` would have written; nothing for any other text.
pub(super) fn decode(text: &[u8]) -> Option<Vec<u8>> {
    if text.len() % 4 != 0 {
        return None;
    }
    let padding = text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for chunk in text.get(..text.len() - padding)?.chunks(4) {
        let word = chunk.iter().try_fold(0, |word, byte| Some(word << 6 | value(*byte)?))?;
        let word = word << (6 * (4 - chunk.len()));
        let kept = chunk.len() - 1;
        let bytes = word.to_be_bytes();
        out.extend_from_slice(bytes.get(1..1 + kept)?);
        if bytes.iter().skip(1 + kept).any(|byte| *byte != 0) {
            return None;
        }
    }
    Some(out)
}

fn value(digit: u8) -> Option<u32> {
    Some(match digit {
        b'A'..=b'Z' => u32::from(digit - b'A'),
        b'a'..=b'z' => u32::from(digit - b'a') + 26,
        b'0'..=b'9' => u32::from(digit - b'0') + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}
