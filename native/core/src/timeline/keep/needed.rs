//! Which parts of the logical space states need.

use std::collections::BTreeMap;

use crate::timeline::form::extent::{Extent, Extents};

/// Disjoint parts of the logical space, which do not touch each other.
#[derive(Debug, Default)]
pub struct Needed(BTreeMap<u64, u64>);

impl Needed {
    /// Adds a whole state.
    pub fn add(&mut self, state: &Extents) {
        state.iter().for_each(|extent| self.add_one(extent));
    }

    /// Adds one part.
    pub fn add_one(&mut self, extent: &Extent) {
        let (mut from, mut to) = (extent.offset, extent.end());
        while let Some((&start, &end)) = self.0.range(..=to).next_back() {
            if end < from {
                break;
            }
            if start <= from && end >= to {
                return;
            }
            self.0.remove(&start);
            (from, to) = (from.min(start), to.max(end));
        }
        self.0.insert(from, to);
    }

    /// Whether any of these bytes are needed.
    pub fn any(&self, base: u64, length: u64) -> bool {
        let before = self.0.range(..base.saturating_add(length)).next_back();
        length > 0 && before.is_some_and(|(_, end)| *end > base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_grow_together_and_tell_what_they_touch() {
        let mut needed = Needed::default();
        for (offset, length) in [(10, 5), (30, 5), (20, 5), (15, 5), (40, 1), (24, 7)] {
            needed.add_one(&Extent { offset, length });
        }
        assert_eq!(needed.0.into_iter().collect::<Vec<_>>(), [(10, 35), (40, 41)]);
        let mut needed = Needed::default();
        needed.add_one(&Extent { offset: 10, length: 5 });
        assert!(needed.any(14, 1) && needed.any(0, 11) && needed.any(12, 100));
        assert!(!needed.any(0, 10) && !needed.any(15, 9) && !needed.any(12, 0));
    }
}
