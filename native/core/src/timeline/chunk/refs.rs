//! Which timelines hold a shared chunk: an object beside it, changed only together with it, in one
//! batch with conditions.

use crate::error::Result;
use crate::hex;
use crate::store::Version;
use crate::timeline::form::holders::Holders;
use crate::timeline::form::parts::Chunk;
use crate::timeline::operation::run::Run;

/// The key of a chunk's holders.
pub fn key(chunk: &Chunk) -> String {
    format!("chunk/{}/refs", hex::encode(&chunk.hash))
}

/// A nonce for the holders that one batch writes.
pub async fn nonce(run: &Run) -> Result<[u8; 8]> {
    let mut nonce = [0; 8];
    nonce.copy_from_slice(&run.ask.random(8).await?);
    Ok(nonce)
}

/// The holders of chunks, and the versions that say so.
pub async fn read(run: &Run, chunks: &[Chunk]) -> Result<Vec<Option<(Holders, Version)>>> {
    let keys: Vec<String> = chunks.iter().map(key).collect();
    let found = run.ask.get_all(keys.clone()).await?;
    let mut holders = Vec::with_capacity(found.len());
    for (key, found) in keys.into_iter().zip(found) {
        holders.push(match found {
            Some(found) => {
                let held = Holders::decode(&key, &found.value);
                let held = held.map_err(|error| error.at(|at| at.key = Some(key)))?;
                Some((held, found.version))
            }
            None => None,
        });
    }
    Ok(holders)
}
