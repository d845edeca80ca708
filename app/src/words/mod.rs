//! Every sentence that the face says, in every language.
//!
//! A sentence without words is a method of [`Words`] made by the table in [`table`]; one with numbers or names in it
//! is written out in [`sentences`]; refusals are in [`refusals`], dates and times in [`time`]. A language that lacks a
//! sentence does not compile.

mod refusals;
mod sentences;
mod table;
mod time;

pub use self::time::Clock;

use leptos::prelude::use_context;
use protocol::{Language, Page};

/// The sentences of one language.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words(pub Language);

impl Words {
    fn pick<T>(self, en: T, zh: T) -> T {
        match self.0 {
            Language::En => en,
            Language::Zh => zh,
        }
    }
}

/// The words of the page that is drawn.
#[must_use]
pub fn use_words() -> Words {
    Words(use_context::<Page>().map(|page| page.language).unwrap_or_default())
}
