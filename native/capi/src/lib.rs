//! The C ABI of Keepstate: converts, owns and catches; it holds no logic of its own.
//!
//! One file per C type (`store`, `timeline`, `queue`, ...), each with what stands in the header.
//! Apart from them the mechanism: `boundary` is the only place where a panic or an error becomes a
//! status, `cast` has the only conversions of pointers, `options` the only reading of structs that
//! grow, `gate` makes closing a barrier, `fork` notices a child process.
//!
//! The law is `ffi/CONVENTIONS.md`. Every exported function is unsafe in the same way: the caller
//! keeps those conventions. What can be detected (NULL, a text that is not UTF-8, a closed handle,
//! a wrong struct size) is an error with a name.
#![allow(
    // The types are named as C sees them, so that the header reads like this crate.
    non_camel_case_types,
    // C has no slices, no default arguments and no results: a call takes what it takes.
    clippy::too_many_arguments,
    // Said once for all of them, above and in ffi/CONVENTIONS.md.
    clippy::missing_safety_doc
)]

pub mod about;
pub mod batch;
pub mod bytes;
pub mod codec;
pub mod digest;
pub mod error;
pub mod file;
pub mod iter;
pub mod op;
pub mod queue;
pub mod report;
pub mod settings;
pub mod sink;
pub mod snapshot;
pub mod snapshots;
pub mod start;
pub mod step;
pub mod store;
pub mod timeline;
pub mod vtable;

mod boundary;
mod cast;
mod fork;
mod gate;
mod line;
mod open;
mod opened;
mod options;
mod pool;
mod signal;
mod wait;
