//! Trees are compared as HTML, so that CommonMark's cases can be compared with its specification.
#![expect(clippy::wildcard_enum_match_arm, reason = "a test looks at the kinds that it is about")]

mod chat;
mod commonmark;
mod nests;
mod properties;

use crate::{Align, Kind, Mention, Nodes, parse};

fn html(source: &str) -> String {
    let mut out = String::new();
    push(&mut out, parse(source).blocks());
    out
}

fn push(out: &mut String, nodes: Nodes<'_, '_>) {
    for node in nodes {
        let (open, close) = tags(node.kind);
        out.push_str(&open);
        push(out, node.children);
        out.push_str(&close);
    }
}

/// Angle brackets in text are not escaped, to show that HTML is not interpreted.
fn tags(kind: Kind<'_>) -> (String, String) {
    let name = match kind {
        Kind::Text(text) => return (text.to_owned(), String::new()),
        Kind::Break => return ("\n".to_owned(), String::new()),
        Kind::Rule => return ("<hr>".to_owned(), String::new()),
        Kind::Mention(Mention::Person(name)) => return (format!("<@{name}>"), String::new()),
        Kind::Mention(mention) => return (format!("<@!{}>", mention.name()), String::new()),
        Kind::Channel(name) => return (format!("<#{name}>"), String::new()),
        Kind::Emoji(name) => return (format!("<:{name}:>"), String::new()),
        Kind::Link { address, title: "" } => return (format!("<a {address}>"), "</a>".to_owned()),
        Kind::Link { address, title } => return (format!("<a {address} {title:?}>"), "</a>".to_owned()),
        Kind::CodeBlock { language: "" } => return ("<pre>".to_owned(), "</pre>".to_owned()),
        Kind::CodeBlock { language } => return (format!("<pre {language}>"), "</pre>".to_owned()),
        Kind::Item { number, task } => {
            let number = number.map_or_else(String::new, |number| format!(" {number}"));
            let task = task.map_or("", |is_done| if is_done { " [x]" } else { " [ ]" });
            return (format!("<li{number}{task}>"), "</li>".to_owned());
        }
        Kind::Paragraph => "p",
        Kind::Heading(1) => "h1",
        Kind::Heading(2) => "h2",
        Kind::Heading(3) => "h3",
        Kind::Heading(_) => "h4",
        Kind::Quote => "blockquote",
        Kind::List { ordered: false } => "ul",
        Kind::List { ordered: true } => "ol",
        Kind::MathBlock => "math",
        Kind::Table => "table",
        Kind::Row { header: true } => "head",
        Kind::Row { header: false } => "tr",
        Kind::Cell(Align::Start) => "td",
        Kind::Cell(Align::Center) => "td-center",
        Kind::Cell(Align::End) => "td-end",
        Kind::Strong => "strong",
        Kind::Emphasis => "em",
        Kind::Strike => "del",
        Kind::Spoiler => "spoiler",
        Kind::Code => "code",
        Kind::Math => "tex",
    };
    (format!("<{name}>"), format!("</{name}>"))
}

#[track_caller]
fn check(cases: &[(&str, &str)]) {
    for (source, expected) in cases {
        assert_eq!(html(source), *expected, "{source:?}");
    }
}
