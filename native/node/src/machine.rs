//! The class NativeMachine: an operation of the core in JavaScript's hands, which answers it.

use std::collections::HashMap;
use std::ffi::CStr;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use keepstate_core::error::{fail, Code, Result};
use keepstate_core::machine::{Answer, Machine, Request, RequestId, Step};
use parking_lot::Mutex;

use crate::answers::{request, Kind};
use crate::export::{Call, Named};
use crate::failure::panicked;
use crate::handle::{wrap, Handle};
use crate::home::Home;
use crate::js::{Env, Js};

/// A machine that was answered more bytes than this steps on the pool: it will hash, compare and
/// compress them.
const LIGHT: usize = 64 * 1024;

/// Makes the value that a machine ended with.
pub type Made = Box<dyn FnOnce(Env) -> Result<Js> + Send>;

/// A machine whose result JavaScript can take.
pub trait Stepped: Send {
    fn answer(&mut self, id: RequestId, answer: Result<Answer>);
    fn step(&mut self) -> Step<Made>;
}

/// Any machine of the core, with what makes a value of its result.
pub struct Converted<T, F> {
    pub machine: Machine<T>,
    pub convert: F,
}

impl<T, F> Stepped for Converted<T, F>
where
    T: Send + 'static,
    F: FnOnce(Env, Result<T>) -> Result<Js> + Copy + Send + 'static,
{
    fn answer(&mut self, id: RequestId, answer: Result<Answer>) {
        self.machine.answer(id, answer);
    }

    fn step(&mut self) -> Step<Made> {
        let convert = self.convert;
        match self.machine.step() {
            Step::Do(requests) => Step::Do(requests),
            Step::Done(result) => Step::Done(Ok(Box::new(move |env| convert(env, result)))),
        }
    }
}

/// A machine under way.
pub struct MachineHandle(Arc<Running>);

struct Running {
    /// None once it was cancelled.
    machine: Mutex<Option<Box<dyn Stepped>>>,
    /// What was asked and not yet answered.
    open: Mutex<HashMap<RequestId, Kind>>,
    /// How many bytes it was given so far.
    weight: AtomicUsize,
}

impl Handle for MachineHandle {
    const NAME: &'static CStr = c"NativeMachine";
    const METHODS: &'static [Named] = &[(c"step", step), (c"cancel", cancel)];
}

/// Hands a machine to JavaScript. `weight` is the bytes that it holds already.
pub fn machine(env: Env, machine: Box<dyn Stepped>, weight: usize) -> Result<Js> {
    let running = Running {
        machine: Mutex::new(Some(machine)),
        open: Mutex::default(),
        weight: AtomicUsize::new(weight),
    };
    wrap(env, MachineHandle(Arc::new(running)))
}

type Answers = Vec<(RequestId, Result<Answer>)>;

fn step(call: &Call) -> Result<Js> {
    let running = call.own::<MachineHandle>()?.0.clone();
    let answers = running.read(call, call.arguments[0])?;
    if running.weight.load(Ordering::Relaxed) <= LIGHT {
        // Only a step on the pool holds the lock for long; behind it this one goes there too.
        if let Some(mut machine) = running.machine.try_lock() {
            let step = go(&mut machine, answers)?;
            drop(machine);
            return running.told(call.env, step);
        }
    }
    let (stepping, telling) = (running.clone(), running);
    let work = move || {
        let mut machine = stepping.machine.lock();
        go(&mut machine, answers)
    };
    Home::of(call.env)?.later(call.env, work, move |env, step| telling.told(env, step))
}

/// A step that panics leaves a machine that cannot go on.
fn go(machine: &mut Option<Box<dyn Stepped>>, answers: Answers) -> Result<Step<Made>> {
    let Some(running) = machine else {
        return fail(Code::Aborted, "The machine was cancelled; start the call anew.");
    };
    let stepped = catch_unwind(AssertUnwindSafe(|| {
        answers.into_iter().for_each(|(id, answer)| running.answer(id, answer));
        running.step()
    }));
    stepped.map_err(|payload| {
        *machine = None;
        panicked(&*payload)
    })
}

/// Drops the machine: what it has under way is left to its holder.
fn cancel(call: &Call) -> Result<Js> {
    let running = call.own::<MachineHandle>()?.0.clone();
    if let Some(mut machine) = running.machine.try_lock() {
        *machine = None;
        return call.env.undefined();
    }
    let work = Box::new(move || *running.machine.lock() = None);
    Home::of(call.env)?.stage_job(call.env, work)?;
    call.env.undefined()
}

impl Running {
    /// An answer to what is not open is skipped: a late answer does no harm.
    fn read(&self, call: &Call, list: Js) -> Result<Answers> {
        let mut answers = Vec::new();
        for item in call.env.items(list, "The answers to a machine")? {
            let id = call.answer_id(item)?;
            let kind = self.open.lock().remove(&id);
            if let Some(kind) = kind {
                let answer = call.answer(item, kind);
                self.weight.fetch_add(answer.as_ref().map_or(0, size), Ordering::Relaxed);
                answers.push((id, answer));
            }
        }
        Ok(answers)
    }

    /// `{ requests }` or `{ done }`.
    fn told(&self, env: Env, step: Step<Made>) -> Result<Js> {
        let object = env.object()?;
        match step {
            Step::Do(requests) => env.set(object, c"requests", self.ask(env, requests)?)?,
            Step::Done(made) => env.set(object, c"done", made?(env)?)?,
        }
        Ok(object)
    }

    fn ask(&self, env: Env, requests: Vec<(RequestId, Request)>) -> Result<Js> {
        let kinds = requests.iter().map(|(id, request)| (*id, Kind::of(request)));
        self.open.lock().extend(kinds);
        env.array(requests.into_iter(), request)
    }
}

fn size(answer: &Answer) -> usize {
    match answer {
        Answer::Found(Some(found)) => found.value.len(),
        Answer::Listed(entries) => entries.len() * 100,
        _ => 0,
    }
}
