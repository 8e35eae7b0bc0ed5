//! What a timeline is called, and its keys.

use std::fmt;

use super::parts::Chunk;
use super::reference;
use crate::error::{fail, Code, Error, Result};
use crate::hex;
use crate::store::{key, KEY_MAX};

/// The longest sequence number in a key; twelve digits keep the order of keys that of numbers.
const SEQUENCE_DIGITS: usize = 12;
/// The longest last part of a key: that of a chunk.
const LAST_MAX: usize = "c-".len() + 64 + 16;

/// `agent/session`. Any non-empty text is allowed in both.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name {
    agent: String,
    session: String,
    prefix: String,
}

impl Name {
    /// A name, if its keys fit.
    pub fn new(agent: &str, session: &str) -> Result<Name> {
        if agent.is_empty() || session.is_empty() {
            let message = "A timeline needs a non-empty agent and session, as in planner/run-42.";
            return fail(Code::InvalidRef, message);
        }
        let prefix = format!("t/{}/{}/", key::escape(agent), key::escape(session));
        if prefix.len() + LAST_MAX > KEY_MAX {
            let message = format!("A timeline's name takes {} bytes; shorten it.", prefix.len());
            return Err(Error::new(Code::KeyTooLong, message).key(prefix));
        }
        Ok(Name { agent: agent.into(), session: session.into(), prefix })
    }

    /// A timeline's name. What follows a name says which snapshot, and has no place here.
    pub fn parse(text: &str) -> Result<Name> {
        if text.contains(['@', '#']) {
            let message =
                format!("'{text}' names a snapshot; name a timeline only, as planner/run-42.");
            return fail(Code::InvalidRef, message);
        }
        match text.split('/').collect::<Vec<_>>().as_slice() {
            [agent, session] => Name::new(&reference::decode(agent)?, &reference::decode(session)?),
            _ => {
                let message =
                    format!("'{text}' is no timeline; write agent/session, with / as %2F.");
                fail(Code::InvalidRef, message)
            }
        }
    }

    /// The name whose key this is, with the sequence if it is one of a value.
    pub fn of_key(key: &str) -> Option<(Name, Option<u64>)> {
        let mut parts = key.strip_prefix("t/")?.splitn(3, '/');
        let agent = key::unescape(parts.next()?)?;
        let session = key::unescape(parts.next()?)?;
        let last = parts.next()?;
        let name = Name::new(&agent, &session).ok()?;
        let digits = last.len() == SEQUENCE_DIGITS && last.bytes().all(|b| b.is_ascii_digit());
        Some((name, if digits { last.parse().ok() } else { None }))
    }

    /// The agent.
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// The session.
    pub fn session(&self) -> &str {
        &self.session
    }

    /// What all its keys begin with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// The key of a value.
    pub fn key(&self, sequence: u64) -> String {
        format!("{}{sequence:012}", self.prefix)
    }

    /// The key of the pack that begins there and has this nonce.
    pub fn pack_key(&self, first: u64, nonce: &[u8; 8]) -> String {
        format!("{}p{first:012}-{}", self.prefix, hex::encode(nonce))
    }

    /// What the keys of its chunks begin with.
    pub fn chunks(&self) -> String {
        format!("{}c", self.prefix)
    }

    /// The key of a chunk's bytes.
    pub fn chunk(&self, chunk: &Chunk) -> String {
        match chunk.nonce == [0; 8] {
            true => format!("chunk/{}", hex::encode(&chunk.hash)),
            false => format!("{}-{}", self.mark(chunk), hex::encode(&chunk.nonce)),
        }
    }

    /// The key that says that it holds a chunk.
    pub fn mark(&self, chunk: &Chunk) -> String {
        format!("{}{}", self.chunks(), hex::encode(&chunk.hash))
    }

    /// The key of a list of its chunks that are to be removed.
    pub fn condemned(&self, nonce: &[u8; 8]) -> String {
        format!("{}x{}", self.prefix, hex::encode(nonce))
    }

    /// The key of the control object.
    pub fn control(&self) -> String {
        format!("{}control", self.prefix)
    }

    /// A key behind all of this timeline's and before those of the next.
    pub fn behind(&self) -> String {
        format!("{}\u{10ffff}", self.prefix)
    }

    /// Adds this timeline and a sequence to an error.
    pub fn place(&self, error: Error, sequence: u64) -> Error {
        error.at(|place| {
            place.timeline.get_or_insert_with(|| self.to_string());
            place.key.get_or_insert_with(|| self.key(sequence));
        })
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", reference::encode(&self.agent), reference::encode(&self.session))
    }
}
