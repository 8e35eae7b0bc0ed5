//! Texts and key lists, each kept once. The tables are emptied and used again from one tape to the
//! next. A probe is short: who builds texts that collide gets duplicates, and not a slow restore.

const PROBES: usize = 16;
const FIRST_SLOTS: usize = 1 << 10;

/// A hash table of numbers of entries that somebody else holds; a slot is a number plus one.
struct Slots(Vec<u32>);

impl Slots {
    fn new() -> Self {
        Slots(vec![0; FIRST_SLOTS])
    }

    fn clear(&mut self) {
        self.0.truncate(1 << 14);
        self.0.fill(0);
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

/// A text by its place in the encoded bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: u32,
    pub(super) len: u32,
    /// What the bytes are; equal bytes of another kind are another text.
    pub(super) kind: Kind,
}

/// How a text is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub(super) enum Kind {
    Ascii = 0,
    Utf8 = 1,
    Utf16 = 2,
}

impl Span {
    pub(super) fn of(self, input: &[u8]) -> &[u8] {
        let start = self.offset as usize;
        input.get(start..start + self.len as usize).unwrap_or_default()
    }
}

/// Texts of one input, numbered in the order of their first appearance.
pub(super) struct Texts {
    slots: Slots,
    spans: Vec<Span>,
}

impl Texts {
    pub(super) fn new() -> Self {
        Texts { slots: Slots::new(), spans: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.spans.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    pub(super) fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// The short text `number` with its header of one byte, as it first stood in the input.
    #[inline]
    pub(super) fn short<'a>(&self, number: u32, input: &'a [u8]) -> Option<&'a [u8]> {
        let span = self.spans.get(number as usize)?;
        let start = (span.offset as usize).checked_sub(1)?;
        let whole = input.get(start..start + 1 + span.len as usize)?;
        let is_short = span.len < 32 && whole.first() == Some(&(0xa0 | span.len as u8));
        (is_short && span.kind != Kind::Utf16).then_some(whole)
    }

    /// Whether text `number` is the one at `span`.
    #[inline]
    pub(super) fn is(&self, number: u32, span: Span, input: &[u8]) -> bool {
        self.spans.get(number as usize).is_some_and(|known| {
            known.len == span.len && known.kind == span.kind && known.of(input) == span.of(input)
        })
    }

    pub(super) fn find(&self, span: Span, input: &[u8]) -> Option<u32> {
        self.slots.find(hash(span.of(input)), |number| self.is(number, span, input))
    }

    /// The number of a text that was not found.
    pub(super) fn add(&mut self, span: Span, input: &[u8]) -> u32 {
        let number = self.spans.len() as u32;
        self.spans.push(span);
        let spans = &self.spans;
        self.slots.grow(number, |known| {
            hash(spans.get(known as usize).map_or(&[][..], |span| span.of(input)))
        });
        self.slots.insert(hash(span.of(input)), number);
        number
    }

    pub(super) fn number(&mut self, span: Span, input: &[u8]) -> u32 {
        match self.find(span, input) {
            Some(number) => number,
            None => self.add(span, input),
        }
    }
}

/// The key lists of one input.
pub(super) struct Shapes {
    slots: Slots,
    /// Where each shape's keys end in `keys`.
    ends: Vec<usize>,
    keys: Vec<u32>,
}

impl Shapes {
    pub(super) fn new() -> Self {
        Shapes { slots: Slots::new(), ends: Vec::new(), keys: Vec::new() }
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.ends.clear();
        self.keys.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(super) fn keys(&self, shape: u32) -> &[u32] {
        keys_of(&self.ends, &self.keys, shape)
    }

    /// The number of the shape with these keys.
    pub(super) fn number(&mut self, keys: &[u32]) -> u32 {
        let hash = hash_numbers(keys);
        if let Some(found) = self.slots.find(hash, |shape| self.keys(shape) == keys) {
            return found;
        }
        let number = self.ends.len() as u32;
        self.keys.extend_from_slice(keys);
        self.ends.push(self.keys.len());
        let (ends, all) = (&self.ends, &self.keys);
        self.slots.grow(number, |known| hash_numbers(keys_of(ends, all, known)));
        self.slots.insert(hash, number);
        number
    }
}

fn keys_of<'a>(ends: &[usize], keys: &'a [u32], shape: u32) -> &'a [u32] {
    let shape = shape as usize;
    let start = shape.checked_sub(1).and_then(|before| ends.get(before)).copied().unwrap_or(0);
    ends.get(shape).and_then(|end| keys.get(start..*end)).unwrap_or_default()
}

/// A quick hash of short texts: eight bytes at a time.
pub(super) fn hash(bytes: &[u8]) -> u64 {
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

fn hash_numbers(numbers: &[u32]) -> u64 {
    finish(
        numbers.iter().fold(numbers.len() as u64, |state, number| mix(state, u64::from(*number))),
    )
}

fn mix(state: u64, word: u64) -> u64 {
    (state.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Brings the high bits down, where the slots are chosen.
fn finish(state: u64) -> u64 {
    state ^ state >> 29
}
