//! JSON text as encoded bytes: the reverse of `to_json`.

use super::json_lexer::{Lexer, Text};
use super::{ext, markers, write, JsonForm, MAX_DEPTH};
use crate::error::Result;

/// Appends the encoding of one JSON text to `out`. In the marked form, markers become what they
/// stand for, and [`super::to_json`] gives the same text again; in the plain form every object is
/// an object. What is no JSON is NOT_JSON, with its offset. On an error `out` is as it was.
pub fn from_json(text: &str, form: JsonForm, out: &mut Vec<u8>) -> Result<()> {
    let mut parser = Parser {
        lexer: Lexer::new(text),
        is_marked: form == JsonForm::Marked,
        body: Vec::with_capacity(text.len()),
        headers: Vec::new(),
        header_bytes: 0,
        frames: Vec::new(),
    };
    parser.document()?;
    parser.assemble(out);
    Ok(())
}

/// Headers depend on what follows them, so they are kept apart from the body until the end.
struct Parser<'t> {
    lexer: Lexer<'t>,
    is_marked: bool,
    body: Vec<u8>,
    headers: Vec<Placed>,
    header_bytes: usize,
    frames: Vec<Frame>,
}

/// A header, and the place in the body that it goes before.
struct Placed {
    at: usize,
    header: write::Header,
}

struct Frame {
    kind: Kind,
    count: usize,
    /// The first of its headers.
    header: usize,
    /// All bytes, headers too, that were there before it.
    before: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Array,
    Object,
    /// The `$dict` at the end of an object, with its pairs, half a pair counted.
    Dict,
    Map,
    Set,
    /// An ext with one value inside.
    Inside(u8),
    /// The name of a type and the data of a value.
    Named,
}

/// What has to be read next.
enum Next {
    Value,
    /// A value is complete; what does the container around it say?
    After,
}

impl Parser<'_> {
    fn document(&mut self) -> Result<()> {
        let mut next = self.value()?;
        loop {
            next = match next {
                Next::Value => self.value()?,
                Next::After if self.frames.is_empty() => return self.lexer.finish(),
                Next::After => self.after()?,
            };
        }
    }

    fn value(&mut self) -> Result<Next> {
        match self.lexer.peek() {
            Some(b'{') => return self.object(),
            Some(b'[') => return self.array(),
            Some(b'"') => {
                let text = self.lexer.string()?;
                self.text(&text);
            }
            Some(b't') => self.word("true", 0xc3)?,
            Some(b'f') => self.word("false", 0xc2)?,
            Some(b'n') => self.word("null", 0xc0)?,
            _ => self.number()?,
        }
        Ok(Next::After)
    }

    fn word(&mut self, word: &str, code: u8) -> Result<()> {
        self.lexer.word(word)?;
        self.body.push(code);
        Ok(())
    }

    fn array(&mut self) -> Result<Next> {
        self.lexer.expect(b'[')?;
        self.open(Kind::Array, 1)?;
        self.first_item()
    }

    /// Behind the bracket of a list of values.
    fn first_item(&mut self) -> Result<Next> {
        if self.lexer.eat(b']') {
            return self.end_list();
        }
        Ok(Next::Value)
    }

    fn object(&mut self) -> Result<Next> {
        self.lexer.expect(b'{')?;
        if self.lexer.eat(b'}') {
            self.open(Kind::Object, 1)?;
            self.close(&[])?;
            return Ok(Next::After);
        }
        let key = self.lexer.string()?;
        if let Some(name) = self.marker_of(&key) {
            if name != "$dict" {
                self.lexer.expect(b':')?;
                return self.marker(&name);
            }
        }
        self.open(Kind::Object, 1)?;
        self.entry(&key)
    }

    /// The name of the marker that a key is, if it is one.
    fn marker_of(&self, key: &Text<'_>) -> Option<String> {
        match key {
            Text::Utf8(text) if self.is_marked && text.starts_with('$') => {
                (!text.starts_with("$$")).then(|| text.to_string())
            }
            _ => None,
        }
    }

    /// A key, and what is between it and its value.
    fn entry(&mut self, key: &Text<'_>) -> Result<Next> {
        self.lexer.expect(b':')?;
        match self.marker_of(key) {
            None => self.text(&self.unescape(key)),
            Some(name) if name == "$dict" => {
                if let Some(frame) = self.frames.last_mut() {
                    frame.kind = Kind::Dict;
                    frame.count *= 2;
                }
                self.lexer.expect(b'[')?;
                self.lexer.expect(b'[')?;
            }
            Some(name) => {
                return self.lexer.fail(&format!(
                    "a key {name} beside others; a key that begins with $ is written with $$"
                ))
            }
        }
        Ok(Next::Value)
    }

    /// The key without the `$` that kept it from being a marker.
    fn unescape<'k>(&self, key: &Text<'k>) -> Text<'k> {
        match key {
            Text::Utf8(text) if self.is_marked && text.starts_with("$$") => {
                Text::Utf8(text.get(1..).unwrap_or_default().to_string().into())
            }
            Text::Utf16(units) if self.is_marked && units.starts_with(&[0x24, 0x24]) => {
                Text::Utf16(units.get(1..).unwrap_or_default().to_vec())
            }
            _ => key.clone(),
        }
    }

    /// An object that is a marker; its one key has been read.
    fn marker(&mut self, name: &str) -> Result<Next> {
        let inside = match name {
            "$type" => return self.named(),
            "$map" => Kind::Map,
            "$set" => Kind::Set,
            "$regexp" => Kind::Inside(ext::REGEXP),
            "$error" => Kind::Inside(ext::ERROR),
            _ => {
                self.scalar_marker(name)?;
                self.lexer.expect(b'}')?;
                return Ok(Next::After);
            }
        };
        self.open(inside, if matches!(inside, Kind::Inside(_)) { 1 } else { 2 })?;
        if matches!(inside, Kind::Inside(_)) {
            return Ok(Next::Value);
        }
        self.lexer.expect(b'[')?;
        if inside == Kind::Map && !self.lexer.eat(b']') {
            self.lexer.expect(b'[')?;
            return Ok(Next::Value);
        }
        if inside == Kind::Map {
            return self.end_list();
        }
        self.first_item()
    }

    /// The name of a type, as far as the comma before the data.
    fn named(&mut self) -> Result<Next> {
        self.open(Kind::Named, 1)?;
        self.lexer.expect(b'[')?;
        let name = self.lexer.string()?;
        if matches!(name, Text::Utf16(_)) {
            return self.lexer.fail("the name of a type that is no whole text");
        }
        self.text(&name);
        self.lexer.expect(b',')?;
        Ok(Next::Value)
    }

    fn scalar_marker(&mut self, name: &str) -> Result<()> {
        match name {
            "$undefined" => {
                self.lexer.word("true")?;
                write::ext(&mut self.body, ext::ABSENT, &[]);
            }
            "$hole" => {
                self.lexer.word("true")?;
                write::ext(&mut self.body, ext::ABSENT, &[1]);
            }
            "$date" if self.lexer.peek() == Some(b'n') => {
                self.lexer.word("null")?;
                write::ext(&mut self.body, ext::INVALID_DATE, &[]);
            }
            _ => {
                let text = self.lexer.string()?;
                let written = match &text {
                    Text::Utf8(text) => markers::write(&mut self.body, name, text),
                    Text::Utf16(_) => None,
                };
                if written.is_none() {
                    return self
                        .lexer
                        .fail(&format!("a marker {name} that is not as it should be"));
                }
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &Text<'_>) {
        match text {
            Text::Utf8(text) => write::text(&mut self.body, text),
            Text::Utf16(units) => {
                let payload: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                write::ext(&mut self.body, ext::UTF16, &payload);
            }
        }
    }

    /// Digits alone are an integer as long as 64 bits hold it; all else is a float64. Plain JSON
    /// knows one kind of number, so there `1.0` is 1.
    fn number(&mut self) -> Result<()> {
        let (digits, is_integer) = self.lexer.number()?;
        if is_integer && digits != "-0" {
            if let Ok(value) = digits.parse::<i64>() {
                write::int(&mut self.body, value);
                return Ok(());
            }
            if let Ok(value) = digits.parse::<u64>() {
                write::uint(&mut self.body, value);
                return Ok(());
            }
        }
        let value: f64 = digits.parse().unwrap_or(f64::NAN);
        if !value.is_finite() {
            return self.lexer.fail("a number larger than a float64 can be");
        }
        let is_whole = value.trunc() == value && value.abs() < 9_007_199_254_740_992.0;
        if !self.is_marked && is_whole && !(value == 0.0 && value.is_sign_negative()) {
            write::int(&mut self.body, value as i64);
        } else {
            write::float(&mut self.body, value);
        }
        Ok(())
    }

    /// A value in a container is complete.
    fn after(&mut self) -> Result<Next> {
        let Some(frame) = self.frames.last_mut() else { return Ok(Next::After) };
        frame.count += 1;
        let (kind, is_half) = (frame.kind, frame.count % 2 == 1);
        match kind {
            Kind::Array | Kind::Set => {
                if self.lexer.eat(b']') {
                    return self.end_list();
                }
                self.lexer.expect(b',')?;
            }
            Kind::Object => {
                if self.lexer.eat(b'}') {
                    self.close(&[])?;
                    return Ok(Next::After);
                }
                self.lexer.expect(b',')?;
                let key = self.lexer.string()?;
                return self.entry(&key);
            }
            Kind::Dict | Kind::Map if is_half => self.lexer.expect(b',')?,
            Kind::Dict | Kind::Map => {
                self.lexer.expect(b']')?;
                if self.lexer.eat(b']') {
                    return self.end_list();
                }
                self.lexer.expect(b',')?;
                self.lexer.expect(b'[')?;
            }
            Kind::Inside(_) | Kind::Named => {
                self.close(if kind == Kind::Named { b"]}" } else { b"}" })?;
                return Ok(Next::After);
            }
        }
        Ok(Next::Value)
    }

    /// Behind the last bracket of a list; around all but an array there is the marker's object.
    fn end_list(&mut self) -> Result<Next> {
        let is_array = self.frames.last().is_some_and(|frame| frame.kind == Kind::Array);
        self.close(if is_array { b"" } else { b"}" })?;
        Ok(Next::After)
    }

    /// A container begins, with one header or, in an ext, two.
    fn open(&mut self, kind: Kind, headers: usize) -> Result<()> {
        if self.frames.len() >= MAX_DEPTH {
            return self.lexer.too_deep();
        }
        let (header, before) = (self.headers.len(), self.body.len() + self.header_bytes);
        for _ in 0..headers {
            self.headers.push(Placed { at: self.body.len(), header: write::Header::default() });
        }
        self.frames.push(Frame { kind, count: 0, header, before });
        Ok(())
    }

    /// The innermost container is complete, once `rest` is read; its headers are known now.
    fn close(&mut self, rest: &[u8]) -> Result<()> {
        for byte in rest {
            self.lexer.expect(*byte)?;
        }
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        let size = self.body.len() + self.header_bytes - frame.before;
        let (first, second) = match frame.kind {
            Kind::Array => (write::Header::array(frame.count), None),
            Kind::Object => (write::Header::map(frame.count), None),
            Kind::Dict => (write::Header::map(frame.count / 2), None),
            Kind::Inside(kind) => (write::Header::ext(kind, size), None),
            Kind::Named => (write::Header::ext(ext::NAMED, size), None),
            Kind::Map => around(ext::MAP, write::Header::map(frame.count / 2), size),
            Kind::Set => around(ext::SET, write::Header::array(frame.count), size),
        };
        for (offset, header) in [Some(first), second].into_iter().flatten().enumerate() {
            self.header_bytes += header.as_slice().len();
            if let Some(placed) = self.headers.get_mut(frame.header + offset) {
                placed.header = header;
            }
        }
        Ok(())
    }

    /// Puts the headers where they belong.
    fn assemble(&self, out: &mut Vec<u8>) {
        out.reserve(self.body.len() + self.header_bytes);
        let mut done = 0;
        for placed in &self.headers {
            out.extend_from_slice(self.body.get(done..placed.at).unwrap_or_default());
            out.extend_from_slice(placed.header.as_slice());
            done = placed.at;
        }
        out.extend_from_slice(self.body.get(done..).unwrap_or_default());
    }
}

/// The ext around a header and `size` bytes behind it.
fn around(kind: u8, inside: write::Header, size: usize) -> (write::Header, Option<write::Header>) {
    (write::Header::ext(kind, inside.as_slice().len() + size), Some(inside))
}
