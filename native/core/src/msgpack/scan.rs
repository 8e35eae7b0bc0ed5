//! The pass that makes the tape: it checks all that can be wrong, as `walk` does for readers that
//! are in less of a hurry. Common headers are read here, whatever is rare by `read` and `walk`.

use super::pool::{Short, HIGH_BITS};
use super::read::{corrupt, fault, Item, Reader};
use super::shapes::Shapes;
use super::tape::{build, fixed, rare, tag, word, Part, Tape};
use super::transcode::{is_latin, to_latin, to_wide};
use super::walk::{container_of, extended, Container, Scalar};
use super::{ext, MAX_DEPTH};
use crate::error::{Code, Result};

/// An integer that JavaScript's numbers cannot hold, without a sign bit; else as a BigInt.
const UNSIGNED: u8 = 0x43;
const SAFE: i64 = (1 << 53) - 1;
const LATEST_DATE: i64 = 8_640_000_000_000_000;
/// What a JavaScript engine can number.
const VALUES_MAX: usize = 1 << 26;
/// From so many on, an array of float64 is handed over as such.
const NUMBERS_MIN: usize = 8;

/// A container that is being read. An input is less than 2 GiB, so 32 bits hold every place in it.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    kind: Kind,
    /// Items that have not begun; of objects with a shape, entries.
    left: u32,
    /// Where its items begin among those of all open containers.
    items: u32,
    /// Where its float64 and its integers begin.
    numbers: (u32, u32),
    /// Where it must end, when an ext's payload says so; else `OPEN`.
    end: u32,
    /// Of an object whose keys are so far those of a shape: which, and the key that comes. Of an
    /// object with other keys: nothing, and where they begin among the strays.
    shape: u32,
    key: u32,
    /// Of an object: where its shape is looked for.
    place: u32,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Guessed,
    Stray,
    Array,
    Map,
    Set,
    RegExp,
    Error,
    /// The whole value's.
    Root,
}

const OPEN: u32 = u32::MAX;

/// Fills the tape; gives the word of the whole value.
pub(super) fn scan(tape: &mut Tape, input: &[u8]) -> Result<i32> {
    let mut scan = Scan { tape, input, frame: Frame::new(Kind::Root, 1) };
    let mut at = 0;
    loop {
        if scan.frame.left == 0 {
            let Some(frame) = scan.tape.frames.pop() else { break };
            scan.close(frame, at)?;
            continue;
        }
        if matches!(scan.frame.kind, Kind::Guessed | Kind::Stray) {
            at = scan.key(at)?;
        }
        scan.frame.left -= 1;
        at = scan.value(at)?;
    }
    if at != input.len() {
        return Err(corrupt(at, "something behind the value"));
    }
    Ok(scan.tape.items.pop().unwrap_or_default())
}

impl Frame {
    fn new(kind: Kind, left: usize) -> Self {
        let (items, numbers, shape, key, place) = Default::default();
        Frame { kind, left: left as u32, items, numbers, end: OPEN, shape, key, place }
    }
}

/// Methods that read take the place that they read from, and give the place behind.
struct Scan<'t, 'a> {
    tape: &'t mut Tape,
    input: &'a [u8],
    /// The innermost container that is open.
    frame: Frame,
}

impl Scan<'_, '_> {
    #[inline(always)]
    fn push(&mut self, tag: i32, number: usize) {
        self.tape.items.push(word(tag, number));
    }

    #[inline(always)]
    fn bytes<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.input.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied()
    }

    /// Reads one item. Whatever does not fit here is left to `other`, with all faults.
    #[inline(always)]
    fn value(&mut self, at: usize) -> Result<usize> {
        let Some(&first) = self.input.get(at) else { return self.other(at) };
        match first {
            0x00..=0x7f => self.push(tag::PLAIN, fixed::ZERO + usize::from(first)),
            0xe0..=0xff => self.int(i64::from(first as i8), at + 1),
            0xa0..=0xbf => {
                return self.text((at, at + 1), usize::from(first & 0x1f));
            }
            0x80..=0x8f => return self.open_object(at, usize::from(first & 0x0f)),
            0x90..=0x9f => return self.open_array(at, usize::from(first & 0x0f)),
            0xc0 => self.push(tag::PLAIN, fixed::NIL),
            0xc2 => self.push(tag::PLAIN, fixed::FALSE),
            0xc3 => self.push(tag::PLAIN, fixed::TRUE),
            0xcb => match self.bytes(at + 1) {
                Some(bits) => {
                    self.double(f64::from_be_bytes(bits));
                    return Ok(at + 9);
                }
                None => return self.other(at),
            },
            0xcc => match self.bytes(at + 1) {
                Some([value]) => {
                    self.push(tag::PLAIN, fixed::ZERO + usize::from(value));
                    return Ok(at + 2);
                }
                None => return self.other(at),
            },
            0xcd => match self.bytes(at + 1) {
                Some(bits) => {
                    self.int(i64::from(u16::from_be_bytes(bits)), at + 3);
                    return Ok(at + 3);
                }
                None => return self.other(at),
            },
            0xd9 => match self.bytes(at + 1) {
                Some([len]) => return self.text((at, at + 2), usize::from(len)),
                None => return self.other(at),
            },
            0xda => match self.bytes(at + 1) {
                Some(len) => return self.text((at, at + 3), usize::from(u16::from_be_bytes(len))),
                None => return self.other(at),
            },
            _ => return self.other(at),
        }
        Ok(at + 1)
    }

    #[inline]
    fn int(&mut self, value: i64, end: usize) {
        if (-128..1_024).contains(&value) {
            self.push(tag::PLAIN, (fixed::ZERO as i64 + value) as usize);
        } else if let Ok(value) = i32::try_from(value) {
            self.push(tag::INT, self.tape.ints.len());
            self.tape.ints.push(value);
        } else if (-SAFE..=SAFE).contains(&value) {
            self.double(value as f64);
        } else {
            self.rare(&[rare::EXT, i32::from(ext::BIGINT)], Some((end, 8)));
        }
    }

    #[inline]
    fn double(&mut self, value: f64) {
        self.push(tag::DOUBLE, self.tape.doubles.len());
        self.tape.doubles.push(value);
    }

    /// A rare value; of its payload, where it has one, its end and its size.
    fn rare(&mut self, words: &[i32], payload: Option<(usize, usize)>) {
        self.push(tag::RARE, self.tape.rares);
        self.tape.rares += 1;
        self.tape.rare.extend_from_slice(words);
        self.tape.payloads.extend(payload.map(|(end, size)| (end - size, end)));
    }

    /// Text of this length, if it is there, whose header and content begin at these places.
    #[inline(always)]
    fn text(&mut self, (header, start): (usize, usize), len: usize) -> Result<usize> {
        let end = start + len;
        if let Some(short) = Short::of(self.input, start, len) {
            if short.is_ascii() {
                let Tape { pool, ascii, .. } = &mut *self.tape;
                let number = pool.number(short, || ascii.add(start, end) as u32);
                self.push(tag::ASCII, number as usize);
                return Ok(end);
            }
        }
        match self.input.get(start..end) {
            Some(bytes) => self.long_text(bytes, start)?,
            None => return self.other(header),
        }
        Ok(end)
    }

    #[inline(never)]
    fn long_text(&mut self, bytes: &[u8], start: usize) -> Result<()> {
        if is_ascii(bytes) {
            let number = self.tape.ascii.add(start, start + bytes.len());
            self.push(tag::ASCII, number);
        } else {
            self.transcode(utf8(bytes, start)?);
        }
        Ok(())
    }

    fn transcode(&mut self, text: &str) {
        if is_latin(text) {
            let (buffer, texts) = &mut self.tape.latin;
            let before = buffer.len();
            to_latin(text, buffer);
            let number = texts.add(before, buffer.len());
            self.push(tag::LATIN, number);
        } else {
            let (buffer, texts) = &mut self.tape.wide;
            let before = buffer.len();
            to_wide(text, buffer);
            let number = texts.add(before, buffer.len());
            self.push(tag::WIDE, number);
        }
    }

    /// An item that is rare, or not whole.
    #[cold]
    #[inline(never)]
    fn other(&mut self, at: usize) -> Result<usize> {
        let mut reader = Reader::new(self.input);
        reader.skip(at);
        let item = reader.next()?;
        let end = reader.at();
        match item {
            Item::Nil => self.push(tag::PLAIN, fixed::NIL),
            Item::Bool(value) => self.push(tag::PLAIN, fixed::FALSE + usize::from(value)),
            Item::Int(value) => self.int(value, end),
            Item::Uint(_) => self.rare(&[rare::EXT, i32::from(UNSIGNED)], Some((end, 8))),
            Item::Float(value) => self.double(value),
            Item::Str(bytes) => self.long_text(bytes, end - bytes.len())?,
            Item::Bin(bytes) => self.rare(&[rare::BYTES], Some((end, bytes.len()))),
            Item::Array(count) => self.open(Frame::new(Kind::Array, count), end)?,
            Item::Map(count) => self.begin_object(end, count)?,
            Item::Ext(kind, payload) => match container_of(kind) {
                Some(container) => return self.enter(container, (end, payload.len())),
                None => self.scalar(extended(kind, payload, at)?, end)?,
            },
        }
        Ok(end)
    }

    /// What an ext holds that holds no values, and where it ends.
    fn scalar(&mut self, scalar: Scalar<'_>, end: usize) -> Result<()> {
        let mut ext = |kind: u8, size| self.rare(&[rare::EXT, i32::from(kind)], Some((end, size)));
        match scalar {
            Scalar::BigInt(payload) => ext(ext::BIGINT, payload.len()),
            Scalar::Typed(_, elements) => ext(ext::TYPED, elements.len() + 1),
            Scalar::Utf16(payload) => ext(ext::UTF16, payload.len()),
            Scalar::Undefined => self.push(tag::PLAIN, fixed::UNDEFINED),
            Scalar::Hole => self.push(tag::PLAIN, fixed::HOLE),
            Scalar::InvalidDate => self.date(f64::NAN),
            Scalar::Date(seconds, nanoseconds) => {
                let time = i128::from(seconds) * 1_000 + i128::from(nanoseconds / 1_000_000);
                if time.abs() > i128::from(LATEST_DATE) {
                    let message = "The state holds a time that JavaScript's Date cannot hold. \
                                   Read it in the language that saved it.";
                    return Err(fault(Code::Unsupported, end, message));
                }
                self.date(time as f64);
            }
            Scalar::Unknown(kind, _) => {
                let message = format!(
                    "The state holds an extended value of type {kind}, which JavaScript has no \
                     value for. Read it in the language that saved it."
                );
                return Err(fault(Code::Unsupported, end, message));
            }
            _ => return Err(corrupt(end, "an ext that is none")),
        }
        Ok(())
    }

    fn date(&mut self, time: f64) {
        let bits = time.to_bits();
        self.rare(&[rare::DATE, bits as i32, (bits >> 32) as i32], None);
    }

    #[inline(always)]
    fn open_array(&mut self, at: usize, count: usize) -> Result<usize> {
        if count >= self.input.len() - at {
            return self.other(at);
        }
        self.open(Frame::new(Kind::Array, count), at + 1)?;
        Ok(at + 1)
    }

    #[inline(always)]
    fn open_object(&mut self, at: usize, count: usize) -> Result<usize> {
        if count * 2 >= self.input.len() - at {
            return self.other(at);
        }
        self.begin_object(at + 1, count)?;
        Ok(at + 1)
    }

    fn begin_object(&mut self, at: usize, count: usize) -> Result<()> {
        let place = Shapes::place(self.input, at, count);
        let frame = match self.tape.shapes.predict(place, count) {
            Some((shape, key)) => Frame { shape, key, ..Frame::new(Kind::Guessed, count) },
            None => {
                let key = self.tape.strays.len() as u32;
                Frame { key, ..Frame::new(Kind::Stray, count) }
            }
        };
        self.open(Frame { place, ..frame }, at)
    }

    /// Goes into an ext that holds values; of its payload, end and size.
    fn enter(&mut self, container: Container, (end, size): (usize, usize)) -> Result<usize> {
        let mut reader = Reader::new(self.input);
        reader.skip(end - size);
        let inside = reader.at();
        let (kind, left) = match container {
            Container::RegExp => (Kind::RegExp, 1),
            Container::Error => (Kind::Error, 1),
            _ => match (container, reader.next()?) {
                (Container::Map, Item::Map(count)) => (Kind::Map, count.saturating_mul(2)),
                (Container::Set, Item::Array(count)) => (Kind::Set, count),
                _ => return Err(corrupt(inside, "a Map or Set without its entries")),
            },
        };
        self.open(Frame { end: end as u32, ..Frame::new(kind, left) }, reader.at())?;
        Ok(reader.at())
    }

    #[inline]
    fn open(&mut self, frame: Frame, at: usize) -> Result<()> {
        let tape = &mut *self.tape;
        if tape.frames.len() >= MAX_DEPTH {
            let message = format!("The encoded state is nested more than {MAX_DEPTH} levels deep.");
            return Err(fault(Code::TooDeep, at, message));
        }
        if tape.items.len() + tape.containers.len() + frame.left as usize > VALUES_MAX {
            let message = "The state holds too many values for JavaScript; restore it as bytes.";
            return Err(fault(Code::ValueTooLarge, at, message));
        }
        tape.frames.push(self.frame);
        let numbers = (tape.doubles.len() as u32, tape.ints.len() as u32);
        self.frame = Frame { items: tape.items.len() as u32, numbers, ..frame };
        Ok(())
    }

    /// The innermost container is whole: writes it, and goes on in `outer`.
    #[inline]
    fn close(&mut self, outer: Frame, at: usize) -> Result<()> {
        let frame = std::mem::replace(&mut self.frame, outer);
        if frame.end != OPEN && frame.end as usize != at {
            return Err(corrupt(at, "the end of a value that its ext does not share"));
        }
        let tape = &mut *self.tape;
        let first = frame.items as usize;
        if frame.kind == Kind::Guessed {
            tape.containers.push(plain(frame.shape as usize));
        } else {
            begin(tape, &frame);
        }
        tape.containers.extend_from_slice(tape.items.get(first..).unwrap_or_default());
        tape.items.truncate(first);
        let number = tape.built;
        tape.built += 1;
        self.push(tag::BUILT, number);
        Ok(())
    }

    /// Reads the key before a value of an object.
    #[inline(always)]
    fn key(&mut self, at: usize) -> Result<usize> {
        if self.frame.kind == Kind::Guessed {
            let key = self.frame.key as usize;
            if let Some(size) = self.tape.shapes.matches(key, self.input, at) {
                self.frame.key += 1;
                return Ok(at + size);
            }
            self.stray();
        }
        self.stray_key(at)
    }

    /// The guess was wrong: the keys so far are strays.
    #[cold]
    fn stray(&mut self) {
        let tape = &mut *self.tape;
        let read = (tape.items.len() as u32 - self.frame.items) as usize;
        self.frame.kind = Kind::Stray;
        self.frame.key = tape.strays.len() as u32;
        tape.strays.extend(tape.shapes.keys_of(self.frame.shape).take(read));
    }

    fn stray_key(&mut self, at: usize) -> Result<usize> {
        let mut reader = Reader::new(self.input);
        reader.skip(at);
        let (is_text, unchecked) = match reader.next()? {
            Item::Str(bytes) => (true, Some((bytes, reader.at() - bytes.len()))),
            Item::Ext(ext::UTF16, payload) => (payload.len() % 2 == 0, None),
            _ => (false, None),
        };
        if !is_text {
            self.mix();
            return Ok(at);
        }
        let encoded = self.input.get(at..reader.at()).unwrap_or_default();
        let number = match self.tape.shapes.find_key(encoded) {
            Some(number) => number,
            None => {
                if let Some((bytes, start)) = unchecked {
                    utf8(bytes, start)?;
                }
                self.tape.shapes.add_key(encoded)
            }
        };
        self.tape.strays.push(number);
        Ok(reader.at())
    }

    /// A key of an object is no text: it is a Map, whose keys are values like others.
    fn mix(&mut self) {
        let keys = self.tape.strays.split_off(self.frame.key as usize);
        let values = self.tape.items.split_off(self.frame.items as usize);
        for (key, value) in keys.into_iter().zip(values) {
            self.rare(&[rare::KEY, key as i32], None);
            self.tape.items.push(value);
        }
        self.frame.kind = Kind::Map;
        self.frame.left = self.frame.left.saturating_mul(2);
    }
}

/// A word that numbers no value.
fn plain(number: usize) -> i32 {
    word(tag::PLAIN, number)
}

/// Writes how a container begins, unless it is an object of the shape that was guessed.
fn begin(tape: &mut Tape, frame: &Frame) {
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
        Kind::Error | Kind::Root => build::ERROR,
    };
    tape.containers.push(kind << 3 | tag::PLAIN);
    if !matches!(frame.kind, Kind::RegExp | Kind::Error) {
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

/// As the standard library's, which goes byte by byte behind the last whole block.
fn is_ascii(bytes: &[u8]) -> bool {
    let blocks = bytes.len() & !63;
    let Some(rest) = bytes.get(blocks..) else { return false };
    let mut seen = rest.last_chunk().map_or(0, |last| u64::from_le_bytes(*last));
    for word in rest.chunks_exact(8) {
        seen |= word.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    }
    if rest.len() < 8 {
        seen = if rest.is_ascii() { 0 } else { HIGH_BITS };
    }
    seen & HIGH_BITS == 0 && bytes.get(..blocks).is_some_and(|blocks| blocks.is_ascii())
}

/// Text that begins at `start`.
fn utf8(bytes: &[u8], start: usize) -> Result<&str> {
    std::str::from_utf8(bytes)
        .map_err(|error| corrupt(start + error.valid_up_to(), "text that is no UTF-8"))
}

/// The text of a key as it was encoded.
pub(super) fn key_text(encoded: &[u8]) -> Part<'_> {
    match Reader::new(encoded).next() {
        Ok(Item::Str(bytes)) => Part::Utf8(bytes),
        Ok(Item::Ext(_, payload)) => Part::WideBytes(payload),
        _ => Part::Utf8(&[]),
    }
}
