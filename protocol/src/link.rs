//! Previews of links: what a page says of itself, shown below the message that links to it.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{FileId, text::shows_nothing};

/// The preview of a link. The server has fetched the page once; browsers fetch nothing from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
pub struct LinkPreview {
    /// The address, as it is in the text.
    pub url: String,
    /// The title of the page, on one line.
    pub title: String,
    /// What the page says of itself, on one line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub text: String,
    /// The name of the site, or its host.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub site: String,
    /// The picture of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<LinkPicture>,
}

/// The picture of a preview: the server's own copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
pub struct LinkPicture {
    /// Names it in its address: see [`LinkPicture::address`].
    pub id: FileId,
    /// Pixels of the copy from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl LinkPicture {
    /// Where it is, from the root of the site.
    #[must_use]
    pub fn address(&self) -> String {
        format!("/previews/{}", self.id)
    }
}

/// A text from a foreign page as one line of at most so many characters: without what shows nothing or turns the text round, and with
/// single spaces. A longer one ends with `…`.
#[must_use]
pub fn foreign_line(text: &str, chars_max: usize) -> String {
    let is_gap = |c: char| c.is_whitespace() || c.is_control();
    let mut line = String::new();
    for word in text.split(is_gap) {
        let word = word.chars().filter(|c| !shows_nothing(*c) && !crate::file::turns_text(*c));
        let before = line.len();
        if !line.is_empty() {
            line.push(' ');
        }
        let begin = line.len();
        line.extend(word);
        if line.len() == begin {
            line.truncate(before);
        }
    }
    match line.char_indices().nth(chars_max) {
        None => line,
        Some(_) => {
            let end = line.char_indices().nth(chars_max - 1).map_or(0, |(at, _)| at);
            line.truncate(end);
            line.truncate(line.trim_end().len());
            line.push('…');
            line
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_text_becomes_one_clean_line() {
        for (given, line) in [
            ("  Tide \n\t tables  ", "Tide tables"),
            ("evil\u{202e}gpj.exe", "evilgpj.exe"),
            ("a\u{0}b\u{200b}c", "a bc"),
            ("\u{2066}\u{2069} \u{200b}", ""),
            ("", ""),
            ("潮汐表", "潮汐表"),
        ] {
            assert_eq!(foreign_line(given, 20), line, "{given:?}");
        }
        assert_eq!(foreign_line("one two three", 8), "one two…");
        assert_eq!(foreign_line("exactly ten", 11), "exactly ten");
        assert_eq!(foreign_line(&"长".repeat(30), 5), "长长长长…");
    }
}
