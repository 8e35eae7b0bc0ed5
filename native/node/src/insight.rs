//! What timelines tell of themselves and how they are mended: blame, why, verify and repair.

use std::sync::Arc;

use keepstate_core::error::{Code, Result};
use keepstate_core::msgpack::Kind;
use keepstate_core::timeline::{Blame, Detail, Did, Repaired, Report, Restored, Tell, Weight};

use crate::export::Call;
use crate::js::{expected, Env, Js};
use crate::snapshot::{report, snapshot};
use crate::timeline::TimelineHandle;
use crate::verify::Progress;

/// `blame({ ref?, path }, token?)`.
pub fn blame(call: &Call) -> Result<Js> {
    let (env, handle, given) = (call.env, TimelineHandle::of(call)?, call.arguments[0]);
    let Some(path) = env.get(given, c"path")? else { return expected("path", "given") };
    let steps = env.items(path, "path")?.into_iter();
    let path = steps.map(|step| env.read_text(step, "A step")).collect::<Result<Vec<_>>>()?;
    handle.run(call, handle.timeline.blame(call.part_at(given)?, path), blamed)
}

fn blamed(env: Env, blame: Blame) -> Result<Js> {
    let object = env.object()?;
    let did = match blame.did {
        Did::Add => "add",
        Did::Change => "change",
        Did::Remove => "remove",
        Did::Oldest => "oldest",
    };
    env.set(object, c"snapshot", snapshot(env, blame.snapshot)?)?;
    env.set(object, c"did", env.text(did)?)?;
    Ok(object)
}

/// `why({ ref?, depth, most }, token?)`.
pub fn why(call: &Call) -> Result<Js> {
    let (env, handle, given) = (call.env, TimelineHandle::of(call)?, call.arguments[0]);
    let count = |name, what| match env.get(given, name)? {
        Some(count) => env.read_count(count, what),
        None => expected(what, "given"),
    };
    let depth = u32::try_from(count(c"depth", "depth")?).unwrap_or(u32::MAX);
    let most = count(c"most", "most")? as usize;
    handle.run(call, handle.timeline.why(call.part_at(given)?, Detail { depth, most }), weight)
}

/// `NativeWeight`.
fn weight(env: Env, weight: Weight) -> Result<Js> {
    let object = env.object()?;
    let kind = match weight.kind {
        Kind::Object => "object",
        Kind::Array => "array",
        Kind::Text => "string",
        Kind::Bytes => "bytes",
        Kind::Other => "other",
    };
    env.set(object, c"name", env.text(&weight.name)?)?;
    env.set(object, c"kind", env.text(kind)?)?;
    for (name, number) in
        [(c"size", weight.logical), (c"storedBytes", weight.stored), (c"count", weight.count)]
    {
        env.set(object, name, env.count(number)?)?;
    }
    env.set(object, c"parts", env.array(weight.parts.into_iter(), self::weight)?)?;
    Ok(object)
}

/// `verify(ref?, token?, progress?)`: all, or with a reference that snapshot: to restore it proves
/// each byte of it.
pub fn verify(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    let [at, _, progress, _] = call.arguments;
    if !call.env.is_undefined(at) {
        return handle.finish(call, handle.timeline.restore(call.at(at)?), proven);
    }
    let tell: Tell = match call.env.is_undefined(progress) {
        true => Arc::new(|_| {}),
        false => {
            let progress = Progress::new(call.env, progress)?;
            Arc::new(move |at| progress.tell(&[at.snapshots, at.bytes, at.done, at.total]))
        }
    };
    handle.run(call, handle.timeline.verify_telling(tell), report)
}

fn proven(env: Env, result: Result<Restored>) -> Result<Js> {
    let told = match result {
        Ok(Restored { bytes, .. }) => {
            Report { snapshots: 1, bytes: bytes.len() as u64, problems: Vec::new() }
        }
        Err(error) if matches!(error.code(), Code::Corrupt | Code::HashMismatch) => {
            Report { snapshots: 1, bytes: 0, problems: vec![error] }
        }
        Err(error) => return Err(error),
    };
    report(env, told)
}

/// `repair(undefined, token?)`.
pub fn repair(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    handle.run(call, handle.timeline.repair(), repaired)
}

/// `NativeMended`.
fn repaired(env: Env, repaired: Repaired) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"kept", env.count(repaired.kept)?)?;
    let lost = env.array(repaired.lost.iter(), |env, (sequence, error)| {
        let lost = env.object()?;
        env.set(lost, c"sequence", env.count(*sequence)?)?;
        env.set(lost, c"why", env.record(error)?)?;
        Ok(lost)
    });
    env.set(object, c"lost", lost?)?;
    env.set(object, c"tags", env.array(repaired.tags.iter(), |env, tag| env.text(tag))?)?;
    env.set(object, c"control", env.boolean(repaired.control)?)?;
    Ok(object)
}
