//! `@person`, `#channel` and `:emoji:`. The caller finds out whether the name refers to anything.

use crate::{
    chars::is_word,
    source::{Source, Span},
};

/// The lengths of handles (`protocol::limits::HANDLE_CHARS_MAX`).
const PERSON_CHARS: std::ops::RangeInclusive<usize> = 2..=32;
/// The length of room titles (`protocol::limits::TITLE_CHARS_MAX`).
const CHANNEL_CHARS_MAX: usize = 80;
const EMOJI_CHARS_MAX: usize = 64;

/// Whether a name can start after this character. It cannot inside a word, a mail address, a path or `&#39;`.
pub(crate) fn may_follow(before: Option<char>) -> bool {
    !before.is_some_and(|c| is_word(c) || matches!(c, '@' | '#' | '/' | '&'))
}

/// The handle at the start of a text. A trailing `.`, `_` or `-` is not part of it: it ends the sentence, or closes a style.
pub(crate) fn person(source: Source<'_>, span: Span) -> Option<Span> {
    let mut to = span.from;
    while to < span.to
        && (source.byte(to).is_ascii_alphanumeric() || matches!(source.byte(to), b'.' | b'_' | b'-'))
    {
        to += 1;
    }
    let name = Span { from: span.from, to: without_dashes(source, Span { to, ..span }) };
    let next = source.first_char(Span { from: name.to, ..span });
    // `@scope/package`, `@ana@elsewhere.example`.
    let is_path = next == Some('/') && source.byte(name.to + 1).is_ascii_alphanumeric();
    let is_name = source.byte(name.from).is_ascii_alphanumeric()
        && PERSON_CHARS.contains(&(name.to - name.from))
        && !next.is_some_and(|c| c == '@' || is_word(c))
        && !is_path;
    is_name.then_some(name)
}

/// The name of a channel at the start of a text: letters and digits of any script, `-` and `_`.
pub(crate) fn channel(source: Source<'_>, span: Span) -> Option<Span> {
    let (mut to, mut chars) = (span.from, 0);
    for c in source.text(span).chars() {
        crate::work::step();
        if !c.is_alphanumeric() && !matches!(c, '-' | '_') {
            break;
        }
        to += c.len_utf8();
        chars += 1;
    }
    let to = without_dashes(source, Span { to, ..span });
    (to > span.from && chars <= CHANNEL_CHARS_MAX).then_some(Span { to, ..span })
}

/// The name of an emoji at the start of a text, up to its closing colon.
pub(crate) fn emoji(source: Source<'_>, span: Span) -> Option<Span> {
    let mut to = span.from;
    while to < span.to
        && (source.byte(to).is_ascii_alphanumeric() || matches!(source.byte(to), b'_' | b'+' | b'-'))
    {
        to += 1;
    }
    let is_name =
        (1..=EMOJI_CHARS_MAX).contains(&(to - span.from)) && to < span.to && source.byte(to) == b':';
    is_name.then_some(Span { to, ..span })
}

fn without_dashes(source: Source<'_>, span: Span) -> usize {
    let mut to = span.to;
    while to > span.from && matches!(source.byte(to - 1), b'.' | b'_' | b'-') {
        to -= 1;
    }
    to
}
