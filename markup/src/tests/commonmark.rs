//! Cases of the CommonMark specification 0.31 and of GitHub's dialect, by section. Line breaks are kept, and items always
//! contain paragraphs.

use super::check;

#[test]
fn backslash_escapes() {
    check(&[
        (r#"\!\"\#\$\%\&\'\(\)\*\+"#, r##"<p>!"#$%&'()*+</p>"##),
        (r"\	\A\a\ \3\φ\«", "<p>\\\t\\A\\a\\ \\3\\φ\\«</p>"),
        (r"\*not emphasised*", "<p>*not emphasised*</p>"),
        (r"\[foo](https://a.b)", "<p>[foo](<a https://a.b>https://a.b</a>)</p>"),
        (r"\# foo", "<p># foo</p>"),
        (r"\* foo", "<p>* foo</p>"),
        (r"1\. foo", "<p>1. foo</p>"),
        (r"\> foo", "<p>> foo</p>"),
        (r"\\*emphasis*", r"<p>\<em>emphasis</em></p>"),
        (r"`` \[\` ``", r"<p><code>\[\`</code></p>"),
        ("~~~\n\\[\\]\n~~~", r"<pre>\[\]</pre>"),
    ]);
}

#[test]
fn thematic_breaks() {
    check(&[
        ("***\n---\n___", "<hr><hr><hr>"),
        ("+++", "<p>+++</p>"),
        ("--\n**\n__", "<p>--\n**\n__</p>"),
        (" ***\n  ***\n   ***", "<hr><hr><hr>"),
        ("_____________________________________", "<hr>"),
        (" - - -", "<hr>"),
        (" **  * ** * ** * **", "<hr>"),
        ("-     -      -      -    ", "<hr>"),
        ("_ _ _ _ a\n\na------\n\n---a---", "<p>_ _ _ _ a</p><p>a------</p><p>---a---</p>"),
        (" *-*", "<p> <em>-</em></p>"),
        ("- foo\n***\n- bar", "<ul><li><p>foo</p></li></ul><hr><ul><li><p>bar</p></li></ul>"),
        ("Foo\n***\nbar", "<p>Foo</p><hr><p>bar</p>"),
        ("* Foo\n* * *\n* Bar", "<ul><li><p>Foo</p></li></ul><hr><ul><li><p>Bar</p></li></ul>"),
        ("- Foo\n- * * *", "<ul><li><p>Foo</p></li><li><hr></li></ul>"),
    ]);
}

#[test]
fn atx_headings() {
    check(&[
        ("# foo\n## foo\n### foo", "<h1>foo</h1><h2>foo</h2><h3>foo</h3>"),
        ("####### foo", "<p>####### foo</p>"),
        ("#5 bolt", "<p><#5> bolt</p>"),
        ("# foo *bar* \\*baz\\*", "<h1>foo <em>bar</em> *baz*</h1>"),
        ("#                  foo                     ", "<h1>foo</h1>"),
        (" ### foo\n  ## foo\n   # foo", "<h3>foo</h3><h2>foo</h2><h1>foo</h1>"),
        ("## foo ##\n  ###   bar    ###", "<h2>foo</h2><h3>bar</h3>"),
        ("# foo ##################################", "<h1>foo</h1>"),
        ("### foo ### b", "<h3>foo ### b</h3>"),
        ("# foo#", "<h1>foo#</h1>"),
        ("Foo bar\n# baz\nBar foo", "<p>Foo bar</p><h1>baz</h1><p>Bar foo</p>"),
    ]);
}

#[test]
fn fenced_code_blocks() {
    check(&[
        ("```\n<\n >\n```", "<pre><\n ></pre>"),
        ("~~~\n<\n >\n~~~", "<pre><\n ></pre>"),
        ("``\nfoo\n``", "<p><code>\nfoo\n</code></p>"),
        ("```\naaa\n~~~\n```", "<pre>aaa\n~~~</pre>"),
        ("~~~\naaa\n```\n~~~", "<pre>aaa\n```</pre>"),
        ("````\naaa\n```\n``````", "<pre>aaa\n```</pre>"),
        ("~~~~\naaa\n~~~\n~~~~", "<pre>aaa\n~~~</pre>"),
        ("```\n\n  \n```", "<pre>\n  </pre>"),
        ("```\naaa", "<pre>aaa</pre>"),
        ("> ```\n> aaa\n\nbbb", "<blockquote><pre>aaa</pre></blockquote><p>bbb</p>"),
        (" ```\n aaa\naaa\n```", "<pre>aaa\naaa</pre>"),
        ("  ```\naaa\n  aaa\naaa\n  ```", "<pre>aaa\naaa\naaa</pre>"),
        ("   ```\n   aaa\n    aaa\n  aaa\n   ```", "<pre>aaa\n aaa\naaa</pre>"),
        ("``` ```\naaa", "<p><code> </code>\naaa</p>"),
        ("foo\n```\nbar\n```\nbaz", "<p>foo</p><pre>bar</pre><p>baz</p>"),
        ("```ruby\ndef foo(x)\n  return 3\nend\n```", "<pre ruby>def foo(x)\n  return 3\nend</pre>"),
        ("````;\nfoo\n````", "<pre ;>foo</pre>"),
        ("``` aa ```\nfoo", "<p><code>aa</code>\nfoo</p>"),
        ("~~~ aa\nfoo\n~~~", "<pre aa>foo</pre>"),
    ]);
}

#[test]
fn block_quotes() {
    check(&[
        ("> # Foo\n> bar\n> baz", "<blockquote><h1>Foo</h1><p>bar\nbaz</p></blockquote>"),
        ("># Foo\n>bar\n> baz", "<blockquote><h1>Foo</h1><p>bar\nbaz</p></blockquote>"),
        ("   > # Foo\n   > bar\n > baz", "<blockquote><h1>Foo</h1><p>bar\nbaz</p></blockquote>"),
        (
            "> - foo\n- bar",
            "<blockquote><ul><li><p>foo</p></li></ul></blockquote><ul><li><p>bar</p></li></ul>",
        ),
        (">\n> foo\n>", "<blockquote><p>foo</p></blockquote>"),
        ("> foo\n\n> bar", "<blockquote><p>foo</p></blockquote><blockquote><p>bar</p></blockquote>"),
        ("> foo\n>\n> bar", "<blockquote><p>foo</p><p>bar</p></blockquote>"),
        ("foo\n> bar", "<p>foo</p><blockquote><p>bar</p></blockquote>"),
        ("> aaa\n***\n> bbb", "<blockquote><p>aaa</p></blockquote><hr><blockquote><p>bbb</p></blockquote>"),
        (
            "> > > foo\n> bar",
            "<blockquote><blockquote><blockquote><p>foo</p></blockquote></blockquote><p>bar</p></blockquote>",
        ),
        (">>> foo", "<blockquote><blockquote><blockquote><p>foo</p></blockquote></blockquote></blockquote>"),
    ]);
}

#[test]
fn list_items_and_lists() {
    check(&[
        (
            "1.  A paragraph\n    with two lines.\n\n    > A quote.",
            "<ol><li 1><p>A paragraph\nwith two lines.</p><blockquote><p>A quote.</p></blockquote></li></ol>",
        ),
        ("- one\n\n two", "<ul><li><p>one</p></li></ul><p> two</p>"),
        ("- one\n\n  two", "<ul><li><p>one</p><p>two</p></li></ul>"),
        ("-one\n\n2.two", "<p>-one</p><p>2.two</p>"),
        ("- foo\n\n\n  bar", "<ul><li><p>foo</p><p>bar</p></li></ul>"),
        (
            "1.  foo\n\n    ```\n    bar\n    ```\n\n    baz",
            "<ol><li 1><p>foo</p><pre>bar</pre><p>baz</p></li></ol>",
        ),
        ("123456789. ok", "<ol><li 123456789><p>ok</p></li></ol>"),
        ("1234567890. not ok", "<p>1234567890. not ok</p>"),
        ("0. ok", "<ol><li 0><p>ok</p></li></ol>"),
        ("-1. not ok", "<p>-1. not ok</p>"),
        ("- foo\n-\n- bar", "<ul><li><p>foo</p></li><li></li><li><p>bar</p></li></ul>"),
        ("foo\n*\n\nfoo\n1.", "<p>foo\n*</p><p>foo\n1.</p>"),
        (
            "- foo\n  - bar\n    - baz\n      - boo",
            "<ul><li><p>foo</p><ul><li><p>bar</p><ul><li><p>baz</p><ul><li><p>boo</p></li></ul></li></ul></li></ul></li></ul>",
        ),
        ("10) foo\n    - bar", "<ol><li 10><p>foo</p><ul><li><p>bar</p></li></ul></li></ol>"),
        ("- - foo", "<ul><li><ul><li><p>foo</p></li></ul></li></ul>"),
        ("1. - 2. foo", "<ol><li 1><ul><li><ol><li 2><p>foo</p></li></ol></li></ul></li></ol>"),
        ("- # Foo", "<ul><li><h1>Foo</h1></li></ul>"),
        (
            "- foo\n- bar\n+ baz",
            "<ul><li><p>foo</p></li><li><p>bar</p></li></ul><ul><li><p>baz</p></li></ul>",
        ),
        (
            "1. foo\n2. bar\n3) baz",
            "<ol><li 1><p>foo</p></li><li 2><p>bar</p></li></ol><ol><li 3><p>baz</p></li></ol>",
        ),
        ("Foo\n- bar\n- baz", "<p>Foo</p><ul><li><p>bar</p></li><li><p>baz</p></li></ul>"),
        ("The windows\n14.  The doors", "<p>The windows\n14.  The doors</p>"),
        ("The windows\n1.  The doors", "<p>The windows</p><ol><li 1><p>The doors</p></li></ol>"),
        ("- foo\n\n- bar\n\n\n- baz", "<ul><li><p>foo</p></li><li><p>bar</p></li><li><p>baz</p></li></ul>"),
        (
            "- a\n - b\n  - c\n   - d\n  - e\n - f\n- g",
            "<ul><li><p>a</p></li><li><p>b</p></li><li><p>c</p></li><li><p>d</p></li><li><p>e</p></li><li><p>f</p></li><li><p>g</p></li></ul>",
        ),
        (
            "- a\n  > b\n  ```\n  c\n  ```\n- d",
            "<ul><li><p>a</p><blockquote><p>b</p></blockquote><pre>c</pre></li><li><p>d</p></li></ul>",
        ),
        ("- `one\n- two`", "<ul><li><p>`one</p></li><li><p>two`</p></li></ul>"),
    ]);
}

#[test]
fn task_list_items() {
    check(&[
        ("- [ ] foo\n- [x] bar", "<ul><li [ ]><p>foo</p></li><li [x]><p>bar</p></li></ul>"),
        (
            "- [x] foo\n  - [ ] bar\n  - [X] baz\n- [ ] bim",
            "<ul><li [x]><p>foo</p><ul><li [ ]><p>bar</p></li><li [x]><p>baz</p></li></ul></li><li [ ]><p>bim</p></li></ul>",
        ),
        ("1. [x] one", "<ol><li 1 [x]><p>one</p></li></ol>"),
        (
            "- [y] no\n- [x]no\n- [ ]",
            "<ul><li><p>[y] no</p></li><li><p>[x]no</p></li><li><p>[ ]</p></li></ul>",
        ),
        ("[x] no", "<p>[x] no</p>"),
    ]);
}

#[test]
fn tables() {
    check(&[
        (
            "| foo | bar |\n| --- | --- |\n| baz | bim |",
            "<table><head><td>foo</td><td>bar</td></head><tr><td>baz</td><td>bim</td></tr></table>",
        ),
        (
            "| abc | defghi |\n:-: | -----------:\nbar | baz",
            "<table><head><td-center>abc</td-center><td-end>defghi</td-end></head><tr><td-center>bar</td-center><td-end>baz</td-end></tr></table>",
        ),
        (
            "| f\\|oo  |\n| ------ |\n| b **\\|** im |",
            "<table><head><td>f|oo</td></head><tr><td>b <strong>|</strong> im</td></tr></table>",
        ),
        (
            "| abc | def |\n| --- | --- |\n| bar | baz |\n> bar",
            "<table><head><td>abc</td><td>def</td></head><tr><td>bar</td><td>baz</td></tr></table><blockquote><p>bar</p></blockquote>",
        ),
        (
            "| abc | def |\n| --- | --- |\n| bar |\n\nbar",
            "<table><head><td>abc</td><td>def</td></head><tr><td>bar</td></tr></table><p>bar</p>",
        ),
        ("| abc | def |\n| --- |\n| bar |", "<p>| abc | def |\n| --- |\n| bar |</p>"),
        ("a | b\n- | -", "<p>a | b</p><ul><li><p>| -</p></li></ul>"),
        ("words\na | b\n--|--", "<p>words</p><table><head><td>a</td><td>b</td></head></table>"),
    ]);
}

#[test]
fn code_spans() {
    check(&[
        ("`foo`", "<p><code>foo</code></p>"),
        ("`` foo ` bar ``", "<p><code>foo ` bar</code></p>"),
        ("` `` `", "<p><code>``</code></p>"),
        ("`  ``  `", "<p><code> `` </code></p>"),
        ("` a`", "<p><code> a</code></p>"),
        ("`foo   bar`", "<p><code>foo   bar</code></p>"),
        (r"`foo\`bar`", r"<p><code>foo\</code>bar`</p>"),
        ("``foo`bar``", "<p><code>foo`bar</code></p>"),
        ("` foo `` bar `", "<p><code>foo `` bar</code></p>"),
        ("*foo`*`", "<p>*foo<code>*</code></p>"),
        ("[not a `link](/foo`)", "<p>[not a <code>link](/foo</code>)</p>"),
        ("`<https://foo.bar.`baz>`", "<p><code><https://foo.bar.</code>baz>`</p>"),
        ("```foo``", "<p>```foo``</p>"),
        ("`foo", "<p>`foo</p>"),
        ("`foo``bar``", "<p>`foo<code>bar</code></p>"),
    ]);
}

#[test]
fn emphasis() {
    check(&[
        ("*foo bar*", "<p><em>foo bar</em></p>"),
        ("a * foo bar*", "<p>a * foo bar*</p>"),
        ("a*\"foo\"*", "<p>a*\"foo\"*</p>"),
        ("*\u{A0}a\u{A0}*", "<p>*\u{A0}a\u{A0}*</p>"),
        ("*$*alpha.\n\n*£*bravo.\n\n*€*charlie.", "<p>*$*alpha.</p><p>*£*bravo.</p><p>*€*charlie.</p>"),
        ("foo*bar*", "<p>foo<em>bar</em></p>"),
        ("5*6*78", "<p>5<em>6</em>78</p>"),
        ("_foo bar_", "<p><em>foo bar</em></p>"),
        ("_ foo bar_", "<p>_ foo bar_</p>"),
        ("a_\"foo\"_", "<p>a_\"foo\"_</p>"),
        ("foo_bar_", "<p>foo_bar_</p>"),
        ("5_6_78", "<p>5_6_78</p>"),
        ("пристаням_стремятся_", "<p>пристаням_стремятся_</p>"),
        ("aa_\"bb\"_cc", "<p>aa_\"bb\"_cc</p>"),
        ("foo-_(bar)_", "<p>foo-<em>(bar)</em></p>"),
        ("_foo*", "<p>_foo*</p>"),
        ("*foo bar *", "<p>*foo bar *</p>"),
        ("*foo bar\n*", "<p>*foo bar\n*</p>"),
        ("*(*foo)", "<p>*(*foo)</p>"),
        ("*(*foo*)*", "<p><em>(<em>foo</em>)</em></p>"),
        ("*foo*bar", "<p><em>foo</em>bar</p>"),
        ("_foo_bar_baz_", "<p><em>foo_bar_baz</em></p>"),
        ("_(bar)_.", "<p><em>(bar)</em>.</p>"),
    ]);
}

#[test]
fn strong_emphasis() {
    check(&[
        ("**foo bar**", "<p><strong>foo bar</strong></p>"),
        ("** foo bar**", "<p>** foo bar**</p>"),
        ("a**\"foo\"**", "<p>a**\"foo\"**</p>"),
        ("foo**bar**", "<p>foo<strong>bar</strong></p>"),
        ("__foo bar__", "<p><strong>foo bar</strong></p>"),
        ("__\nfoo bar__", "<p>__\nfoo bar__</p>"),
        ("5__6__78", "<p>5__6__78</p>"),
        ("__foo, __bar__, baz__", "<p><strong>foo, <strong>bar</strong>, baz</strong></p>"),
        ("foo-__(bar)__", "<p>foo-<strong>(bar)</strong></p>"),
        ("**foo bar **", "<p>**foo bar **</p>"),
        ("**(**foo)", "<p>**(**foo)</p>"),
        ("*(**foo**)*", "<p><em>(<strong>foo</strong>)</em></p>"),
        ("**foo \"*bar*\" foo**", "<p><strong>foo \"<em>bar</em>\" foo</strong></p>"),
        ("__foo__bar__baz__", "<p><strong>foo__bar__baz</strong></p>"),
    ]);
}

#[test]
fn emphasis_in_emphasis() {
    check(&[
        ("*foo\nbar*", "<p><em>foo\nbar</em></p>"),
        ("_foo __bar__ baz_", "<p><em>foo <strong>bar</strong> baz</em></p>"),
        ("__foo_ bar_", "<p><em><em>foo</em> bar</em></p>"),
        ("*foo**bar**baz*", "<p><em>foo<strong>bar</strong>baz</em></p>"),
        ("*foo**bar*", "<p><em>foo**bar</em></p>"),
        ("***foo** bar*", "<p><em><strong>foo</strong> bar</em></p>"),
        ("*foo **bar***", "<p><em>foo <strong>bar</strong></em></p>"),
        ("foo***bar***baz", "<p>foo<em><strong>bar</strong></em>baz</p>"),
        (
            "foo******bar*********baz",
            "<p>foo<strong><strong><strong>bar</strong></strong></strong>***baz</p>",
        ),
        ("*foo **bar *baz* bim** bop*", "<p><em>foo <strong>bar <em>baz</em> bim</strong> bop</em></p>"),
        ("** is not an empty emphasis", "<p>** is not an empty emphasis</p>"),
        ("**foo*bar**baz*", "<p><strong>foo*bar</strong>baz*</p>"),
        ("foo ***", "<p>foo ***</p>"),
        (r"foo *\**", "<p>foo <em>*</em></p>"),
        ("foo *_*", "<p>foo <em>_</em></p>"),
        ("**foo*", "<p>*<em>foo</em></p>"),
        ("***foo**", "<p>*<strong>foo</strong></p>"),
        ("*foo****", "<p><em>foo</em>***</p>"),
        ("**foo**\n*_foo_*", "<p><strong>foo</strong>\n<em><em>foo</em></em></p>"),
        ("***foo***", "<p><em><strong>foo</strong></em></p>"),
        ("_____foo_____", "<p><em><strong><strong>foo</strong></strong></em></p>"),
        ("*foo _bar* baz_", "<p><em>foo _bar</em> baz_</p>"),
        ("*foo __bar *baz bim__ bam*", "<p><em>foo <strong>bar *baz bim</strong> bam</em></p>"),
        ("**foo **bar baz**", "<p>**foo <strong>bar baz</strong></p>"),
        ("*foo *bar baz*", "<p>*foo <em>bar baz</em></p>"),
        ("*a `*`*", "<p><em>a <code>*</code></em></p>"),
        ("**a<https://foo.bar/?q=**>", "<p>**a<a https://foo.bar/?q=**>https://foo.bar/?q=**</a></p>"),
    ]);
}

#[test]
fn links() {
    check(&[
        (r#"[link](https://a.b "title")"#, r#"<p><a https://a.b "title">link</a></p>"#),
        (r"[link](https://a.b 'title')", r#"<p><a https://a.b "title">link</a></p>"#),
        ("[link](<https://a.b>)", "<p><a https://a.b>link</a></p>"),
        ("[link]()", "<p>[link]()</p>"),
        ("[link](https://a.b/(c(d)e))", "<p><a https://a.b/(c(d)e)>link</a></p>"),
        ("[link](https://a.b/c(d)", "<p>[link](<a https://a.b/c(d)>https://a.b/c(d)</a></p>"),
        ("[link] (https://a.b)", "<p>[link] (<a https://a.b>https://a.b</a>)</p>"),
        ("[link](   https://a.b\t\"t\"  )", "<p><a https://a.b \"t\">link</a></p>"),
        ("[link [foo [bar]]](https://a.b)", "<p><a https://a.b>link [foo [bar]]</a></p>"),
        ("[link [bar](https://a.b)", "<p>[link <a https://a.b>bar</a></p>"),
        (
            "[link *foo **bar** `#`*](https://a.b)",
            "<p><a https://a.b>link <em>foo <strong>bar</strong> <code>#</code></em></a></p>",
        ),
        (
            "[foo [bar](https://a.b)](https://c.d)",
            "<p>[foo <a https://a.b>bar</a>](<a https://c.d>https://c.d</a>)</p>",
        ),
        ("*[foo*](https://a.b)", "<p>*<a https://a.b>foo*</a></p>"),
        ("[foo *bar](https://a.b)*", "<p><a https://a.b>foo *bar</a>*</p>"),
        ("*foo [bar* baz]", "<p><em>foo [bar</em> baz]</p>"),
        ("[foo`](https://a.b)`", "<p>[foo<code>](https://a.b)</code></p>"),
        ("[a\nb](https://a.b)", "<p><a https://a.b>a\nb</a></p>"),
    ]);
}

#[test]
fn autolinks() {
    check(&[
        (
            "<https://foo.bar.baz/test?q=hello&id=22>",
            "<p><a https://foo.bar.baz/test?q=hello&id=22>https://foo.bar.baz/test?q=hello&id=22</a></p>",
        ),
        ("<MAILTO:FOO@BAR.BAZ>", "<p><a MAILTO:FOO@BAR.BAZ>MAILTO:FOO@BAR.BAZ</a></p>"),
        ("<https://foo.bar/baz bim>", "<p><<a https://foo.bar/baz>https://foo.bar/baz</a> bim></p>"),
        ("<>", "<p><></p>"),
        ("<m:abc> <foo.bar.baz>", "<p><m:abc> <foo.bar.baz></p>"),
    ]);
}

#[test]
fn html_is_text() {
    for text in [
        "<b>bold</b>",
        "<script>alert(1)</script>",
        "a <!-- b --> c",
        "&amp; &lt; &#35; &nbsp;",
        "<div>\n</div>",
    ] {
        check(&[(text, &format!("<p>{text}</p>"))]);
    }
}
