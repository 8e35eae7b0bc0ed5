//! What the addon keeps for each environment: its queue, its classes, and what was asked in the
//! tick that runs.
//!
//! Work that leaves the JavaScript thread is gathered until the tick's microtasks run, and then
//! leaves together: a hundred promises wake one worker once, and their commits share one sync.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::ffi::{c_void, CStr};
use std::mem;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::rc::Rc;
use std::sync::Arc;

use keepstate_core::error::{Code, Error, Result};
use keepstate_core::store::{Commit, Store};
use napi::sys;

use crate::export::{function, Call, Named};
use crate::failure::panicked;
use crate::handle::define;
use crate::js::{check, value, Env, Js};
use crate::pool::{self, Job, Strand};
use crate::queue::{Queue, Ticket};

/// One environment's state. On its JavaScript thread only.
pub struct Home {
    pub queue: Arc<Queue>,
    classes: RefCell<HashMap<&'static CStr, Root>>,
    staged: RefCell<Staged>,
    ticking: Cell<bool>,
    microtask: Microtask,
}

/// What waits for the end of the tick.
#[derive(Default)]
struct Staged {
    jobs: Vec<Job>,
    commits: Vec<(Arc<dyn Store>, Vec<Commit>)>,
}

/// A value that outlives the call. The environment frees it when it ends.
struct Root(sys::napi_ref);

impl Root {
    fn new(env: Env, value: Js) -> Result<Self> {
        let mut reference = ptr::null_mut();
        // SAFETY: the value is of the running call's scope.
        let status = unsafe { sys::napi_create_reference(env.0, value, 1, &mut reference) };
        check(status, "keep a value").map(|()| Root(reference))
    }

    fn get(&self, env: Env) -> Result<Js> {
        value!("get a kept value", napi_get_reference_value(env.0, self.0))
    }
}

/// `Promise.resolve().then(leave)`: the cheapest way to be called when the tick's own code is done.
struct Microtask {
    resolved: Root,
    then: Root,
    leave: Root,
}

impl Microtask {
    fn new(env: Env) -> Result<Self> {
        let mut deferred = ptr::null_mut();
        let promise = value!("make a promise", napi_create_promise(env.0, &mut deferred))?;
        // SAFETY: the deferred was made just now.
        let status = unsafe { sys::napi_resolve_deferred(env.0, deferred, env.undefined()?) };
        check(status, "resolve a promise")?;
        let then = env.get(promise, c"then")?.ok_or_else(no_home)?;
        let leave = function(env, (c"leave", leave))?;
        Ok(Microtask {
            resolved: Root::new(env, promise)?,
            then: Root::new(env, then)?,
            leave: Root::new(env, leave)?,
        })
    }

    fn queue(&self, env: Env) -> Result<()> {
        let (resolved, then) = (self.resolved.get(env)?, self.then.get(env)?);
        let leave = self.leave.get(env)?;
        value!("queue a microtask", napi_call_function(env.0, resolved, then, 1, &leave)).map(drop)
    }
}

impl Home {
    /// Sets up the environment; once, when the addon is loaded into it.
    pub fn found(env: Env) -> Result<()> {
        let home = Home {
            queue: Queue::new(env)?,
            classes: RefCell::default(),
            staged: RefCell::default(),
            ticking: Cell::new(false),
            microtask: Microtask::new(env)?,
        };
        let home = Box::into_raw(Box::new(Rc::new(home))).cast();
        // SAFETY: `leave_home` gets back the box when the environment ends.
        let status =
            unsafe { sys::napi_set_instance_data(env.0, home, Some(leave_home), ptr::null_mut()) };
        check(status, "keep the addon's state")
    }

    /// The environment's state.
    pub fn of(env: Env) -> Result<Rc<Home>> {
        let mut data = ptr::null_mut();
        // SAFETY: asks for what `found` set.
        let status = unsafe { sys::napi_get_instance_data(env.0, &mut data) };
        check(status, "find the addon's state")?;
        // SAFETY: set by `found`, and not released while calls come in.
        unsafe { data.cast::<Rc<Home>>().as_ref() }.cloned().ok_or_else(no_home)
    }

    /// The class of this name, made at its first use.
    pub fn class(&self, env: Env, name: &'static CStr, methods: &[Named]) -> Result<Js> {
        if let Some(class) = self.classes.borrow().get(name) {
            return class.get(env);
        }
        let class = define(env, name, methods)?;
        self.classes.borrow_mut().insert(name, Root::new(env, class)?);
        Ok(class)
    }

    /// Runs `work` on the pool; the promise settles with what `convert` makes of its result.
    pub fn later<T: Send + 'static>(
        &self,
        env: Env,
        work: impl FnOnce() -> Result<T> + Send + 'static,
        convert: impl FnOnce(Env, T) -> Result<Js> + Send + 'static,
    ) -> Result<Js> {
        self.owed(env, |ticket| {
            Box::new(move || {
                let ran = catch_unwind(AssertUnwindSafe(work));
                ticket.settle(ran.unwrap_or_else(|payload| Err(panicked(&*payload))), convert);
            })
        })
    }

    /// A promise, and the job that settles it.
    pub fn owed(&self, env: Env, job: impl FnOnce(Ticket) -> Job) -> Result<Js> {
        let (ticket, promise) = Ticket::new(env, &self.queue)?;
        self.stage_job(env, job(ticket))?;
        Ok(promise)
    }

    /// Lets a job leave with this tick.
    pub fn stage_job(&self, env: Env, job: Job) -> Result<()> {
        self.staged.borrow_mut().jobs.push(job);
        self.tick(env)
    }

    /// The same for a job that runs behind those which its strand was given before.
    pub fn stage_in_order(&self, env: Env, strand: &Arc<Strand>, job: Job) -> Result<()> {
        strand.line_up(job).map_or(Ok(()), |job| self.stage_job(env, job))
    }

    /// Lets a commit leave with this tick, together with all others of its store.
    pub fn stage_commit(&self, env: Env, store: &Arc<dyn Store>, commit: Commit) -> Result<()> {
        let mut staged = self.staged.borrow_mut();
        match staged.commits.iter_mut().find(|(other, _)| Arc::ptr_eq(other, store)) {
            Some((_, commits)) => commits.push(commit),
            None => staged.commits.push((store.clone(), vec![commit])),
        }
        drop(staged);
        self.tick(env)
    }

    fn tick(&self, env: Env) -> Result<()> {
        if self.ticking.replace(true) {
            return Ok(());
        }
        self.microtask.queue(env).inspect_err(|_| self.ticking.set(false))
    }

    /// The tick is over: all that it asked for leaves.
    fn leave(&self) {
        self.ticking.set(false);
        let Staged { jobs, commits } = mem::take(&mut *self.staged.borrow_mut());
        for (store, commits) in commits {
            store.commit(commits);
        }
        if !jobs.is_empty() {
            pool::submit(jobs);
        }
    }
}

fn leave(call: &Call) -> Result<Js> {
    Home::of(call.env)?.leave();
    call.env.undefined()
}

unsafe extern "C" fn leave_home(_: sys::napi_env, home: *mut c_void, _: *mut c_void) {
    // SAFETY: called once, with what `found` gave.
    let home = unsafe { Box::from_raw(home.cast::<Rc<Home>>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(home)));
}

fn no_home() -> Error {
    Error::new(Code::Internal, "The addon was called before it was set up; please report it.")
}
