//! Changing the control object: by compare-and-set, and known to have happened or not.

use std::sync::atomic::Ordering;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Code, Error, Result};
use crate::store::{Mode, Op, Version};
use crate::timeline::form::control::{Control, Held};
use crate::timeline::operation::layout::Layout;
use crate::timeline::operation::run::Run;
use crate::timeline::operation::shared::Shared;

/// How often a change is tried again because others change too.
const ATTEMPTS: usize = 32;

/// Writes a control object in place of the one that was read, and with it, in the same batch, what
/// else belongs to it. False: another was first.
pub async fn swap(run: &Run, to: (&Layout, Control), with: Vec<Op>) -> Result<bool> {
    Ok(written(run, to, with).await?.is_some())
}

/// The same; gives what was written.
pub async fn written(run: &Run, to: (&Layout, Control), with: Vec<Op>) -> Result<Option<Held>> {
    let (before, mut control) = to;
    if before.regions().len() > 1 {
        // That nothing was moved in this timeline is the condition of the change; of others it is
        // not.
        run.settle().await?;
    }
    control.nonce.copy_from_slice(&run.ask.random(16).await?);
    let key = run.shared.name.control();
    let mode = match sabotaged!(TimelineSwap) {
        true => Mode::Overwrite,
        false => before.held.version.clone().map_or(Mode::Create, Mode::IfVersion),
    };
    let value = control.encode(&key).into();
    let alone = alone(run).await?;
    let put = match with.is_empty() {
        true => run.ask.put(key, value, mode).await,
        false => {
            let mut ops = vec![Op::Put { key, value, mode, ttl: None }];
            ops.extend(with);
            run.ask.commit(ops).await.and_then(first)
        }
    };
    drop(alone);
    let error = match put {
        Ok(version) => {
            run.forget_layout();
            // What was written, and not what others have made of it since.
            let now = Held { control, version: Some(version) };
            run.shared.changed(before.held.version.as_ref(), now.clone());
            return Ok(Some(now));
        }
        Err(error) => error,
    };
    if !error.is_ambiguous() {
        return Err(error);
    }
    // An answer may have been lost, or a client's own retry may have met its first try.
    let now = run.look().await?.held.clone();
    match now.control.nonce == control.nonce {
        true => Ok(Some(now)),
        false if error.code() == Code::Conflict => Ok(None),
        false => Err(error),
    }
}

fn first(mut versions: Vec<Version>) -> Result<Version> {
    match versions.is_empty() {
        false => Ok(versions.swap_remove(0)),
        true => Err(Error::new(Code::Internal, "A commit of a put gave no version.")),
    }
}

/// Changes the control object. `change` sees where everything lies now, and is asked again when
/// another was first; it must have no effect but its result.
pub async fn control<T>(
    run: &Run,
    change: impl Fn(&Layout, &mut Control) -> Result<T>,
) -> Result<T> {
    changed(run, change).await.map(|(result, _)| result)
}

/// Which version of a control object was replaced by which.
pub type Step = (Option<Version>, Option<Version>);

/// The same; tells what was replaced, if anything was.
pub async fn changed<T>(
    run: &Run,
    change: impl Fn(&Layout, &mut Control) -> Result<T>,
) -> Result<(T, Option<Step>)> {
    run.require_conditions()?;
    for _ in 0..ATTEMPTS {
        let layout = run.look().await?;
        let mut control = layout.held.control.clone();
        let result = change(&layout, &mut control)?;
        if control == layout.held.control {
            return Ok((result, None));
        }
        if let Some(now) = written(run, (&layout, control), Vec::new()).await? {
            return Ok((result, Some((layout.held.version.clone(), now.version))));
        }
    }
    Err(busy(run))
}

/// Nobody else writes the control object through this handle meanwhile.
pub struct Alone(Arc<Shared>);

impl Drop for Alone {
    fn drop(&mut self) {
        self.0.changing.store(false, Ordering::Release);
    }
}

/// Waits for its turn where a store has no conditions: what this handle does at once, a save and a
/// stream, would else write over each other. Where it has, nobody needs to wait.
pub async fn alone(run: &Run) -> Result<Option<Alone>> {
    if run.ask.supports().conditional_put {
        return Ok(None);
    }
    while run.shared.changing.swap(true, Ordering::AcqRel) {
        run.ask.sleep(Duration::from_millis(1)).await?;
    }
    Ok(Some(Alone(run.shared.clone())))
}

/// Others are first all the time.
pub fn busy(run: &Run) -> Error {
    let message = format!("{} is changed by others all the time; try again.", run.shared.name);
    Error::new(Code::Conflict, message).at(|p| p.timeline = Some(run.shared.name.to_string()))
}
