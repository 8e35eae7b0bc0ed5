//! Which codecs there are, by name and by file extension.

use std::sync::Arc;

use parking_lot::RwLock;

use super::{Brotli, Codec, Gzip, Lz4, Plain, Zstd};
use crate::error::{fail, Code, Result};

/// A codec with the name and the extensions under which it is known.
#[derive(Clone)]
pub struct Registered {
    /// The name, as metadata holds it.
    pub name: Arc<str>,
    /// Its file extensions with their dots; the first is the one that is written.
    pub extensions: Arc<[String]>,
    /// The codec.
    pub codec: Arc<dyn Codec>,
}

/// The codecs that one engine knows. It can be shared and added to from any thread.
pub struct Registry {
    entries: RwLock<Vec<Registered>>,
}

impl Default for Registry {
    fn default() -> Self {
        Registry::new()
    }
}

impl Registry {
    /// A registry with the built-in codecs: `none gzip zstd lz4 brotli`.
    pub fn new() -> Self {
        let built_in = |name: &str, extension: &str, codec: Arc<dyn Codec>| Registered {
            name: Arc::from(name),
            extensions: Arc::from([extension.to_string()]),
            codec,
        };
        let entries = vec![
            built_in("none", "", Arc::new(Plain)),
            built_in("gzip", ".gz", Arc::new(Gzip)),
            built_in("zstd", ".zst", Arc::new(Zstd)),
            built_in("lz4", ".lz4", Arc::new(Lz4)),
            built_in("brotli", ".br", Arc::new(Brotli)),
        ];
        Registry { entries: RwLock::new(entries) }
    }

    /// Adds a codec. A name or an extension that is taken is `INVALID_ARGUMENT`: what is stored
    /// under a name must never change its meaning.
    pub fn register(&self, name: &str, extensions: &[&str], codec: Arc<dyn Codec>) -> Result<()> {
        check_name(name)?;
        extensions.iter().try_for_each(|extension| check_extension(extension))?;
        let mut entries = self.entries.write();
        if entries.iter().any(|entry| &*entry.name == name) {
            let text = format!("A codec named {name} is there already; choose another name.");
            return fail(Code::InvalidArgument, text);
        }
        for extension in extensions {
            if let Some(owner) = entries.iter().find(|entry| entry.has(extension)) {
                let text = format!("{extension} belongs to {}; choose another one.", owner.name);
                return fail(Code::InvalidArgument, text);
            }
        }
        let extensions = extensions.iter().map(|text| text.to_string()).collect();
        entries.push(Registered { name: Arc::from(name), extensions, codec });
        Ok(())
    }

    /// The codec of a name, or `UNKNOWN_CODEC` with the names that there are.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Codec>> {
        let entries = self.entries.read();
        if let Some(entry) = entries.iter().find(|entry| &*entry.name == name) {
            return Ok(Arc::clone(&entry.codec));
        }
        let names: Vec<&str> = entries.iter().map(|entry| &*entry.name).collect();
        let text = format!(
            "There is no codec named '{name}'; there are {}. Register yours before it is used.",
            names.join(", ")
        );
        fail(Code::UnknownCodec, text)
    }

    /// The codec of an extension with its dot (the empty one is `none`), or `UNKNOWN_CODEC`.
    pub fn by_extension(&self, extension: &str) -> Result<Registered> {
        let entries = self.entries.read();
        if let Some(entry) = entries.iter().find(|entry| entry.has(extension)) {
            return Ok(entry.clone());
        }
        let known: Vec<&str> = entries
            .iter()
            .flat_map(|entry| entry.extensions.iter())
            .filter_map(|extension| (!extension.is_empty()).then_some(extension.as_str()))
            .collect();
        let text = format!(
            "No codec has the extension '{extension}'; there are {}. Register yours first.",
            known.join(" ")
        );
        fail(Code::UnknownCodec, text)
    }

    /// The codec whose extension `path` ends with: the longest one that fits, else `none`.
    pub fn by_path(&self, path: &str) -> Result<Registered> {
        let entries = self.entries.read();
        let fitting = entries
            .iter()
            .flat_map(|entry| entry.extensions.iter().map(move |extension| (extension, entry)))
            .filter(|(extension, _)| path.ends_with(extension.as_str()))
            .max_by_key(|(extension, _)| extension.len());
        match fitting {
            Some((_, entry)) => Ok(entry.clone()),
            None => fail(Code::Internal, "The codec 'none' is missing; please report it."),
        }
    }

    /// All codecs, in the order of their registration.
    pub fn list(&self) -> Vec<Registered> {
        self.entries.read().clone()
    }
}

impl Registered {
    fn has(&self, extension: &str) -> bool {
        self.extensions.iter().any(|own| own == extension)
    }
}

fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    let text = format!("'{name}' is no codec name; use 1 to 32 of a-z, 0-9 and '-'.");
    fail(Code::InvalidArgument, text)
}

fn check_extension(extension: &str) -> Result<()> {
    let rest = extension.strip_prefix('.').unwrap_or_default();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=16).contains(&rest.len()) && rest.bytes().all(plain) {
        return Ok(());
    }
    let text = format!("'{extension}' is no extension; use a dot and 1 to 16 letters or digits.");
    fail(Code::InvalidArgument, text)
}
