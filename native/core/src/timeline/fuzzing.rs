//! The decoders of this folder, for those who feed them nonsense. Each reads all that there is.

use bytes::Bytes;

use super::form::condemned;
use super::form::control::Control;
use super::form::edit::Edit;
use super::form::extent::Extents;
use super::form::holders::Holders;
use super::form::meta::Meta;
use super::form::pack::{Directory, Span};
use super::form::parts::{self, Parts};
use super::form::record::{Form, Value};

use crate::error::{fail, Code, Result};
use crate::wire::Reader;

/// The key that values and control objects are read from here.
pub const KEY: &str = "t/a/b/000000000001";

/// A value, with the edit, metadata and list of extents of each record.
pub fn value(bytes: &[u8]) -> Result<()> {
    let value = Value::decode(KEY, &Bytes::copy_from_slice(bytes))?;
    for record in &value.records {
        Meta::decode(&record.meta)?;
        let edit = record.edit()?;
        if let Form::Parts { .. } = record.form {
            // Whoever reads the list is told how many bytes there are.
            let _ = Parts::decode(&record.stored, record.raw);
        }
        if let Some(full) = &record.manifest {
            // Any edit may meet any parent.
            let _ = edit.apply(full, record.base);
        }
    }
    Ok(())
}

/// A control object.
pub fn control(bytes: &[u8]) -> Result<()> {
    Control::decode(KEY, &Bytes::copy_from_slice(bytes)).map(|control| drop(control.encode(KEY)))
}

/// An edit.
pub fn edit(bytes: &[u8]) -> Result<()> {
    let edit = Edit::decode(bytes, 1000)?;
    let _ = edit.apply(&Extents::default(), 1000);
    Ok(())
}

/// A list of extents.
pub fn manifest(bytes: &[u8]) -> Result<()> {
    let mut reader = Reader::new(bytes, "manifest");
    let extents = Extents::decode(&mut reader, 1 << 40)?;
    extents.encode(&mut Vec::new());
    Ok(())
}

/// A pack: its directory, and the records and new bytes of each block.
pub fn pack(bytes: &[u8]) -> Result<()> {
    let packed = Directory::extent("", bytes)?;
    let head = bytes.get(..packed.head as usize).unwrap_or(bytes);
    let directory = Directory::decode("", head, &packed)?;
    for block in &directory.blocks {
        let records = block.records(span(bytes, block.heads))?;
        block.raws(&records, span(bytes, block.data))?;
    }
    Ok(())
}

fn span(bytes: &[u8], span: Span) -> &[u8] {
    let end = span.offset.saturating_add(span.stored);
    bytes.get(span.offset as usize..end as usize).unwrap_or_default()
}

/// Metadata.
pub fn meta(bytes: &[u8]) -> Result<()> {
    Meta::decode(&Bytes::copy_from_slice(bytes))?.encode().map(drop)
}

/// How many bytes a snapshot's parts make, and the list of them. What is read is written alike.
pub fn parts(bytes: &[u8]) -> Result<()> {
    let (raw, stored) = counted(bytes);
    let parts = Parts::decode(&stored, raw)?;
    let again = parts.encode(None)?.into();
    match Parts::decode(&again, raw)? == parts {
        true => Ok(()),
        false => fail(Code::Internal, "A list of parts is another once it was written."),
    }
}

/// How many bytes a chunk has, and what is stored of it.
pub fn chunk(bytes: &[u8]) -> Result<()> {
    let (length, stored) = counted(bytes);
    parts::unpack(&stored, length.min(parts::CHUNK_MAX)).map(drop)
}

fn counted(bytes: &[u8]) -> (u64, Bytes) {
    let (count, rest) = bytes.split_at(bytes.len().min(4));
    let count = count.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
    (count, Bytes::copy_from_slice(rest))
}

/// The holders of a chunk. What is read is written alike.
pub fn holders(bytes: &[u8]) -> Result<()> {
    let holders = Holders::decode(KEY, bytes)?;
    let nonce = bytes.get(4..12).and_then(|nonce| nonce.try_into().ok()).unwrap_or_default();
    match holders.encode(KEY, &nonce) == bytes {
        true => Ok(()),
        false => fail(Code::Internal, "A list of holders is another once it was written."),
    }
}

/// A list of chunks that are to be removed. What is read is written alike.
pub fn condemned(bytes: &[u8]) -> Result<()> {
    let chunks = condemned::decode(KEY, bytes)?;
    match condemned::encode(KEY, &chunks) == bytes {
        true => Ok(()),
        false => fail(Code::Internal, "A list of chunks is another once it was written."),
    }
}
