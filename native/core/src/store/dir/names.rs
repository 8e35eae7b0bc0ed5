//! Which file holds which key (FORMAT.md, "Plain folders").

use std::fmt::Write;

use crate::digest::crc32c;

/// The longest name of a folder or file before it is cut, in bytes.
const LONGEST: usize = 200;
/// What a file's name ends in when its part of the key has no dot.
const SUFFIX: &str = ".value";
/// An empty part.
const EMPTY: &str = "%-";
/// The end of a folder's name whose part goes on in the name below.
const CUT: &str = "%+";

/// Where a key's file is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The folders from the store's own down.
    pub folders: Vec<String>,
    /// The file in the last of them.
    pub name: String,
}

/// The one place of a key, in a store of so many shards.
pub fn place(key: &str, shards: u32) -> Place {
    let mut folders = Vec::new();
    if shards > 1 {
        folders.push(shard(crc32c(key.as_bytes()) % shards));
    }
    let (above, mut last) = match key.rsplit_once('/') {
        Some((above, last)) => (Some(above), last),
        None => (None, key),
    };
    for part in above.into_iter().flat_map(|above| above.split('/')) {
        push_folders(part, &mut folders);
    }
    loop {
        let name = file_name(last);
        if name.len() <= LONGEST {
            return Place { folders, name };
        }
        last = push_cut(last, &mut folders);
    }
}

/// The name of a shard's folder.
pub fn shard(number: u32) -> String {
    format!("{number:02}")
}

/// What a folder's name adds to the keys of all files in it, or none if it is none of ours.
pub fn folder_prefix(name: &str) -> Option<String> {
    if name == EMPTY {
        return Some("/".into());
    }
    match name.strip_suffix(CUT) {
        Some(piece) => unescape(piece),
        None => unescape(name).map(|part| part + "/"),
    }
}

/// What a file's name adds to its key, or none if it is none of ours. Different names may give the
/// same text; only `place` tells which of them counts.
pub fn file_part(name: &str) -> Option<String> {
    match name.strip_suffix(SUFFIX) {
        Some(EMPTY) => Some(String::new()),
        Some(stem) => unescape(stem),
        None => unescape(name),
    }
}

fn push_folders(mut part: &str, folders: &mut Vec<String>) {
    loop {
        let name = if part.is_empty() { EMPTY.into() } else { escape(part, Dots::Escaped) };
        if name.len() <= LONGEST {
            return folders.push(name);
        }
        part = push_cut(part, folders);
    }
}

/// Moves as many characters as one name holds into a folder of their own; what is left.
fn push_cut<'a>(part: &'a str, folders: &mut Vec<String>) -> &'a str {
    let mut piece = String::new();
    for (at, character) in part.char_indices() {
        let fits = piece.len();
        push_escaped(character, Dots::Escaped, &mut piece);
        if piece.len() > LONGEST {
            piece.truncate(fits);
            folders.push(piece + CUT);
            return part.get(at..).unwrap_or_default();
        }
    }
    folders.push(piece + CUT);
    ""
}

fn file_name(part: &str) -> String {
    if part.is_empty() {
        return format!("{EMPTY}{SUFFIX}");
    }
    let name = escape(part, Dots::Kept);
    if name.contains('.') && !name.ends_with(SUFFIX) {
        return name;
    }
    escape(part, Dots::Escaped) + SUFFIX
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dots {
    /// All but a leading one.
    Kept,
    Escaped,
}

/// The escaped part, or, where that is too long for a name, something that is too long too.
fn escape(part: &str, dots: Dots) -> String {
    let mut name = String::with_capacity(part.len());
    for character in part.chars() {
        push_escaped(character, dots, &mut name);
        if name.len() > LONGEST {
            break;
        }
    }
    name
}

fn push_escaped(character: char, dots: Dots, name: &mut String) {
    let plain = match character {
        '.' => dots == Dots::Kept && !name.is_empty(),
        ' ' => !name.is_empty(),
        _ => character.is_ascii_alphanumeric() || "_-+=,@:~()[]".contains(character),
    };
    if plain {
        return name.push(character);
    }
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        // Writing to a String cannot fail.
        let _ = write!(name, "%{byte:02X}");
    }
}

fn unescape(name: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        rest = behind;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = rest.get(..2).and_then(|digits| std::str::from_utf8(digits).ok())?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = rest.get(2..)?;
    }
    String::from_utf8(bytes).ok()
}
