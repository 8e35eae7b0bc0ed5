//! Tokens: what a walk over encoded bytes tells, as the words of a tape.

use super::ext;
use super::read::fault;
use super::tables::{hash, Kind, Span};
use super::tape::{tag, Tape, PREDICTIONS};
use super::walk::{Container, Opening, Scalar, Site, Text, Visitor};
use crate::error::{Code, Result};

/// An integer that JavaScript's numbers cannot hold, without a sign bit; else as a BigInt.
const UNSIGNED: u8 = 0x43;
/// Longer text is rarely met twice.
const POOLED_LEN: usize = 24;
const POOLED_TEXTS: usize = 4_096;
const SAFE: i64 = (1 << 53) - 1;
const LATEST_DATE: i64 = 8_640_000_000_000_000;

/// An object whose keys are being met.
pub(super) struct Frame {
    /// Its token.
    word: usize,
    prediction: usize,
    guess: u32,
    keys: usize,
    count: usize,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// All keys so far were the guess's.
    Guessed,
    /// The keys are in `strays`, from here on.
    Stray(usize),
    /// A key was no text: from there on, keys are values. The number is of the mixed list.
    Mixed(usize),
    /// Not an object.
    Other,
}

/// Writes the tape of one input.
pub(super) struct Writer<'t, 'a> {
    tape: &'t mut Tape,
    input: &'a [u8],
}

impl Visitor for Writer<'_, '_> {
    fn scalar(&mut self, scalar: Scalar<'_>, site: Site) -> Result<()> {
        if site.is_key() && self.key(&scalar, site) {
            return Ok(());
        }
        match scalar {
            Scalar::Nil => self.tape.token(tag::CONST, 0),
            Scalar::Bool(value) => self.tape.token(tag::CONST, 1 + i32::from(value)),
            Scalar::Undefined => self.tape.token(tag::CONST, 3),
            Scalar::Hole => self.tape.token(tag::CONST, 4),
            Scalar::Int(value) => self.int(value, site),
            Scalar::Uint(_) => self.slice(UNSIGNED, 8, site.end),
            Scalar::Float(value) => self.tape.double(tag::DOUBLE, value),
            Scalar::Text(text) => self.text(text, site.end),
            Scalar::Bytes(bytes) => self.place(tag::BYTES, bytes.len(), site.end),
            Scalar::Date(seconds, nanoseconds) => self.date((seconds, nanoseconds), site)?,
            Scalar::InvalidDate => self.tape.double(tag::DATE, f64::NAN),
            Scalar::BigInt(payload) => self.slice(ext::BIGINT, payload.len(), site.end),
            Scalar::Typed(_, elements) => self.slice(ext::TYPED, elements.len() + 1, site.end),
            Scalar::Utf16(payload) => self.slice(ext::UTF16, payload.len(), site.end),
            Scalar::Unknown(kind, _) => {
                let message = format!(
                    "The state holds an extended value of type {kind}, which JavaScript has no \
                     value for. Read it in the language that saved it."
                );
                return Err(fault(Code::Unsupported, site.end, message));
            }
        }
        Ok(())
    }

    fn open(&mut self, container: Container, count: usize, at: Opening<'_>) -> Result<()> {
        if at.site.is_key() {
            self.mix();
        }
        let word = self.tape.words.len();
        match container {
            Container::Array => self.tape.sized(tag::ARRAY, count),
            Container::Map => self.tape.sized(tag::MAP, count),
            Container::Set => self.tape.sized(tag::SET, count),
            Container::RegExp => self.tape.token(tag::INSIDE, i32::from(ext::REGEXP)),
            Container::Error => self.tape.token(tag::INSIDE, i32::from(ext::ERROR)),
            Container::Object => {
                self.tape.token(tag::OBJECT, 0);
                self.predict(word, count, at.rest);
                return Ok(());
            }
        }
        let other = Frame { word, prediction: 0, guess: 0, keys: 0, count, state: State::Other };
        self.tape.frames.push(other);
        Ok(())
    }

    #[inline]
    fn expected_key(&mut self, rest: &[u8]) -> Option<usize> {
        let tape = &mut *self.tape;
        let frame = tape.frames.last_mut().filter(|frame| frame.state == State::Guessed)?;
        let key = tape.shapes.keys(frame.guess).get(frame.keys)?;
        let expected = tape.keys.short(*key, self.input)?;
        if !rest.starts_with(expected) {
            return None;
        }
        frame.keys += 1;
        Some(expected.len())
    }

    fn close(&mut self, _: Container) -> Result<()> {
        let Some(frame) = self.tape.frames.pop() else { return Ok(()) };
        let payload = match frame.state {
            State::Other => return Ok(()),
            State::Mixed(number) => -1 - number as i32,
            State::Guessed | State::Stray(_) => {
                let shape = self.shape(&frame);
                if let Some(slot) = self.tape.predictions.get_mut(frame.prediction) {
                    *slot = shape;
                }
                shape as i32
            }
        };
        if let Some(word) = self.tape.words.get_mut(frame.word) {
            *word = payload << 4 | tag::OBJECT;
        }
        Ok(())
    }
}

impl<'t, 'a> Writer<'t, 'a> {
    pub(super) fn new(tape: &'t mut Tape, input: &'a [u8]) -> Self {
        Writer { tape, input }
    }

    /// Guesses the shape of an object by its count and by the bytes of its first key.
    fn predict(&mut self, word: usize, count: usize, rest: &[u8]) {
        let first = rest.get(..rest.len().min(8)).unwrap_or_default();
        let prediction = (hash(first) as usize).wrapping_add(count) % PREDICTIONS;
        let guess = self.tape.predictions.get(prediction).copied().unwrap_or(u32::MAX);
        let fits = guess != u32::MAX && self.tape.shapes.keys(guess).len() == count;
        let state = if fits { State::Guessed } else { State::Stray(self.tape.strays.len()) };
        self.tape.frames.push(Frame { word, prediction, guess, keys: 0, count, state });
    }

    /// Takes a key of an object into its shape; false when it stays a value.
    fn key(&mut self, scalar: &Scalar<'_>, site: Site) -> bool {
        if site.parent != Some(Container::Object) {
            return false;
        }
        let (len, kind) = match scalar {
            Scalar::Text(Text { bytes, wide: None }) => (bytes.len(), Kind::Ascii),
            Scalar::Text(Text { bytes, wide: Some(_) }) => (bytes.len(), Kind::Utf8),
            Scalar::Utf16(payload) => (payload.len(), Kind::Utf16),
            _ => {
                self.mix();
                return false;
            }
        };
        let span = Span { offset: (site.end - len) as u32, len: len as u32, kind };
        let tape = &mut *self.tape;
        let Some(frame) = tape.frames.last_mut() else { return false };
        let index = frame.keys;
        frame.keys += 1;
        match frame.state {
            State::Mixed(_) | State::Other => return false,
            State::Stray(_) => {}
            State::Guessed => {
                let guessed = tape.shapes.keys(frame.guess);
                let is_guessed =
                    guessed.get(index).is_some_and(|key| tape.keys.is(*key, span, self.input));
                if is_guessed {
                    return true;
                }
                frame.state = State::Stray(tape.strays.len());
                tape.strays.extend(guessed.iter().take(index));
            }
        }
        let number = tape.keys.number(span, self.input);
        tape.strays.push(number);
        true
    }

    /// A key of the innermost container is no text: an object becomes a Map from here on.
    fn mix(&mut self) {
        let Some(mut frame) = self.tape.frames.pop() else { return };
        if matches!(frame.state, State::Guessed | State::Stray(_)) {
            let shape = self.shape(&frame);
            frame.state = State::Mixed(self.tape.mixed.len());
            self.tape.mixed.push((shape, frame.count as u32));
        }
        self.tape.frames.push(frame);
    }

    /// The shape of the keys met so far.
    fn shape(&mut self, frame: &Frame) -> u32 {
        let tape = &mut *self.tape;
        match frame.state {
            State::Stray(start) => {
                let shape = tape.shapes.number(tape.strays.get(start..).unwrap_or_default());
                tape.strays.truncate(start);
                shape
            }
            _ if frame.keys == tape.shapes.keys(frame.guess).len() => frame.guess,
            _ => {
                let keys: Vec<u32> =
                    tape.shapes.keys(frame.guess).iter().take(frame.keys).copied().collect();
                tape.shapes.number(&keys)
            }
        }
    }

    fn int(&mut self, value: i64, site: Site) {
        if (-(1 << 27)..1 << 27).contains(&value) {
            self.tape.token(tag::INT, value as i32);
        } else if (-SAFE..=SAFE).contains(&value) {
            self.tape.double(tag::DOUBLE, value as f64);
        } else {
            self.slice(ext::BIGINT, 8, site.end);
        }
    }

    fn text(&mut self, text: Text<'_>, end: usize) {
        let len = text.bytes.len();
        if let Some(wide) = text.wide {
            return self.tape.transcode(wide);
        }
        if len > POOLED_LEN {
            return self.place(tag::ASCII, len, end);
        }
        let span = Span { offset: (end - len) as u32, len: len as u32, kind: Kind::Ascii };
        if let Some(number) = self.tape.pool.find(span, self.input) {
            self.tape.token(tag::POOL, number as i32);
        } else if self.tape.pool.len() < POOLED_TEXTS {
            self.tape.pool.add(span, self.input);
            self.place(tag::DEFINE, len, end);
        } else {
            self.place(tag::ASCII, len, end);
        }
    }

    fn date(&mut self, (seconds, nanoseconds): (i64, u32), site: Site) -> Result<()> {
        let time = i128::from(seconds) * 1_000 + i128::from(nanoseconds / 1_000_000);
        if time.abs() > i128::from(LATEST_DATE) {
            let message = "The state holds a time that JavaScript's Date cannot hold. \
                           Read it in the language that saved it.";
            return Err(fault(Code::Unsupported, site.end, message));
        }
        self.tape.double(tag::DATE, time as f64);
        Ok(())
    }

    /// Bytes of the input that end at `end`.
    fn place(&mut self, tag: i32, len: usize, end: usize) {
        self.tape.sized(tag, len);
        self.tape.words.push((end - len) as i32);
    }

    fn slice(&mut self, kind: u8, len: usize, end: usize) {
        self.tape.token(tag::EXT, i32::from(kind));
        self.tape.words.extend([len as i32, (end - len) as i32]);
    }
}
