//! Differences from CommonMark, and unsupported syntax.

use super::{check, html};
use crate::{Mention, SPOILER_MARK, Spoilers, parse};

#[test]
fn lines_and_their_indents_stay() {
    check(&[
        ("one\ntwo\n\nthree", "<p>one\ntwo</p><p>three</p>"),
        ("def f():\n    return 1", "<p>def f():\n    return 1</p>"),
        ("    # a comment\n    > a shell", "<p>    # a comment\n    > a shell</p>"),
        ("one\r\ntwo\r\n\r\nthree", "<p>one\ntwo</p><p>three</p>"),
        ("Title\n---\nmore", "<p>Title</p><hr><p>more</p>"),
        ("", ""),
        (" \n\t\n", ""),
    ]);
}

#[test]
fn a_quote_or_a_list_ends_at_a_line_without_its_mark() {
    check(&[
        ("> asked\nanswered", "<blockquote><p>asked</p></blockquote><p>answered</p>"),
        ("- milk\n- eggs\nWho goes?", "<ul><li><p>milk</p></li><li><p>eggs</p></li></ul><p>Who goes?</p>"),
        ("> - a\n>   b\n> c", "<blockquote><ul><li><p>a\nb</p></li></ul><p>c</p></blockquote>"),
    ]);
}

#[test]
fn lists_nest_by_two_columns() {
    check(&[
        ("1. a\n  - b\n2. c", "<ol><li 1><p>a</p><ul><li><p>b</p></li></ul></li><li 2><p>c</p></li></ol>"),
        (
            "- a\n\t- b\n\t\t- c",
            "<ul><li><p>a</p><ul><li><p>b</p><ul><li><p>c</p></li></ul></li></ul></li></ul>",
        ),
        ("- a\n        - b", "<ul><li><p>a</p><ul><li><p>b</p></li></ul></li></ul>"),
        ("> - a\n>   - b", "<blockquote><ul><li><p>a</p><ul><li><p>b</p></li></ul></li></ul></blockquote>"),
    ]);
}

#[test]
fn items_show_the_number_that_was_typed() {
    check(&[
        ("3. c\n2. b\n1. a", "<ol><li 3><p>c</p></li><li 2><p>b</p></li><li 1><p>a</p></li></ol>"),
        ("1. a\n1. b\n1. c", "<ol><li 1><p>a</p></li><li 2><p>b</p></li><li 3><p>c</p></li></ol>"),
        ("2026. Was a year", "<ol><li 2026><p>Was a year</p></li></ol>"),
    ]);
}

#[test]
fn lonely_signs_are_words() {
    for text in [
        "-",
        "+",
        "*",
        "1.",
        "#",
        "##",
        "+1",
        "-5 °C",
        "||",
        "~~",
        "**",
        "$$",
        "5 * 3 * 2",
        "a || b || c",
        "it costs $$",
        "@",
        "[]",
        "![]",
        "<",
        "\\",
    ] {
        check(&[(text, &format!("<p>{text}</p>"))]);
    }
}

#[test]
fn nothing_but_marks_is_words() {
    for text in [">", "> >", "```", "```\n```", "> ~~~"] {
        check(&[(text, &format!("<p>{text}</p>"))]);
        assert_eq!(parse(text).plain_text(Spoilers::Hidden), text);
    }
    check(&[("---", "<hr>"), ("`` ` ``", "<p><code>`</code></p>")]);
}

#[test]
fn code_as_people_type_it() {
    check(&[
        ("look: ```\nlet x;\n```\nnice", "<p>look:</p><pre>let x;</pre><p>nice</p>"),
        ("look: ```rust\nlet x;\n```", "<p>look:</p><pre rust>let x;</pre>"),
        ("```let x;\nlet y;```", "<pre>let x;\nlet y;</pre>"),
        ("```\na\nb```\nc", "<pre>a\nb</pre><p>c</p>"),
        (
            "```rust\n/// ```\n/// x();\n/// ```\nfn x() {}\n```",
            "<pre rust>/// ```\n/// x();\n/// ```\nfn x() {}</pre>",
        ),
        ("a ```b\nc``` d", "<p>a <code>b\nc</code> d</p>"),
        ("use ``` for code", "<p>use ``` for code</p>"),
        ("use ```", "<p>use ```</p>"),
        ("    ```\n    a\n    ```", "<pre>    a</pre>"),
        ("> ```\n> a\n>   b\n> ```", "<blockquote><pre>a\n  b</pre></blockquote>"),
        ("```a `b` c```", "<p><code>a `b` c</code></p>"),
    ]);
}

#[test]
fn strikes_and_spoilers() {
    check(&[
        ("~~gone~~ ||hidden|| ~5 ~a~", "<p><del>gone</del> <spoiler>hidden</spoiler> ~5 ~a~</p>"),
        ("||**a** ~~b~~\nc||", "<p><spoiler><strong>a</strong> <del>b</del>\nc</spoiler></p>"),
        ("||a||b||c||", "<p><spoiler>a</spoiler>b<spoiler>c</spoiler></p>"),
        ("|||a||| ||||", "<p>|||a||| ||||</p>"),
        (
            "||https://a.b/c|| `||d||`",
            "<p><spoiler><a https://a.b/c>https://a.b/c</a></spoiler> <code>||d||</code></p>",
        ),
        ("~~**a~~**", "<p><del>**a</del>**</p>"),
    ]);
}

#[test]
fn chinese_needs_no_spaces() {
    check(&[
        ("**你好**，世界", "<p><strong>你好</strong>，世界</p>"),
        ("这是**重点。**下文", "<p>这是<strong>重点。</strong>下文</p>"),
        ("这是**“重点”**吗", "<p>这是<strong>“重点”</strong>吗</p>"),
        ("他说**《书》**很好", "<p>他说<strong>《书》</strong>很好</p>"),
        ("**注意：**请看*这里*。", "<p><strong>注意：</strong>请看<em>这里</em>。</p>"),
        (
            "（**重点**）~~删除。~~好||秘密！||了",
            "<p>（<strong>重点</strong>）<del>删除。</del>好<spoiler>秘密！</spoiler>了</p>",
        ),
        ("これは**強調（テスト）**です。", "<p>これは<strong>強調（テスト）</strong>です。</p>"),
        ("이것은 **강조(테스트)**입니다", "<p>이것은 <strong>강조(테스트)</strong>입니다</p>"),
        (
            "**该星号不会被识别，而是直接显示。**这是因为它没有",
            "<p><strong>该星号不会被识别，而是直接显示。</strong>这是因为它没有</p>",
        ),
        ("报告_最终_v2.docx", "<p>报告_最终_v2.docx</p>"),
        ("，_重点_。", "<p>，<em>重点</em>。</p>"),
        ("**👍**ok", "<p><strong>👍</strong>ok</p>"),
        ("你好@ana，请看#设计。:tada:好", "<p>你好<@ana>，请看<#设计>。<:tada:>好</p>"),
    ]);
}

fn links(text: &str) -> Vec<&str> {
    let document = parse(text);
    let links = document.nodes.iter().filter_map(|entry| match entry.kind {
        crate::Kind::Link { address, .. } => Some(address),
        _ => None,
    });
    links.collect()
}

#[test]
fn an_address_ends_where_the_sentence_does() {
    for (text, expected) in [
        (
            "see https://a.example/x?y=1&z=(2), or (http://b.example).",
            &["https://a.example/x?y=1&z=(2)", "http://b.example"][..],
        ),
        ("请看https://a.example/路径。谢谢", &["https://a.example/路径"]),
        ("(see https://en.example/wiki/Roost_(bird))", &["https://en.example/wiki/Roost_(bird)"]),
        ("（见https://a.example）(https://b.example)然后", &["https://a.example", "https://b.example"]),
        ("**https://a.example** _https://b.example_", &["https://a.example", "https://b.example"]),
        ("https://a.example/a_b_c*d*", &["https://a.example/a_b_c*d"]),
        ("http://[::1]:3000/x]", &["http://[::1]:3000/x"]),
        ("write mailto:ana@a.example.", &["mailto:ana@a.example"]),
        ("\"https://a.example\" 'https://b.example'", &["https://a.example", "https://b.example"]),
    ] {
        assert_eq!(links(text), expected, "{text}");
    }
}

#[test]
fn an_address_is_what_one_sees() {
    assert_eq!(links("https://legit.example/files\u{202E}4pm.asia"), ["https://legit.example/files"]);
    assert_eq!(links("https://a.example/x\u{200B} y"), ["https://a.example/x"]);
    assert_eq!(links("Https://a.example HTTP://B.example"), ["Https://a.example", "HTTP://B.example"]);
    assert_eq!(
        links("[x](https://a.example/\u{202E}y) [](https://b.example)"),
        ["https://a.example/", "https://b.example"]
    );
}

#[test]
fn other_schemes_are_words() {
    for text in [
        "javascript:alert(1)",
        "xhttps://a.example",
        "http://",
        "https:// a",
        "data:text/html,http",
        "httphttp",
        "mailto:",
        "mailto:ana",
        "[a](javascript:alert(1))",
        "[a](data:text/html,x)",
        "[a](/r/1)",
        "[a](//b.c)",
        "[a](vbscript:x)",
        "[a](java\nscript:x)",
        "<javascript:x>",
        "[a](\u{1}javascript:x)",
        "[a][b]",
        "[a](ftp://b.c)",
        "ftp://b.c",
        "www.b.c",
    ] {
        assert_eq!(links(text), Vec::<&str>::new(), "{text}");
    }
}

#[test]
fn an_image_is_a_link_to_it() {
    check(&[("![a cat](https://a.b/c.png)", "<p><a https://a.b/c.png>a cat</a></p>")]);
}

#[test]
fn a_link_is_one_thing_to_click_on() {
    check(&[
        ("[https://a.b](https://c.d)", "<p><a https://c.d>https://a.b</a></p>"),
        ("[@ana #x :tada:](https://c.d)", "<p><a https://c.d>@ana #x <:tada:></a></p>"),
    ]);
}

#[test]
fn names() {
    check(&[
        ("@ana, @Bo-2. (@c_d) **@eve**", "<p><@ana>, <@Bo-2>. (<@c_d>) <strong><@eve></strong></p>"),
        ("@here @Everyone", "<p><@!here> <@!everyone></p>"),
        (
            "ana@b.example a.b@c.d @a @ana@b.example @scope/pkg @andré",
            "<p>ana@b.example a.b@c.d @a @ana@b.example @scope/pkg @andré</p>",
        ),
        ("@ana's _@ana_ 👍@ana cc:@ana", "<p><@ana>'s <em><@ana></em> 👍<@ana> cc:<@ana></p>"),
        ("#general #设计 #a-b_c. C#x &#39; ##x", "<p><#general> <#设计> <#a-b_c>. C#x &#39; ##x</p>"),
        (
            ":tada: :+1::heart: 12:30:45 std::mem::swap ::x: a:b:c",
            "<p><:tada:> <:+1:><:heart:> 12:30:45 std::mem::swap ::x: a:b:c</p>",
        ),
        ("`@ana #x :y:`\n```\n@bo\n```", "<p><code>@ana #x :y:</code></p><pre>@bo</pre>"),
        (r"\@ana \#x \:y:", "<p>@ana #x :y:</p>"),
        ("@abcdefghijklmnopqrstuvwxyz0123456", "<p>@abcdefghijklmnopqrstuvwxyz0123456</p>"),
    ]);
    let document = parse("@ana `@code` and > @bo\n- @here, @ana");
    let mentions: Vec<_> = document.mentions().collect();
    assert_eq!(
        mentions,
        [Mention::Person("ana"), Mention::Person("bo"), Mention::Here, Mention::Person("ana")]
    );
}

#[test]
fn formulas() {
    check(&[
        ("so $$x_1 * y_1 * z$$ is", "<p>so <tex>x_1 * y_1 * z</tex> is</p>"),
        ("$$\na\n+ b\n\n= c\n$$\nthen", "<math>a\n+ b\n= c</math><p>then</p>"),
        ("Euler:\n$$e^{i\\pi} = -1$$\nthen", "<p>Euler:</p><math>e^{i\\pi} = -1</math><p>then</p>"),
        ("$$a$$ and $$b$$", "<p><tex>a</tex> and <tex>b</tex></p>"),
        ("$5 and $6, $$ $$ $$$a$$$", "<p>$5 and $6, $$ $$ $$$a$$$</p>"),
        ("$$ a lot\n- b", "<p>$$ a lot</p><ul><li><p>b</p></li></ul>"),
        ("> $$\n> a\n> $$", "<blockquote><math>a</math></blockquote>"),
        ("> $$\n> - a\n\n$$", "<blockquote><p>$$\n- a</p></blockquote><p>$$</p>"),
    ]);
}

#[test]
fn all_cells_are_kept() {
    check(&[(
        "a|b\n-|-\n1|2|3\n4\n",
        "<table><head><td>a</td><td>b</td></head><tr><td>1</td><td>2</td><td>3</td></tr></table><p>4</p>",
    )]);
}

#[test]
fn words_alone() {
    let plain = |text| parse(text).plain_text(Spoilers::Shown);
    assert_eq!(
        plain("# A *b*\n> c\n> - d\n>   1. e\n\n`f`\n```\ng\n\n h\n```\n---"),
        "A b\nc\n- d\n1. e\nf\ng\n\n h\n---"
    );
    assert_eq!(plain("- [x] a\n- [ ] b\n10. c"), "- [x] a\n- [ ] b\n10. c");
    assert_eq!(plain("- - a"), "- - a");
    assert_eq!(plain("a|b\n-|-\n|c"), "a\tb\nc");
    assert_eq!(plain("[a](https://b.c \"d\") @e #f :g: @here $$h$$ ||i||"), "a @e #f :g: @here h i");
    assert_eq!(plain("one\ntwo\n\nthree"), "one\ntwo\nthree");
    let hidden = parse("who: ||Bo **did** @bo|| ok").plain_text(Spoilers::Hidden);
    assert_eq!(hidden, format!("who: {SPOILER_MARK} ok"));
}

#[test]
fn beyond_a_bound_everything_is_text() {
    let quotes = html(&"> ".repeat(30));
    assert_eq!(quotes.matches("<blockquote>").count(), 11, "{quotes}");
    let source = "`a` **b**\n".repeat(600);
    let text = parse(&source).plain_text(Spoilers::Shown);
    assert!(text.ends_with("`a` **b**\n`a` **b**\n") && text.starts_with("a b\na b\n"));
    assert_eq!(text.matches(['a', 'b']).count(), 1_200);
}

#[test]
fn links_are_listed_except_in_code_and_behind_spoilers() {
    let source = "https://a.example/1, [two](https://b.example) `https://code.example` ||https://secret.example [x](http://y.example)|| \
                  **https://c.example/3.**\n```\nhttps://fenced.example\n```\n> mailto:ana@d.example";
    let document = parse(source);
    let links: Vec<_> = document.open_links().collect();
    assert_eq!(
        links,
        ["https://a.example/1", "https://b.example", "https://c.example/3", "mailto:ana@d.example"]
    );
}
