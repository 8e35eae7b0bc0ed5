//! Single files: one state with its metadata, complete in itself (FORMAT.md, "Single files").
//!
//! The end of the name tells the form: `.json` and `.json` with a codec's extension hold one JSON
//! object that standard tools read (`zcat x.json.gz | jq .metadata`); `.ks` holds any bytes. Here a
//! state is JSON text or bytes: what they mean is up to the layers above. The SHA-256 of the state
//! is checked whenever it is read.

mod container;
mod envelope;
mod form;
mod json;
mod metadata;
mod path;
mod time;

pub use form::{Forms, Writing};
pub use metadata::Metadata;
pub use path::{read_path, save_path};

/// A state and what is said of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// The state.
    pub state: State,
    /// What is said of it.
    pub metadata: Metadata,
}

/// A state, as text or bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// A JSON text. Its encoding is `json`.
    Json(String),
    /// Bytes in any encoding that the metadata names.
    Bytes(Vec<u8>),
}

impl State {
    /// The bytes that the hash is over.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            State::Json(text) => text.as_bytes(),
            State::Bytes(bytes) => bytes,
        }
    }
}
