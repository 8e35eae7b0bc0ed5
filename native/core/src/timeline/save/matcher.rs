//! The matcher: finds what two byte strings share, in order.
//!
//! Both ends are compared with wide memory compares. Where the strings part, the matcher looks for
//! the place where they meet again: first at the same distance, then in a small window, then
//! through content-defined anchors over all that is left. Every match is verified byte by byte, so
//! a weak hash costs time and never correctness.

use crate::timeline::form::edit::Edit;

/// The shortest run worth keeping in the middle of a change: a shorter one costs more in the edit.
const RUN_MIN: usize = 32;
/// How far the window looks.
const WINDOW: usize = 1024;
/// Slots of the window's table; a power of two well above `WINDOW`.
const SLOTS: usize = 4096;
/// One position in 64 is an anchor.
const ANCHOR_MASK: u64 = 0xfc00_0000_0000_0000;

/// Appends to `edit` how `old` becomes `new`, and to `fresh` the bytes of `new` that `old` lacks.
pub fn diff(old: &[u8], new: &[u8], (edit, fresh): (&mut Edit, &mut Vec<u8>)) {
    let prefix = common_prefix(old, new);
    edit.keep(prefix as u64);
    let (old, new) = (&old[prefix..], &new[prefix..]);
    let suffix = common_suffix(old, new);
    let matcher =
        Matcher { old: &old[..old.len() - suffix], new: &new[..new.len() - suffix], anchors: None };
    matcher.middle(edit, fresh);
    edit.keep(suffix as u64);
}

struct Matcher<'a> {
    old: &'a [u8],
    new: &'a [u8],
    /// Anchors of `old`, made when the window did not help for the first time.
    anchors: Option<Vec<(u64, usize)>>,
}

impl Matcher<'_> {
    fn middle(mut self, edit: &mut Edit, fresh: &mut Vec<u8>) {
        let (mut i, mut j) = (0, 0);
        while let Some((next_i, next_j)) = self.meet(i, j) {
            edit.drop((next_i - i) as u64);
            edit.insert((next_j - j) as u64);
            fresh.extend_from_slice(&self.new[j..next_j]);
            let run = common_prefix(&self.old[next_i..], &self.new[next_j..]);
            edit.keep(run as u64);
            (i, j) = (next_i + run, next_j + run);
        }
        edit.drop((self.old.len() - i) as u64);
        edit.insert((self.new.len() - j) as u64);
        fresh.extend_from_slice(&self.new[j..]);
    }

    /// Where the strings meet again behind (i, j), with at least `RUN_MIN` equal bytes.
    fn meet(&mut self, i: usize, j: usize) -> Option<(usize, usize)> {
        if self.old.len() < i + RUN_MIN || self.new.len() < j + RUN_MIN {
            return None;
        }
        self.straight(i, j).or_else(|| self.near(i, j)).or_else(|| self.far(i, j))
    }

    /// A change that kept its length.
    fn straight(&self, i: usize, j: usize) -> Option<(usize, usize)> {
        (1..=64).map(|step| (i + step, j + step)).find(|&(i, j)| self.equal(i, j))
    }

    /// A change of a few hundred bytes: all positions of a window of the old against the new.
    fn near(&self, i: usize, j: usize) -> Option<(usize, usize)> {
        let mut table = [0u16; SLOTS];
        let last = self.old.len() - RUN_MIN;
        for (distance, at) in (i..=last.min(i + WINDOW)).enumerate() {
            let slot = &mut table[slot(&self.old[at..])];
            if *slot == 0 {
                *slot = distance as u16 + 1;
            }
        }
        let last = self.new.len() - RUN_MIN;
        (j..=last.min(j + WINDOW)).find_map(|at| {
            let distance = table[slot(&self.new[at..])];
            let met = i + usize::from(distance).checked_sub(1)?;
            self.equal(met, at).then_some((met, at))
        })
    }

    /// Anything larger: anchors of all the old against those of the new.
    fn far(&mut self, i: usize, j: usize) -> Option<(usize, usize)> {
        let anchors = self.anchors.get_or_insert_with(|| anchors_of(self.old));
        let (old, new) = (self.old, self.new);
        find_anchor(&new[j..], |hash, end| {
            let from = anchors.partition_point(|anchor| *anchor < (hash, i + RUN_MIN));
            let &(found, met) = anchors.get(from)?;
            if found != hash {
                return None;
            }
            let run = common_suffix(&old[i..met], &new[j..j + end]);
            (run >= RUN_MIN).then_some((met - run, j + end - run))
        })
    }

    fn equal(&self, i: usize, j: usize) -> bool {
        match (self.old.get(i..i + RUN_MIN), self.new.get(j..j + RUN_MIN)) {
            (Some(old), Some(new)) => old == new,
            _ => false,
        }
    }
}

fn slot(bytes: &[u8]) -> usize {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    let mixed = u64::from_le_bytes(word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 52) as usize
}

fn anchors_of(bytes: &[u8]) -> Vec<(u64, usize)> {
    let mut anchors = Vec::with_capacity(bytes.len() / 48);
    find_anchor::<()>(bytes, |hash, end| {
        anchors.push((hash, end));
        None
    });
    anchors.sort_unstable();
    anchors
}

/// Visits the content-defined positions: where the hash of the 64 bytes before has a certain form.
fn find_anchor<T>(bytes: &[u8], mut visit: impl FnMut(u64, usize) -> Option<T>) -> Option<T> {
    let mut hash = 0u64;
    for (at, byte) in bytes.iter().enumerate() {
        hash = (hash << 1).wrapping_add(GEAR[usize::from(*byte)]);
        if hash & ANCHOR_MASK == 0 && at + 1 >= RUN_MIN {
            if let Some(found) = visit(hash, at + 1) {
                return Some(found);
            }
        }
    }
    None
}

/// Random-looking words, one for each byte. They never reach a disk.
const GEAR: [u64; 256] = {
    let mut table = [0; 256];
    let mut state = 0x6b65_6570_7374_6174u64;
    let mut byte = 0;
    while byte < 256 {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        table[byte] = word ^ (word >> 31);
        byte += 1;
    }
    table
};

fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let length = a.len().min(b.len());
    let mut at = 0;
    for wide in [16_384, 512, 16] {
        while at + wide <= length && a[at..at + wide] == b[at..at + wide] {
            at += wide;
        }
    }
    at + a[at..length].iter().zip(&b[at..length]).take_while(|(x, y)| x == y).count()
}

fn common_suffix(a: &[u8], b: &[u8]) -> usize {
    let length = a.len().min(b.len());
    let (a, b) = (&a[a.len() - length..], &b[b.len() - length..]);
    let mut left = length;
    for wide in [16_384, 512, 16] {
        while left >= wide && a[left - wide..left] == b[left - wide..left] {
            left -= wide;
        }
    }
    left -= a[..left].iter().rev().zip(b[..left].iter().rev()).take_while(|(x, y)| x == y).count();
    length - left
}

#[cfg(test)]
#[path = "matcher_tests.rs"]
mod tests;
