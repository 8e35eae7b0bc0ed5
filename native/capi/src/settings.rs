//! What can be asked of a store, and what it tells of itself.

use std::ffi::c_char;
use std::time::Duration;

use bytes::Bytes;
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::store::{Durable, Mode, Op, Range, Supports, Version};

use crate::cast;
use crate::open::Wishes;
use crate::options::{self, grows};

/// For `durability`: what the store does by itself; on disk where it has one.
pub const KS_DURABILITY_DEFAULT: u32 = 0;
/// For `durability`: acknowledged means on disk.
pub const KS_DURABILITY_SYNC: u32 = 1;
/// For `durability`: acknowledged survives the death of the process; it is on disk soon after.
pub const KS_DURABILITY_ASYNC: u32 = 2;

/// For `flags`: write nothing at all.
pub const KS_OPEN_READ_ONLY: u32 = 1;
/// For `flags`: refuse a folder where there is no store, instead of making one.
pub const KS_OPEN_EXISTING: u32 = 2;

/// How a store is opened. All zeros are the defaults.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_store_options {
    /// `sizeof(ks_store_options)`.
    pub struct_size: usize,
    /// `KS_DURABILITY_...`.
    pub durability: u32,
    /// `KS_OPEN_...`, added up.
    pub flags: u32,
}
grows!(ks_store_options);

/// For `can`: batches of more than one step.
pub const KS_CAN_COMMIT: u32 = 1;
/// For `can`: puts on a condition.
pub const KS_CAN_CONDITIONAL_PUT: u32 = 2;
/// For `can`: deletes on a condition.
pub const KS_CAN_CONDITIONAL_DELETE: u32 = 4;
/// For `can`: puts with a time to live.
pub const KS_CAN_TTL: u32 = 8;
/// For `can`: operations on a queue (`..._start`).
pub const KS_CAN_START: u32 = 16;

/// For `durable`: the store cannot tell whether an acknowledged write survives a loss of power.
pub const KS_DURABLE_UNKNOWN: u32 = 0;
/// For `durable`: an acknowledged write survives a loss of power.
pub const KS_DURABLE_YES: u32 = 1;
/// For `durable`: it does not, or not at once.
pub const KS_DURABLE_NO: u32 = 2;

/// What a store can do. Set `struct_size` before the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_supports {
    /// `sizeof(ks_supports)`.
    pub struct_size: usize,
    /// `KS_CAN_...`, added up.
    pub can: u32,
    /// `KS_DURABLE_...`.
    pub durable: u32,
    /// The largest value in bytes.
    pub max_value: u64,
    /// The most steps in a batch.
    pub max_batch: u64,
}
grows!(ks_supports);

/// Part of a value. What lies behind its end is cut. All zeros are the whole value.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_get_options {
    /// `sizeof(ks_get_options)`.
    pub struct_size: usize,
    /// The first byte.
    pub offset: u64,
    /// How many bytes at most; 0 is all that follow.
    pub length: u64,
}
grows!(ks_get_options);

/// For `mode`: whatever is there.
pub const KS_PUT_OVERWRITE: u32 = 0;
/// For `mode`: nothing may be there.
pub const KS_PUT_CREATE: u32 = 1;
/// For `mode`: exactly this version must be there.
pub const KS_PUT_IF_VERSION: u32 = 2;

/// On which condition a value is written, and for how long. All zeros: overwrite, for ever.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_put_options {
    /// `sizeof(ks_put_options)`.
    pub struct_size: usize,
    /// `KS_PUT_...`.
    pub mode: u32,
    /// 0.
    pub reserved: u32,
    /// For `KS_PUT_IF_VERSION`: the version.
    pub version: *const c_char,
    /// Its length.
    pub version_len: usize,
    /// After so many milliseconds the key counts as absent; 0 is never.
    pub ttl_ms: u64,
}
grows!(ks_put_options);

/// The range that options ask for.
///
/// # Safety
/// As `options::read`.
pub unsafe fn range(options: *const ks_get_options) -> Result<Option<Range>> {
    // SAFETY: as this function's own.
    let ks_get_options { offset, length, .. } = unsafe { options::read(options)? };
    let length = if length == 0 { u64::MAX } else { length };
    Ok((offset != 0 || length != u64::MAX).then_some(Range { offset, length }))
}

/// The step that a put and its options are.
///
/// # Safety
/// As `options::read` and `cast::text`.
pub unsafe fn put_op(key: &str, value: Bytes, options: *const ks_put_options) -> Result<Op> {
    // SAFETY: as this function's own.
    let (options, version) = unsafe {
        let options = options::read(options)?;
        (options, cast::maybe_text(options.version, options.version_len, "version")?)
    };
    let mode = match (options.mode, version) {
        (KS_PUT_OVERWRITE, None) => Mode::Overwrite,
        (KS_PUT_CREATE, None) => Mode::Create,
        (KS_PUT_IF_VERSION, Some(version)) => Mode::IfVersion(Version(version.into())),
        _ => {
            let message = "mode is one of KS_PUT_..., and only KS_PUT_IF_VERSION has a version.";
            return fail(Code::InvalidArgument, message);
        }
    };
    let ttl = (options.ttl_ms != 0).then(|| Duration::from_millis(options.ttl_ms));
    Ok(Op::Put { key: key.into(), value, mode, ttl })
}

/// What is asked of a store that is opened.
pub fn wishes(options: ks_store_options) -> Result<Wishes> {
    let relaxed = match options.durability {
        KS_DURABILITY_DEFAULT => None,
        KS_DURABILITY_SYNC => Some(false),
        KS_DURABILITY_ASYNC => Some(true),
        _ => {
            return fail(Code::InvalidArgument, "durability is one of KS_DURABILITY_...; check it.")
        }
    };
    if options.flags & !(KS_OPEN_READ_ONLY | KS_OPEN_EXISTING) != 0 {
        return fail(Code::InvalidArgument, "flags has a bit that is no KS_OPEN_...; check it.");
    }
    let has = |flag: u32| options.flags & flag != 0;
    Ok(Wishes { relaxed, read_only: has(KS_OPEN_READ_ONLY), existing: has(KS_OPEN_EXISTING) })
}

/// The abilities of a store, as C sees them.
pub fn told(supports: &Supports, startable: bool) -> ks_supports {
    let can = [
        (supports.commit, KS_CAN_COMMIT),
        (supports.conditional_put, KS_CAN_CONDITIONAL_PUT),
        (supports.conditional_delete, KS_CAN_CONDITIONAL_DELETE),
        (supports.ttl, KS_CAN_TTL),
        (startable, KS_CAN_START),
    ];
    ks_supports {
        struct_size: 0,
        can: can.iter().filter(|(yes, _)| *yes).map(|(_, bit)| bit).sum(),
        durable: match supports.durable {
            Durable::Unknown => KS_DURABLE_UNKNOWN,
            Durable::Yes => KS_DURABLE_YES,
            Durable::No => KS_DURABLE_NO,
        },
        max_value: supports.max_value,
        max_batch: supports.max_batch as u64,
    }
}
