//! Lists of chunks that are to be removed.

use super::parts::Chunk;
use crate::digest;
use crate::error::Result;
use crate::wire::Reader;

const MAGIC: [u8; 2] = *b"KX";

/// A list of chunks that are to be removed, as the bytes that lie at that key.
pub fn encode(key: &str, chunks: &[Chunk]) -> Vec<u8> {
    let mut out = MAGIC.to_vec();
    for chunk in chunks {
        out.extend_from_slice(&chunk.hash);
        out.extend_from_slice(&chunk.nonce);
    }
    let sum = digest::crc32c_at(key, &out);
    out.extend_from_slice(&sum.to_le_bytes());
    out
}

/// What `encode` made for that key.
pub fn decode(key: &str, value: &[u8]) -> Result<Vec<Chunk>> {
    let mut reader = Reader::new(value, "list of chunks");
    let (body, sum) = value.split_at(value.len().saturating_sub(4));
    let right = digest::crc32c_at(key, body).to_le_bytes() == sum || sabotaged!(ChunkSum);
    if reader.array()? != MAGIC || !right {
        return Err(reader.damage("its checksum does not match"));
    }
    let mut chunks = Vec::with_capacity(body.len() / 40);
    while reader.left() > 4 {
        chunks.push(Chunk { hash: reader.array()?, nonce: reader.array()? });
    }
    match reader.left() {
        4 => Ok(chunks),
        _ => Err(reader.damage("its last entry is cut")),
    }
}
