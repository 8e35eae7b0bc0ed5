//! Fences: records without a state. They take the next number, so that the late write of somebody
//! who should write no more meets them.

use bytes::Bytes;

use super::swap;
use crate::digest;
use crate::error::Result;
use crate::store::Mode;
use crate::timeline::form::meta::Meta;
use crate::timeline::form::record::{Content, Form, Id, Record, Value};
use crate::timeline::operation::run::Run;
use crate::timeline::read::tail::Tail;

/// A fence behind the record of this id, at this offset.
pub async fn record(run: &Run, behind: (Id, u64)) -> Result<Record> {
    let (parent, base) = behind;
    let nonce = Some(Bytes::from(run.ask.random(16).await?));
    let time = run.ask.now().await?;
    let meta = Meta { time, nonce, ..Meta::default() }.encode()?;
    let (edit, fresh) = (Bytes::new(), digest::blake3(&[]));
    let content = Content { base, length: 0, edit: &edit, fresh, meta: &meta, fence: true };
    Ok(Record {
        id: content.id(&parent),
        parent: Some(parent),
        fence: true,
        hidden: false,
        base,
        length: 0,
        meta: meta.clone(),
        edit,
        manifest: None,
        sha256: None,
        raw: 0,
        form: Form::Plain,
        stored: Bytes::new(),
        size: 0,
        leads: true,
    })
}

/// The key and the value of a fence behind the latest snapshot.
pub async fn value(run: &Run, tail: &Tail) -> Result<(String, Bytes)> {
    let key = run.shared.name.key(tail.sequence + 1);
    let record = record(run, (tail.id, tail.base)).await?;
    let mut nonce = [0; 8];
    nonce.copy_from_slice(&run.ask.random(8).await?);
    let value = Value { records: vec![record], nonce }.encode(&key).into();
    Ok((key, value))
}

/// Where a save has no conditions but that its key is free, whoever ends what a timeline was puts a
/// fence first, and changes the control object then. So nobody writes behind a fence who has not
/// changed the control object himself since it was put: that decides who was first. False: another
/// was.
pub async fn claim(run: &Run, tail: &mut Tail) -> Result<bool> {
    let settled = tail.control.control.hint >= tail.sequence;
    if !tail.fenced || settled || run.ask.supports().commit {
        return Ok(true);
    }
    let layout = run.look().await?;
    if layout.held.version != tail.control.version {
        return Ok(false);
    }
    let mut control = layout.held.control.clone();
    control.hint = tail.sequence;
    let held = swap::written(run, (&layout, control), Vec::new()).await?;
    let first = held.is_some();
    tail.control = held.unwrap_or_else(|| tail.control.clone());
    Ok(first)
}

/// Takes the number behind the latest snapshot before that is removed, where a store has no
/// batches: a put that comes late would else create a snapshot on no history.
pub async fn close(run: &Run, tail: &mut Tail) -> Result<()> {
    if run.ask.supports().commit || sabotaged!(TimelineClose) {
        return Ok(());
    }
    if !claim(run, tail).await? {
        return Err(swap::busy(run));
    }
    let (key, value) = value(run, tail).await?;
    let Err(error) = run.ask.put(key.clone(), value.clone(), Mode::Create).await else {
        return Ok(());
    };
    let there = error.is_ambiguous() && run.ask.get(key).await?.is_some_and(|f| f.value == value);
    match there {
        true => Ok(()),
        false => Err(error),
    }
}
