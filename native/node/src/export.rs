//! The one way from JavaScript into the addon: reads the call, catches panics, and gives back a
//! value or an error record. Nothing is thrown.
//!
//! This stands in place of the macros of napi-rs, whose class methods cost five times as much a
//! call (1 us against 0.2 us, most of it the bookkeeping of borrows that our handles do not need).

use std::ffi::{c_void, CStr};
use std::mem;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use keepstate_core::error::Result;
use napi::sys;

use crate::failure::panicked;
use crate::js::{check, Env, Js};

/// The most arguments of any export.
const ARGUMENTS: usize = 4;

/// A call under way.
pub struct Call {
    pub env: Env,
    /// The object that a method was called on.
    pub this: Js,
    /// What was given; `undefined` where nothing was.
    pub arguments: [Js; ARGUMENTS],
}

/// What an export does.
pub type Body = fn(&Call) -> Result<Js>;

/// An export or a method: its name and what it does.
pub type Named = (&'static CStr, Body);

/// A function of JavaScript that runs `body`.
pub fn function(env: Env, (name, body): Named) -> Result<Js> {
    let (data, mut result) = (body as *mut c_void, ptr::null_mut());
    let (text, length) = (name.as_ptr(), name.count_bytes() as isize);
    // SAFETY: the name lives for ever; `enter` gets back the body that is given here.
    let status =
        unsafe { sys::napi_create_function(env.0, text, length, Some(enter), data, &mut result) };
    check(status, "make a function").map(|()| result)
}

/// A method in the form in which classes take it.
pub fn method((name, body): Named) -> sys::napi_property_descriptor {
    sys::napi_property_descriptor {
        utf8name: name.as_ptr(),
        name: ptr::null_mut(),
        method: Some(enter),
        getter: None,
        setter: None,
        value: ptr::null_mut(),
        attributes: sys::PropertyAttributes::default,
        data: body as *mut c_void,
    }
}

/// Every call from JavaScript enters here, and no panic leaves.
unsafe extern "C" fn enter(env: sys::napi_env, info: sys::napi_callback_info) -> Js {
    let env = Env(env);
    let mut call = Call { env, this: ptr::null_mut(), arguments: [ptr::null_mut(); ARGUMENTS] };
    let (mut count, mut data) = (ARGUMENTS, ptr::null_mut());
    let arguments = call.arguments.as_mut_ptr();
    // SAFETY: there is room for as many arguments as `count` says.
    let status = unsafe {
        sys::napi_get_cb_info(env.0, info, &mut count, arguments, &mut call.this, &mut data)
    };
    let ran = catch_unwind(AssertUnwindSafe(|| {
        check(status, "read the arguments of a call")?;
        // SAFETY: `data` is the body that `function` or `method` was given.
        let body = unsafe { mem::transmute::<*mut c_void, Body>(data) };
        body(&call)
    }));
    let result = ran.unwrap_or_else(|payload| Err(panicked(&*payload)));
    env.outcome(result).unwrap_or(ptr::null_mut())
}
