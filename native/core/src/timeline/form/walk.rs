//! Going through a timeline from its oldest snapshot: what follows from what, and what proves it.
//! Verifying, repairing and importing are this walk.

use std::collections::BTreeMap;

use super::extent::Extents;
use super::record::{Id, Record};
use crate::error::{Code, Error, Result};

/// What is known so far.
#[derive(Default)]
pub struct Walk {
    /// The record before: its number, id, and the logical offset behind it.
    before: Option<(u64, Id, u64)>,
    /// The state before, where it is known.
    state: Option<Extents>,
    /// Which parts of the logical space are there: from, to.
    there: BTreeMap<u64, u64>,
}

/// The next record, and how it was found.
pub struct Next<'a> {
    /// Its number.
    pub sequence: u64,
    /// The number before it in this timeline.
    pub before: u64,
    /// The record.
    pub record: &'a Record,
    /// The id before it, where the walk begins with it and it does not say so itself.
    pub parent: Option<Id>,
    /// BLAKE3 of its new bytes.
    pub fresh: [u8; 32],
    /// Somebody is shown it, so its state must be whole. What lies below the floor is there for its
    /// bytes.
    pub shown: bool,
}

/// What a record that holds turned out to be.
pub struct Proven {
    /// The id of the snapshot before.
    pub parent: Id,
    /// Its state; none for a fence, or where only its bytes are kept.
    pub state: Option<Extents>,
    /// Its edit says how its state differs from the one before.
    pub follows: bool,
}

/// The state of a record that shows; and whether its edit makes it of the state before. The first
/// one behind a floor does not, if what lies below is still there for others: it begins anew.
pub fn state(record: &Record, before: Option<&Extents>) -> Result<Option<(Extents, bool)>> {
    let make = |before| record.edit()?.apply(before, record.base);
    let Some(manifest) = &record.manifest else {
        return before.map(make).transpose().map(|made| made.map(|made| (made, true)));
    };
    let is = |before| make(before).is_ok_and(|made| made == *manifest);
    match before {
        Some(before) if is(before) => Ok(Some((manifest.clone(), true))),
        Some(_) if !is(&Extents::default()) => {
            Err(damage("its manifest is not what its edit makes"))
        }
        _ => Ok(Some((manifest.clone(), false))),
    }
}

impl Walk {
    /// The id of the last record that was taken, and the offset behind it.
    pub fn end(&self) -> Option<(Id, u64)> {
        self.before.map(|(_, id, end)| (id, end))
    }

    /// Begins behind a record that is proven already: its number, its id, and the offset behind it.
    /// All bytes before are there.
    pub fn resume(&mut self, before: (u64, Id, u64), state: Extents) {
        self.there.insert(0, before.2);
        (self.before, self.state) = (Some(before), Some(state));
    }

    /// Takes the next record and proves it. A record that does not hold is gone over; what follows
    /// is proven if it says by itself what it follows.
    pub fn take(&mut self, next: &Next<'_>) -> Result<Proven> {
        let result = self.prove(next);
        let Next { sequence, record, .. } = next;
        let end = record.base.saturating_add(record.raw);
        match &result {
            Ok(_) => self.before = Some((*sequence, record.id, end)),
            // A state that is known needs no proof of the one before.
            Err(_) => {
                self.before = self.before.map(|(_, id, end)| (u64::MAX, id, end));
                self.state = None;
            }
        }
        result
    }

    /// A record could not be read at all.
    pub fn lose(&mut self) {
        self.before = self.before.map(|(_, id, end)| (u64::MAX, id, end));
        self.state = None;
    }

    fn prove(&mut self, next: &Next<'_>) -> Result<Proven> {
        let Next { sequence, before, record, fresh, .. } = *next;
        let follows = self.before.filter(|(number, ..)| *number == before);
        let parent = match (follows, record.parent.or(next.parent)) {
            (Some((_, id, _)), said) if said.is_none_or(|said| said == id) => id,
            (Some(_), _) => return Err(damage("it does not follow the snapshot before it")),
            (None, Some(said)) => said,
            (None, None) => {
                return Err(damage("the snapshot before it is lost, so nothing proves this one"))
            }
        };
        let end = self.before.map_or(record.base, |(.., end)| end);
        let gapless = follows.is_some() && before + 1 == sequence;
        if record.base < end || gapless && record.base != end {
            return Err(damage("its bytes do not lie behind those before it"));
        }
        record.prove_hash(&parent, fresh)?;
        self.add(record.base, record.base + record.raw);
        let known = self.state.take().filter(|_| follows.is_some());
        if record.fence {
            self.state = known;
            return Ok(Proven { parent, state: None, follows: false });
        }
        if record.hidden {
            self.state = record.manifest.clone();
            return Ok(Proven { parent, state: None, follows: false });
        }
        let made = Walk::made(record, known.as_ref());
        let whole = made.as_ref().is_ok_and(|(state, _)| self.holds(state));
        self.state = made.as_ref().ok().map(|(state, _)| state.clone());
        match made {
            Ok((state, follows)) if whole => Ok(Proven { parent, state: Some(state), follows }),
            _ if !next.shown => Ok(Proven { parent, state: None, follows: false }),
            Ok(_) => Err(damage("bytes that it needs are not there")),
            Err(error) => Err(error),
        }
    }

    /// The state that a record makes, and whether it follows from the one before.
    fn made(record: &Record, before: Option<&Extents>) -> Result<(Extents, bool)> {
        let Some((state, follows)) = state(record, before)? else {
            return Err(damage("nothing says where its state lies"));
        };
        match state.length() == record.length {
            true => Ok((state, follows)),
            false => Err(damage("its extents are not as long as its state")),
        }
    }

    fn add(&mut self, base: u64, end: u64) {
        match self.there.last_entry() {
            Some(mut last) if *last.get() == base => *last.get_mut() = end,
            _ => drop(self.there.insert(base, end)),
        }
    }

    fn holds(&self, extents: &Extents) -> bool {
        extents.iter().all(|extent| {
            let part = self.there.range(..=extent.offset).next_back();
            part.is_some_and(|(_, end)| *end >= extent.end())
        })
    }
}

/// Whether an error says something of what is stored, and not of the store at this moment.
pub fn is_damage(error: &Error) -> bool {
    use Code::{CodecFailed, Corrupt, FormatTooNew, HashMismatch, NotOurs, SealBroken};
    matches!(
        error.code(),
        Corrupt | HashMismatch | NotOurs | FormatTooNew | SealBroken | CodecFailed
    )
}

pub fn damage(how: &str) -> Error {
    Error::new(Code::Corrupt, format!("A snapshot is damaged: {how}; restore it from a backup."))
}
