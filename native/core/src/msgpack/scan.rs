//! The pass that makes the tape: it checks all that can be wrong, as `walk` does for readers that
//! are in less of a hurry. Common headers are read here, whatever is rare by `read` and `walk`.

use super::pool::Short;
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

/// A container that is being read.
#[derive(Clone, Copy)]
pub(super) struct Frame {
    kind: Kind,
    /// Items that have not begun; of objects with a shape, entries.
    left: usize,
    /// Where its items begin among those of all open containers.
    items: usize,
    /// Where its float64 and its integers begin.
    numbers: (usize, usize),
    /// Where it must end, when an ext's payload says so.
    end: Option<usize>,
}

#[derive(Clone, Copy)]
enum Kind {
    /// The whole value's.
    Root,
    Array,
    /// An object whose keys are so far those of this shape; `next` is the key that comes.
    Guessed { place: u32, shape: u32, first: usize, next: usize },
    /// An object whose keys are among the strays, from here on.
    Stray { place: u32, first: usize },
    Map,
    Set,
    RegExp,
    Error,
}

/// Fills the tape; gives the word of the whole value.
pub(super) fn scan(tape: &mut Tape, input: &[u8]) -> Result<i32> {
    let mut scan = Scan { tape, input, at: 0, values: 0, frame: Frame::new(Kind::Root, 1) };
    loop {
        if scan.frame.left == 0 {
            let Some(frame) = scan.tape.frames.pop() else { break };
            scan.close(frame)?;
            continue;
        }
        scan.key()?;
        scan.frame.left -= 1;
        scan.value()?;
    }
    if scan.at != input.len() {
        return Err(corrupt(scan.at, "something behind the value"));
    }
    Ok(scan.tape.items.pop().unwrap_or_default())
}

impl Frame {
    fn new(kind: Kind, left: usize) -> Self {
        Frame { kind, left, items: 0, numbers: (0, 0), end: None }
    }
}

struct Scan<'t, 'a> {
    tape: &'t mut Tape,
    input: &'a [u8],
    at: usize,
    values: usize,
    /// The innermost container that is open.
    frame: Frame,
}

impl Scan<'_, '_> {
    #[inline]
    fn push(&mut self, tag: i32, number: usize) {
        self.tape.items.push(word(tag, number));
    }

    #[inline]
    fn chunk<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        self.input.get(at..).and_then(|rest| rest.first_chunk::<N>()).copied()
    }

    /// Reads one item. Whatever does not fit here is left to `other`, with all faults.
    #[inline]
    fn value(&mut self) -> Result<()> {
        let at = self.at;
        let Some(&first) = self.input.get(at) else { return self.other() };
        self.values += 1;
        let short = usize::from(first & 0x1f);
        match first {
            0x00..=0x7f => self.int_at(1, i64::from(first)),
            0xe0..=0xff => self.int_at(1, i64::from(first as i8)),
            0xa0..=0xbf if at + 1 + short <= self.input.len() => return self.text(at + 1, short),
            0x80..=0x8f => return self.open_object(1, usize::from(first & 0x0f)),
            0x90..=0x9f => return self.open_array(1, usize::from(first & 0x0f)),
            0xc0 => self.constant(fixed::NIL),
            0xc2 => self.constant(fixed::FALSE),
            0xc3 => self.constant(fixed::TRUE),
            0xcb => match self.chunk(at + 1) {
                Some(bits) => self.double_at(9, f64::from_be_bytes(bits)),
                None => return self.other(),
            },
            0xcc => match self.chunk(at + 1) {
                Some([value]) => self.int_at(2, i64::from(value)),
                None => return self.other(),
            },
            0xcd => match self.chunk(at + 1) {
                Some(bits) => self.int_at(3, i64::from(u16::from_be_bytes(bits))),
                None => return self.other(),
            },
            0xce => match self.chunk(at + 1) {
                Some(bits) => self.int_at(5, i64::from(u32::from_be_bytes(bits))),
                None => return self.other(),
            },
            0xd9 => match self.chunk(at + 1) {
                Some([len]) => return self.long_text(at + 2, usize::from(len)),
                None => return self.other(),
            },
            0xda => match self.chunk(at + 1) {
                Some(len) => return self.long_text(at + 3, usize::from(u16::from_be_bytes(len))),
                None => return self.other(),
            },
            _ => return self.other(),
        }
        Ok(())
    }

    #[inline]
    fn constant(&mut self, number: usize) {
        self.at += 1;
        self.push(tag::PLAIN, number);
    }

    #[inline]
    fn int_at(&mut self, size: usize, value: i64) {
        self.at += size;
        self.int(value);
    }

    #[inline]
    fn int(&mut self, value: i64) {
        if (-128..1_024).contains(&value) {
            self.push(tag::PLAIN, (fixed::ZERO as i64 + value) as usize);
        } else if let Ok(value) = i32::try_from(value) {
            self.push(tag::INT, self.tape.ints.len());
            self.tape.ints.push(value);
        } else if (-SAFE..=SAFE).contains(&value) {
            self.double(value as f64);
        } else {
            self.rare(&[rare::EXT, i32::from(ext::BIGINT)], Some(8));
        }
    }

    #[inline]
    fn double_at(&mut self, size: usize, value: f64) {
        self.at += size;
        self.double(value);
    }

    fn double(&mut self, value: f64) {
        self.push(tag::DOUBLE, self.tape.doubles.len());
        self.tape.doubles.push(value);
    }

    /// A rare value, with the `payload` bytes before here where it has some.
    fn rare(&mut self, words: &[i32], payload: Option<usize>) {
        self.push(tag::RARE, self.tape.rares);
        self.tape.rares += 1;
        self.tape.rare.extend_from_slice(words);
        self.tape.payloads.extend(payload.map(|size| (self.at - size, self.at)));
    }

    #[inline]
    fn long_text(&mut self, start: usize, len: usize) -> Result<()> {
        if start + len > self.input.len() {
            return self.other();
        }
        self.text(start, len)
    }

    /// Text whose bytes are there.
    fn text(&mut self, start: usize, len: usize) -> Result<()> {
        let end = start + len;
        self.at = end;
        if let Some(short) = Short::of(self.input, start, len) {
            if short.is_ascii() {
                let Tape { pool, ascii, .. } = &mut *self.tape;
                let number = pool.number(short, || ascii.add(start, end) as u32);
                self.push(tag::ASCII, number as usize);
                return Ok(());
            }
        }
        let bytes = self.input.get(start..end).unwrap_or_default();
        if bytes.is_ascii() {
            let number = self.tape.ascii.add(start, end);
            self.push(tag::ASCII, number);
            return Ok(());
        }
        let text = utf8(bytes, start)?;
        self.transcode(text);
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
    fn other(&mut self) -> Result<()> {
        let start = self.at;
        let mut reader = Reader::new(self.input);
        reader.skip(start);
        let item = reader.next()?;
        self.at = reader.at();
        match item {
            Item::Nil => self.push(tag::PLAIN, fixed::NIL),
            Item::Bool(value) => self.push(tag::PLAIN, fixed::FALSE + usize::from(value)),
            Item::Int(value) => self.int(value),
            Item::Uint(_) => self.rare(&[rare::EXT, i32::from(UNSIGNED)], Some(8)),
            Item::Float(value) => self.double(value),
            Item::Str(bytes) => return self.text(self.at - bytes.len(), bytes.len()),
            Item::Bin(bytes) => self.rare(&[rare::BYTES], Some(bytes.len())),
            Item::Array(count) => return self.open_array(0, count),
            Item::Map(count) => return self.open_object(0, count),
            Item::Ext(kind, payload) => match container_of(kind) {
                Some(container) => return self.enter(container, payload.len()),
                None => return self.scalar(extended(kind, payload, start)?),
            },
        }
        Ok(())
    }

    /// What an ext holds that holds no values.
    fn scalar(&mut self, scalar: Scalar<'_>) -> Result<()> {
        let mut ext = |kind: u8, size| self.rare(&[rare::EXT, i32::from(kind)], Some(size));
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
                    return Err(fault(Code::Unsupported, self.at, message));
                }
                self.date(time as f64);
            }
            Scalar::Unknown(kind, _) => {
                let message = format!(
                    "The state holds an extended value of type {kind}, which JavaScript has no \
                     value for. Read it in the language that saved it."
                );
                return Err(fault(Code::Unsupported, self.at, message));
            }
            _ => return Err(corrupt(self.at, "an ext that is none")),
        }
        Ok(())
    }

    fn date(&mut self, time: f64) {
        let bits = time.to_bits();
        self.rare(&[rare::DATE, bits as i32, (bits >> 32) as i32], None);
    }

    #[inline]
    fn open_array(&mut self, header: usize, count: usize) -> Result<()> {
        if count > self.input.len() - self.at {
            return self.other();
        }
        self.at += header;
        self.open(Frame::new(Kind::Array, count))
    }

    #[inline]
    fn open_object(&mut self, header: usize, count: usize) -> Result<()> {
        let at = self.at + header;
        if count.saturating_mul(2) > self.input.len() - at {
            return self.other();
        }
        self.at = at;
        let place = Shapes::place(self.input, at, count);
        let kind = match self.tape.shapes.predict(place, count) {
            Some((shape, first)) => Kind::Guessed { place, shape, first, next: first },
            None => Kind::Stray { place, first: self.tape.strays.len() },
        };
        self.open(Frame::new(kind, count))
    }

    /// Goes into an ext that holds values and ends here.
    fn enter(&mut self, container: Container, size: usize) -> Result<()> {
        let end = self.at;
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
        self.at = reader.at();
        self.open(Frame { end: Some(end), ..Frame::new(kind, left) })
    }

    #[inline]
    fn open(&mut self, frame: Frame) -> Result<()> {
        if self.tape.frames.len() >= MAX_DEPTH {
            let message = format!("The encoded state is nested more than {MAX_DEPTH} levels deep.");
            return Err(fault(Code::TooDeep, self.at, message));
        }
        if self.values > VALUES_MAX || frame.left > VALUES_MAX {
            let message = "The state holds too many values for JavaScript; restore it as bytes.";
            return Err(fault(Code::ValueTooLarge, self.at, message));
        }
        self.tape.frames.push(self.frame);
        let numbers = (self.tape.doubles.len(), self.tape.ints.len());
        self.frame = Frame { items: self.tape.items.len(), numbers, ..frame };
        Ok(())
    }

    /// The innermost container is whole: writes it, and goes on in `outer`.
    fn close(&mut self, outer: Frame) -> Result<()> {
        let frame = std::mem::replace(&mut self.frame, outer);
        if frame.end.is_some_and(|end| end != self.at) {
            return Err(corrupt(self.at, "the end of a value that its ext does not share"));
        }
        let tape = &mut *self.tape;
        let items = tape.items.get(frame.items..).unwrap_or_default();
        let plain = |number: i32| number << 3 | tag::PLAIN;
        let count = plain(items.len() as i32);
        match frame.kind {
            Kind::Guessed { shape, .. } => tape.containers.push(plain(shape as i32)),
            Kind::Stray { place, first } => {
                let shape = tape.shapes.number(tape.strays.get(first..).unwrap_or_default());
                tape.shapes.remember(place, shape);
                tape.strays.truncate(first);
                tape.containers.push(plain(shape as i32));
            }
            Kind::Array => {
                if let Some(first) = bulk(tape, &frame) {
                    let words = [build::NUMBERS, (tape.bulk.len() - first) as i32, first as i32];
                    tape.containers.extend(words.map(plain));
                    tape.items.truncate(frame.items);
                } else {
                    tape.containers.extend([plain(build::ARRAY), count]);
                }
            }
            Kind::Map => tape.containers.extend([plain(build::MAP), count]),
            Kind::Set => tape.containers.extend([plain(build::SET), count]),
            Kind::RegExp => tape.containers.push(plain(build::REGEXP)),
            Kind::Error | Kind::Root => tape.containers.push(plain(build::ERROR)),
        }
        tape.containers.extend(tape.items.drain(frame.items..));
        let number = tape.built;
        tape.built += 1;
        self.push(tag::BUILT, number);
        Ok(())
    }

    /// Reads the key before a value, where there is one.
    #[inline]
    fn key(&mut self) -> Result<()> {
        match self.frame.kind {
            Kind::Guessed { place, shape, first, next } => {
                if let Some(size) = self.tape.shapes.matches(next, self.input, self.at) {
                    self.at += size;
                    self.frame.kind = Kind::Guessed { place, shape, first, next: next + 1 };
                    return Ok(());
                }
                let strays = self.tape.strays.len();
                let known = self.tape.shapes.keys_of(shape).take(next - first);
                self.tape.strays.extend(known);
                self.frame.kind = Kind::Stray { place, first: strays };
                self.stray_key(strays)
            }
            Kind::Stray { first, .. } => self.stray_key(first),
            _ => Ok(()),
        }
    }

    fn stray_key(&mut self, first: usize) -> Result<()> {
        let mut reader = Reader::new(self.input);
        reader.skip(self.at);
        let start = self.at;
        let (is_text, checked) = match reader.next()? {
            Item::Str(bytes) => (true, Some((bytes, reader.at() - bytes.len()))),
            Item::Ext(ext::UTF16, payload) => (payload.len() % 2 == 0, None),
            _ => (false, None),
        };
        if !is_text {
            return self.mix(first);
        }
        let encoded = self.input.get(start..reader.at()).unwrap_or_default();
        let number = match self.tape.shapes.find_key(encoded) {
            Some(number) => number,
            None => {
                if let Some((bytes, at)) = checked {
                    utf8(bytes, at)?;
                }
                self.tape.shapes.add_key(encoded)
            }
        };
        self.tape.strays.push(number);
        self.at = reader.at();
        Ok(())
    }

    /// A key of an object is no text: it is a Map, whose keys are values like others.
    fn mix(&mut self, first: usize) -> Result<()> {
        let keys = self.tape.strays.split_off(first);
        let values = self.tape.items.split_off(self.frame.items);
        for (key, value) in keys.into_iter().zip(values) {
            self.rare(&[rare::KEY, key as i32], None);
            self.tape.items.push(value);
        }
        self.frame.kind = Kind::Map;
        self.frame.left = self.frame.left.saturating_mul(2);
        Ok(())
    }
}

/// Takes the items of an array of float64 out of the values and into the bulk, where it is one.
/// Gives where they begin there.
fn bulk(tape: &mut Tape, frame: &Frame) -> Option<usize> {
    let items = tape.items.get(frame.items..).filter(|items| items.len() >= NUMBERS_MIN)?;
    let (doubles, ints) = frame.numbers;
    if (tape.doubles.len() - doubles) * 2 < items.len() {
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
