//! Every sentence that the face says, in the language of the page.
//!
//! The sentences are data: `locales/*.json`, one file for each language. The build script makes a method of [`Words`] for
//! each key of `en.json`, so a key that does not exist does not compile; `check.rs` compares the other languages with it.
//! The server has all languages. A page carries the sentences of its own, and the browser's code has none.
//! [`sentences`] chooses between sentences, [`refusals`] has the one for each refusal, [`time`] has dates and times.

#[cfg(test)]
mod check;
#[cfg(test)]
mod forms;
#[cfg(feature = "ssr")]
mod locales;
mod plural;
mod refusals;
mod sentences;
mod time;

#[cfg(feature = "ssr")]
pub use self::locales::language_for;
pub use self::time::Clock;

use leptos::prelude::use_context;

/// The sentences of one language: the lines of the text that a page carries, which `app/build.rs` makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Words(&'static [&'static str]);

/// A language that can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// For the attribute `lang`.
    pub lang: &'static str,
    /// Its tag, by which it is chosen.
    pub tag: &'static str,
    /// What it calls itself.
    pub name: &'static str,
}

// What is on which line. The build script has the same order.
const LANG: usize = 0;
const PLURALS: usize = 1;
const SEPARATOR: usize = 2;
const MONTHS: usize = 3;
const MONTHS_SHORT: usize = 4;
const WEEKDAYS: usize = 5;
const WEEKDAYS_SHORT: usize = 6;
const DAY: usize = 7;
const DAY_OF_YEAR: usize = 8;
const DATE: usize = 9;
const DATE_OF_YEAR: usize = 10;
const MOMENT: usize = 11;
const LANGUAGES: usize = 12;
const SENTENCES: usize = 13;

include!(concat!(env!("OUT_DIR"), "/words_methods.rs"));

impl Words {
    /// The words of the text that a page carries. They stay for as long as the page does.
    #[must_use]
    pub fn from_text(text: &'static str) -> Self {
        Self(text.split('\n').collect::<Vec<_>>().leak())
    }

    /// The text that a page outside the app carries.
    #[cfg(feature = "ssr")]
    pub(crate) fn text(self) -> String {
        self.0.join("\n")
    }

    /// The text that a page inside the app carries.
    #[cfg(feature = "ssr")]
    pub(crate) fn text_inside(self) -> String {
        let until = (SENTENCES + INSIDE).min(self.0.len());
        self.0[..until].join("\n")
    }

    /// The attribute `lang` of the document.
    #[must_use]
    pub fn lang(self) -> &'static str {
        self.line(LANG)
    }

    /// All languages, by their own names.
    pub fn languages(self) -> impl Iterator<Item = Choice> {
        self.line(LANGUAGES).split('\t').filter_map(|line| {
            let (lang, line) = line.split_once(' ')?;
            let (tag, name) = line.split_once(' ')?;
            Some(Choice { lang, tag, name })
        })
    }

    fn line(self, at: usize) -> &'static str {
        self.0.get(at).copied().unwrap_or_default()
    }

    fn part(self, line: usize, at: usize) -> &'static str {
        self.line(line).split('\t').nth(at).unwrap_or_default()
    }

    fn sentence(self, at: usize) -> &'static str {
        self.line(SENTENCES + at)
    }

    fn counted(self, at: usize, n: u64, with: &[&str]) -> String {
        let form = self.part(SENTENCES + at, plural::form(self.line(PLURALS), n));
        let n = n.to_string();
        let with: Vec<&str> = std::iter::once(n.as_str()).chain(with.iter().copied()).collect();
        filled(form, &with)
    }
}

/// Puts something into each placeholder: `{0}`, `{1}`.
fn filled(sentence: &str, with: &[&str]) -> String {
    let mut parts = sentence.split('{');
    let mut said = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (place, rest) = part.split_once('}').unwrap_or_default();
        let place = place.bytes().next().map(|digit| usize::from(digit.wrapping_sub(b'0')));
        said.push_str(place.and_then(|place| with.get(place)).copied().unwrap_or_default());
        said.push_str(rest);
    }
    said
}

/// The words of the page that is drawn.
#[must_use]
pub fn use_words() -> Words {
    use_context::<Words>().unwrap_or_default()
}
