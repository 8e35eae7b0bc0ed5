//! What a timeline says of its snapshots, and how they are named.

use super::meta::Meta;
use super::record::Id;

/// A snapshot, as far as it is known without its state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its number in the timeline.
    pub sequence: u64,
    /// Proves its content and all of its history.
    pub id: Id,
    /// The id of the snapshot before; zeros for the first.
    pub parent: Id,
    /// What was said of it.
    pub meta: Meta,
    /// The length of the state in bytes.
    pub length: u64,
    /// How many bytes its record takes in the store.
    pub stored: u64,
    /// The tags that name it, in order.
    pub tags: Vec<String>,
}

/// Which snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum At {
    /// The newest.
    Latest,
    /// By number.
    Sequence(u64),
    /// By tag.
    Tag(String),
}
