//! Bytes across the boundary: borrowed on the way in, copied or handed over on the way out.

use std::ffi::c_void;
use std::ptr;
use std::slice;
use std::sync::OnceLock;

use bytes::{Bytes, BytesMut};
use keepstate_core::error::Result;
use napi::sys;

use crate::export::Call;
use crate::js::{check, expected, Env, Js};

/// From this length on a buffer is handed over; below it, copying costs less than its finalizer.
const HAND_OVER: usize = 32 * 1024;

/// `KEEPSTATE_COPY=1`: never hand over, as on runtimes that refuse external buffers.
fn copy_always() -> bool {
    static COPY: OnceLock<bool> = OnceLock::new();
    *COPY.get_or_init(|| std::env::var_os("KEEPSTATE_COPY").is_some_and(|value| value == "1"))
}

impl Call {
    /// The bytes of a Uint8Array (a Buffer is one), for as long as this call runs: JavaScript does
    /// not run meanwhile.
    pub fn bytes(&self, value: Js, what: &str) -> Result<&[u8]> {
        let (data, length) = view(self.env, value, what)?;
        if length == 0 {
            return Ok(&[]);
        }
        // SAFETY: Node-API gave the memory of a live view; it stays while the call runs.
        Ok(unsafe { slice::from_raw_parts(data, length) })
    }

    /// The numbers of a Float64Array.
    pub fn numbers(&self, value: Js, what: &str) -> Result<Vec<f64>> {
        let (kind, data, length) = array(self.env, value);
        if kind != Some(sys::TypedarrayType::float64_array) {
            return expected(what, "a Float64Array");
        }
        let mut numbers = vec![0.0; length];
        if length > 0 {
            // SAFETY: as above; copied, since nothing says that the memory is aligned.
            unsafe { ptr::copy_nonoverlapping(data, numbers.as_mut_ptr().cast(), length * 8) };
        }
        Ok(numbers)
    }

    /// The words of an Int32Array, to write into.
    #[allow(clippy::mut_from_ref)]
    pub fn words(&self, value: Js, what: &str) -> Result<&mut [i32]> {
        let (kind, data, length) = array(self.env, value);
        let data: *mut i32 = data.cast();
        if kind != Some(sys::TypedarrayType::int32_array) || !data.is_aligned() {
            return expected(what, "an Int32Array");
        }
        if length == 0 {
            return Ok(&mut []);
        }
        // SAFETY: as above, and aligned; exports that write take one buffer only.
        Ok(unsafe { slice::from_raw_parts_mut(data, length) })
    }

    /// The bytes of a Uint8Array, to write into.
    #[allow(clippy::mut_from_ref)]
    pub fn bytes_mut(&self, value: Js, what: &str) -> Result<&mut [u8]> {
        let (data, length) = view(self.env, value, what)?;
        if length == 0 {
            return Ok(&mut []);
        }
        // SAFETY: as above; exports that write take one buffer only, so no two of them meet.
        Ok(unsafe { slice::from_raw_parts_mut(data, length) })
    }
}

fn view(env: Env, value: Js, what: &str) -> Result<(*mut u8, usize)> {
    match array(env, value) {
        (Some(sys::TypedarrayType::uint8_array), data, length) => Ok((data, length)),
        _ => expected(what, "a Uint8Array"),
    }
}

/// The kind, the memory and the length of a typed array.
fn array(env: Env, value: Js) -> (Option<sys::napi_typedarray_type>, *mut u8, usize) {
    let (mut kind, mut length, mut data) = (0, 0, ptr::null_mut());
    let (none, nowhere) = (ptr::null_mut(), ptr::null_mut());
    // SAFETY: the value is of the running call's scope; what is not asked for may be null.
    let status = unsafe {
        sys::napi_get_typedarray_info(
            env.0,
            value,
            &mut kind,
            &mut length,
            &mut data,
            none,
            nowhere,
        )
    };
    ((status == sys::Status::napi_ok).then_some(kind), data.cast(), length)
}

impl Env {
    /// A Uint8Array of these bytes. Large ones are handed over without a copy where nobody else
    /// holds them, since JavaScript may write into what it is given.
    pub fn bytes(self, bytes: Bytes) -> Result<Js> {
        if bytes.len() < HAND_OVER || copy_always() {
            return self.copied(&bytes);
        }
        match bytes.try_into_mut() {
            // Memory that is mostly empty would be kept for as long as the value.
            Ok(owned) if owned.capacity() <= 2 * owned.len() => self.handed_over(owned),
            Ok(owned) => self.copied(&owned),
            Err(shared) => self.copied(&shared),
        }
    }

    /// A Uint8Array with a copy. Its memory goes back as soon as it is collected, where what was
    /// handed over must wait for a turn of the event loop: a loop of synchronous calls has none.
    pub fn copied(self, bytes: &[u8]) -> Result<Js> {
        let (data, buffer) = match bytes.len() {
            0..HAND_OVER => self.cleared(bytes.len())?,
            length => self.uncleared(length)?,
        };
        if !bytes.is_empty() {
            // SAFETY: the new buffer has exactly this length and nobody else has seen it.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), data.cast(), bytes.len()) };
        }
        self.array_over(buffer, bytes.len())
    }

    fn cleared(self, length: usize) -> Result<(*mut c_void, Js)> {
        let (mut data, mut buffer) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: both results outlive the call.
        let status =
            unsafe { sys::napi_create_arraybuffer(self.0, length, &mut data, &mut buffer) };
        check(status, "make a buffer").map(|()| (data, buffer))
    }

    /// Zeros that are written over at once cost as much as the copy. Only a Buffer goes without.
    fn uncleared(self, length: usize) -> Result<(*mut c_void, Js)> {
        let (mut data, mut array, mut buffer) = (ptr::null_mut(), ptr::null_mut(), ptr::null_mut());
        let (nothing, nowhere) = (ptr::null_mut(), ptr::null_mut());
        // SAFETY: all results outlive the call; what is not asked for may be null.
        let status = unsafe {
            match sys::napi_create_buffer(self.0, length, &mut data, &mut array) {
                sys::Status::napi_ok => sys::napi_get_typedarray_info(
                    self.0,
                    array,
                    nothing,
                    ptr::null_mut(),
                    nowhere,
                    &mut buffer,
                    ptr::null_mut(),
                ),
                refused => refused,
            }
        };
        check(status, "make a buffer").map(|()| (data, buffer))
    }

    fn handed_over(self, bytes: BytesMut) -> Result<Js> {
        let length = bytes.len();
        let mut owner = Box::new(bytes);
        let data: *mut c_void = owner.as_mut_ptr().cast();
        let owner = Box::into_raw(owner).cast();
        let mut buffer = ptr::null_mut();
        // SAFETY: the data stays where it is until `release` drops its owner.
        let status = unsafe {
            sys::napi_create_external_arraybuffer(
                self.0,
                data,
                length,
                Some(release),
                owner,
                &mut buffer,
            )
        };
        if status == sys::Status::napi_ok {
            return self.array_over(buffer, length);
        }
        // SAFETY: refused, so nobody but us has the owner.
        let bytes = unsafe { Box::from_raw(owner.cast::<BytesMut>()) };
        self.copied(&bytes)
    }

    fn array_over(self, buffer: Js, length: usize) -> Result<Js> {
        let (kind, mut array) = (sys::TypedarrayType::uint8_array, ptr::null_mut());
        // SAFETY: the buffer is of the running call's scope and has this length.
        let status =
            unsafe { sys::napi_create_typedarray(self.0, kind, length, buffer, 0, &mut array) };
        check(status, "make a Uint8Array").map(|()| array)
    }
}

unsafe extern "C" fn release(_: sys::napi_env, _: *mut c_void, owner: *mut c_void) {
    // SAFETY: called once, with what `handed_over` gave.
    drop(unsafe { Box::from_raw(owner.cast::<BytesMut>()) });
}
