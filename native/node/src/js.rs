//! Values of JavaScript, made and read. With `export`, `handle` and `queue` the only places that
//! call Node-API, which is why unsafe code stands here and in few other files.
//!
//! Every function is called on the JavaScript thread only: `Env` is neither Send nor Sync.

use std::ffi::CStr;
use std::ptr;

use keepstate_core::error::{fail, Code, Error, Result};
use napi::sys;

/// A value of JavaScript, valid until the native call ends or its handle scope closes.
pub type Js = sys::napi_value;

/// The environment that a call came from.
#[derive(Clone, Copy)]
pub struct Env(pub sys::napi_env);

/// Turns a status of Node-API into a result.
pub fn check(status: sys::napi_status, doing: &str) -> Result<()> {
    if status == sys::Status::napi_ok {
        return Ok(());
    }
    let message = format!("Node-API answered {status} when asked to {doing}; please report it.");
    fail(Code::Internal, message)
}

/// Calls a function of Node-API whose last argument is where its result goes.
macro_rules! made {
    ($doing:literal, $name:ident($($argument:expr),*)) => {{
        let mut result = Default::default();
        // SAFETY: the environment is that of the running call, the values are of its scope, and
        // `result` outlives the call.
        let status = unsafe { sys::$name($($argument,)* &mut result) };
        check(status, $doing).map(|()| result)
    }};
}

/// The same for functions that give a value.
macro_rules! value {
    ($doing:literal, $name:ident($($argument:expr),*)) => {{
        let mut result: Js = ptr::null_mut();
        // SAFETY: as in `made`.
        let status = unsafe { sys::$name($($argument,)* &mut result) };
        check(status, $doing).map(|()| result)
    }};
}

pub(crate) use value;

/// Making values.
impl Env {
    pub fn undefined(self) -> Result<Js> {
        value!("make undefined", napi_get_undefined(self.0))
    }

    pub fn null(self) -> Result<Js> {
        value!("make null", napi_get_null(self.0))
    }

    pub fn boolean(self, value: bool) -> Result<Js> {
        value!("make a boolean", napi_get_boolean(self.0, value))
    }

    pub fn number(self, value: f64) -> Result<Js> {
        value!("make a number", napi_create_double(self.0, value))
    }

    /// Sizes, counts and times: exact below 2^53.
    pub fn count(self, value: u64) -> Result<Js> {
        self.number(value as f64)
    }

    pub fn integer(self, value: i32) -> Result<Js> {
        value!("make an integer", napi_create_int32(self.0, value))
    }

    pub fn text(self, text: &str) -> Result<Js> {
        let (data, length) = (text.as_ptr().cast(), text.len() as isize);
        if text.is_ascii() {
            return value!("make a string", napi_create_string_latin1(self.0, data, length));
        }
        value!("make a string", napi_create_string_utf8(self.0, data, length))
    }

    /// A string of these bytes, each of which is a character.
    pub fn latin(self, text: &[u8]) -> Result<Js> {
        let (data, length) = (text.as_ptr().cast(), text.len() as isize);
        value!("make a string", napi_create_string_latin1(self.0, data, length))
    }

    /// A string of these units.
    pub fn wide(self, text: &[u16]) -> Result<Js> {
        let (data, length) = (text.as_ptr(), text.len() as isize);
        value!("make a string", napi_create_string_utf16(self.0, data, length))
    }

    pub fn object(self) -> Result<Js> {
        value!("make an object", napi_create_object(self.0))
    }

    /// An array of what `make` gives for each item.
    pub fn array<T>(
        self,
        items: impl ExactSizeIterator<Item = T>,
        make: impl Fn(Env, T) -> Result<Js>,
    ) -> Result<Js> {
        let array = value!("make an array", napi_create_array_with_length(self.0, items.len()))?;
        for (index, item) in items.enumerate() {
            let item = make(self, item)?;
            // SAFETY: both values are of the running call's scope.
            let status = unsafe { sys::napi_set_element(self.0, array, index as u32, item) };
            check(status, "fill an array")?;
        }
        Ok(array)
    }

    pub fn set(self, object: Js, name: &CStr, value: Js) -> Result<()> {
        // SAFETY: both values are of the running call's scope; the name ends with a zero.
        let status = unsafe { sys::napi_set_named_property(self.0, object, name.as_ptr(), value) };
        check(status, "set a property")
    }
}

/// Reading values.
impl Env {
    fn kind(self, value: Js) -> sys::napi_valuetype {
        let mut kind = sys::ValueType::napi_undefined;
        // SAFETY: the value is of the running call's scope. A failure leaves `undefined`.
        unsafe { sys::napi_typeof(self.0, value, &mut kind) };
        kind
    }

    pub fn is_undefined(self, value: Js) -> bool {
        self.kind(value) == sys::ValueType::napi_undefined
    }

    pub fn is_null(self, value: Js) -> bool {
        self.kind(value) == sys::ValueType::napi_null
    }

    /// The property, or none where it is undefined or `object` is no object.
    pub fn get(self, object: Js, name: &CStr) -> Result<Option<Js>> {
        if self.kind(object) != sys::ValueType::napi_object {
            return Ok(None);
        }
        let found =
            value!("read a property", napi_get_named_property(self.0, object, name.as_ptr()))?;
        Ok(if self.is_undefined(found) { None } else { Some(found) })
    }

    /// The items of an array.
    pub fn items(self, array: Js, what: &str) -> Result<Vec<Js>> {
        let Ok(length) = made!("read an array", napi_get_array_length(self.0, array)) else {
            return expected(what, "an array");
        };
        (0..length)
            .map(|index| value!("read an array", napi_get_element(self.0, array, index)))
            .collect()
    }

    pub fn read_number(self, value: Js, what: &str) -> Result<f64> {
        made!("read a number", napi_get_value_double(self.0, value))
            .or_else(|_| expected(what, "a number"))
    }

    /// A whole number from 0 to 2^53 - 1.
    pub fn read_count(self, value: Js, what: &str) -> Result<u64> {
        let number = self.read_number(value, what)?;
        if number.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&number) {
            return Ok(number as u64);
        }
        expected(what, "a whole number from 0 on")
    }

    pub fn read_boolean(self, value: Js, what: &str) -> Result<bool> {
        made!("read a boolean", napi_get_value_bool(self.0, value))
            .or_else(|_| expected(what, "true or false"))
    }

    /// A string.
    pub fn read_text(self, value: Js, what: &str) -> Result<String> {
        self.with_text((value, what), |text| Ok(text.into()))
    }

    /// Lends a string. Most are short: one call is enough for them, and no memory.
    pub fn with_text<T>(
        self,
        (value, what): (Js, &str),
        see: impl FnOnce(&str) -> Result<T>,
    ) -> Result<T> {
        let mut short = [0; SHORT + 1];
        let copied = self.copy_text(value, &mut short).or_else(|_| expected(what, "a string"))?;
        // What does not fit is cut between characters, at most three bytes before the end.
        if copied + 3 < SHORT {
            return see(text(short.get(..copied).unwrap_or_default(), what)?);
        }
        let (env, none) = (self.0, ptr::null_mut());
        let length = made!("measure a string", napi_get_value_string_utf8(env, value, none, 0))?;
        let mut long = vec![0; length + 1];
        let copied = self.copy_text(value, &mut long)?;
        see(text(long.get(..copied).unwrap_or_default(), what)?)
    }

    fn copy_text(self, value: Js, into: &mut [u8]) -> Result<usize> {
        let (data, room) = (into.as_mut_ptr().cast(), into.len());
        made!("read a string", napi_get_value_string_utf8(self.0, value, data, room))
    }
}

/// Strings up to this many bytes are read with one call.
const SHORT: usize = 127;

fn text<'a>(bytes: &'a [u8], what: &str) -> Result<&'a str> {
    std::str::from_utf8(bytes).or_else(|_| expected(what, "a string of valid Unicode"))
}

/// INVALID_ARGUMENT: `what` is not what it must be.
pub fn expected<T>(what: &str, kind: &str) -> Result<T> {
    Err(Error::new(Code::InvalidArgument, format!("{what} must be {kind}; check the call.")))
}
