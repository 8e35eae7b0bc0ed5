//! The binary form, `.ks`: any bytes, compressed, and a checksum over all of it.

use super::envelope::{damaged, not_ours, too_new};
use super::metadata::Metadata;
use crate::digest::crc32c;
use crate::error::{Error, Result};
use crate::wire::{put_bytes, put_varint, Reader};

/// What a file of this form begins with.
pub const MAGIC: &[u8; 8] = b"KSFILE\x1a\n";
const VERSION: u16 = 1;

/// The parts of a file.
pub struct Container<'a> {
    /// The codec by name.
    pub codec: &'a str,
    /// What is said of the state.
    pub metadata: Metadata,
    /// The length of the state.
    pub length: usize,
    /// The SHA-256 of the state.
    pub sha256: [u8; 32],
    /// The state, compressed.
    pub stored: &'a [u8],
}

/// The bytes of a file.
pub fn write(parts: &Container) -> Result<Vec<u8>> {
    let mut out = MAGIC.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    out.extend_from_slice(&0_u16.to_le_bytes());
    put_bytes(&mut out, parts.codec.as_bytes());
    put_bytes(&mut out, parts.metadata.to_json()?.as_bytes());
    put_varint(&mut out, parts.length as u64);
    out.extend_from_slice(&parts.sha256);
    put_bytes(&mut out, parts.stored);
    let check = crc32c(&out);
    out.extend_from_slice(&check.to_le_bytes());
    Ok(out)
}

/// The parts of a file whose checksum holds. The state is proven only when it was decompressed.
pub fn read(bytes: &[u8]) -> Result<Container<'_>> {
    let mut reader = Reader::new(bytes, ".ks file");
    let magic = bytes.get(..MAGIC.len()).unwrap_or(bytes);
    if !MAGIC.starts_with(magic) || magic.is_empty() {
        return Err(not_ours("It does not begin as a .ks file does"));
    }
    reader.take(MAGIC.len()).map_err(|_| cut())?;
    let (version, bits) = (reader.u16().map_err(|_| cut())?, reader.u16().map_err(|_| cut())?);
    let (body, check) = bytes.split_at_checked(bytes.len().saturating_sub(4)).ok_or_else(cut)?;
    let is_whole = crc32c(body).to_le_bytes() == check;
    if version > VERSION || bits != 0 {
        // A newer format may end otherwise; but a changed bit of ours is no newer format.
        let ours = [MAGIC, &VERSION.to_le_bytes()[..], &[0, 0], body.get(12..).unwrap_or_default()];
        let was_ours = crc32c(&ours.concat()).to_le_bytes() == check;
        return Err(if was_ours { cut() } else { too_new(u64::from(version)) });
    }
    if !is_whole {
        return Err(cut());
    }
    let mut reader = Reader::new(body, ".ks file");
    reader.take(MAGIC.len() + 4)?;
    let codec = reader.text()?;
    let metadata = Metadata::from_json(reader.text()?);
    let length = usize::try_from(reader.varint()?).map_err(|_| cut())?;
    let parts = Container {
        codec,
        metadata: metadata.ok_or_else(|| damaged("its metadata does not say what it should"))?,
        length,
        sha256: reader.array()?,
        stored: reader.bytes()?,
    };
    reader.end()?;
    Ok(parts)
}

fn cut() -> Error {
    damaged("it was cut or changed, its checksum does not hold")
}
