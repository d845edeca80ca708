//! What an HTML page says of itself: its title, a text, the name of its site, a picture.
//!
//! Only its plain metadata: Open Graph, Twitter's card, `<title>`, `<meta name=description>`. Nothing is executed, and no other
//! address is asked. Pure.

use encoding_rs::{Encoding, UTF_8};
use html5gum::{DefaultEmitter, HtmlString, Spanned, StartTag, Token, Tokenizer};

/// The encoding is named within the first bytes of a page.
const PRESCAN: usize = 1_024;
/// Texts are cut to their limits later; nobody needs more than this, in bytes.
pub const VALUE_BYTES_MAX: usize = 4_096;

/// What was found, as the page has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// Its title.
    pub title: String,
    /// What it is about.
    pub text: String,
    /// The name of its site.
    pub site: String,
    /// The address of the picture, perhaps relative.
    pub picture: String,
}

/// The names of the values, the best first.
const TITLE: &[&str] = &["og:title", "twitter:title", "<title>"];
const TEXT: &[&str] = &["og:description", "twitter:description", "description"];
const SITE: &[&str] = &["og:site_name", "application-name"];
const PICTURE: &[&str] =
    &["og:image:secure_url", "og:image", "og:image:url", "twitter:image", "twitter:image:src"];

/// Reads a page, or the beginning of one.
#[must_use]
pub fn read(body: &[u8], content_type: &str) -> Said {
    let (html, _, _) = encoding(body, content_type).decode(body);
    let mut found: Vec<(String, String)> = Vec::new();
    let mut emitter = DefaultEmitter::default();
    // Otherwise a `<meta>` in a script would count.
    emitter.naively_switch_states(true);
    let mut title: Option<String> = None;
    let mut in_title = false;
    for Ok(token) in Tokenizer::new_with_emitter(&*html, emitter) {
        match token {
            Token::StartTag(tag) if is(&tag.name, "meta") => found.extend(value_of(&tag)),
            Token::StartTag(tag) => {
                // A drawing in the page has titles, too: only the first one counts.
                in_title = is(&tag.name, "title") && title.is_none() && !tag.self_closing;
                if in_title {
                    title = Some(String::new());
                }
            }
            Token::String(text) if in_title => {
                if let Some(title) = &mut title {
                    title.push_str(&lossy(&text));
                }
            }
            Token::EndTag(_) => in_title = false,
            Token::String(_) | Token::Comment(_) | Token::Doctype(_) | Token::Error(_) => {}
        }
    }
    found.extend(title.map(|title| ("<title>".to_owned(), cut(title))));
    let best = |names: &[&str]| {
        let value =
            |name: &&str| found.iter().find(|(known, value)| known == name && !value.trim().is_empty());
        names.iter().find_map(value).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    Said { title: best(TITLE), text: best(TEXT), site: best(SITE), picture: best(PICTURE) }
}

/// The name and the value of a `<meta>`. Open Graph says `property`, others `name`; many pages mix them up.
fn value_of(tag: &StartTag<()>) -> Option<(String, String)> {
    let attribute = |name: &str| tag.attributes.get(name.as_bytes()).map(lossy);
    let name = attribute("property").or_else(|| attribute("name"))?.trim().to_ascii_lowercase();
    let is_wanted = [TITLE, TEXT, SITE, PICTURE].iter().any(|names| names.contains(&&*name));
    is_wanted.then_some(())?;
    Some((name, cut(attribute("content")?)))
}

fn is(name: &HtmlString, word: &str) -> bool {
    name.as_slice() == word.as_bytes()
}

fn lossy(text: &Spanned<HtmlString, ()>) -> String {
    String::from_utf8_lossy(text).into_owned()
}

fn cut(mut text: String) -> String {
    text.truncate(text.floor_char_boundary(VALUE_BYTES_MAX));
    text
}

/// By the header, or else by a `charset=` near the beginning; otherwise UTF-8. A byte order mark counts more than all of these.
fn encoding(body: &[u8], content_type: &str) -> &'static Encoding {
    let head = String::from_utf8_lossy(&body[..body.len().min(PRESCAN)]);
    charset(content_type).or_else(|| charset(&head)).unwrap_or(UTF_8)
}

fn charset(text: &str) -> Option<&'static Encoding> {
    let lower = text.to_ascii_lowercase();
    let (_, rest) = lower.split_once("charset")?;
    let value = rest.trim_start().strip_prefix('=')?.trim_start().trim_start_matches(['"', '\'']);
    let end = value.find(|c: char| !(c.is_ascii_alphanumeric() || "-_:.".contains(c))).unwrap_or(value.len());
    Encoding::for_label(&value.as_bytes()[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(html: &str) -> Said {
        read(html.as_bytes(), "text/html; charset=utf-8")
    }

    #[test]
    fn the_best_value_counts() {
        let page = "<!doctype html><html><head><title>Plain &amp; simple</title>
            <meta name=description content='A text'>
            <meta property='og:title' content='Tides &#8212; today'>
            <meta property=og:description content=\"High water at nine\">
            <meta property=og:site_name content=Harbour><meta property='og:image' content='/sail.jpg'>
            <meta name='twitter:title' content='worse'></head><body><p>…";
        let expected = Said {
            title: "Tides — today".into(),
            text: "High water at nine".into(),
            site: "Harbour".into(),
            picture: "/sail.jpg".into(),
        };
        assert_eq!(said(page), expected);
        assert_eq!(
            said("<TITLE>\n One\n page </TITLE><svg><title>Drawing</title></svg>").title,
            "\n One\n page "
        );
        assert_eq!(said("<title></title><meta property=og:title content=' '><p>").title, "");
        assert_eq!(said("<meta name=og:title content=mixed><title>x</title>").title, "mixed");
        assert_eq!(
            said("<meta property=og:title content=first><meta property=og:title content=second>").title,
            "first"
        );
    }

    #[test]
    fn what_is_no_metadata_is_none() {
        let page = "<script>'<meta property=og:title content=evil>'</script><!-- <meta property=og:title content=evil> -->
            <textarea><meta property=og:title content=evil></textarea><style><meta property=og:title content=evil></style>
            <title>honest <b>& bold</title>";
        assert_eq!(said(page).title, "honest <b>& bold");
        assert_eq!(said(""), Said::default());
        assert_eq!(said("\u{0}<<<>>&#xd800;<meta <meta property"), Said::default());
    }

    #[test]
    fn a_page_is_read_in_its_encoding() {
        let (gbk, _, _) = encoding_rs::GBK.encode("<meta charset=gbk><title>潮汐表</title>");
        assert_eq!(read(&gbk, "text/html").title, "潮汐表");
        let (latin, _, _) = encoding_rs::WINDOWS_1252.encode("<title>Größe</title>");
        assert_eq!(read(&latin, "text/html; Charset=\"ISO-8859-1\"").title, "Größe");
        let http_equiv = b"<meta http-equiv=content-type content='text/html; charset=windows-1251'><title>\xcf\xf0\xe8\xe2\xe5\xf2</title>";
        assert_eq!(read(http_equiv, "text/html").title, "Привет");
        assert_eq!(read("\u{feff}<title>Ä</title>".as_bytes(), "text/html; charset=latin1").title, "Ä");
        assert_eq!(
            read(b"<title>\xff\xfe?</title>", "text/html; charset=nonsense").title.chars().last(),
            Some('?')
        );
    }

    /// A page is cut anywhere, and its texts may be as long as the page.
    #[test]
    fn any_beginning_of_a_page_is_read() {
        let page = format!(
            "<title>Ä{}</title><meta property=og:title content=\"{}\">",
            "x".repeat(9_000),
            "长".repeat(9_000)
        );
        for end in (0..page.len()).step_by(97).chain([page.len()]) {
            let said = read(&page.as_bytes()[..end], "text/html");
            assert!(said.title.len() <= VALUE_BYTES_MAX, "{end}");
        }
        assert!(read(page.as_bytes(), "text/html").title.starts_with("长长"));
    }
}
