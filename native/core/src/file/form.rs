//! Which form a name stands for, and the way there and back.

use std::sync::Arc;

use super::container::{self, Container};
use super::envelope::{self, damaged, digits, not_ours};
use super::{File, Metadata, State};
use crate::codec::{Codec, Registry};
use crate::digest::sha256;
use crate::error::{fail, Code, Error, Result};
use crate::hex;

/// How much of a file is decompressed at a time when only its beginning is needed.
const STEP: usize = 1024;

/// What a codec may give at least for a beginning: some only give whole blocks.
const BLOCK: usize = 8 << 20;

/// Reads and writes single files with the codecs of one registry.
#[derive(Clone)]
pub struct Forms {
    /// The codecs, the user's own among them.
    pub registry: Arc<Registry>,
    /// The longest state (with its envelope) that is taken out of a file, in bytes. A file that
    /// says that it is longer is damaged, or made to fill the memory.
    pub longest: usize,
}

/// How a state is written.
#[derive(Debug, Clone, Copy, Default)]
pub struct Writing<'a> {
    /// The codec by name, for `.ks` files; none is zstd. In the others the name tells it.
    pub codec: Option<&'a str>,
    /// The codec's level; none is its default.
    pub level: Option<i32>,
}

enum Form {
    Json(Arc<dyn Codec>),
    Container,
}

impl Forms {
    /// Forms with these codecs, for states up to 2 GiB.
    pub fn new(registry: Arc<Registry>) -> Self {
        Forms { registry, longest: i32::MAX as usize }
    }

    /// The bytes of a file of this name. Size and hash of the metadata are set here.
    pub fn encode(&self, name: &str, file: &File, writing: Writing) -> Result<Vec<u8>> {
        self.encode_form(name, file, writing).map_err(|error| named(error, name))
    }

    /// The file of this name that these bytes are, its hash proven.
    pub fn decode(&self, name: &str, bytes: &[u8]) -> Result<File> {
        self.decode_form(name, bytes).map_err(|error| named(explain(error, bytes, name), name))
    }

    /// What a file of this name says of its state, which is neither decoded nor proven; of a JSON
    /// form only the beginning is decompressed.
    pub fn metadata(&self, name: &str, bytes: &[u8]) -> Result<Metadata> {
        let metadata = match self.form(name) {
            Ok(Form::Container) => container::read(bytes).map(|parts| parts.metadata),
            Ok(Form::Json(codec)) => self.beginning(&*codec, bytes),
            Err(error) => Err(error),
        };
        metadata.map_err(|error| named(explain(error, bytes, name), name))
    }

    fn encode_form(&self, name: &str, file: &File, writing: Writing) -> Result<Vec<u8>> {
        let form = self.form(name)?;
        let mut metadata = file.metadata.clone();
        let state = file.state.as_bytes();
        let hash = sha256(state);
        metadata.size = state.len() as u64;
        metadata.hash = format!("sha256:{}", hex::encode(&hash));
        if let State::Json(_) = file.state {
            metadata.encoding = "json".into();
        }
        let (codec, text) = match (form, &file.state) {
            (Form::Json(codec), State::Json(text)) => (codec, text),
            (Form::Json(_), State::Bytes(_)) => {
                let message = "A .json file holds no bytes; give the file a name in .ks.";
                return fail(Code::Unsupported, message);
            }
            (Form::Container, _) => {
                let codec = writing.codec.unwrap_or("zstd");
                let stored = self.registry.get(codec)?.compress(writing.level, state)?;
                let (length, stored) = (state.len(), stored.as_slice());
                let parts = Container { codec, metadata, length, sha256: hash, stored };
                return container::write(&parts);
            }
        };
        codec.compress(writing.level, envelope::write(&metadata, text)?.as_bytes())
    }

    fn decode_form(&self, name: &str, bytes: &[u8]) -> Result<File> {
        match self.form(name)? {
            Form::Json(codec) => {
                let text = codec.decompress(bytes, self.longest)?;
                let (metadata, state) = envelope::read(&text)?;
                prove(&metadata, state.as_bytes())?;
                Ok(File { state: State::Json(state.into()), metadata })
            }
            Form::Container => {
                let parts = container::read(bytes)?;
                let state = self.unpack(&parts)?;
                prove(&parts.metadata, &state)?;
                if sha256(&state) != parts.sha256 {
                    return Err(damaged("its two hashes differ"));
                }
                let state = match parts.metadata.encoding.as_str() {
                    "json" => State::Json(
                        String::from_utf8(state)
                            .map_err(|_| damaged("its JSON text is not UTF-8"))?,
                    ),
                    _ => State::Bytes(state),
                };
                Ok(File { state, metadata: parts.metadata })
            }
        }
    }

    fn unpack(&self, parts: &Container) -> Result<Vec<u8>> {
        if parts.length > self.longest {
            let (length, longest) = (parts.length, self.longest);
            let message = format!("Its state has {length} bytes; at most {longest} are taken.");
            return fail(Code::ValueTooLarge, message + " Raise the limit if you trust the file.");
        }
        self.registry.get(parts.codec)?.decompress(parts.stored, parts.length)
    }

    /// Decompresses until the metadata is there.
    fn beginning(&self, codec: &dyn Codec, bytes: &[u8]) -> Result<Metadata> {
        let mut decoder = codec.decoder(self.longest.max(BLOCK))?;
        let (mut text, mut looked_at) = (Vec::new(), 0);
        for piece in bytes.chunks(STEP) {
            let written = decoder.write(piece, &mut text);
            // Looked at again only when it has doubled, so that the work stays in proportion.
            if text.len() >= looked_at * 2 {
                looked_at = text.len();
                if let Some(metadata) = envelope::read_beginning(&text)? {
                    return Ok(metadata);
                }
            }
            written?;
        }
        decoder.finish(&mut text)?;
        envelope::read(&text).map(|(metadata, _)| metadata)
    }

    /// The form that the end of a name stands for.
    fn form(&self, name: &str) -> Result<Form> {
        if name.ends_with(".ks") {
            return Ok(Form::Container);
        }
        if name.ends_with(".json") {
            return Ok(Form::Json(self.registry.by_extension("")?.codec));
        }
        let base = name.rsplit_once('.').filter(|(above, _)| above.ends_with(".json"));
        match base {
            Some((_, extension)) => {
                let registered = self.registry.by_extension(&format!(".{extension}"))?;
                Ok(Form::Json(registered.codec))
            }
            None => fail(
                Code::UnknownCodec,
                "The name tells no form; end it in .json, .json.gz, .json.zst, .json.lz4, \
                 .json.br, \
                 .json and the extension of a codec of yours, or .ks.",
            ),
        }
    }
}

fn prove(metadata: &Metadata, state: &[u8]) -> Result<()> {
    let Some(expected) = digits(&metadata.hash) else {
        return Err(damaged("its hash is no SHA-256"));
    };
    let actual = hex::encode(&sha256(state));
    if actual != expected && !sabotaged!(FileHash) {
        let message = format!(
            "The state's SHA-256 is {actual}, but the file says {expected}: it was changed or \
             damaged. Restore it from a copy."
        );
        return fail(Code::HashMismatch, message);
    }
    match metadata.size == state.len() as u64 {
        true => Ok(()),
        false => Err(damaged("the state has another length than its metadata says")),
    }
}

/// A file that is whole, but not what its name says, is worth another word than damage.
fn explain(error: Error, bytes: &[u8], name: &str) -> Error {
    if !matches!(error.code(), Code::Corrupt | Code::CodecFailed | Code::NotOurs) {
        return error;
    }
    let kinds: [(&[u8], &str, &str); 5] = [
        (b"\x1f\x8b\x08", "gzip", ".json.gz"),
        (b"\x28\xb5\x2f\xfd", "zstd", ".json.zst"),
        (b"\x04\x22\x4d\x18", "lz4", ".json.lz4"),
        (container::MAGIC, "a .ks file", ".ks"),
        (b"{\"keepstate\"", "plain JSON", ".json"),
    ];
    match kinds.into_iter().find(|(magic, ..)| bytes.starts_with(magic)) {
        Some((_, what, extension)) if !name.ends_with(extension) => {
            not_ours(&format!("It is {what}, which its name does not say (end it in {extension})"))
                .caused_by(error)
        }
        _ => error,
    }
}

/// The error with the name before its message.
fn named(error: Error, name: &str) -> Error {
    let place = error.place().clone();
    let message = format!("{name}: {}", error.message());
    Error::new(error.code(), message)
        .at(|new| {
            *new = place;
            new.path = Some(name.into());
        })
        .caused_by(error)
}
