//! The tokens of JSON text (RFC 8259), to the letter.

use std::borrow::Cow;

use super::read::fault;
use super::MAX_DEPTH;
use crate::error::{Code, Result};

/// A JSON string. Escapes can name lone surrogates, which UTF-8 cannot hold.
#[derive(Debug, Clone)]
pub(super) enum Text<'t> {
    Utf8(Cow<'t, str>),
    Utf16(Vec<u16>),
}

pub(super) struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Lexer { text, at: 0 }
    }

    /// The first byte of the next token.
    pub(super) fn peek(&mut self) -> Option<u8> {
        let space = self.rest().iter().take_while(|byte| b" \t\n\r".contains(byte)).count();
        self.at += space;
        self.rest().first().copied()
    }

    pub(super) fn eat(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    pub(super) fn expect(&mut self, byte: u8) -> Result<()> {
        if self.eat(byte) {
            return Ok(());
        }
        self.fail(&format!("no {}", char::from(byte)))
    }

    pub(super) fn word(&mut self, word: &str) -> Result<()> {
        self.peek();
        if !self.rest().starts_with(word.as_bytes()) {
            return self.fail(&format!("no {word}"));
        }
        self.at += word.len();
        Ok(())
    }

    /// Only white space may follow.
    pub(super) fn finish(&mut self) -> Result<()> {
        match self.peek() {
            None => Ok(()),
            Some(_) => self.fail("something behind the value"),
        }
    }

    pub(super) fn fail<T>(&self, found: &str) -> Result<T> {
        let message =
            format!("The text is not the JSON it should be: at byte {} is {found}.", self.at);
        Err(fault(Code::NotJson, self.at, message))
    }

    pub(super) fn too_deep<T>(&self) -> Result<T> {
        let message = format!("The text is nested more than {MAX_DEPTH} levels deep.");
        Err(fault(Code::TooDeep, self.at, message))
    }

    /// A number, and whether it is digits alone.
    pub(super) fn number(&mut self) -> Result<(&'t str, bool)> {
        self.peek();
        let start = self.at;
        self.at += usize::from(self.rest().first() == Some(&b'-'));
        let whole = self.digits();
        let has_zero = self.text.as_bytes().get(self.at - whole) == Some(&b'0');
        if whole == 0 || (whole > 1 && has_zero) {
            return self.fail("no value");
        }
        let mut is_integer = true;
        if self.rest().first() == Some(&b'.') {
            is_integer = false;
            self.at += 1;
            self.some_digits()?;
        }
        if matches!(self.rest().first(), Some(b'e' | b'E')) {
            is_integer = false;
            self.at += 1;
            self.at += usize::from(matches!(self.rest().first(), Some(b'+' | b'-')));
            self.some_digits()?;
        }
        Ok((self.text.get(start..self.at).unwrap_or_default(), is_integer))
    }

    fn some_digits(&mut self) -> Result<()> {
        if self.digits() == 0 {
            return self.fail("no digit");
        }
        Ok(())
    }

    fn digits(&mut self) -> usize {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        count
    }

    pub(super) fn string(&mut self) -> Result<Text<'t>> {
        self.expect(b'"')?;
        let run = self.run()?;
        if self.close_quote() {
            return Ok(Text::Utf8(Cow::Borrowed(run)));
        }
        self.escaped(run.to_string())
    }

    /// The characters up to the next quote or escape.
    fn run(&mut self) -> Result<&'t str> {
        let start = self.at;
        let plain = |byte: &&u8| **byte >= 0x20 && **byte != b'"' && **byte != b'\\';
        self.at += self.rest().iter().take_while(plain).count();
        match self.rest().first() {
            Some(b'"' | b'\\') => Ok(self.text.get(start..self.at).unwrap_or_default()),
            Some(_) => self.fail("a control character in a string"),
            None => self.fail("the end, in the middle of a string"),
        }
    }

    fn close_quote(&mut self) -> bool {
        let is_next = self.rest().first() == Some(&b'"');
        self.at += usize::from(is_next);
        is_next
    }

    /// The rest of a string, from its first escape on.
    fn escaped(&mut self, mut text: String) -> Result<Text<'t>> {
        // Filled from the first lone surrogate on; `text` is what came before.
        let mut units: Option<Vec<u16>> = None;
        loop {
            match (self.escape()?, &mut units) {
                (Ok(character), None) => text.push(character),
                (Ok(character), Some(units)) => {
                    units.extend_from_slice(character.encode_utf16(&mut [0; 2]));
                }
                (Err(lone), Some(units)) => units.push(lone),
                (Err(lone), None) => {
                    units = Some(text.encode_utf16().chain([lone]).collect());
                }
            }
            let run = self.run()?;
            match &mut units {
                Some(units) => units.extend(run.encode_utf16()),
                None => text.push_str(run),
            }
            if self.close_quote() {
                return Ok(units.map_or(Text::Utf8(Cow::Owned(text)), Text::Utf16));
            }
        }
    }

    /// One escape: a character, or a lone surrogate.
    fn escape(&mut self) -> Result<std::result::Result<char, u16>> {
        self.at += 1;
        let letter = self.rest().first().copied();
        self.at += usize::from(letter.is_some());
        Ok(Ok(match letter {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unit_pair(),
            _ => return self.fail("an escape that JSON does not know"),
        }))
    }

    fn unit_pair(&mut self) -> Result<std::result::Result<char, u16>> {
        let first = self.unit()?;
        let after = self.at;
        if (0xd800..0xdc00).contains(&first) && self.rest().starts_with(b"\\u") {
            self.at += 2;
            let second = self.unit()?;
            if let Some(Ok(character)) = char::decode_utf16([first, second]).next() {
                return Ok(Ok(character));
            }
            self.at = after;
        }
        Ok(char::from_u32(u32::from(first)).ok_or(first))
    }

    fn unit(&mut self) -> Result<u16> {
        let digits = self.rest().get(..4).filter(|all| all.iter().all(u8::is_ascii_hexdigit));
        let text = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let Some(unit) = text.and_then(|text| u16::from_str_radix(text, 16).ok()) else {
            return self.fail("an escape without four digits");
        };
        self.at += 4;
        Ok(unit)
    }

    fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }
}
