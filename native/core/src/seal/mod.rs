//! Sealing: values that only the holder of a key can read, and that nobody can change, cut, reorder
//! or move to another store key without being noticed.
//!
//! `header` is what stands before the ciphertext, `value` seals and opens, `keys` holds master keys
//! by their ids, `passphrase` makes one from what a person remembers. FORMAT.md has the bytes.
//!
//! The cipher is AES-256-GCM: every machine that we build for has instructions for it, it is the
//! faster one there, and with a key of its own for every value its short nonces are no limit. What
//! it does not do by itself, to tell one key from another for certain, the header's proof does.
//!
//! What sealing is *not*: it hides neither the names of keys nor the lengths of values, and it
//! cannot tell an old value of the same key from the newest one.

mod header;
mod keys;
mod passphrase;
mod value;

pub use header::{CHUNK, MAX_HEADER, TAG};
pub use keys::{KeyRing, Random, MAX_KEY_ID};
pub use passphrase::Stretch;
pub use value::Sealed;
