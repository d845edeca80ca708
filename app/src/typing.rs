//! Text editing in the composer: marks around the selection, list continuation.
//!
//! Pure functions. Positions are in bytes, on character boundaries. [`crate::browser::replace`]
//! applies a change so that it can be undone.

use std::ops::Range;

/// Replaces a part of the text, and selects part of the new text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// The range to replace.
    pub(crate) range: Range<usize>,
    /// The new text.
    pub(crate) with: String,
    /// The selection afterwards, relative to the start of the range.
    pub(crate) select: Range<usize>,
}

impl Replacement {
    fn new(range: Range<usize>, with: String, select: Range<usize>) -> Self {
        Self { range, with, select }
    }
}

/// A style that the composer's toolbar and shortcuts apply to the selection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Bold.
    Strong,
    /// Italic.
    Emphasis,
    /// Struck through.
    Strike,
    /// Inline code; a code block if the selection has several lines.
    Code,
    /// A code block.
    CodeBlock,
    /// A quote.
    Quote,
    /// A list.
    List,
    /// A list with numbers.
    Numbered,
    /// A link.
    Link,
    /// Text that is hidden until it is revealed.
    Spoiler,
}

/// Applies a style to the selection, or removes it.
pub(crate) fn styled(text: &str, selected: Range<usize>, style: Style) -> Replacement {
    match style {
        Style::Strong => toggle(text, selected, "**"),
        Style::Emphasis => toggle(text, selected, "*"),
        Style::Strike => toggle(text, selected, "~~"),
        Style::Spoiler => toggle(text, selected, "||"),
        Style::Code => code(text, selected, false),
        Style::CodeBlock => code(text, selected, true),
        Style::Quote | Style::List | Style::Numbered => lines(text, selected, style),
        Style::Link => link_of(text, selected),
    }
}

/// Puts a mark on both sides of the selection, or removes it.
fn toggle(text: &str, selected: Range<usize>, mark: &str) -> Replacement {
    let selected = trimmed(text, selected);
    let inside = cut(text, selected.clone());
    let len = mark.len();
    // A single star is not half of a double one.
    let is_whole = |rest: &str| !(mark == "*" && rest.ends_with('*') && !rest.ends_with("**"));
    let before = cut(text, 0..selected.start);
    if let Some(rest) = before.strip_suffix(mark)
        && is_whole(rest)
        && cut(text, selected.end..text.len()).starts_with(mark)
    {
        let range = selected.start - len..selected.end + len;
        return Replacement::new(range, inside.to_owned(), 0..inside.len());
    }
    if let Some(bare) = inside.strip_prefix(mark).and_then(|rest| rest.strip_suffix(mark))
        && is_whole(bare)
    {
        return Replacement::new(selected, bare.to_owned(), 0..bare.len());
    }
    let select = len..len + inside.len();
    Replacement::new(selected, [mark, inside, mark].concat(), select)
}

/// Turns the selection into code: into a block if it has several lines or if `is_block`.
fn code(text: &str, selected: Range<usize>, is_block: bool) -> Replacement {
    let inside = cut(text, selected.clone());
    if !is_block && !inside.contains('\n') {
        return toggle(text, selected, "`");
    }
    let begins_line = selected.start == 0 || cut(text, 0..selected.start).ends_with('\n');
    let ends_line = selected.end == text.len() || cut(text, selected.end..text.len()).starts_with('\n');
    let before = if begins_line { "```\n" } else { "\n```\n" };
    let after = if ends_line { "\n```" } else { "\n```\n" };
    let select = before.len()..before.len() + inside.len();
    Replacement::new(selected, [before, inside, after].concat(), select)
}

/// Puts a mark before each selected line, or removes it if all have it. Converts a list of one kind
/// into the other.
fn lines(text: &str, selected: Range<usize>, style: Style) -> Replacement {
    let start = cut(text, 0..selected.start).rfind('\n').map_or(0, |end| end + 1);
    // A line is not selected if the selection ends at its beginning.
    let last = selected.end - usize::from(cut(text, selected.clone()).ends_with('\n'));
    let ending = cut(text, last..text.len()).find('\n').map_or(text.len(), |at| last + at);
    let inside = cut(text, start..ending);
    let is_one = !inside.contains('\n');
    // A blank line between others is no item; in a quote it is marked too.
    let is_meant = |line: &&str| is_one || style == Style::Quote || !line.trim().is_empty();
    let has = |line: &str| own_mark(line, style) > 0;
    let is_on = inside.lines().any(has) && inside.lines().filter(is_meant).all(has);
    let mut number = 0;
    let mut with = String::new();
    for (index, line) in inside.split('\n').enumerate() {
        if index > 0 {
            with.push('\n');
        }
        let bare = |line| cut(line, own_mark(line, style)..line.len());
        if !is_meant(&line) || is_on {
            with.push_str(bare(line));
            continue;
        }
        number += 1;
        let numbered = format!("{number}. ");
        let (mark, replaced) = match style {
            Style::Quote => ("> ", 0),
            Style::Numbered => (numbered.as_str(), item_mark(line)),
            Style::List
            | Style::Strong
            | Style::Emphasis
            | Style::Strike
            | Style::Code
            | Style::CodeBlock
            | Style::Link
            | Style::Spoiler => ("- ", item_mark(line)),
        };
        with.push_str(mark);
        with.push_str(cut(line, replaced..line.len()));
    }
    let end = with.len();
    let select = if selected.is_empty() {
        // The cursor keeps its distance from the end of its line.
        let at = end.saturating_sub(ending - selected.end);
        at..at
    } else {
        0..end
    };
    Replacement::new(start..ending, with, select)
}

/// The length of this style's mark at the beginning of a line.
fn own_mark(line: &str, style: Style) -> usize {
    let is_numbered = line.bytes().next().is_some_and(|byte| byte.is_ascii_digit());
    if style == Style::Quote {
        usize::from(line.starts_with('>')) + usize::from(line.starts_with("> "))
    } else if is_numbered == (style == Style::Numbered) {
        item_mark(line)
    } else {
        0
    }
}

/// The length of the list marker at the beginning of a line: `- `, `1. `.
fn item_mark(line: &str) -> usize {
    let digits = line.bytes().take_while(u8::is_ascii_digit).count();
    let rest = cut(line, digits..line.len());
    let marks: &[&str] = if digits == 0 { &["- ", "* ", "+ "] } else { &[". ", ") "] };
    if digits <= 9 && marks.iter().any(|mark| rest.starts_with(mark)) { digits + 2 } else { 0 }
}

/// Turns the selection into a link, and selects what is missing: the text or the address.
fn link_of(text: &str, selected: Range<usize>) -> Replacement {
    const SCHEME: &str = "https://";
    let selected = trimmed(text, selected);
    let inside = cut(text, selected.clone());
    if is_address(inside) {
        return Replacement::new(selected.clone(), format!("[]({inside})"), 1..1);
    }
    let (with, at) = (format!("[{inside}]({SCHEME})"), inside.len() + 3);
    let select = if inside.is_empty() { 1..1 } else { at..at + SCHEME.len() };
    Replacement::new(selected, with, select)
}

/// Continues a quote or a list on a new line. On an empty item, ends the list instead.
pub(crate) fn new_line(text: &str, at: usize) -> Option<Replacement> {
    if is_in_code(text, at) {
        return None;
    }
    let before = cut(text, 0..at);
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let line = cut(before, start..at);
    let (mark, next) = mark_of(line)?;
    let rest = cut(text, at..text.len());
    let is_bare =
        cut(line, mark..line.len()).trim().is_empty() && (rest.is_empty() || rest.starts_with('\n'));
    if is_bare {
        return Some(Replacement::new(start..at, String::new(), 0..0));
    }
    let with = format!("\n{next}");
    let end = with.len();
    Some(Replacement::new(at..at, with, end..end))
}

/// Whether a position is inside a code block.
pub(crate) fn is_in_code(text: &str, at: usize) -> bool {
    let is_fence = |line: &&str| line.trim_start().starts_with("```");
    cut(text, 0..at).lines().filter(is_fence).count() % 2 == 1
}

/// The language in the clipboard data of VS Code: `{"version":1,"mode":"rust"}`.
pub(crate) fn language_of(editor: &str) -> String {
    let named = editor.split_once("\"mode\":\"").and_then(|(_, rest)| rest.split_once('"'));
    let is_language =
        |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '#'));
    named
        .map(|(name, _)| name)
        .filter(is_language)
        .filter(|name| *name != "plaintext")
        .unwrap_or_default()
        .to_owned()
}

/// Turns the selected text into a link to a pasted address.
pub(crate) fn link(text: &str, selected: Range<usize>, pasted: &str) -> Option<Replacement> {
    let (selected, address) = (trimmed(text, selected), pasted.trim());
    let inside = cut(text, selected.clone());
    let is_label = !inside.is_empty() && !inside.contains(['\n', '[', ']']) && !is_address(inside);
    if !is_label || !is_address(address) {
        return None;
    }
    let with = format!("[{inside}]({address})");
    let end = with.len();
    Some(Replacement::new(selected, with, end..end))
}

/// Whether a text is a single address that can be the target of a link.
fn is_address(text: &str) -> bool {
    let begins = |scheme: &&str| text.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
    ["https://", "http://"].iter().any(begins)
        && !text.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>'))
}

/// The name before the cursor that is being typed, including its `@`, `#` or `:`. An emoji name
/// needs two letters, or one Chinese character: neither `:)` nor the `:30` of a time is a name.
pub(crate) fn name_at(text: &str, at: usize) -> Option<&str> {
    let before = cut(text, 0..at);
    let is_in_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '+');
    let start = before.trim_end_matches(is_in_name).len().checked_sub(1)?;
    let word = before.get(start..)?;
    // As in the message parser: not in a mail address or a path.
    let follows_word = cut(before, 0..start)
        .chars()
        .next_back()
        .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '@' | '#' | '/' | '&' | ':'));
    let is_emoji = || {
        let name = word.strip_prefix(':').unwrap_or_default();
        name.len() > 1 && !name.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    };
    ((word.starts_with(['@', '#']) || is_emoji()) && !follows_word && word.len() <= NAME_MAX).then_some(word)
}

/// Longer names are not completed, in bytes.
const NAME_MAX: usize = 64;

/// The length of the quote and list markers at the beginning of a line, and the markers for the
/// next line.
fn mark_of(line: &str) -> Option<(usize, String)> {
    let mut at = 0;
    let mut next = String::new();
    let blank = |at: usize| line.bytes().skip(at).take_while(|byte| *byte == b' ').count();
    let mut is_marked = false;
    loop {
        let spaces = blank(at);
        let rest = cut(line, at + spaces..line.len());
        let Some(after) = rest.strip_prefix('>') else { break };
        let end = line.len() - after.len() + usize::from(after.starts_with(' '));
        next.push_str(cut(line, at..end));
        (at, is_marked) = (end, true);
    }
    let indent = blank(at);
    let rest = cut(line, at + indent..line.len());
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let sign = cut(rest, digits..rest.len()).bytes().next();
    let is_item = match digits {
        0 => matches!(sign, Some(b'-' | b'*' | b'+')),
        1..=9 => matches!(sign, Some(b'.' | b')')),
        _ => false,
    };
    if is_item && cut(rest, digits + 1..rest.len()).starts_with(' ') {
        next.push_str(cut(line, at..at + indent));
        if let Ok(number) = cut(rest, 0..digits).parse::<u32>() {
            next.push_str(&(number + 1).to_string());
        }
        next.push_str(cut(rest, digits..digits + 2));
        at += indent + digits + 2;
        let task = cut(line, at..line.len());
        if ["[ ] ", "[x] ", "[X] "].iter().any(|mark| task.starts_with(mark)) {
            next.push_str("[ ] ");
            at += 4;
        }
        is_marked = true;
    }
    is_marked.then_some((at, next))
}

/// Without leading and trailing white space: marks must touch words.
fn trimmed(text: &str, selected: Range<usize>) -> Range<usize> {
    let inside = cut(text, selected.clone());
    let start = selected.start + (inside.len() - inside.trim_start().len());
    let len = inside.trim().len();
    if len == 0 { selected } else { start..start + len }
}

/// A slice of a text. Indexing would add panic messages to the wasm.
fn cut(text: &str, part: Range<usize>) -> &str {
    text.get(part).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Parses a text with its selection between `‹` and `›`.
    fn read(marked: &str) -> (String, Range<usize>) {
        let start = marked.find('‹').unwrap();
        let text = marked.replacen('‹', "", 1);
        let end = text.find('›').unwrap();
        (text.replacen('›', "", 1), start..end)
    }

    fn after(marked: &str, change: impl Fn(&str, Range<usize>) -> Option<Replacement>) -> String {
        let (mut text, selected) = read(marked);
        let Some(Replacement { range, with, select }) = change(&text, selected) else {
            return "-".to_owned();
        };
        let start = range.start;
        text.replace_range(range, &with);
        text.insert(start + select.end, '›');
        text.insert(start + select.start, '‹');
        text
    }

    fn as_style(marked: &str, style: Style) -> String {
        after(marked, |text, selected| Some(styled(text, selected, style)))
    }

    #[test]
    fn marks_go_around_what_is_selected_and_away_again() {
        let bold = |marked| as_style(marked, Style::Strong);
        assert_eq!(bold("a ‹b› c"), "a **‹b›** c");
        assert_eq!(bold("a **‹b›** c"), "a ‹b› c");
        assert_eq!(bold("a ‹**b**› c"), "a ‹b› c");
        assert_eq!(bold("a ‹›"), "a **‹›**");
        assert_eq!(bold("a **‹›**"), "a ‹›");
        assert_eq!(bold("a‹ b ›c"), "a **‹b›** c");
        assert_eq!(bold("好‹重点›吗"), "好**‹重点›**吗");
        let italic = |marked| as_style(marked, Style::Emphasis);
        assert_eq!(italic("**‹b›**"), "***‹b›***");
        assert_eq!(italic("***‹b›***"), "**‹b›**");
        assert_eq!(italic("*‹b›*"), "‹b›");
    }

    #[test]
    fn code_of_several_lines_stands_on_its_own() {
        let inline = |marked| as_style(marked, Style::Code);
        let block = |marked| as_style(marked, Style::CodeBlock);
        assert_eq!(inline("a ‹b› c"), "a `‹b›` c");
        assert_eq!(inline("‹a\nb›"), "```\n‹a\nb›\n```");
        assert_eq!(block("a ‹b› c"), "a \n```\n‹b›\n```\n c");
        assert_eq!(block("‹›"), "```\n‹›\n```");
    }

    #[test]
    fn lines_get_a_mark_each_and_lose_it_again() {
        let quote = |marked| as_style(marked, Style::Quote);
        assert_eq!(quote("a ‹›b\nc"), "> a ‹›b\nc");
        assert_eq!(quote("> a ‹›b\nc"), "a ‹›b\nc");
        assert_eq!(quote("x\na‹b\n\nc›d"), "x\n‹> ab\n> \n> cd›");
        assert_eq!(quote("‹> ab\n>\n> cd›"), "‹ab\n\ncd›");
        let list = |marked| as_style(marked, Style::List);
        assert_eq!(list("‹›"), "- ‹›");
        assert_eq!(list("- ‹›"), "‹›");
        assert_eq!(list("‹a\n\n王›"), "‹- a\n\n- 王›");
        assert_eq!(list("‹- a\n\n- 王›"), "‹a\n\n王›");
        assert_eq!(list("‹1. a\n2. b›"), "‹- a\n- b›");
        assert_eq!(list("‹- a\nb›"), "‹- a\n- b›");
        let numbered = |marked| as_style(marked, Style::Numbered);
        assert_eq!(numbered("‹a\nb›\nc"), "‹1. a\n2. b›\nc");
        assert_eq!(numbered("‹1. a\n2. b›"), "‹a\nb›");
        assert_eq!(numbered("- a‹›"), "1. a‹›");
        // A number alone is no marker.
        assert_eq!(numbered("12 boats‹›"), "1. 12 boats‹›");
        // A selection that ends at the beginning of a line does not include that line.
        assert_eq!(list("‹a\n›b"), "‹- a›\nb");
    }

    #[test]
    fn an_editor_says_its_language() {
        let said = |mode: &str| language_of(&format!("{{\"version\":1,\"mode\":\"{mode}\",\"x\":0}}"));
        assert_eq!(["rust", "c++", "plaintext", "<b>", ""].map(said), ["rust", "c++", "", "", ""]);
        assert_eq!(language_of("{"), "");
        assert!(is_in_code("```\na", 5) && !is_in_code("```\na\n```\n", 10));
    }

    #[test]
    fn a_link_asks_for_what_is_missing() {
        let link = |marked| as_style(marked, Style::Link);
        assert_eq!(link("see ‹this›!"), "see [this](‹https://›)!");
        assert_eq!(link("see ‹›"), "see [‹›](https://)");
        assert_eq!(link("‹https://a.example›"), "[‹›](https://a.example)");
        assert_eq!(as_style("a ‹b›", Style::Spoiler), "a ||‹b›||");
        assert_eq!(as_style("a ||‹b›||", Style::Spoiler), "a ‹b›");
        assert_eq!(as_style("‹b›", Style::Strike), "~~‹b›~~");
    }

    #[test]
    fn lists_go_on_until_an_item_is_empty() {
        let line = |marked| after(marked, |text, selected| new_line(text, selected.end));
        assert_eq!(line("- a‹›"), "- a\n- ‹›");
        assert_eq!(line("- a\n- ‹›"), "- a\n‹›");
        assert_eq!(line("  9. a‹›b"), "  9. a\n  10. ‹›b");
        assert_eq!(line("- [x] a‹›"), "- [x] a\n- [ ] ‹›");
        assert_eq!(line("> - a‹›"), "> - a\n> - ‹›");
        assert_eq!(line("> a‹›"), "> a\n> ‹›");
        assert_eq!(line("> ‹›"), "‹›");
        for text in ["a‹›", "-a‹›", "1.a‹›", "‹›- a", "```\n- a‹›", "5 - 3‹›", "12345678901. a‹›"]
        {
            assert_eq!(line(text), "-", "{text}");
        }
        assert_eq!(line("```\na\n```\n- b‹›"), "```\na\n```\n- b\n- ‹›");
    }

    #[test]
    fn a_name_is_completed_as_it_is_typed() {
        for (text, word) in [
            ("@", Some("@")),
            ("see @an", Some("@an")),
            ("看@安", Some("@安")),
            ("(#pier-2", Some("#pier-2")),
            ("a@b", None),
            ("https://a.example/#b", None),
            ("@ana ", None),
            ("##x", None),
            ("", None),
            ("ana", None),
            (":sm", Some(":sm")),
            ("好:笑", Some(":笑")),
            ("+:+1", Some(":+1")),
            (":s", None),
            ("at 10:30", None),
            ("at :30", None),
            ("std::mem", None),
            (":tada:", None),
            ("https://a", None),
        ] {
            assert_eq!(name_at(text, text.len()), word, "{text}");
        }
        assert_eq!(name_at("@ana bo", 3), Some("@an"));
    }

    #[test]
    fn an_address_over_words_is_a_link() {
        let paste = |marked, pasted| after(marked, |text, selected| link(text, selected, pasted));
        assert_eq!(paste("see ‹this›!", "https://a.example/x"), "see [this](https://a.example/x)‹›!");
        assert_eq!(paste("see ‹this›", "HTTP://a.example\n"), "see [this](HTTP://a.example)‹›");
        for (text, pasted) in [
            ("see ‹›", "https://a.example"),
            ("see ‹this›", "a.example"),
            ("see ‹this›", "https://a.example https://b.example"),
            ("‹https://b.example›", "https://a.example"),
            ("‹a\nb›", "https://a.example"),
            ("‹this›", "javascript:alert(1)"),
        ] {
            assert_eq!(paste(text, pasted), "-", "{text} {pasted}");
        }
    }
}
