//! The way back from any thread to JavaScript: one queue for each environment.
//!
//! Whoever first puts something into an empty queue wakes JavaScript; what others put meanwhile is
//! taken along, so that a hundred completions cost one wake. The thread-safe function beneath it
//! keeps the process alive exactly while a promise of ours is pending.
//!
//! `function` is none from the moment on that the environment ends. It is only called while the
//! lock is held, and the end takes the lock first: so it is never called after it is gone.

use std::ffi::c_void;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::Arc;

use keepstate_core::error::{Code, Error, Result};
use napi::sys;
use parking_lot::Mutex;

use crate::failure::panicked;
use crate::js::{check, value, Env, Js};

/// Handle scopes are closed after so many completions, so that a long queue needs little memory.
const SCOPE: usize = 256;

/// So often in a row the queue is emptied before JavaScript goes on.
const ROUNDS: usize = 4;

/// Something to do on the JavaScript thread.
pub type Message = Box<dyn FnOnce(Env) + Send>;

/// Messages on their way to one environment.
pub struct Queue {
    state: Mutex<State>,
    /// Promises not yet settled. Changed on the JavaScript thread only.
    pending: AtomicUsize,
    /// How often JavaScript was woken.
    wakes: AtomicU64,
}

struct State {
    messages: Vec<Message>,
    armed: bool,
    function: Option<Function>,
}

#[derive(Clone, Copy)]
struct Function(sys::napi_threadsafe_function);

// SAFETY: Node-API allows a thread-safe function to be called from any thread; that it is not
// called after its end is what `State::function` is for.
unsafe impl Send for Function {}

impl Queue {
    /// The queue of this environment.
    pub fn new(env: Env) -> Result<Arc<Self>> {
        let state = State { messages: Vec::new(), armed: false, function: None };
        let (pending, wakes) = Default::default();
        let queue = Arc::new(Queue { state: Mutex::new(state), pending, wakes });
        let function = create(env, &queue)?;
        queue.state.lock().function = Some(Function(function));
        let own = Arc::into_raw(queue.clone()).cast_mut().cast();
        // SAFETY: registered after the function's own hook, so it runs before; `end` takes `own`.
        let status = unsafe { sys::napi_add_env_cleanup_hook(env.0, Some(end), own) };
        check(status, "watch for the end of the environment").map(|()| queue)
    }

    /// Sends a message. Once the environment has ended it is dropped.
    pub fn post(&self, message: Message) {
        let mut state = self.state.lock();
        let Some(function) = state.function else {
            drop(state);
            return drop(message);
        };
        state.messages.push(message);
        if !state.armed {
            state.armed = true;
            let mode = sys::ThreadsafeFunctionCallMode::nonblocking;
            // SAFETY: not ended, and the lock keeps it so.
            unsafe { sys::napi_call_threadsafe_function(function.0, ptr::null_mut(), mode) };
        }
    }

    /// Promises not yet settled.
    pub fn pending(&self) -> usize {
        self.pending.load(Ordering::Relaxed)
    }

    /// How often JavaScript was woken.
    pub fn wakes(&self) -> u64 {
        self.wakes.load(Ordering::Relaxed)
    }

    fn began(&self, env: Env) {
        if self.pending.fetch_add(1, Ordering::Relaxed) == 0 {
            if let Some(function) = self.state.lock().function {
                // SAFETY: on the JavaScript thread, and not ended.
                unsafe { sys::napi_ref_threadsafe_function(env.0, function.0) };
            }
        }
    }

    fn ended(&self, env: Env) {
        if self.pending.fetch_sub(1, Ordering::Relaxed) == 1 {
            if let Some(function) = self.state.lock().function {
                // SAFETY: as above.
                unsafe { sys::napi_unref_threadsafe_function(env.0, function.0) };
            }
        }
    }

    /// What messages post themselves is taken along: they need no wake of their own.
    fn drain(&self, env: Env) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        for _ in 1..ROUNDS {
            let messages = std::mem::take(&mut self.state.lock().messages);
            if messages.is_empty() {
                break;
            }
            deliver(env, messages);
        }
        let rest = {
            let mut state = self.state.lock();
            state.armed = false;
            std::mem::take(&mut state.messages)
        };
        deliver(env, rest);
    }
}

fn deliver(env: Env, mut messages: Vec<Message>) {
    let mut rest = messages.drain(..).peekable();
    while rest.peek().is_some() {
        let mut scope = ptr::null_mut();
        // SAFETY: on the JavaScript thread; closed below, in order.
        unsafe { sys::napi_open_handle_scope(env.0, &mut scope) };
        for message in rest.by_ref().take(SCOPE) {
            let _ = catch_unwind(AssertUnwindSafe(|| message(env)));
        }
        // SAFETY: the scope that was opened above.
        unsafe { sys::napi_close_handle_scope(env.0, scope) };
    }
}

fn create(env: Env, queue: &Arc<Queue>) -> Result<sys::napi_threadsafe_function> {
    let name = env.text("keepstate")?;
    let context = Arc::into_raw(queue.clone()).cast_mut().cast();
    let (none, mut function) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: `forget` takes the context when nobody calls `call` with it any more.
    unsafe {
        let status = sys::napi_create_threadsafe_function(
            env.0,
            none,
            none,
            name,
            0,
            1,
            context,
            Some(forget),
            context,
            Some(call),
            &mut function,
        );
        check(status, "make a thread-safe function")?;
        check(sys::napi_unref_threadsafe_function(env.0, function), "let the process end")?;
    }
    Ok(function)
}

unsafe extern "C" fn call(env: sys::napi_env, _: Js, context: *mut c_void, _: *mut c_void) {
    if env.is_null() {
        return;
    }
    // SAFETY: the context is the queue, which `forget` has not yet released.
    let queue = unsafe { &*context.cast::<Queue>() };
    let _ = catch_unwind(AssertUnwindSafe(|| queue.drain(Env(env))));
}

unsafe extern "C" fn forget(_: sys::napi_env, queue: *mut c_void, _: *mut c_void) {
    // SAFETY: called once, with the reference that `create` gave.
    drop(unsafe { Arc::from_raw(queue.cast::<Queue>()) });
}

/// The environment ends: nobody may call the function any more, and what was not delivered never
/// will be.
unsafe extern "C" fn end(queue: *mut c_void) {
    // SAFETY: called once, with the reference that `new` gave.
    let queue = unsafe { Arc::from_raw(queue.cast::<Queue>()) };
    let (function, messages) = {
        let mut state = queue.state.lock();
        (state.function.take(), std::mem::take(&mut state.messages))
    };
    let _ = catch_unwind(AssertUnwindSafe(|| drop(messages)));
    if let Some(function) = function {
        let mode = sys::ThreadsafeFunctionReleaseMode::abort;
        // SAFETY: the one acquisition that `create` made; it was taken, so nobody calls any more.
        unsafe { sys::napi_release_threadsafe_function(function.0, mode) };
    }
}

/// A promise that is owed. Whoever holds the ticket settles it, once and on any thread. Dropped, it
/// settles with an error.
pub struct Ticket {
    deferred: Option<Deferred>,
    queue: Arc<Queue>,
}

struct Deferred(sys::napi_deferred);

// SAFETY: carried between threads only; used on the JavaScript thread.
unsafe impl Send for Deferred {}

impl Ticket {
    /// A ticket and its promise.
    pub fn new(env: Env, queue: &Arc<Queue>) -> Result<(Self, Js)> {
        let mut deferred = ptr::null_mut();
        let promise = value!("make a promise", napi_create_promise(env.0, &mut deferred))?;
        queue.began(env);
        Ok((Ticket { deferred: Some(Deferred(deferred)), queue: queue.clone() }, promise))
    }

    /// Settles with what `convert` makes of a value on the JavaScript thread, or with an error.
    pub fn settle<T: Send + 'static>(
        mut self,
        result: Result<T>,
        convert: impl FnOnce(Env, T) -> Result<Js> + Send + 'static,
    ) {
        self.send(move |env| result.and_then(|value| convert(env, value)));
    }

    fn send(&mut self, make: impl FnOnce(Env) -> Result<Js> + Send + 'static) {
        let Some(deferred) = self.deferred.take() else { return };
        let queue = self.queue.clone();
        self.queue.post(Box::new(move |env| {
            queue.ended(env);
            let made = catch_unwind(AssertUnwindSafe(|| make(env)));
            let result = made.unwrap_or_else(|payload| Err(panicked(&*payload)));
            if let Ok(value) = env.outcome(result) {
                let deferred = { deferred }.0;
                // SAFETY: on the JavaScript thread, once.
                unsafe { sys::napi_resolve_deferred(env.0, deferred, value) };
            }
        }));
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.send(|_| Err(dropped()));
    }
}

/// What a call ends with whose answer was lost.
pub fn dropped() -> Error {
    Error::new(Code::Internal, "A call was dropped without an answer; please report it.")
}
