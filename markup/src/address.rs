//! Addresses that become links: bare ones, and the destinations of links.
//!
//! Only `http`, `https` and `mailto` ever become links, so no message can run a script.

use crate::{
    chars::is_hidden,
    source::{Source, Span},
};

/// Nested brackets in a destination. Each `](` before the end of a destination reads it again; this bounds how often.
const BRACKETS_MAX: usize = 8;
/// Bytes of a mail address before its `@`. Every `mailto:` looks this far ahead.
const MAILBOX_BYTES_MAX: usize = 64;

/// Whether the whole text is an allowed address that can be the destination of a link.
pub(crate) fn is_allowed(address: &str) -> bool {
    let source = Source(address);
    let all = Span { from: 0, to: address.len() };
    let is_closed = |at: usize| matches!(source.byte(at), b'(' | b')' | b'<' | b'>' | b'\\' | b'"');
    reach(source, all) == Some(all.to) && !(0..all.to).any(is_closed)
}

/// The end of the scheme at the start of a text, if an address can follow it.
fn after_scheme(source: Source<'_>, span: Span) -> Option<usize> {
    let begins = |scheme: &str| {
        let begin = source.0.as_bytes().get(span.from..span.to)?.get(..scheme.len())?;
        begin.eq_ignore_ascii_case(scheme.as_bytes()).then_some(span.from + scheme.len())
    };
    let is_mail = begins("mailto:");
    let host = is_mail.or_else(|| begins("https://")).or_else(|| begins("http://"))?;
    let first = source.first_char(Span { from: host, ..span })?;
    let may_begin = first.is_alphanumeric() || (first == '[' && is_mail.is_none());
    if !may_begin {
        return None;
    }
    if is_mail.is_some() {
        let end = span.to.min(host + MAILBOX_BYTES_MAX);
        (host..end).find(|at| source.byte(*at) == b'@')?;
    }
    Some(host)
}

/// The end of the bare address at the start of a text. Punctuation after it belongs to the sentence.
pub(crate) fn bare(source: Source<'_>, span: Span) -> Option<usize> {
    let mut end = reach(source, span)?;
    // A host starts with a letter, so this stops before the scheme.
    while matches!(source.byte(end - 1), b'.' | b',' | b';' | b':' | b'!' | b'?' | b'\'' | b'*' | b'_' | b'~')
    {
        end -= 1;
    }
    Some(end)
}

/// The end of the address at the start of a text, with any punctuation after it.
///
/// It ends at white space, at Chinese punctuation (which follows without a space), at a closing bracket that was not opened inside,
/// and at invisible characters.
pub(crate) fn reach(source: Source<'_>, span: Span) -> Option<usize> {
    let mut end = after_scheme(source, span)?;
    let (mut round, mut square, mut curly) = (0, 0, 0);
    for c in source.text(Span { from: end, ..span }).chars() {
        crate::work::step();
        match c {
            '(' => round += 1,
            '[' => square += 1,
            '{' => curly += 1,
            ')' => round -= 1,
            ']' => square -= 1,
            '}' => curly -= 1,
            _ => {}
        }
        if round < 0 || square < 0 || curly < 0 || !is_in_address(c) {
            break;
        }
        end += c.len_utf8();
    }
    Some(end)
}

fn is_in_address(c: char) -> bool {
    !c.is_whitespace()
        && !is_hidden(c)
        && !matches!(c, '<' | '>' | '"' | '`' | '|' | '\u{3000}'..='\u{303F}' | '\u{FF00}'..='\u{FFEF}')
        && !matches!(c, '“' | '”' | '‘' | '’' | '…')
}

/// What follows the text of a link.
pub(crate) struct Destination {
    pub(crate) address: Span,
    pub(crate) title: Span,
    /// Behind the closing bracket.
    pub(crate) end: usize,
}

/// Reads `(address "title")`. There are no escapes inside, so both parts can be borrowed from the source.
pub(crate) fn destination(source: Source<'_>, span: Span) -> Option<Destination> {
    if source.byte(span.from) != b'(' {
        return None;
    }
    let begin = source.trim_start(Span { from: span.from + 1, ..span });
    let is_pointed = source.byte(begin.from) == b'<';
    let begin = Span { from: begin.from + usize::from(is_pointed), ..span };
    after_scheme(source, begin)?;

    let (mut to, mut depth) = (begin.from, 0);
    for c in source.text(begin).chars() {
        crate::work::step();
        match c {
            '(' if depth == BRACKETS_MAX => return None,
            '(' => depth += 1,
            ')' if depth > 0 => depth -= 1,
            ')' | ' ' | '\t' | '>' => break,
            '<' | '\\' => return None,
            c if c.is_whitespace() || is_hidden(c) => return None,
            _ => {}
        }
        to += c.len_utf8();
    }
    let address = Span { from: begin.from, to };
    if is_pointed != (source.byte(to) == b'>') {
        return None;
    }
    let (title, end) = title(source, Span { from: to + usize::from(is_pointed), ..span })?;
    let end = source.trim_start(Span { from: end, ..span }).from;
    (end < span.to && source.byte(end) == b')').then_some(Destination { address, title, end: end + 1 })
}

/// The title, which may be absent, and where it ends.
fn title(source: Source<'_>, span: Span) -> Option<(Span, usize)> {
    let begin = source.trim_start(span);
    let quote = source.byte(begin.from);
    if !matches!(quote, b'"' | b'\'') || begin.from == span.from {
        return Some((Span { from: begin.from, to: begin.from }, begin.from));
    }
    let from = begin.from + 1;
    let to = (from..span.to).find(|at| source.byte(*at) == quote)?;
    Some((Span { from, to }, to + 1))
}
