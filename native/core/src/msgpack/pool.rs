//! Short texts that were met before. States repeat them (roles, names of tools and models), and
//! to find one again is cheaper than to make it again.
//!
//! The table has a fixed size and forgets by overwriting, so no input can make it slow or large.

/// Longer text is rarely met twice.
pub(super) const LONGEST: usize = 24;
const SLOTS: usize = 1 << 11;
const HIGH_BITS: u64 = 0x8080_8080_8080_8080;

/// A short text as three words, filled up with zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Short {
    words: [u64; 3],
    len: usize,
}

impl Short {
    /// The `len` bytes from `start` on; none where they are not there, or too many.
    #[inline]
    pub(super) fn of(input: &[u8], start: usize, len: usize) -> Option<Short> {
        let rest = input.get(start..)?;
        if len > LONGEST || len > rest.len() {
            return None;
        }
        let bytes = match rest.first_chunk::<LONGEST>() {
            Some(chunk) => *chunk,
            None => {
                let mut bytes = [0; LONGEST];
                bytes.get_mut(..len)?.copy_from_slice(rest.get(..len)?);
                bytes
            }
        };
        let word = |at: usize| {
            let word = bytes.get(at..).and_then(|bytes| bytes.first_chunk::<8>());
            word.map_or(0, |word| u64::from_le_bytes(*word)) & mask(len.saturating_sub(at))
        };
        Some(Short { words: [word(0), word(8), word(16)], len })
    }

    #[inline]
    pub(super) fn is_ascii(&self) -> bool {
        let [a, b, c] = self.words;
        (a | b | c) & HIGH_BITS == 0
    }

    fn hash(&self) -> u64 {
        let [a, b, c] = self.words;
        let mixed = (a ^ b.rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ c ^ self.len as u64).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

/// Keeps the low `len` bytes of a word.
#[inline]
fn mask(len: usize) -> u64 {
    match len {
        0 => 0,
        1..8 => u64::MAX >> (64 - 8 * len),
        _ => u64::MAX,
    }
}

#[derive(Clone, Copy, Default)]
struct Slot {
    text: Short,
    number: u32,
    /// The input that it was met in.
    age: u32,
}

/// The numbers of texts that were met in one input.
pub(super) struct Pool {
    slots: Vec<Slot>,
    age: u32,
}

impl Pool {
    pub(super) fn new() -> Self {
        Pool { slots: vec![Slot::default(); SLOTS], age: 0 }
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.age = self.age.wrapping_add(1);
        if self.age == 0 {
            self.slots.fill(Slot::default());
            self.age = 1;
        }
    }

    /// The number of this text if it was met, else the one that `add` gives it.
    #[inline]
    pub(super) fn number(&mut self, text: Short, add: impl FnOnce() -> u32) -> u32 {
        let at = (text.hash() >> 53) as usize;
        let age = self.age;
        let Some(slot) = self.slots.get_mut(at % SLOTS) else { return add() };
        if slot.age != age || slot.text != text {
            *slot = Slot { text, number: add(), age };
        }
        slot.number
    }
}
