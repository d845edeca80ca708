//! A position in a line, and parsers for what begins there.

use crate::source::{Source, Span};

const TAB: usize = 4;
/// Digits of an item's number, as in CommonMark: more would not fit into 32 bits.
const DIGITS_MAX: usize = 9;
pub(crate) const FENCE_MIN: usize = 3;
const RULE_MIN: usize = 3;
const LEVEL_MAX: usize = 6;

/// A position in a line. Tabs extend to the next multiple of four columns.
#[derive(Clone, Copy)]
pub(crate) struct Cursor<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) at: usize,
    pub(crate) column: usize,
    /// Where the line ends.
    pub(crate) end: usize,
}

/// The marker of an item.
#[derive(Clone, Copy)]
pub(crate) struct Mark<'a> {
    /// `-`, `+`, `*`, or the character after the number. Items of one list share it.
    pub(crate) byte: u8,
    pub(crate) number: Option<u32>,
    /// The first word after it.
    pub(crate) text: Cursor<'a>,
}

/// The first line of a block of code.
pub(crate) struct Fence {
    pub(crate) byte: u8,
    pub(crate) length: usize,
    /// The rest of the line: the language, if it is one word.
    pub(crate) info: Span,
    pub(crate) is_followed_by_words: bool,
}

impl<'a> Cursor<'a> {
    /// The byte here; 0 at the end of the line.
    pub(crate) fn byte(self) -> u8 {
        if self.is_at_end() { 0 } else { self.source.byte(self.at) }
    }

    pub(crate) fn is_at_end(self) -> bool {
        self.at >= self.end
    }

    pub(crate) fn rest(self) -> Span {
        Span { from: self.at, to: self.end }
    }

    /// The position after some bytes, each one column wide.
    pub(crate) fn behind(self, bytes: usize) -> Self {
        Self { at: self.at + bytes, column: self.column + bytes, ..self }
    }

    /// The position after the blanks, but at most at this column.
    pub(crate) fn behind_blanks(mut self, column: usize) -> Self {
        while !self.is_at_end() && self.source.is_blank(self.at) && self.column < column {
            let width = if self.byte() == b'\t' { TAB - self.column % TAB } else { 1 };
            self.at += 1;
            self.column += width;
        }
        self
    }

    /// The next word of the line, or its end.
    pub(crate) fn word(self) -> Self {
        self.behind_blanks(usize::MAX)
    }

    fn is_at_blank(self) -> bool {
        self.is_at_end() || self.source.is_blank(self.at)
    }

    /// How many times the byte here is repeated.
    pub(crate) fn run(self) -> usize {
        self.source.run(self.rest())
    }

    /// CommonMark, "List items".
    pub(crate) fn mark(self) -> Option<Mark<'a>> {
        let (mut digits, mut number) = (0, 0);
        while digits < DIGITS_MAX && self.behind(digits).byte().is_ascii_digit() {
            number = number * 10 + u32::from(self.behind(digits).byte() - b'0');
            digits += 1;
        }
        let sign = self.behind(digits);
        let byte = sign.byte();
        let fits = if digits > 0 { matches!(byte, b'.' | b')') } else { matches!(byte, b'-' | b'+' | b'*') };
        let behind = sign.behind(1);
        (fits && behind.is_at_blank()).then(|| Mark {
            byte,
            number: (digits > 0).then_some(number),
            text: behind.word(),
        })
    }

    /// GitHub, "Task list items": whether it is done, and its text.
    pub(crate) fn task(self) -> Option<(bool, Self)> {
        let text = self.behind(3).word();
        let is_box = self.byte() == b'[' && self.behind(2).byte() == b']' && self.behind(3).is_at_blank();
        let is_done = match self.behind(1).byte() {
            b' ' => false,
            b'x' | b'X' => true,
            _ => return None,
        };
        (is_box && !text.is_at_end()).then_some((is_done, text))
    }

    /// CommonMark, "Fenced code blocks".
    pub(crate) fn fence(self) -> Option<Fence> {
        let (byte, length) = (self.byte(), self.run());
        if !matches!(byte, b'`' | b'~') || length < FENCE_MIN {
            return None;
        }
        let info = self.source.trim(self.behind(length).rest());
        let mut is_followed_by_words = false;
        for at in info.from..info.to {
            match self.source.byte(at) {
                // Then it is code within a line.
                b'`' if byte == b'`' => return None,
                b' ' | b'\t' => is_followed_by_words = true,
                _ => {}
            }
        }
        Some(Fence { byte, length, info, is_followed_by_words })
    }

    /// CommonMark, "Thematic breaks".
    pub(crate) fn is_rule(self) -> bool {
        let byte = self.byte();
        let mut signs = 0;
        for at in self.at..self.end {
            match self.source.byte(at) {
                sign if sign == byte => signs += 1,
                b' ' | b'\t' | b'\r' => {}
                _ => return false,
            }
        }
        matches!(byte, b'-' | b'_' | b'*') && signs >= RULE_MIN
    }

    /// CommonMark, "ATX headings": the level and the text, which must not be empty.
    pub(crate) fn heading(self) -> Option<(u8, Span)> {
        let level = if self.byte() == b'#' { self.run() } else { 0 };
        if !(1..=LEVEL_MAX).contains(&level) || !self.behind(level).is_at_blank() {
            return None;
        }
        let words = self.source.trim(self.behind(level).rest());
        let mut end = words.to;
        while end > words.from && self.source.byte(end - 1) == b'#' {
            end -= 1;
        }
        let is_closed = end == words.from || self.source.is_blank(end - 1);
        let words = if is_closed { self.source.trim_end(Span { to: end, ..words }) } else { words };
        (words.from < words.to).then_some((u8::try_from(level).unwrap_or(1), words))
    }
}
