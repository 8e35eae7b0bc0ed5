//! What a timeline says of its snapshots, and how they are named.

use super::meta::Meta;
use super::record::Id;
use super::reference;
use crate::error::{Code, Error, Result};

/// A snapshot, as far as it is known without its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its number in the timeline.
    pub sequence: u64,
    /// Proves its content and all of its history.
    pub id: Id,
    /// The id of the snapshot before; zeros for the first.
    pub parent: Id,
    /// What was said of it.
    pub meta: Meta,
    /// The length of the state in bytes.
    pub length: u64,
    /// How many bytes its record takes in the store.
    pub stored: u64,
    /// The tags that name it, in order.
    pub tags: Vec<String>,
}

/// Which snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// The newest.
    Latest,
    /// By number.
    Sequence(u64),
    /// By tag.
    Tag(String),
}

impl At {
    /// Which snapshot: `17`, `@17`, `latest`, `#tag` or `@tag:good`; nothing is the latest.
    pub fn parse(text: &str) -> Result<At> {
        if let Some(tag) = text.strip_prefix('#').or_else(|| text.strip_prefix("@tag:")) {
            return match reference::decode(tag)? {
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
}

fn no_snapshot(text: &str) -> Error {
    let message = format!("'{text}' names no snapshot; write @17, @latest or #tag.");
    Error::new(Code::InvalidRef, message)
}
