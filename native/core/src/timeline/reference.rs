//! References: `agent/session`, and what follows it: `@17`, `@latest`, `#tag`, `@tag:good`.
//!
//! In them `/ @ # %` of a name are percent-encoded, so that any text can be named.

use super::{At, Name};
use crate::error::{fail, Code, Error, Result};
use crate::hex;

/// A timeline's name. What follows a name says which snapshot, and has no place here.
pub fn name(text: &str) -> Result<Name> {
    if text.contains(['@', '#']) {
        let message =
            format!("'{text}' names a snapshot; name a timeline only, as planner/run-42.");
        return fail(Code::InvalidRef, message);
    }
    match text.split('/').collect::<Vec<_>>().as_slice() {
        [agent, session] => Name::new(&decode(agent)?, &decode(session)?),
        _ => {
            let message = format!("'{text}' is no timeline; write agent/session, with / as %2F.");
            fail(Code::InvalidRef, message)
        }
    }
}

/// Which snapshot: `17`, `@17`, `latest`, `#tag` or `@tag:good`; nothing is the latest.
pub fn at(text: &str) -> Result<At> {
    if let Some(tag) = text.strip_prefix('#').or_else(|| text.strip_prefix("@tag:")) {
        return match decode(tag)? {
            empty if empty.is_empty() => Err(no_snapshot(text)),
            tag => Ok(At::Tag(tag)),
        };
    }
    match text.strip_prefix('@').unwrap_or(text) {
        "latest" => Ok(At::Latest),
        "" if text.is_empty() => Ok(At::Latest),
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().map(At::Sequence).map_err(|_| no_snapshot(text))
        }
        _ => Err(no_snapshot(text)),
    }
}

fn no_snapshot(text: &str) -> Error {
    let message = format!("'{text}' names no snapshot; write @17, @latest or #tag.");
    Error::new(Code::InvalidRef, message)
}

fn decode(text: &str) -> Result<String> {
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
pub fn write(name: &Name) -> String {
    format!("{}/{}", encode(name.agent()), encode(name.session()))
}

fn encode(text: &str) -> String {
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
