//! Text → [`Value`], by RFC 8259.

use crate::{Error, Object, Value};

/// How deeply lists and objects may be nested. The parser recurses for each level.
pub const DEPTH_MAX: usize = 64;

/// Parses a text.
///
/// # Errors
/// It is not JSON, or is nested deeper than [`DEPTH_MAX`].
pub fn parse(text: &str) -> Result<Value, Error> {
    let mut parser = Parser { text, at: 0 };
    let value = parser.value(DEPTH_MAX)?;
    parser.space();
    if parser.at == text.len() { Ok(value) } else { Err(Error("the end")) }
}

struct Parser<'a> {
    text: &'a str,
    /// Always on a character boundary.
    at: usize,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Skips a byte, if it is the next one.
    fn is_next(&mut self, byte: u8) -> bool {
        let is = self.peek() == Some(byte);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, byte: u8, what: &'static str) -> Result<(), Error> {
        if self.is_next(byte) { Ok(()) } else { Err(Error(what)) }
    }

    /// Indexing would add panic messages to the wasm.
    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Error> {
        if !self.part(self.at, self.text.len()).starts_with(word) {
            return Err(Error("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        self.space();
        match self.peek() {
            Some(b'n') => self.word("null", Value::Null),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'"') => self.string().map(Value::String),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'[') => self.array(depth),
            Some(b'{') => self.object(depth),
            _ => Err(Error("a value")),
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Error> {
        let depth = depth.checked_sub(1).ok_or(Error("fewer levels"))?;
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.is_next(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.space();
            if self.is_next(b']') {
                return Ok(Value::Array(items));
            }
            self.expect(b',', "a comma or ]")?;
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Error> {
        let depth = depth.checked_sub(1).ok_or(Error("fewer levels"))?;
        self.at += 1;
        let mut fields = Vec::new();
        self.space();
        if self.is_next(b'}') {
            return Ok(Value::Object(Object(fields)));
        }
        loop {
            self.space();
            let name = self.string()?;
            self.space();
            self.expect(b':', "a colon")?;
            fields.push((name, self.value(depth)?));
            self.space();
            if self.is_next(b'}') {
                return Ok(Value::Object(Object(fields)));
            }
            self.expect(b',', "a comma or }")?;
        }
    }

    /// Skips digits; returns whether there were any.
    fn digits(&mut self) -> bool {
        let from = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        self.at > from
    }

    fn number(&mut self) -> Result<Value, Error> {
        let wrong = Err(Error("a number"));
        let from = self.at;
        self.is_next(b'-');
        if !self.is_next(b'0') && !self.digits() {
            return wrong;
        }
        let mut is_whole = true;
        if self.is_next(b'.') {
            is_whole = false;
            if !self.digits() {
                return wrong;
            }
        }
        if self.is_next(b'e') || self.is_next(b'E') {
            is_whole = false;
            if !self.is_next(b'-') {
                self.is_next(b'+');
            }
            if !self.digits() {
                return wrong;
            }
        }
        let whole = if is_whole { self.part(from, self.at).parse().ok() } else { None };
        Ok(whole.map_or(Value::OtherNumber, Value::Int))
    }

    fn string(&mut self) -> Result<String, Error> {
        self.expect(b'"', "a string")?;
        let mut text = String::new();
        loop {
            let from = self.at;
            while !matches!(self.peek(), None | Some(b'"' | b'\\' | 0..=0x1f)) {
                self.at += 1;
            }
            text.push_str(self.part(from, self.at));
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escaped()?);
                }
                _ => return Err(Error("the end of a string")),
            }
        }
    }

    /// The character for the escape after a backslash.
    fn escaped(&mut self) -> Result<char, Error> {
        let byte = self.peek().ok_or(Error("an escape"))?;
        self.at += usize::from(byte.is_ascii());
        Ok(match byte {
            b'"' | b'\\' | b'/' => byte as char,
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => self.unicode()?,
            _ => return Err(Error("an escape")),
        })
    }

    fn unicode(&mut self) -> Result<char, Error> {
        let first = self.hex()?;
        let code = if let 0xd800..=0xdbff = first {
            // The first half of a character beyond U+FFFF; the second one follows.
            self.expect(b'\\', "a second surrogate")?;
            self.expect(b'u', "a second surrogate")?;
            let second = self.hex()?;
            let low =
                second.checked_sub(0xdc00).filter(|low| *low < 0x400).ok_or(Error("a second surrogate"))?;
            0x10000 + ((first - 0xd800) << 10) + low
        } else {
            first
        };
        char::from_u32(code).ok_or(Error("a character"))
    }

    fn hex(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            let digit =
                self.peek().and_then(|byte| (byte as char).to_digit(16)).ok_or(Error("four hex digits"))?;
            self.at += 1;
            code = code * 16 + digit;
        }
        Ok(code)
    }
}
