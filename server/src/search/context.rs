//! The words around a hit, for people to recognize it.

use std::ops::Range;

use protocol::{Piece, limits::CONTEXT_CHARS};

use super::{
    Plain,
    query::Term,
    words::{self, Lexeme, lexemes},
};

/// Characters before the first hit that are kept.
const BEFORE_CHARS: usize = 40;

/// The words of a message around the first place that the terms find, on one line. Hits in the words that people see are marked. If the
/// words are only in the address of a link, this is the address.
#[must_use]
pub fn context(plain: &Plain, terms: &[Term]) -> Vec<Piece> {
    let (mut shown, mut found) = (String::new(), Vec::new());
    for text in &plain.texts {
        if !shown.is_empty() {
            shown.push('\n');
        }
        let begin = shown.len();
        shown.push_str(text);
        found.extend(hits(text, terms).into_iter().map(|hit| begin + hit.start..begin + hit.end));
    }
    if found.is_empty() {
        for address in &plain.addresses {
            let found = hits(address, terms);
            if !found.is_empty() {
                return cut(address, &found);
            }
        }
    }
    cut(&shown, &found)
}

/// Where the terms are in a text: ranges of bytes, in order, without overlaps.
#[must_use]
pub fn hits(text: &str, terms: &[Term]) -> Vec<Range<usize>> {
    let lexemes = lexemes(text);
    let mut found: Vec<Range<usize>> = Vec::new();
    for term in terms {
        let Some(first) = term.parts.first() else { continue };
        for lexeme in lexemes.iter().filter(|lexeme| first.finds(&lexeme.text)) {
            found.extend(places(&lexemes, lexeme.at, term).unwrap_or_default());
        }
    }
    found.sort_unstable_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in found {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The bytes of each part of a term whose first part is at this position, if all of them are there.
fn places(lexemes: &[Lexeme], at: u16, term: &Term) -> Option<Vec<Range<usize>>> {
    let part = |part: &super::query::Part| {
        let at = at.checked_add(part.after)?;
        let from = lexemes.partition_point(|lexeme| lexeme.at < at);
        // Only this position: a look further would make the work quadratic.
        let here = lexemes.get(from..)?.iter().take_while(|lexeme| lexeme.at == at);
        // The shortest: of `drainQueue`, only `drain`.
        let found =
            here.clone().filter(|lexeme| part.finds(&lexeme.text)).min_by_key(|lexeme| lexeme.bytes.len())?;
        // A single character also matches the pairs that it begins, but only the character itself is a hit.
        let mut chars = part.lexeme.chars();
        let alone = chars.next().filter(|_| part.is_prefix && chars.next().is_none()).map(words::alone);
        let alone = alone.and_then(|alone| here.clone().find(|lexeme| lexeme.text == alone));
        Some(alone.unwrap_or(found).bytes.clone())
    };
    term.parts.iter().map(part).collect()
}

fn cut(text: &str, hits: &[Range<usize>]) -> Vec<Piece> {
    let first = hits.first().map_or(0, |hit| hit.start);
    let mut from = text[..first].char_indices().rev().nth(BEFORE_CHARS).map_or(0, |(at, _)| at);
    if from > 0 {
        // Begins with a word, if there is a space nearby.
        let space = text[from..first].char_indices().find(|(_, c)| c.is_whitespace());
        from += space.map_or(0, |(at, c)| at + c.len_utf8());
    }
    let to = text[from..].char_indices().nth(CONTEXT_CHARS).map_or(text.len(), |(at, _)| from + at);
    let mut pieces = Vec::new();
    let mut push = |range: Range<usize>, is_hit: bool| {
        let line: String = text[range].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        if !line.is_empty() {
            pieces.push(Piece(line, is_hit));
        }
    };
    let mut at = from;
    for hit in hits.iter().take_while(|hit| hit.start < to) {
        push(at..hit.start, false);
        at = hit.end.min(to);
        push(hit.start..at, true);
    }
    push(at..to, false);
    let mut mark = |at: usize| pieces.insert(at, Piece("…".to_owned(), false));
    if from > 0 {
        mark(0);
    }
    if to < text.len() {
        pieces.push(Piece("…".to_owned(), false));
    }
    pieces
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::search::query::Query;

    fn shown(body: &str, query: &str) -> String {
        let terms = Query::parse(query).unwrap().all;
        let pieces = context(&Plain::of(body), &terms);
        pieces
            .into_iter()
            .map(|Piece(text, is_hit)| if is_hit { format!("[{text}]") } else { text })
            .collect()
    }

    #[test]
    fn hits_are_marked_in_the_words_that_people_see() {
        assert_eq!(
            shown("**Rel**eased, then *rolled* back", "rel \"rolled back\""),
            "[Released], then [rolled] [back]"
        );
        assert_eq!(shown("我们回滚了发布", "回滚"), "我们[回滚]了发布");
        assert_eq!(shown("我们回滚了发布", "了"), "我们回滚[了]发布");
        assert_eq!(shown("`drainQueue()` hangs", "queue"), "drain[Queue]() hangs");
        assert_eq!(shown("Crème brûlée", "creme BRU"), "[Crème] [brûlée]");
        assert_eq!(
            shown("see [the board](https://grafana.example.com/d)", "grafana"),
            "https://[grafana].example.com/d"
        );
        assert_eq!(shown("one\ntwo", "two"), "one [two]");
        assert_eq!(shown("nothing of it", "else"), "nothing of it");
    }

    #[test]
    fn long_texts_are_cut_around_the_first_hit() {
        let body = format!("{} needle {}", "hay ".repeat(100), "straw ".repeat(100));
        let text = shown(&body, "needle");
        assert!(text.starts_with("…hay") && text.contains("[needle]") && text.ends_with('…'), "{text}");
        assert!(text.chars().count() <= CONTEXT_CHARS + 4, "{text}");
    }

    #[test]
    fn texts_stand_beside_each_other_and_a_phrase_spans_no_two() {
        let plain = Plain::of_all(["Please\n```\nlook", "The *halyard* is frayed", "回滚", "发布"]);
        let shown = |query: &str| {
            let pieces = context(&plain, &Query::parse(query).unwrap().all);
            pieces.into_iter().filter_map(|Piece(text, is_hit)| is_hit.then_some(text)).collect::<Vec<_>>()
        };
        assert_eq!(shown("halyard look"), ["look", "halyard"]);
        assert_eq!(shown("\"look the\""), [""; 0]);
        assert_eq!(shown("回滚发布"), [""; 0]);
        let all: String = context(&plain, &[]).into_iter().map(|piece| piece.0).collect();
        assert!(all.ends_with("The halyard is frayed 回滚 发布"), "{all}");
    }

    #[test]
    fn equal_words_take_linear_time() {
        let body = "pump ".repeat(4_000);
        let query = Query::parse(&"pump ".repeat(32)).unwrap();
        let began = std::time::Instant::now();
        assert_eq!(hits(&body, &query.all).len(), 4_000);
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }

    proptest! {
        /// Every word of a text finds it, and so does the whole text as a phrase.
        #[test]
        fn each_word_of_a_text_finds_the_text(text in "[a-zA-Z0-9äßéа-я回滚发布版か가กา .,_/-]{1,60}") {
            for word in text.split_whitespace() {
                for query in [format!("\"{word}\""), word.to_owned()] {
                    if let Ok(query) = Query::parse(&query) {
                        for term in &query.all {
                            prop_assert!(!hits(&text, std::slice::from_ref(term)).is_empty(), "{term:?} in {text:?}");
                        }
                    }
                }
            }
            if let Ok(query) = Query::parse(&format!("\"{text}\"")) {
                prop_assert!(query.all.iter().all(|term| !hits(&text, std::slice::from_ref(term)).is_empty()));
            }
        }

        #[test]
        fn any_text_and_query_have_a_context(text in any::<String>(), query in any::<String>()) {
            let terms = Query::parse(&query).map(|query| query.all).unwrap_or_default();
            let pieces = context(&Plain::of(&text), &terms);
            let chars: usize = pieces.iter().map(|piece| piece.0.chars().count()).sum();
            prop_assert!(chars <= CONTEXT_CHARS + 2);
        }
    }
}
