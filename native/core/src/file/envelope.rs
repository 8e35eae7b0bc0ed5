//! The JSON form: `{"keepstate":1,"metadata":{...},"state":...}`.
//!
//! The hash is over exactly the text of the state, so that is found by its place, never by parsing
//! and printing it again.

use std::ops::Range;

use super::json::{Scanner, Wrong};
use super::metadata::{whole_value, Metadata};
use crate::error::{Code, Error, Result};

const VERSION: u64 = 1;

/// The text of a file. NOT_JSON if the state is no JSON text.
pub fn write(metadata: &Metadata, state: &str) -> Result<String> {
    let Some(state) = whole_value(state).and_then(|place| state.get(place)) else {
        let message = "The state is not one JSON value, or nested too deeply; save it as .ks.";
        return Err(Error::new(Code::NotJson, message));
    };
    let metadata = metadata.to_json()?;
    Ok(format!("{{\"keepstate\":{VERSION},\"metadata\":{metadata},\"state\":{state}}}\n"))
}

/// The metadata and the text of the state, which is not proven yet.
pub fn read(text: &[u8]) -> Result<(Metadata, &str)> {
    let mut members = Members::default();
    members.scan(text).map_err(|wrong| refused(text, wrong))?;
    let metadata = members.metadata(text)?;
    let state = members.state.and_then(|place| text.get(place));
    let state = state.and_then(|state| std::str::from_utf8(state).ok());
    match state {
        Some(state) => Ok((metadata, state)),
        None => Err(damaged("it holds no state, or one that is not UTF-8")),
    }
}

/// The metadata, if this beginning of a file holds it; none if more is needed.
pub fn read_beginning(text: &[u8]) -> Result<Option<Metadata>> {
    let mut members = Members::default();
    match members.scan(text) {
        Err(Wrong::Cut(_)) if !members.is_introduced() => Ok(None),
        Ok(()) | Err(Wrong::Cut(_)) => members.metadata(text).map(Some),
        Err(wrong) => Err(refused(text, wrong)),
    }
}

/// Where the members of the object are.
#[derive(Default)]
struct Members {
    keepstate: Option<Range<usize>>,
    metadata: Option<Range<usize>>,
    state: Option<Range<usize>>,
}

impl Members {
    /// Finds them. What was found before a fault stays.
    fn scan(&mut self, text: &[u8]) -> std::result::Result<(), Wrong> {
        let mut scanner = Scanner::new(text);
        scanner.open()?;
        while let Some(member) = scanner.member()? {
            let slot = match text.get(member.name.clone()) {
                Some(b"\"keepstate\"") => &mut self.keepstate,
                Some(b"\"metadata\"") => &mut self.metadata,
                Some(b"\"state\"") => &mut self.state,
                _ => continue,
            };
            // Which of two would count is up to each reader: that is no basis for a proof.
            if slot.replace(member.value).is_some() {
                return Err(Wrong::Bad(member.name.start));
            }
        }
        scanner.end()
    }

    fn is_introduced(&self) -> bool {
        self.keepstate.is_some() && self.metadata.is_some()
    }

    fn metadata(&self, text: &[u8]) -> Result<Metadata> {
        let part = |place: &Option<Range<usize>>| {
            place.clone().and_then(|place| std::str::from_utf8(text.get(place)?).ok())
        };
        let Some(version) = part(&self.keepstate) else {
            return Err(not_ours("It is JSON, but not a state that Keepstate saved"));
        };
        match version.parse::<u64>() {
            Ok(version) if version > VERSION => return Err(too_new(version)),
            Ok(VERSION) => {}
            _ => return Err(damaged("its format version is none")),
        }
        let metadata = part(&self.metadata).and_then(Metadata::from_json);
        metadata.ok_or_else(|| damaged("its metadata does not say what it should"))
    }
}

/// A file of a greater version.
pub fn too_new(version: u64) -> Error {
    let message = format!("It has format version {version}; read it with a newer Keepstate.");
    Error::new(Code::FormatTooNew, message)
}

/// A file that is not one of ours.
pub fn not_ours(how: &str) -> Error {
    Error::new(Code::NotOurs, format!("{how}; choose another file, or correct its name."))
}

/// A file that is damaged.
pub fn damaged(how: &str) -> Error {
    Error::new(Code::Corrupt, format!("It is damaged: {how}; restore it from a copy."))
}

fn refused(text: &[u8], wrong: Wrong) -> Error {
    let (at, how) = match wrong {
        Wrong::Cut(at) => (at, "ends too early"),
        Wrong::Bad(at) => (at, "is not as JSON must be"),
        Wrong::Deep(at) => (at, "is nested too deeply"),
    };
    let begins = Scanner::new(text).open();
    let error = match begins {
        Err(Wrong::Bad(_)) => not_ours("It is not the JSON object that its name promises"),
        _ => damaged(&format!("the text {how} at byte {at}")),
    };
    error.at(|place| place.offset = Some(at as u64))
}

/// The hexadecimal digits of a metadata's hash.
pub fn digits(hash: &str) -> Option<&str> {
    hash.strip_prefix("sha256:").filter(|digits| digits.len() == 64)
}
