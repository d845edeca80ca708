//! Writes the text of one block with its marks.
//!
//! Marks must touch a word, so blanks at the ends of a style are moved outside it. The result is parsed again. If its text
//! differs, it is escaped; if that does not help either, it is written without marks.

pub(super) const STRONG: u8 = 1;
pub(super) const EMPHASIS: u8 = 2;
pub(super) const STRIKE: u8 = 4;
pub(super) const CODE: u8 = 8;

/// A line break within a block. Other line ends are blanks.
pub(super) const BREAK: &str = "\u{2028}";
const BREAK_CHAR: char = '\u{2028}';

/// A piece of text with one style.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) text: String,
    pub(super) style: u8,
    /// The index of its address; 0 for none.
    pub(super) link: usize,
}

/// How many runs to look ahead for the end of a mark.
const REACH_MAX: usize = 8;

/// An open mark.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Link(usize),
    Style(u8),
}

/// The text of a block, and whether it contains marks.
pub(super) fn written(runs: &[Run], addresses: &[String], is_heading: bool) -> (String, bool) {
    let mut runs = tidy(runs);
    if is_heading {
        for run in &mut runs {
            run.style &= !STRONG;
            run.text = run.text.replace(BREAK_CHAR, " ");
        }
    }
    best(&runs, addresses, |text| text)
}

/// The same for a table cell, which has one line.
pub(super) fn cell(runs: &[Run], addresses: &[String]) -> String {
    let mut runs = tidy(runs);
    for run in &mut runs {
        run.text = run.text.replace(BREAK_CHAR, " ");
        if run.text.contains('|') {
            run.style &= !CODE;
        }
    }
    let (text, _) = best(&runs, addresses, |text| text);
    // Bars that are already escaped stay so.
    text.replace("\\|", "|").replace('|', "\\|")
}

/// The longest run of this character.
pub(super) fn longest_run(text: &str, of: char) -> usize {
    let (mut longest, mut now) = (0, 0);
    for c in text.chars() {
        now = if c == of { now + 1 } else { 0 };
        longest = longest.max(now);
    }
    longest
}

fn best(runs: &[Run], addresses: &[String], shown: impl Fn(String) -> String) -> (String, bool) {
    let words: String =
        runs.iter().map(|run| run.text.as_str()).collect::<String>().replace(BREAK_CHAR, "\n");
    let has_marks = runs.iter().any(|run| run.style > 0 || run.link > 0);
    let is_same = |text: &str| {
        crate::parse(text).plain_text(crate::Spoilers::Shown) == words && (has_marks || is_bare(text))
    };
    let candidates: [&dyn Fn() -> String; 3] =
        [&|| marked(runs, addresses, false), &|| marked(runs, addresses, true), &|| escaped(&words)];
    for (index, candidate) in candidates.iter().enumerate() {
        let text = shown(candidate());
        if is_same(&text) {
            return (text, has_marks && index < 2);
        }
    }
    // Text that marks cannot keep, such as a mention in a sentence that is code.
    (words, false)
}

/// Whether a text has no formatting, so that plain text stays plain.
fn is_bare(text: &str) -> bool {
    fn walk(nodes: crate::Nodes<'_, '_>) -> bool {
        use crate::Kind;
        nodes.into_iter().all(|node| {
            let is_bare = matches!(
                node.kind,
                Kind::Text(_)
                    | Kind::Break
                    | Kind::Paragraph
                    | Kind::Emoji(_)
                    | Kind::Mention(_)
                    | Kind::Channel(_)
                    | Kind::Link { .. }
            );
            is_bare && walk(node.children)
        })
    }
    walk(crate::parse(text).blocks())
}

/// Folds blanks, moves them out of the ends of a style, and merges adjacent runs of one style.
fn tidy(runs: &[Run]) -> Vec<Run> {
    let mut tidy: Vec<Run> = Vec::new();
    let mut push = |text: String, style: u8, link: usize| match tidy.last_mut() {
        Some(last) if (last.style, last.link) == (style, link) => last.text.push_str(&text),
        Some(_) | None => tidy.push(Run { text, style, link }),
    };
    // The blank before the next word; none at the beginning.
    let (mut gap, mut is_begun) = (None, false);
    // The style of the previous word. A blank between two words has the styles that both share.
    let mut before = (0, 0);
    for run in runs {
        let mut word = String::new();
        let now = (run.style, run.link);
        let mut flush = |word: &mut String, gap: &mut Option<char>, is_begun: &mut bool| {
            if word.is_empty() {
                return;
            }
            if let Some(blank) = gap.take().filter(|_| *is_begun) {
                let both = if before == now { now.0 } else { before.0 & now.0 & !CODE };
                let link = if before.1 == now.1 { now.1 } else { 0 };
                let (style, link) = if blank == BREAK_CHAR { (0, 0) } else { (both, link) };
                push(blank.to_string(), style, link);
            }
            push(std::mem::take(word), now.0, now.1);
            *is_begun = true;
            before = now;
        };
        for c in run.text.chars() {
            if c == BREAK_CHAR {
                flush(&mut word, &mut gap, &mut is_begun);
                gap = Some(BREAK_CHAR);
            } else if c.is_whitespace() {
                flush(&mut word, &mut gap, &mut is_begun);
                gap = gap.or(Some(' '));
            } else if !c.is_control() && c != '\u{FEFF}' && c != '\u{200B}' {
                word.push(c);
            }
        }
        flush(&mut word, &mut gap, &mut is_begun);
    }
    tidy
}

fn marked(runs: &[Run], addresses: &[String], is_escaped: bool) -> String {
    let mut out = String::new();
    let mut open: Vec<Mark> = Vec::new();
    let address = |link: usize| addresses.get(link).map_or("", String::as_str);
    for (index, run) in runs.iter().enumerate() {
        // A bare address becomes a link by itself.
        let is_bare = run.link > 0 && run.text == address(run.link) && !is_same_link(runs, index);
        let mut wanted = Vec::new();
        if run.link > 0 && !is_bare {
            wanted.push(Mark::Link(run.link));
        }
        wanted.extend(
            [STRONG, EMPHASIS, STRIKE].into_iter().filter(|style| run.style & style > 0).map(Mark::Style),
        );
        // A mark that continues for longer is opened outside.
        let has = |run: &&Run, mark: Mark| match mark {
            Mark::Link(link) => run.link == link,
            Mark::Style(style) => run.style & style > 0,
        };
        let reach =
            |mark: Mark| runs.iter().skip(index).take(REACH_MAX).take_while(|run| has(run, mark)).count();
        let kept = open.iter().take_while(|mark| wanted.contains(mark)).count();
        while open.len() > kept {
            if let Some(mark) = open.pop() {
                close(&mut out, mark, addresses);
            }
        }
        wanted.retain(|mark| !open.contains(mark));
        // A mark must touch a word.
        let text = match run.text.strip_prefix(' ') {
            Some(rest) if !wanted.is_empty() => {
                out.push(' ');
                rest
            }
            Some(_) | None => &run.text,
        };
        while let Some(at) = (0..wanted.len()).rev().max_by_key(|at| wanted.get(*at).map(|mark| reach(*mark)))
        {
            let mark = wanted.remove(at);
            out.push_str(match mark {
                Mark::Link(_) => "[",
                Mark::Style(style) => sign(style),
            });
            open.push(mark);
        }
        if run.style & CODE > 0 && !text.contains(BREAK_CHAR) {
            out.push_str(&code(text));
        } else if is_escaped && !is_bare {
            out.push_str(&escaped(text));
        } else {
            out.push_str(text);
        }
    }
    while let Some(mark) = open.pop() {
        close(&mut out, mark, addresses);
    }
    out.replace(BREAK_CHAR, "\n")
}

/// Whether an adjacent run leads to the same address.
fn is_same_link(runs: &[Run], index: usize) -> bool {
    let link = |at: Option<usize>| at.and_then(|at| runs.get(at)).map_or(0, |run| run.link);
    [link(index.checked_sub(1)), link(Some(index + 1))].contains(&link(Some(index)))
}

fn sign(style: u8) -> &'static str {
    match style {
        STRONG => "**",
        EMPHASIS => "*",
        _ => "~~",
    }
}

fn close(out: &mut String, mark: Mark, addresses: &[String]) {
    match mark {
        Mark::Style(style) => out.push_str(sign(style)),
        Mark::Link(link) => {
            for part in ["](", addresses.get(link).map_or("", String::as_str), ")"] {
                out.push_str(part);
            }
        }
    }
}

fn code(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text, '`') + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    [&ticks, pad, text, pad, &ticks].concat()
}

/// Puts a backslash before every character that could be a mark.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut is_line_start = true;
    let mut digits = false;
    for c in text.chars() {
        let is_mark = matches!(c, '\\' | '`' | '*' | '_' | '~' | '|' | '[' | ']' | '<' | '$' | '!');
        let is_line_mark =
            is_line_start && matches!(c, '#' | '>' | '-' | '+') || digits && matches!(c, '.' | ')');
        if is_mark || is_line_mark {
            out.push('\\');
        }
        out.push(c);
        digits = (is_line_start || digits) && c.is_ascii_digit();
        is_line_start = matches!(c, '\n' | BREAK_CHAR) || (is_line_start && c == ' ');
    }
    out
}
