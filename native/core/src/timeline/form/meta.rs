//! What a snapshot says of itself: fields with rising tags. Fields of later versions are kept.

use bytes::Bytes;

use crate::error::{Code, Error, Result};
use crate::wire::{put_bytes, put_varint, Reader};

const TIME: u8 = 1;
const LABEL: u8 = 2;
const DESCRIPTION: u8 = 3;
const ENCODING: u8 = 4;
const SCHEMA: u8 = 5;
const IDEMPOTENCY: u8 = 6;
const USER: u8 = 7;
const NONCE: u8 = 8;

/// The longest metadata, so that a listing stays cheap.
pub const META_MAX: usize = 1 << 20;

/// The metadata of a snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Meta {
    /// When it was saved, in milliseconds since 1970.
    pub time: u64,
    /// A short name for people.
    pub label: Option<String>,
    /// A longer text for people.
    pub description: Option<String>,
    /// How the state's bytes are to be read; none is `msgpack`.
    pub encoding: Option<String>,
    /// The version of the user's schema.
    pub schema: Option<String>,
    /// Makes a retry the same snapshot.
    pub idempotency_key: Option<String>,
    /// Whatever the user added, as a MessagePack map.
    pub user: Option<Bytes>,
    /// Makes a fence different from every other.
    pub nonce: Option<Bytes>,
    /// Fields of a later version, kept as they are.
    pub unknown: Vec<(u8, Bytes)>,
}

impl Meta {
    /// The encoding, if it is another than MessagePack.
    pub fn foreign(&self) -> Option<&str> {
        self.encoding.as_deref().filter(|encoding| *encoding != "msgpack")
    }

    /// The fields as bytes.
    pub fn encode(&self) -> Result<Bytes> {
        let mut out = Vec::with_capacity(64);
        let mut time = Vec::with_capacity(8);
        put_varint(&mut time, self.time);
        put_field(&mut out, TIME, &time);
        for (tag, text) in [
            (LABEL, &self.label),
            (DESCRIPTION, &self.description),
            (ENCODING, &self.encoding),
            (SCHEMA, &self.schema),
            (IDEMPOTENCY, &self.idempotency_key),
        ] {
            if let Some(text) = text {
                put_field(&mut out, tag, text.as_bytes());
            }
        }
        for (tag, bytes) in [(USER, &self.user), (NONCE, &self.nonce)] {
            if let Some(bytes) = bytes {
                put_field(&mut out, tag, bytes);
            }
        }
        for (tag, bytes) in &self.unknown {
            put_field(&mut out, *tag, bytes);
        }
        if out.len() > META_MAX {
            let message = format!(
                "A snapshot's metadata has {} bytes, at most {META_MAX}; put data into the state.",
                out.len()
            );
            return Err(Error::new(Code::ValueTooLarge, message));
        }
        Ok(Bytes::from(out))
    }

    /// The fields in these bytes.
    pub fn decode(bytes: &Bytes) -> Result<Meta> {
        let mut reader = Reader::new(bytes, "snapshot's metadata");
        let mut meta = Meta::default();
        let mut before = 0;
        while reader.left() > 0 {
            let tag = reader.u8()?;
            if tag <= before {
                return Err(reader.damage("its fields are out of order"));
            }
            before = tag;
            let field = reader.bytes()?;
            let mut inner = Reader::new(field, "snapshot's metadata");
            match tag {
                TIME => meta.time = inner.varint()?,
                LABEL => meta.label = Some(utf8(field, &inner)?),
                DESCRIPTION => meta.description = Some(utf8(field, &inner)?),
                ENCODING => meta.encoding = Some(utf8(field, &inner)?),
                SCHEMA => meta.schema = Some(utf8(field, &inner)?),
                IDEMPOTENCY => meta.idempotency_key = Some(utf8(field, &inner)?),
                USER => meta.user = Some(bytes.slice_ref(field)),
                NONCE => meta.nonce = Some(bytes.slice_ref(field)),
                other => meta.unknown.push((other, bytes.slice_ref(field))),
            }
        }
        Ok(meta)
    }
}

fn put_field(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    put_bytes(out, bytes);
}

fn utf8(field: &[u8], reader: &Reader<'_>) -> Result<String> {
    match std::str::from_utf8(field) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(reader.damage("a text is not UTF-8")),
    }
}
