//! Paths of the workspace.

use axum::http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The path and query of a request, in the form that Leptos expects.
pub(super) fn path_and_query(uri: &Uri) -> String {
    uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string)
}

/// A safe redirect target: `next` if it is a path of the workspace, otherwise `/`. Anything that a
/// browser could interpret as another host is unsafe.
pub(super) fn safe_next(next: &str) -> &str {
    let own = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
        && next.len() <= 500;
    if own { next } else { "/" }
}

/// All characters except those that a path may contain unescaped.
const IN_A_PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// Longer paths are truncated.
const PATH_CHARS_MAX: usize = 500;

/// Percent-encodes everything that a path may not contain.
pub(super) fn path_safe(text: &str) -> String {
    let end = text.char_indices().nth(PATH_CHARS_MAX).map_or(text.len(), |(at, _)| at);
    utf8_percent_encode(&text[..end], IN_A_PATH).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_leads_to_this_workspace_only() {
        for path in ["/", "/r/0199#end", "/settings?a=b", "/r/%E9%B8%9F"] {
            assert_eq!(safe_next(path), path);
        }
        for other in [
            "",
            "r/x",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a\r\nset-cookie: x",
            "/a b",
            "\t//evil.example",
            "/\t/evil.example",
        ] {
            assert_eq!(safe_next(other), "/", "{other:?}");
        }
    }

    #[test]
    fn a_path_has_nothing_in_it_that_could_end_it() {
        assert_eq!(path_safe("/r/a b?c#d\"é"), "/r/a%20b%3Fc%23d%22%C3%A9");
    }
}
