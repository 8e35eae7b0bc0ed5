//! Which texts lie near each other, so that one string can be made of a stretch of bytes and many
//! others be cut from it.

/// A stretch is at most so long, unless it is one text: a slice keeps the whole of it alive.
const LONGEST: usize = 48 * 1024;
/// And leaves out more than this where nothing is cut from it.
const GAP: usize = 2 * 1024;

/// A stretch of a buffer from which the next `texts` texts are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chunk {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) texts: usize,
}

/// Texts of one buffer, in their order.
#[derive(Default)]
pub(super) struct Chunks {
    pub(super) chunks: Vec<Chunk>,
    /// Where each text begins and ends in its chunk.
    pub(super) places: Vec<[i32; 2]>,
}

impl Chunks {
    /// Adds the text from `start` to `end`, which lies behind all others; gives its number.
    #[inline]
    pub(super) fn add(&mut self, start: usize, end: usize) -> usize {
        let number = self.places.len();
        if let Some(chunk) = self.chunks.last_mut() {
            if end - chunk.start <= LONGEST && start - chunk.end <= GAP {
                self.places.push([(start - chunk.start) as i32, (end - chunk.start) as i32]);
                chunk.end = end;
                chunk.texts += 1;
                return number;
            }
        }
        self.chunks.push(Chunk { start, end, texts: 1 });
        self.places.push([0, (end - start) as i32]);
        number
    }
}
