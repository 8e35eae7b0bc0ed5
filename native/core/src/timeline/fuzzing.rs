//! The decoders of this folder, for those who feed them nonsense. Each reads all that there is.

use bytes::Bytes;

use super::control::Control;
use super::edit::Edit;
use super::extent::Extents;
use super::meta::Meta;
use super::pack::{Directory, Span};
use super::record::Value;
use crate::error::Result;
use crate::wire::Reader;

/// The key that values and control objects are read from here.
pub const KEY: &str = "t/a/b/000000000001";

/// A value, with the edit, metadata and list of extents of each record.
pub fn value(bytes: &[u8]) -> Result<()> {
    let value = Value::decode(KEY, &Bytes::copy_from_slice(bytes))?;
    for record in &value.records {
        Meta::decode(&record.meta)?;
        let edit = record.edit()?;
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
