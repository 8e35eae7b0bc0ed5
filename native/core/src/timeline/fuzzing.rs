//! The decoders of this folder, for those who feed them nonsense. Each reads all that there is.

use bytes::Bytes;

use super::control::Control;
use super::edit::Edit;
use super::extent::Extents;
use super::meta::Meta;
use super::record::Value;
use crate::error::Result;
use crate::wire::Reader;

/// A value, with the edit, metadata and list of extents of each record.
pub fn value(bytes: &[u8]) -> Result<()> {
    let value = Value::decode(&Bytes::copy_from_slice(bytes))?;
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
    Control::decode(&Bytes::copy_from_slice(bytes)).map(|control| drop(control.encode()))
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

/// Metadata.
pub fn meta(bytes: &[u8]) -> Result<()> {
    Meta::decode(&Bytes::copy_from_slice(bytes))?.encode().map(drop)
}
