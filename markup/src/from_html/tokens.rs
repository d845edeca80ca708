//! Splits HTML into tags and text. Nothing is refused, and no byte is read twice.

use super::inline::{EMPHASIS, STRIKE, STRONG};

pub(super) enum Token {
    Start { name: String, attributes: Attributes },
    End { name: String },
    Text(String),
}

/// The relevant attributes of a tag.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes {
    pub(super) href: String,
    pub(super) alt: String,
    pub(super) start: String,
    pub(super) kind: String,
    pub(super) is_checked: bool,
    class: String,
    /// In lower case.
    style: String,
    hidden: bool,
}

/// Elements without contents.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "br"
            | "col"
            | "embed"
            | "hr"
            | "img"
            | "input"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Elements whose contents are not text of the page.
fn is_raw(name: &str) -> bool {
    matches!(
        name,
        "script"
            | "style"
            | "title"
            | "textarea"
            | "xmp"
            | "iframe"
            | "noembed"
            | "noframes"
            | "noscript"
            | "template"
            | "svg"
            | "math"
            | "object"
            | "select"
            | "xml"
    )
}

impl Attributes {
    fn property(&self, name: &str) -> Option<&str> {
        self.style.split(';').find_map(|rule| {
            let (known, value) = rule.split_once(':')?;
            (known.trim() == name).then(|| value.trim())
        })
    }

    pub(super) fn is_hidden(&self) -> bool {
        self.hidden || self.property("display") == Some("none")
    }

    /// The style inside the element. `style` is that of its parent and its tag; CSS declarations override it.
    pub(super) fn style_over(&self, mut style: u8) -> u8 {
        let mut set = |flag: u8, is_on: Option<bool>| match is_on {
            Some(true) => style |= flag,
            Some(false) => style &= !flag,
            None => {}
        };
        let weight = self.property("font-weight");
        set(
            STRONG,
            weight.map(|weight| weight.starts_with("bold") || weight.parse().is_ok_and(|it: u32| it >= 600)),
        );
        let slant = self.property("font-style");
        set(EMPHASIS, slant.map(|slant| slant.starts_with("italic") || slant.starts_with("oblique")));
        let line = self.property("text-decoration").or_else(|| self.property("text-decoration-line"));
        set(STRIKE, line.filter(|line| line.contains("line-through")).map(|_| true));
        style
    }

    /// Lines of an editor: monospaced and not wrapped.
    pub(super) fn is_code(&self) -> bool {
        let face = self.property("font-family").unwrap_or_default();
        let is_mono = ["mono", "consolas", "menlo", "courier"].iter().any(|name| face.contains(name));
        is_mono && self.property("white-space") == Some("pre")
    }

    /// The language of code, from a class such as `language-rust`.
    pub(super) fn language(&self) -> String {
        let prefixes = ["language-", "lang-", "highlight-source-"];
        let named = |class: &str| {
            prefixes.iter().find_map(|prefix| class.strip_prefix(prefix)).map(ToOwned::to_owned)
        };
        let is_plain =
            |language: &String| language.chars().all(|c| c.is_ascii_alphanumeric() || "+-#".contains(c));
        self.class.split_whitespace().find_map(named).filter(is_plain).unwrap_or_default()
    }

    /// A paragraph that Word uses as an item: `mso-list:l0 level2 lfo1`.
    pub(super) fn item_level(&self) -> Option<usize> {
        let list = self.property("mso-list").filter(|list| *list != "ignore" && *list != "none")?;
        let level = list.split_whitespace().find_map(|part| part.strip_prefix("level")?.parse().ok());
        Some(level.unwrap_or(1))
    }

    /// Its mark, with the blanks after it.
    pub(super) fn is_mark_of_item(&self) -> bool {
        self.property("mso-list") == Some("ignore")
    }

    fn set(&mut self, name: &str, value: &str) {
        match name {
            "href" => self.href = decoded(value),
            "alt" => self.alt = decoded(value),
            "start" => self.start = value.to_owned(),
            "type" => self.kind = value.to_owned(),
            "checked" => self.is_checked = true,
            "class" => self.class = value.to_owned(),
            "style" => self.style = decoded(value).to_ascii_lowercase(),
            "hidden" => self.hidden = true,
            _ => {}
        }
    }
}

pub(super) struct Tokens<'a> {
    html: &'a str,
    at: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn of(html: &'a str) -> Self {
        Self { html, at: 0 }
    }

    fn rest(&self) -> &'a str {
        self.html.get(self.at..).unwrap_or_default()
    }

    fn byte(&self) -> u8 {
        self.html.as_bytes().get(self.at).copied().unwrap_or_default()
    }

    /// Skips past the next `what`, or to the end.
    fn pass(&mut self, what: &str) {
        self.at = self.rest().find(what).map_or(self.html.len(), |found| self.at + found + what.len());
    }

    /// Takes bytes while this holds, and returns them.
    fn take(&mut self, holds: impl Fn(u8) -> bool) -> &'a str {
        let from = self.at;
        // It stops only at ASCII characters, which are boundaries.
        while self.at < self.html.len() && holds(self.byte()) {
            self.at += 1;
        }
        self.html.get(from..self.at).unwrap_or_default()
    }

    fn name(&mut self) -> String {
        self.take(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>')).to_ascii_lowercase()
    }

    fn attributes(&mut self) -> Attributes {
        let mut attributes = Attributes::default();
        loop {
            self.take(|byte| byte.is_ascii_whitespace() || byte == b'/');
            if self.at >= self.html.len() || self.byte() == b'>' {
                self.at += 1;
                return attributes;
            }
            let name = self.take(|byte| !byte.is_ascii_whitespace() && !matches!(byte, b'/' | b'>' | b'='));
            let name = name.to_ascii_lowercase();
            self.take(|byte| byte.is_ascii_whitespace());
            let mut value = "";
            if self.byte() == b'=' {
                self.at += 1;
                self.take(|byte| byte.is_ascii_whitespace());
                value = match self.byte() {
                    quote @ (b'"' | b'\'') => {
                        self.at += 1;
                        let value = self.take(|byte| byte != quote);
                        self.at += 1;
                        value
                    }
                    _ => self.take(|byte| !byte.is_ascii_whitespace() && byte != b'>'),
                };
            } else if name.is_empty() {
                // A lone sign, such as `=`.
                self.at += 1;
            }
            attributes.set(&name, value);
        }
    }

    /// Skips past the end of an element whose contents are not text.
    fn pass_raw(&mut self, name: &str) {
        while self.at < self.html.len() {
            self.pass("</");
            let is_end = self.rest().get(..name.len()).is_some_and(|found| found.eq_ignore_ascii_case(name));
            if is_end {
                self.pass(">");
                return;
            }
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            self.at = self.at.min(self.html.len());
            let rest = self.rest();
            if rest.is_empty() {
                return None;
            }
            if !rest.starts_with('<') {
                let text = self.take(|byte| byte != b'<');
                return Some(Token::Text(decoded(text)));
            }
            let next = rest.as_bytes().get(1).copied().unwrap_or_default();
            if rest.starts_with("<!--") {
                self.at += 4;
                self.pass("-->");
            } else if matches!(next, b'!' | b'?') {
                self.pass(">");
            } else if next == b'/' {
                self.at += 2;
                let name = self.name();
                self.pass(">");
                return Some(Token::End { name });
            } else if next.is_ascii_alphabetic() {
                self.at += 1;
                let name = self.name();
                let attributes = self.attributes();
                if is_raw(&name) {
                    self.pass_raw(&name);
                    continue;
                }
                return Some(Token::Start { name, attributes });
            } else {
                self.at += 1;
                return Some(Token::Text("<".to_owned()));
            }
        }
    }
}

/// Named entities that programs use. Others stay unchanged: there are two thousand.
const NAMED: [(&str, &str); 24] = [
    ("amp", "&"),
    ("lt", "<"),
    ("gt", ">"),
    ("quot", "\""),
    ("apos", "'"),
    ("nbsp", "\u{A0}"),
    ("ndash", "–"),
    ("mdash", "—"),
    ("hellip", "…"),
    ("lsquo", "‘"),
    ("rsquo", "’"),
    ("ldquo", "“"),
    ("rdquo", "”"),
    ("laquo", "«"),
    ("raquo", "»"),
    ("bull", "•"),
    ("middot", "·"),
    ("copy", "©"),
    ("reg", "®"),
    ("trade", "™"),
    ("euro", "€"),
    ("times", "×"),
    ("deg", "°"),
    ("shy", ""),
];
/// The longest of them, and of the numeric ones.
const ENTITY_BYTES_MAX: usize = 8;

fn decoded(text: &str) -> String {
    let mut parts = text.split('&');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.bytes().take(ENTITY_BYTES_MAX + 1).position(|byte| byte == b';');
        let named = end.and_then(|end| part.get(..end)).and_then(entity);
        match (named, end) {
            (Some(named), Some(end)) => {
                out.push_str(&named);
                out.push_str(part.get(end + 1..).unwrap_or_default());
            }
            (_, _) => {
                out.push('&');
                out.push_str(part);
            }
        }
    }
    out
}

fn entity(name: &str) -> Option<String> {
    if let Some(number) = name.strip_prefix('#') {
        let hex = number.strip_prefix(['x', 'X']);
        let code = hex.map_or_else(|| number.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok())?;
        return char::from_u32(code)
            .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
            .map(String::from);
    }
    NAMED.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_has_attributes_of_all_kinds() {
        let html = "<A HREF='https://a.example/?a=1&amp;b' class=x hidden data-x=\"a>b\" =/>&lt;x&#62;&#x1F600; &nope; 5 & 6<";
        let mut tokens = Tokens::of(html);
        let Some(Token::Start { name, attributes }) = tokens.next() else { panic!() };
        assert_eq!((name.as_str(), attributes.href.as_str()), ("a", "https://a.example/?a=1&b"));
        assert!(attributes.is_hidden());
        let Some(Token::Text(text)) = tokens.next() else { panic!() };
        assert_eq!(text, "<x>😀 &nope; 5 & 6");
        assert!(matches!(tokens.next(), Some(Token::Text(text)) if text == "<"));
        assert!(tokens.next().is_none());
    }

    #[test]
    fn what_is_not_closed_ends_with_the_text() {
        for html in [
            "<!--",
            "<!x",
            "<style>a<b",
            "<a href=\"x",
            "<",
            "</",
            "<a",
            "<svg><p>x</p>",
            "<p =",
            "<p a=",
            "é<é",
        ] {
            assert!(Tokens::of(html).count() < 4, "{html}");
        }
    }
}
