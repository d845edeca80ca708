//! The contents of a paragraph, a heading or a cell. CommonMark, "Phase 2: inline structure".
//!
//! There are three passes: lines are read into tokens, delimiters are paired, and tokens are written as nodes. Whatever is between
//! tokens is text, and so is a token without a partner.

use crate::{
    address,
    builder::Builder,
    chars::Class,
    names,
    source::{Source, Span},
    tree::{Kind, Mention},
};

/// Longer runs of backticks are text.
const TICKS_MAX: usize = 31;

/// Writes the contents of some lines.
pub(crate) fn write<'a>(source: Source<'a>, tree: &mut Builder<'a>, lines: &[Span]) {
    let mut reader = Reader {
        source,
        lines,
        tokens: Vec::new(),
        delimiters: Vec::new(),
        brackets: Vec::new(),
        unclosed: 0,
    };
    reader.read();
    reader.pair(0);
    write_tokens(tree, lines, &reader.tokens);
}

#[derive(Clone, Copy)]
struct Token<'a> {
    span: Span,
    role: Role<'a>,
}

#[derive(Clone, Copy)]
enum Role<'a> {
    /// Shown as it is.
    Text,
    /// Not shown: the backslash of an escape.
    Hidden,
    /// Begins a node.
    Open(Kind<'a>),
    /// Ends it.
    Close,
    /// Is a node.
    Leaf(Kind<'a>),
}

/// A run of `*` or `_`, with a token for each; or one token of `~~` or `||`.
struct Delimiter {
    byte: u8,
    /// The first token without a partner, and how many they are.
    token: usize,
    count: usize,
    /// The original length of the run.
    length: usize,
    opens: bool,
    closes: bool,
}

/// A `[` that may begin a link.
struct Bracket {
    token: usize,
    /// The first delimiter inside.
    delimiter: usize,
}

struct Reader<'a, 'l> {
    source: Source<'a>,
    lines: &'l [Span],
    tokens: Vec<Token<'a>>,
    delimiters: Vec<Delimiter>,
    brackets: Vec<Bracket>,
    /// A bit for each length of a backtick run that nothing closes any more. The lowest bit is for `$$`.
    unclosed: u32,
}

impl<'a> Reader<'a, '_> {
    fn read(&mut self) {
        let mut at = 0;
        for (index, line) in self.lines.iter().enumerate() {
            // Code that started on an earlier line may end on this one, or later.
            at = at.max(line.from);
            while at < line.to {
                at = self.read_token(index, Span { from: at, to: line.to });
            }
        }
    }

    /// Reads the token at the start of the rest of a line, and returns where to continue.
    fn read_token(&mut self, line: usize, rest: Span) -> usize {
        let (source, at) = (self.source, rest.from);
        let behind = Span { from: at + 1, ..rest };
        match source.byte(at) {
            b'\\' if behind.from < rest.to && source.byte(behind.from).is_ascii_punctuation() => {
                self.push(at, behind.from, Role::Hidden);
                at + 2
            }
            b'`' => self.read_raw(line, rest, Kind::Code),
            b'$' => self.read_raw(line, rest, Kind::Math),
            b'*' | b'_' | b'~' | b'|' => self.read_delimiter(line, rest),
            b'!' if behind.from < rest.to && source.byte(behind.from) == b'[' => {
                self.open_bracket(at, at + 2)
            }
            b'[' => self.open_bracket(at, at + 1),
            b']' => self.close_bracket(rest),
            b'<' => self.read_pointed(rest),
            b'h' | b'H' | b'm' | b'M' => self.read_address(line, rest),
            b'@' | b'#' | b':' => self.read_name(line, rest),
            _ => at + 1,
        }
    }

    fn push(&mut self, from: usize, to: usize, role: Role<'a>) {
        self.tokens.push(Token { span: Span { from, to }, role });
    }

    fn char_before(&self, line: usize, at: usize) -> Option<char> {
        let from = self.lines.get(line)?.from;
        self.source.last_char(Span { from, to: at })
    }

    /// Code or a formula: nothing inside is markup. CommonMark, "Code spans".
    fn read_raw(&mut self, line: usize, rest: Span, kind: Kind<'a>) -> usize {
        let length = self.source.run(rest);
        let begin = rest.from + length;
        let is_code = matches!(kind, Kind::Code);
        let (bit, fits) = if is_code { (length, length <= TICKS_MAX) } else { (0, length == 2) };
        if !fits || self.unclosed & (1 << bit) != 0 {
            return begin;
        }
        let Some(end) = self.find_run(line, rest.from, length) else {
            self.unclosed |= 1 << bit;
            return begin;
        };
        if !is_code && self.source.text(Span { from: begin, to: end }).trim().is_empty() {
            return begin;
        }
        // One blank at each end is dropped, so that code can begin and end with a backtick.
        let is_padded = is_code
            && end > begin + 2
            && self.source.byte(begin) == b' '
            && self.source.byte(end - 1) == b' ';
        let pad = usize::from(is_padded);
        self.push(rest.from, begin + pad, Role::Open(kind));
        self.push(end - pad, end + length, Role::Close);
        end + length
    }

    /// The next run of just as many of the same bytes as the run at a place.
    fn find_run(&self, line: usize, run: usize, length: usize) -> Option<usize> {
        let byte = self.source.byte(run);
        let mut at = run + length;
        for line in self.lines.get(line..)? {
            at = at.max(line.from);
            while at < line.to {
                if self.source.byte(at) != byte {
                    at += 1;
                    continue;
                }
                let found = self.source.run(Span { from: at, ..*line });
                if found == length {
                    return Some(at);
                }
                at += found;
            }
        }
        None
    }

    /// CommonMark, "Emphasis and strong emphasis", with its flanking rules relaxed for Chinese, Japanese and Korean.
    ///
    /// By those rules a delimiter between punctuation and a letter cannot close, so the second `**` of `这是**重点。**下文` would be text:
    /// no space follows it. Here, CJK punctuation counts as a letter, and a CJK letter next to other punctuation counts as a space
    /// (the proposal "markdown-cjk-friendly"). But `_` never works inside words, in any script: `报告_最终_v2.docx` is a file name.
    fn read_delimiter(&mut self, line: usize, rest: Span) -> usize {
        let (byte, length) = (self.source.byte(rest.from), self.source.run(rest));
        let end = rest.from + length;
        let is_run = matches!(byte, b'*' | b'_');
        if !is_run && length != 2 {
            return end;
        }
        let before = Class::of(self.char_before(line, rest.from));
        let after = Class::of(self.source.first_char(Span { from: end, ..rest }));
        // Whether a delimiter belongs to the text on its inner side.
        let flanks =
            |outer, inner| inner != Class::Space && (inner != Class::Punctuation || outer != Class::Letter);
        let (mut opens, mut closes) = (flanks(before, after), flanks(after, before));
        if byte == b'_' {
            opens &= !before.is_in_word();
            closes &= !after.is_in_word();
        }
        if opens || closes {
            let token = self.tokens.len();
            let size = if is_run { 1 } else { 2 };
            for from in (rest.from..end).step_by(size) {
                self.push(from, from + size, Role::Text);
            }
            let count = length / size;
            self.delimiters.push(Delimiter { byte, token, count, length: count, opens, closes });
        }
        end
    }

    fn open_bracket(&mut self, from: usize, to: usize) -> usize {
        self.brackets.push(Bracket { token: self.tokens.len(), delimiter: self.delimiters.len() });
        self.push(from, to, Role::Text);
        to
    }

    /// CommonMark, "Links". The last `[` starts a link if an address follows; then those before it no longer can, as links do not nest.
    fn close_bracket(&mut self, rest: Span) -> usize {
        let behind = Span { from: rest.from + 1, ..rest };
        let Some(bracket) = self.brackets.pop() else { return behind.from };
        let Some(link) = address::destination(self.source, behind) else { return behind.from };
        let Some(open) = self.tokens.get_mut(bracket.token) else { return behind.from };
        // Without words there would be nothing to see or click.
        if self.source.text(Span { from: open.span.to, to: rest.from }).trim().is_empty() {
            return behind.from;
        }
        let (address, title) = (self.source.text(link.address), self.source.text(link.title));
        open.role = Role::Open(Kind::Link { address, title });
        self.push(rest.from, link.end, Role::Close);
        self.pair(bracket.delimiter);
        self.brackets.clear();
        link.end
    }

    /// `<https://…>`: CommonMark, "Autolinks".
    fn read_pointed(&mut self, rest: Span) -> usize {
        let behind = Span { from: rest.from + 1, ..rest };
        match address::reach(self.source, behind) {
            Some(end) if end < rest.to && self.source.byte(end) == b'>' => {
                self.push(rest.from, behind.from, Role::Hidden);
                self.push_address(Span { from: behind.from, to: end });
                self.push(end, end + 1, Role::Hidden);
                end + 1
            }
            Some(_) | None => behind.from,
        }
    }

    fn read_address(&mut self, line: usize, rest: Span) -> usize {
        if self.char_before(line, rest.from).is_some_and(|c| c.is_ascii_alphanumeric()) {
            return rest.from + 1;
        }
        let Some(end) = address::bare(self.source, rest) else { return rest.from + 1 };
        self.push_address(Span { from: rest.from, to: end });
        end
    }

    fn push_address(&mut self, span: Span) {
        let address = self.source.text(span);
        self.push(span.from, span.from, Role::Open(Kind::Link { address, title: "" }));
        self.push(span.to, span.to, Role::Close);
    }

    fn read_name(&mut self, line: usize, rest: Span) -> usize {
        let (source, at) = (self.source, rest.from);
        let behind = Span { from: at + 1, ..rest };
        let before = self.char_before(line, at);
        // In `std::mem::swap` there is no emoji, but `:tada::tada:` are two.
        let follows_emoji = self
            .tokens
            .last()
            .is_some_and(|token| token.span.to == at && matches!(token.role, Role::Leaf(Kind::Emoji(_))));
        if !names::may_follow(before) || (before == Some(':') && source.byte(at) == b':' && !follows_emoji) {
            return behind.from;
        }
        let found = match source.byte(at) {
            b'@' => names::person(source, behind)
                .map(|name| (name.to, Kind::Mention(Mention::named(source.text(name))))),
            b'#' => names::channel(source, behind).map(|name| (name.to, Kind::Channel(source.text(name)))),
            _ => names::emoji(source, behind).map(|name| (name.to + 1, Kind::Emoji(source.text(name)))),
        };
        let Some((end, kind)) = found else { return behind.from };
        self.push(at, end, Role::Leaf(kind));
        end
    }

    /// Pairs the delimiters from one on, and removes them. CommonMark, "process emphasis".
    fn pair(&mut self, first: usize) {
        // Openers between two partners are dropped: they can no longer open anything.
        let mut openers: Vec<Delimiter> = Vec::new();
        // How many of the first openers are known not to fit, for each kind of closer. This keeps the time linear.
        let mut unfit = [0; Delimiter::KINDS];
        for mut closer in self.delimiters.split_off(first.min(self.delimiters.len())) {
            while closer.closes && closer.count > 0 {
                let Some(unfit_here) = unfit.get_mut(closer.kind()) else { break };
                let found = openers.iter().skip(*unfit_here).rposition(|opener| opener.fits(&closer));
                let Some(found) = found.map(|found| found + *unfit_here) else {
                    *unfit_here = openers.len();
                    break;
                };
                openers.truncate(found + 1);
                let Some(opener) = openers.last_mut() else { break };
                let size = if opener.count >= 2 && closer.count >= 2 { 2 } else { 1 };
                let style = match (closer.byte, size) {
                    (b'~', _) => Kind::Strike,
                    (b'|', _) => Kind::Spoiler,
                    (_, 1) => Kind::Emphasis,
                    (_, _) => Kind::Strong,
                };
                opener.count -= size;
                join(&mut self.tokens, opener.token + opener.count, size, Role::Open(style));
                join(&mut self.tokens, closer.token, size, Role::Close);
                closer.token += size;
                closer.count -= size;
                if opener.count == 0 {
                    openers.pop();
                }
                for unfit in &mut unfit {
                    *unfit = openers.len().min(*unfit);
                }
            }
            if closer.opens && closer.count > 0 {
                openers.push(closer);
            }
        }
    }
}

impl Delimiter {
    const KINDS: usize = 24;

    /// An opener that fits one closer fits all closers of its kind.
    fn kind(&self) -> usize {
        let byte = match self.byte {
            b'*' => 0,
            b'_' => 1,
            b'~' => 2,
            _ => 3,
        };
        (byte * 2 + usize::from(self.opens)) * 3 + self.length % 3
    }

    /// CommonMark's rule of three: the run in the middle of `*foo**bar*` is text.
    fn fits(&self, closer: &Self) -> bool {
        crate::work::step();
        let is_odd = (self.closes || closer.opens)
            && (self.length + closer.length).is_multiple_of(3)
            && !self.length.is_multiple_of(3);
        self.byte == closer.byte && !is_odd
    }
}

/// Gives a role to one token, or to two neighbours as one. The writer skips the second.
fn join<'a>(tokens: &mut [Token<'a>], at: usize, size: usize, role: Role<'a>) {
    let end = tokens.get(at + size - 1).map(|last| last.span.to);
    if let (Some(token), Some(end)) = (tokens.get_mut(at), end) {
        token.role = role;
        token.span.to = end;
    }
}

fn write_tokens<'a>(tree: &mut Builder<'a>, lines: &[Span], tokens: &[Token<'a>]) {
    let mut tokens = tokens.iter().peekable();
    // The open styles, those that were too deep to be opened, and which of them is a link.
    let (mut styles, mut too_deep, mut link) = (0, 0, None);
    for (index, line) in lines.iter().enumerate() {
        let mut at = line.from;
        if tree.is_full() {
            tree.stop(at);
            return;
        }
        if index > 0 {
            tree.leaf(Kind::Break);
        }
        while let Some(token) = tokens.next_if(|token| token.span.from <= line.to) {
            if tree.is_full() {
                tree.stop(at);
                return;
            }
            let before = Span { from: at, to: token.span.from };
            match token.role {
                _ if token.span.from < at => continue,
                Role::Text => continue,
                Role::Hidden => tree.text(before),
                Role::Open(kind) => {
                    let is_link = matches!(kind, Kind::Link { .. });
                    if too_deep > 0 || !tree.may_style() || (is_link && link.is_some()) {
                        too_deep += 1;
                        continue;
                    }
                    tree.text(before);
                    tree.open(kind);
                    styles += 1;
                    if is_link {
                        link = Some(styles);
                    }
                }
                Role::Close if too_deep > 0 => {
                    too_deep -= 1;
                    continue;
                }
                Role::Close => {
                    tree.text(before);
                    tree.close();
                    link = link.filter(|link| *link != styles);
                    styles -= 1;
                }
                // A mention inside a link would be a second click target.
                Role::Leaf(kind) if link.is_some() && !matches!(kind, Kind::Emoji(_)) => continue,
                Role::Leaf(kind) => {
                    tree.text(before);
                    tree.leaf(kind);
                }
            }
            at = token.span.to;
        }
        tree.text(Span { from: at, to: line.to });
    }
}
