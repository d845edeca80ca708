//! The formatted text of a message, from its source to a bounded tree.
#![warn(missing_docs)]

mod address;
mod ahead;
mod blocks;
mod builder;
mod chars;
mod cursor;
mod inlines;
mod names;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod tree;
mod work;

pub use crate::{
    builder::{DEPTH_MAX, NODES_MAX},
    tree::{Align, Document, Kind, Mention, Node, Nodes, SPOILER_MARK, Spoilers},
};

/// Reads the source of a message. Every text is one: what is no markup is words.
#[must_use]
pub fn parse(source: &str) -> Document<'_> {
    blocks::parse(source)
}
