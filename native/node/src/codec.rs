//! Codecs and digests. The `sync` forms read the caller's bytes where they are; the others copy
//! them and work on the pool, since JavaScript could detach or change a buffer that is only lent.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use keepstate_core::chunk::{chunks, ChunkOptions};
use keepstate_core::codec::{Codec, Registry};
use keepstate_core::digest::Digest;
use keepstate_core::error::Result;

use crate::export::Call;
use crate::home::Home;
use crate::js::{expected, Env, Js};

static CODECS: LazyLock<Registry> = LazyLock::new(Registry::new);

pub fn digest_sync(call: &Call) -> Result<Js> {
    let (digest, bytes) = (digest_of(call)?, call.bytes(call.arguments[1], "What is digested")?);
    call.env.text(&digest.of(bytes).hex())
}

pub fn digest(call: &Call) -> Result<Js> {
    let (digest, bytes) = (digest_of(call)?, call.bytes(call.arguments[1], "What is digested")?);
    let bytes = Bytes::copy_from_slice(bytes);
    let work = move || Ok(digest.of(&bytes).hex());
    Home::of(call.env)?.later(call.env, work, |env, hex| env.text(&hex))
}

fn digest_of(call: &Call) -> Result<Digest> {
    Digest::named(&call.env.read_text(call.arguments[0], "The name of a digest")?)
}

pub fn compress_sync(call: &Call) -> Result<Js> {
    let (codec, raw, level) = to_compress(call)?;
    call.env.copied(&codec.compress(level, raw)?)
}

pub fn compress(call: &Call) -> Result<Js> {
    let (codec, raw, level) = to_compress(call)?;
    let raw = Bytes::copy_from_slice(raw);
    Home::of(call.env)?.later(call.env, move || codec.compress(level, &raw), given)
}

type ToCompress<'a> = (Arc<dyn Codec>, &'a [u8], Option<i32>);

fn to_compress(call: &Call) -> Result<ToCompress<'_>> {
    let [codec, raw, level, _] = call.arguments;
    let level = match call.env.is_undefined(level) {
        true => None,
        false => Some(whole(call.env.read_number(level, "level")?)?),
    };
    Ok((codec_of(call, codec)?, call.bytes(raw, "What is compressed")?, level))
}

fn whole(number: f64) -> Result<i32> {
    let level = number as i32;
    if f64::from(level) == number {
        return Ok(level);
    }
    expected("level", "a whole number")
}

pub fn decompress_sync(call: &Call) -> Result<Js> {
    let (codec, stored, bound) = to_decompress(call)?;
    call.env.copied(&codec.decompress(stored, bound)?)
}

pub fn decompress(call: &Call) -> Result<Js> {
    let (codec, stored, bound) = to_decompress(call)?;
    let stored = Bytes::copy_from_slice(stored);
    Home::of(call.env)?.later(call.env, move || codec.decompress(&stored, bound), given)
}

fn to_decompress(call: &Call) -> Result<(Arc<dyn Codec>, &[u8], usize)> {
    let [codec, stored, options, _] = call.arguments;
    let bound = match call.env.get(options, c"maxLength")? {
        Some(bound) => call.env.read_count(bound, "maxLength")? as usize,
        None => return expected("maxLength", "given"),
    };
    Ok((codec_of(call, codec)?, call.bytes(stored, "What is decompressed")?, bound))
}

/// The ends of the content-defined chunks, rising; the last one is the length.
pub fn chunk(call: &Call) -> Result<Js> {
    let bytes = call.bytes(call.arguments[0], "What is cut")?;
    let mut end = 0;
    let cut = chunks(bytes, ChunkOptions::default())?.map(|chunk| {
        end += chunk.len() as u64;
        end
    });
    let ends: Vec<u64> = cut.collect();
    call.env.array(ends.into_iter(), |env, end| env.count(end))
}

fn codec_of(call: &Call, name: Js) -> Result<Arc<dyn Codec>> {
    CODECS.get(&call.env.read_text(name, "The name of a codec")?)
}

fn given(env: Env, bytes: Vec<u8>) -> Result<Js> {
    env.bytes(Bytes::from(bytes))
}
