//! What is known of a save under way that stores chunks.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::hex;
use crate::store::Version;
use crate::timeline::form::parts::Chunk;

/// A save under way that stores chunks: it must end before any of them may be removed. Clones
/// share everything.
#[derive(Clone, Default)]
pub struct Claim {
    /// Names it in the control object.
    pub nonce: [u8; 8],
    /// What is known of chunks by now.
    pub taken: Arc<Mutex<Taken>>,
}

/// What a claim knows of chunks.
#[derive(Default)]
pub struct Taken {
    /// Its own and those that it has looked for: they are there.
    pub sure: HashMap<[u8; 32], Chunk>,
    /// Those that a listing told of: who stored them.
    pub told: Option<HashMap<[u8; 32], [u8; 8]>>,
    /// The control object that was made for this claim, and that nobody else has changed since.
    alone: Option<Version>,
}

impl Claim {
    /// The version of the control object, if that is there for this claim alone.
    pub fn alone(&self) -> Option<Version> {
        self.taken.lock().alone.clone()
    }

    /// The control object is there for this claim alone; none: it is not, or nobody knows.
    pub fn stands(&self, alone: Option<Version>) {
        self.taken.lock().alone = alone;
    }

    /// The chunks that were stored or found, in order.
    pub fn chunks(&self) -> Vec<Chunk> {
        let mut chunks: Vec<Chunk> = self.taken.lock().sure.values().copied().collect();
        chunks.sort_unstable();
        chunks
    }
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Claim({})", hex::encode(&self.nonce))
    }
}
