//! A strict reader of JSON for the envelope: it finds where values begin and end, by their bytes,
//! and builds nothing. It does not recurse, so no depth of nesting can overflow the stack.

use std::ops::Range;

/// How deep values may be nested.
const DEEPEST: usize = 1_000_000;

/// Why a text could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// It ends at this byte, too early: more of it may make it right.
    Cut(usize),
    /// This byte cannot be there.
    Bad(usize),
    /// It is nested too deeply, from this byte on.
    Deep(usize),
}

type Scanned<T> = Result<T, Wrong>;

/// A member of an object: where its name (with the quotes) and its value are.
pub struct Member {
    /// The name, with its quotes.
    pub name: Range<usize>,
    /// The value.
    pub value: Range<usize>,
}

/// Reads forward through a text.
pub struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
    /// Whether the object that was opened has had no member yet.
    is_first: bool,
}

impl<'a> Scanner<'a> {
    /// A reader at the beginning of a text.
    pub fn new(text: &'a [u8]) -> Self {
        Scanner { text, at: 0, is_first: true }
    }

    /// The beginning of an object.
    pub fn open(&mut self) -> Scanned<()> {
        self.space();
        self.is_first = true;
        self.expect(b'{')
    }

    /// The next member of the object; none at its end.
    pub fn member(&mut self) -> Scanned<Option<Member>> {
        let is_first = std::mem::replace(&mut self.is_first, false);
        self.space();
        match self.peek()? {
            b'}' => {
                self.at += 1;
                return Ok(None);
            }
            b',' if !is_first => self.at += 1,
            _ if !is_first => return Err(Wrong::Bad(self.at)),
            _ => {}
        }
        let name = self.name()?;
        let value = self.value()?;
        Ok(Some(Member { name, value }))
    }

    /// Nothing but space may follow.
    pub fn end(&mut self) -> Scanned<()> {
        self.space();
        match self.text.len() {
            length if length == self.at => Ok(()),
            _ => Err(Wrong::Bad(self.at)),
        }
    }

    /// Where the next value is, without the space around it. All of it is checked.
    pub fn value(&mut self) -> Scanned<Range<usize>> {
        self.space();
        let start = self.at;
        // Of each bracket that is open, whether it is an object's.
        let mut open: Vec<bool> = Vec::new();
        loop {
            let is_object = match self.peek()? {
                b'{' => true,
                b'[' => false,
                _ => {
                    self.scalar()?;
                    if self.close(&mut open)? {
                        return Ok(start..self.at);
                    }
                    continue;
                }
            };
            self.at += 1;
            self.space();
            if self.peek()? == if is_object { b'}' } else { b']' } {
                self.at += 1;
                if self.close(&mut open)? {
                    return Ok(start..self.at);
                }
                continue;
            }
            if open.len() == DEEPEST {
                return Err(Wrong::Deep(self.at));
            }
            open.push(is_object);
            if is_object {
                self.name()?;
            }
            self.space();
        }
    }

    /// Behind a value: closes what ends here and goes on to the next value; true if none is open.
    fn close(&mut self, open: &mut Vec<bool>) -> Scanned<bool> {
        while let Some(is_object) = open.last().copied() {
            self.space();
            let byte = self.peek()?;
            if byte == b',' {
                self.at += 1;
                if is_object {
                    self.name()?;
                }
                self.space();
                return Ok(false);
            }
            self.expect(if is_object { b'}' } else { b']' })?;
            open.pop();
        }
        Ok(true)
    }

    fn name(&mut self) -> Scanned<Range<usize>> {
        self.space();
        let start = self.at;
        self.string()?;
        let name = start..self.at;
        self.space();
        self.expect(b':')?;
        Ok(name)
    }

    fn scalar(&mut self) -> Scanned<()> {
        match self.peek()? {
            b'"' => self.string(),
            b't' => self.literal(b"true"),
            b'f' => self.literal(b"false"),
            b'n' => self.literal(b"null"),
            _ => self.number(),
        }
    }

    fn literal(&mut self, word: &[u8]) -> Scanned<()> {
        word.iter().try_for_each(|byte| self.expect(*byte))
    }

    fn string(&mut self) -> Scanned<()> {
        self.expect(b'"')?;
        loop {
            match self.peek()? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => self.escape()?,
                0..=0x1f => return Err(Wrong::Bad(self.at)),
                _ => self.at += 1,
            }
        }
    }

    fn escape(&mut self) -> Scanned<()> {
        self.at += 1;
        let kind = self.peek()?;
        if !b"\"\\/bfnrtu".contains(&kind) {
            return Err(Wrong::Bad(self.at));
        }
        self.at += 1;
        for _ in 0..if kind == b'u' { 4 } else { 0 } {
            if !self.peek()?.is_ascii_hexdigit() {
                return Err(Wrong::Bad(self.at));
            }
            self.at += 1;
        }
        Ok(())
    }

    fn number(&mut self) -> Scanned<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        match self.peek()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.here() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.here(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.here(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(())
    }

    /// One digit or more.
    fn digits(&mut self) -> Scanned<()> {
        if !self.peek()?.is_ascii_digit() {
            return Err(Wrong::Bad(self.at));
        }
        while self.here().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn space(&mut self) {
        while matches!(self.here(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Scanned<()> {
        if self.peek()? != byte {
            return Err(Wrong::Bad(self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn here(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn peek(&self) -> Scanned<u8> {
        self.here().ok_or(Wrong::Cut(self.at))
    }
}

/// The text as a JSON string.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control < ' ' => quoted.push_str(&format!("\\u{:04x}", control as u32)),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// The text of a JSON string that a scanner found, or none if it is no string. Half a surrogate
/// pair is no character and becomes U+FFFD.
pub fn unquote(quoted: &str) -> Option<String> {
    let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut units = Vec::new();
    let mut text = String::with_capacity(rest.len());
    while let Some((plain, escaped)) = rest.split_once('\\') {
        flush(&mut units, plain.is_empty(), &mut text);
        text.push_str(plain);
        let kind = escaped.chars().next()?;
        rest = escaped.get(1..)?;
        match kind {
            'u' => {
                units.push(u16::from_str_radix(rest.get(..4)?, 16).ok()?);
                rest = rest.get(4..)?;
                continue;
            }
            'b' => text_after(&mut units, &mut text, '\u{8}'),
            'f' => text_after(&mut units, &mut text, '\u{c}'),
            'n' => text_after(&mut units, &mut text, '\n'),
            'r' => text_after(&mut units, &mut text, '\r'),
            't' => text_after(&mut units, &mut text, '\t'),
            '"' | '\\' | '/' => text_after(&mut units, &mut text, kind),
            _ => return None,
        }
    }
    flush(&mut units, false, &mut text);
    text.push_str(rest);
    Some(text)
}

fn text_after(units: &mut Vec<u16>, text: &mut String, character: char) {
    flush(units, false, text);
    text.push(character);
}

/// Writes the UTF-16 units that were gathered, unless more of them may follow.
fn flush(units: &mut Vec<u16>, may_go_on: bool, text: &mut String) {
    if !may_go_on {
        text.extend(
            char::decode_utf16(units.drain(..))
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)),
        );
    }
}
