//! The one pass over encoded bytes: it checks all that can be wrong, and tells a visitor what is
//! there. Nesting is kept in a list, so that no input can exhaust the stack.

use super::read::{corrupt, fault, Item, Reader};
use super::{ext, MAX_DEPTH, TYPED};
use crate::error::{Code, Result};

/// A value without values inside.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scalar<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text(Text<'a>),
    Bytes(&'a [u8]),
    Undefined,
    Hole,
    /// Seconds since 1970, and nanoseconds from there.
    Date(i64, u32),
    InvalidDate,
    BigInt(&'a [u8]),
    /// An index into [`TYPED`], and little-endian elements.
    Typed(u8, &'a [u8]),
    /// UTF-16 little endian, of even length.
    Utf16(&'a [u8]),
    Unknown(u8, &'a [u8]),
}

/// Text that was found to be UTF-8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Text<'a> {
    pub(super) bytes: &'a [u8],
    /// The text, unless it is ASCII, which most is and which is quicker to see than UTF-8.
    pub(super) wide: Option<&'a str>,
}

/// A value with values inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Container {
    Array,
    /// Keys and values in turn; keys are mostly text.
    Object,
    Map,
    Set,
    /// One array inside.
    RegExp,
    /// One object inside.
    Error,
    /// The name of a type, which is text, and the data of a value of that type.
    Named,
}

impl Container {
    /// Whether its items are keys and values in turn.
    pub(super) fn has_keys(self) -> bool {
        matches!(self, Container::Object | Container::Map)
    }
}

/// Where a value stands, as its visitor is told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site {
    /// The container around it; none for the outermost value.
    pub(super) parent: Option<Container>,
    /// Its number there; keys and values are counted both.
    pub(super) index: usize,
    /// The offset behind the value's header and content.
    pub(super) end: usize,
}

impl Site {
    /// Whether the value is the key of an object or a Map.
    pub(super) fn is_key(&self) -> bool {
        self.index % 2 == 0 && self.parent.is_some_and(Container::has_keys)
    }
}

/// What is told of the values, in the order of the bytes.
pub(super) trait Visitor {
    /// A value without values inside.
    fn scalar(&mut self, scalar: Scalar<'_>, site: Site) -> Result<()>;
    /// A container begins; `count` is of its elements or entries.
    fn open(&mut self, container: Container, count: usize, site: Site) -> Result<()>;
    /// The innermost container ends.
    fn close(&mut self, container: Container) -> Result<()>;
}

/// A visitor that wants nothing: walking is checking.
pub(super) struct Nothing;

impl Visitor for Nothing {
    fn scalar(&mut self, _: Scalar<'_>, _: Site) -> Result<()> {
        Ok(())
    }

    fn open(&mut self, _: Container, _: usize, _: Site) -> Result<()> {
        Ok(())
    }

    fn close(&mut self, _: Container) -> Result<()> {
        Ok(())
    }
}

/// A container that is being read.
struct Frame {
    container: Container,
    index: usize,
    /// How many items it has, keys counted.
    items: usize,
    /// Where it must end, when an ext's payload says so.
    end: Option<usize>,
}

/// Reads one whole value and tells `visitor` of it.
pub(super) fn walk(bytes: &[u8], visitor: &mut impl Visitor) -> Result<()> {
    let mut walker = Walker { reader: Reader::new(bytes), frames: Vec::new() };
    walker.value(visitor)?;
    while let Some(frame) = walker.frames.last_mut() {
        if frame.index == frame.items {
            walker.finish(visitor)?;
            continue;
        }
        walker.value(visitor)?;
    }
    if !walker.reader.is_done() {
        return Err(corrupt(walker.reader.at(), "something behind the value"));
    }
    Ok(())
}

struct Walker<'a> {
    reader: Reader<'a>,
    frames: Vec<Frame>,
}

impl<'a> Walker<'a> {
    fn value(&mut self, visitor: &mut impl Visitor) -> Result<()> {
        let start = self.reader.at();
        let item = self.reader.next()?;
        let mut site = Site { parent: None, index: 0, end: self.reader.at() };
        if let Some(frame) = self.frames.last_mut() {
            site.parent = Some(frame.container);
            site.index = frame.index;
            frame.index += 1;
        }
        let scalar = match item {
            Item::Nil => Scalar::Nil,
            Item::Bool(value) => Scalar::Bool(value),
            Item::Int(value) => Scalar::Int(value),
            Item::Uint(value) => Scalar::Uint(value),
            Item::Float(value) => Scalar::Float(value),
            Item::Str(bytes) => Scalar::Text(text(bytes, site.end)?),
            Item::Bin(bytes) => Scalar::Bytes(bytes),
            Item::Array(count) => return self.open(Container::Array, count, (visitor, site)),
            Item::Map(count) => return self.open(Container::Object, count, (visitor, site)),
            Item::Ext(kind, payload) => match container_of(kind) {
                Some(container) => return self.enter(container, payload, (visitor, site)),
                None => extended(kind, payload, start)?,
            },
        };
        visitor.scalar(scalar, site)
    }

    fn open<V: Visitor>(
        &mut self,
        container: Container,
        count: usize,
        (visitor, site): (&mut V, Site),
    ) -> Result<()> {
        let items = if container.has_keys() { count.saturating_mul(2) } else { count };
        self.push(Frame { container, index: 0, items, end: None })?;
        visitor.open(container, count, site)
    }

    /// Goes into an ext that holds values.
    fn enter<V: Visitor>(
        &mut self,
        container: Container,
        payload: &[u8],
        (visitor, site): (&mut V, Site),
    ) -> Result<()> {
        let end = Some(self.reader.at());
        self.reader.enter(payload.len());
        let inside = self.reader.at();
        let items = match container {
            Container::RegExp | Container::Error => 1,
            Container::Named => named(self.reader.peek()?, inside)?,
            _ => match (container, self.reader.next()?) {
                (Container::Map, Item::Map(count)) => count.saturating_mul(2),
                (Container::Set, Item::Array(count)) => count,
                _ => return Err(corrupt(inside, "a Map or Set without its entries")),
            },
        };
        self.push(Frame { container, index: 0, items, end })?;
        let count = if container == Container::Map { items / 2 } else { items };
        visitor.open(container, count, site)
    }

    fn push(&mut self, frame: Frame) -> Result<()> {
        if self.frames.len() >= MAX_DEPTH {
            let message = format!("The encoded state is nested more than {MAX_DEPTH} levels deep.");
            return Err(fault(Code::TooDeep, self.reader.at(), message));
        }
        self.frames.push(frame);
        Ok(())
    }

    fn finish(&mut self, visitor: &mut impl Visitor) -> Result<()> {
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        if frame.end.is_some_and(|end| end != self.reader.at()) {
            return Err(corrupt(
                self.reader.at(),
                "the end of a value that its ext does not share",
            ));
        }
        visitor.close(frame.container)
    }
}

/// Checks text that ends at `end`.
#[inline]
fn text(bytes: &[u8], end: usize) -> Result<Text<'_>> {
    if bytes.is_ascii() {
        return Ok(Text { bytes, wide: None });
    }
    match std::str::from_utf8(bytes) {
        Ok(wide) => Ok(Text { bytes, wide: Some(wide) }),
        Err(error) => {
            Err(corrupt(end - bytes.len() + error.valid_up_to(), "text that is no UTF-8"))
        }
    }
}

/// How many values are inside a named one, of which `first` is the first.
pub(super) fn named(first: Item<'_>, at: usize) -> Result<usize> {
    match first {
        Item::Str(_) => Ok(2),
        _ => Err(corrupt(at, "a value of a type without a name")),
    }
}

pub(super) fn container_of(kind: u8) -> Option<Container> {
    match kind {
        ext::MAP => Some(Container::Map),
        ext::SET => Some(Container::Set),
        ext::REGEXP => Some(Container::RegExp),
        ext::ERROR => Some(Container::Error),
        ext::NAMED => Some(Container::Named),
        _ => None,
    }
}

pub(super) fn extended(kind: u8, payload: &[u8], start: usize) -> Result<Scalar<'_>> {
    Ok(match (kind, payload) {
        (ext::ABSENT, []) => Scalar::Undefined,
        (ext::ABSENT, [1]) => Scalar::Hole,
        (ext::INVALID_DATE, []) => Scalar::InvalidDate,
        (ext::BIGINT, [_, ..]) => Scalar::BigInt(payload),
        (ext::TYPED, [subtype, elements @ ..]) => match TYPED.get(usize::from(*subtype)) {
            Some((_, size)) if elements.len() % size == 0 => Scalar::Typed(*subtype, elements),
            _ => return Err(corrupt(start, "a typed array of no known type")),
        },
        (ext::UTF16, _) if payload.len() % 2 == 0 => Scalar::Utf16(payload),
        (ext::TIMESTAMP, _) => timestamp(payload, start)?,
        (ext::ABSENT | ext::INVALID_DATE | ext::BIGINT | ext::TYPED | ext::UTF16, _) => {
            return Err(corrupt(start, "an extended value of the wrong size"))
        }
        _ => Scalar::Unknown(kind, payload),
    })
}

/// The three sizes of MessagePack's timestamp.
fn timestamp(payload: &[u8], start: usize) -> Result<Scalar<'static>> {
    let (seconds, nanoseconds) = if let Ok(short) = payload.try_into() {
        (i64::from(u32::from_be_bytes(short)), 0)
    } else if let Ok(medium) = payload.try_into() {
        let packed = u64::from_be_bytes(medium);
        ((packed & 0x3_ffff_ffff) as i64, (packed >> 34) as u32)
    } else if let Some((nanoseconds, seconds)) = split_long(payload) {
        (seconds, nanoseconds)
    } else {
        return Err(corrupt(start, "a timestamp of the wrong size"));
    };
    if nanoseconds >= 1_000_000_000 {
        return Err(corrupt(start, "a timestamp with more than a second of nanoseconds"));
    }
    Ok(Scalar::Date(seconds, nanoseconds))
}

fn split_long(payload: &[u8]) -> Option<(u32, i64)> {
    let (nanoseconds, seconds) = payload.split_first_chunk::<4>()?;
    Some((u32::from_be_bytes(*nanoseconds), i64::from_be_bytes(seconds.try_into().ok()?)))
}
