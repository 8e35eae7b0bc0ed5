//! What a control object says, read by FORMAT.md 9 and not by the code under test.

use std::collections::BTreeMap;

/// A control object.
pub struct Control {
    /// Nothing below exists.
    pub floor: u64,
    /// From here on snapshots have values of their own.
    pub loose: u64,
    /// Of what the timeline is a fork.
    pub origin: Option<Origin>,
    /// All sections by tag, as they are.
    pub sections: BTreeMap<u8, Vec<u8>>,
}

/// Of what a timeline is a fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The first sequence of its own.
    pub first: u64,
    /// In whose keys its history lies, and up to where.
    pub parts: Vec<(String, u64)>,
}

impl Origin {
    fn read(section: &[u8]) -> Origin {
        // Its id, then numbers.
        let mut rest = &section[32..];
        let (first, _base) = (varint(&mut rest), varint(&mut rest));
        let mut parts = Vec::new();
        while !rest.is_empty() {
            let length = varint(&mut rest) as usize;
            let name = String::from_utf8(rest[..length].to_vec()).unwrap();
            rest = &rest[length..];
            let (_first, last, _base) = (varint(&mut rest), varint(&mut rest), varint(&mut rest));
            parts.push((name, last));
        }
        Origin { first, parts }
    }
}

impl Default for Control {
    fn default() -> Self {
        Control { floor: 1, loose: 1, origin: None, sections: BTreeMap::new() }
    }
}

impl Control {
    pub fn read(value: &[u8]) -> Control {
        assert_eq!(&value[..2], b"KC", "a control object begins with its magic");
        let mut rest = &value[4..value.len() - 4];
        let mut control = Control::default();
        while let Some((&tag, behind)) = rest.split_first() {
            rest = behind;
            let length = varint(&mut rest) as usize;
            control.sections.insert(tag, rest[..length].to_vec());
            rest = &rest[length..];
        }
        if let Some(floor) = control.sections.get(&2) {
            control.floor = varint(&mut &floor[..]);
        }
        control.origin = control.sections.get(&7).map(|origin| Origin::read(origin));
        if let Some(loose) = control.sections.get(&9) {
            control.loose = varint(&mut &loose[..]);
        }
        control
    }
}

/// What a control object says, in a few words.
pub fn words(value: &[u8]) -> String {
    let Control { floor, loose, sections, .. } = Control::read(value);
    let mut words = format!("floor {floor}, loose {loose}");
    if let Some(packs) = sections.get(&8) {
        let (mut rest, mut before) = (&packs[..], String::new());
        while !rest.is_empty() {
            let (first, more) = (varint(&mut rest), varint(&mut rest));
            (0..4).for_each(|_| _ = varint(&mut rest));
            rest = &rest[8..];
            before += &format!(" {first}-{}", first + more);
        }
        words += &format!(", packs{before}");
    }
    if let Some(pins) = sections.get(&5) {
        let mut rest = &pins[..];
        while !rest.is_empty() {
            let name = varint(&mut rest) as usize;
            rest = &rest[name..];
            words += &format!(", pin {}-{}", varint(&mut rest), varint(&mut rest));
            varint(&mut rest);
        }
    }
    if let Some(origin) = sections.get(&7) {
        words += &format!(", own from {}", varint(&mut &origin[32..]));
    }
    if let Some(cuts) = sections.get(&11) {
        words += &format!(", cuts {}", varint(&mut &cuts[..]));
    }
    words
}

pub fn varint(rest: &mut &[u8]) -> u64 {
    let (mut number, mut shift) = (0, 0);
    loop {
        let byte = rest[0];
        *rest = &rest[1..];
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return number;
        }
        shift += 7;
    }
}
