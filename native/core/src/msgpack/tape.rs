//! The tape: encoded bytes as a flat list of words, from which a runtime that is slow at looking at
//! bytes builds its values quickly.
//!
//! A token is one word: its tag in the low four bits, a signed payload above. Text is not in the
//! words: ASCII is named by its place in the input, other text was brought into the form that
//! JavaScript keeps (Latin-1, or UTF-16) and follows in order in two buffers of its own. The keys
//! of an object are named by one number, its shape.
//!
//! ```text
//! words    end of tokens | keys | shapes | mixed | tokens ... | tables ...
//! tables   keys: offset, length, kind      shapes: count, keys ...      mixed: shape, count
//! ```

use super::read::fault;
use super::tables::{Shapes, Texts};
use super::tokens::{Frame, Writer};
use super::walk::walk;
use crate::error::{Code, Result};

/// The tags. `src/encode/decode.ts` has the same list.
pub(super) mod tag {
    /// Payload: 0 nil, 1 false, 2 true, 3 undefined, 4 hole.
    pub(in super::super) const CONST: i32 = 0;
    /// Payload: the number.
    pub(in super::super) const INT: i32 = 1;
    /// ASCII text to be remembered; as `ASCII`.
    pub(in super::super) const DEFINE: i32 = 2;
    /// Two words: the bits of a float64, low half first.
    pub(in super::super) const DOUBLE: i32 = 3;
    /// Payload: the number of a remembered text.
    pub(in super::super) const POOL: i32 = 4;
    /// Size, then the offset in the input.
    pub(in super::super) const ASCII: i32 = 5;
    /// Size; the next characters of the Latin-1 buffer.
    pub(in super::super) const LATIN: i32 = 6;
    /// Size; the next units of the UTF-16 buffer.
    pub(in super::super) const WIDE: i32 = 7;
    /// Size; that many values follow.
    pub(in super::super) const ARRAY: i32 = 8;
    /// Payload: a shape, whose values follow; or -1 - a mixed list.
    pub(in super::super) const OBJECT: i32 = 9;
    /// Size, then the offset in the input.
    pub(in super::super) const BYTES: i32 = 10;
    /// Two words, as `DOUBLE`: milliseconds, or NaN.
    pub(in super::super) const DATE: i32 = 11;
    /// Payload: the ext type; two words: size and offset in the input.
    pub(in super::super) const EXT: i32 = 12;
    /// Size; that many keys and values follow.
    pub(in super::super) const MAP: i32 = 13;
    /// Size; that many values follow.
    pub(in super::super) const SET: i32 = 14;
    /// Payload: the ext type; one value follows.
    pub(in super::super) const INSIDE: i32 = 15;
}

pub(super) const PREDICTIONS: usize = 256;
const HEADER: usize = 4;
/// Buffers larger than this are given back when the next tape is small.
const KEPT_WORDS: usize = 1 << 22;

/// The words and texts of one value. Used again and again, it keeps its buffers.
pub struct Tape {
    pub(super) words: Vec<i32>,
    pub(super) latin: Vec<u8>,
    pub(super) wide: Vec<u16>,
    pub(super) pool: Texts,
    pub(super) keys: Texts,
    pub(super) shapes: Shapes,
    pub(super) mixed: Vec<(u32, u32)>,
    /// For the count and the first bytes of an object: the shape that such an object had last.
    pub(super) predictions: Vec<u32>,
    pub(super) frames: Vec<Frame>,
    /// The keys of open objects that are not of the predicted shape.
    pub(super) strays: Vec<u32>,
}

impl Default for Tape {
    fn default() -> Self {
        Self::new()
    }
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
            frames: Vec::new(),
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
        walk(bytes, &mut Writer::new(self, bytes))?;
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

    pub(super) fn token(&mut self, tag: i32, payload: i32) {
        self.words.push(payload << 4 | tag);
    }

    /// A size as payload, or, when it is too large for that, as a word after the payload -1.
    pub(super) fn sized(&mut self, tag: i32, size: usize) {
        if size < 1 << 27 {
            self.token(tag, size as i32);
        } else {
            self.token(tag, -1);
            self.words.push(size as i32);
        }
    }

    pub(super) fn double(&mut self, tag: i32, value: f64) {
        let bits = value.to_bits();
        self.token(tag, 0);
        self.words.extend([bits as i32, (bits >> 32) as i32]);
    }

    /// Appends text that is not ASCII in the form that JavaScript keeps it in.
    pub(super) fn transcode(&mut self, text: &str) {
        // The first bytes of U+0080 to U+00FF are C2 and C3, and no later byte is above BF.
        if text.bytes().all(|byte| byte < 0xc4) {
            let before = self.latin.len();
            self.latin.extend(text.chars().map(|character| character as u32 as u8));
            let size = self.latin.len() - before;
            self.sized(tag::LATIN, size);
            return;
        }
        let before = self.wide.len();
        let mut rest = text;
        while !rest.is_empty() {
            let (ascii, other) = rest.split_at(ascii_prefix(rest.as_bytes()));
            self.wide.extend(ascii.bytes().map(u16::from));
            let end = other.bytes().position(|byte| byte < 0x80).unwrap_or(other.len());
            let (wide, after) = other.split_at(end);
            self.wide.extend(wide.encode_utf16());
            rest = after;
        }
        let size = self.wide.len() - before;
        self.sized(tag::WIDE, size);
    }
}

/// How many bytes there are before the first that is not ASCII.
fn ascii_prefix(bytes: &[u8]) -> usize {
    let blocks = bytes.chunks(64).take_while(|block| block.is_ascii()).count();
    let start = (blocks * 64).min(bytes.len());
    let rest = bytes.get(start..).unwrap_or_default();
    start + rest.iter().position(|byte| *byte >= 0x80).unwrap_or(rest.len())
}
