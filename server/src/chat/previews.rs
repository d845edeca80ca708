//! Previews of links: what a message shows of the pages that it links to.
//!
//! A message whose text may have links has a job, planned in the transaction that stored the text. The job looks the first links up
//! ([`crate::previews`]) and changes the message: its next change, with the complete message, and no edit. So there is one state with
//! one number, and what is shown can never belong to another text.
//!
//! Law: the job may run any number of times. It compares under the room's lock, and takes no number if nothing changes.

use std::{collections::HashMap, sync::Arc};

use protocol::{
    Change, Line, LinkPreview, Message, Reply, RoomId, Seq,
    limits::{LINK_BYTES_MAX, LINK_PREVIEWS_MAX},
};

use super::{Context, Error, access, rooms};
use crate::{
    node::Node,
    previews::{self, Previews},
    store::{jobs::Job, rooms::Locked},
};

/// The links of which a message has previews: the first ones of its own text and of what it forwards, each once.
#[must_use]
pub fn links(message: &Message) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    let forwarded = message.forward.iter().map(|forward| &*forward.body);
    for text in [&*message.body].into_iter().chain(forwarded).filter(|text| text.contains("://")) {
        for link in markup::parse(text).open_links() {
            let is_page = !link.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case("mailto:"));
            if links.len() < LINK_PREVIEWS_MAX
                && is_page
                && link.len() <= LINK_BYTES_MAX
                && !links.iter().any(|known| known == link)
            {
                links.push(link.to_owned());
            }
        }
    }
    links
}

/// What an edited message still shows: the previews of links that are still in its text.
#[must_use]
pub fn kept(message: &Message) -> Vec<LinkPreview> {
    if message.previews.is_empty() {
        return Vec::new();
    }
    let known = |url: String| message.previews.iter().find(|preview| preview.url == url).cloned();
    links(message).into_iter().filter_map(known).collect()
}

/// Looks the links of a message up, and shows what was found. Ends the job.
///
/// # Errors
/// When the database fails, or somebody else is still fetching a page. Then the job is run again.
pub async fn look_up(
    node: &Arc<Node>,
    pages: &Previews,
    (room, seq): (RoomId, Seq),
    job: &Job,
) -> Result<(), previews::Error> {
    let message = node.store.messages_of(room, &[seq]).await?.pop();
    let asked = message.as_ref().map(links).unwrap_or_default();
    let found = futures::future::join_all(asked.iter().map(|url| pages.page(job.user, url))).await;
    let found: Vec<Option<LinkPreview>> = found.into_iter().collect::<Result<_, _>>()?;
    let shows_nothing = message.is_none_or(|message| message.previews.is_empty());
    if shows_nothing && found.iter().all(Option::is_none) {
        return Ok(node.store.finish_job(job).await?);
    }
    let found: HashMap<String, Option<LinkPreview>> = asked.into_iter().zip(found).collect();
    let decide = |message: &Message, removed: &[String]| {
        let shown = |url: String| match found.get(&url) {
            Some(preview) => preview.clone().map(|preview| LinkPreview { url, ..preview }),
            // The text has just been edited, and the job was planned again.
            None => message.previews.iter().find(|preview| preview.url == url).cloned(),
        };
        links(message).into_iter().filter(|url| !removed.contains(url)).filter_map(shown).collect()
    };
    if let Some(message) = node.store.show_previews(job, (room, seq), decide).await? {
        let (rev, change) = (message.rev, Change::Message { message });
        // It is committed, so it is published even if its author's profile cannot be loaded.
        let people = node.people_of([&change]).await.unwrap_or_default();
        node.publish_change(Line::Room(room), rev, change, people);
    }
    Ok(())
}

/// Removes previews from a message for good.
///
/// # Errors
/// [`ErrorCode::MalformedCommand`](protocol::ErrorCode::MalformedCommand) for too many; `RoomUnknown`, `MessageUnknown`,
/// `MessageDeleted`, `Forbidden`; or when the database fails.
pub async fn remove(cx: &Context, room: RoomId, seq: Seq, urls: &[String]) -> Result<Reply, Error> {
    if urls.len() > LINK_PREVIEWS_MAX {
        return Err(rooms::wrong_count(urls.len(), "links", LINK_PREVIEWS_MAX));
    }
    let me = cx.viewer.user.id;
    let allowed = |locked: &Locked, message: &Message| {
        access::check_remove_previews(me, locked, message).map_err(Error::from)
    };
    let (message, is_new) = cx.node.store.remove_previews::<Error>(me, (room, seq), urls, allowed).await?;
    let (rev, change) = (message.rev, Change::Message { message });
    if is_new {
        let people = cx.node.people_of([&change]).await.unwrap_or_default();
        cx.node.publish_change(Line::Room(room), rev, change.clone(), people);
    }
    Ok(Reply::Changed { line: Line::Room(room), seq: rev, change })
}
