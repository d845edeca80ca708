//! Previews of links: looks pages up, once for the whole workspace.
//!
//! A message with links has a [job](crate::jobs), which asks here for each of them ([`crate::chat::previews`]). What a page says is
//! remembered, also that it cannot be read; whoever comes while it is being fetched waits for that. Its picture is fetched once, drawn
//! anew, and served by us, so readers ask nobody else for anything and tell nobody what they read. `docs/previews.md` tells the whole.

pub mod page;

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use protocol::{
    LinkPicture, LinkPreview, UserId, foreign_line,
    limits::{LINK_BYTES_MAX, LINK_SITE_CHARS_MAX, LINK_TEXT_CHARS_MAX, LINK_TITLE_CHARS_MAX},
};
use sha2::{Digest as _, Sha256};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    config::Config,
    files::{self, Files},
    metrics::PageResult,
    node::{Node, Unfinished},
    outgoing::{self, Fetched, Outgoing, Url, Wanted},
    store::{self, previews::KnownPage},
};

/// The beginning of a page: its metadata is there.
const PAGE: Wanted = Wanted {
    media: &["text/html", "application/xhtml+xml"],
    bytes_max: 512 * 1024,
    is_cut: true,
    within: Duration::from_secs(3),
};
/// A picture is drawn from all of its bytes, or not at all.
const PICTURE: Wanted = Wanted {
    media: &["image/jpeg", "image/png", "image/webp", "image/gif"],
    bytes_max: 2 * 1024 * 1024,
    is_cut: false,
    within: Duration::from_secs(3),
};
/// How long what a page says is believed …
const VALID: Duration = Duration::from_secs(24 * 3_600);
/// … and that it cannot be read, or says nothing.
const FAILED_VALID: Duration = Duration::from_secs(3_600);
/// How long a page belongs to the server that fetches it: longer than page, picture and drawing take.
const CLAIM: Duration = Duration::from_secs(15);
/// How long to wait for a page that another server, or another job, is fetching.
const WAIT_MAX: Duration = Duration::from_secs(8);
const WAIT_STEP: Duration = Duration::from_millis(100);
/// Pages that one person's messages have fetched per minute, on one server.
const FETCHES_PER_MIN: NonZeroU32 = NonZeroU32::new(30).expect("not zero");
/// Pages, or pictures, that are looked at in one step of the collection.
const SWEEP: i64 = 1_000;

/// Why a page could not be looked up now. This is tried again.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Somebody else is still fetching it.
    #[error("another server is still fetching a page")]
    Busy,
    /// The database failed.
    #[error("the database failed: {0}")]
    Store(#[from] store::Error),
    /// The picture could not be stored.
    #[error(transparent)]
    Files(#[from] files::Error),
}

/// Looks links up.
pub struct Previews {
    node: Arc<Node>,
    files: Arc<Files>,
    outgoing: Outgoing,
    fetches: DefaultKeyedRateLimiter<UserId>,
}

impl Previews {
    /// Starts to look links up, and to forget pages, until the node leaves. Does nothing if previews are off.
    pub fn start(node: &Arc<Node>, files: &Arc<Files>, config: &Config) {
        if !config.link_previews {
            return;
        }
        let outgoing = match Outgoing::new(config.outgoing_allow.clone()) {
            Ok(outgoing) => outgoing,
            Err(error) => {
                tracing::error!(%error, "there are no previews of links: TLS cannot be set up");
                return;
            }
        };
        let fetches = RateLimiter::keyed(Quota::per_minute(FETCHES_PER_MIN));
        let previews = Arc::new(Self { node: node.clone(), files: files.clone(), outgoing, fetches });
        node.run_until_leaving(collect(Arc::clone(&previews)));
        crate::jobs::start_previews(node, previews);
    }

    /// What is known of the page behind a link. It is fetched now if nobody has. `None` if it cannot be read, or says nothing, or this
    /// person's messages have had too many pages fetched.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn page(&self, by: UserId, link: &str) -> Result<Option<LinkPreview>, Error> {
        let Some((url, hash)) = parse(link) else { return Ok(None) };
        let until = Instant::now() + WAIT_MAX;
        let mut may_fetch = None;
        loop {
            if let KnownPage::Fetched(preview) = self.node.store.known_page(&hash).await? {
                return Ok(preview);
            }
            if !*may_fetch.get_or_insert_with(|| self.fetches.check_key(&by).is_ok()) {
                self.node.metrics.page_fetched(PageResult::Limited);
                return Ok(None);
            }
            if self.node.store.claim_page(&hash, CLAIM).await? {
                break;
            }
            if Instant::now() >= until {
                return Err(Error::Busy);
            }
            tokio::time::sleep(WAIT_STEP).await;
        }
        let preview = self.fetch(url).await?;
        let valid = if preview.is_some() { VALID } else { FAILED_VALID };
        let has_picture = self.node.store.put_page(&hash, preview.as_ref(), valid).await?;
        Ok(preview.map(|preview| LinkPreview { picture: preview.picture.filter(|_| has_picture), ..preview }))
    }

    /// What a page says; `None` if it cannot be read, or has no title.
    async fn fetch(&self, url: Url) -> Result<Option<LinkPreview>, Error> {
        let Fetched { url, content_type, body } = match self.outgoing.get(url, PAGE).await {
            Ok(fetched) => fetched,
            Err(error) => {
                // Not the address: it is a part of what a person wrote.
                tracing::debug!(%error, "a page could not be read");
                let is_refused = error.is_refusal();
                let result = if is_refused { PageResult::Refused } else { PageResult::Failed };
                self.node.metrics.page_fetched(result);
                return Ok(None);
            }
        };
        self.node.metrics.page_fetched(PageResult::Fetched);
        // Half a megabyte takes some milliseconds.
        let said = tokio::task::spawn_blocking(move || page::read(&body, &content_type)).await;
        let Ok(said) = said else { return Ok(None) };
        let title = foreign_line(&said.title, LINK_TITLE_CHARS_MAX);
        if title.is_empty() {
            return Ok(None);
        }
        let site = foreign_line(&said.site, LINK_SITE_CHARS_MAX);
        let host = url.host_str().unwrap_or_default();
        let host = foreign_line(host.strip_prefix("www.").unwrap_or(host), LINK_SITE_CHARS_MAX);
        Ok(Some(LinkPreview {
            text: foreign_line(&said.text, LINK_TEXT_CHARS_MAX),
            site: if site.is_empty() { host } else { site },
            picture: self.picture(&url, &said.picture).await?,
            url: url.into(),
            title,
        }))
    }

    /// Fetches and stores the picture of a page; `None` if there is none that can be drawn.
    async fn picture(&self, page: &Url, address: &str) -> Result<Option<LinkPicture>, Error> {
        if address.trim().is_empty() {
            return Ok(None);
        }
        let fetched = match page.join(address.trim()) {
            Ok(url) => self.outgoing.get(url, PICTURE).await,
            Err(_) => Err(outgoing::Error::Address("it cannot be parsed")),
        };
        match fetched {
            Ok(fetched) => Ok(self.files.store_copy(fetched.body).await?),
            Err(error) => {
                tracing::debug!(%error, "the picture of a page could not be read");
                Ok(None)
            }
        }
    }
}

/// The address that is fetched, and its hash; `None` if there are no pages at such addresses. A fragment is a place in the page.
fn parse(link: &str) -> Option<(Url, [u8; 32])> {
    let mut url = Url::parse(link).ok().filter(|_| link.len() <= LINK_BYTES_MAX)?;
    url.set_fragment(None);
    let hash = Sha256::digest(url.as_str()).into();
    matches!(url.scheme(), "http" | "https").then_some((url, hash))
}

/// Forgets expired pages, and the pictures that nobody shows any more. Every node does this, in small steps.
async fn collect(previews: Arc<Previews>) {
    let pause = previews.node.tuning().files_check;
    let mut after = Uuid::nil();
    loop {
        tokio::time::sleep(pause.mul_f64(rand::random_range(0.75..1.25))).await;
        previews.fetches.retain_recent();
        let store = previews.node.store.clone();
        let step = async move {
            store.forget_pages(SWEEP).await?;
            store.sweep_pictures(after, SWEEP).await
        };
        match previews.node.within_timeout("old pages", step).await {
            Ok(Ok(swept)) => {
                after = swept.through.unwrap_or_default();
                tracing::debug!(pictures = swept.deleted, "deleted unused pictures of pages");
            }
            Ok(Err(error)) => tracing::warn!(%error, "old pages were not forgotten; this is tried again"),
            Err(unfinished @ (Unfinished::Late | Unfinished::Panicked(_))) => unfinished.log("old pages"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_page_has_one_hash() {
        let hash = |link: &str| parse(link).map(|(_, hash)| hash);
        let page = hash("https://tides.example/today?x=1");
        assert!(page.is_some());
        assert_eq!(hash("HTTPS://Tides.Example:443/today?x=1#noon"), page);
        assert_ne!(hash("https://tides.example/today?x=2"), page);
        assert_ne!(hash("http://tides.example/today?x=1"), page);
        for none in [
            "mailto:ana@tides.example",
            "https://",
            "ftp://tides.example",
            "tides.example",
            "data:text/html,x",
        ] {
            assert_eq!(hash(none), None, "{none}");
        }
        assert_eq!(hash(&format!("https://tides.example/{}", "x".repeat(LINK_BYTES_MAX))), None);
    }
}
