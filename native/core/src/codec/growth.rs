//! How far a decoder's output may grow.

use crate::error::{Code, Error, Result};

/// The first step, when nothing is known of the output yet.
const FIRST: usize = 16 * 1024;

/// What a decoder may still write, and how much room it makes at a time.
pub(super) struct Growth {
    bound: usize,
    left: usize,
}

impl Growth {
    pub(super) fn new(bound: usize) -> Self {
        Growth { bound, left: bound }
    }

    pub(super) fn left(&self) -> usize {
        self.left
    }

    /// Makes room for at least one byte: about as much as there is already, never beyond the bound
    /// but for the one byte that shows that the bound was exceeded.
    pub(super) fn reserve(&self, out: &mut Vec<u8>) {
        if out.capacity() == out.len() {
            let step = out.len().max(FIRST).min(self.left.saturating_add(1));
            out.reserve_exact(step);
        }
    }

    /// Counts `written` bytes of output.
    pub(super) fn spend(&mut self, written: usize) -> Result<()> {
        match self.left.checked_sub(written) {
            Some(left) => self.left = left,
            None => return Err(self.exceeded()),
        }
        Ok(())
    }

    pub(super) fn exceeded(&self) -> Error {
        Error::new(
            Code::ValueTooLarge,
            format!(
                "The data unpacks to more than {} bytes; allow more if it can be trusted.",
                self.bound
            ),
        )
    }
}

/// Damage in what `codec` was given.
pub(super) fn corrupt(codec: &str, what: &str) -> Error {
    Error::new(
        Code::Corrupt,
        format!("The {codec} data is damaged: {what}; restore it from another copy."),
    )
}

/// The data of `codec` ends too early.
pub(super) fn truncated(codec: &str) -> Error {
    corrupt(codec, "it ends before its frame does")
}
