//! Objects of JavaScript that own something native: stores, timelines, machines, tokens.

use std::any::TypeId;
use std::ffi::{c_void, CStr};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::ptr;

use keepstate_core::error::Result;
use napi::sys;

use crate::export::{method, Call, Named};
use crate::home::Home;
use crate::js::{check, expected, value, Env, Js};

/// Something that JavaScript can hold.
pub trait Handle: 'static {
    /// The class's name.
    const NAME: &'static CStr;
    /// The class's methods.
    const METHODS: &'static [Named];

    /// How many bytes were reported for this one with `Env::report`.
    fn reported(&self) -> i64 {
        0
    }
}

impl Env {
    /// Tells JavaScript's collector of memory that it does not see: an object of a hundred bytes
    /// that holds megabytes would else wait long to be collected.
    pub fn report(self, change: i64) {
        let mut total = 0;
        if change != 0 {
            // SAFETY: on the JavaScript thread. A failure only makes the collector less eager.
            unsafe { sys::napi_adjust_external_memory(self.0, change, &mut total) };
        }
    }
}

/// What the object points to. The head comes first whatever is owned, and says what that is.
#[repr(C)]
struct Owned<T> {
    head: Head,
    value: T,
}

#[repr(C)]
struct Head {
    magic: u64,
    kind: TypeId,
}

/// Tells our objects from those of another addon, as far as eight bytes can.
const MAGIC: u64 = 0x6b65_6570_7374_6174;

/// A new object that owns `handle` until it is collected.
pub fn wrap<T: Handle>(env: Env, handle: T) -> Result<Js> {
    let class = Home::of(env)?.class(env, T::NAME, T::METHODS)?;
    let object = value!("make a handle", napi_new_instance(env.0, class, 0, ptr::null()))?;
    let owned = Owned { head: Head { magic: MAGIC, kind: TypeId::of::<T>() }, value: handle };
    let owned = Box::into_raw(Box::new(owned));
    let (hint, nowhere) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: `release` gets back the box when the object is collected or the environment ends.
    let status =
        unsafe { sys::napi_wrap(env.0, object, owned.cast(), Some(release::<T>), hint, nowhere) };
    if status != sys::Status::napi_ok {
        // SAFETY: refused, so nobody but us has it.
        drop(unsafe { Box::from_raw(owned) });
    }
    check(status, "wrap a handle").map(|()| object)
}

unsafe extern "C" fn release<T: Handle>(env: sys::napi_env, owned: *mut c_void, _: *mut c_void) {
    // SAFETY: called once, with what `wrap` gave.
    let owned = unsafe { Box::from_raw(owned.cast::<Owned<T>>()) };
    Env(env).report(-owned.value.reported());
    // A panic in a drop must not unwind into JavaScript; there is nobody left to tell of it.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(owned)));
}

impl Call {
    /// What the object that the method was called on owns.
    pub fn own<T: Handle>(&self) -> Result<&T> {
        self.owned(self.this)
    }

    /// What a given object owns.
    pub fn owned<T: Handle>(&self, object: Js) -> Result<&T> {
        let mut data = ptr::null_mut();
        // SAFETY: the object is of the running call's scope.
        let status = unsafe { sys::napi_unwrap(self.env.0, object, &mut data) };
        if status == sys::Status::napi_ok && !data.is_null() {
            // SAFETY: what we wrapped begins with a head; of other addons' objects no more than its
            // bytes are read, and `call` keeps the object from being collected.
            let head = unsafe { &*data.cast::<Head>() };
            if head.magic == MAGIC && head.kind == TypeId::of::<T>() {
                // SAFETY: the head says that it owns a T.
                return Ok(unsafe { &(*data.cast::<Owned<T>>()).value });
            }
        }
        let name = T::NAME.to_str().unwrap_or("handle");
        expected("The object", &format!("a {name} of this addon"))
    }
}

/// Makes the class.
pub fn define(env: Env, name: &CStr, methods: &[Named]) -> Result<Js> {
    let methods: Vec<_> = methods.iter().map(|named| method(*named)).collect();
    let (text, length) = (name.as_ptr(), name.count_bytes() as isize);
    let mut class = ptr::null_mut();
    // SAFETY: names and bodies live for ever; the list is copied by the call.
    let status = unsafe {
        sys::napi_define_class(
            env.0,
            text,
            length,
            Some(construct),
            ptr::null_mut(),
            methods.len(),
            methods.as_ptr(),
            &mut class,
        )
    };
    check(status, "define a class").map(|()| class)
}

/// Gives back the bare object; one that `wrap` did not fill is refused by each method.
unsafe extern "C" fn construct(env: sys::napi_env, info: sys::napi_callback_info) -> Js {
    let (mut this, none) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: only `this` is asked for.
    unsafe { sys::napi_get_cb_info(env, info, ptr::null_mut(), ptr::null_mut(), &mut this, none) };
    this
}
