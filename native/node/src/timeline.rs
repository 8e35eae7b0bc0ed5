//! The classes NativeTimeline and SteppedTimeline: the same operations over a store of the core,
//! which run to their end natively, and over any other store, as machines.

use std::cell::Cell;
use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use keepstate_core::drive;
use keepstate_core::error::{fail, Code, Error, Result};
use keepstate_core::machine::{Answer, Machine, RequestId, Step};
use keepstate_core::store::{Durable, Store, Supports};
use keepstate_core::timeline::{At, Name, Options, Snapshot, Timeline};
use parking_lot::Mutex;

use crate::carry;
use crate::drive::{ground, job};
use crate::export::{Call, Named};
use crate::handle::{wrap, Handle};
use crate::home::Home;
use crate::insight;
use crate::js::{expected, Env, Js};
use crate::machine::{machine, Converted, Made, Stepped};
use crate::snapshot::{deleted, restored, saved, snapshot, snapshots};
use crate::soon::{soon, Convert};
use crate::store::{Lane, StoreHandle};
use crate::stream;
use crate::upkeep;

/// To compress and write so many bytes takes less than to wake another thread for it and wait.
const SMALL: usize = 64 * 1024;

/// A timeline, and the store of the core that it lies in, if it is one.
pub struct TimelineHandle {
    pub timeline: Timeline,
    pub home: Option<(Arc<dyn Store>, Lane)>,
    reported: Cell<i64>,
}

impl Handle for TimelineHandle {
    const NAME: &'static CStr = c"NativeTimeline";
    const METHODS: &'static [Named] = &[
        (c"save", save),
        (c"epoch", |call| call.env.count(call.own::<TimelineHandle>()?.timeline.epoch())),
        (c"restore", |call| read(call, |timeline, at| timeline.restore(at), restored)),
        (c"show", |call| read(call, |timeline, at| timeline.show(at), snapshot)),
        (c"list", list),
        (c"delete", delete),
        (c"verify", insight::verify),
        (c"blame", insight::blame),
        (c"why", insight::why),
        (c"repair", insight::repair),
        (c"part", carry::part),
        (c"importer", carry::importer),
        (c"takeIn", carry::take_in),
        (c"finishImport", carry::finish_import),
        (c"abandonImport", carry::abandon_import),
        (c"fork", upkeep::fork),
        (c"tag", upkeep::tag),
        (c"untag", upkeep::untag),
        (c"tags", upkeep::tags),
        (c"prune", upkeep::prune),
        (c"pack", upkeep::pack),
        (c"maintain", upkeep::maintain),
        (c"release", upkeep::release),
        (c"inflow", stream::inflow),
        (c"stage", stream::stage),
        (c"feed", stream::feed),
        (c"finish", stream::finish),
        (c"giveUp", stream::give_up),
        (c"outflow", stream::outflow),
        (c"next", stream::next),
    ];

    fn reported(&self) -> i64 {
        self.reported.get()
    }
}

/// A timeline over a store of the core.
pub fn timeline(call: &Call) -> Result<Js> {
    let [store, name, options, _] = call.arguments;
    let store = call.owned::<StoreHandle>(store)?;
    let supports = store.store.supports();
    let home = Some((store.store.clone(), store.lane.clone()));
    opened(call, (name, options), (supports, home))
}

/// A timeline over a store that JavaScript holds.
pub fn stepped_timeline(call: &Call) -> Result<Js> {
    let [supports, name, options, _] = call.arguments;
    opened(call, (name, options), (call.supports(supports)?, None))
}

type Place = (Supports, Option<(Arc<dyn Store>, Lane)>);

fn opened(call: &Call, (name, given): (Js, Js), (supports, home): Place) -> Result<Js> {
    let env = call.env;
    let name = call.timeline_name(name)?;
    let flag = |name, what| match env.get(given, name)? {
        Some(flag) => env.read_boolean(flag, what),
        None => Ok(false),
    };
    let mut options = Options {
        full_integrity: flag(c"full", "full")?,
        single_writer: flag(c"singleWriter", "singleWriter")?,
        ..Options::default()
    };
    if let Some(level) = env.get(given, c"level")? {
        options.level = env.read_number(level, "level")? as i32;
    }
    if let Some(lease) = env.get(given, c"lease")? {
        options.lease = Some(Duration::from_millis(env.read_count(lease, "lease")?));
    }
    let timeline = Timeline::new(name, Arc::new(supports), options);
    wrap(env, TimelineHandle { timeline, home, reported: Cell::new(0) })
}

impl Call {
    /// `NativeName`.
    pub fn timeline_name(&self, name: Js) -> Result<Name> {
        let part = |part, what| match self.env.get(name, part)? {
            Some(text) => self.env.read_text(text, what),
            None => expected(what, "given"),
        };
        Name::new(&part(c"agent", "agent")?, &part(c"session", "session")?)
    }

    /// `NativeSupports`.
    fn supports(&self, value: Js) -> Result<Supports> {
        let env = self.env;
        let part = |name| match env.get(value, name)? {
            Some(part) => Ok(part),
            None => expected("supports", "whole"),
        };
        let flag = |name| env.read_boolean(part(name)?, "A flag of supports");
        let count = |name| env.read_number(part(name)?, "A limit of supports");
        Ok(Supports {
            kind: env.read_text(part(c"kind")?, "kind")?,
            commit: flag(c"commit")?,
            conditional_put: flag(c"conditionalPut")?,
            conditional_delete: flag(c"conditionalDelete")?,
            ttl: flag(c"ttl")?,
            view: flag(c"view")?,
            durable: match env.read_text(part(c"durable")?, "durable")?.as_str() {
                "yes" => Durable::Yes,
                "no" => Durable::No,
                _ => Durable::Unknown,
            },
            max_value: count(c"maxValue")? as u64,
            max_batch: count(c"maxBatch")? as usize,
        })
    }
}

/// What is mostly in memory is read at once; only the rest goes to the pool.
fn read<T: Send + 'static>(
    call: &Call,
    operation: fn(&Timeline, At) -> Machine<T>,
    convert: Convert<T>,
) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    let machine = operation(&handle.timeline, call.at(call.arguments[0])?);
    let (store, lane) = match &handle.home {
        Some((_, Lane::Pool(_))) | None => return handle.run(call, machine, convert),
        Some(home) => home,
    };
    let ground = ground(store, lane, call.token(call.arguments[1])?);
    let mut staged = Ok(());
    let result = soon(call.env, convert, |done| {
        if let Some(rest) = drive::start_reading(machine, &ground, done) {
            staged = Home::of(call.env).and_then(|home| home.stage_job(call.env, rest));
        }
    });
    staged.and(result)
}

fn list(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    handle.run(call, handle.timeline.list(call.page(call.arguments[0])?), snapshots)
}

fn delete(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    if !call.env.is_undefined(call.arguments[0]) {
        let message = "One snapshot alone cannot be deleted, only the timeline as a whole.";
        return fail(Code::Unsupported, message);
    }
    handle.run(call, handle.timeline.delete(), deleted)
}

impl TimelineHandle {
    /// The handle that a method was called on. What it holds by now is reported at each call.
    pub fn of(call: &Call) -> Result<&Self> {
        let handle = call.own::<TimelineHandle>()?;
        let held = handle.timeline.memory() as i64;
        call.env.report(held - handle.reported.replace(held));
        Ok(handle)
    }

    /// Whether JavaScript drives its machines.
    pub fn is_stepped(&self) -> bool {
        self.home.is_none()
    }

    /// The same for what gives a value or fails. The call's second argument is a token.
    pub fn run<T: Send + 'static>(
        &self,
        call: &Call,
        operation: Machine<T>,
        convert: Convert<T>,
    ) -> Result<Js> {
        self.finish(call, operation, move |env, result| convert(env, result?))
    }

    /// Drives an operation, or hands it to JavaScript to be driven.
    pub fn finish<T: Send + 'static>(
        &self,
        call: &Call,
        operation: Machine<T>,
        convert: impl FnOnce(Env, Result<T>) -> Result<Js> + Copy + Send + 'static,
    ) -> Result<Js> {
        let Some((store, lane)) = &self.home else {
            return machine(call.env, Box::new(Converted { machine: operation, convert }), 0);
        };
        let ground = ground(store, lane, call.token(call.arguments[1])?);
        let home = Home::of(call.env)?;
        home.owed(call.env, |ticket| {
            job(operation, ground, move |result| {
                ticket.settle(Ok(()), move |env, ()| convert(env, result));
            })
        })
    }
}

fn save(call: &Call) -> Result<Js> {
    let handle = TimelineHandle::of(call)?;
    let (save, weight) = call.save()?;
    let Some((store, lane)) = &handle.home else {
        let told = Arc::new(Mutex::new(None));
        let teller = told.clone();
        let done = Box::new(move |result| *teller.lock() = Some(result));
        let machine_of = handle.timeline.save(save, done);
        return machine(call.env, Box::new(Saving { machine: machine_of, told }), weight);
    };
    let home = Home::of(call.env)?;
    let ground = ground(store, lane, Arc::default());
    let mut staged = Ok(());
    let result = soon(call.env, saved, |done| {
        // Queued here, so that saves land in the order of their calls; driven elsewhere.
        let Some(machine) = handle.timeline.save(save, done) else { return };
        staged = match lane {
            Lane::Here | Lane::WritesHere if weight <= SMALL => {
                drive::start(machine, &ground, drop);
                Ok(())
            }
            _ => home.stage_job(call.env, job(machine, ground, drop)),
        };
    });
    staged.and(result)
}

/// A save that JavaScript drives. Where an earlier save of the timeline is still under way, that
/// one's machine saves this too, and this has none: it must be stepped after it.
struct Saving {
    machine: Option<Machine<()>>,
    told: Arc<Mutex<Option<Result<Snapshot>>>>,
}

impl Stepped for Saving {
    fn answer(&mut self, id: RequestId, answer: Result<Answer>) {
        if let Some(machine) = &mut self.machine {
            machine.answer(id, answer);
        }
    }

    fn step(&mut self) -> Step<Made> {
        let ended = match self.machine.as_mut().map(Machine::step) {
            Some(Step::Do(requests)) => return Step::Do(requests),
            Some(Step::Done(Err(error))) => Some(error),
            Some(Step::Done(Ok(()))) | None => None,
        };
        let told = self.told.lock().take();
        let result = told.unwrap_or_else(|| Err(ended.unwrap_or_else(untold)));
        Step::Done(result.map(|told| Box::new(move |env| saved(env, told)) as Made))
    }
}

fn untold() -> Error {
    let message = "The save that this one was joined to was given up; restore, then save again.";
    Error::new(Code::Aborted, message)
}
