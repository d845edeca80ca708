//! Writes a tree, node after node, and stops at its bounds.

use crate::{
    source::{Source, Span},
    tree::{Document, Entry, Kind},
};

/// Nodes of one message. The rest of its source becomes one plain text, so that a screen of messages stays fast to draw.
pub const NODES_MAX: usize = 2_000;
/// How deep nodes can be nested. Markup that would go deeper stays plain text.
pub const DEPTH_MAX: usize = 20;

/// Quotes and lists stop here, to leave room for a table inside them and for styles in its cells.
const CONTAINERS_DEPTH_MAX: usize = 12;
/// More nodes than can be written between two calls of [`Builder::is_full`].
const RESERVE: usize = 32;

pub(crate) struct Builder<'a> {
    source: Source<'a>,
    nodes: Vec<Entry<'a>>,
    /// The nodes that are not closed yet, outermost first.
    open: Vec<usize>,
    /// The text that was written last, as long as more can be added to it.
    last_text: Option<Span>,
    /// Where the source becomes plain text. Once this is set, nothing more is written until the end.
    stopped_at: Option<usize>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(source: Source<'a>) -> Self {
        Self { source, nodes: Vec::new(), open: Vec::new(), last_text: None, stopped_at: None }
    }

    /// Begins a node; what is written until [`close`](Self::close) is inside it.
    pub(crate) fn open(&mut self, kind: Kind<'a>) {
        if self.stopped_at.is_none() {
            self.open.push(self.nodes.len());
            self.leaf(kind);
        }
    }

    /// Ends the node that was opened last.
    pub(crate) fn close(&mut self) {
        if self.stopped_at.is_none() {
            self.end_last();
        }
    }

    /// Writes a node with nothing inside.
    pub(crate) fn leaf(&mut self, kind: Kind<'a>) {
        if self.stopped_at.is_none() {
            crate::work::step();
            self.nodes.push(Entry { kind, len: 1 });
            self.last_text = None;
        }
    }

    /// Writes a part of the source; one node with the text before it, if that ends where this begins.
    pub(crate) fn text(&mut self, span: Span) {
        if span.from >= span.to || self.stopped_at.is_some() {
            return;
        }
        let mut whole = span;
        if let Some(last) = self.last_text.filter(|last| last.to == span.from) {
            whole.from = last.from;
            self.nodes.pop();
        }
        self.leaf(Kind::Text(self.source.text(whole)));
        self.last_text = Some(whole);
    }

    /// Writes lines unchanged, with line feeds between them.
    pub(crate) fn lines(&mut self, lines: &[Span]) {
        let mut last_end = None;
        for line in lines {
            if self.is_full() {
                self.stop(line.from);
            }
            if let Some(end) = last_end {
                self.text(Span { from: end, to: end + 1 });
            }
            self.text(*line);
            last_end = Some(line.to);
        }
    }

    /// Whether a quote, or a list with an item, can be opened here.
    pub(crate) fn may_contain(&self) -> bool {
        self.open.len() + 2 <= CONTAINERS_DEPTH_MAX
    }

    /// Whether a style can be opened here, with a text inside.
    pub(crate) fn may_style(&self) -> bool {
        self.open.len() + 2 <= DEPTH_MAX
    }

    /// Whether it is time to [`stop`](Self::stop).
    pub(crate) fn is_full(&self) -> bool {
        self.nodes.len() + RESERVE > NODES_MAX
    }

    /// Stops writing: from here on, the source stays plain text.
    pub(crate) fn stop(&mut self, at: usize) {
        self.stopped_at.get_or_insert(at);
    }

    pub(crate) fn finish(mut self) -> Document<'a> {
        while !self.open.is_empty() {
            self.end_last();
        }
        // A message of nothing but marks (`>`, or a lone fence) would show nothing, so it stays text.
        if !self.nodes.iter().any(|entry| shows_something(entry.kind)) {
            self.nodes.clear();
            self.stopped_at = Some(0);
        }
        if let Some(from) = self.stopped_at.take() {
            let rest = Span { from, to: self.source.0.len() };
            if !self.source.text(rest).trim().is_empty() {
                self.open(Kind::Paragraph);
                self.text(rest);
                self.end_last();
            }
        }
        Document { nodes: self.nodes }
    }

    fn end_last(&mut self) {
        let Some(at) = self.open.pop() else { return };
        let end = self.nodes.len();
        if let Some(entry) = self.nodes.get_mut(at) {
            entry.len = end - at;
        }
        self.last_text = None;
    }
}

fn shows_something(kind: Kind<'_>) -> bool {
    matches!(kind, Kind::Text(_) | Kind::Rule | Kind::Mention(_) | Kind::Channel(_) | Kind::Emoji(_))
}
