//! Text: what it is, and in the forms that JavaScript keeps, Latin-1 where it can be, else UTF-16.

use super::read::{corrupt, Item, Reader};
use super::tape::Part;
use crate::error::Result;

/// Set in words that hold a byte that is not ASCII.
pub(super) const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// Whether all characters are below U+0100: the first bytes of U+0080 to U+00FF are C2 and C3, and
/// no later byte is above BF.
pub(super) fn is_latin(text: &str) -> bool {
    text.bytes().all(|byte| byte < 0xc4)
}

/// Appends text that is Latin-1.
pub(super) fn to_latin(text: &str, out: &mut Vec<u8>) {
    out.extend(text.chars().map(|character| character as u32 as u8));
}

/// Appends any text.
pub(super) fn to_wide(text: &str, out: &mut Vec<u16>) {
    let mut rest = text;
    while !rest.is_empty() {
        let (ascii, other) = rest.split_at(ascii_prefix(rest.as_bytes()));
        out.extend(ascii.bytes().map(u16::from));
        let end = other.bytes().position(|byte| byte < 0x80).unwrap_or(other.len());
        let (wide, after) = other.split_at(end);
        out.extend(wide.encode_utf16());
        rest = after;
    }
}

/// How many bytes there are before the first that is not ASCII.
fn ascii_prefix(bytes: &[u8]) -> usize {
    let blocks = bytes.chunks(64).take_while(|block| block.is_ascii()).count();
    let start = (blocks * 64).min(bytes.len());
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().position(|byte| *byte >= 0x80).unwrap_or(rest.len())
}

/// As the standard library's, which goes byte by byte behind the last whole block.
pub(super) fn is_ascii(bytes: &[u8]) -> bool {
    let blocks = bytes.len() & !63;
    let Some(rest) = bytes.get(blocks..) else { return false };
    let mut seen = rest.last_chunk().map_or(0, |last| u64::from_le_bytes(*last));
    for word in rest.chunks_exact(8) {
        seen |= word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    }
    if rest.len() < 8 {
        seen = if rest.is_ascii() { 0 } else { HIGH_BITS };
    }
    seen & HIGH_BITS == 0 && bytes.get(..blocks).is_some_and(|blocks| blocks.is_ascii())
}

/// Text that begins at `start`.
pub(super) fn utf8(bytes: &[u8], start: usize) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|error| corrupt(start + error.valid_up_to(), "text that is no UTF-8"))
}

/// The text of a key as it was encoded.
pub(super) fn key_text(encoded: &[u8]) -> Part<'_> {
    match Reader::new(encoded).next() {
        Ok(Item::Str(bytes)) => Part::Utf8(bytes),
        Ok(Item::Ext(_, payload)) => Part::WideBytes(payload),
        _ => Part::Utf8(&[]),
    }
}
