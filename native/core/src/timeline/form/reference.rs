//! The text of references: `agent/session`, and what follows it: `@17`, `@latest`, `#tag`,
//! `@tag:good`. In them `/ @ # %` of a name are percent-encoded, so that any text can be named.

use crate::error::{Code, Error, Result};
use crate::hex;

/// A name out of a reference.
pub fn decode(text: &str) -> Result<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let byte = part.get(..2).and_then(|digits| hex::decode(digits).ok());
        let (Some(byte), Some(rest)) = (byte, part.get(2..)) else { return Err(bad_escape(text)) };
        bytes.extend_from_slice(&byte);
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).map_err(|_| bad_escape(text))
}

fn bad_escape(text: &str) -> Error {
    let message = format!("'{text}' has a % that is no escape; write % as %25.");
    Error::new(Code::InvalidRef, message)
}

/// A name as references write it.
pub fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '/' => out.push_str("%2F"),
            '@' => out.push_str("%40"),
            '#' => out.push_str("%23"),
            '%' => out.push_str("%25"),
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
#[path = "reference_tests.rs"]
mod tests;
