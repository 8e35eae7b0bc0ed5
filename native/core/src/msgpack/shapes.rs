//! The key lists of objects. They outlive an input: the states of a timeline have the same ones,
//! and the reader of a tape is told of each once. A probe is short: who builds keys that collide
//! gets duplicates, and not a slow restore.

const PROBES: usize = 16;
const FIRST_SLOTS: usize = 1 << 10;
const PREDICTIONS: usize = 1 << 10;
const NONE: u32 = u32::MAX;
/// Above this, all is forgotten after the input: its keys are data, and come never again.
const BYTES_MAX: usize = 1 << 18;
const KEYS_MAX: usize = 1 << 14;

/// A hash table of numbers of entries that somebody else holds; a slot is a number plus one.
struct Slots(Vec<u32>);

impl Slots {
    fn new() -> Self {
        Slots(vec![0; FIRST_SLOTS])
    }

    /// The entry that `is_it` recognizes among those near `hash`.
    fn find(&self, hash: u64, is_it: impl Fn(u32) -> bool) -> Option<u32> {
        for slot in self.near(hash) {
            match self.0.get(slot) {
                Some(0) | None => return None,
                Some(entry) if is_it(entry - 1) => return Some(entry - 1),
                Some(_) => {}
            }
        }
        None
    }

    fn insert(&mut self, hash: u64, entry: u32) {
        let free = self.near(hash).find(|slot| self.0.get(*slot) == Some(&0));
        if let Some(slot) = free.and_then(|slot| self.0.get_mut(slot)) {
            *slot = entry + 1;
        }
    }

    /// Makes room when `entries` are too many; `hash_of` gives the hash of each.
    fn grow(&mut self, entries: u32, hash_of: impl Fn(u32) -> u64) {
        if (entries as usize) * 2 < self.0.len() {
            return;
        }
        self.0 = vec![0; self.0.len() * 2];
        for entry in 0..entries {
            self.insert(hash_of(entry), entry);
        }
    }

    fn near(&self, hash: u64) -> impl Iterator<Item = usize> {
        let mask = self.0.len() - 1;
        (0..PROBES).map(move |step| (hash as usize).wrapping_add(step) & mask)
    }
}

/// A key of a shape, as it stands in the bytes: so it is known again by one comparison.
#[derive(Clone, Copy)]
struct Expected {
    /// Its first sixteen bytes, and which of them count.
    head: u128,
    mask: u128,
    len: u32,
    key: u32,
}

/// Keys and lists of keys, each kept once, by the bytes that they were encoded as.
pub(super) struct Shapes {
    bytes: Vec<u8>,
    /// Where each key ends in `bytes`.
    ends: Vec<usize>,
    by_bytes: Slots,
    keys: Vec<Expected>,
    /// Where each shape ends in `keys`.
    shapes: Vec<usize>,
    by_keys: Slots,
    /// For the count and the first bytes of an object: the shape that such an object had last.
    predictions: Vec<u32>,
    told: (usize, usize),
}

impl Shapes {
    pub(super) fn new() -> Self {
        Shapes {
            bytes: Vec::new(),
            ends: Vec::new(),
            by_bytes: Slots::new(),
            keys: Vec::new(),
            shapes: Vec::new(),
            by_keys: Slots::new(),
            predictions: vec![NONE; PREDICTIONS],
            told: (0, 0),
        }
    }

    /// Whether these are so many that they are not kept for the next input.
    pub(super) fn are_many(&self) -> bool {
        self.bytes.len() > BYTES_MAX || self.keys.len() > KEYS_MAX
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        *self = Shapes::new();
    }

    /// The reader of the tape knows all that are there now.
    pub(super) fn tell(&mut self) {
        self.told = (self.ends.len(), self.shapes.len());
    }

    /// The encoded keys that the reader does not know yet.
    pub(super) fn new_keys(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (self.told.0..self.ends.len()).map(|key| self.key(key as u32))
    }

    /// The shapes that the reader does not know yet, as the numbers of their keys.
    pub(super) fn new_shapes(&self) -> impl ExactSizeIterator<Item = Vec<u32>> + use<'_> {
        (self.told.1..self.shapes.len()).map(|shape| self.keys_of(shape as u32).collect())
    }

    /// The key `number` as it was encoded.
    pub(super) fn key(&self, number: u32) -> &[u8] {
        span(&self.ends, number).and_then(|span| self.bytes.get(span)).unwrap_or_default()
    }

    /// The keys of a shape.
    pub(super) fn keys_of(&self, shape: u32) -> impl ExactSizeIterator<Item = u32> + use<'_> {
        self.expected(shape).iter().map(|key| key.key)
    }

    fn expected(&self, shape: u32) -> &[Expected] {
        span(&self.shapes, shape).and_then(|span| self.keys.get(span)).unwrap_or_default()
    }

    /// Where to look for the shape of an object with `count` keys whose encoding begins at `at`.
    #[inline]
    pub(super) fn place(input: &[u8], at: usize, count: usize) -> u32 {
        let first = input.get(at..).and_then(|rest| rest.first_chunk::<8>());
        let word = first.map_or(0, |first| u64::from_le_bytes(*first));
        let hash = (word ^ (count as u64).rotate_left(40)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (hash >> 54) as u32
    }

    /// The shape that was found at that place, if it has `count` keys, and where its keys begin.
    #[inline]
    pub(super) fn predict(&self, place: u32, count: usize) -> Option<(u32, u32)> {
        let shape = *self.predictions.get(place as usize)?;
        let span = span(&self.shapes, shape)?;
        (span.len() == count).then_some((shape, span.start as u32))
    }

    /// Remembers what an object at that place turned out to be.
    pub(super) fn remember(&mut self, place: u32, shape: u32) {
        if let Some(slot) = self.predictions.get_mut(place as usize) {
            *slot = shape;
        }
    }

    /// The size of the key at `at` if it is the one that a shape has at `key`: bytes that are equal
    /// to a key that was checked need no other look.
    #[inline]
    pub(super) fn matches(&self, key: usize, input: &[u8], at: usize) -> Option<usize> {
        let expected = self.keys.get(key)?;
        let rest = input.get(at..)?;
        let len = expected.len as usize;
        match rest.first_chunk::<16>() {
            Some(head) if (u128::from_le_bytes(*head) ^ expected.head) & expected.mask != 0 => None,
            Some(_) if len <= 16 => Some(len),
            _ => rest.starts_with(self.key(expected.key)).then_some(len),
        }
    }

    /// The number of a key that is known.
    pub(super) fn find_key(&self, encoded: &[u8]) -> Option<u32> {
        self.by_bytes.find(hash(encoded), |number| self.key(number) == encoded)
    }

    /// The number of a key that was not found.
    pub(super) fn add_key(&mut self, encoded: &[u8]) -> u32 {
        let number = self.ends.len() as u32;
        self.bytes.extend_from_slice(encoded);
        self.ends.push(self.bytes.len());
        let (bytes, ends) = (&self.bytes, &self.ends);
        self.by_bytes.grow(number, |known| {
            hash(span(ends, known).and_then(|span| bytes.get(span)).unwrap_or_default())
        });
        self.by_bytes.insert(hash(encoded), number);
        number
    }

    /// The number of the shape with these keys.
    pub(super) fn number(&mut self, keys: &[u32]) -> u32 {
        let hash = hash_numbers(keys.iter().copied());
        let is_it = |shape| self.keys_of(shape).eq(keys.iter().copied());
        if let Some(found) = self.by_keys.find(hash, is_it) {
            return found;
        }
        let number = self.shapes.len() as u32;
        for key in keys {
            let expected = expect(*key, self.key(*key));
            self.keys.push(expected);
        }
        self.shapes.push(self.keys.len());
        let (all, shapes) = (&self.keys, &self.shapes);
        self.by_keys.grow(number, |known| {
            let keys = span(shapes, known).and_then(|span| all.get(span)).unwrap_or_default();
            hash_numbers(keys.iter().map(|key| key.key))
        });
        self.by_keys.insert(hash, number);
        number
    }
}

fn expect(key: u32, encoded: &[u8]) -> Expected {
    let (mut head, mut mask) = ([0; 16], [0; 16]);
    for ((head, mask), byte) in head.iter_mut().zip(&mut mask).zip(encoded) {
        (*head, *mask) = (*byte, 0xff);
    }
    let (head, mask) = (u128::from_le_bytes(head), u128::from_le_bytes(mask));
    Expected { head, mask, len: encoded.len() as u32, key }
}

/// The range of entry `number` in a list whose entries end at `ends`.
#[inline]
fn span(ends: &[usize], number: u32) -> Option<std::ops::Range<usize>> {
    let number = number as usize;
    let end = *ends.get(number)?;
    let start = number.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    Some(start..end)
}

/// A quick hash of short texts: eight bytes at a time.
fn hash(bytes: &[u8]) -> u64 {
    let mut state = bytes.len() as u64;
    let mut chunks = bytes.chunks_exact(8);
    for chunk in &mut chunks {
        let mut word = [0; 8];
        word.copy_from_slice(chunk);
        state = mix(state, u64::from_le_bytes(word));
    }
    let mut last = 0;
    for byte in chunks.remainder() {
        last = last << 8 | u64::from(*byte);
    }
    finish(mix(state, last))
}

fn hash_numbers(numbers: impl ExactSizeIterator<Item = u32>) -> u64 {
    let count = numbers.len() as u64;
    finish(numbers.fold(count, |state, number| mix(state, u64::from(number))))
}

fn mix(state: u64, word: u64) -> u64 {
    (state.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Brings the high bits down, where the slots are chosen.
fn finish(state: u64) -> u64 {
    state ^ state >> 29
}
