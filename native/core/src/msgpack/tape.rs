//! The tape: encoded bytes as a flat list of words, from which a runtime that is slow at looking at
//! bytes builds its values quickly.
//!
//! Values are numbered, and a container is a list of the numbers of what is inside, which all come
//! before it: so they can be built in one loop without nesting and without a look at what they are.
//! The numbers go up in this order: constants and small integers, which are always there; float64;
//! integers; texts; what is rare; containers. The keys of an object are named by one number, its
//! shape, which stays the same from one tape to the next.
//!
//! Texts are not in the words but cut from long strings, which are handed over beside them, as are
//! bytes and the keys that are new.
//!
//! ```text
//! header   number of the whole value | counts: float64, bulk float64, integers, chunks, new keys,
//!          new shapes, rare values, words of containers | 1 if the shapes are forgotten after this
//! tables   float64 ... | bulk float64 ... | integers ... | texts of each chunk ...
//!          places of texts: start, end ... | new shapes: count, keys ... | rare values ...
//!          containers ...
//! rare     0, float64 (a Date) | 1 (bytes) | 2, ext type | 3, key
//! object   shape, values ...
//! others   -1 array | -2 Map | -3 Set: count, values ...      -4 array of bulk: count, first
//!          -5 RegExp | -6 Error: value                        -7 named: name, value
//! ```

use super::chunks::{Chunk, Chunks};
use super::frame::Frame;
use super::pool::Pool;
use super::read::fault;
use super::scan::scan;
use super::shapes::Shapes;
use crate::error::{Code, Result};

/// The tags of words until all counts are known: the kind of value that a number is counted in.
pub(super) mod tag {
    /// A number that counts from 0 on: constants, and words that number no value.
    pub(in super::super) const PLAIN: i32 = 0;
    pub(in super::super) const DOUBLE: i32 = 1;
    pub(in super::super) const INT: i32 = 2;
    pub(in super::super) const ASCII: i32 = 3;
    pub(in super::super) const LATIN: i32 = 4;
    pub(in super::super) const WIDE: i32 = 5;
    pub(in super::super) const RARE: i32 = 6;
    pub(in super::super) const BUILT: i32 = 7;
}

/// The values that are always there. `src/encode/tape.ts` has the same list.
pub(super) mod fixed {
    pub(in super::super) const NIL: usize = 0;
    pub(in super::super) const FALSE: usize = 1;
    pub(in super::super) const TRUE: usize = 2;
    pub(in super::super) const UNDEFINED: usize = 3;
    pub(in super::super) const HOLE: usize = 4;
    /// The integer 0; those from -128 to 1023 are beside it.
    pub(in super::super) const ZERO: usize = 136;
    pub(in super::super) const COUNT: usize = ZERO + 1_024;
}

/// What builds the containers.
pub(super) mod build {
    pub(in super::super) const ARRAY: i32 = -1;
    pub(in super::super) const MAP: i32 = -2;
    pub(in super::super) const SET: i32 = -3;
    pub(in super::super) const NUMBERS: i32 = -4;
    pub(in super::super) const REGEXP: i32 = -5;
    pub(in super::super) const ERROR: i32 = -6;
    pub(in super::super) const NAMED: i32 = -7;
}

/// What is rare.
pub(super) mod rare {
    pub(in super::super) const DATE: i32 = 0;
    pub(in super::super) const BYTES: i32 = 1;
    pub(in super::super) const EXT: i32 = 2;
    pub(in super::super) const KEY: i32 = 3;
}

const HEADER: usize = 10;
/// Buffers larger than this are given back when the next tape is small.
const KEPT_WORDS: usize = 1 << 22;

/// A value's number and what kind it is counted in, as it stands on a tape under way.
#[inline]
pub(super) fn word(tag: i32, number: usize) -> i32 {
    (number as i32) << 3 | tag
}

/// Something that is handed over beside the words, in order: the chunks, the new keys, the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// A string, as Latin-1.
    Latin(&'a [u8]),
    /// A string, as UTF-16.
    Wide(&'a [u16]),
    /// A string, as little-endian UTF-16 that need not be aligned.
    WideBytes(&'a [u8]),
    /// A string, as UTF-8.
    Utf8(&'a [u8]),
    /// Bytes.
    Bytes(&'a [u8]),
}

/// The words and texts of one value. Used again and again, it keeps its buffers.
pub struct Tape {
    pub(super) containers: Vec<i32>,
    pub(super) doubles: Vec<f64>,
    pub(super) bulk: Vec<f64>,
    pub(super) ints: Vec<i32>,
    pub(super) ascii: Chunks,
    pub(super) latin: (Vec<u8>, Chunks),
    pub(super) wide: (Vec<u16>, Chunks),
    pub(super) rare: Vec<i32>,
    pub(super) rares: usize,
    /// Where the bytes of rare values lie in the input.
    pub(super) payloads: Vec<(usize, usize)>,
    pub(super) built: usize,
    pub(super) pool: Pool,
    pub(super) shapes: Shapes,
    /// The items of the containers that are open.
    pub(super) items: Vec<i32>,
    pub(super) frames: Vec<Frame>,
    /// The keys of open objects that are not of the predicted shape.
    pub(super) strays: Vec<u32>,
    shape_words: usize,
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
            containers: Vec::new(),
            doubles: Vec::new(),
            bulk: Vec::new(),
            ints: Vec::new(),
            ascii: Chunks::default(),
            latin: Default::default(),
            wide: Default::default(),
            rare: Vec::new(),
            rares: 0,
            payloads: Vec::new(),
            built: 0,
            pool: Pool::new(),
            shapes: Shapes::new(),
            items: Vec::new(),
            frames: Vec::new(),
            strays: Vec::new(),
            shape_words: 0,
        }
    }

    /// Reads one whole value, and forgets the one before.
    pub fn read(&mut self, bytes: &[u8]) -> Result<()> {
        self.clear();
        if i32::try_from(bytes.len()).is_err() {
            let message = "The encoded state is larger than 2 GiB; restore it as bytes.";
            return Err(fault(Code::ValueTooLarge, 0, message));
        }
        let value = scan(self, bytes)?;
        self.items.push(value);
        self.shape_words = self.shapes.new_shapes().map(|keys| keys.len() + 1).sum();
        Ok(())
    }

    /// How many words `write` writes.
    pub fn len(&self) -> usize {
        let texts = self.families().map(|texts| texts.chunks.len() + 2 * texts.places.len());
        HEADER
            + 2 * (self.doubles.len() + self.bulk.len())
            + self.ints.len()
            + texts.iter().sum::<usize>()
            + self.rare.len()
            + self.shape_words
            + self.containers.len()
    }

    /// Whether there is nothing: never after a read.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Writes the words, when what they name is about to be handed over; none are written where
    /// `out` is too short. The reader then knows the shapes.
    pub fn write(&mut self, out: &mut [i32]) -> bool {
        if out.len() < self.len() {
            return false;
        }
        let bases = self.bases();
        let shapes: Vec<Vec<u32>> = self.shapes.new_shapes().collect();
        let families = self.families();
        let chunks = families.map(|texts| texts.chunks.len()).iter().sum();
        let sizes = [
            self.doubles.len(),
            self.bulk.len(),
            self.ints.len(),
            chunks,
            self.shapes.new_keys().len(),
            shapes.len(),
            self.rares,
            self.containers.len(),
            usize::from(self.shapes.are_many()),
        ];
        let value = self.items.first().map_or(0, |item| numbered(*item, &bases));
        let mut out = Out { words: out.iter_mut() };
        out.all([value]);
        out.all(sizes.map(|size| size as i32));
        for double in self.doubles.iter().chain(&self.bulk) {
            out.all([double.to_bits() as i32, (double.to_bits() >> 32) as i32]);
        }
        out.all(self.ints.iter().copied());
        for texts in families {
            out.all(texts.chunks.iter().map(|chunk| chunk.texts as i32));
        }
        for texts in families {
            texts.places.iter().for_each(|place| out.all(*place));
        }
        for keys in shapes {
            out.all([keys.len() as i32]);
            out.all(keys.iter().map(|key| *key as i32));
        }
        out.all(self.rare.iter().copied());
        out.all(self.containers.iter().map(|word| numbered(*word, &bases)));
        true
    }

    /// What is handed over beside the words of `input`.
    pub fn parts<'a>(&'a self, input: &'a [u8]) -> impl Iterator<Item = Part<'a>> {
        let ascii = stretches(&self.ascii.chunks, input).map(Part::Latin);
        let latin = stretches(&self.latin.1.chunks, &self.latin.0).map(Part::Latin);
        let wide = stretches(&self.wide.1.chunks, &self.wide.0).map(Part::Wide);
        let payloads = self.payloads.iter();
        let bytes = payloads.map(|(start, end)| input.get(*start..*end).unwrap_or_default());
        let keys = self.shapes.new_keys().map(super::text::key_text);
        ascii.chain(latin).chain(wide).chain(keys).chain(bytes.map(Part::Bytes))
    }

    /// The reader of the tape took all parts.
    pub fn told(&mut self) {
        self.shapes.tell();
    }

    /// The reader of the tape has lost what it was told, or forgets it.
    pub fn forget(&mut self) {
        self.shapes.clear();
        self.shape_words = 0;
    }

    fn families(&self) -> [&Chunks; 3] {
        [&self.ascii, &self.latin.1, &self.wide.1]
    }

    /// The first number of each kind of value.
    fn bases(&self) -> [i32; 8] {
        let [ascii, latin, wide] = self.families().map(|texts| texts.places.len());
        let counts = [fixed::COUNT, self.doubles.len(), self.ints.len(), ascii, latin, wide];
        let mut bases = [0; 8];
        let mut base = 0;
        for (slot, count) in bases.iter_mut().skip(1).zip(counts.iter().chain(&[self.rares])) {
            base += *count as i32;
            *slot = base;
        }
        bases
    }

    fn clear(&mut self) {
        if self.shapes.are_many() {
            self.shapes.clear();
        }
        emptied(&mut self.containers);
        emptied(&mut self.doubles);
        emptied(&mut self.bulk);
        emptied(&mut self.ints);
        emptied(&mut self.latin.0);
        emptied(&mut self.wide.0);
        emptied(&mut self.rare);
        emptied(&mut self.payloads);
        emptied(&mut self.items);
        for texts in [&mut self.ascii, &mut self.latin.1, &mut self.wide.1] {
            emptied(&mut texts.chunks);
            emptied(&mut texts.places);
        }
        self.pool.clear();
        self.frames.clear();
        self.strays.clear();
        (self.rares, self.built) = (0, 0);
    }
}

fn emptied<T>(list: &mut Vec<T>) {
    list.clear();
    list.shrink_to(KEPT_WORDS);
}

fn stretches<'a, T>(chunks: &'a [Chunk], buffer: &'a [T]) -> impl Iterator<Item = &'a [T]> {
    chunks.iter().map(|chunk| buffer.get(chunk.start..chunk.end).unwrap_or_default())
}

#[inline]
fn numbered(word: i32, bases: &[i32; 8]) -> i32 {
    bases.get((word & 7) as usize).copied().unwrap_or(0).wrapping_add(word >> 3)
}

/// Words on their way out.
struct Out<'a> {
    words: std::slice::IterMut<'a, i32>,
}

impl Out<'_> {
    fn all(&mut self, words: impl IntoIterator<Item = i32>) {
        // The words come first: where they end, no slot is taken.
        for (word, slot) in words.into_iter().zip(self.words.by_ref()) {
            *slot = word;
        }
    }
}
