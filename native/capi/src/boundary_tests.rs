//! No panic gets out, and what it said is told.
#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::cast;
use keepstate_core::error::fail;

fn message_of(body: impl FnOnce() -> Result<()>) -> (ks_status, String) {
    let mut error = std::ptr::null_mut();
    // SAFETY: `error` may be written, and what is there afterwards is ours.
    let (status, error) = unsafe { (status(&mut error, body), cast::take(error)) };
    (status, error.unwrap().into_error().message().to_owned())
}

#[test]
fn a_panic_is_an_error_with_its_message() {
    let (status, message) = message_of(|| panic!("at {}", 7));
    assert_eq!((status, message.contains("at 7")), (Code::Internal as ks_status, true));
    let (_, message) = message_of(|| panic!("plain"));
    assert!(message.contains("plain"), "{message}");
    let (_, message) = message_of(|| std::panic::panic_any(5));
    assert!(message.contains("without a message"), "{message}");
}

#[test]
fn an_error_is_told_or_not_as_is_asked() {
    let (status, message) = message_of(|| fail(Code::Io, "the disk"));
    assert_eq!((status, message.as_str()), (Code::Io as ks_status, "the disk"));
    // SAFETY: NULL is allowed.
    let status = unsafe { super::status(std::ptr::null_mut(), || fail(Code::Io, "the disk")) };
    assert_eq!(status, Code::Io as ks_status);
    let mut error = std::ptr::dangling_mut();
    // SAFETY: `error` may be written.
    assert_eq!(unsafe { super::status(&mut error, || Ok(())) }, KS_OK);
    assert!(error.is_null());
}

#[test]
fn an_answer_and_a_job_survive_a_panic() {
    assert_eq!(answer(3, || panic!("no")), 3);
    assert_eq!(contain::<()>(|| panic!("no")).unwrap_err().code(), Code::Internal);
}
