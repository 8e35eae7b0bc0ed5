//! The pass that makes the tape: it checks all that can be wrong, as `walk` does for readers that
//! are in less of a hurry. Common headers are read here, the others in `rare`.

use super::frame::{begin, plain, Frame, Kind, OPEN};
use super::pool::Short;
use super::read::{corrupt, fault, Item, Reader};
use super::shapes::Shapes;
use super::tape::{fixed, rare, tag, word, Tape};
use super::text::{is_ascii, is_latin, to_latin, to_wide, utf8};
use super::{ext, MAX_DEPTH};
use crate::error::{Code, Result};

const SAFE: i64 = (1 << 53) - 1;
/// What a JavaScript engine can number.
const VALUES_MAX: usize = 1 << 26;

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

/// Methods that read take the place that they read from, and give the place behind.
pub(super) struct Scan<'t, 'a> {
    pub(super) tape: &'t mut Tape,
    pub(super) input: &'a [u8],
    /// The innermost container that is open.
    frame: Frame,
}

impl Scan<'_, '_> {
    #[inline(always)]
    pub(super) fn push(&mut self, tag: i32, number: usize) {
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
    pub(super) fn int(&mut self, value: i64, end: usize) {
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
    pub(super) fn double(&mut self, value: f64) {
        self.push(tag::DOUBLE, self.tape.doubles.len());
        self.tape.doubles.push(value);
    }

    /// A rare value; of its payload, where it has one, its end and its size.
    pub(super) fn rare(&mut self, words: &[i32], payload: Option<(usize, usize)>) {
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
    pub(super) fn long_text(&mut self, bytes: &[u8], start: usize) -> Result<()> {
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

    pub(super) fn begin_object(&mut self, at: usize, count: usize) -> Result<()> {
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

    #[inline]
    pub(super) fn open(&mut self, frame: Frame, at: usize) -> Result<()> {
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
