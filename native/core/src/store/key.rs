//! Keys: what is allowed, and how a name of any text becomes one segment of a key.

use super::KEY_MAX;
use crate::error::{fail, Code, Error, Result};

/// Refuses keys that no store takes.
pub fn check(key: &str) -> Result<()> {
    if key.is_empty() {
        return fail(Code::InvalidArgument, "A key is empty; give it at least one character.");
    }
    if key.len() > KEY_MAX {
        let message = format!("A key has {} bytes; at most {KEY_MAX} are allowed.", key.len());
        return Err(Error::new(Code::KeyTooLong, message).key(key));
    }
    Ok(())
}

/// A name of any text as one segment: `%` and `/` are written as `%25` and `%2F`. No two names ever
/// meet, and the order of names is nearly kept.
pub fn escape(name: &str) -> String {
    let mut segment = String::with_capacity(name.len());
    for character in name.chars() {
        match character {
            '%' => segment.push_str("%25"),
            '/' => segment.push_str("%2F"),
            other => segment.push(other),
        }
    }
    segment
}

/// The name that `escape` made a segment of, or none if it did not.
pub fn unescape(segment: &str) -> Option<String> {
    if segment.contains('/') {
        return None;
    }
    let mut name = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some(at) = rest.find('%') {
        name.push_str(rest.get(..at)?);
        name.push(match rest.get(at..at + 3)? {
            "%25" => '%',
            "%2F" => '/',
            _ => return None,
        });
        rest = rest.get(at + 3..)?;
    }
    name.push_str(rest);
    Some(name)
}
