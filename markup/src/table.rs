//! The rows of tables. GitHub, "Tables".

use crate::{
    source::{Source, Span},
    tree::Align,
};

/// The cells of a row, without the blanks around them.
pub(crate) struct Cells<'a> {
    source: Source<'a>,
    rest: Span,
}

impl<'a> Cells<'a> {
    pub(crate) fn of(source: Source<'a>, line: Span) -> Self {
        let mut rest = source.trim(line);
        if rest.from < rest.to && source.byte(rest.from) == b'|' {
            rest.from += 1;
        }
        Self { source, rest }
    }
}

impl Iterator for Cells<'_> {
    type Item = Span;

    fn next(&mut self) -> Option<Span> {
        let Span { from, to } = self.rest;
        if from >= to {
            return None;
        }
        let mut end = from;
        while end < to && self.source.byte(end) != b'|' {
            // An escaped bar is part of the cell.
            end += 1 + usize::from(self.source.byte(end) == b'\\');
        }
        let end = end.min(to);
        self.rest.from = end + 1;
        Some(self.source.trim(Span { from, to: end }))
    }
}

pub(crate) fn has_bar(source: Source<'_>, line: Span) -> bool {
    (line.from..line.to).any(|at| source.byte(at) == b'|')
}

/// The columns that a delimiter row (`|---|:-:|`) defines; none if the line is not one.
pub(crate) fn columns(source: Source<'_>, line: Span) -> Vec<Align> {
    let mut columns = Vec::new();
    if has_bar(source, line) {
        for cell in Cells::of(source, line) {
            let Some(align) = align(source, cell) else { return Vec::new() };
            columns.push(align);
        }
    }
    columns
}

fn align(source: Source<'_>, cell: Span) -> Option<Align> {
    let Span { mut from, mut to } = cell;
    let begins = from < to && source.byte(from) == b':';
    from += usize::from(begins);
    let ends = from < to && source.byte(to - 1) == b':';
    to -= usize::from(ends);
    let is_line = from < to && source.byte(from) == b'-' && source.run(Span { from, to }) == to - from;
    let align = match (begins, ends) {
        (true, true) => Align::Center,
        (false, true) => Align::End,
        (_, false) => Align::Start,
    };
    is_line.then_some(align)
}
