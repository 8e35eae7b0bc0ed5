//! The class TapeReader: the core's tape, written into a buffer of JavaScript's, and the strings and
//! bytes that go with it.

use std::cell::RefCell;
use std::ffi::CStr;

use keepstate_core::error::Result;
use keepstate_core::msgpack::{Part, Tape};

use crate::export::{Call, Named};
use crate::handle::{wrap, Handle};
use crate::js::{Env, Js};

/// Reads encoded values, one after the other, with one set of buffers.
pub struct TapeHandle {
    tape: RefCell<Tape>,
}

impl Handle for TapeHandle {
    const NAME: &'static CStr = c"TapeReader";
    const METHODS: &'static [Named] = &[(c"read", read), (c"take", take), (c"forget", forget)];
}

/// A reader without a tape.
pub fn tape_reader(call: &Call) -> Result<Js> {
    wrap(call.env, TapeHandle { tape: RefCell::new(Tape::new()) })
}

/// Reads one value, whose tape is there until the next read; tells how many words it has.
fn read(call: &Call) -> Result<Js> {
    let mut tape = call.own::<TapeHandle>()?.tape.borrow_mut();
    tape.read(call.bytes(call.arguments[0], "The state")?)?;
    call.env.count(tape.len() as u64)
}

/// Writes the words into a buffer that has room for them; gives what goes with them.
fn take(call: &Call) -> Result<Js> {
    let env = call.env;
    let mut tape = call.own::<TapeHandle>()?.tape.borrow_mut();
    let [state, words, ..] = call.arguments;
    if !tape.write(call.words(words, "The buffer for words")?) {
        return crate::js::expected("The buffer for words", "as long as read told");
    }
    let parts: Vec<Part<'_>> = tape.parts(call.bytes(state, "The state")?).collect();
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
