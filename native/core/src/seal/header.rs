//! What stands before the ciphertext, and the keys that follow from it.

use ring::aead::{Aad, LessSafeKey, Nonce, UnboundKey, AES_256_GCM};

use super::keys::{Master, Secret, MAX_KEY_ID};
use crate::digest::{blake3_derive, Hasher};
use crate::error::{fail, Code, Error, Result};
use crate::wire::{put_bytes, Reader};

const MAGIC: &[u8; 8] = b"KSSEAL\x1a\n";
const VERSION: u16 = 1;

/// AES-256-GCM, the only algorithm so far.
const ALGORITHM: u8 = 1;

/// How many bytes are sealed together when we write.
pub const CHUNK: u32 = 64 * 1024;

/// What a reader accepts: a chunk is held in memory whole.
const CHUNKS: std::ops::RangeInclusive<u32> = 1024..=1 << 20;

/// What authentication adds to each chunk.
pub const TAG: usize = 16;

const PROOF: usize = 16;

/// No header is longer: whoever reads this much of a sealed value has all of it.
pub const MAX_HEADER: usize = 56 + 1 + MAX_KEY_ID + PROOF;

const SEAL_CONTEXT: &str = "keepstate 2026 seal chunk key v1";
const BINDING_CONTEXT: &str = "keepstate 2026 seal binding key v1";

/// The fields of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) chunk: u32,
    pub(super) length: u64,
    pub(super) salt: [u8; 32],
    pub(super) key_id: String,
}

/// The secrets of one value.
pub(super) struct Lock {
    cipher: LessSafeKey,
    /// The header's bytes, with the proof.
    head: Vec<u8>,
    /// A keyed hash over header and store key. Its first half stands in the header; all of it is in
    /// what each chunk authenticates.
    binding: [u8; 32],
}

impl Header {
    /// The bytes, but for the proof.
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAX_HEADER);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&[ALGORITHM, 0]);
        out.extend_from_slice(&self.chunk.to_le_bytes());
        out.extend_from_slice(&self.length.to_le_bytes());
        out.extend_from_slice(&self.salt);
        put_bytes(&mut out, self.key_id.as_bytes());
        out
    }

    /// Reads a header off the front of `bytes`; gives it with its proof.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Header, [u8; PROOF])> {
        let mut reader = Reader::new(bytes, "sealed value");
        if reader.array::<8>().map_err(cut)? != *MAGIC {
            let text =
                "This value is not a sealed one; read it without a key, or restore a backup.";
            return fail(Code::NotOurs, text);
        }
        let version = reader.u16().map_err(cut)?;
        let [algorithm, flags] = reader.array().map_err(cut)?;
        if version != VERSION || algorithm != ALGORITHM || flags != 0 {
            let text = "This value was sealed by a newer version of Keepstate; update to read it.";
            return fail(Code::FormatTooNew, text);
        }
        let chunk = reader.u32().map_err(cut)?;
        let length = reader.u64().map_err(cut)?;
        let salt = reader.array().map_err(cut)?;
        let key_id = reader.text().map_err(cut)?.to_string();
        let proof = reader.array().map_err(cut)?;
        if !CHUNKS.contains(&chunk) || key_id.is_empty() || key_id.len() > MAX_KEY_ID {
            return Err(broken("its header is damaged"));
        }
        Ok((Header { chunk, length, salt, key_id }, proof))
    }

    /// How many chunks there are: at least one, so that an empty value is proven too.
    pub(super) fn count(&self) -> u64 {
        self.length.div_ceil(u64::from(self.chunk)).max(1)
    }
}

impl Lock {
    /// The secrets of the value at `key` with this header.
    pub(super) fn new(header: &Header, master: &Master, key: &str) -> Result<Lock> {
        let material = Secret([master.bytes().as_slice(), &header.salt].concat());
        let cipher = Secret(blake3_derive(SEAL_CONTEXT, material.bytes()));
        let cipher = UnboundKey::new(&AES_256_GCM, cipher.bytes()).map_err(refused)?;
        let binder = Secret(blake3_derive(BINDING_CONTEXT, material.bytes()));
        let mut head = header.encode();
        let mut hasher = Hasher::keyed(binder.bytes());
        hasher.update(&head);
        hasher.update(key.as_bytes());
        let mut binding = [0; 32];
        binding.copy_from_slice(hasher.finish().as_bytes());
        head.extend_from_slice(&binding[..PROOF]);
        Ok(Lock { cipher: LessSafeKey::new(cipher), head, binding })
    }

    /// The header's bytes.
    pub(super) fn head(&self) -> &[u8] {
        &self.head
    }

    /// What shows, before anything is opened, that key, header and store key belong together.
    pub(super) fn proof(&self) -> &[u8] {
        self.binding.get(..PROOF).unwrap_or_default()
    }

    /// Seals `data` in place; gives its tag.
    pub(super) fn seal(&self, place: Place, data: &mut [u8]) -> Result<[u8; TAG]> {
        let (nonce, aad) = self.terms(place);
        let tag = self.cipher.seal_in_place_separate_tag(nonce, aad, data).map_err(refused)?;
        let mut bytes = [0; TAG];
        bytes.copy_from_slice(tag.as_ref());
        Ok(bytes)
    }

    /// Opens `data`, a chunk and its tag, in place; gives the length of what it held.
    pub(super) fn open(&self, place: Place, data: &mut [u8]) -> Result<usize> {
        let (nonce, aad) = self.terms(place);
        match self.cipher.open_in_place(nonce, aad, data) {
            Ok(opened) => Ok(opened.len()),
            Err(_) => Err(broken(&format!("chunk {} was changed or moved", place.number))),
        }
    }

    fn terms(&self, place: Place) -> (Nonce, Aad<[u8; 41]>) {
        let mut nonce = [0; 12];
        let mut aad = [0; 41];
        let number = place.number.to_le_bytes();
        nonce[..8].copy_from_slice(&number);
        aad[..32].copy_from_slice(&self.binding);
        aad[32..40].copy_from_slice(&number);
        aad[40] = u8::from(place.last);
        (Nonce::assume_unique_for_key(nonce), Aad::from(aad))
    }
}

/// Where a chunk is in its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) number: u64,
    pub(super) last: bool,
}

/// The value does not open, because of `what`.
pub(super) fn broken(what: &str) -> Error {
    let text = format!("A sealed value does not open: {what}; restore it from another copy.");
    Error::new(Code::SealBroken, text)
}

fn cut(cause: Error) -> Error {
    broken("its header is damaged").caused_by(cause)
}

fn refused(_: ring::error::Unspecified) -> Error {
    Error::new(Code::Internal, "The cipher refused its input; please report it.")
}
