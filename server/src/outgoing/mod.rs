//! Requests to servers that people name: the only way out of Roost into the internet.
//!
//! Law: a request reaches only addresses that are public, whatever a name resolves to and wherever a redirect leads. A name is resolved
//! once for each connection, the answers are checked, and the connection goes to one of these, so a name that resolves differently a
//! moment later (DNS rebinding) gains nothing. Where the connection went is checked once more before a byte of the answer is used.
//!
//! A request has no cookies, no credentials and no body, passes no proxy of the environment, and goes to the ports 80 and 443 only:
//! what listens elsewhere does not expect browsers. Time, bytes, redirects and concurrency are bounded. Bodies are taken as they come:
//! compressed ones are refused, so nothing can unpack itself.

mod address;
#[cfg(test)]
mod tests;

use std::{io, net::IpAddr, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
pub use reqwest::Url;
use reqwest::{
    Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, LOCATION},
    redirect::Policy,
};
use tokio::sync::Semaphore;

pub use self::address::{Exception, is_public};

/// How many redirects are followed.
const REDIRECTS_MAX: usize = 3;
/// Requests of this server at once.
const AT_ONCE: usize = 12;
/// A port that belongs to a page.
const PORTS: [u16; 2] = [80, 443];
/// The longest address that is followed, in bytes.
const URL_BYTES_MAX: usize = 2_048;
const AGENT: &str = concat!("Mozilla/5.0 (compatible; Roost/", env!("CARGO_PKG_VERSION"), "; link previews)");

/// Finds the addresses of a name.
pub type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Why a request has no usable answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is none of a public page: another scheme or port, with credentials, or too long.
    #[error("not the address of a page: {0}")]
    Address(&'static str),
    /// It leads to an address that is not public.
    #[error("leads to an address that is not public")]
    NotPublic,
    /// It redirects too often.
    #[error("redirects more than {REDIRECTS_MAX} times")]
    Redirects,
    /// The answer took too long.
    #[error("takes too long")]
    Late,
    /// The answer is an error.
    #[error("answers with status {0}")]
    Status(u16),
    /// The answer has another media type.
    #[error("is of another media type")]
    Media,
    /// The answer is compressed, although this was not asked for.
    #[error("is compressed")]
    Compressed,
    /// The answer is too large.
    #[error("is too large")]
    TooLarge,
    /// The connection failed.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
}

impl Error {
    /// Whether this server refused to go there.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        matches!(self, Self::Address(_) | Self::NotPublic)
    }
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// The media types, without parameters.
    pub media: &'static [&'static str],
    /// At most so many bytes …
    pub bytes_max: usize,
    /// … of which the first ones are enough.
    pub is_cut: bool,
    /// For everything, from the first name to the last byte.
    pub within: Duration,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Where it was at last.
    pub url: Url,
    /// The header `Content-Type`.
    pub content_type: String,
    /// The body.
    pub body: Bytes,
}

/// The client.
pub struct Outgoing {
    http: Client,
    rules: Arc<Rules>,
    slots: Semaphore,
}

/// Where one may go.
struct Rules {
    exceptions: Vec<Exception>,
}

impl Rules {
    fn allow(&self, ip: IpAddr) -> bool {
        is_public(ip) || self.exceptions.iter().any(|one| one.ip == ip)
    }

    fn allow_port(&self, port: u16) -> bool {
        PORTS.contains(&port) || self.exceptions.iter().any(|one| one.port == Some(port))
    }

    /// Checks everything that can be told without resolving a name. A client does not resolve an address, so it is checked here.
    fn check(&self, url: &Url) -> Result<(), Error> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(Error::Address("neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Error::Address("it has credentials"));
        }
        if url.as_str().len() > URL_BYTES_MAX {
            return Err(Error::Address("it is too long"));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(Error::Address("it has no host"))?;
        let port = url.port_or_known_default().unwrap_or_default();
        if !self.allow_port(port) {
            return Err(Error::Address("another port than 80 and 443"));
        }
        // `url` turns every way to write an address, such as 0x7f.1, into the usual one.
        match host.trim_matches(['[', ']']).parse::<IpAddr>() {
            Ok(ip) if !self.allow(ip) => Err(Error::NotPublic),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// Resolves names for the client, and drops what is not public.
struct Resolver {
    lookup: Lookup,
    rules: Arc<Rules>,
}

/// No address of a name is public.
#[derive(Debug, thiserror::Error)]
#[error("no address of this name is public")]
struct NoPublicAddress;

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (found, rules) = ((self.lookup)(name.as_str().to_owned()), Arc::clone(&self.rules));
        Box::pin(async move {
            let found = found.await?;
            let public: Vec<SocketAddr> =
                found.into_iter().filter(|ip| rules.allow(*ip)).map(|ip| SocketAddr::new(ip, 0)).collect();
            if public.is_empty() {
                return Err(NoPublicAddress.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// The names of this machine's resolver.
fn system_lookup() -> Lookup {
    Arc::new(|name| {
        Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.map(|addr| addr.ip()).collect()) })
    })
}

impl Outgoing {
    /// A client that may also reach these addresses.
    ///
    /// # Errors
    /// When TLS cannot be set up, for example because this machine has no certificates.
    pub fn new(exceptions: Vec<Exception>) -> Result<Self, Error> {
        Self::with_lookup(exceptions, system_lookup())
    }

    /// The same with another way to resolve names.
    ///
    /// # Errors
    /// As for [`Outgoing::new`].
    pub fn with_lookup(exceptions: Vec<Exception>, lookup: Lookup) -> Result<Self, Error> {
        // The same as for Postgres and Redis. An error means that it has been chosen already.
        drop(rustls::crypto::ring::default_provider().install_default());
        let rules = Arc::new(Rules { exceptions });
        let http = Client::builder()
            .user_agent(AGENT)
            .redirect(Policy::none())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            // Each request resolves and checks anew.
            .pool_max_idle_per_host(0)
            .retry(reqwest::retry::never())
            .dns_resolver(Arc::new(Resolver { lookup, rules: Arc::clone(&rules) }))
            .build()
            .map_err(|error| Error::Unreachable(chain(&error)))?;
        Ok(Self { http, rules, slots: Semaphore::new(AT_ONCE) })
    }

    /// Gets what is at an address.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn get(&self, url: Url, wanted: Wanted) -> Result<Fetched, Error> {
        let _slot = self.slots.acquire().await.map_err(|_| Error::Late)?;
        tokio::time::timeout(wanted.within, self.follow(url, wanted)).await.map_err(|_| Error::Late)?
    }

    async fn follow(&self, mut url: Url, wanted: Wanted) -> Result<Fetched, Error> {
        for _ in 0..=REDIRECTS_MAX {
            let response = self.ask(&url, wanted).await?;
            if !response.status().is_redirection() {
                return read(url, response, wanted).await;
            }
            let to = response.headers().get(LOCATION).and_then(|to| to.to_str().ok());
            let to = to.ok_or(Error::Status(response.status().as_u16()))?;
            url = url.join(to).map_err(|_| Error::Address("a redirect that is none"))?;
        }
        Err(Error::Redirects)
    }

    /// One request, without its redirect.
    async fn ask(&self, url: &Url, wanted: Wanted) -> Result<Response, Error> {
        self.rules.check(url)?;
        let request = self.http.get(url.clone());
        let request = request.header(ACCEPT, wanted.media.join(", ")).header(ACCEPT_ENCODING, "identity");
        let response = request.send().await.map_err(|error| failed(&error))?;
        match response.remote_addr() {
            Some(reached) if self.rules.allow(reached.ip()) => Ok(response),
            Some(_) | None => Err(Error::NotPublic),
        }
    }
}

async fn read(url: Url, mut response: Response, wanted: Wanted) -> Result<Fetched, Error> {
    if !response.status().is_success() {
        return Err(Error::Status(response.status().as_u16()));
    }
    let header =
        |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if !matches!(header(CONTENT_ENCODING).trim(), "" | "identity") {
        return Err(Error::Compressed);
    }
    let content_type = header(CONTENT_TYPE).to_owned();
    let media = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !wanted.media.contains(&&*media) {
        return Err(Error::Media);
    }
    let is_longer = |length: u64| length > wanted.bytes_max as u64;
    if !wanted.is_cut && response.content_length().is_some_and(is_longer) {
        return Err(Error::TooLarge);
    }
    let mut body = BytesMut::new();
    while let Some(piece) = response.chunk().await.map_err(|error| failed(&error))? {
        let room = wanted.bytes_max - body.len();
        if piece.len() > room && !wanted.is_cut {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&piece[..piece.len().min(room)]);
        if body.len() == wanted.bytes_max && wanted.is_cut {
            break;
        }
    }
    Ok(Fetched { url, content_type, body: body.freeze() })
}

/// Tells our own refusal from a failure of the connection.
fn failed(error: &reqwest::Error) -> Error {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(one) = cause {
        if one.is::<NoPublicAddress>() {
            return Error::NotPublic;
        }
        cause = one.source();
    }
    Error::Unreachable(chain(error))
}

/// An error with its causes, but without the address, which is a person's.
fn chain(error: &reqwest::Error) -> String {
    let mut text = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(one) = cause {
        if !text.is_empty() {
            text.push_str(": ");
        }
        text.push_str(&one.to_string());
        cause = one.source();
    }
    if text.is_empty() { "the request failed".to_owned() } else { text }
}
