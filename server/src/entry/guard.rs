//! Checks where a request comes from.
//!
//! Browsers send our cookies even with requests from another site's pages. So every request that
//! changes something, and the socket, must come from one of our pages: [`Guard::check_origin`], by
//! exact match, for every method that does not just read. `SameSite` cookies are the second line of
//! defence, not the first.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::{
    extract::ConnectInfo,
    http::{
        Extensions, HeaderMap,
        header::{FORWARDED, HeaderName, ORIGIN},
    },
};
use protocol::{ErrorCode, Refusal};

use crate::config::Config;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Knows the origins of the workspace and the proxies in front of it.
#[derive(Clone, Debug)]
pub struct Guard {
    origins: Vec<String>,
    https: bool,
    trusted_proxies: usize,
    /// Whether the log has already warned that forwarded addresses are ignored.
    said: Arc<AtomicBool>,
}

impl Guard {
    /// Creates a guard from the settings.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            origins: config.origins().iter().map(ToString::to_string).collect(),
            https: config.public_url().is_https(),
            trusted_proxies: config.trusted_proxies.into(),
            said: Arc::default(),
        }
    }

    /// Whether browsers use https.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// Checks that a request which changes something comes from a page of this workspace. Without
    /// `Origin`, it is allowed only if the browser states the same in another header.
    ///
    /// # Errors
    /// [`ErrorCode::OriginForeign`], naming the origin.
    pub fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let origin = headers.get(ORIGIN).map(|origin| origin.to_str().unwrap_or("?"));
        let allowed = match origin {
            Some(origin) => self.origins.iter().any(|own| own == origin),
            None => headers.get(FETCH_SITE).is_some_and(|site| site == "same-origin"),
        };
        if allowed {
            return Ok(());
        }
        let origin: String = origin.unwrap_or("none").chars().take(100).collect();
        Err(Refusal::new(ErrorCode::OriginForeign).detail(origin))
    }

    /// The address of the client: the peer, or the address given by the trusted proxies. That one
    /// is counted from the right, because the client can forge anything further left.
    #[must_use]
    pub fn client_address(&self, headers: &HeaderMap, peer: IpAddr) -> IpAddr {
        let Some(hops) = self.trusted_proxies.checked_sub(1) else {
            self.warn_of_proxies(headers);
            return peer;
        };
        let all: Vec<&str> = headers
            .get_all(FORWARDED_FOR)
            .iter()
            .filter_map(|header| header.to_str().ok())
            .flat_map(|header| header.split(','))
            .collect();
        all.iter().rev().nth(hops).and_then(|text| address(text.trim())).unwrap_or(peer)
    }

    /// Warns once if there seems to be a proxy in front that the settings do not mention. Everyone
    /// behind it would then have the same address, and share one budget.
    fn warn_of_proxies(&self, headers: &HeaderMap) {
        let is_forwarded = headers.contains_key(FORWARDED_FOR) || headers.contains_key(FORWARDED);
        if is_forwarded && !self.said.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "requests carry X-Forwarded-For or Forwarded, which is ignored: everyone behind that proxy counts as \
                 one address, for sign-ins, sign-ups and sockets; if the proxy is yours, set \
                 ROOST_TRUSTED_PROXIES (--trusted-proxies), and let it append to X-Forwarded-For"
            );
        }
    }
}

/// Parses an address as proxies write it: possibly in brackets, possibly with a port.
fn address(text: &str) -> Option<IpAddr> {
    text.parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

/// The address of the client.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// Determines it from the parts of a request.
    #[must_use]
    pub fn of(guard: &Guard, headers: &HeaderMap, extensions: &Extensions) -> Self {
        let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        // Without connection info, as in a test that calls the router directly, all requests have
        // the same address.
        Self(guard.client_address(headers, peer.unwrap_or(IpAddr::from([0, 0, 0, 0]))))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn guard(args: &[&str]) -> Guard {
        let args = ["server", "--database-url=postgres://localhost/x"].iter().chain(args).map(OsString::from);
        Guard::new(&Config::parse_args(args).unwrap())
    }

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    }

    #[test]
    fn only_the_exact_origin_is_ones_own() {
        let guard = guard(&["--public-url=https://chat.example", "--extra-origins=https://old.example"]);
        let check = |pairs: &[_]| guard.check_origin(&headers(pairs)).is_ok();
        assert!(check(&[("origin", "https://chat.example")]));
        assert!(check(&[("origin", "https://old.example")]));
        for foreign in [
            "http://chat.example",
            "https://chat.example:444",
            "https://chat.example.evil",
            "https://evil.example",
            "https://chat.example/",
            "null",
            "",
        ] {
            assert!(!check(&[("origin", foreign)]), "{foreign}");
            // No other header makes up for a foreign origin.
            assert!(!check(&[("origin", foreign), ("sec-fetch-site", "same-origin")]), "{foreign}");
        }
    }

    #[test]
    fn without_an_origin_the_browser_must_say_that_it_is_the_same() {
        let guard = guard(&[]);
        let check = |pairs: &[_]| guard.check_origin(&headers(pairs)).is_ok();
        assert!(!check(&[]));
        assert!(check(&[("sec-fetch-site", "same-origin")]));
        for site in ["same-site", "cross-site", "none"] {
            assert!(!check(&[("sec-fetch-site", site)]), "{site}");
        }
    }

    #[test]
    fn a_proxy_of_which_the_settings_do_not_know_is_told_of_once() {
        for (settings, header, times) in [
            (&[][..], "x-forwarded-for", 1),
            (&[], "forwarded", 1),
            (&[], "x-other", 0),
            (&["--trusted-proxies=1"], "x-forwarded-for", 0),
        ] {
            let log = Log::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
            tracing::subscriber::with_default(subscriber, || {
                tracing::callsite::rebuild_interest_cache();
                let guard = guard(settings);
                for _ in 0..3 {
                    let address =
                        guard.client_address(&headers(&[(header, "192.0.2.1")]), [10, 0, 0, 1].into());
                    assert_eq!(
                        address.to_string(),
                        if settings.is_empty() { "10.0.0.1" } else { "192.0.2.1" }
                    );
                }
            });
            let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
            assert_eq!(text.matches("ROOST_TRUSTED_PROXIES").count(), times, "{header}: {text}");
            assert!(!text.contains("192.0.2.1"), "{text}");
        }
    }

    /// The captured log.
    #[derive(Clone, Default)]
    struct Log(Arc<std::sync::Mutex<Vec<u8>>>);

    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn an_address_is_believed_only_as_far_as_the_proxies_are_trusted() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        for (proxies, forwarded, expected) in [
            ("0", "192.0.2.1", "10.0.0.1"),
            ("1", "192.0.2.1", "192.0.2.1"),
            ("1", "spoofed, 203.0.113.9, 192.0.2.1", "192.0.2.1"),
            ("2", "203.0.113.9, 192.0.2.1", "203.0.113.9"),
            ("2", "192.0.2.1", "10.0.0.1"),
            ("1", "unknown", "10.0.0.1"),
            ("1", "[2001:db8::1]:4711", "2001:db8::1"),
            ("1", "[2001:db8::1]", "2001:db8::1"),
            ("1", "192.0.2.1:80", "192.0.2.1"),
        ] {
            let guard = guard(&[&format!("--trusted-proxies={proxies}")]);
            let address = guard.client_address(&headers(&[("x-forwarded-for", forwarded)]), peer);
            assert_eq!(address.to_string(), expected, "{proxies} proxies, {forwarded:?}");
        }
    }
}
