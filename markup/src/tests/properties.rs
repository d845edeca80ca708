//! Properties of any source.

use proptest::prelude::*;

use super::nests::nests;
use crate::{DEPTH_MAX, Document, Kind, NODES_MAX, Nodes, Spoilers, parse, work};

/// Fragments of markup, and the characters around it.
const FRAGMENTS: &[&str] = &[
    "a",
    "B",
    "字",
    "。",
    "“",
    " ",
    "  ",
    "\t",
    "\n",
    "\n\n",
    "\\",
    "*",
    "**",
    "_",
    "__",
    "~~",
    "||",
    "|",
    "`",
    "``",
    "```",
    "~~~",
    "$$",
    "[",
    "![",
    "]",
    "](",
    "](https://x.y",
    "(",
    ")",
    "<",
    ">",
    "> ",
    "- ",
    "+ ",
    "1. ",
    "2) ",
    "[x] ",
    "# ",
    "###",
    "---",
    "|-|-",
    "\n|-|-|\n",
    "https://x.y/",
    "mailto:a@b",
    "@ana",
    "@here",
    "#b",
    ":c:",
    "\"",
    "'",
    "\u{202E}",
    "é",
    "👍",
];

fn source() -> impl Strategy<Value = String> {
    let fragments = prop::collection::vec(prop::sample::select(FRAGMENTS), 0..60);
    prop_oneof![fragments.prop_map(|fragments| fragments.concat()), any::<String>(), "[\\PC\n]{0,80}"]
}

/// All letters of a source in order, including those in addresses and languages.
fn push_letters(out: &mut String, nodes: Nodes<'_, '_>) {
    for node in nodes {
        match node.kind {
            Kind::Text(text)
            | Kind::Channel(text)
            | Kind::Emoji(text)
            | Kind::CodeBlock { language: text } => out.push_str(text),
            Kind::Mention(mention) => out.push_str(mention.name()),
            Kind::Item { task: Some(true), .. } => out.push('x'),
            _ => {}
        }
        push_letters(out, node.children);
        if let Kind::Link { address, title } = node.kind {
            let is_bare = matches!(node.children.clone().next(), Some(first) if matches!(first.kind, Kind::Text(text) if text.as_ptr() == address.as_ptr()));
            if !is_bare {
                out.push_str(address);
            }
            out.push_str(title);
        }
    }
}

fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphabetic()).map(|c| c.to_ascii_lowercase()).collect()
}

fn depth(nodes: Nodes<'_, '_>) -> usize {
    nodes.map(|node| 1 + depth(node.children)).max().unwrap_or(0)
}

fn count(nodes: Nodes<'_, '_>) -> usize {
    nodes.map(|node| 1 + count(node.children)).sum()
}

/// Properties of every tree.
fn check_tree(source: &str, document: &Document<'_>) {
    assert!(document.node_count() <= NODES_MAX);
    assert!(depth(document.blocks()) <= DEPTH_MAX);
    assert_eq!(count(document.blocks()), document.node_count(), "each node is inside exactly one other");
    check_nodes(document.blocks(), false);
    assert!(letters(&document.plain_text(Spoilers::Shown)).len() <= letters(source).len());
}

fn check_nodes(nodes: Nodes<'_, '_>, in_link: bool) {
    for node in nodes {
        let mut in_link = in_link;
        match node.kind {
            Kind::Text(text) => assert!(!text.is_empty()),
            Kind::Link { address, .. } => {
                let lower = address.to_ascii_lowercase();
                assert!(
                    ["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme)),
                    "{address:?}"
                );
                assert!(!address.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\u{202E}'));
                assert!(!in_link && node.children.clone().next().is_some());
                in_link = true;
            }
            Kind::Mention(_) | Kind::Channel(_) => assert!(!in_link),
            _ => {}
        }
        check_nodes(node.children, in_link);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn any_source_has_a_bounded_tree(source in source()) {
        let document = parse(&source);
        check_tree(&source, &document);
        prop_assert_eq!(&document, &parse(&source));
    }

    #[test]
    fn no_letter_is_lost(source in source()) {
        let document = parse(&source);
        let mut kept = String::new();
        push_letters(&mut kept, document.blocks());
        prop_assert_eq!(letters(&kept), letters(&source));
    }

    /// Parsing the plain text of a tree keeps it, so text without markup stays unchanged.
    #[test]
    fn words_are_their_own_plain_text(words in "[a-zé字]{1,8}( [a-zé字]{1,8}){0,5}(\n[a-zé字]{1,8}){0,3}") {
        prop_assert_eq!(parse(&words).plain_text(Spoilers::Hidden), words);
    }
}

#[test]
fn the_work_grows_as_the_source_does() {
    for ((name, small), (_, large)) in nests(1_000).iter().zip(nests(4_000)) {
        let steps = |source: &str| {
            work::take_steps();
            check_tree(source, &parse(source));
            work::take_steps()
        };
        let (small_steps, large_steps) = (steps(small), steps(&large));
        assert!(large_steps < 6 * small_steps, "{name:?}: {small_steps} steps, then {large_steps}");
        assert!(large_steps < 40 * large.len(), "{name:?}: {large_steps} steps for {} bytes", large.len());
    }
}
