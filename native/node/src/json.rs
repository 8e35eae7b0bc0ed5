//! Encoded states as JSON text and back, rich types marked: for whoever looks at them. The `sync`
//! forms are for small states; the others work on the pool.

use bytes::Bytes;
use keepstate_core::error::{fail, Code, Result};
use keepstate_core::msgpack::{from_json, to_json, JsonForm};

use crate::export::Call;
use crate::home::Home;
use crate::js::Js;

const FORM: JsonForm = JsonForm::Marked;

pub fn to_json_sync(call: &Call) -> Result<Js> {
    call.env.text(&text_of(call.bytes(call.arguments[0], "An encoded state")?)?)
}

pub fn to_json_later(call: &Call) -> Result<Js> {
    let encoded = Bytes::copy_from_slice(call.bytes(call.arguments[0], "An encoded state")?);
    let work = move || text_of(&encoded);
    Home::of(call.env)?.later(call.env, work, |env, text| env.text(&text))
}

pub fn from_json_sync(call: &Call) -> Result<Js> {
    call.env.bytes(bytes_of(&call.env.read_text(call.arguments[0], "JSON")?)?)
}

pub fn from_json_later(call: &Call) -> Result<Js> {
    let text = call.env.read_text(call.arguments[0], "JSON")?;
    Home::of(call.env)?.later(call.env, move || bytes_of(&text), |env, bytes| env.bytes(bytes))
}

fn text_of(encoded: &[u8]) -> Result<String> {
    let mut text = Vec::new();
    to_json(encoded, FORM, &mut text)?;
    String::from_utf8(text).or_else(|_| fail(Code::Internal, "JSON was written that is no UTF-8."))
}

fn bytes_of(text: &str) -> Result<Bytes> {
    let mut encoded = Vec::new();
    from_json(text, FORM, &mut encoded)?;
    Ok(encoded.into())
}
