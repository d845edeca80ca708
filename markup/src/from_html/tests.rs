//! Real clipboard contents of programs, shortened.

use super::*;

fn md(html: &str) -> String {
    from_html(html, "").unwrap_or_else(|| "-".to_owned())
}

#[test]
fn a_page_of_a_browser() {
    let html = r#"<meta charset='utf-8'><h2 style="color: rgb(0,0,0); font-weight: 600;">Sailing <b>plan</b></h2>
<p>We <strong>leave </strong>at <em>four</em>, <del>not five</del>: <code>tide --now</code>.<br>See
<a href="https://charts.example/?a=1&amp;b=2">the <b>chart</b></a> or <a href="https://tides.example/">https://tides.example/</a>.</p>
<ol start="3"><li>Engine<ul><li>oil</li><li>rope<ol><li>new</li></ol></li></ul></li><li><p>Sails</p><p>both</p></li></ol>
<blockquote><p>Who brings it?</p><p>He does.</p></blockquote>
<pre><code class="language-rust">fn main() {
    println!("&lt;b&gt;");
}
</code></pre><hr><p>end <a href="javascript:alert(1)">here</a><img src="https://spy.example/p.png" alt="a boat"></p><script>x()</script>"#;
    assert_eq!(
        md(html),
        "## Sailing plan\n\n\
We **leave** at *four*, ~~not five~~: `tide --now`.\nSee [the **chart**](https://charts.example/?a=1&b=2) or https://tides.example/.\n\n\
3. Engine\n   - oil\n   - rope\n     1. new\n4. Sails\n   both\n\n\
> Who brings it?\n>\n> He does.\n\n\
```rust\nfn main() {\n    println!(\"<b>\");\n}\n```\n\n---\n\nend here"
    );
}

#[test]
fn tasks_and_emoji_pictures() {
    let html = r#"<ul class="contains-task-list"><li><input type="checkbox" checked disabled> paint</li><li><input type=checkbox> varnish <img alt="🚢" src=x></li></ul>"#;
    assert_eq!(md(html), "- [x] paint\n- [ ] varnish 🚢");
}

#[test]
fn a_word_processor_without_lists() {
    let html = r#"<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal {margin:0}</style><xml><o:x>9</o:x></xml></head><body lang=EN-GB>
<!--StartFragment--><p class=MsoNormal><b style='mso-bidi-font-weight:normal'>Crew<o:p></o:p></b></p>
<p class=MsoListParagraphCxSpFirst style='text-indent:-18.0pt;mso-list:l0 level1 lfo1'><![if !supportLists]><span style='font-family:Symbol'><span style='mso-list:Ignore'>·<span style='font:7.0pt "Times New Roman"'>&nbsp;&nbsp;&nbsp; </span></span></span><![endif]>Ana<o:p></o:p></p>
<p class=MsoListParagraphCxSpMiddle style='mso-list:l0 level2 lfo1'><![if !supportLists]><span style='mso-list:Ignore'>o<span>&nbsp; </span></span><![endif]>at the <i>helm</i></p>
<p class=MsoListParagraphCxSpLast style='mso-list:l1 level1 lfo2'><span style='mso-list:Ignore'>1.<span>&nbsp;</span></span>Bo</p>
<p class=MsoNormal>All <span style='font-weight:700'>hands</span><span style="text-decoration:line-through"> gone</span>.</p><!--EndFragment--></body></html>"#;
    assert_eq!(md(html), "**Crew**\n\n- Ana\n   - at the *helm*\n1. Bo\n\nAll **hands** ~~gone~~.");
}

#[test]
fn a_document_of_google() {
    let html = r#"<meta charset="utf-8"><b style="font-weight:normal;" id="docs-internal-guid-1"><p dir="ltr"><span style="font-size:11pt;font-weight:400;white-space:pre-wrap;">plain </span><span style="font-weight:700;font-style:italic;">both</span></p><ul><li dir="ltr"><p><span style="font-weight:400">one</span></p></li><ul><li><p><span>two</span></p></li></ul></ul></b><br class="Apple-interchange-newline">"#;
    assert_eq!(md(html), "plain ***both***\n\n- one\n  - two");
}

#[test]
fn a_range_of_a_spreadsheet() {
    let html = r#"<google-sheets-html-origin><style>td{border:1px}</style><table><colgroup><col width="100"/></colgroup><tbody><tr><td>Boat</td><td style="font-weight:bold">Length</td></tr><tr><td>He|ron</td><td>7,2</td></tr><tr><td>**x**</td><td></td></tr></tbody></table>"#;
    assert_eq!(md(html), "| Boat | **Length** |\n| --- | --- |\n| He\\|ron | 7,2 |\n| \\*\\*x\\*\\* |  |");
    assert_eq!(md("<table><tr><td>one</td></tr></table>"), "-");
    assert_eq!(md("<table><tr><td>one<tr><td>two</table>"), "-");
    assert_eq!(
        md("<table><tr><th>a<th>b<tr><td>1<td><p>2</p><p>3</p></table>"),
        "| a | b |\n| --- | --- |\n| 1 | 2 3 |"
    );
    let wide = format!("<table><tr>{}</table>", "<td>x".repeat(COLUMNS_MAX + 1));
    assert_eq!(md(&wide), "-");
}

#[test]
fn lines_of_an_editor() {
    let line = |text: &str| format!("<div><span style=\"color: #569cd6;\">{text}</span></div>");
    let editor = |lines: &str| {
        format!(
            "<meta charset='utf-8'><div style=\"color: #ccc;font-family: Consolas, 'Courier New', monospace;white-space: pre;\">{lines}</div>"
        )
    };
    let html = editor(&(line("let a = &quot;*&quot;;") + "<br>" + &line("&#160;&#160;b();")));
    assert_eq!(from_html(&html, "typescript").unwrap(), "```typescript\nlet a = \"*\";\n\n  b();\n```");
    assert_eq!(md(&editor(&line("let a = 1;"))), "-");
    assert_eq!(md("<pre>one line</pre>"), "-");
    assert_eq!(md("<p>a</p><pre>x ``` y</pre>"), "a\n\n````\nx ``` y\n````");
}

#[test]
fn plain_words_are_left_to_the_plain_text() {
    for html in [
        "",
        "<p>a</p><p>b</p>",
        "<div>a<div>b</div></div>",
        "<span>x</span>",
        "a &lt;b&gt;",
        "<b></b>",
        "<ul></ul>",
        "<a href=\"/x\">x</a>",
        "<p style=\"display:none\"><b>x</b></p>",
    ] {
        assert_eq!(md(html), "-", "{html}");
    }
}

#[test]
fn words_stay_words() {
    assert_eq!(md("<b>x</b> 2 * 3 * 4"), "**x** 2 * 3 * 4");
    assert_eq!(md("<b>x</b> *not* _this_"), "**x** \\*not\\* \\_this\\_");
    assert_eq!(
        md("<p># no heading</p><p>- no item</p><p>1. no number</p><p><i>x</i></p>"),
        "\\# no heading\n\n\\- no item\n\n1\\. no number\n\n*x*"
    );
    // Marks that would not close are left out.
    assert_eq!(md("<p><b>&quot;quoted&quot;</b>word</p><p><i>x</i></p>"), "\"quoted\"word\n\n*x*");
    assert_eq!(md("<code>a`b</code>"), "``a`b``");
    assert_eq!(md("<b>王小明</b>来了"), "**王小明**来了");
    assert_eq!(md("<i><b>a</b> c</i> d"), "***a** c* d");
    assert_eq!(md("<b>a <i>b</i></b> <i>c</i>"), "**a *b*** *c*");
}

/// Any input takes linear time, and the result is a valid message.
#[test]
fn anything_is_read() {
    let deep = "<ul><li>".repeat(5_000) + "x";
    let quotes = "<blockquote><b>".repeat(5_000) + "x";
    for html in [
        deep.as_str(),
        &quotes,
        &"<b>".repeat(20_000),
        &"</b>".repeat(20_000),
        &"<table><tr><td>".repeat(10_000),
        &"<a href=\"".repeat(10_000),
        &"<p><![if x]>&amp;&#0;&#x110000;<pre>".repeat(1_000),
        &"<!--".repeat(20_000),
        &"<style>".repeat(20_000),
        "\u{0}<\u{0}b>\u{2028}</b>",
    ] {
        if let Some(text) = from_html(html, "") {
            assert!(crate::parse(&text).node_count() <= crate::NODES_MAX);
        }
    }
    assert_eq!(from_html(&"<b>x</b>".repeat(HTML_BYTES_MAX / 8 + 1), ""), None);
}
