//! Keys from passphrases: argon2id, with parameters that are stored beside the sealed values.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};

use super::keys::{Random, Secret};
use crate::error::{fail, Code, Error, Result};
use crate::hex;

const NAME: &str = "argon2id";

/// The shortest passphrase that is taken at all, in bytes.
const SHORTEST: usize = 8;

/// What a reader accepts: parameters come from a store, and must not cost more than this.
const MOST_MEMORY: u32 = 1 << 20;
const MOST_PASSES: u32 = 32;
const MOST_LANES: u32 = 16;

/// How a passphrase becomes a key. It is no secret; without it the key is lost, so store its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// KiB of memory.
    memory: u32,
    passes: u32,
    lanes: u32,
    salt: [u8; 16],
}

impl Stretch {
    /// A new one with a random salt: 64 MiB, 3 passes, 4 lanes, the second choice of RFC 9106, for
    /// machines that do other things too.
    pub fn new(random: &mut Random<'_>) -> Result<Self> {
        let mut salt = [0; 16];
        random(&mut salt)?;
        Ok(Stretch { memory: 64 * 1024, passes: 3, lanes: 4, salt })
    }

    /// The same with other costs: KiB of memory, passes, lanes.
    pub fn costs(self, [memory, passes, lanes]: [u32; 3]) -> Result<Self> {
        let fit = (lanes.saturating_mul(8)..=MOST_MEMORY).contains(&memory)
            && (1..=MOST_PASSES).contains(&passes)
            && (1..=MOST_LANES).contains(&lanes);
        if !fit {
            let text = format!(
                "argon2id cannot run with {memory} KiB, {passes} passes and {lanes} lanes; give at \
                 most {MOST_MEMORY}, {MOST_PASSES} and {MOST_LANES}, and 8 KiB for each lane."
            );
            return fail(Code::InvalidArgument, text);
        }
        Ok(Stretch { memory, passes, lanes, ..self })
    }

    /// The key of `passphrase`. This takes a large part of a second, on purpose.
    pub fn key(&self, passphrase: &str) -> Result<[u8; 32]> {
        if passphrase.len() < SHORTEST {
            let text = format!("The passphrase is too short; use {SHORTEST} bytes or more.");
            return fail(Code::InvalidArgument, text);
        }
        let params = Params::new(self.memory, self.passes, self.lanes, Some(32)).map_err(failed)?;
        let mut key = Secret([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(passphrase.as_bytes(), &self.salt, &mut key.0)
            .map_err(failed)?;
        Ok(*key.bytes())
    }

    /// Reads the text that `Display` writes.
    pub fn parse(text: &str) -> Result<Self> {
        let parsed = fields(text);
        let Some((costs, salt)) = parsed else {
            let text = "A passphrase's parameters are damaged; restore them from another copy.";
            return fail(Code::Corrupt, text);
        };
        Stretch { memory: 0, passes: 0, lanes: 0, salt }.costs(costs)
    }
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stretch { memory, passes, lanes, salt } = self;
        write!(f, "{NAME} m={memory} t={passes} p={lanes} salt={}", hex::encode(salt))
    }
}

fn fields(text: &str) -> Option<([u32; 3], [u8; 16])> {
    let mut words = text.split(' ');
    (words.next()? == NAME).then_some(())?;
    let mut field = |name: &str| words.next()?.strip_prefix(name)?.strip_prefix('=');
    let costs = [field("m")?, field("t")?, field("p")?];
    let salt = hex::decode(field("salt")?).ok()?.try_into().ok()?;
    let [memory, passes, lanes] = costs.map(|cost| cost.parse().ok());
    words.next().is_none().then_some(([memory?, passes?, lanes?], salt))
}

fn failed(cause: argon2::Error) -> Error {
    let text = "argon2id could not make the key; give it less memory.";
    Error::new(Code::OutOfMemory, text).caused_by(cause.to_string())
}
