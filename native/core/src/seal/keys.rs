//! Master keys, by their ids.

use std::fmt;

use super::header::{broken, Header, Lock, CHUNK};
use super::value::{seal, Sealed};
use crate::error::{fail, Code, Result};
use crate::store::Range;

/// The longest id of a key, in bytes.
pub const MAX_KEY_ID: usize = 64;

/// Fills a buffer with random bytes fit for keys: the port for randomness, or a fixed one in tests.
pub type Random<'a> = dyn FnMut(&mut [u8]) -> Result<()> + 'a;

/// Bytes that are wiped when they are dropped and never shown. Best effort: copies that the
/// compiler or the cipher made are not known here.
pub(super) struct Secret<T: AsMut<[u8]>>(pub(super) T);

impl<T: AsMut<[u8]>> Secret<T> {
    pub(super) fn bytes(&self) -> &T {
        &self.0
    }
}

impl<T: AsMut<[u8]>> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.as_mut().fill(0);
        // Else the compiler may leave the writes out, as nobody reads them.
        std::hint::black_box(self.0.as_mut());
    }
}

/// A master key.
pub(super) type Master = Secret<[u8; 32]>;

/// The master keys that one engine holds. One of them is current: it seals. All of them open, so
/// that keys can be changed while old values stay readable.
pub struct KeyRing {
    keys: Vec<(String, Master)>,
    current: String,
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("ids", &self.ids()).field("current", &self.current).finish()
    }
}

impl KeyRing {
    /// A ring with one key, which is current.
    pub fn new(id: &str, key: [u8; 32]) -> Result<Self> {
        let mut ring = KeyRing { keys: Vec::new(), current: id.to_string() };
        ring.add(id, key)?;
        Ok(ring)
    }

    /// Adds a key that opens. An id that is there already is `INVALID_ARGUMENT`.
    pub fn add(&mut self, id: &str, key: [u8; 32]) -> Result<()> {
        let key = Secret(key);
        if id.is_empty() || id.len() > MAX_KEY_ID {
            let text = format!("A key's id has 1 to {MAX_KEY_ID} bytes; '{id}' has {}.", id.len());
            return fail(Code::InvalidArgument, text);
        }
        if self.find(id).is_some() {
            let text = format!("There is a key with the id '{id}' already; give each its own.");
            return fail(Code::InvalidArgument, text);
        }
        if key.bytes() == &[0; 32] {
            return fail(
                Code::InvalidArgument,
                "A key of zeros protects nothing; give random bytes.",
            );
        }
        self.keys.push((id.to_string(), key));
        Ok(())
    }

    /// Makes the key of this id the one that seals.
    pub fn set_current(&mut self, id: &str) -> Result<()> {
        self.master(id)?;
        self.current = id.to_string();
        Ok(())
    }

    /// The ids, in the order in which they were added.
    pub fn ids(&self) -> Vec<&str> {
        self.keys.iter().map(|(id, _)| id.as_str()).collect()
    }

    /// The id of the key that seals.
    pub fn current(&self) -> &str {
        &self.current
    }

    /// Seals `raw` with the current key, to be stored at `key` and nowhere else.
    pub fn seal(&self, key: &str, raw: &[u8], random: &mut Random<'_>) -> Result<Vec<u8>> {
        let mut salt = [0; 32];
        random(&mut salt)?;
        if salt == [0; 32] {
            let text = "The source of randomness gave only zeros; sealing with it would be unsafe.";
            return fail(Code::Internal, text);
        }
        let (length, key_id) = (raw.len() as u64, self.current.clone());
        let header = Header { chunk: CHUNK, length, salt, key_id };
        let lock = Lock::new(&header, self.master(&self.current)?, key)?;
        seal(&header, &lock, raw)
    }

    /// Opens the whole of what was sealed for `key`.
    pub fn open(&self, key: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        let value = self.read(key, sealed)?;
        let whole = Range { offset: 0, length: value.length() };
        let span = sealed.get(value.head_length()..).unwrap_or_default();
        value.open(whole, span)
    }

    /// Opens a part of what was sealed for `key`; only the chunks that it touches are looked at.
    pub fn open_range(&self, key: &str, sealed: &[u8], range: Range) -> Result<Vec<u8>> {
        let value = self.read(key, sealed)?;
        let span = value.span(range);
        let part = usize::try_from(span.offset).ok().and_then(|offset| sealed.get(offset..));
        let part = part.unwrap_or_default();
        let length = usize::try_from(span.length).unwrap_or(usize::MAX);
        value.open(range, part.get(..length).unwrap_or(part))
    }

    /// Reads the header of what was sealed for `key`; `head` is the value's first [`MAX_HEADER`]
    /// bytes, or all of it. What it gives tells which bytes a part needs, so that ranges can be
    /// fetched.
    ///
    /// [`MAX_HEADER`]: super::MAX_HEADER
    pub fn read(&self, key: &str, head: &[u8]) -> Result<Sealed> {
        let (header, proof) = Header::parse(head).map_err(|error| error.key(key))?;
        let master = self.master(&header.key_id).map_err(|error| error.key(key))?;
        let lock = Lock::new(&header, master, key)?;
        // No secret is compared here that the reader of this value does not hold already.
        if lock.proof() != proof && !sabotaged!(SealProof) {
            let what =
                "it was sealed with another key of this id, for another store key, or changed";
            return Err(broken(what).key(key));
        }
        Ok(Sealed::new(key, header, lock))
    }

    fn find(&self, id: &str) -> Option<&Master> {
        self.keys.iter().find(|(own, _)| own == id).map(|(_, key)| key)
    }

    fn master(&self, id: &str) -> Result<&Master> {
        if let Some(key) = self.find(id) {
            return Ok(key);
        }
        let ids = self.ids().join(", ");
        fail(Code::KeyUnknown, format!("No key has the id '{id}'; there are: {ids}. Add that key."))
    }
}
