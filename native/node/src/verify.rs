//! Long reads that tell how far they are and can be cancelled.

use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;

use keepstate_core::error::{Error, Result};
use keepstate_core::store::Embedded;
use napi::sys;

use crate::abort::aborted;
use crate::export::Call;
use crate::home::Home;
use crate::js::{check, value, Env, Js};
use crate::queue::Queue;
use crate::store::StoreHandle;

/// `{ token?, progress? }` of a call.
struct Watch {
    cancelled: Arc<AtomicBool>,
    progress: Option<Progress>,
}

/// A function of JavaScript that is told how far the work is. At most one message to it is under
/// way: what comes meanwhile is skipped, so that a busy JavaScript thread does not collect them.
pub struct Progress {
    queue: Arc<Queue>,
    function: Function,
    busy: Arc<AtomicBool>,
}

#[derive(Clone, Copy)]
struct Function(sys::napi_ref);

// SAFETY: carried between threads only; used and freed on the JavaScript thread.
unsafe impl Send for Function {}
// SAFETY: as above; what is shared is only copied.
unsafe impl Sync for Function {}

/// `NativeStore.verify`.
pub fn verify(call: &Call) -> Result<Js> {
    let store = call.own::<StoreHandle>()?.embedded()?;
    let watch = Watch::read(call, call.arguments[0])?;
    Home::of(call.env)?.later(call.env, move || watch.run(&*store), damage)
}

fn damage(env: Env, found: Vec<Error>) -> Result<Js> {
    env.array(found.iter(), |env, error| env.record(error))
}

impl Watch {
    fn read(call: &Call, options: Js) -> Result<Watch> {
        let env = call.env;
        let token = match env.get(options, c"token")? {
            Some(token) => token,
            None => env.undefined()?,
        };
        let progress = env.get(options, c"progress")?;
        let progress = progress.map(|function| Progress::new(env, function)).transpose()?;
        Ok(Watch { cancelled: call.token(token)?, progress })
    }

    fn run(self, store: &dyn Embedded) -> Result<Vec<Error>> {
        let found = store.verify(&mut |done, total| {
            if let Some(progress) = &self.progress {
                progress.tell(&[done, total]);
            }
        });
        match self.cancelled.load(Ordering::Relaxed) {
            true => Err(aborted()),
            false => found,
        }
    }
}

impl Progress {
    pub fn new(env: Env, function: Js) -> Result<Progress> {
        let mut reference = ptr::null_mut();
        // SAFETY: the function is of the running call's scope.
        let status = unsafe { sys::napi_create_reference(env.0, function, 1, &mut reference) };
        check(status, "keep a function")?;
        let queue = Home::of(env)?.queue.clone();
        Ok(Progress { queue, function: Function(reference), busy: Arc::default() })
    }

    /// Calls it with these numbers.
    pub fn tell(&self, numbers: &[u64]) {
        if self.busy.swap(true, Ordering::Relaxed) {
            return;
        }
        let (function, busy) = (self.function, self.busy.clone());
        let numbers = numbers.to_vec();
        self.queue.post(Box::new(move |env| {
            let _ = function.call(env, &numbers);
            busy.store(false, Ordering::Relaxed);
        }));
    }
}

impl Function {
    fn call(self, env: Env, numbers: &[u64]) -> Result<()> {
        let function = value!("get a function", napi_get_reference_value(env.0, self.0))?;
        let this = env.undefined()?;
        let given = numbers.iter().map(|number| env.count(*number));
        let given = given.collect::<Result<Vec<_>>>()?;
        let (count, given) = (given.len(), given.as_ptr());
        value!("call a function", napi_call_function(env.0, this, function, count, given))
            .map(drop)
            .inspect_err(|_| uncaught(env))
    }
}

/// What the function threw is no answer to anybody: Node.js is told of it as of any exception that
/// nobody catches, and what else is in the queue goes on.
fn uncaught(env: Env) {
    let mut thrown = ptr::null_mut();
    // SAFETY: on the JavaScript thread; without a pending exception the second is not reached.
    unsafe {
        if sys::napi_get_and_clear_last_exception(env.0, &mut thrown) == sys::Status::napi_ok {
            sys::napi_fatal_exception(env.0, thrown);
        }
    }
}

impl Drop for Progress {
    /// Behind the last message, on the JavaScript thread; gone with the environment if that ended.
    fn drop(&mut self) {
        let function = self.function;
        self.queue.post(Box::new(move |env| {
            let Function(reference) = { function };
            // SAFETY: the last use of the reference.
            unsafe { sys::napi_delete_reference(env.0, reference) };
        }));
    }
}
