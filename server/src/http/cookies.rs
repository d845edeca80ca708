//! Cookies: read from a request, written into an answer.

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};

/// As long as browsers allow. How long a session really lives is decided in the database.
const YEAR_S: u32 = 365 * 86_400;
/// How long the link of a new invitation is shown to the browser that made it.
const LINK_S: u32 = 600;

/// A cookie's name, its attributes, and who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cookie {
    /// The session's token.
    Session,
    /// The link of an invitation just made.
    Link,
    /// `en` or `zh`; script may write it.
    Language,
    /// `system`, `light` or `dark`; script may write it.
    Theme,
    /// Minutes east of UTC; only script writes it.
    UtcOffset,
}

impl Cookie {
    /// With https, the secret ones have the prefix that ties a cookie to this host and to `Secure`.
    fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Session, true) => "__Host-roost",
            (Self::Session, false) => "roost",
            (Self::Link, true) => "__Host-roost-link",
            (Self::Link, false) => "roost-link",
            (Self::Language, _) => "lang",
            (Self::Theme, _) => "theme",
            (Self::UtcOffset, _) => "tz",
        }
    }

    /// Its value in a request.
    pub(super) fn read(self, headers: &HeaderMap, https: bool) -> Option<&str> {
        let name = self.name(https);
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The `Set-Cookie` for this value, which must consist of letters, digits, `.`, `-` and `_`.
    pub(super) fn write(self, value: &str, https: bool) -> HeaderValue {
        let seconds = match self {
            Self::Link => LINK_S,
            Self::Session | Self::Language | Self::Theme | Self::UtcOffset => YEAR_S,
        };
        self.header(value, seconds, https)
    }

    /// The `Set-Cookie` that forgets it.
    pub(super) fn clear(self, https: bool) -> HeaderValue {
        self.header("", 0, https)
    }

    fn header(self, value: &str, seconds: u32, https: bool) -> HeaderValue {
        let http_only = match self {
            Self::Session | Self::Link => "; HttpOnly",
            Self::Language | Self::Theme | Self::UtcOffset => "",
        };
        let secure = if https { "; Secure" } else { "" };
        let name = self.name(https);
        HeaderValue::from_str(&format!(
            "{name}={value}; Path=/; Max-Age={seconds}; SameSite=Lax{http_only}{secure}"
        ))
        .expect("a cookie's value is visible ASCII")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        cookies.iter().map(|cookie| (COOKIE, HeaderValue::from_str(cookie).unwrap())).collect()
    }

    #[test]
    fn a_cookie_is_found_among_others_by_its_whole_name() {
        let headers = headers(&["xroost=1; roost-x=2;roost=a-b_c; theme=dark", "lang=zh"]);
        assert_eq!(Cookie::Session.read(&headers, false), Some("a-b_c"));
        assert_eq!(Cookie::Session.read(&headers, true), None);
        assert_eq!(Cookie::Theme.read(&headers, true), Some("dark"));
        assert_eq!(Cookie::Language.read(&headers, false), Some("zh"));
        assert_eq!(Cookie::UtcOffset.read(&headers, false), None);
    }

    #[test]
    fn a_session_is_kept_from_script_and_with_https_from_everything_else() {
        let cookie = Cookie::Session.write("t", false);
        assert_eq!(cookie, "roost=t; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly");
        let cookie = Cookie::Session.write("t", true);
        assert_eq!(cookie, "__Host-roost=t; Path=/; Max-Age=31536000; SameSite=Lax; HttpOnly; Secure");
        let cookie = Cookie::Session.clear(true);
        assert_eq!(cookie, "__Host-roost=; Path=/; Max-Age=0; SameSite=Lax; HttpOnly; Secure");
    }

    #[test]
    fn script_may_read_what_it_writes() {
        assert!(!Cookie::Theme.write("dark", true).to_str().unwrap().contains("HttpOnly"));
    }
}
