//! The source, read byte by byte. Nothing here panics: a position outside the source has no text.

/// A part of the source, by its byte positions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// The whole source. Positions are bytes of it.
#[derive(Clone, Copy)]
pub(crate) struct Source<'a>(pub(crate) &'a str);

impl<'a> Source<'a> {
    /// The byte at a place; 0 after the end. Inlining it would make this crate's share of the browser's download 4 % larger.
    #[inline(never)]
    pub(crate) fn byte(self, at: usize) -> u8 {
        crate::work::step();
        self.0.as_bytes().get(at).copied().unwrap_or(0)
    }

    pub(crate) fn text(self, span: Span) -> &'a str {
        self.0.get(span.from..span.to).unwrap_or_default()
    }

    /// How many bytes from here on are the same as the first one.
    pub(crate) fn run(self, span: Span) -> usize {
        let first = self.byte(span.from);
        let mut at = span.from;
        while at < span.to && self.byte(at) == first {
            at += 1;
        }
        at - span.from
    }

    /// The character before the end of a span.
    pub(crate) fn last_char(self, span: Span) -> Option<char> {
        self.text(span).chars().next_back()
    }

    pub(crate) fn first_char(self, span: Span) -> Option<char> {
        self.text(span).chars().next()
    }

    pub(crate) fn is_blank(self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t' | b'\r')
    }

    pub(crate) fn trim_start(self, span: Span) -> Span {
        let mut from = span.from;
        while from < span.to && self.is_blank(from) {
            from += 1;
        }
        Span { from, ..span }
    }

    pub(crate) fn trim_end(self, span: Span) -> Span {
        let mut to = span.to;
        while to > span.from && self.is_blank(to - 1) {
            to -= 1;
        }
        Span { to, ..span }
    }

    pub(crate) fn trim(self, span: Span) -> Span {
        self.trim_start(self.trim_end(span))
    }
}
