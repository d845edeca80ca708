//! The formatted text of a message, from its source to a bounded tree.
//!
//! ```
//! use markup::{Kind, Spoilers};
//!
//! let document = markup::parse("**Ship** it, @ana: ||Friday||");
//! let paragraph = document.blocks().next().expect("there are words");
//! assert_eq!(paragraph.kind, Kind::Paragraph);
//! assert_eq!(document.plain_text(Spoilers::Hidden), "Ship it, @ana: ▒▒▒▒");
//! ```
//!
//! # Syntax
//!
//! Markdown as people type it in chat. From [CommonMark 0.31](https://spec.commonmark.org/0.31.2/) we implement these sections:
//! "Backslash escapes", "Thematic breaks", "ATX headings", "Fenced code blocks", "Block quotes", "List items", "Lists", "Code
//! spans", "Emphasis and strong emphasis", "Links" (inline ones), "Autolinks". From [GitHub's
//! dialect](https://github.github.com/gfm/): "Tables", "Task list items", "Strikethrough" (two tildes, because `~5` is a
//! number). In addition there are `||spoilers||`, `$$formulas$$`, `@person`, `@here`, `@everyone`, `#channel`, `:emoji:`, and
//! bare addresses.
//!
//! Differences from CommonMark:
//!
//! - Line breaks and the indents of lines are kept. There is no indented code.
//! - Quotes and items have no lazy continuation lines: a line without their mark or indent ends them.
//! - An item that is indented by two columns belongs to the item above, even under `1.`.
//! - Items show the numbers that were typed; a repeated number counts on. The first item of a list, a heading and a link must
//!   not be empty: a lone `-` or `#` is text. A message that consists only of marks is text, too.
//! - A fence may follow words on its line, and may close at the end of the last line of code. Several words after a fence are code,
//!   not a language.
//! - Emphasis works next to Chinese, Japanese and Korean, which have no spaces around it: `这是**重点。**下文` is bold. Emoji count as
//!   letters.
//! - Addresses are `http`, `https` and `mailto` only, without escapes. An image becomes a link to it.
//! - A table row contains a `|`, and all of its cells are kept.
//!
//! Not supported: HTML and entities, which are text; setext headings (`---` below a line is a rule); link references and footnotes.
//!
//! # Laws
//!
//! - Any text is a message: nothing is refused, and nothing panics.
//! - No word is lost: whatever is not markup, or exceeds a bound, is text.
//! - A tree has at most [`NODES_MAX`] nodes, nested at most [`DEPTH_MAX`] deep.
//! - Parsing takes linear time for any source.
//!
//! # Rendering
//!
//! One recursive function with one `match` over [`Kind`] renders a tree as nodes, never as HTML. White space must be preserved
//! (`white-space: pre-wrap`). A name that refers to nothing is shown as typed.
#![warn(missing_docs)]

mod address;
mod ahead;
mod blocks;
mod builder;
mod chars;
mod cursor;
mod from_html;
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
    from_html::{HTML_BYTES_MAX, from_html},
    tree::{Align, Document, Kind, Mention, Node, Nodes, SPOILER_MARK, Spoilers},
};

/// Reads the source of a message. Nothing is refused: whatever is not markup is text.
#[must_use]
pub fn parse(source: &str) -> Document<'_> {
    blocks::parse(source)
}
