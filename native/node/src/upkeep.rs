//! What timelines offer beside saving and restoring: forks, tags, leases, pruning and packing.

use keepstate_core::error::{fail, Code, Result};
use keepstate_core::timeline::{
    shows, At, From, Packing, Packings, Policy, Pruned, Reason, Stretch,
};

use bytes::Bytes;

use crate::background;
use crate::drive::{job, quiet_ground};
use crate::export::Call;
use crate::home::Home;
use crate::js::{expected, Env, Js};
use crate::machine::{machine, Converted};
use crate::queue::Ticket;
use crate::snapshot::snapshot;
use crate::timeline::TimelineHandle;

/// `fork({ agent, session, ref }, token?)`.
pub fn fork(call: &Call) -> Result<Js> {
    let (handle, given) = (TimelineHandle::of(call)?, call.arguments[0]);
    let name = call.timeline_name(given)?;
    let at = call.part_at(given)?;
    handle.run(call, handle.timeline.fork(name, at), snapshot)
}

/// `tag({ name, ref?, from? }, token?)`.
pub fn tag(call: &Call) -> Result<Js> {
    let (handle, given) = (TimelineHandle::of(call)?, call.arguments[0]);
    let (name, from, at) = (call.tag_name(given)?, call.from(given)?, call.part_at(given)?);
    handle.run(call, handle.timeline.tag(name, at, from), snapshot)
}

/// `untag({ name, from? }, token?)`.
pub fn untag(call: &Call) -> Result<Js> {
    let (handle, given) = (TimelineHandle::of(call)?, call.arguments[0]);
    let (name, from) = (call.tag_name(given)?, call.from(given)?);
    handle.run(call, handle.timeline.untag(name, from), |env, sequence| env.count(sequence))
}

/// `tags(undefined, token?)`.
pub fn tags(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    handle.run(call, handle.timeline.tags(), |env, tags| {
        env.array(tags.into_iter(), |env, (name, sequence)| {
            let object = env.object()?;
            env.set(object, c"name", env.text(&name)?)?;
            env.set(object, c"sequence", env.count(sequence)?)?;
            Ok(object)
        })
    })
}

/// `prune(policy, token?)`.
pub fn prune(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    handle.run(call, handle.timeline.prune(call.policy(call.arguments[0])?), pruned)
}

/// `pack({ level? }, token?)`: everything, as tightly as it goes.
pub fn pack(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    let level = call.env.get(call.arguments[0], c"level")?;
    let level = level.map(|level| call.env.read_number(level, "level")).transpose()?;
    let packing = Packing { all: true, level: level.map(|level| level as i32) };
    handle.run(call, handle.timeline.pack(packing), packings)
}

/// `maintain()`: packs what is due, in the background; undefined where nothing is.
pub fn maintain(call: &Call) -> Result<Js> {
    let (env, handle) = (call.env, TimelineHandle::of(call)?);
    let Some(due) = handle.timeline.maintain() else { return env.undefined() };
    let convert = |env: Env, result: Result<Packings>| packings(env, result?);
    let Some((store, lane)) = &handle.home else {
        return machine(env, Box::new(Converted { machine: due, convert }), 0);
    };
    let ground = quiet_ground(store, lane);
    let (ticket, promise) = Ticket::new(env, &Home::of(env)?.queue)?;
    let settle = move |result| ticket.settle(Ok(()), move |env, ()| convert(env, result));
    background::submit(vec![job(due, ground, settle)]);
    Ok(promise)
}

/// `release(undefined, token?)`.
pub fn release(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    handle.run(call, handle.timeline.release(), |env, ()| env.null())
}

/// `timelineShows({ agent, session }, control, loose)`: null where only a look at its values tells.
pub fn timeline_shows(call: &Call) -> Result<Js> {
    let [name, control, loose, _] = call.arguments;
    let name = call.timeline_name(name)?;
    let control = match call.env.is_undefined(control) {
        true => None,
        false => Some(Bytes::copy_from_slice(call.bytes(control, "A control object")?)),
    };
    match shows(&name, control.as_ref(), usize::from(call.env.read_boolean(loose, "loose")?))? {
        Some(shown) => call.env.boolean(shown),
        None => call.env.null(),
    }
}

/// Reading.
impl Call {
    /// `ref` of what was given.
    pub fn part_at(&self, given: Js) -> Result<At> {
        self.env.get(given, c"ref")?.map_or(Ok(At::Latest), |at| self.at(at))
    }

    fn tag_name(&self, given: Js) -> Result<String> {
        match self.env.get(given, c"name")? {
            Some(name) => self.env.read_text(name, "A tag"),
            None => expected("A tag", "given"),
        }
    }

    /// Absent: nowhere; `*`: anywhere; else a reference by number.
    fn from(&self, given: Js) -> Result<From> {
        let Some(from) = self.env.get(given, c"from")? else { return Ok(From::Nowhere) };
        if self.env.read_text(from, "from")? == "*" {
            return Ok(From::Anywhere);
        }
        match self.at(from)? {
            At::Sequence(sequence) => Ok(From::Sequence(sequence)),
            _ => fail(Code::InvalidRef, "from names a snapshot by number, as @17."),
        }
    }

    fn policy(&self, given: Js) -> Result<Policy> {
        let env = self.env;
        let count =
            |name, what| env.get(given, name)?.map(|it| env.read_count(it, what)).transpose();
        let flag = |name, what| match env.get(given, name)? {
            Some(flag) => env.read_boolean(flag, what),
            None => Ok(false),
        };
        Ok(Policy {
            keep_last: count(c"keepLast", "keepLast")?,
            drop_tagged: flag(c"dropTagged", "dropTagged")?,
            older_than: count(c"olderThan", "olderThan")?,
            keep_every: count(c"keepEvery", "keepEvery")?,
            dry_run: flag(c"dryRun", "dryRun")?,
        })
    }
}

/// `NativePacked`.
fn packings(env: Env, packed: Packings) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"values", env.count(packed.values)?)?;
    env.set(object, c"valuesBefore", env.count(packed.values_before)?)?;
    env.set(object, c"writtenBytes", env.count(packed.written)?)?;
    Ok(object)
}

/// `NativePruned`.
fn pruned(env: Env, pruned: Pruned) -> Result<Js> {
    let object = env.object()?;
    env.set(object, c"removed", env.count(pruned.gone)?)?;
    env.set(object, c"kept", env.count(pruned.kept)?)?;
    env.set(object, c"freedBytes", env.count(pruned.freed)?)?;
    env.set(object, c"runs", env.array(pruned.runs.into_iter(), stretch)?)?;
    Ok(object)
}

fn stretch(env: Env, stretch: Stretch) -> Result<Js> {
    let object = env.object()?;
    let Stretch { first, last, count, why } = stretch;
    for (name, number) in [(c"first", first), (c"last", last), (c"count", count)] {
        env.set(object, name, env.count(number)?)?;
    }
    if let Some(why) = why {
        env.set(object, c"because", env.text(reason(why))?)?;
    }
    Ok(object)
}

fn reason(why: Reason) -> &'static str {
    match why {
        Reason::Last => "last",
        Reason::Tagged => "tag",
        Reason::Young => "young",
        Reason::Every => "every",
        Reason::Forked => "fork",
        Reason::Shared => "shared",
        Reason::Open => "open",
    }
}
