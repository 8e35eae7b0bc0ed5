//! Encoded bytes as JSON text. docs/encoding.md has the table of markers.

use super::read::fault;
use super::walk::{walk, Container, Scalar, Site, Visitor};
use super::{base64, date, json_text, JsonForm, TYPED};
use crate::error::{Code, Error, Result};

/// Appends the JSON of `bytes` to `out`. In the marked form, [`super::from_json`] gives the same
/// bytes again; in the plain form, what JSON cannot hold is NOT_JSON. On an error
/// `out` holds a part.
pub fn to_json(bytes: &[u8], form: JsonForm, out: &mut Vec<u8>) -> Result<()> {
    walk(bytes, &mut Writer { out, is_marked: form == JsonForm::Marked, frames: Vec::new() })
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
    is_marked: bool,
    frames: Vec<Frame>,
}

/// What a scalar is in the JSON.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Key,
    Value,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Frame {
    Other,
    /// An object in which all keys so far were text.
    Object,
    /// An object after its first other key: the entries from there on are pairs under `$dict`.
    Dict,
    EmptyMap,
    Map,
}

impl Visitor for Writer<'_> {
    fn scalar(&mut self, scalar: Scalar<'_>, site: Site) -> Result<()> {
        let role = self.role(&scalar, site);
        self.separate(site, role)?;
        match scalar {
            Scalar::Text(text) if role == Role::Key => self.key(text.bytes),
            Scalar::Text(text) => json_text::string(self.out, text.bytes),
            Scalar::Utf16(payload) => self.utf16(payload, role),
            Scalar::Nil => self.raw("null"),
            Scalar::Bool(value) => self.raw(if value { "true" } else { "false" }),
            Scalar::Int(value) => self.raw(&value.to_string()),
            Scalar::Uint(value) => self.raw(&value.to_string()),
            Scalar::Float(value) if value.is_finite() => self.raw(&json_text::float(value)),
            _ => return self.marker(scalar, site),
        }
        Ok(())
    }

    fn open(&mut self, container: Container, count: usize, site: Site) -> Result<()> {
        self.separate(site, Role::Value)?;
        let (start, frame) = match container {
            Container::Array => ("[", Frame::Other),
            Container::Object => ("{", Frame::Object),
            _ if !self.is_marked => return Err(not_json(site.end)),
            Container::Map if count == 0 => ("{\"$map\":[", Frame::EmptyMap),
            Container::Map => ("{\"$map\":[", Frame::Map),
            Container::Set => ("{\"$set\":[", Frame::Other),
            Container::RegExp => ("{\"$regexp\":", Frame::Other),
            Container::Error => ("{\"$error\":", Frame::Other),
            Container::Named => ("{\"$type\":[", Frame::Other),
        };
        self.raw(start);
        self.frames.push(frame);
        Ok(())
    }

    fn close(&mut self, container: Container) -> Result<()> {
        let frame = self.frames.pop();
        self.raw(match (container, frame) {
            (_, Some(Frame::Dict | Frame::Map)) => "]]}",
            (Container::Array, _) => "]",
            (Container::Map | Container::Set | Container::Named, _) => "]}",
            (Container::Object | Container::RegExp | Container::Error, _) => "}",
        });
        Ok(())
    }
}

impl Writer<'_> {
    /// A text that is a key of an object is a JSON key; the first other key begins the pairs.
    fn role(&self, scalar: &Scalar<'_>, site: Site) -> Role {
        let is_text = matches!(scalar, Scalar::Text(_) | Scalar::Utf16(_));
        if is_text && site.is_key() && self.frames.last() == Some(&Frame::Object) {
            Role::Key
        } else {
            Role::Value
        }
    }

    /// What stands between the value before and this one.
    fn separate(&mut self, site: Site, role: Role) -> Result<()> {
        let Some(parent) = site.parent else { return Ok(()) };
        let is_first = site.index == 0;
        let text = match (parent, self.frames.last()) {
            (Container::RegExp | Container::Error, _) => "",
            (Container::Array | Container::Set | Container::Named, _) if is_first => "",
            (Container::Array | Container::Set | Container::Named, _) => ",",
            (_, Some(Frame::Object)) if !site.is_key() => ":",
            (_, Some(Frame::Object)) if role == Role::Key => {
                if is_first {
                    ""
                } else {
                    ","
                }
            }
            (_, Some(Frame::Object)) => {
                if !self.is_marked {
                    return Err(not_json(site.end));
                }
                if let Some(frame) = self.frames.last_mut() {
                    *frame = Frame::Dict;
                }
                if is_first {
                    "\"$dict\":[["
                } else {
                    ",\"$dict\":[["
                }
            }
            _ if !site.is_key() => ",",
            _ if is_first => "[",
            _ => "],[",
        };
        self.raw(text);
        Ok(())
    }

    /// A key; one that begins with `$` gets another, so that no marker is mistaken for it.
    fn key(&mut self, key: &[u8]) {
        if self.is_marked && key.starts_with(b"$") {
            self.out.extend_from_slice(b"\"$");
            let quote = self.out.len();
            json_text::string(self.out, key);
            self.out.remove(quote);
        } else {
            json_text::string(self.out, key);
        }
    }

    fn utf16(&mut self, payload: &[u8], role: Role) {
        let units = payload.chunks_exact(2).map(|pair| {
            u16::from(pair.first().copied().unwrap_or(0))
                | u16::from(pair.last().copied().unwrap_or(0)) << 8
        });
        let escaped = role == Role::Key && self.is_marked && payload.starts_with(&[b'$', 0]);
        json_text::utf16(self.out, units, if escaped { "$" } else { "" });
    }

    fn marker(&mut self, scalar: Scalar<'_>, site: Site) -> Result<()> {
        if !self.is_marked {
            return Err(not_json(site.end));
        }
        match scalar {
            Scalar::Undefined => self.raw("{\"$undefined\":true}"),
            Scalar::Hole => self.raw("{\"$hole\":true}"),
            Scalar::InvalidDate => self.raw("{\"$date\":null}"),
            Scalar::Date(seconds, nanoseconds) => {
                let text = date::format(seconds, nanoseconds);
                self.raw(&format!("{{\"$date\":\"{text}\"}}"));
            }
            Scalar::Float(value) => {
                let name = json_text::not_finite(value);
                self.raw(&format!("{{\"$number\":\"{name}\"}}"));
            }
            Scalar::BigInt(payload) => {
                let text = json_text::bigint(payload);
                self.raw(&format!("{{\"$bigint\":\"{text}\"}}"));
            }
            Scalar::Bytes(bytes) => self.base64("{\"$bytes\":\"", bytes),
            Scalar::Typed(subtype, elements) => {
                let name = TYPED.get(usize::from(subtype)).map_or("", |(name, _)| name);
                self.base64(&format!("{{\"$typed\":\"{name}:"), elements);
            }
            Scalar::Unknown(kind, payload) => {
                self.base64(&format!("{{\"$ext\":\"{kind}:"), payload);
            }
            _ => return Err(not_json(site.end)),
        }
        Ok(())
    }

    fn base64(&mut self, start: &str, bytes: &[u8]) {
        self.raw(start);
        base64::encode(bytes, self.out);
        self.raw("\"}");
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}

fn not_json(offset: usize) -> Error {
    let message = format!(
        "JSON has no form for the value that ends at byte {offset}. Ask for the marked form, which \
         has one for every type."
    );
    fault(Code::NotJson, offset, message)
}
