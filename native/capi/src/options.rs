//! Structs that grow: their first field says how large the caller's is.
//!
//! A caller of an older header passes less, and what it does not know keeps its default; a caller
//! of a newer one passes more, which is refused unless it is all zeros. So all defaults are zeros.

use keepstate_core::error::{fail, Code, Result};

use crate::cast;

/// A size that no struct of ours will ever have: more is an uninitialized field.
const LARGEST: usize = 4096;

/// A struct whose first field is `struct_size`.
///
/// # Safety
/// The struct is `repr(C)`, begins with `struct_size: usize`, and any bytes are a valid value of
/// it: integers, raw pointers and nullable functions only.
pub unsafe trait Grows: Copy {
    /// All zeros.
    const DEFAULT: Self;
    /// How large it was when it was first released.
    const FIRST: usize;
    /// Its name in the header.
    const NAME: &'static str;
}

/// Declares that a struct grows.
macro_rules! grows {
    ($type:ident) => {
        // SAFETY: repr(C), begins with struct_size, holds integers and nullable pointers only.
        unsafe impl crate::options::Grows for $type {
            const DEFAULT: Self = unsafe { std::mem::zeroed() };
            const FIRST: usize = std::mem::size_of::<$type>();
            const NAME: &'static str = stringify!($type);
        }
    };
}
pub(crate) use grows;

/// What the caller gave, completed by defaults. NULL is all defaults.
///
/// # Safety
/// `given` is NULL or points to as many readable bytes as its `struct_size` says.
pub unsafe fn read<T: Grows>(given: *const T) -> Result<T> {
    let mut whole = T::DEFAULT;
    if given.is_null() {
        return Ok(whole);
    }
    // SAFETY: the first field is there, as `Grows` promises; the rest as far as it says.
    unsafe {
        let size = check_size::<T>(given)?;
        let bytes = cast::bytes(given.cast(), size, T::NAME)?;
        let (known, newer) = bytes.split_at(size.min(size_of::<T>()));
        if newer.iter().any(|byte| *byte != 0) {
            let message = format!(
                "{} has fields of a newer keepstate.h that this library does not know; update it.",
                T::NAME
            );
            return fail(Code::Unsupported, message);
        }
        let place: *mut T = &mut whole;
        std::ptr::copy_nonoverlapping(known.as_ptr(), place.cast(), known.len());
    }
    Ok(whole)
}

/// Fills a struct of the caller's, as far as it is large.
///
/// # Safety
/// As `read`, and the bytes may be written.
pub unsafe fn write<T: Grows>(place: *mut T, whole: &T) -> Result<()> {
    // SAFETY: as `read`; the size itself is left as the caller set it.
    unsafe {
        let size = check_size::<T>(place)?.min(size_of::<T>());
        let first = size_of::<usize>();
        let from: *const T = whole;
        let (from, to) = (from.cast::<u8>().add(first), place.cast::<u8>().add(first));
        std::ptr::copy_nonoverlapping(from, to, size - first);
    }
    Ok(())
}

unsafe fn check_size<T: Grows>(given: *const T) -> Result<usize> {
    // SAFETY: the first field is readable, as the caller promised.
    let size = unsafe { *cast::handle(given.cast::<usize>(), T::NAME)? };
    if (T::FIRST..=LARGEST).contains(&size) {
        return Ok(size);
    }
    let name = T::NAME;
    let message = format!("struct_size of {name} is {size}; set it to sizeof({name}).");
    fail(Code::InvalidArgument, message)
}
