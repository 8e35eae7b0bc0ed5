//! Short texts that were met before. States repeat them (roles, names of tools and models), and
//! to find one again is cheaper than to make it again.
//!
//! The table has a fixed size and forgets by overwriting, so no input can make it slow or large.

use super::text::HIGH_BITS;

/// Longer text is rarely met twice.
pub(super) const LONGEST: usize = 24;
const SLOTS: usize = 1 << 11;

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
        let [a, b, c] = *MASKS.get(len)?;
        let word = |at: usize| {
            let word = bytes.get(at..).and_then(|bytes| bytes.first_chunk::<8>());
            word.map_or(0, |word| u64::from_le_bytes(*word))
        };
        Some(Short { words: [word(0) & a, word(8) & b, word(16) & c], len })
    }

    #[inline]
    pub(super) fn is_ascii(&self) -> bool {
        let [a, b, c] = self.words;
        (a | b | c) & HIGH_BITS == 0
    }

    #[inline]
    fn hash(&self) -> u64 {
        let [a, b, c] = self.words;
        let mixed = (a ^ b.rotate_left(23)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        (mixed ^ c ^ self.len as u64).wrapping_mul(0xd6e8_feb8_6659_fd93)
    }
}

/// For each length, which bits of the three words count.
const MASKS: [[u64; 3]; LONGEST + 1] = masks();

const fn masks() -> [[u64; 3]; LONGEST + 1] {
    let mut masks = [[0; 3]; LONGEST + 1];
    let mut len = 0;
    while len <= LONGEST {
        let mut word = 0;
        while word * 8 < len {
            let bytes = if len - word * 8 < 8 { len - word * 8 } else { 8 };
            masks[len][word] = u64::MAX >> (64 - 8 * bytes);
            word += 1;
        }
        len += 1;
    }
    masks
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
