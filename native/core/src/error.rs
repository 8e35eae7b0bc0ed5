//! The one error and the one table of codes.
//!
//! A code is a stable name and a stable number: both are part of the C ABI, of FORMAT.md's promise
//! and of every binding. A code is never renumbered and never reused; `test/vectors/errors.json`
//! holds the table for all languages, and a test in each compares its own against it.

use std::error::Error as StdError;
use std::fmt;

/// Everything in this crate that can fail, fails with this.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! codes {
    ($($variant:ident = $number:literal, $name:literal, $retryable:literal, $meaning:literal;)*)
    => {
        /// What went wrong, by meaning. The number is the C ABI's status.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[repr(u32)]
        pub enum Code { $(#[doc = $meaning] $variant = $number,)* }

        impl Code {
            /// All codes, in the order of their numbers.
            pub const ALL: &'static [Code] = &[$(Code::$variant,)*];

            /// The stable name, as `KeepstateError.code` shows it.
            pub fn name(self) -> &'static str {
                match self { $(Code::$variant => $name,)* }
            }

            /// What the code means, for documentation.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$variant => $meaning,)* }
            }

            /// Whether the same call may succeed when it is made again.
            pub fn retryable(self) -> bool {
                match self { $(Code::$variant => $retryable,)* }
            }
        }
    };
}

codes! {
    Internal = 1, "INTERNAL", false, "A fault of Keepstate's own; please report it.";
    InvalidArgument = 2, "INVALID_ARGUMENT", false, "An argument is not what the call takes.";
    InvalidConfig = 3, "INVALID_CONFIG", false, "An option, a URL or a configuration key is wrong.";
    InvalidRef = 4, "INVALID_REF", false, "A reference or a name does not parse.";
    NotFound = 5, "NOT_FOUND", false, "What was named does not exist.";
    Conflict = 6, "CONFLICT", false, "Somebody else wrote first.";
    Corrupt = 7, "CORRUPT", false, "Stored bytes are damaged.";
    HashMismatch = 8, "HASH_MISMATCH", false, "Content does not match its recorded hash.";
    NotOurs = 9, "NOT_OURS", false, "A file or folder is not one of Keepstate's.";
    FormatTooNew = 10, "FORMAT_TOO_NEW", false, "Written by a newer version of Keepstate.";
    KeyTooLong = 11, "KEY_TOO_LONG", false, "A key is longer than the store can hold.";
    ValueTooLarge = 12, "VALUE_TOO_LARGE", false, "A value is larger than the store can hold.";
    Unsupported = 13, "UNSUPPORTED", false, "The store, codec or encoding cannot do this.";
    Unavailable = 14, "UNAVAILABLE", true, "The store cannot be reached now.";
    Timeout = 15, "TIMEOUT", true, "The call took longer than allowed.";
    Aborted = 16, "ABORTED", false, "The caller cancelled.";
    Closed = 17, "CLOSED", false, "The store or handle is closed.";
    Locked = 18, "LOCKED", true, "Another process holds the folder's lock.";
    ReadOnly = 19, "READ_ONLY", false, "The store is open or mounted read-only.";
    Permission = 20, "PERMISSION", false, "The operating system refused access.";
    DiskFull = 21, "DISK_FULL", false, "No space is left.";
    Io = 22, "IO", false, "An input or output operation failed.";
    NotJson = 23, "NOT_JSON", false, "A value is not what JSON can hold.";
    Cycle = 24, "CYCLE", false, "A value refers to itself.";
    TooDeep = 25, "TOO_DEEP", false, "A value is nested too deeply.";
    UnsupportedType = 26, "UNSUPPORTED_TYPE", false, "A value of this type cannot be saved.";
    UnknownCodec = 27, "UNKNOWN_CODEC", false, "No codec of this name is registered.";
    CodecFailed = 28, "CODEC_FAILED", false, "A codec could not compress or decompress.";
    KeyUnknown = 29, "KEY_UNKNOWN", false, "No sealing key with this id was given.";
    SealBroken = 30, "SEAL_BROKEN", false, "A sealed value has a wrong key, place or bytes.";
    Validation = 31, "VALIDATION", false, "A value does not match its schema.";
    NativeLoad = 32, "NATIVE_LOAD", false, "The native addon could not be loaded.";
    LeaseLost = 33, "LEASE_LOST", false, "Another writer has taken the lease.";
    IdempotencyMismatch = 34, "IDEMPOTENCY_MISMATCH", false, "The key was used for other content.";
    Reentered = 35, "REENTERED", false, "A save was called from within a save.";
    Forked = 36, "FORKED", false, "The handle belongs to the parent of this process.";
    PluginNotFound = 37, "PLUGIN_NOT_FOUND", false, "No store plugin of this name is registered.";
    PluginExists = 38, "PLUGIN_EXISTS", false, "A store plugin has this name already.";
    InitFailed = 39, "INIT_FAILED", false, "A store plugin could not start.";
    BackendNotFound = 40, "BACKEND_NOT_FOUND", false, "The route has no store of this name.";
    BackendExists = 41, "BACKEND_EXISTS", false, "The route has a store of this name already.";
    NoBackends = 42, "NO_BACKENDS", false, "The route has no store that can serve this.";
    OutOfMemory = 43, "OUT_OF_MEMORY", false, "A limit on memory was reached.";
    LeaseHeld = 44, "LEASE_HELD", true, "Another writer holds the lease.";
}

/// Where it happened, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The store's key.
    pub key: Option<String>,
    /// The timeline, as `agent/session`.
    pub timeline: Option<String>,
    /// The JSON pointer into the value.
    pub pointer: Option<String>,
    /// The log's segment number.
    pub segment: Option<u64>,
    /// The byte offset in the segment or file.
    pub offset: Option<u64>,
    /// The path of the file or folder.
    pub path: Option<String>,
}

/// A failure: a code, a sentence that says what happened and what to do, and where.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    message: String,
    place: Place,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `code`. `message` says what happened and what the user can do.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error(Box::new(Inner {
            code,
            message: message.into(),
            place: Place::default(),
            cause: None,
        }))
    }

    /// A failure of the operating system, with the code that its kind means.
    pub fn io(
        source: std::io::Error,
        doing: impl fmt::Display,
        path: impl AsRef<std::path::Path>,
    ) -> Self {
        use std::io::ErrorKind as Kind;
        let path = path.as_ref().display().to_string();
        let (code, advice) = match source.kind() {
            Kind::NotFound => (Code::NotFound, "check that the path exists"),
            Kind::NotADirectory => (Code::NotOurs, "it is no folder; choose another path"),
            Kind::IsADirectory => (Code::NotOurs, "it is a folder; choose another path"),
            Kind::PermissionDenied => (Code::Permission, "check the owner and mode of the folder"),
            Kind::StorageFull | Kind::QuotaExceeded => {
                (Code::DiskFull, "free some space and try again; what was saved is still there")
            }
            Kind::ReadOnlyFilesystem => {
                (Code::ReadOnly, "open another folder, or only read from this one")
            }
            _ => (Code::Io, "check the disk and try again"),
        };
        let mut error = Error::new(code, format!("{doing} failed at {path}: {source}; {advice}."));
        error.0.place.path = Some(path);
        error.0.cause = Some(Box::new(source));
        error
    }

    /// The same error with a store key added.
    pub fn key(self, key: impl Into<String>) -> Self {
        self.at(|place| place.key = Some(key.into()))
    }

    /// The same error with its place completed.
    pub fn at(mut self, fill: impl FnOnce(&mut Place)) -> Self {
        fill(&mut self.0.place);
        self
    }

    /// The same error with the error that led to it.
    pub fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Whether a write that failed so may have happened all the same: an answer may have been lost,
    /// or a client's own retry may have met its first try.
    pub fn is_ambiguous(&self) -> bool {
        matches!(self.code(), Code::Conflict | Code::Timeout | Code::Unavailable)
    }

    /// What went wrong, by meaning.
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// What happened and what to do.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it happened.
    pub fn place(&self) -> &Place {
        &self.0.place
    }

    /// The text of each cause, outermost first.
    pub fn causes(&self) -> Vec<String> {
        let mut texts = Vec::new();
        let mut next = self.source();
        while let Some(cause) = next {
            texts.push(cause.to_string());
            next = cause.source();
        }
        texts
    }

    /// A copy for another waiter: a group of commits fails as one, and each of them is told.
    pub fn duplicate(&self) -> Self {
        let mut copy = Error::new(self.0.code, self.0.message.clone());
        copy.0.place = self.0.place.clone();
        copy.0.cause = self.0.cause.as_ref().map(|cause| cause.to_string().into());
        copy
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.code.name(), self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("code", &self.0.code.name())
            .field("message", &self.0.message)
            .field("place", &self.0.place)
            .field("cause", &self.0.cause)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

/// `Err` of a code and a message, in one word.
pub fn fail<T>(code: Code, message: impl Into<String>) -> Result<T> {
    Err(Error::new(code, message))
}
