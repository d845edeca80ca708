//! The tree of a message.
//!
//! It is stored flat: each node knows its length, and its contents follow it. So a tree is one allocation, and neither
//! searching nor dropping it recurses.

/// A parsed message. It borrows its text from the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document<'a> {
    pub(crate) nodes: Vec<Entry<'a>>,
}

/// A node, and the number of entries that it and its contents take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) kind: Kind<'a>,
    pub(crate) len: usize,
}

/// The kind of a node. Kinds up to [`Kind::Cell`] are blocks; those from [`Kind::Text`] on are inline.
///
/// Only texts and names have text of their own. To draw any other kind, draw its children in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// Lines of text.
    Paragraph,
    /// A heading of level 1 to 6.
    Heading(u8),
    /// A quote. Contains blocks.
    Quote,
    /// A list. Contains items.
    List {
        /// Whether the items have numbers.
        ordered: bool,
    },
    /// An item of a list. Contains blocks.
    Item {
        /// Its number as typed; a repeated number counts on (`1. 1. 1.` is 1, 2, 3).
        number: Option<u32>,
        /// For a task, whether it is done.
        task: Option<bool>,
    },
    /// Fenced code. Contains texts, with line feeds between the lines and none at the end.
    CodeBlock {
        /// The word after the opening fence; empty if there is none.
        language: &'a str,
    },
    /// A formula on lines of its own, in TeX. Contains texts, as code does.
    MathBlock,
    /// A thematic break.
    Rule,
    /// A table. Contains rows.
    Table,
    /// A row of a table. Contains cells; rows can have different numbers of them.
    Row {
        /// Whether it is the first row, which names the columns.
        header: bool,
    },
    /// A cell of a table.
    Cell(Align),

    /// Plain text. Its white space and line feeds are significant. Adjacent texts are parts of one text.
    Text(&'a str),
    /// A line break.
    Break,
    /// `**bold**`
    Strong,
    /// `*italic*`
    Emphasis,
    /// `~~gone~~`
    Strike,
    /// `||hidden until asked for||`
    Spoiler,
    /// `` `code` ``. Contains texts and breaks.
    Code,
    /// `$$x^2$$` within a paragraph, in TeX. Contains texts and breaks.
    Math,
    /// A link. Contains no other links, mentions or channels.
    Link {
        /// Starts with `http://`, `https://` or `mailto:`, in any case.
        address: &'a str,
        /// May be empty.
        title: &'a str,
    },
    /// `@ana`
    Mention(Mention<'a>),
    /// `#general`, without the sign.
    Channel(&'a str),
    /// `:tada:`, without the colons.
    Emoji(&'a str),
}

/// The target of a mention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mention<'a> {
    /// A handle, in the case that was typed. It may not exist.
    Person(&'a str),
    /// `@here`
    Here,
    /// `@everyone`
    Everyone,
}

impl<'a> Mention<'a> {
    pub(crate) fn named(name: &'a str) -> Self {
        match name {
            name if name.eq_ignore_ascii_case("here") => Self::Here,
            name if name.eq_ignore_ascii_case("everyone") => Self::Everyone,
            name => Self::Person(name),
        }
    }

    /// The handle, or `here`, or `everyone`.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Self::Person(name) => name,
            Self::Here => "here",
            Self::Everyone => "everyone",
        }
    }
}

/// The alignment of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Aligned to the start of a line.
    Start,
    /// In the middle.
    Center,
    /// Aligned to the end of a line.
    End,
}

/// A node with its contents.
#[derive(Clone, Copy, Debug)]
pub struct Node<'d, 'a> {
    /// Its kind.
    pub kind: Kind<'a>,
    /// Its contents.
    pub children: Nodes<'d, 'a>,
}

/// Siblings.
#[derive(Clone, Copy, Debug)]
pub struct Nodes<'d, 'a> {
    rest: &'d [Entry<'a>],
}

impl<'d, 'a> Iterator for Nodes<'d, 'a> {
    type Item = Node<'d, 'a>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = self.rest.first()?;
        let (inside, rest) = self.rest.split_at_checked(first.len)?;
        self.rest = rest;
        Some(Node { kind: first.kind, children: Nodes { rest: inside.get(1..).unwrap_or_default() } })
    }
}

impl<'a> Document<'a> {
    /// The blocks, from first to last.
    #[must_use]
    pub fn blocks(&self) -> Nodes<'_, 'a> {
        Nodes { rest: &self.nodes }
    }

    /// How many nodes there are, at any depth: at most [`NODES_MAX`](crate::NODES_MAX).
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// The mentions in the order of the text, with repeats.
    pub fn mentions(&self) -> impl Iterator<Item = Mention<'a>> {
        self.nodes
            .iter()
            .filter_map(|entry| if let Kind::Mention(mention) = entry.kind { Some(mention) } else { None })
    }

    /// The addresses of the links in the order of the text, with repeats. What is behind a spoiler is left out.
    pub fn open_links(&self) -> impl Iterator<Item = &'a str> {
        let mut hidden_until = 0;
        self.nodes.iter().enumerate().filter_map(move |(at, entry)| {
            if entry.kind == Kind::Spoiler {
                hidden_until = hidden_until.max(at + entry.len);
            }
            let is_open = at >= hidden_until;
            if let Kind::Link { address, .. } = entry.kind { is_open.then_some(address) } else { None }
        })
    }

    /// The words alone: see [`Nodes::plain_text`].
    #[must_use]
    pub fn plain_text(&self, spoilers: Spoilers) -> String {
        self.blocks().plain_text(spoilers)
    }
}

/// How plain text treats spoilers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spoilers {
    /// Shown like other text: for search.
    Shown,
    /// Replaced by [`SPOILER_MARK`]: for notifications and previews.
    Hidden,
}

/// Replaces a spoiler of any length.
pub const SPOILER_MARK: &str = "▒▒▒▒";

impl Nodes<'_, '_> {
    /// The plain text, with one line per block. Items keep their marks and numbers; cells are separated by tabs.
    #[must_use]
    pub fn plain_text(self, spoilers: Spoilers) -> String {
        let mut out = String::new();
        // The length of the text before the first word of its last line.
        let mut bare = 0;
        let mut rest = self.rest;
        while let Some(entry) = rest.first() {
            let mut passed = 1;
            match entry.kind {
                Kind::Paragraph
                | Kind::Heading(_)
                | Kind::CodeBlock { .. }
                | Kind::MathBlock
                | Kind::Row { .. } => begin_line(&mut out, &mut bare),
                Kind::Item { number, task } => {
                    begin_line(&mut out, &mut bare);
                    push_mark(&mut out, number, task);
                    bare = out.len();
                }
                Kind::Rule => {
                    begin_line(&mut out, &mut bare);
                    out.push_str("---");
                }
                Kind::Cell(_) if out.len() > bare => out.push('\t'),
                Kind::Text(text) => out.push_str(text),
                Kind::Break => out.push('\n'),
                Kind::Spoiler if spoilers == Spoilers::Hidden => {
                    out.push_str(SPOILER_MARK);
                    passed = entry.len;
                }
                Kind::Mention(mention) => push_all(&mut out, ["@", mention.name(), ""]),
                Kind::Channel(name) => push_all(&mut out, ["#", name, ""]),
                Kind::Emoji(name) => push_all(&mut out, [":", name, ":"]),
                Kind::Quote | Kind::List { .. } | Kind::Table | Kind::Cell(_) => {}
                Kind::Strong | Kind::Emphasis | Kind::Strike | Kind::Spoiler => {}
                Kind::Code | Kind::Math | Kind::Link { .. } => {}
            }
            rest = rest.get(passed..).unwrap_or_default();
        }
        out
    }
}

/// Ends the last line, unless it has no words yet.
fn begin_line(out: &mut String, bare: &mut usize) {
    if out.len() > *bare {
        out.push('\n');
        *bare = out.len();
    }
}

fn push_all(out: &mut String, parts: [&str; 3]) {
    for part in parts {
        out.push_str(part);
    }
}

fn push_mark(out: &mut String, number: Option<u32>, task: Option<bool>) {
    match number {
        None => out.push_str("- "),
        Some(number) => {
            push_number(out, number);
            out.push_str(". ");
        }
    }
    match task {
        None => {}
        Some(false) => out.push_str("[ ] "),
        Some(true) => out.push_str("[x] "),
    }
}

/// Without `fmt`, which would enlarge the wasm.
fn push_number(out: &mut String, number: u32) {
    if number >= 10 {
        push_number(out, number / 10);
    }
    out.push(char::from_digit(number % 10, 10).unwrap_or('0'));
}
