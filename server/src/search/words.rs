//! The words of a text, as lexemes.
//!
//! A *word* is a run of letters and digits, folded: without case, accents and width. It keeps its own lexeme, and its parts get
//! theirs: `drainQueue2` is found by `drain`, `queue` and `2`. Everything else separates words, so the parts of `drain_queue` and of
//! an address are words anyway.
//!
//! Chinese, Japanese, Korean and Thai are not split by spaces. Each character is a position. It gives three kinds of lexemes: the
//! character alone (`=回`, without a position, for queries of one character), the pair that it begins (`回滚`), and, at the end of a
//! run, the character with a stop (`滚=`). A longer word is a phrase of pairs.
//!
//! Laws, tested below: a text gives at most [`LEXEMES_PER_CHAR`] lexemes for each of its characters and [`POSITIONS_MAX`] positions;
//! each word of a text, searched for, finds the text.

use std::{collections::BTreeMap, fmt::Write as _, ops::Range};

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};

/// Positions of one text. Postgres knows no higher position than 16,383; a message has far fewer.
pub const POSITIONS_MAX: u16 = 16_000;
/// Positions of one lexeme that Postgres keeps.
const OF_A_LEXEME_MAX: usize = 255;
/// Characters of a word that count: what follows is ignored, in texts and in queries.
pub const WORD_CHARS_MAX: usize = 64;
/// Folding a character yields at most eighteen (one Arabic ligature), each of which begins at most three lexemes.
pub const LEXEMES_PER_CHAR: usize = 54;

/// Marks a single character of a script without spaces, …
const ALONE: char = '=';
/// … and the end of a run of such characters.
const STOP: char = '=';

/// A lexeme in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lexeme {
    /// What is compared.
    pub text: String,
    /// Its position, counted from 1.
    pub at: u16,
    /// Whether the index keeps the position.
    pub keeps_position: bool,
    /// The bytes of the source that it stands for.
    pub bytes: Range<usize>,
}

/// A run of a query: what stands together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Run {
    /// A word of letters and digits, folded.
    Word(String),
    /// Characters of a script without spaces.
    Unspaced(Vec<char>),
}

/// A folded character.
#[derive(Clone, Copy)]
struct Folded {
    c: char,
    from: usize,
    to: usize,
    /// Whether the source's character is a capital letter.
    is_capital: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Spaced,
    Unspaced,
    Neither,
}

/// The lexemes of a text, in the order of their positions.
#[must_use]
pub fn lexemes(text: &str) -> Vec<Lexeme> {
    let mut lexemes = Vec::new();
    let mut at = 1;
    for run in runs(text) {
        if at >= POSITIONS_MAX {
            break;
        }
        match class(run[0].c) {
            Class::Unspaced => push_unspaced(&mut lexemes, &run, &mut at),
            Class::Spaced | Class::Neither => {
                push_word(&mut lexemes, &run, at);
                at += 1;
            }
        }
    }
    lexemes
}

/// What a part of a query consists of.
#[must_use]
pub fn query_runs(text: &str) -> Vec<Run> {
    let run = |run: Vec<Folded>| match class(run[0].c) {
        Class::Unspaced => Run::Unspaced(run.iter().map(|folded| folded.c).collect()),
        Class::Spaced | Class::Neither => Run::Word(text_of(&run)),
    };
    runs(text).into_iter().map(run).collect()
}

/// The lexeme of a single character of a script without spaces.
#[must_use]
pub fn alone(c: char) -> String {
    [ALONE, c].iter().collect()
}

/// The lexemes of several texts as the text of a Postgres `tsvector`, and more without positions. A phrase never spans two texts.
#[must_use]
pub fn vector<'a>(texts: impl IntoIterator<Item = &'a str>, tags: &[String]) -> String {
    let mut all: BTreeMap<String, Vec<u16>> = BTreeMap::new();
    let mut begin = 0;
    for text in texts {
        let mut last = begin;
        for Lexeme { text, at, keeps_position, .. } in lexemes(text) {
            last = begin + at;
            if last >= POSITIONS_MAX {
                break;
            }
            let positions = all.entry(text).or_default();
            if keeps_position && positions.len() < OF_A_LEXEME_MAX && positions.last() != Some(&last) {
                positions.push(last);
            }
        }
        begin = last.saturating_add(2);
        if begin >= POSITIONS_MAX {
            break;
        }
    }
    let mut out = String::new();
    for (lexeme, positions) in &all {
        push_quoted(&mut out, lexeme);
        let mut sign = ':';
        for at in positions {
            write!(out, "{sign}{at}").expect("a string takes everything");
            sign = ',';
        }
        out.push(' ');
    }
    for tag in tags {
        push_quoted(&mut out, tag);
        out.push(' ');
    }
    out
}

/// Writes a lexeme as Postgres reads it in a `tsvector` or a `tsquery`.
pub fn push_quoted(out: &mut String, lexeme: &str) {
    out.push('\'');
    for c in lexeme.chars() {
        if matches!(c, '\'' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
}

/// Runs of characters of one class, without those that only separate.
fn runs(text: &str) -> Vec<Vec<Folded>> {
    let mut runs: Vec<Vec<Folded>> = Vec::new();
    let mut before = Class::Neither;
    for folded in fold(text) {
        let class = match class(folded.c) {
            // A mark that folding keeps, such as a vowel sign, belongs to the letter before it.
            Class::Neither if is_combining_mark(folded.c) => before,
            class @ (Class::Neither | Class::Spaced | Class::Unspaced) => class,
        };
        match (class, runs.last_mut()) {
            (Class::Neither, _) => {}
            (Class::Spaced | Class::Unspaced, Some(run)) if class == before => run.push(folded),
            (Class::Spaced | Class::Unspaced, _) => runs.push(vec![folded]),
        }
        before = class;
    }
    runs
}

/// A character with its marks becomes one or more folded characters, or none.
fn fold(text: &str) -> Vec<Folded> {
    let mut out = Vec::with_capacity(text.len());
    let mut chars = text.char_indices().peekable();
    let mut unit = String::new();
    while let Some((from, first)) = chars.next() {
        let mut to = from + first.len_utf8();
        if first.is_ascii() && chars.peek().is_none_or(|(_, next)| next.is_ascii()) {
            out.push(Folded {
                c: first.to_ascii_lowercase(),
                from,
                to,
                is_capital: first.is_ascii_uppercase(),
            });
            continue;
        }
        unit.clear();
        unit.push(first);
        while let Some((at, next)) = chars.next_if(|(_, next)| is_attached(*next)) {
            to = at + next.len_utf8();
            // Texts with hundreds of marks on a letter exist; nobody searches for them.
            if unit.len() < 64 {
                unit.push(next);
            }
        }
        let is_capital = first.is_uppercase();
        let bare = unit.nfkd().filter(|c| !is_dropped(*c)).flat_map(char::to_lowercase);
        let bare = bare.filter(|c| !is_dropped(*c)).flat_map(simple);
        out.extend(bare.nfc().map(|c| Folded { c, from, to, is_capital }));
    }
    out
}

/// Whether a character is a part of the one before it.
fn is_attached(c: char) -> bool {
    !c.is_ascii()
        && (is_combining_mark(c)
            // Vowels and final consonants of decomposed Hangul, and the marks of narrow Katakana.
            || matches!(c, '\u{1160}'..='\u{11FF}' | '\u{FF9E}' | '\u{FF9F}')
            || is_invisible(c))
}

/// Soft hyphens, joiners, direction marks, variation selectors.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{00AD}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{2064}'
        | '\u{2066}'..='\u{2069}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}')
}

/// Accents, Hebrew and Arabic vowel marks, and what nobody sees. The marks of other scripts are letters of their own.
fn is_dropped(c: char) -> bool {
    is_invisible(c)
        || matches!(c, '\u{0300}'..='\u{036F}' | '\u{0483}'..='\u{0489}' | '\u{0591}'..='\u{05BD}' | '\u{05BF}'
            | '\u{05C1}' | '\u{05C2}' | '\u{05C4}' | '\u{05C5}' | '\u{05C7}' | '\u{0610}'..='\u{061A}' | '\u{0640}'
            | '\u{064B}'..='\u{065F}' | '\u{0670}' | '\u{06D6}'..='\u{06DC}' | '\u{06DF}'..='\u{06E4}' | '\u{06E7}'
            | '\u{06E8}' | '\u{06EA}'..='\u{06ED}' | '\u{1AB0}'..='\u{1AFF}' | '\u{1DC0}'..='\u{1DFF}'
            | '\u{20D0}'..='\u{20FF}' | '\u{FE20}'..='\u{FE2F}')
}

/// Letters that people write without their stroke, and forms of a letter.
fn simple(c: char) -> impl Iterator<Item = char> {
    let (first, second) = match c {
        'ß' => ('s', Some('s')),
        'æ' => ('a', Some('e')),
        'œ' => ('o', Some('e')),
        'þ' => ('t', Some('h')),
        'ø' => ('o', None),
        'ł' => ('l', None),
        'đ' | 'ð' => ('d', None),
        'ı' => ('i', None),
        'ς' => ('σ', None),
        c => (c, None),
    };
    [Some(first), second].into_iter().flatten()
}

fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Class::Spaced } else { Class::Neither };
    }
    match c {
        // Thai and Lao, Myanmar, Hangul, Khmer.
        '\u{0E01}'..='\u{0E3A}' | '\u{0E40}'..='\u{0E4E}' | '\u{0E81}'..='\u{0ECD}' | '\u{1000}'..='\u{103F}'
        | '\u{1100}'..='\u{11FF}' | '\u{1780}'..='\u{17D3}'
        // Han, with the signs for repetition and zero; Hiragana, Katakana, Bopomofo; Hangul.
        | '\u{3005}' | '\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{3099}'..='\u{309F}' | '\u{30A1}'..='\u{30FA}'
        | '\u{30FC}'..='\u{30FF}' | '\u{3105}'..='\u{312F}' | '\u{31A0}'..='\u{31BF}' | '\u{31F0}'..='\u{31FF}'
        | '\u{3400}'..='\u{4DBF}' | '\u{4E00}'..='\u{9FFF}' | '\u{AC00}'..='\u{D7A3}' | '\u{F900}'..='\u{FAFF}'
        | '\u{20000}'..='\u{323AF}' => Class::Unspaced,
        c if c.is_alphanumeric() => Class::Spaced,
        _ => Class::Neither,
    }
}

fn text_of(run: &[Folded]) -> String {
    run.iter().take(WORD_CHARS_MAX).map(|folded| folded.c).collect()
}

fn bytes_of(run: &[Folded]) -> Range<usize> {
    run.first().map_or(0, |first| first.from)..run.last().map_or(0, |last| last.to)
}

fn push_word(lexemes: &mut Vec<Lexeme>, run: &[Folded], at: u16) {
    let mut push = |run: &[Folded]| {
        lexemes.push(Lexeme { text: text_of(run), at, keeps_position: true, bytes: bytes_of(run) });
    };
    push(run);
    let mut begin = 0;
    for next in 1..run.len().min(WORD_CHARS_MAX) {
        if begins_part(run, next) {
            push(&run[begin..next]);
            begin = next;
        }
    }
    if begin > 0 {
        push(&run[begin..]);
    }
}

/// Whether a part of a word begins here: `drain|Queue`, `HTTP|Server`, `v|2`.
fn begins_part(run: &[Folded], at: usize) -> bool {
    let (before, here) = (run[at - 1], run[at]);
    if before.from == here.from {
        return false;
    }
    if before.c.is_numeric() != here.c.is_numeric() {
        return true;
    }
    let next_is_small = run.get(at + 1).is_some_and(|next| !next.is_capital && next.c.is_alphabetic());
    here.is_capital && (!before.is_capital || next_is_small)
}

fn push_unspaced(lexemes: &mut Vec<Lexeme>, run: &[Folded], at: &mut u16) {
    for (n, folded) in run.iter().enumerate() {
        if *at >= POSITIONS_MAX {
            return;
        }
        let next = run.get(n + 1);
        let mut push = |text: [char; 2], bytes: Range<usize>, keeps_position: bool| {
            lexemes.push(Lexeme { text: text.iter().collect(), at: *at, keeps_position, bytes });
        };
        push([ALONE, folded.c], folded.from..folded.to, false);
        match next {
            Some(next) => push([folded.c, next.c], folded.from..next.to, true),
            None => push([folded.c, STOP], folded.from..folded.to, true),
        }
        *at += 1;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<String> {
        lexemes(text).into_iter().map(|lexeme| lexeme.text).collect()
    }

    #[test]
    fn words_lose_case_accents_and_width() {
        assert_eq!(texts("Crème BRÛLÉE"), ["creme", "brulee"]);
        assert_eq!(texts("Ｒｅｌｅａｓｅ"), ["release"]);
        assert_eq!(texts("cre\u{300}me"), ["creme"]);
        assert_eq!(texts("Straße, Ærø, Łódź"), ["strasse", "aero", "lodz"]);
        assert_eq!(texts("İstanbul ISPARTA ılık"), ["istanbul", "isparta", "ilik"]);
        assert_eq!(texts("Ёлка и йод"), ["елка", "и", "иод"]);
        assert_eq!(texts("ΟΔΟΣ οδός"), ["οδοσ", "οδοσ"]);
        assert_eq!(texts("مُحَمَّد أحمد"), ["محمد", "احمد"]);
        assert_eq!(texts("שָׁלוֹם"), ["שלום"]);
        assert_eq!(texts("soft\u{AD}hyphen"), ["softhyphen"]);
        assert_eq!(texts("ﬁnd ㎏"), ["find", "kg"]);
        assert_eq!(texts("हिन्दी"), ["हिन्दी"], "vowel signs are letters");
    }

    #[test]
    fn identifiers_and_addresses_are_found_by_their_parts() {
        assert_eq!(texts("drain_queue"), ["drain", "queue"]);
        assert_eq!(texts("drainQueue2"), ["drainqueue2", "drain", "queue", "2"]);
        assert_eq!(texts("HTTPServer"), ["httpserver", "http", "server"]);
        assert_eq!(
            texts("https://grafana.example.com/d/abc?x=1"),
            ["https", "grafana", "example", "com", "d", "abc", "x", "1"]
        );
    }

    #[test]
    fn characters_give_pairs_and_a_stop() {
        assert_eq!(texts("回滚v2"), ["=回", "回滚", "=滚", "滚=", "v2", "v", "2"]);
        assert_eq!(texts("版"), ["=版", "版="]);
        assert_eq!(texts("ｶﾞｽ"), texts("ガス"), "narrow Katakana, with a voice mark");
        assert_eq!(texts("\u{1112}\u{1161}\u{11AB}글"), texts("한글"), "decomposed Hangul");
        assert!(!texts("が").contains(&"=か".to_owned()), "voice marks matter");
        assert_eq!(texts("ไทย").len(), 6, "Thai has no spaces");
    }

    #[test]
    fn a_vector_is_as_postgres_reads_it() {
        assert_eq!(vector(["to be, to do"], &[]), "'be':2 'do':4 'to':1,3 ");
        assert_eq!(vector(["一", "b"], &["!link".to_owned()]), "'=一' 'b':4 '一=':1 '!link' ");
        let long = "a ".repeat(4_000);
        assert_eq!(vector([long.as_str()], &[]).split(',').count(), OF_A_LEXEME_MAX);
    }

    proptest! {
        #[test]
        fn any_text_is_split_within_bounds(text in any::<String>()) {
            let all = lexemes(&text);
            prop_assert!(all.len() <= LEXEMES_PER_CHAR * text.chars().count());
            let mut before = 1;
            for lexeme in &all {
                prop_assert!(lexeme.at >= before && lexeme.at <= POSITIONS_MAX);
                before = lexeme.at;
                prop_assert!(text.get(lexeme.bytes.clone()).is_some_and(|part| !part.is_empty()));
                prop_assert!(!lexeme.text.is_empty() && lexeme.text.len() < 2_046);
                prop_assert!(!lexeme.text.contains(['\'', '\\', ' ', '!', '@', '#', '>']));
            }
            prop_assert!(vector([text.as_str(), text.as_str()], &[]).len() >= query_runs(&text).len());
        }

        /// What was copied from a text in another form still has the same lexemes.
        #[test]
        fn the_form_of_a_text_does_not_matter(text in "[a-zA-Zäöüéñßа-яёα-ωか-ん가-힣一-龥 _.]{0,40}") {
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(texts(&decomposed), texts(&text));
            let small = text.to_lowercase();
            prop_assert_eq!(query_runs(&small), query_runs(&text));
        }
    }
}
