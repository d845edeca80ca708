//! Converts HTML from the clipboard (of browsers, word processors, spreadsheets, editors) to Markdown.
//!
//! The HTML is only parsed: it never becomes a document, so nothing in it runs or loads. [`tokens`] splits it into tags and
//! text, [`inline`] writes the text of one block, and this module assembles the blocks.
//!
//! Laws:
//! - The time is linear in the length of the HTML. Input that is too long or too wide is not read ([`HTML_BYTES_MAX`],
//!   [`COLUMNS_MAX`]). Input that is nested too deeply loses its formatting ([`OPEN_MAX`], [`CONTAINERS_MAX`]), not its text.
//! - [Parsing](crate::parse) the Markdown returns the same text of each block. If marks would change it, they are escaped.

mod inline;
mod tokens;

use self::{
    inline::{CODE, EMPHASIS, Run, STRIKE, STRONG},
    tokens::{Attributes, Token, Tokens},
};

/// Longer HTML is not read, in bytes. A page from a word processor has some 100 kB.
pub const HTML_BYTES_MAX: usize = 1 << 20;
/// Nested elements that are tracked. Deeper ones have no formatting of their own.
const OPEN_MAX: usize = 128;
/// Nested quotes and items.
const CONTAINERS_MAX: usize = 8;
/// Larger tables are not read.
const COLUMNS_MAX: usize = 30;
const ROWS_MAX: usize = 400;

/// The Markdown of some HTML; `None` if it has no formatting that plain text lacks, or is too large. `language` is for code
/// that does not state its own.
///
/// ```
/// let html = "<p>Read <b>this</b>:</p><ul><li><a href=\"https://tides.example\">tides</a></li></ul>";
/// assert_eq!(markup::from_html(html, "").unwrap(), "Read **this**:\n\n- [tides](https://tides.example)");
/// assert_eq!(markup::from_html("<p>plain</p>", ""), None);
/// ```
#[must_use]
pub fn from_html(html: &str, language: &str) -> Option<String> {
    if html.len() > HTML_BYTES_MAX {
        return None;
    }
    let mut writer = Writer::new(language);
    for token in Tokens::of(html) {
        match token {
            Token::Start { name, attributes } => writer.start(&name, &attributes),
            Token::End { name } => writer.end(&name),
            Token::Text(text) => writer.text(&text),
        }
        if writer.is_too_large {
            return None;
        }
    }
    writer.finish()
}

/// An open element.
struct Open {
    name: String,
    style: u8,
    link: usize,
    /// How many quotes, lists and items it opened.
    containers: usize,
    /// Its contents are not shown.
    is_hidden: bool,
    /// Its line breaks are kept.
    is_pre: bool,
}

enum Container {
    Quote,
    List { ordered: bool, number: u32 },
    Item { mark: String, is_marked: bool },
}

#[derive(Default)]
struct Table {
    rows: Vec<Vec<Vec<Run>>>,
    /// Nested tables, whose cells are text of the cell.
    inner: usize,
}

struct Code {
    text: String,
    language: String,
    /// The number of open elements outside it.
    depth: usize,
}

struct Writer<'l> {
    out: String,
    open: Vec<Open>,
    containers: Vec<Container>,
    runs: Vec<Run>,
    /// The destinations of links; the first is none.
    addresses: Vec<String>,
    heading: usize,
    table: Option<Table>,
    code: Option<Code>,
    /// An item of a word processor that has no list elements: its depth and mark.
    loose_item: Option<(usize, String)>,
    /// Line ends before the next block.
    gap: usize,
    /// The number of quotes around the last block, if it was an item or inside one.
    was_item: bool,
    quotes: usize,
    is_rich: bool,
    is_too_large: bool,
    language: &'l str,
}

impl<'l> Writer<'l> {
    fn new(language: &'l str) -> Self {
        Self {
            out: String::new(),
            open: Vec::new(),
            containers: Vec::new(),
            runs: Vec::new(),
            addresses: vec![String::new()],
            heading: 0,
            table: None,
            code: None,
            loose_item: None,
            gap: 0,
            was_item: false,
            quotes: 0,
            is_rich: false,
            is_too_large: false,
            language,
        }
    }

    fn finish(mut self) -> Option<String> {
        self.leave(0);
        self.end_block(1);
        // A single line of code was probably copied from an editor, so paste it as plain text.
        let is_line_of_code = self.out.starts_with("```") && self.out.lines().count() == 3;
        (self.is_rich && !is_line_of_code && !self.is_too_large).then_some(self.out)
    }

    fn is_hidden(&self) -> bool {
        self.open.last().is_some_and(|open| open.is_hidden)
    }

    // ── tags ─────────────────────────────────────────────────────────────────────────────────────────────────

    fn start(&mut self, name: &str, attributes: &Attributes) {
        match name {
            "br" => return self.line_end(),
            "hr" => return self.rule(),
            "img" => return self.picture(attributes),
            "input" => return self.task(attributes),
            "li" => self.close_within("li", &["ul", "ol"]),
            "p" => self.close_within("p", &["li", "td", "th", "blockquote", "div", "body"]),
            "tr" => self.close_within("tr", &["table"]),
            "td" | "th" => {
                self.close_within("td", &["tr", "table"]);
                self.close_within("th", &["tr", "table"]);
            }
            _ => {}
        }
        if tokens::is_void(name) || self.open.len() >= OPEN_MAX {
            return;
        }
        let (style, link) = self.open.last().map_or((0, 0), |open| (open.style, open.link));
        let is_hidden = self.is_hidden() || attributes.is_hidden() || self.is_mark_of_item(attributes);
        let mut open = Open {
            name: name.to_owned(),
            style: attributes.style_over(style | style_of(name)),
            link,
            containers: 0,
            is_hidden,
            is_pre: false,
        };
        if !is_hidden {
            self.begin(name, attributes, &mut open);
        }
        self.open.push(open);
    }

    /// Applies the start of an element to the output.
    fn begin(&mut self, name: &str, attributes: &Attributes, open: &mut Open) {
        if let Some(code) = &mut self.code {
            if code.language.is_empty() {
                code.language = attributes.language();
            }
            if is_block(name) {
                self.code_line();
            }
            return;
        }
        if self.table.is_some() {
            return self.begin_in_table(name, attributes, open);
        }
        if is_block(name) {
            self.end_block(gap_of(name));
        }
        match name {
            "a" => open.link = self.link(attributes),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                self.heading = name.as_bytes().get(1).map_or(0, |digit| usize::from(*digit - b'0'));
                open.style = 0;
            }
            "blockquote" => open.containers = self.contain(Container::Quote),
            "ul" | "ol" => {
                // A list directly inside a list belongs to the preceding item.
                if let Some(Container::List { ordered, .. }) = self.containers.last() {
                    let mark = if *ordered { "1. " } else { "- " }.to_owned();
                    open.containers = self.contain(Container::Item { mark, is_marked: true });
                }
                let number = attributes.start.parse().unwrap_or(1);
                open.containers += self.contain(Container::List { ordered: name == "ol", number });
            }
            "li" => {
                let mark = self.next_mark();
                open.containers = self.contain(Container::Item { mark, is_marked: false });
            }
            "table" => self.table = Some(Table::default()),
            _ => {}
        }
        if name == "pre" || attributes.is_code() {
            open.is_pre = true;
            let depth = self.open.len();
            self.code = Some(Code { text: String::new(), language: attributes.language(), depth });
        }
        if let Some(level) = attributes.item_level() {
            self.loose_item = Some((level, String::new()));
        }
    }

    fn begin_in_table(&mut self, name: &str, attributes: &Attributes, open: &mut Open) {
        let address = if name == "a" { self.link(attributes) } else { open.link };
        open.link = address;
        let Some(table) = &mut self.table else { return };
        match name {
            "table" => table.inner += 1,
            "tr" if table.inner == 0 => table.rows.push(Vec::new()),
            "td" | "th" if table.inner == 0 => {
                if table.rows.is_empty() {
                    table.rows.push(Vec::new());
                }
                self.is_too_large |= table.rows.len() > ROWS_MAX;
                if let Some(row) = table.rows.last_mut() {
                    row.push(Vec::new());
                    self.is_too_large |= row.len() > COLUMNS_MAX;
                }
            }
            _ if is_block(name) || name == "td" || name == "th" => self.push(" "),
            _ => {}
        }
        if name == "th" {
            open.style &= !STRONG;
        }
    }

    fn end(&mut self, name: &str) {
        if let Some(at) = self.open.iter().rposition(|open| open.name == name) {
            self.leave(at);
        }
    }

    /// Closes all elements but the first `count`.
    fn leave(&mut self, count: usize) {
        while self.open.len() > count {
            let Some(open) = self.open.pop() else { return };
            if open.is_hidden {
                continue;
            }
            if self.code.as_ref().is_some_and(|code| code.depth == self.open.len()) {
                self.end_code();
            } else if self.code.is_some() {
                if is_block(&open.name) {
                    self.code_line();
                }
            } else if open.name == "table" {
                self.end_table();
            } else if self.table.is_none() && is_block(&open.name) {
                self.end_block(gap_of(&open.name));
            }
            self.containers.truncate(self.containers.len().saturating_sub(open.containers));
        }
    }

    /// Closes an element that ends where the next of its kind begins.
    fn close_within(&mut self, name: &str, outside: &[&str]) {
        let at = self.open.iter().rposition(|open| open.name == name || outside.contains(&&*open.name));
        if let Some(at) = at.filter(|at| self.open.get(*at).is_some_and(|open| open.name == name)) {
            self.leave(at);
        }
    }

    /// Opens a container if there is room, and returns how many were opened.
    fn contain(&mut self, container: Container) -> usize {
        let is_room = self.containers.len() < CONTAINERS_MAX * 2;
        self.containers.extend(Some(container).filter(|_| is_room));
        usize::from(is_room)
    }

    fn next_mark(&mut self) -> String {
        match self.containers.last_mut() {
            Some(Container::List { ordered: true, number }) => {
                let mark = format!("{number}. ");
                *number = number.saturating_add(1);
                mark
            }
            Some(Container::List { .. } | Container::Quote | Container::Item { .. }) | None => {
                "- ".to_owned()
            }
        }
    }

    fn link(&mut self, attributes: &Attributes) -> usize {
        let address = attributes.href.trim();
        if !crate::address::is_allowed(address) {
            return 0;
        }
        self.addresses.push(address.to_owned());
        self.addresses.len() - 1
    }

    // ── text ─────────────────────────────────────────────────────────────────────────────────────────────────

    fn text(&mut self, text: &str) {
        // The mark of a word processor's item is hidden, and tells the kind of the list.
        let is_mark = self.is_hidden() && self.open.iter().any(|open| open.name == MARK_OF_ITEM);
        if is_mark && let Some((_, mark)) = &mut self.loose_item {
            mark.push_str(text.trim());
        } else if !self.is_hidden() {
            self.push(text);
        }
    }

    fn push(&mut self, text: &str) {
        if let Some(code) = &mut self.code {
            code.text.push_str(text);
            return;
        }
        let (style, link) = self.open.last().map_or((0, 0), |open| (open.style, open.link));
        let run = Run { text: text.to_owned(), style, link };
        let cell = self.table.as_mut().map(|table| table.rows.last_mut().and_then(|row| row.last_mut()));
        match cell {
            Some(Some(cell)) => cell.push(run),
            // Blanks between cells.
            Some(None) => {}
            None => self.runs.push(run),
        }
    }

    fn line_end(&mut self) {
        if self.is_hidden() {
            return;
        }
        match (&mut self.code, &self.table) {
            (Some(code), _) => code.text.push('\n'),
            (None, Some(_)) => self.push(" "),
            (None, None) => self.runs.push(Run { text: inline::BREAK.to_owned(), style: 0, link: 0 }),
        }
    }

    /// Many programs use pictures for emoji. Other pictures would have to be fetched.
    fn picture(&mut self, attributes: &Attributes) {
        let is_sign = !attributes.alt.is_ascii() && attributes.alt.chars().count() <= 8;
        if is_sign && !self.is_hidden() {
            let alt = attributes.alt.clone();
            self.push(&alt);
        }
    }

    fn task(&mut self, attributes: &Attributes) {
        let is_item = matches!(self.containers.last(), Some(Container::Item { is_marked: false, .. }));
        if is_item && attributes.kind.eq_ignore_ascii_case("checkbox") && self.runs.is_empty() {
            self.push(if attributes.is_checked { "[x] " } else { "[ ] " });
        }
    }

    fn is_mark_of_item(&self, attributes: &Attributes) -> bool {
        self.loose_item.is_some() && attributes.is_mark_of_item()
    }

    // ── blocks ───────────────────────────────────────────────────────────────────────────────────────────────

    /// Ends the current block; `gap` line ends separate it from the next.
    fn end_block(&mut self, gap: usize) {
        let runs = std::mem::take(&mut self.runs);
        let heading = std::mem::take(&mut self.heading);
        let loose = self.loose_item.take();
        let (text, has_marks) = inline::written(&runs, &self.addresses, heading > 0);
        if text.is_empty() {
            // Blanks between blocks, and hidden contents of an item, end nothing.
            self.heading = heading;
            self.loose_item = loose;
            self.gap = self.gap.max(gap);
            return;
        }
        self.is_rich |= has_marks || heading > 0;
        if let Some((level, mark)) = loose {
            let ordered = mark.starts_with(|c: char| c.is_ascii_alphanumeric()) && mark.len() > 1;
            let digits: String = mark.chars().take_while(char::is_ascii_digit).collect();
            let mark = match (ordered, digits.is_empty()) {
                (true, false) => format!("{digits}. "),
                (true, true) => "1. ".to_owned(),
                (false, _) => "- ".to_owned(),
            };
            let indent = "   ".repeat(level.saturating_sub(1).min(CONTAINERS_MAX));
            self.emit(&format!("{indent}{mark}{}", text.replace('\n', " ")), true);
            self.is_rich = true;
        } else if heading > 0 {
            self.emit(&format!("{} {text}", "#".repeat(heading)), false);
        } else {
            self.emit(&text, false);
        }
        self.gap = gap;
    }

    fn rule(&mut self) {
        if !self.is_hidden() && self.table.is_none() && self.code.is_none() {
            self.end_block(2);
            if !self.out.is_empty() {
                self.emit("---", false);
                self.gap = 2;
                self.is_rich = true;
            }
        }
    }

    /// Begins a line of code, unless one has just begun.
    fn code_line(&mut self) {
        if let Some(code) =
            self.code.as_mut().filter(|code| !code.text.is_empty() && !code.text.ends_with('\n'))
        {
            code.text.push('\n');
        }
    }

    fn end_code(&mut self) {
        let Some(code) = self.code.take() else { return };
        let text = code.text.replace('\u{A0}', " ");
        let text = text.strip_prefix('\n').unwrap_or(&text).trim_end();
        if text.is_empty() {
            return;
        }
        if !text.contains('\n') && self.out.is_empty() && self.runs.is_empty() && code.language.is_empty() {
            self.push(text);
            return;
        }
        let language = if code.language.is_empty() { self.language } else { &code.language };
        let fence = "`".repeat(inline::longest_run(text, '`').max(2) + 1);
        let block = format!("{fence}{language}\n{text}\n{fence}");
        self.end_block(2);
        self.gap = 2;
        self.emit(&block, false);
        self.gap = 2;
        self.is_rich = true;
    }

    fn end_table(&mut self) {
        let Some(table) = &mut self.table else { return };
        if table.inner > 0 {
            table.inner -= 1;
            return;
        }
        let Some(table) = self.table.take() else { return };
        let rows: Vec<Vec<String>> = table
            .rows
            .iter()
            .filter(|row| !row.is_empty())
            .map(|row| row.iter().map(|cell| inline::cell(cell, &self.addresses)).collect())
            .collect();
        let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
        if columns < 2 || rows.len() < 2 {
            // A single cell, row or column is text.
            for row in table.rows {
                for cell in row {
                    self.runs.extend(cell);
                    self.runs.push(Run { text: " ".to_owned(), style: 0, link: 0 });
                }
                self.end_block(1);
            }
            return;
        }
        let mut text = String::new();
        for (index, row) in rows.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            let cells = (0..columns).map(|at| row.get(at).map_or("", String::as_str));
            text.push_str(&line_of(cells));
            if index == 0 {
                text.push('\n');
                text.push_str(&line_of((0..columns).map(|_| "---")));
            }
        }
        self.gap = 2;
        self.emit(&text, false);
        self.gap = 2;
        self.is_rich = true;
    }

    /// Writes the lines of a block, each with the prefixes of its quotes and items.
    fn emit(&mut self, text: &str, is_item: bool) {
        let quotes = self.containers.iter().filter(|it| matches!(it, Container::Quote)).count();
        let is_item = is_item || self.containers.iter().any(|it| matches!(it, Container::Item { .. }));
        if !self.out.is_empty() {
            // Items are not separated by blank lines.
            let gap = if is_item && self.was_item { 1 } else { self.gap.max(1) };
            let gap = if is_item == self.was_item { gap } else { 2 };
            self.out.push('\n');
            if gap > 1 {
                self.out.push_str("> ".repeat(self.quotes.min(quotes)).trim_end());
                self.out.push('\n');
            }
        }
        (self.was_item, self.quotes) = (is_item, quotes);
        for (index, line) in text.split('\n').enumerate() {
            if index > 0 {
                self.out.push('\n');
            }
            let prefix = self.prefix(index == 0);
            self.out.push_str(if line.is_empty() { prefix.trim_end() } else { &prefix });
            self.out.push_str(line);
        }
    }

    /// The prefix of a line.
    fn prefix(&mut self, is_first: bool) -> String {
        let mut prefix = String::new();
        for container in &mut self.containers {
            match container {
                Container::Quote => {
                    prefix.push_str("> ");
                    self.is_rich = true;
                }
                Container::Item { mark, is_marked } => {
                    if is_first && !*is_marked {
                        prefix.push_str(mark);
                        (*is_marked, self.is_rich) = (true, true);
                    } else {
                        prefix.push_str(&" ".repeat(mark.len()));
                    }
                }
                Container::List { .. } => {}
            }
        }
        prefix
    }
}

fn line_of<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut line = "|".to_owned();
    for cell in cells {
        for part in [" ", cell, " |"] {
            line.push_str(part);
        }
    }
    line
}

/// The element that Word puts around the mark of an item.
const MARK_OF_ITEM: &str = "span";

fn style_of(name: &str) -> u8 {
    match name {
        "b" | "strong" => STRONG,
        "i" | "em" | "cite" | "dfn" | "var" => EMPHASIS,
        "s" | "del" | "strike" => STRIKE,
        "code" | "tt" | "kbd" | "samp" => CODE,
        _ => 0,
    }
}

fn is_block(name: &str) -> bool {
    gap_of(name) > 0
}

/// How many line ends separate an element from its neighbours; none for inline elements.
fn gap_of(name: &str) -> usize {
    match name {
        "p" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "blockquote" | "pre" | "ul" | "ol" | "table"
        | "dl" | "figure" => 2,
        "address" | "article" | "aside" | "body" | "center" | "dd" | "details" | "div" | "dt"
        | "fieldset" | "figcaption" | "footer" | "form" | "header" | "html" | "legend" | "li" | "main"
        | "nav" | "section" | "summary" | "tr" | "caption" => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
