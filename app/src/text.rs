//! What a message's text is made of: plain words, and addresses that can be followed.

use std::slice::SliceIndex;

/// A part of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    /// Words.
    Plain(&'a str),
    /// An address that begins with `http://` or `https://`, in any case: no other scheme is ever made a link.
    Link(&'a str),
}

/// Splits a text at its addresses. Nothing is lost: the pieces together are the text.
pub(crate) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut plain_from, mut from) = (0, 0);
    while let Some(found) = find_scheme(cut(text, from..)) {
        let start = from + found;
        let end = start + address_len(cut(text, start..));
        let glued = cut(text, ..start).chars().next_back().is_some_and(|c| c.is_ascii_alphanumeric());
        if end == start || glued {
            from = start + 4;
            continue;
        }
        if start > plain_from {
            pieces.push(Piece::Plain(cut(text, plain_from..start)));
        }
        pieces.push(Piece::Link(cut(text, start..end)));
        (plain_from, from) = (end, end);
    }
    if plain_from < text.len() {
        pieces.push(Piece::Plain(cut(text, plain_from..)));
    }
    pieces
}

/// A part of a text. An index would bring the words of its panic into the wasm.
fn cut(text: &str, part: impl SliceIndex<str, Output = str>) -> &str {
    text.get(part).unwrap_or_default()
}

/// Where a text next says "http".
fn find_scheme(text: &str) -> Option<usize> {
    text.as_bytes().windows(4).position(|bytes| bytes.eq_ignore_ascii_case(b"http"))
}

/// How long the address is that a text begins with; 0 when it begins with none.
fn address_len(text: &str) -> usize {
    let begins = |scheme: &&str| {
        text.as_bytes().get(..scheme.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(scheme.as_bytes()))
    };
    let scheme = ["https://", "http://"].into_iter().find(begins);
    let Some(scheme) = scheme else { return 0 };
    let end = text.find(|c: char| !is_in_address(c)).unwrap_or(text.len());
    let end = without_sentence_end(cut(text, ..end)).len();
    let host = cut(text, scheme.len()..end.max(scheme.len())).chars().next();
    if host.is_some_and(|c| c.is_alphanumeric() || c == '[') { end } else { 0 }
}

/// Chinese punctuation ends an address too: there is no space before it. So does what shows nothing or turns the direction: an
/// address is what one sees.
fn is_in_address(c: char) -> bool {
    !c.is_whitespace()
        && !c.is_control()
        && !matches!(c, '\u{AD}' | '\u{61C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
        && !matches!(c, '<' | '>' | '"' | '`' | '\u{3000}'..='\u{303F}' | '\u{FF00}'..='\u{FFEF}')
        && !matches!(c, '“' | '”' | '‘' | '’' | '…')
}

/// The full stop after an address belongs to the sentence, and so does a bracket that was not opened inside.
fn without_sentence_end(address: &str) -> &str {
    let mut address = address;
    loop {
        let Some(last) = address.chars().next_back() else { return address };
        let opened = |open: char| address.matches(open).count() >= address.matches(last).count();
        let goes = match last {
            '.' | ',' | ';' | ':' | '!' | '?' | '\'' | '*' | '_' => true,
            ')' => !opened('('),
            ']' => !opened('['),
            '}' => !opened('{'),
            _ => false,
        };
        if !goes {
            return address;
        }
        address = cut(address, ..address.len() - last.len_utf8());
    }
}

/// Nothing but up to three pictures: shown larger.
pub(crate) fn is_pictures_only(text: &str) -> bool {
    let is_picture = |c: char| matches!(c, '\u{1F300}'..='\u{1FAFF}' | '\u{2600}'..='\u{27BF}' | '\u{1F1E6}'..='\u{1F1FF}');
    let is_joiner = |c: char| matches!(c, '\u{200D}' | '\u{FE0F}' | '\u{1F3FB}'..='\u{1F3FF}' | ' ');
    let pictures = text.chars().filter(|c| is_picture(*c) && !is_joiner(*c)).count();
    (1..=6).contains(&pictures)
        && text.chars().all(|c| is_picture(c) || is_joiner(c))
        && text.chars().count() <= 12
}

/// The letters on a picture: the first one, or two in a name of Latin words; one sign of a Chinese name.
pub(crate) fn initials(name: &str) -> String {
    let mut words = name.split([' ', '-', '_', '.']).filter(|word| !word.is_empty());
    let first = words.next().and_then(|word| word.chars().next());
    let Some(first) = first else { return "?".to_owned() };
    let second = words.next_back().and_then(|word| word.chars().next());
    let latin = |c: char| (c as u32) < 0x2E80;
    // Georgian has capitals only for whole headlines, and few fonts have them.
    let capital =
        |c: char| if ('ა'..='ჿ').contains(&c) { c.to_string() } else { c.to_uppercase().collect() };
    match second {
        Some(second) if latin(first) && latin(second) => capital(first) + &capital(second),
        Some(_) | None => capital(first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn links(text: &str) -> Vec<&str> {
        let links = pieces(text).into_iter().filter_map(|piece| match piece {
            Piece::Link(link) => Some(link),
            Piece::Plain(_) => None,
        });
        links.collect()
    }

    #[test]
    fn an_address_ends_where_the_sentence_does() {
        assert_eq!(
            links("see https://a.example/x?y=1&z=(2), or (http://b.example)."),
            ["https://a.example/x?y=1&z=(2)", "http://b.example"]
        );
        assert_eq!(links("请看https://a.example/路径。谢谢"), ["https://a.example/路径"]);
        assert_eq!(
            links("(see https://en.example/wiki/Roost_(bird))"),
            ["https://en.example/wiki/Roost_(bird)"]
        );
    }

    #[test]
    fn an_address_is_what_one_sees() {
        assert_eq!(links("https://legit.example/files\u{202E}4pm.asia"), ["https://legit.example/files"]);
        assert_eq!(links("https://a.example/x\u{200B} y"), ["https://a.example/x"]);
        assert_eq!(links("Https://a.example HTTP://B.example"), ["Https://a.example", "HTTP://B.example"]);
    }

    #[test]
    fn other_schemes_are_words() {
        for text in [
            "javascript:alert(1)",
            "xhttps://a.example",
            "http://",
            "https:// a",
            "data:text/html,http",
            "httphttp",
        ] {
            assert_eq!(links(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn the_pieces_are_the_text() {
        for text in ["", "http", "aHTTP安", "a http://b.c d http://e.f", "安http://娜.例/ 好", "http://a.b"]
        {
            let together: String = pieces(text)
                .into_iter()
                .map(|piece| match piece {
                    Piece::Plain(text) | Piece::Link(text) => text,
                })
                .collect();
            assert_eq!(together, text);
        }
    }

    #[test]
    fn pictures_have_letters() {
        let all = ["Ana Benítez", "安娜", "王 小明", "bea", "jean-luc", "ნინო ბერიძე", ""].map(initials);
        assert_eq!(all, ["AB", "安", "王", "B", "JL", "ნბ", "?"]);
        assert!(is_pictures_only("👍") && is_pictures_only("🎉 🎉") && is_pictures_only("👩‍🚀"));
        assert!(!is_pictures_only("ok 👍") && !is_pictures_only("") && !is_pictures_only("7"));
    }
}
