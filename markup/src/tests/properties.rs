//! What holds for any source, and how long it takes.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use crate::{DEPTH_MAX, Document, Kind, NODES_MAX, Nodes, Spoilers, parse, work};

/// What markup is made of, and what it stands beside.
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

/// All letters of a source in their order, those in addresses and languages as well.
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

/// What must be true of every tree.
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

    /// What a tree says is what its source says, so words that are no markup say themselves.
    #[test]
    fn words_are_their_own_plain_text(words in "[a-zé字]{1,8}( [a-zé字]{1,8}){0,5}(\n[a-zé字]{1,8}){0,3}") {
        prop_assert_eq!(parse(&words).plain_text(Spoilers::Hidden), words);
    }
}

/// Sources that are slow to read for parsers that look for an end again and again.
fn nests(bytes: usize) -> Vec<(&'static str, String)> {
    let mut nests: Vec<(&str, String)> = [
        "[",
        "![",
        "]",
        "[[]",
        "[a](",
        "[a](https://b",
        "[a](https://b(",
        "[a](https://b \"",
        "[a](https://b 'c\" ",
        "[a](https://b)",
        "*a **b ",
        "*a _b ",
        "a**b",
        "*_",
        "***",
        "**a~~b||c",
        "a*b_c~~d",
        "_a__b",
        "~~",
        "~~a ",
        "||",
        "||a ",
        "> ",
        ">",
        "- ",
        "1. ",
        "> - ",
        "`",
        "`a``b",
        "```a",
        "a ```\n",
        "```a\nb```\n",
        "\n```b",
        "~~~ ",
        "> ~~~\n",
        "$$",
        "$$ a",
        "$$\n",
        "\n$$a",
        "|",
        "a|",
        "\\",
        "\\|",
        "<",
        "<https://a.",
        "https://",
        "https://a)",
        "https://!",
        "https://a.",
        "mailto:a,",
        "mailto:a@",
        "@a.",
        "@ana",
        "@@",
        "#a",
        "##",
        ":a",
        "::",
        "# ",
        "\n#",
        "---\n",
        "- -",
        "- a\n",
        "  - a\n",
        "\t",
        " ",
        "a \n",
        "a\n\n",
        "字",
        "字**。",
        "\u{202E}",
        "|-",
        "a|b\n-|-\n",
        "x\n|-|\n",
        "- [x] ",
        "&",
        "\n> a\n",
        "!",
        "![a](",
        "\u{0}",
    ]
    .map(|fragment| (fragment, fragment.repeat(bytes / fragment.len())))
    .into();
    let mut push = |name, source: String| nests.push((name, source));
    push(
        "runs of growing length",
        (1..)
            .map(|n| "`".repeat(n) + " ")
            .scan(0, |sum, run| {
                *sum += run.len();
                (*sum <= bytes).then_some(run)
            })
            .collect(),
    );
    push("runs of 1 to 40", (0..bytes / 21).map(|n| "`".repeat(n % 40 + 1) + "a").collect());
    push("a table", format!("{}\n{}", "|a".repeat(bytes / 4), "|-".repeat(bytes / 4)));
    push(
        "a table and rows",
        format!("{}\n{}\n{}", "|a".repeat(bytes / 8), "|-".repeat(bytes / 8), "|\n".repeat(bytes / 4)),
    );
    push("openers, then closers", "*a ".repeat(bytes / 6) + &" a*".repeat(bytes / 6));
    push("openers, then others", "*a ".repeat(bytes / 6) + &" a_".repeat(bytes / 6));
    push("stars", format!("{}a{}", "*".repeat(bytes / 2), "*".repeat(bytes / 2)));
    push("brackets, then links", "[".repeat(bytes / 2) + &"[a](https://b)".repeat(bytes / 28));
    push(
        "brackets around a link",
        format!("{}a{}", "[".repeat(bytes / 2), "](https://b)".repeat(bytes / 24)),
    );
    push(
        "items, deeper and deeper",
        (0..)
            .map(|n| " ".repeat(n) + "- a\n")
            .scan(0, |sum, line| {
                *sum += line.len();
                (*sum <= bytes).then_some(line)
            })
            .collect(),
    );
    push("a long indent", " ".repeat(bytes / 2) + &"- ".repeat(bytes / 4));
    push("ticks before blanks", "```a".repeat(bytes / 8) + &" ".repeat(bytes / 2));
    nests
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

/// `cargo test --release -p markup -- --ignored --nocapture`
#[test]
#[ignore = "a measurement"]
fn how_long_it_takes() {
    let mut times: Vec<(Duration, &str)> = Vec::new();
    for (name, source) in nests(4_000) {
        let parses = (0..50).map(|_| {
            let begin = Instant::now();
            std::hint::black_box(parse(std::hint::black_box(&source)));
            begin.elapsed()
        });
        times.push((parses.min().unwrap(), name));
    }
    times.sort();
    times.reverse();
    for (time, name) in &times[..12] {
        println!("{:>7.1} µs  {name:?}", time.as_secs_f64() * 1e6);
    }
    assert!(times[0].0 < Duration::from_micros(500));
}
