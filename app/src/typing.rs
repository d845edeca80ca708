//! What some keys do to a text that is being written: marks around what is selected, lists that go on.
//!
//! Pure: positions are in bytes, on the boundaries of characters. [`crate::browser::replace`] carries a change out so that the browser
//! can take it back.

use std::ops::Range;

/// A part of the text gives way to other words, of which some are then selected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// What gives way.
    pub(crate) range: Range<usize>,
    /// What comes.
    pub(crate) with: String,
    /// What is selected then, counted from the beginning of the range.
    pub(crate) select: Range<usize>,
}

impl Replacement {
    fn new(range: Range<usize>, with: String, select: Range<usize>) -> Self {
        Self { range, with, select }
    }
}

/// Puts a mark on both sides of what is selected, or takes it away there.
pub(crate) fn toggle(text: &str, selected: Range<usize>, mark: &str) -> Replacement {
    let selected = trimmed(text, selected);
    let inside = cut(text, selected.clone());
    let len = mark.len();
    // One star is not half of two.
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

/// Makes code of what is selected: on lines of its own where it has several, or where that is asked for.
pub(crate) fn code(text: &str, selected: Range<usize>, is_block: bool) -> Replacement {
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

/// A new line in a quote or a list begins like the one before. On an item without words, it ends the list instead.
pub(crate) fn new_line(text: &str, at: usize) -> Option<Replacement> {
    let before = cut(text, 0..at);
    let is_fence = |line: &&str| line.trim_start().starts_with("```");
    if before.lines().filter(is_fence).count() % 2 == 1 {
        return None;
    }
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

/// An address that is pasted over words becomes a link of them.
pub(crate) fn link(text: &str, selected: Range<usize>, pasted: &str) -> Option<Replacement> {
    let (selected, address) = (trimmed(text, selected), pasted.trim());
    let inside = cut(text, selected.clone());
    let is_address = |text: &str| {
        let begins =
            |scheme: &&str| text.get(..scheme.len()).is_some_and(|it| it.eq_ignore_ascii_case(scheme));
        ["https://", "http://"].iter().any(begins)
            && !text.contains(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '<' | '>'))
    };
    let is_label = !inside.is_empty() && !inside.contains(['\n', '[', ']']) && !is_address(inside);
    if !is_label || !is_address(address) {
        return None;
    }
    let with = format!("[{inside}]({address})");
    let end = with.len();
    Some(Replacement::new(selected, with, end..end))
}

/// The word that is being typed if it is a name: from its `@` or `#` on to the cursor.
pub(crate) fn name_at(text: &str, at: usize) -> Option<&str> {
    let before = cut(text, 0..at);
    let is_in_name = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let start = before.trim_end_matches(is_in_name).len().checked_sub(1)?;
    let word = before.get(start..)?;
    // As the parser of messages has it: no mail address, no path.
    let follows_word = cut(before, 0..start)
        .chars()
        .next_back()
        .is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '@' | '#' | '/' | '&'));
    (word.starts_with(['@', '#']) && !follows_word && word.len() <= NAME_MAX).then_some(word)
}

/// Longer names are not completed, in bytes.
const NAME_MAX: usize = 64;

/// How long the marks of quotes and items are that a line begins with, and what the next line begins with.
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

/// Without the white space at its ends: marks stand at words.
fn trimmed(text: &str, selected: Range<usize>) -> Range<usize> {
    let inside = cut(text, selected.clone());
    let start = selected.start + (inside.len() - inside.trim_start().len());
    let len = inside.trim().len();
    if len == 0 { selected } else { start..start + len }
}

/// A part of a text. An index would bring the words of its panic into the wasm.
fn cut(text: &str, part: Range<usize>) -> &str {
    text.get(part).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A text with its selection between `‹` and `›`.
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

    #[test]
    fn marks_go_around_what_is_selected_and_away_again() {
        let bold = |marked| after(marked, |text, selected| Some(toggle(text, selected, "**")));
        assert_eq!(bold("a ‹b› c"), "a **‹b›** c");
        assert_eq!(bold("a **‹b›** c"), "a ‹b› c");
        assert_eq!(bold("a ‹**b**› c"), "a ‹b› c");
        assert_eq!(bold("a ‹›"), "a **‹›**");
        assert_eq!(bold("a **‹›**"), "a ‹›");
        assert_eq!(bold("a‹ b ›c"), "a **‹b›** c");
        assert_eq!(bold("好‹重点›吗"), "好**‹重点›**吗");
        let italic = |marked| after(marked, |text, selected| Some(toggle(text, selected, "*")));
        assert_eq!(italic("**‹b›**"), "***‹b›***");
        assert_eq!(italic("***‹b›***"), "**‹b›**");
        assert_eq!(italic("*‹b›*"), "‹b›");
    }

    #[test]
    fn code_of_several_lines_stands_on_its_own() {
        let inline = |marked| after(marked, |text, selected| Some(code(text, selected, false)));
        let block = |marked| after(marked, |text, selected| Some(code(text, selected, true)));
        assert_eq!(inline("a ‹b› c"), "a `‹b›` c");
        assert_eq!(inline("‹a\nb›"), "```\n‹a\nb›\n```");
        assert_eq!(block("a ‹b› c"), "a \n```\n‹b›\n```\n c");
        assert_eq!(block("‹›"), "```\n‹›\n```");
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
