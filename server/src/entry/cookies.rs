//! Cookies: reading them from a request, writing them to a response.

use axum::http::{HeaderMap, HeaderValue, header::COOKIE};
use cookie::{SameSite, time::Duration};

/// As long as browsers allow. The database decides how long a session really lives.
const YEAR_S: u32 = 365 * 86_400;
/// How long a new link is shown to the browser that created it.
const LINK_S: u32 = 600;

/// The cookies, with their names and attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cookie {
    /// The session's token.
    Session,
    /// A newly created link: an invitation or a password link.
    Link,
    /// The tag of the chosen language, such as `zh-CN`.
    Language,
    /// `system`, `light` or `dark`; scripts may write it.
    Theme,
    /// `comfortable` or `compact`; scripts may write it.
    Density,
    /// `shown` or `hidden`: previews of links.
    Previews,
    /// The collapsed sections of the list, such as `channels.direct`; only scripts write it.
    Folded,
    /// `hidden` if the first steps of a new workspace are hidden; only scripts write it.
    Steps,
    /// The name of the browser's time zone; only scripts write it.
    Zone,
}

impl Cookie {
    /// Under https, secret cookies have the prefix that binds a cookie to this host and to
    /// `Secure`.
    fn name(self, https: bool) -> &'static str {
        match (self, https) {
            (Self::Session, true) => "__Host-roost",
            (Self::Session, false) => "roost",
            (Self::Link, true) => "__Host-roost-link",
            (Self::Link, false) => "roost-link",
            (Self::Language, _) => "lang",
            (Self::Theme, _) => "theme",
            (Self::Density, _) => "density",
            (Self::Previews, _) => "previews",
            (Self::Folded, _) => "folded",
            (Self::Steps, _) => "steps",
            (Self::Zone, _) => "tz",
        }
    }

    /// Its value in a request.
    pub(crate) fn read(self, headers: &HeaderMap, https: bool) -> Option<&str> {
        let name = self.name(https);
        headers
            .get_all(COOKIE)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(cookie::Cookie::split_parse)
            .flatten()
            .find(|cookie| cookie.name() == name)
            .and_then(|cookie| cookie.value_raw())
    }

    /// The `Set-Cookie` header for this value, which must consist of letters, digits, `.`, `-` and
    /// `_`.
    pub(crate) fn write(self, value: &str, https: bool) -> HeaderValue {
        let seconds = match self {
            Self::Link => LINK_S,
            Self::Session
            | Self::Language
            | Self::Theme
            | Self::Density
            | Self::Previews
            | Self::Folded
            | Self::Steps
            | Self::Zone => YEAR_S,
        };
        self.header(value, seconds, https)
    }

    /// The `Set-Cookie` header that deletes it.
    pub(crate) fn clear(self, https: bool) -> HeaderValue {
        self.header("", 0, https)
    }

    fn header(self, value: &str, seconds: u32, https: bool) -> HeaderValue {
        let http_only = match self {
            Self::Session | Self::Link => true,
            Self::Language
            | Self::Theme
            | Self::Density
            | Self::Previews
            | Self::Folded
            | Self::Steps
            | Self::Zone => false,
        };
        let cookie = cookie::Cookie::build((self.name(https), value))
            .path("/")
            .max_age(Duration::seconds(seconds.into()))
            .same_site(SameSite::Lax)
            .http_only(http_only)
            .secure(https)
            .build();
        HeaderValue::from_str(&cookie.to_string()).expect("a cookie's value is visible ASCII")
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
        assert_eq!(Cookie::Zone.read(&headers, false), None);
    }

    #[test]
    fn a_session_is_kept_from_script_and_with_https_from_everything_else() {
        let parts = |cookie: HeaderValue| {
            let mut parts: Vec<_> = cookie.to_str().unwrap().split("; ").map(str::to_owned).collect();
            parts[1..].sort_unstable();
            parts.join("; ")
        };
        let cookie = parts(Cookie::Session.write("t", false));
        assert_eq!(cookie, "roost=t; HttpOnly; Max-Age=31536000; Path=/; SameSite=Lax");
        let cookie = parts(Cookie::Session.write("t", true));
        assert_eq!(cookie, "__Host-roost=t; HttpOnly; Max-Age=31536000; Path=/; SameSite=Lax; Secure");
        let cookie = parts(Cookie::Session.clear(true));
        assert_eq!(cookie, "__Host-roost=; HttpOnly; Max-Age=0; Path=/; SameSite=Lax; Secure");
    }

    #[test]
    fn script_may_read_what_it_writes() {
        assert!(!Cookie::Theme.write("dark", true).to_str().unwrap().contains("HttpOnly"));
    }
}
