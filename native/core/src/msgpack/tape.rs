//! The tape: encoded bytes as a flat list of words, from which a runtime that is slow at looking at
//! bytes builds its values quickly.
//!
//! A token is one word: its tag in the low four bits, a signed payload above. Text is not in the
//! words: ASCII is named by its place in the input, other text was brought into the form that
//! JavaScript keeps (Latin-1, or UTF-16) and follows in order in two buffers of its own. The keys of
//! an object are named by one number, its shape.
//!
//! ```text
//! words    end of tokens | keys | shapes | mixed | tokens ... | tables ...
//! tables   keys: offset, length, kind      shapes: count, keys ...      mixed: shape, count
//! ```

use super::read::fault;
use super::tables::{hash, Kind, Shapes, Span, Texts};
use super::walk::{walk, Container, Opening, Scalar, Site, Text, Visitor};
use super::{ext, MAX_DEPTH};
use crate::error::{Code, Result};

/// The tags. `src/encode/decode.ts` has the same list.
mod tag {
    /// Payload: 0 nil, 1 false, 2 true, 3 undefined, 4 hole.
    pub(super) const CONST: i32 = 0;
    /// Payload: the number.
    pub(super) const INT: i32 = 1;
    /// ASCII text to be remembered; as `ASCII`.
    pub(super) const DEFINE: i32 = 2;
    /// Two words: the bits of a float64, low half first.
    pub(super) const DOUBLE: i32 = 3;
    /// Payload: the number of a remembered text.
    pub(super) const POOL: i32 = 4;
    /// Size, then the offset in the input.
    pub(super) const ASCII: i32 = 5;
    /// Size; the next characters of the Latin-1 buffer.
    pub(super) const LATIN: i32 = 6;
    /// Size; the next units of the UTF-16 buffer.
    pub(super) const WIDE: i32 = 7;
    /// Size; that many values follow.
    pub(super) const ARRAY: i32 = 8;
    /// Payload: a shape, whose values follow; or -1 - a mixed list.
    pub(super) const OBJECT: i32 = 9;
    /// Size, then the offset in the input.
    pub(super) const BYTES: i32 = 10;
    /// Two words, as `DOUBLE`: milliseconds, or NaN.
    pub(super) const DATE: i32 = 11;
    /// Payload: the ext type; two words: size and offset in the input.
    pub(super) const EXT: i32 = 12;
    /// Size; that many keys and values follow.
    pub(super) const MAP: i32 = 13;
    /// Size; that many values follow.
    pub(super) const SET: i32 = 14;
    /// Payload: the ext type; one value follows.
    pub(super) const INSIDE: i32 = 15;
}

/// An integer that JavaScript's numbers cannot hold, without a sign bit; else as a BigInt.
const UNSIGNED: u8 = 0x43;
/// Longer text is rarely met twice.
const POOLED_LEN: usize = 24;
const POOLED_TEXTS: usize = 4_096;
const PREDICTIONS: usize = 256;
const HEADER: usize = 4;
const SAFE: i64 = (1 << 53) - 1;
const LATEST_DATE: i64 = 8_640_000_000_000_000;
/// Buffers larger than this are given back when the next tape is small.
const KEPT_WORDS: usize = 1 << 20;

/// The words and texts of one value. Used again and again, it keeps its buffers.
pub struct Tape {
    words: Vec<i32>,
    latin: Vec<u8>,
    wide: Vec<u16>,
    pool: Texts,
    keys: Texts,
    shapes: Shapes,
    mixed: Vec<(u32, u32)>,
    /// For the count and the first bytes of an object: the shape that such an object had last.
    predictions: Vec<u32>,
    frames: Vec<Frame>,
    /// The keys of open objects that are not of the predicted shape.
    strays: Vec<u32>,
}

impl Default for Tape {
    fn default() -> Self {
        Self::new()
    }
}

/// An object whose keys are being met.
struct Frame {
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

impl Tape {
    /// A tape without content.
    pub fn new() -> Self {
        Tape {
            words: Vec::new(),
            latin: Vec::new(),
            wide: Vec::new(),
            pool: Texts::new(),
            keys: Texts::new(),
            shapes: Shapes::new(),
            mixed: Vec::new(),
            predictions: vec![u32::MAX; PREDICTIONS],
            frames: Vec::with_capacity(MAX_DEPTH.min(32)),
            strays: Vec::new(),
        }
    }

    /// Reads one whole value, and forgets the one before.
    pub fn read(&mut self, bytes: &[u8]) -> Result<()> {
        self.clear();
        if i32::try_from(bytes.len()).is_err() {
            let message = "The encoded state is larger than 2 GiB; restore it as bytes.";
            return Err(fault(Code::ValueTooLarge, 0, message));
        }
        self.words.resize(HEADER, 0);
        walk(bytes, &mut Writer { tape: self, input: bytes })?;
        self.append_tables();
        Ok(())
    }

    /// Header, tokens and tables.
    pub fn words(&self) -> &[i32] {
        &self.words
    }

    /// The text that is Latin-1 and not ASCII.
    pub fn latin(&self) -> &[u8] {
        &self.latin
    }

    /// The text that is neither.
    pub fn wide(&self) -> &[u16] {
        &self.wide
    }

    fn clear(&mut self) {
        self.words.clear();
        self.words.shrink_to(KEPT_WORDS);
        self.latin.clear();
        self.latin.shrink_to(KEPT_WORDS);
        self.wide.clear();
        self.wide.shrink_to(KEPT_WORDS);
        self.pool.clear();
        self.keys.clear();
        self.shapes.clear();
        self.mixed.clear();
        self.predictions.fill(u32::MAX);
        self.frames.clear();
        self.strays.clear();
    }

    fn append_tables(&mut self) {
        let sizes = [self.words.len(), self.keys.len(), self.shapes.len(), self.mixed.len()];
        for (slot, size) in self.words.iter_mut().zip(sizes) {
            *slot = size as i32;
        }
        for span in self.keys.spans() {
            self.words.extend([span.offset as i32, span.len as i32, span.kind as i32]);
        }
        for shape in 0..self.shapes.len() as u32 {
            let keys = self.shapes.keys(shape);
            self.words.push(keys.len() as i32);
            self.words.extend(keys.iter().map(|key| *key as i32));
        }
        for (shape, count) in &self.mixed {
            self.words.extend([*shape as i32, *count as i32]);
        }
    }

    fn token(&mut self, tag: i32, payload: i32) {
        self.words.push(payload << 4 | tag);
    }

    /// A size as payload, or, when it is too large for that, as a word after the payload -1.
    fn sized(&mut self, tag: i32, size: usize) {
        if size < 1 << 27 {
            self.token(tag, size as i32);
        } else {
            self.token(tag, -1);
            self.words.push(size as i32);
        }
    }

    fn double(&mut self, tag: i32, value: f64) {
        let bits = value.to_bits();
        self.token(tag, 0);
        self.words.extend([bits as i32, (bits >> 32) as i32]);
    }
}

struct Writer<'t, 'a> {
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
                    "The state holds an extended value of type {kind}, which JavaScript has no value \
                     for. Read it in the language that saved it."
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

impl Writer<'_, '_> {
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
            Scalar::Text(Text { text, is_ascii: true }) => (text.len(), Kind::Ascii),
            Scalar::Text(Text { text, is_ascii: false }) => (text.len(), Kind::Utf8),
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
        let len = text.text.len();
        if !text.is_ascii {
            return transcode(self.tape, text.text);
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

/// Appends text that is not ASCII in the form that JavaScript keeps it in.
fn transcode(tape: &mut Tape, text: &str) {
    // The first bytes of U+0080 to U+00FF are C2 and C3, and no later byte is above BF.
    if text.bytes().all(|byte| byte < 0xc4) {
        let before = tape.latin.len();
        tape.latin.extend(text.chars().map(|character| character as u32 as u8));
        let size = tape.latin.len() - before;
        tape.sized(tag::LATIN, size);
        return;
    }
    let before = tape.wide.len();
    let mut rest = text;
    while let Some(start) = rest.bytes().position(|byte| byte >= 0x80) {
        let (ascii, other) = rest.split_at(start);
        tape.wide.extend(ascii.bytes().map(u16::from));
        let end = other.bytes().position(|byte| byte < 0x80).unwrap_or(other.len());
        let (wide, after) = other.split_at(end);
        tape.wide.extend(wide.encode_utf16());
        rest = after;
    }
    tape.wide.extend(rest.bytes().map(u16::from));
    let size = tape.wide.len() - before;
    tape.sized(tag::WIDE, size);
}
