//! What people type into a search: words, phrases, exclusions and filters.
//!
//! ```text
//! release 回滚            both; a word also finds longer ones that begin with it
//! "rolled back"           these words in this order
//! -staging                not this
//! from:ana in:#harbour before:2026-01-31 after:2026-01-01 has:link is:pinned is:saved is:thread mentions:me
//! ```
//!
//! A word with a colon is a filter if what precedes the colon is a short word of small letters. In quotes it is text.

use protocol::{ErrorCode, Refusal, limits::SEARCH_CHARS_MAX};

use super::words::{self, Run};

/// Words of a query: each costs a look into the index.
pub const TERMS_MAX: usize = 32;
/// A word must have this many letters to find longer ones that begin with it. So many words begin with two letters that the result would
/// be useless.
const PREFIX_CHARS_MIN: usize = 3;
/// What is allowed, in the words of a refusal.
const FILTERS: &str = "from:, in:, before:, after:, has:link, has:file, has:image, is:pinned, is:saved, is:thread, mentions:; quote other words with a colon";

/// A query that has been parsed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// All of these are in the text.
    pub all: Vec<Term>,
    /// None of these is in the text.
    pub none: Vec<Term>,
    /// The filters.
    pub filters: Vec<Filter>,
}

/// Something to be found: one lexeme, or several at fixed distances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// With the distance from the first one; not empty.
    pub parts: Vec<Part>,
}

/// A lexeme of a term.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// How many positions it is after the first part.
    pub after: u16,
    /// The lexeme, or its beginning.
    pub lexeme: String,
    /// Whether it is only the beginning.
    pub is_prefix: bool,
}

/// A filter, and whether it excludes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Whether it had a minus.
    pub not: bool,
    /// What is asked.
    pub is: Is,
}

/// What a filter asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Is {
    /// By this person.
    From(Who),
    /// In this room: its title, or the handle of the other person of a direct room.
    In(String),
    /// Sent earlier than this day.
    Before(Day),
    /// Sent later than this day.
    After(Day),
    /// It contains a link.
    HasLink,
    /// It has a file, also a picture.
    HasFile,
    /// It has a picture.
    HasImage,
    /// Pinned in its room.
    Pinned,
    /// Saved by the viewer.
    Saved,
    /// A reply in a thread.
    Thread,
    /// It mentions this person or group.
    Mentions(Who),
}

/// A person in a filter, or a group that is mentioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// The viewer.
    Me,
    /// A handle, in small letters.
    Handle(String),
}

/// A day of the calendar. It exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Day {
    /// 1 to 9999.
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
    /// 1 to 31.
    pub day: i8,
}

impl Query {
    /// Parses what was typed.
    ///
    /// # Errors
    /// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::FilterUnknown`], [`ErrorCode::DateInvalid`].
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let chars = text.chars().count();
        if chars > SEARCH_CHARS_MAX {
            return Err(Refusal::new(ErrorCode::TextTooLong).max(SEARCH_CHARS_MAX));
        }
        let mut query = Self::default();
        for Item { not, key, value, is_quoted } in items(text) {
            if let Some(key) = key {
                query.filters.push(Filter { not, is: filter(&key, &value, not)? });
                continue;
            }
            let Some(term) = Term::of(&value, is_quoted) else { continue };
            if not { query.none.push(term) } else { query.all.push(term) }
        }
        if query.all.len() + query.none.len() + query.filters.len() > TERMS_MAX {
            return Err(Refusal::new(ErrorCode::TextTooLong).max(TERMS_MAX));
        }
        // Exclusions alone would find nearly everything.
        if query.all.is_empty() && query.filters.iter().all(|filter| filter.not) {
            return Err(ErrorCode::TextEmpty.into());
        }
        Ok(query)
    }
}

impl Term {
    /// `None` if the text has no words.
    fn of(text: &str, is_exact: bool) -> Option<Self> {
        let runs = words::query_runs(text);
        let is_single = runs.len() == 1;
        let last = runs.len().checked_sub(1)?;
        let mut parts = Vec::new();
        let mut after = 0;
        for (n, run) in runs.iter().enumerate() {
            match run {
                Run::Word(word) => {
                    let is_prefix = !is_exact && n == last && word.chars().count() >= PREFIX_CHARS_MIN;
                    parts.push(Part { after, lexeme: word.clone(), is_prefix });
                    after += 1;
                }
                Run::Unspaced(chars) => {
                    push_unspaced(&mut parts, chars, after, is_single);
                    after += u16::try_from(chars.len()).unwrap_or(u16::MAX);
                }
            }
        }
        Some(Self { parts })
    }

    /// As Postgres reads it.
    pub fn push_tsquery(&self, out: &mut String) {
        out.push('(');
        let mut before = 0;
        for (n, part) in self.parts.iter().enumerate() {
            if n > 0 {
                out.push('<');
                out.push_str(&(part.after - before).to_string());
                out.push('>');
            }
            before = part.after;
            words::push_quoted(out, &part.lexeme);
            if part.is_prefix {
                out.push_str(":*");
            }
        }
        out.push(')');
    }
}

impl Part {
    /// Whether it finds this lexeme.
    #[must_use]
    pub fn finds(&self, lexeme: &str) -> bool {
        if self.is_prefix { lexeme.starts_with(&self.lexeme) } else { lexeme == self.lexeme }
    }
}

/// Pairs that do not overlap, except the last one if the number of characters is odd.
fn push_unspaced(parts: &mut Vec<Part>, chars: &[char], after: u16, is_single: bool) {
    if let &[c] = chars {
        // Beside other words its position matters: what it begins, or its end, has one.
        let (lexeme, is_prefix) = if is_single { (words::alone(c), false) } else { (c.to_string(), true) };
        parts.push(Part { after, lexeme, is_prefix });
        return;
    }
    let mut begin = 0;
    while begin + 1 < chars.len() {
        let place = after + u16::try_from(begin).unwrap_or_default();
        let lexeme = chars[begin..begin + 2].iter().collect();
        parts.push(Part { after: place, lexeme, is_prefix: false });
        begin += if begin + 3 == chars.len() { 1 } else { 2 };
    }
}

/// A part of a query between spaces.
struct Item {
    not: bool,
    key: Option<String>,
    value: String,
    is_quoted: bool,
}

fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let mut not = false;
        if let Some(after) = rest.strip_prefix(['-', '－'])
            && after.starts_with(|c: char| !c.is_whitespace() && c != '-')
        {
            (not, rest) = (true, after);
        }
        let key = key(rest);
        if let Some((_, value)) = key {
            rest = value;
        }
        let (value, is_quoted, after) = value(rest);
        items.push(Item { not, key: key.map(|(key, _)| key.to_owned()), value: value.to_owned(), is_quoted });
        rest = after.trim_start();
    }
    items
}

/// The name of a filter, and what follows its colon.
fn key(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !c.is_ascii_lowercase())?;
    let (key, rest) = text.split_at(end);
    let value = rest.strip_prefix([':', '：'])?;
    let is_filter = (2..=12).contains(&key.len())
        && !value.starts_with([':', '/'])
        && !matches!(key, "http" | "https" | "mailto");
    is_filter.then_some((key, value))
}

/// A text in quotes, which may lack the closing one, or everything up to the next space.
fn value(text: &str) -> (&str, bool, &str) {
    const QUOTES: [char; 4] = ['"', '“', '”', '„'];
    if let Some(inside) = text.strip_prefix(QUOTES) {
        return match inside.find(QUOTES) {
            None => (inside, true, ""),
            Some(end) => {
                let after = inside[end..].strip_prefix(QUOTES).unwrap_or_default();
                (&inside[..end], true, after)
            }
        };
    }
    let end = text.find(char::is_whitespace).unwrap_or(text.len());
    (&text[..end], false, &text[end..])
}

fn filter(key: &str, value: &str, not: bool) -> Result<Is, Refusal> {
    let unknown = || Refusal::new(ErrorCode::FilterUnknown).detail(format!("expected {FILTERS}"));
    let is = match (key, value.to_lowercase().as_str()) {
        ("from", who) => Is::From(self::who(who).ok_or_else(unknown)?),
        ("mentions", who) => Is::Mentions(self::who(who).ok_or_else(unknown)?),
        ("in", _) if !value.trim_matches(['#', '@']).trim().is_empty() => Is::In(value.to_owned()),
        ("before", _) => Is::Before(Day::parse(value)?),
        ("after", _) => Is::After(Day::parse(value)?),
        ("has", "link") => Is::HasLink,
        ("has", "file") => Is::HasFile,
        ("has", "image") => Is::HasImage,
        ("is", "pinned") => Is::Pinned,
        ("is", "saved") => Is::Saved,
        ("is", "thread") => Is::Thread,
        _ => return Err(unknown()),
    };
    if not && matches!(is, Is::Before(_) | Is::After(_) | Is::Pinned | Is::Saved) {
        return Err(unknown());
    }
    Ok(is)
}

fn who(value: &str) -> Option<Who> {
    match value.trim_start_matches('@') {
        "" => None,
        "me" => Some(Who::Me),
        handle => Some(Who::Handle(handle.to_owned())),
    }
}

impl Day {
    /// Reads `2026-01-31`.
    ///
    /// # Errors
    /// [`ErrorCode::DateInvalid`], also for a day that does not exist.
    fn parse(text: &str) -> Result<Self, Refusal> {
        let invalid = || Refusal::new(ErrorCode::DateInvalid).detail("expected a date such as 2026-01-31");
        let mut parts = text.split(['-', '.', '/']);
        let mut number = |digits: std::ops::RangeInclusive<usize>| -> Result<i16, Refusal> {
            let part = parts.next().filter(|part| digits.contains(&part.len())).ok_or_else(invalid)?;
            if !part.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(invalid());
            }
            part.parse().map_err(|_| invalid())
        };
        let (year, month, day) = (number(4..=4)?, number(1..=2)?, number(1..=2)?);
        let is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        let days = match month {
            2 if is_leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return Err(invalid()),
        };
        if parts.next().is_some() || year < 1 || !(1..=days).contains(&day) {
            return Err(invalid());
        }
        let small = |number: i16| i8::try_from(number).unwrap_or_default();
        Ok(Self { year, month: small(month), day: small(day) })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tsquery(text: &str) -> String {
        let query = Query::parse(text).unwrap();
        let mut out = String::new();
        for term in query.all.iter().chain(&query.none) {
            term.push_tsquery(&mut out);
        }
        out
    }

    fn refused(text: &str) -> ErrorCode {
        Query::parse(text).unwrap_err().code
    }

    #[test]
    fn words_phrases_and_exclusions() {
        assert_eq!(tsquery("release 回滚"), "('release':*)('回滚')");
        assert_eq!(tsquery("\"Rolled back\""), "('rolled'<1>'back')");
        assert_eq!(tsquery("“rolled back"), "('rolled'<1>'back')", "a quote that is not closed");
        assert_eq!(tsquery("drain_que"), "('drain'<1>'que':*)");
        assert_eq!(tsquery("to of"), "('to')('of')", "short words are whole words");
        assert_eq!(tsquery("回"), "('=回')");
        assert_eq!(tsquery("回滚发"), "('回滚'<1>'滚发')");
        assert_eq!(tsquery("回滚发布了"), "('回滚'<2>'发布'<1>'布了')");
        assert_eq!(tsquery("第1版"), "('第':*<1>'1'<1>'版':*)");
        let query = Query::parse("pump -leak -\"air lock\"").unwrap();
        assert_eq!((query.all.len(), query.none.len()), (1, 2));
        assert_eq!(tsquery("a - b --c"), "('a')('b')('c')", "a dash alone is a dash");
    }

    #[test]
    fn filters_are_words_with_a_colon() {
        let is = |text: &str| {
            let filters = Query::parse(text).unwrap().filters;
            filters.into_iter().map(|filter| filter.is).collect::<Vec<_>>()
        };
        let ana = || Who::Handle("ana".to_owned());
        assert_eq!(is("from:Ana mentions:@me x"), [Is::From(ana()), Is::Mentions(Who::Me)]);
        assert_eq!(is("in:\"#night shift\""), [Is::In("#night shift".to_owned())]);
        assert_eq!(is("from：ana"), [Is::From(ana())], "a wide colon");
        let day = Day { year: 2026, month: 1, day: 31 };
        assert_eq!(is("before:2026-01-31 after:2026-1-31"), [Is::Before(day), Is::After(day)]);
        assert_eq!(is("has:link has:file has:image is:pinned is:saved is:thread").len(), 6);
        assert!(Query::parse("-from:ana x").unwrap().filters[0].not);
        assert_eq!(is("12:30 std::vec https://example.com TODO:fix \"foo:bar\""), []);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for text in ["", "  ", "-staging", "?!", "-has:link", "-- -"] {
            assert_eq!(refused(text), ErrorCode::TextEmpty, "{text:?}");
        }
        for text in ["form:ana", "has:cake", "is:x", "from:", "in:#", "-is:pinned x", "-before:2026-01-01 x"]
        {
            assert_eq!(refused(text), ErrorCode::FilterUnknown, "{text:?}");
        }
        for text in
            ["before:yesterday", "after:2026-02-29", "before:2026-13-01", "before:26-01-01", "after:2026-01"]
        {
            assert_eq!(refused(text), ErrorCode::DateInvalid, "{text:?}");
        }
        assert_eq!(refused(&"x".repeat(SEARCH_CHARS_MAX + 1)), ErrorCode::TextTooLong);
        assert_eq!(refused(&"x ".repeat(TERMS_MAX + 1)), ErrorCode::TextTooLong);
    }

    proptest! {
        #[test]
        fn any_query_is_answered(text in any::<String>()) {
            if let Ok(query) = Query::parse(&text) {
                prop_assert!(query.all.iter().chain(&query.none).all(|term| !term.parts.is_empty()));
            }
        }
    }
}
