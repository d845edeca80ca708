//! Text that people type, parsed as markup: the tree keeps its bounds and every letter, and links only to allowed
//! addresses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use markup::{DEPTH_MAX, Kind, NODES_MAX, Nodes, Spoilers};

fuzz_target!(|bytes: &[u8]| {
    // Mutations are seldom UTF-8, so convert them instead of wasting them.
    let text = &*String::from_utf8_lossy(bytes);
    let document = markup::parse(text);
    let mut words = String::new();
    assert_eq!(walk(document.blocks(), 1, &mut words), document.node_count());
    assert!(document.node_count() <= NODES_MAX);
    // A bare address appears twice, as text and as a destination.
    assert!(letters(text) <= letters(&words), "{words:?} is not all of it");
    assert!(letters(&document.plain_text(Spoilers::Shown)) <= letters(text));
    assert!(document.mentions().count() <= text.matches('@').count());
    // The same input as pasted HTML.
    if let Some(pasted) = markup::from_html(text, "") {
        assert!(markup::parse(&pasted).node_count() <= NODES_MAX);
    }
});

fn letters(text: &str) -> usize {
    text.chars().filter(|c| c.is_alphabetic()).count()
}

/// Counts the nodes and collects their text.
fn walk(nodes: Nodes<'_, '_>, depth: usize, words: &mut String) -> usize {
    let mut count = 0;
    for node in nodes {
        assert!(depth <= DEPTH_MAX);
        match node.kind {
            Kind::Text(text)
            | Kind::Channel(text)
            | Kind::Emoji(text)
            | Kind::CodeBlock { language: text } => {
                words.push_str(text);
            }
            Kind::Mention(mention) => words.push_str(mention.name()),
            Kind::Item { task: Some(true), .. } => words.push('x'),
            Kind::Link { address, title } => {
                let lower = address.to_ascii_lowercase();
                assert!(["http://", "https://", "mailto:"].iter().any(|scheme| lower.starts_with(scheme)));
                words.push_str(address);
                words.push_str(title);
            }
            Kind::Paragraph
            | Kind::Heading(_)
            | Kind::Quote
            | Kind::List { .. }
            | Kind::Item { .. }
            | Kind::MathBlock => {}
            Kind::Rule
            | Kind::Table
            | Kind::Row { .. }
            | Kind::Cell(_)
            | Kind::Break
            | Kind::Strong
            | Kind::Emphasis => {}
            Kind::Strike | Kind::Spoiler | Kind::Code | Kind::Math => {}
        }
        count += 1 + walk(node.children, depth + 1, words);
    }
    count
}
