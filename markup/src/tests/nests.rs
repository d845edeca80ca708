//! Sources that are slow for parsers that search for an end repeatedly.

/// The sources, each with a name and about this many bytes long.
pub(crate) fn nests(bytes: usize) -> Vec<(&'static str, String)> {
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
