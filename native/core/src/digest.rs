//! Digests: BLAKE3 and SHA-256 prove content, CRC-32C and CRC-64/NVME find accidents.
//!
//! The functions give what each of them is at home with: bytes or integers. [`Digest`] and
//! [`Hasher`] are for callers that choose by name; there a checksum is its big-endian bytes, so
//! that its hexadecimal text is the number as it is usually printed.

use std::fmt;

use sha2::Digest as _;

use crate::error::{fail, Code, Result};
use crate::hex;

/// BLAKE3 with 32 bytes out.
pub fn blake3(bytes: &[u8]) -> [u8; 32] {
    ::blake3::hash(bytes).into()
}

/// BLAKE3 that only the holder of `key` can make.
pub fn blake3_keyed(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    ::blake3::keyed_hash(key, bytes).into()
}

/// A key for the purpose that `context` names (a fixed text, with a date), from secret `material`.
pub fn blake3_derive(context: &str, material: &[u8]) -> [u8; 32] {
    ::blake3::derive_key(context, material)
}

/// SHA-256.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(bytes).into()
}

/// CRC-32C (Castagnoli).
pub fn crc32c(bytes: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(bytes)
}

/// CRC-32C of what is stored at a key, so that it counts nowhere else.
pub fn crc32c_at(key: &str, bytes: &[u8]) -> u32 {
    let mut digest = crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi);
    digest.update(key.as_bytes());
    digest.update(bytes);
    digest.finalize() as u32
}

/// CRC-64/NVME.
pub fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::crc64_nvme(bytes)
}

/// CRC-64/NVME of bytes that come in several parts.
#[derive(Debug, Clone, Copy)]
pub struct Crc64(crc_fast::Digest);

impl Default for Crc64 {
    fn default() -> Self {
        Crc64(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc64Nvme))
    }
}

impl Crc64 {
    /// The same with `bytes` added.
    pub fn with(mut self, bytes: &[u8]) -> Self {
        self.update(bytes);
        self
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all that was added.
    pub fn finish(&self) -> u64 {
        self.0.finalize()
    }
}

/// A digest by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digest {
    /// BLAKE3, 32 bytes.
    Blake3,
    /// SHA-256, 32 bytes.
    Sha256,
    /// CRC-32C, 4 bytes: a checksum, no proof.
    Crc32c,
}

impl Digest {
    /// All of them.
    pub const ALL: [Digest; 3] = [Digest::Blake3, Digest::Sha256, Digest::Crc32c];

    /// The name, as metadata holds it.
    pub fn name(self) -> &'static str {
        match self {
            Digest::Blake3 => "blake3",
            Digest::Sha256 => "sha256",
            Digest::Crc32c => "crc32c",
        }
    }

    /// The digest of a name, or `INVALID_ARGUMENT` with the names that there are.
    pub fn named(name: &str) -> Result<Digest> {
        match Digest::ALL.into_iter().find(|digest| digest.name() == name) {
            Some(digest) => Ok(digest),
            None => fail(
                Code::InvalidArgument,
                format!("There is no digest named '{name}'; use blake3, sha256 or crc32c."),
            ),
        }
    }

    /// The digest of `bytes`.
    pub fn of(self, bytes: &[u8]) -> Sum {
        match self {
            Digest::Blake3 => Sum::long(blake3(bytes)),
            Digest::Sha256 => Sum::long(sha256(bytes)),
            Digest::Crc32c => Sum::short(crc32c(bytes)),
        }
    }

    /// The digest of bytes that come in several parts.
    pub fn hasher(self) -> Hasher {
        Hasher(match self {
            Digest::Blake3 => State::Blake3(Box::default()),
            Digest::Sha256 => State::Sha256(sha2::Sha256::new()),
            Digest::Crc32c => {
                State::Crc32c(crc_fast::Digest::new(crc_fast::CrcAlgorithm::Crc32Iscsi).into())
            }
        })
    }
}

/// A digest that is being made.
#[derive(Debug, Clone)]
pub struct Hasher(State);

/// The large states are boxed, so that a hasher is cheap to move.
#[derive(Debug, Clone)]
enum State {
    Blake3(Box<::blake3::Hasher>),
    Sha256(sha2::Sha256),
    Crc32c(Box<crc_fast::Digest>),
}

impl Hasher {
    /// BLAKE3 that only the holder of `key` can make.
    pub fn keyed(key: &[u8; 32]) -> Self {
        Hasher(State::Blake3(Box::new(::blake3::Hasher::new_keyed(key))))
    }

    /// BLAKE3 that derives a key for the purpose that `context` names.
    pub fn deriving(context: &str) -> Self {
        Hasher(State::Blake3(Box::new(::blake3::Hasher::new_derive_key(context))))
    }

    /// Adds `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        match &mut self.0 {
            State::Blake3(state) => {
                state.update(bytes);
            }
            State::Sha256(state) => state.update(bytes),
            State::Crc32c(state) => state.update(bytes),
        }
    }

    /// The digest of all that was added.
    pub fn finish(self) -> Sum {
        match self.0 {
            State::Blake3(state) => Sum::long(state.finalize().into()),
            State::Sha256(state) => Sum::long(state.finalize().into()),
            State::Crc32c(state) => Sum::short(state.finalize() as u32),
        }
    }
}

/// A digest's bytes: 32, or 4 of a checksum.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sum {
    bytes: [u8; 32],
    length: usize,
}

impl Sum {
    fn long(bytes: [u8; 32]) -> Self {
        Sum { bytes, length: 32 }
    }

    fn short(checksum: u32) -> Self {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&checksum.to_be_bytes());
        Sum { bytes, length: 4 }
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }

    /// The bytes, with zeros behind those of a checksum.
    pub fn padded(&self) -> [u8; 32] {
        self.bytes
    }

    /// The bytes as hexadecimal text.
    pub fn hex(&self) -> String {
        hex::encode(self.as_bytes())
    }
}

impl fmt::Debug for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}
