//! The class KeyRing: master keys that seal and open values.

use std::ffi::CStr;
use std::sync::Arc;

use bytes::Bytes;
use keepstate_core::clock::{Clock, SystemClock};
use keepstate_core::error::Result;
use keepstate_core::seal::KeyRing;

use crate::export::{Call, Named};
use crate::handle::{wrap, Handle};
use crate::home::Home;
use crate::js::{expected, Env, Js};

/// Values up to this length are sealed on the JavaScript thread.
const SMALL: usize = 32 * 1024;

/// Keys in JavaScript's hands; their bytes never come back out.
pub struct RingHandle(Arc<KeyRing>);

impl Handle for RingHandle {
    const NAME: &'static CStr = c"KeyRing";
    const METHODS: &'static [Named] = &[(c"seal", seal), (c"open", open)];
}

/// A ring of `[id, 32 bytes]` each; the first one seals, all of them open.
pub fn key_ring(call: &Call) -> Result<Js> {
    let mut ring: Option<KeyRing> = None;
    for pair in call.env.items(call.arguments[0], "The keys")? {
        let &[id, key] = call.env.items(pair, "A key")?.as_slice() else {
            return expected("A key", "its id and its bytes");
        };
        let id = call.env.read_text(id, "The id of a key")?;
        let Ok(key) = <[u8; 32]>::try_from(call.bytes(key, "A key")?) else {
            return expected("A key", "32 bytes");
        };
        match &mut ring {
            Some(ring) => ring.add(&id, key)?,
            None => ring = Some(KeyRing::new(&id, key)?),
        }
    }
    match ring {
        Some(ring) => wrap(call.env, RingHandle(Arc::new(ring))),
        None => expected("The keys", "at least one"),
    }
}

fn seal(call: &Call) -> Result<Js> {
    run(call, |ring, key, raw| ring.seal(key, raw, &mut |salt| SystemClock.random(salt)))
}

fn open(call: &Call) -> Result<Js> {
    run(call, |ring, key, sealed| ring.open(key, sealed))
}

type Work = fn(&KeyRing, &str, &[u8]) -> Result<Vec<u8>>;

fn run(call: &Call, work: Work) -> Result<Js> {
    let ring = &call.own::<RingHandle>()?.0;
    let [key, bytes, ..] = call.arguments;
    let (key, bytes) = (call.key(key)?, call.bytes(bytes, "A value")?);
    if bytes.len() <= SMALL {
        return given(call.env, work(ring, &key, bytes)?);
    }
    let (ring, bytes) = (ring.clone(), Bytes::copy_from_slice(bytes));
    Home::of(call.env)?.later(call.env, move || work(&ring, &key, &bytes), given)
}

fn given(env: Env, bytes: Vec<u8>) -> Result<Js> {
    env.bytes(Bytes::from(bytes))
}
