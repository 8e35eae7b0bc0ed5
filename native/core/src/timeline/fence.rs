//! Fences: records without a state. They take the next number, so that the late write of somebody
//! who should write no more meets them.

use bytes::Bytes;

use super::edit::Edit;
use super::meta::Meta;
use super::record::{Content, Form, Record, Value};
use super::tail::Tail;
use super::Run;
use crate::error::Result;
use crate::store::Mode;

/// The value of a fence behind the latest snapshot.
pub async fn value(run: &Run, tail: &Tail) -> Result<Bytes> {
    let nonce = run.ask.random(16).await?;
    let time = run.ask.now().await?;
    let meta = Meta { time, nonce: Some(Bytes::copy_from_slice(&nonce)), ..Meta::default() };
    let meta = meta.encode()?;
    let mut edit = Vec::new();
    Edit::default().encode(&mut edit);
    let (base, length) = (tail.base, 0);
    let content = Content { base, length, edit: &edit, fresh: &[], meta: &meta, fence: true };
    let record = Record {
        id: content.id(&tail.id),
        parent: Some(tail.id),
        fence: true,
        hidden: false,
        base,
        length,
        edit: Bytes::new(),
        meta,
        manifest: None,
        sha256: None,
        raw: 0,
        form: Form::Plain,
        stored: Bytes::new(),
        size: 0,
        leads: true,
    };
    let mut own = [0; 8];
    own.copy_from_slice(nonce.get(..8).unwrap_or_default());
    Ok(Value { records: vec![record], nonce: own }.encode().into())
}

/// Takes the number behind the latest snapshot before that is removed, where a store has no batches:
/// a put that comes late would else create a snapshot on no history.
pub async fn close(run: &Run, tail: &Tail) -> Result<()> {
    if run.ask.supports().commit {
        return Ok(());
    }
    let (key, value) = (run.shared.name.key(tail.sequence + 1), value(run, tail).await?);
    let Err(error) = run.ask.put(key.clone(), value.clone(), Mode::Create).await else {
        return Ok(());
    };
    let there = error.is_ambiguous() && run.ask.get(key).await?.is_some_and(|f| f.value == value);
    match there {
        true => Ok(()),
        false => Err(error),
    }
}
