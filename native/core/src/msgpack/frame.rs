//! Containers under way, and how they go onto the tape.

use super::tape::{build, fixed, tag, word, Tape};

/// From so many on, an array of float64 is handed over as such.
const NUMBERS_MIN: usize = 8;

/// A container that is being read. An input is less than 2 GiB, so 32 bits hold every place in it.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) kind: Kind,
    /// Items that have not begun; of objects with a shape, entries.
    pub(super) left: u32,
    /// Where its items begin among those of all open containers.
    pub(super) items: u32,
    /// Where its float64 and its integers begin.
    pub(super) numbers: (u32, u32),
    /// Where it must end, when an ext's payload says so; else `OPEN`.
    pub(super) end: u32,
    /// Of an object whose keys are so far those of a shape: which, and the key that comes. Of an
    /// object with other keys: nothing, and where they begin among the strays.
    pub(super) shape: u32,
    pub(super) key: u32,
    /// Of an object: where its shape is looked for.
    pub(super) place: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Guessed,
    Stray,
    Array,
    Map,
    Set,
    RegExp,
    Error,
    Named,
    /// The whole value's.
    Root,
}

/// No end is given.
pub(super) const OPEN: u32 = u32::MAX;

impl Frame {
    /// Its items are behind all others.
    pub(super) fn new(kind: Kind, left: usize) -> Self {
        let (items, numbers, shape, key, place) = Default::default();
        Frame { kind, left: left as u32, items, numbers, end: OPEN, shape, key, place }
    }
}

/// A word that numbers no value.
pub(super) fn plain(number: usize) -> i32 {
    word(tag::PLAIN, number)
}

/// Writes how a container begins, unless it is an object of the shape that was guessed.
pub(super) fn begin(tape: &mut Tape, frame: &Frame) {
    let items = frame.items as usize;
    let count = plain(tape.items.len() - items);
    let kind = match frame.kind {
        Kind::Guessed | Kind::Stray => {
            let first = frame.key as usize;
            let shape = tape.shapes.number(tape.strays.get(first..).unwrap_or_default());
            tape.shapes.remember(frame.place, shape);
            tape.strays.truncate(first);
            return tape.containers.push(plain(shape as usize));
        }
        Kind::Array => match bulk(tape, frame) {
            Some(first) => {
                let words = [plain(tape.bulk.len() - first), plain(first)];
                tape.containers.push(build::NUMBERS << 3 | tag::PLAIN);
                tape.containers.extend(words);
                return tape.items.truncate(items);
            }
            None => build::ARRAY,
        },
        Kind::Map => build::MAP,
        Kind::Set => build::SET,
        Kind::RegExp => build::REGEXP,
        Kind::Named => build::NAMED,
        Kind::Error | Kind::Root => build::ERROR,
    };
    tape.containers.push(kind << 3 | tag::PLAIN);
    if !matches!(frame.kind, Kind::RegExp | Kind::Error | Kind::Named) {
        tape.containers.push(count);
    }
}

/// Takes the items of an array of float64 out of the values and into the bulk, where it is one.
/// Gives where they begin there.
fn bulk(tape: &mut Tape, frame: &Frame) -> Option<usize> {
    let items = tape.items.get(frame.items as usize..)?;
    let (doubles, ints) = (frame.numbers.0 as usize, frame.numbers.1 as usize);
    if items.len() < NUMBERS_MIN || (tape.doubles.len() - doubles) * 2 < items.len() {
        return None;
    }
    let first = tape.bulk.len();
    for item in items {
        let number = (item >> 3) as usize;
        let value = match item & 7 {
            tag::DOUBLE => tape.doubles.get(number).copied(),
            tag::INT => tape.ints.get(number).map(|int| f64::from(*int)),
            tag::PLAIN => number.checked_sub(fixed::HOLE + 1).map(|_| small(number)),
            _ => None,
        };
        match value {
            Some(value) => tape.bulk.push(value),
            None => {
                tape.bulk.truncate(first);
                return None;
            }
        }
    }
    tape.doubles.truncate(doubles);
    tape.ints.truncate(ints);
    Some(first)
}

fn small(number: usize) -> f64 {
    number as f64 - fixed::ZERO as f64
}
