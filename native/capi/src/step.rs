//! The steps of a commit, as a store of the caller's own gets them.

use std::ffi::c_char;
use std::ptr;

use keepstate_core::store::{Mode, Op, Version};

use crate::settings::{KS_PUT_CREATE, KS_PUT_IF_VERSION, KS_PUT_OVERWRITE};

/// For `kind`: write a value.
pub const KS_STEP_PUT: u32 = 1;
/// For `kind`: remove a value; what is absent is no error, unless a version was asked for.
pub const KS_STEP_DELETE: u32 = 2;
/// For `kind`: write nothing, but refuse the batch unless this version is there (NULL: unless
/// nothing is).
pub const KS_STEP_CHECK: u32 = 3;

/// One step. This struct never grows.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_step {
    /// `KS_STEP_...`.
    pub kind: u32,
    /// For a put: `KS_PUT_...`.
    pub mode: u32,
    /// The key.
    pub key: *const c_char,
    /// Its length.
    pub key_len: usize,
    /// For a put: the value.
    pub value: *const u8,
    /// Its length.
    pub value_len: usize,
    /// The version that must be there, or NULL.
    pub version: *const c_char,
    /// Its length.
    pub version_len: usize,
    /// For a put: after so many milliseconds the key counts as absent; 0 is never.
    pub ttl_ms: u64,
}

/// The steps of borrowed operations.
pub struct Steps<'a> {
    steps: Vec<ks_step>,
    _borrowed: std::marker::PhantomData<&'a [Op]>,
}

impl<'a> Steps<'a> {
    /// The same steps, readable from C.
    pub fn new(ops: &'a [Op]) -> Steps<'a> {
        Steps { steps: ops.iter().map(step).collect(), _borrowed: std::marker::PhantomData }
    }

    /// The first and how many; both live as long as this.
    pub fn as_c(&self) -> (*const ks_step, usize) {
        (self.steps.as_ptr(), self.steps.len())
    }
}

fn step(op: &Op) -> ks_step {
    match op {
        Op::Put { key, value, mode, ttl } => {
            let (mode, version) = match mode {
                Mode::Overwrite => (KS_PUT_OVERWRITE, None),
                Mode::Create => (KS_PUT_CREATE, None),
                Mode::IfVersion(version) => (KS_PUT_IF_VERSION, Some(version)),
            };
            let ttl =
                ttl.map_or(0, |ttl| u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1));
            let plain = plain(KS_STEP_PUT, key, version);
            let (value, value_len) = (value.as_ptr(), value.len());
            ks_step { mode, value, value_len, ttl_ms: ttl, ..plain }
        }
        Op::Delete { key, if_version } => plain(KS_STEP_DELETE, key, if_version.as_ref()),
        Op::Check { key, version } => plain(KS_STEP_CHECK, key, version.as_ref()),
    }
}

fn plain(kind: u32, key: &str, version: Option<&Version>) -> ks_step {
    ks_step {
        kind,
        mode: KS_PUT_OVERWRITE,
        key: key.as_ptr().cast(),
        key_len: key.len(),
        value: ptr::null(),
        value_len: 0,
        version: version.map_or(ptr::null(), |version| version.0.as_ptr().cast()),
        version_len: version.map_or(0, |version| version.0.len()),
        ttl_ms: 0,
    }
}
