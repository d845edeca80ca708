//! An origin, as browsers write it.

use std::{fmt, str::FromStr};

/// Scheme, host and port, as in the `Origin` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    scheme: &'static str,
    /// Includes the port, unless it is the scheme's default.
    authority: String,
}

impl Origin {
    pub(super) fn new(scheme: &'static str, host: &str, port: Option<u16>) -> Self {
        let own_port = if scheme == "https" { 443 } else { 80 };
        let authority = match port {
            Some(port) if port != own_port => format!("{host}:{port}"),
            Some(_) | None => host.to_owned(),
        };
        Self { scheme, authority }
    }

    /// Whether browsers use https, so that cookies are `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.scheme == "https"
    }

    /// The same host for WebSockets.
    #[must_use]
    pub fn socket(&self) -> String {
        let scheme = if self.is_https() { "wss" } else { "ws" };
        format!("{scheme}://{}", self.authority)
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl FromStr for Origin {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || "http:// or https://, a host, and perhaps a port; no path".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let scheme =
            ["https", "http"].into_iter().find(|s| s.eq_ignore_ascii_case(scheme)).ok_or_else(wrong)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let parsed: axum::http::uri::Authority = authority.parse().map_err(|_| wrong())?;
        let plain = !authority.contains('@') && !parsed.host().is_empty();
        // If the port is not a number or too large, something after the host was not parsed.
        let port_is_good = authority.len() == parsed.host().len() || parsed.port_u16().is_some();
        if !plain || !port_is_good {
            return Err(wrong());
        }
        Ok(Self::new(scheme, &parsed.host().to_ascii_lowercase(), parsed.port_u16()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (text, origin) in [
            ("https://Chat.Example", "https://chat.example"),
            ("https://chat.example:443/", "https://chat.example"),
            ("HTTP://localhost:3000", "http://localhost:3000"),
            ("http://[::1]:80", "http://[::1]"),
        ] {
            assert_eq!(text.parse::<Origin>().unwrap().to_string(), origin);
        }
        for text in
            ["", "chat.example", "ftp://x", "https://", "https://x/path", "https://u:p@x", "https://x:99999"]
        {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
