//! Joining packs whose blocks are full: there is nothing to win by compressing them anew, so they
//! are copied as they are. That is what keeps the cost of packing flat however long a timeline is.

use bytes::Bytes;

use super::rewrite::{self, To};
use crate::error::{Code, Error, Result};
use crate::machine::Request;
use crate::timeline::form::pack::{Directory, Span};
use crate::timeline::form::packer::{Builder, BLOCK_BYTES, BLOCK_RECORDS};
use crate::timeline::form::sections::Packed;
use crate::timeline::operation::run::Run;

/// Whether the blocks of packs are about as large as they would be if they were written anew.
pub fn is_full(packs: &[Packed]) -> bool {
    let full = |pack: &Packed| {
        pack.last - pack.first + 1 >= BLOCK_RECORDS || pack.end - pack.base >= BLOCK_BYTES as u64
    };
    packs.iter().all(full)
}

/// Writes one pack of the blocks of several. Nothing damaged is copied.
pub async fn join(run: &Run, packs: &[Packed]) -> Result<Packed> {
    let get = |pack: &Packed| Request::Get { key: pack.key(&run.shared.name), range: None };
    let found = run.ask_all(packs.iter().map(get).collect()).await?;
    let mut builder = Builder::new(0);
    for (pack, found) in packs.iter().zip(found) {
        let key = pack.key(&run.shared.name);
        let Some(found) = found else { return Err(run.moved(key)) };
        let value = found.value;
        let placed = run.placed(pack.first);
        let head = (pack.head as usize).min(value.len());
        let directory = Directory::decode(&key, &value.slice(..head), pack).map_err(&placed)?;
        for block in &directory.blocks {
            check(&block.heads, &value).and(check(&block.data, &value)).map_err(&placed)?;
        }
        builder.adopt(directory.blocks, &value.slice(head..))?;
    }
    rewrite::put(run, builder.finish()?, To::Store).await
}

fn check(span: &Span, value: &Bytes) -> Result<()> {
    let (from, to) = (span.offset as usize, (span.offset + span.stored) as usize);
    match value.get(from..to) {
        Some(stored) if span.matches(stored) => Ok(()),
        _ => {
            let message = "A pack's block does not match its checksum; run verify.";
            Err(Error::new(Code::Corrupt, message))
        }
    }
}
