//! The class TapeReader: the core's tape, written into a buffer of JavaScript's, and the strings
//! and bytes that go with it.

use std::cell::RefCell;
use std::ffi::CStr;

use bytes::Bytes;
use keepstate_core::error::Result;
use keepstate_core::msgpack::{Part, Tape};

use crate::export::{Call, Named};
use crate::handle::{wrap, Handle};
use crate::js::{expected, Env, Js};
use crate::snapshot::StateHandle;

/// Reads encoded values, one after the other, with one set of buffers.
pub struct TapeHandle {
    tape: RefCell<Tape>,
    /// The restored state that was read last, until its tape is taken.
    state: RefCell<Bytes>,
}

impl Handle for TapeHandle {
    const NAME: &'static CStr = c"TapeReader";
    const METHODS: &'static [Named] = &[(c"read", read), (c"take", take), (c"forget", forget)];
}

/// A reader without a tape.
pub fn tape_reader(call: &Call) -> Result<Js> {
    wrap(call.env, TapeHandle { tape: RefCell::new(Tape::new()), state: RefCell::default() })
}

/// Reads one value, whose tape is there until the next read; tells how many words it has. Of a
/// restored state it takes the bytes.
fn read(call: &Call) -> Result<Js> {
    let handle = call.own::<TapeHandle>()?;
    let mut tape = handle.tape.borrow_mut();
    match call.owned::<StateHandle>(call.arguments[0]) {
        Ok(state) => {
            let state = state.take(call.env);
            let read = tape.read(&state);
            handle.state.replace(state);
            read?;
        }
        Err(_) => tape.read(call.bytes(call.arguments[0], "The state")?)?,
    }
    call.env.count(tape.len() as u64)
}

/// Writes the words into a buffer that has room for them; gives what goes with them.
fn take(call: &Call) -> Result<Js> {
    let env = call.env;
    let handle = call.own::<TapeHandle>()?;
    let mut tape = handle.tape.borrow_mut();
    let [state, words, ..] = call.arguments;
    if !tape.write(call.words(words, "The buffer for words")?) {
        return expected("The buffer for words", "as long as read told");
    }
    let held = handle.state.take();
    let state = match call.owned::<StateHandle>(state) {
        Ok(_) => &held,
        Err(_) => call.bytes(state, "The state")?,
    };
    let parts: Vec<Part<'_>> = tape.parts(state).collect();
    let parts = env.array(parts.into_iter(), part)?;
    tape.told();
    Ok(parts)
}

fn forget(call: &Call) -> Result<Js> {
    call.own::<TapeHandle>()?.tape.borrow_mut().forget();
    call.env.undefined()
}

fn part(env: Env, part: Part<'_>) -> Result<Js> {
    match part {
        Part::Latin(text) => env.latin(text),
        Part::Wide(text) => env.wide(text),
        Part::WideBytes(text) => {
            let units = text.chunks_exact(2).map(|pair| match pair {
                [low, high] => u16::from_le_bytes([*low, *high]),
                _ => 0,
            });
            env.wide(&units.collect::<Vec<u16>>())
        }
        Part::Utf8(text) => env.text(&String::from_utf8_lossy(text)),
        Part::Bytes(bytes) => env.copied(bytes),
    }
}
