//! What is known of a snapshot without its state.

use std::ffi::c_char;
use std::ptr;

use keepstate_core::timeline::{Name, Snapshot};

use crate::boundary;
use crate::cast;
use crate::error::{ks_error, ks_status};
use crate::options::{self, grows};

/// A snapshot. Immutable; ends with `ks_snapshot_free`, if it was not lent by a listing.
pub struct ks_snapshot {
    snapshot: Snapshot,
    reference: String,
}

/// What is known of a snapshot. Everything that it points to lives as long as the snapshot. A text
/// that was not given is NULL. Set `struct_size` before the call.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ks_snapshot_info {
    /// `sizeof(ks_snapshot_info)`.
    pub struct_size: usize,
    /// Its number in the timeline.
    pub sequence: u64,
    /// When it was saved, in milliseconds since 1970.
    pub time: u64,
    /// The length of the state in bytes.
    pub length: u64,
    /// How many bytes its record takes in the store.
    pub stored: u64,
    /// 32 bytes that prove its content and all of its history.
    pub id: *const u8,
    /// The 32 bytes of the snapshot before; zeros for the first.
    pub parent: *const u8,
    /// `agent/session@17`, percent-encoded.
    pub reference: *const c_char,
    /// Its length.
    pub reference_len: usize,
    /// How the state's bytes are to be read: `msgpack`, `json`, `bytes` or one's own.
    pub encoding: *const c_char,
    /// Its length.
    pub encoding_len: usize,
    /// A short name for people.
    pub label: *const c_char,
    /// Its length.
    pub label_len: usize,
    /// A longer text for people.
    pub description: *const c_char,
    /// Its length.
    pub description_len: usize,
    /// The version of the user's schema.
    pub schema: *const c_char,
    /// Its length.
    pub schema_len: usize,
    /// What makes a retry the same snapshot.
    pub idempotency_key: *const c_char,
    /// Its length.
    pub idempotency_key_len: usize,
    /// Whatever the user added, as a MessagePack map.
    pub user: *const u8,
    /// Its length.
    pub user_len: usize,
}
grows!(ks_snapshot_info);

impl ks_snapshot {
    /// A snapshot of this timeline.
    pub fn new(name: &Name, snapshot: Snapshot) -> ks_snapshot {
        let reference = format!("{}@{}", name, snapshot.sequence);
        ks_snapshot { snapshot, reference }
    }

    /// Its number.
    pub fn sequence(&self) -> u64 {
        self.snapshot.sequence
    }

    fn info(&self) -> ks_snapshot_info {
        let (snapshot, meta) = (&self.snapshot, &self.snapshot.meta);
        let (reference, reference_len) = lend(Some(&self.reference));
        let (encoding, encoding_len) = lend(Some(meta.encoding.as_deref().unwrap_or("msgpack")));
        let (label, label_len) = lend(meta.label.as_deref());
        let (description, description_len) = lend(meta.description.as_deref());
        let (schema, schema_len) = lend(meta.schema.as_deref());
        let (idempotency_key, idempotency_key_len) = lend(meta.idempotency_key.as_deref());
        let user = meta.user.as_ref();
        ks_snapshot_info {
            struct_size: 0,
            sequence: snapshot.sequence,
            time: meta.time,
            length: snapshot.length,
            stored: snapshot.stored,
            id: snapshot.id.0.as_ptr(),
            parent: snapshot.parent.0.as_ptr(),
            reference,
            reference_len,
            encoding,
            encoding_len,
            label,
            label_len,
            description,
            description_len,
            schema,
            schema_len,
            idempotency_key,
            idempotency_key_len,
            user: user.map_or(ptr::null(), |user| user.as_ptr()),
            user_len: user.map_or(0, |user| user.len()),
        }
    }
}

fn lend(text: Option<&str>) -> (*const c_char, usize) {
    text.map_or((ptr::null(), 0), |text| (text.as_ptr().cast(), text.len()))
}

/// Tells what is known of a snapshot.
#[no_mangle]
pub unsafe extern "C" fn ks_snapshot_read(
    snapshot: *const ks_snapshot,
    out: *mut ks_snapshot_info,
    error: *mut *mut ks_error,
) -> ks_status {
    // SAFETY: the caller keeps the conventions.
    unsafe {
        boundary::status(error, || options::write(out, &cast::handle(snapshot, "snapshot")?.info()))
    }
}

/// Ends a snapshot that a call handed out (not one that a listing lent). NULL is allowed.
#[no_mangle]
pub unsafe extern "C" fn ks_snapshot_free(snapshot: *mut ks_snapshot) {
    boundary::answer((), || {
        // SAFETY: ours and not used again, as the caller promised.
        drop(unsafe { cast::take(snapshot) });
    });
}
