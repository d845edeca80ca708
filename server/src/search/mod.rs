//! Search, as far as it needs no database: the words of a text, what a query means, and where its words are in a text.
//!
//! [`words`] splits a text into lexemes, in the same way for the index and for queries. [`query`] parses what people type.
//! [`context`] cuts the words around a hit. [`crate::store::search`] stores and finds the lexemes; [`crate::jobs`] keeps the
//! index current; [`crate::chat::search`] answers the command.
//!
//! Law: nothing here fails or panics on any text, and everything takes linear time.

pub mod context;
pub mod query;
pub mod tags;
pub mod words;

use markup::{Document, Kind, Nodes, Spoilers};

/// The version of the rules by which texts become lexemes. When it grows, servers index every message again, newest first.
pub const RULES: i32 = 3;

/// What the texts of a message say: the words that people see, and whether they contain links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// The words of each text, including those of spoilers.
    pub texts: Vec<String>,
    /// The addresses of links whose words do not show them.
    pub addresses: Vec<String>,
    /// Whether there is any link.
    pub has_link: bool,
}

impl Plain {
    /// Reads the source of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self::of_all([text])
    }

    /// Reads the sources of several texts, each by itself: what one of them leaves open, such as a block of code, ends with it.
    #[must_use]
    pub fn of_all<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut plain = Self { texts: Vec::new(), addresses: Vec::new(), has_link: false };
        for text in texts {
            let document: Document<'_> = markup::parse(text);
            plain.texts.push(document.plain_text(Spoilers::Shown));
            plain.add_addresses(document.blocks());
        }
        plain
    }

    /// The depth of a tree is bounded by [`markup::DEPTH_MAX`].
    fn add_addresses(&mut self, nodes: Nodes<'_, '_>) {
        for node in nodes {
            if let Kind::Link { address, .. } = node.kind {
                self.has_link = true;
                let is_shown = node.children.plain_text(Spoilers::Shown).contains(address);
                if !is_shown {
                    self.addresses.push(address.to_owned());
                }
            }
            self.add_addresses(node.children);
        }
    }
}
