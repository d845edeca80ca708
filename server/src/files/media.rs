//! Finds out what a file is, from its content alone: names and what browsers say can lie.

use protocol::limits;

/// What nothing is known of.
const UNKNOWN: &str = "application/octet-stream";
const TEXT: &str = "text/plain";
const HTML: &str = "text/html";
const SVG: &str = "image/svg+xml";
const XML: &str = "text/xml";

/// What may be shown inside a page. Everything here is passive: it contains nothing that runs. With `nosniff` a browser takes it as
/// nothing else, whatever is in it.
const PASSIVE: &[&str] = &[
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "image/avif",
    "video/mp4",
    "video/webm",
    "video/ogg",
    "audio/mpeg",
    "audio/mp4",
    "audio/ogg",
    "audio/wav",
    "audio/flac",
    "audio/aac",
    "audio/webm",
    TEXT,
];

/// Whether a file of this type may be shown inside a page. Everything else is only offered to be saved.
#[must_use]
pub fn shown_inline(media: &str) -> bool {
    PASSIVE.contains(&media)
}

/// The media type of a file that begins with these bytes.
#[must_use]
pub fn sniff(head: &[u8]) -> &'static str {
    let known = infer::get(head).map(|found| found.mime_type());
    match known {
        // Of texts ours is the better judgement.
        Some(media) if !media.starts_with("text/") => usual(media),
        Some(_) | None => text(head).unwrap_or(UNKNOWN),
    }
}

/// The registered name, where `infer` has another.
fn usual(media: &'static str) -> &'static str {
    match media {
        "audio/m4a" => "audio/mp4",
        "audio/x-wav" => "audio/wav",
        "audio/x-flac" => "audio/flac",
        "audio/opus" => "audio/ogg",
        "video/x-m4v" => "video/mp4",
        other => other,
    }
}

/// The first lines of a text, also of HTML and the like; `None` if it is none, or empty. See [`protocol::File::excerpt`].
#[must_use]
pub fn excerpt(head: &[u8]) -> Option<String> {
    let media = sniff(head);
    if ![TEXT, HTML, SVG, XML].contains(&media) {
        return None;
    }
    let line = |line: &str| -> String {
        let shown = line.trim_end().chars().filter(|c| *c == '\t' || !c.is_control());
        shown.take(limits::EXCERPT_LINE_CHARS_MAX).collect()
    };
    let lines = decode(head)?.lines().map(line).skip_while(|line| line.is_empty());
    let lines: Vec<String> = lines.take(limits::EXCERPT_LINES_MAX).collect();
    Some(lines.join("\n").trim_end().to_owned()).filter(|excerpt| !excerpt.is_empty())
}

/// The text that a file begins with; `None` if it is none.
fn decode(head: &[u8]) -> Option<&str> {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // The head may end inside a character.
        Err(e) if e.error_len().is_none() && e.valid_up_to() > 0 => {
            std::str::from_utf8(&head[..e.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return None,
    };
    let is_text =
        !text.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{c}' | '\u{1b}'));
    is_text.then(|| text.trim_start_matches('\u{feff}'))
}

/// What kind of text it is; `None` if it is none. Whatever a browser could take for a document is never `text/plain`.
fn text(head: &[u8]) -> Option<&'static str> {
    let text = decode(head)?.trim_start().to_ascii_lowercase();
    Some(if text.contains("<svg") {
        SVG
    } else if is_html(&text) {
        HTML
    } else if text.starts_with("<?xml") {
        XML
    } else {
        TEXT
    })
}

/// By what the standard for sniffing (`mimesniff.spec.whatwg.org`) takes for HTML, wherever a line begins with it.
fn is_html(text: &str) -> bool {
    const TAGS: [&str; 17] = [
        "<!doctype html",
        "<html",
        "<head",
        "<script",
        "<iframe",
        "<h1",
        "<div",
        "<font",
        "<table",
        "<a",
        "<style",
        "<title",
        "<b",
        "<body",
        "<br",
        "<p",
        "<!--",
    ];
    let begins = |line: &str| {
        TAGS.iter().any(|tag| {
            line.strip_prefix(tag)
                .is_some_and(|rest| rest.starts_with([' ', '>', '\t', '/']) || rest.is_empty())
        })
    };
    begins(text.lines().next().unwrap_or_default().trim_start())
        || text.contains("<html")
        || text.contains("<!doctype html")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn content_decides_and_not_the_name() {
        for (head, media) in [
            (&b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"[..], "image/png"),
            (b"\xff\xd8\xff\xe0\0\x10JFIF", "image/jpeg"),
            (b"GIF89a\x01\0\x01\0", "image/gif"),
            (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
            (b"%PDF-1.7\n", "application/pdf"),
            (b"PK\x03\x04\x14\0", "application/zip"),
            (b"fLaC\0\0\0\x22", "audio/flac"),
            (b"RIFF\x24\0\0\0WAVEfmt ", "audio/wav"),
            (b"ID3\x03\0", "audio/mpeg"),
            (b"hello\nworld\n", "text/plain"),
            ("中文".as_bytes(), "text/plain"),
            (&"中文".as_bytes()[..5], "text/plain"),
            (b"#!/bin/sh\nrm -rf /\n", "text/plain"),
            (b"\xef\xbb\xbf  <!DOCTYPE html><p>", "text/html"),
            (b"<script>alert(1)</script>", "text/html"),
            (b"see <html> below", "text/html"),
            (b"<?xml version=\"1.0\"?>\n<svg onload=\"x\">", "image/svg+xml"),
            (b"<svg xmlns=\"http://www.w3.org/2000/svg\"/>", "image/svg+xml"),
            (b"<?xml version=\"1.0\"?><a/>", "text/xml"),
            (b"\x00\x01\x02", "application/octet-stream"),
            (b"\xff\xfe\xfd\x80", "application/octet-stream"),
            (b"", "text/plain"),
        ] {
            assert_eq!(sniff(head), media, "{}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn a_text_shows_its_first_lines() {
        for (head, shown) in [
            ("one\r\ntwo\n", Some("one\ntwo")),
            ("\u{feff}\n\n  \n\tfn main() {}  \n\n\n", Some("\tfn main() {}")),
            ("1\n2\n3\n4\n5\n6\n7\n", Some("1\n2\n3\n4\n5\n6")),
            ("\u{1b}[31mred\u{1b}[0m", Some("[31mred[0m")),
            ("<script>alert(1)</script>", Some("<script>alert(1)</script>")),
            ("中文\n第二行", Some("中文\n第二行")),
            ("  \n\n", None),
            ("", None),
            ("%PDF-1.7\nabc", None),
        ] {
            assert_eq!(excerpt(head.as_bytes()).as_deref(), shown, "{head:?}");
        }
        assert_eq!(excerpt(b"\x89PNG\r\n\x1a\n"), None);
        let long = excerpt("字".repeat(8_192 / 3).as_bytes()).unwrap();
        assert_eq!(long.chars().count(), limits::EXCERPT_LINE_CHARS_MAX);
    }

    #[test]
    fn nothing_active_is_shown_inline() {
        for media in
            [HTML, SVG, XML, "application/pdf", UNKNOWN, "application/xhtml+xml", "application/javascript"]
        {
            assert!(!shown_inline(media), "{media}");
        }
        assert!(shown_inline("image/png") && shown_inline(TEXT));
    }

    proptest! {
        #[test]
        fn any_bytes_have_a_type(head in proptest::collection::vec(any::<u8>(), 0..512)) {
            prop_assert!(sniff(&head).contains('/'));
            let excerpt = excerpt(&head).unwrap_or_default();
            prop_assert!(excerpt.lines().count() <= limits::EXCERPT_LINES_MAX);
            prop_assert!(!excerpt.contains(|c: char| c.is_control() && c != '\n' && c != '\t'));
        }
    }
}
