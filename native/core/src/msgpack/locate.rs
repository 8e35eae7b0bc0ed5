//! Finding a value inside encoded bytes by its path, without making values of the rest.

use std::ops::Range;

use super::ext;
use super::read::{Item, Reader};
use super::walk::named;
use crate::error::Result;

/// A value inside another: what it is called there, and its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Child {
    /// The key of an object or a Map; of an array or a Set the number.
    pub name: String,
    /// Where its bytes lie, without its key's.
    pub at: Range<usize>,
}

/// What kind of value begins somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An object or a Map.
    Object,
    /// An array or a Set.
    Array,
    /// Text.
    Text,
    /// Bytes, or an array of numbers.
    Bytes,
    /// Anything else.
    Other,
}

/// Where the value lies that the steps of a path lead to; none if there is nothing.
pub fn locate(bytes: &[u8], path: &[String]) -> Result<Option<Range<usize>>> {
    let mut at = 0..skip(bytes, 0)?;
    for step in path {
        let mut found = None;
        children(bytes, at.start, &mut |child| {
            let is = child.name == *step;
            if is {
                found = Some(child.at);
            }
            Ok(!is)
        })?;
        match found {
            Some(child) => at = child,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

/// Tells of the values inside the one that begins at `at`, until `tell` says that it is enough. A
/// value of a type of one's own has inside what its data has.
pub fn children(
    bytes: &[u8],
    at: usize,
    tell: &mut dyn FnMut(Child) -> Result<bool>,
) -> Result<Kind> {
    let mut reader = Reader::new(bytes);
    reader.skip(at);
    let item = loop {
        match reader.next()? {
            Item::Ext(ext::NAMED, payload) => {
                reader.enter(payload.len());
                let inside = reader.at();
                named(reader.next()?, inside)?;
            }
            Item::Ext(ext::MAP | ext::SET, payload) => {
                reader.enter(payload.len());
                break reader.next()?;
            }
            item => break item,
        }
    };
    let (count, keyed) = match item {
        Item::Map(count) => (count, true),
        Item::Array(count) => (count, false),
        Item::Str(_) | Item::Ext(ext::UTF16, _) => return Ok(Kind::Text),
        Item::Bin(_) | Item::Ext(ext::TYPED, _) => return Ok(Kind::Bytes),
        _ => return Ok(Kind::Other),
    };
    let mut next = reader.at();
    for index in 0..count {
        let name = match keyed {
            true => key(bytes, &mut next)?,
            false => index.to_string(),
        };
        let end = skip(bytes, next)?;
        if !tell(Child { name, at: next..end })? {
            break;
        }
        next = end;
    }
    Ok(if keyed { Kind::Object } else { Kind::Array })
}

/// A key, as it is written in a path; one that is no text is shown in angle brackets.
fn key(bytes: &[u8], next: &mut usize) -> Result<String> {
    let mut reader = Reader::new(bytes);
    reader.skip(*next);
    let item = reader.next()?;
    *next = skip(bytes, *next)?;
    Ok(match item {
        Item::Str(text) => String::from_utf8_lossy(text).into_owned(),
        Item::Int(number) => format!("<{number}>"),
        Item::Bool(flag) => format!("<{flag}>"),
        _ => "<key>".to_owned(),
    })
}

/// Where the value ends that begins at `at`.
fn skip(bytes: &[u8], at: usize) -> Result<usize> {
    let mut reader = Reader::new(bytes);
    reader.skip(at);
    let mut left = 1usize;
    while left > 0 {
        left -= 1;
        match reader.next()? {
            Item::Array(count) => left = left.saturating_add(count),
            Item::Map(count) => left = left.saturating_add(count.saturating_mul(2)),
            _ => {}
        }
    }
    Ok(reader.at())
}

#[cfg(test)]
#[path = "locate_tests.rs"]
mod tests;
