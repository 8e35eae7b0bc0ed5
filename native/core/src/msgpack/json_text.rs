//! The small parts of JSON text: strings and numbers.

/// Appends a JSON string of UTF-8. Runs without a character to escape are copied whole.
pub(super) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let mut done = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte >= 0x20 && *byte != b'"' && *byte != b'\\' {
            continue;
        }
        out.extend_from_slice(bytes.get(done..at).unwrap_or_default());
        escape(out, u16::from(*byte));
        done = at + 1;
    }
    out.extend_from_slice(bytes.get(done..).unwrap_or_default());
    out.push(b'"');
}

/// Appends a JSON string of UTF-16 units behind `start`; lone surrogates are escaped.
pub(super) fn utf16(out: &mut Vec<u8>, units: impl Iterator<Item = u16>, start: &str) {
    out.push(b'"');
    out.extend_from_slice(start.as_bytes());
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(character) if character < ' ' || character == '"' || character == '\\' => {
                escape(out, character as u32 as u16);
            }
            Ok(character) => {
                let mut buffer = [0; 4];
                out.extend_from_slice(character.encode_utf8(&mut buffer).as_bytes());
            }
            Err(lone) => escape(out, lone.unpaired_surrogate()),
        }
    }
    out.push(b'"');
}

fn escape(out: &mut Vec<u8>, unit: u16) {
    match unit {
        0x22 => out.extend_from_slice(b"\\\""),
        0x5c => out.extend_from_slice(b"\\\\"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x09 => out.extend_from_slice(b"\\t"),
        0x0a => out.extend_from_slice(b"\\n"),
        0x0c => out.extend_from_slice(b"\\f"),
        0x0d => out.extend_from_slice(b"\\r"),
        _ => out.extend_from_slice(format!("\\u{unit:04x}").as_bytes()),
    }
}

/// A finite float64, always with a point or an exponent: digits alone are an integer.
pub(super) fn float(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        return format!("{value:e}");
    }
    let text = value.to_string();
    if text.contains('.') {
        text
    } else {
        format!("{text}.0")
    }
}

/// The name of a float64 that JSON has no number for.
pub(super) fn not_finite(value: f64) -> &'static str {
    if value.is_nan() {
        "NaN"
    } else if value > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// A two's complement integer: decimal up to 128 bits, else hexadecimal, which takes linear time.
pub(super) fn bigint(payload: &[u8]) -> String {
    let payload = &*trim(payload.to_vec());
    let is_negative = payload.first().is_some_and(|byte| *byte >= 0x80);
    if payload.len() <= 16 {
        let start = if is_negative { -1 } else { 0 };
        let value = payload.iter().fold(start, |value: i128, byte| value << 8 | i128::from(*byte));
        return value.to_string();
    }
    let magnitude = if is_negative { negate(payload) } else { payload.to_vec() };
    let digits: String = magnitude.iter().map(|byte| format!("{byte:02x}")).collect();
    let sign = if is_negative { "-" } else { "" };
    format!("{sign}0x{}", digits.trim_start_matches('0'))
}

/// The reverse of `bigint`; nothing for any other text.
pub(super) fn parse_bigint(text: &str) -> Option<Vec<u8>> {
    if let Ok(value) = text.parse::<i128>() {
        return Some(trim(value.to_be_bytes().to_vec()));
    }
    let (is_negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let digits = rest.strip_prefix("0x").filter(|digits| !digits.is_empty())?.as_bytes();
    let mut magnitude = vec![0];
    // An odd number of digits begins in the middle of a byte.
    let mut high = if digits.len() % 2 == 1 { Some(0) } else { None };
    for digit in digits {
        let value = char::from(*digit).to_digit(16)? as u8;
        match high.take() {
            Some(upper) => magnitude.push(upper << 4 | value),
            None => high = Some(value),
        }
    }
    Some(trim(if is_negative { negate(&magnitude) } else { magnitude }))
}

fn negate(bytes: &[u8]) -> Vec<u8> {
    let mut carry = true;
    let mut result: Vec<u8> = bytes.iter().map(|byte| !byte).collect();
    for byte in result.iter_mut().rev() {
        (*byte, carry) = byte.overflowing_add(u8::from(carry));
    }
    result
}

/// Drops the first bytes that only repeat the sign.
fn trim(bytes: Vec<u8>) -> Vec<u8> {
    let spare = bytes
        .windows(2)
        .take_while(|pair| match pair {
            [0, next] => *next < 0x80,
            [0xff, next] => *next >= 0x80,
            _ => false,
        })
        .count();
    bytes.into_iter().skip(spare).collect()
}
