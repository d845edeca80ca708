//! Blocks: paragraphs, lists, quotes, code and so on. CommonMark, "Phase 1: block structure", without lazy continuation lines.
//!
//! The source is read line by line. A line first continues the open quotes and items, as far as it can, and then opens new ones. The
//! rest of it belongs to a leaf, such as a paragraph. A leaf collects its lines; its nodes are written when it ends.

use crate::{
    ahead::Ahead,
    builder::Builder,
    cursor::{Cursor, Mark},
    inlines,
    source::{Source, Span},
    table::{self, Cells},
    tree::{Align, Document, Kind},
};

/// A line belongs to an item if it is indented this much more than the item's mark. CommonMark requires the column of the item's text,
/// but people also indent by two under `1.`.
const ITEM_INDENT: usize = 2;
/// How far a heading, a fence or a quote can be indented. With more, it is probably pasted code.
const INDENT_MAX: usize = 3;

/// Reads a whole source.
pub(crate) fn parse(source: &str) -> Document<'_> {
    let source = Source(source);
    let end = source.0.len();
    let mut blocks = Blocks {
        source,
        ahead: Ahead::of(source),
        tree: Builder::new(source),
        containers: Vec::new(),
        leaf: Leaf::None,
        lines: Vec::new(),
        columns: Vec::new(),
    };
    let mut from = 0;
    while from < end && !blocks.tree.is_full() {
        let mut to = from;
        while to < end && source.byte(to) != b'\n' {
            to += 1;
        }
        blocks.read_line(Cursor { source, at: from, column: 0, end: to });
        from = to + 1;
    }
    blocks.end_leaf();
    if from < end {
        blocks.tree.stop(from);
    }
    blocks.tree.finish()
}

#[derive(Clone, Copy)]
enum Container {
    Quote,
    /// The last item of a list, and so the list.
    Item(Item),
}

#[derive(Clone, Copy)]
struct Item {
    mark: u8,
    /// The column of the mark.
    column: usize,
    /// The column of the text.
    text_column: usize,
    typed: Option<u32>,
    number: Option<u32>,
}

#[derive(Clone, Copy)]
enum Leaf<'a> {
    None,
    Paragraph,
    Code {
        fence: u8,
        length: usize,
        /// The indent of the fence, which is removed from each line.
        column: usize,
        language: &'a str,
    },
    Math {
        /// A formula that is never closed is a paragraph.
        is_closed: bool,
    },
    Table,
}

struct Blocks<'a> {
    source: Source<'a>,
    ahead: Ahead,
    tree: Builder<'a>,
    containers: Vec<Container>,
    leaf: Leaf<'a>,
    /// The lines of the leaf.
    lines: Vec<Span>,
    /// The columns of the open table.
    columns: Vec<Align>,
}

impl Container {
    /// The rest of a line that goes on with this container.
    fn enter(self, line: Cursor<'_>) -> Option<Cursor<'_>> {
        match self {
            Self::Quote => behind_quote_mark(line),
            Self::Item(item) => {
                let word = line.word();
                let belongs = word.is_at_end() || word.column >= item.column + ITEM_INDENT;
                belongs.then(|| line.behind_blanks(item.text_column))
            }
        }
    }
}

fn behind_quote_mark(line: Cursor<'_>) -> Option<Cursor<'_>> {
    let word = line.word();
    let is_quote = word.byte() == b'>' && word.column - line.column <= INDENT_MAX;
    is_quote.then(|| {
        let behind = word.behind(1);
        behind.behind_blanks(behind.column + 1)
    })
}

impl<'a> Blocks<'a> {
    fn read_line(&mut self, line: Cursor<'a>) {
        let (mut rest, mut depth) = (line, 0);
        while let Some(inside) = self.containers.get(depth).and_then(|container| container.enter(rest)) {
            rest = inside;
            depth += 1;
        }
        let goes_on = depth == self.containers.len();
        if goes_on && self.feed(rest) {
            return;
        }
        let word = rest.word();
        if word.is_at_end() {
            self.leave(depth);
            self.end_leaf();
            return;
        }
        if !goes_on {
            rest = self.next_item(depth, word).unwrap_or(rest);
        }
        while let Some(inside) = self.open_container(rest) {
            rest = inside;
        }
        self.read_leaf(rest);
    }

    /// Leaves all containers but the first ones.
    fn leave(&mut self, depth: usize) {
        while self.containers.len() > depth {
            self.end_leaf();
            if let Some(Container::Item(_)) = self.containers.pop() {
                self.tree.close();
            }
            self.tree.close();
        }
    }

    /// Leaves the containers that the line does not continue. If the first of them is an item, the line may be the next item of its list.
    fn next_item(&mut self, depth: usize, word: Cursor<'a>) -> Option<Cursor<'a>> {
        let container = self.containers.get(depth).copied();
        if let (Some(Container::Item(last)), Some(mark)) = (container, word.mark())
            && mark.byte == last.mark
            && !word.is_rule()
        {
            self.leave(depth + 1);
            self.end_leaf();
            self.containers.pop();
            self.tree.close();
            return Some(self.open_item(word, mark, Some(last)));
        }
        self.leave(depth);
        None
    }

    /// Opens the quote or list that a line begins with.
    fn open_container(&mut self, line: Cursor<'a>) -> Option<Cursor<'a>> {
        if !self.tree.may_contain() {
            return None;
        }
        if let Some(rest) = behind_quote_mark(line) {
            self.end_leaf();
            self.tree.open(Kind::Quote);
            self.containers.push(Container::Quote);
            return Some(rest);
        }
        let word = line.word();
        let mark = word.mark()?;
        // A line of a paragraph can happen to start with a number, and a lone `-` is a word.
        let interrupts = !matches!(self.leaf, Leaf::Paragraph) || matches!(mark.number, None | Some(1));
        if !interrupts || mark.text.is_at_end() || word.is_rule() {
            return None;
        }
        self.end_leaf();
        self.tree.open(Kind::List { ordered: mark.number.is_some() });
        Some(self.open_item(word, mark, None))
    }

    fn open_item(&mut self, word: Cursor<'a>, mark: Mark<'a>, last: Option<Item>) -> Cursor<'a> {
        let mut number = mark.number;
        if let Some(last) = last.filter(|last| last.typed == number) {
            number = last.number.map(|number| number.saturating_add(1));
        }
        let task = mark.text.task();
        self.tree.open(Kind::Item { number, task: task.map(|(is_done, _)| is_done) });
        self.containers.push(Container::Item(Item {
            mark: mark.byte,
            column: word.column,
            text_column: mark.text.column,
            typed: mark.number,
            number,
        }));
        task.map_or(mark.text, |(_, text)| text)
    }

    /// Gives the line to an open leaf that takes lines as they are.
    fn feed(&mut self, line: Cursor<'a>) -> bool {
        let text = self.source.trim_end(line.rest());
        match self.leaf {
            Leaf::Code { fence, length, column, .. } => {
                let mut end = text.to;
                while end > text.from && self.source.byte(end - 1) == fence {
                    end -= 1;
                }
                let inside = line.behind_blanks(column);
                let is_alone = line.word().at == end;
                // People also close code at the end of its last line. But if a fence on its own line follows, that one is meant: the
                // code may contain comments with fences.
                let may_close_words = fence == b'`' && self.ahead.fence < line.at;
                let closes = text.to - end >= length && (is_alone || may_close_words);
                if !closes {
                    self.lines.push(inside.rest());
                    return true;
                }
                if !is_alone {
                    self.lines.push(Span { from: inside.at, to: end });
                }
                self.end_leaf();
                true
            }
            Leaf::Math { .. } => {
                self.read_math(text);
                true
            }
            Leaf::None | Leaf::Paragraph | Leaf::Table => false,
        }
    }

    fn read_leaf(&mut self, line: Cursor<'a>) {
        let text = self.source.trim_end(line.rest());
        let line = Cursor { end: text.to, ..line };
        let word = line.word();
        if word.is_at_end() {
            return;
        }
        let is_pasted = word.column - line.column > INDENT_MAX;
        if !is_pasted && (self.open_code(word) || self.open_math(word)) {
            return;
        }
        if !is_pasted && word.is_rule() {
            self.end_leaf();
            self.tree.leaf(Kind::Rule);
            return;
        }
        if let Some((level, words)) = word.heading().filter(|_| !is_pasted) {
            self.end_leaf();
            self.write_lines(Kind::Heading(level), &[words]);
            return;
        }
        if matches!(self.leaf, Leaf::Table) && table::has_bar(self.source, text) {
            self.write_row(text, false);
            return;
        }
        if !matches!(self.leaf, Leaf::Paragraph) {
            self.end_leaf();
            self.leaf = Leaf::Paragraph;
        }
        if !self.open_table(text) && !self.open_code_behind(line) {
            self.lines.push(text);
        }
    }

    fn open_code(&mut self, word: Cursor<'a>) -> bool {
        let Some(fence) = word.fence() else { return false };
        self.end_leaf();
        let language = if fence.is_followed_by_words { "" } else { self.source.text(fence.info) };
        self.leaf = Leaf::Code { fence: fence.byte, length: fence.length, column: word.column, language };
        // A language is one word. Several words are the first line of code.
        if fence.is_followed_by_words {
            self.lines.push(fence.info);
        }
        true
    }

    /// Code that starts after words on the same line, as people often type it, if it is closed somewhere.
    fn open_code_behind(&mut self, line: Cursor<'a>) -> bool {
        let mut word = line;
        while !word.is_at_end() && (word.byte() != b'`' || word.fence().is_none()) {
            word = word.behind(word.run());
        }
        let is_code = word.fence().is_some_and(|fence| !fence.is_followed_by_words);
        if !is_code || self.ahead.ticks <= word.at {
            return false;
        }
        let words = self.source.trim_end(Span { from: line.at, to: word.at });
        if words.from < words.to {
            self.lines.push(words);
        }
        // The code has no indent of its own.
        self.open_code(Cursor { column: line.column, ..word })
    }

    /// A formula on one or more lines of its own.
    fn open_math(&mut self, word: Cursor<'a>) -> bool {
        if word.byte() != b'$' || word.run() != 2 || self.ahead.dollars <= word.at {
            return false;
        }
        let text = self.source.trim_end(word.rest());
        if let Some(next) = (word.at + 2..text.to).find(|at| self.source.byte(*at) == b'$') {
            let ends_line = next + 2 == text.to && self.source.byte(next + 1) == b'$';
            // If words follow, it is part of a paragraph.
            if !ends_line || word.behind(2).word().at == next {
                return false;
            }
        }
        self.end_leaf();
        self.leaf = Leaf::Math { is_closed: false };
        self.read_math(text);
        true
    }

    /// A line of a formula, which may end it.
    fn read_math(&mut self, text: Span) {
        let begin = if self.lines.is_empty() { text.from + 2 } else { text.from };
        let ends = text.to >= begin + 2
            && self.source.byte(text.to - 1) == b'$'
            && self.source.byte(text.to - 2) == b'$';
        self.lines.push(text);
        if !ends {
            return;
        }
        if let Some(first) = self.lines.first_mut() {
            first.from += 2;
        }
        if let Some(last) = self.lines.last_mut() {
            last.to -= 2;
        }
        self.lines.retain(|line| line.from < line.to);
        self.leaf = Leaf::Math { is_closed: true };
        self.end_leaf();
    }

    /// GitHub, "Tables": the last line of the paragraph was the header.
    fn open_table(&mut self, line: Span) -> bool {
        let columns = table::columns(self.source, line);
        let Some(header) = self.lines.last().copied() else { return false };
        if columns.is_empty() || Cells::of(self.source, header).count() != columns.len() {
            return false;
        }
        self.lines.pop();
        self.end_leaf();
        self.leaf = Leaf::Table;
        self.columns = columns;
        self.tree.open(Kind::Table);
        self.write_row(header, true);
        true
    }

    fn write_row(&mut self, line: Span, header: bool) {
        self.tree.open(Kind::Row { header });
        for (index, cell) in Cells::of(self.source, line).enumerate() {
            if self.tree.is_full() {
                self.tree.stop(cell.from);
            }
            let align = self.columns.get(index).copied().unwrap_or(Align::Start);
            self.write_lines(Kind::Cell(align), &[cell]);
        }
        self.tree.close();
    }

    /// Writes what the leaf has collected, if there is one.
    fn end_leaf(&mut self) {
        let leaf = std::mem::replace(&mut self.leaf, Leaf::None);
        let lines = std::mem::take(&mut self.lines);
        match leaf {
            Leaf::None => {}
            Leaf::Paragraph | Leaf::Math { is_closed: false } if lines.is_empty() => {}
            Leaf::Paragraph | Leaf::Math { is_closed: false } => self.write_lines(Kind::Paragraph, &lines),
            Leaf::Code { language, .. } => self.write_raw(Kind::CodeBlock { language }, &lines),
            Leaf::Math { is_closed: true } => self.write_raw(Kind::MathBlock, &lines),
            Leaf::Table => self.tree.close(),
        }
    }

    fn write_lines(&mut self, kind: Kind<'a>, lines: &[Span]) {
        self.tree.open(kind);
        inlines::write(self.source, &mut self.tree, lines);
        self.tree.close();
    }

    fn write_raw(&mut self, kind: Kind<'a>, lines: &[Span]) {
        self.tree.open(kind);
        self.tree.lines(lines);
        self.tree.close();
    }
}
