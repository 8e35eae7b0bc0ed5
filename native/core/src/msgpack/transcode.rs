//! Text that is not ASCII, in the forms that JavaScript keeps: Latin-1 where it can be, else UTF-16.

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
