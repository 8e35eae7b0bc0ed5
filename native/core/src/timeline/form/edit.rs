//! Edits: how a state differs from its parent's.
//!
//! An edit is at once what a manifest delta is and what a snapshot's id covers: it speaks of the
//! parent's state and of logical offsets, never of how bytes are stored.

use super::extent::{Cursor, Extent, Extents};
use crate::error::{Code, Error, Result};
use crate::wire::{put_varint, Reader};

/// Something that is inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    /// The next so many of the record's new bytes.
    New(u64),
    /// Bytes that the timeline holds already.
    Held(Extent),
}

/// Copy some of the parent's state, skip some, insert some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    keep: u64,
    drop: u64,
    pieces: Vec<Piece>,
}

/// Steps from the parent's state to this one; what is left of the parent follows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    steps: Vec<Step>,
    new_length: u64,
}

impl Edit {
    /// Goes over `length` bytes that stay.
    pub fn keep(&mut self, length: u64) {
        if length == 0 {
            return;
        }
        match self.steps.last_mut() {
            Some(step) if step.drop == 0 && step.pieces.is_empty() => step.keep += length,
            _ => self.steps.push(Step { keep: length, ..Step::default() }),
        }
    }

    /// Goes over `length` bytes that go.
    pub fn drop(&mut self, length: u64) {
        if length > 0 {
            self.open().drop += length;
        }
    }

    /// Inserts the next `length` new bytes.
    pub fn insert(&mut self, length: u64) {
        if length == 0 {
            return;
        }
        self.new_length += length;
        match self.open().pieces.last_mut() {
            Some(Piece::New(last)) => *last += length,
            _ => self.open().pieces.push(Piece::New(length)),
        }
    }

    /// A drop behind an insert at the same place is the same step: the order of the two does not
    /// matter, and one form makes one id.
    fn open(&mut self) -> &mut Step {
        if self.steps.is_empty() {
            self.steps.push(Step::default());
        }
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    /// Forgets a last step that changes nothing: the rest of the parent follows anyway.
    pub fn finish(mut self) -> Edit {
        if matches!(self.steps.last(), Some(step) if step.drop == 0 && step.pieces.is_empty()) {
            self.steps.pop();
        }
        self
    }

    /// Everything that it inserts, its new bytes lying at `base`.
    pub fn pieces(&self, base: u64) -> impl Iterator<Item = Extent> + '_ {
        let mut next = base;
        self.steps.iter().flat_map(|step| &step.pieces).map(move |piece| match *piece {
            Piece::Held(extent) => extent,
            Piece::New(length) => {
                let offset = next;
                next += length;
                Extent { offset, length }
            }
        })
    }

    /// How many new bytes it inserts.
    pub fn new_length(&self) -> u64 {
        self.new_length
    }

    /// The state that it makes of `parent`, its new bytes lying at `base`.
    pub fn apply(&self, parent: &Extents, base: u64) -> Result<Extents> {
        let mut state = Extents::default();
        let mut cursor = Cursor::new(parent);
        let mut next = base;
        for step in &self.steps {
            if cursor.copy(step.keep, &mut state) > 0 || cursor.skip(step.drop) > 0 {
                let message = "A timeline value edits more than its parent has; run verify.";
                return Err(Error::new(Code::Corrupt, message));
            }
            for piece in &step.pieces {
                match *piece {
                    Piece::Held(extent) => state.push(extent),
                    Piece::New(length) => {
                        state.push(Extent { offset: next, length });
                        next += length;
                    }
                }
            }
        }
        cursor.copy(u64::MAX, &mut state);
        Ok(state)
    }

    /// Writes the edit as FORMAT.md has it.
    pub fn encode(&self, out: &mut Vec<u8>) {
        for step in &self.steps {
            put_varint(out, step.keep);
            put_varint(out, step.drop);
            put_varint(out, step.pieces.len() as u64);
            for piece in &step.pieces {
                match *piece {
                    Piece::New(length) => put_varint(out, length << 1),
                    Piece::Held(extent) => {
                        put_varint(out, extent.length << 1 | 1);
                        put_varint(out, extent.offset);
                    }
                }
            }
        }
    }

    /// Reads an edit of a record whose new bytes begin at `base`.
    pub fn decode(bytes: &[u8], base: u64) -> Result<Edit> {
        let mut reader = Reader::new(bytes, "timeline edit");
        let mut edit = Edit::default();
        while reader.left() > 0 {
            let keep = reader.varint()?;
            let drop = reader.varint()?;
            let count = reader.length()?;
            let mut pieces = Vec::with_capacity(count.min(reader.left()));
            for _ in 0..count {
                pieces.push(edit.decode_piece(&mut reader, base)?);
            }
            if drop == 0 && pieces.is_empty() {
                return Err(reader.damage("a step changes nothing"));
            }
            edit.steps.push(Step { keep, drop, pieces });
        }
        Ok(edit)
    }

    fn decode_piece(&mut self, reader: &mut Reader<'_>, base: u64) -> Result<Piece> {
        let tagged = reader.varint()?;
        let length = tagged >> 1;
        if length == 0 {
            return Err(reader.damage("a piece is empty"));
        }
        if tagged & 1 == 0 {
            self.new_length = match self.new_length.checked_add(length) {
                Some(sum) if sum < 1 << 62 => sum,
                _ => return Err(reader.damage("a length is impossible")),
            };
            return Ok(Piece::New(length));
        }
        let offset = reader.varint()?;
        match offset.checked_add(length) {
            Some(end) if end <= base => Ok(Piece::Held(Extent { offset, length })),
            _ => Err(reader.damage("a piece lies outside the timeline")),
        }
    }
}
