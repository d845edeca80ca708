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
pub const RULES: i32 = 1;

/// What a message says: the words that people see, and whether it contains links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// The words, including those of spoilers.
    pub text: String,
    /// The addresses of links whose words do not show them.
    pub addresses: Vec<String>,
    /// Whether there is any link.
    pub has_link: bool,
}

impl Plain {
    /// Reads the source of a message.
    #[must_use]
    pub fn of(body: &str) -> Self {
        let document: Document<'_> = markup::parse(body);
        let mut plain =
            Self { text: document.plain_text(Spoilers::Shown), addresses: Vec::new(), has_link: false };
        plain.add_addresses(document.blocks());
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
