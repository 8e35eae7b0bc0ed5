//! Bytes as lower-case hexadecimal text, and back.

use crate::error::{fail, Code, Result};

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two digits for each byte.
pub fn encode(bytes: &[u8]) -> String {
    let digit = |value: u8| DIGITS.get(usize::from(value)).map_or('0', |digit| char::from(*digit));
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The bytes of `text`; digits of either case.
pub fn decode(text: &str) -> Result<Vec<u8>> {
    let digits = text.as_bytes();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(pair).collect();
    match bytes {
        Some(bytes) => Ok(bytes),
        None => {
            fail(Code::InvalidArgument, "This is no hexadecimal text; give two digits per byte.")
        }
    }
}

fn pair(digits: &[u8]) -> Option<u8> {
    let &[high, low] = digits else { return None };
    let value = |digit: u8| char::from(digit).to_digit(16);
    u8::try_from(value(high)? << 4 | value(low)?).ok()
}
