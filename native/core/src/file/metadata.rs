//! What a single file says of its state.

use std::ops::Range;

use super::json::{quote, unquote, Scanner};
use super::time;
use crate::error::{fail, Code, Result};

/// What a single file says of its state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The agent whose state it is.
    pub agent: Option<String>,
    /// The session that it belongs to.
    pub session: Option<String>,
    /// The number of the snapshot, for whoever counts.
    pub index: Option<u64>,
    /// When it was saved, in milliseconds since 1970.
    pub time: Option<u64>,
    /// A short name.
    pub label: Option<String>,
    /// A sentence.
    pub description: Option<String>,
    /// How the state became bytes: `json`, `msgpack`, `bytes` or one of the user's own.
    pub encoding: String,
    /// The length of the state in bytes. Set when the file is encoded.
    pub size: u64,
    /// `sha256:` and the hexadecimal digits. Set when the file is encoded.
    pub hash: String,
    /// The user's own metadata: the text of a JSON object.
    pub user: Option<String>,
}

impl Metadata {
    /// The JSON object. NOT_JSON if `user` is none.
    pub fn to_json(&self) -> Result<String> {
        let mut members = Vec::new();
        let mut text = |name: &str, value: Option<String>| {
            members.extend(value.map(|value| format!("\"{name}\":{value}")));
        };
        text("agent", self.agent.as_deref().map(quote));
        text("session", self.session.as_deref().map(quote));
        text("index", self.index.map(|index| index.to_string()));
        text("time", self.time.map(|moment| quote(&time::format(moment))));
        text("label", self.label.as_deref().map(quote));
        text("description", self.description.as_deref().map(quote));
        text("encoding", Some(quote(&self.encoding)));
        text("size", Some(self.size.to_string()));
        text("hash", Some(quote(&self.hash)));
        if let Some(user) = &self.user {
            check_object(user)?;
            text("metadata", Some(user.clone()));
        }
        Ok(format!("{{{}}}", members.join(",")))
    }

    /// The metadata that a JSON object says, or none if it says it wrongly. Members of other names
    /// are left to newer versions.
    pub fn from_json(json: &str) -> Option<Metadata> {
        let mut metadata = Metadata::default();
        let mut scanner = Scanner::new(json.as_bytes());
        scanner.open().ok()?;
        while let Some(member) = scanner.member().ok()? {
            metadata.take(&unquote(json.get(member.name)?)?, json.get(member.value)?)?;
        }
        scanner.end().ok()?;
        (!metadata.hash.is_empty()).then_some(metadata)
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "agent" => self.agent = Some(unquote(value)?),
            "session" => self.session = Some(unquote(value)?),
            "index" => self.index = Some(value.parse().ok()?),
            "time" => self.time = Some(time::parse(&unquote(value)?)?),
            "label" => self.label = Some(unquote(value)?),
            "description" => self.description = Some(unquote(value)?),
            "encoding" => self.encoding = unquote(value)?,
            "size" => self.size = value.parse().ok()?,
            "hash" => self.hash = unquote(value)?,
            "metadata" => self.user = Some(value.to_string()),
            _ => {}
        }
        Some(())
    }
}

fn check_object(text: &str) -> Result<()> {
    if !text.trim_start().starts_with('{') || whole_value(text).is_none() {
        let message = "The metadata of a file is not the text of a JSON object; pass one, or none.";
        return fail(Code::NotJson, message);
    }
    Ok(())
}

/// Where the one JSON value of a text is, or none if the text is anything else.
pub fn whole_value(text: &str) -> Option<Range<usize>> {
    let mut scanner = Scanner::new(text.as_bytes());
    let value = scanner.value().ok()?;
    scanner.end().ok().map(|()| value)
}
