//! A fresh fetch of everything that a person sees, for comparison with the state built from events.

use std::{collections::BTreeMap, time::Duration};

use client::{Client, Link};
use futures::{SinkExt as _, StreamExt as _};
use protocol::{
    RoomId, Seq, ServerFrame,
    limits::{FOLLOWED_MAX, MARKS_MEMBERS_MAX},
};
use tokio_tungstenite::tungstenite;

use crate::{
    cluster::Address,
    person::{Person, open},
    violation::{Kind, Violation},
};

/// The state of a client that has just opened everything.
///
/// # Errors
/// When it is not complete within 20 s.
pub async fn fetch(address: &Address, cookie: &str, rooms: &[RoomId]) -> Result<Client, String> {
    let mut socket = open(address.addr, &address.origin, cookie).await?;
    let mut client = Client::default();
    client.connected(0);
    let everything = async {
        loop {
            for frame in client.take_frames() {
                socket.send(tungstenite::Message::text(frame.encode())).await.map_err(|e| e.to_string())?;
            }
            let is_open = |room: &RoomId| client.room(*room).is_some_and(|room| room.timeline.is_some());
            if client.link() == Link::Live && client.personal().is_known() {
                match rooms.iter().find(|room| !is_open(room)) {
                    None => return Ok(()),
                    Some(room) if client.focused() != Some(*room) => {
                        client.focus(Some(*room), 0);
                        continue;
                    }
                    Some(_) => {}
                }
            }
            match socket.next().await {
                Some(Ok(tungstenite::Message::Text(text))) => {
                    client.receive(ServerFrame::decode(&text).map_err(|e| e.to_string())?, 0);
                }
                Some(Ok(_)) => {}
                Some(Err(e)) => return Err(e.to_string()),
                None => return Err("closed".to_owned()),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), everything)
        .await
        .map_err(|_| "no fresh fetch in time")??;
    Ok(client)
}

/// The differences between a person's state, built from events, and a fresh fetch. In a large room an own
/// read mark is stored at most once in ten seconds, so without `marks_settled` the fresh fetch may have an
/// older one.
#[must_use]
pub fn differences(person: &Person, fresh: &Client, marks_settled: bool) -> Vec<Violation> {
    let mut found = Vec::new();
    let personal = |client: &Client| {
        let saved: Vec<_> = client.personal().saved().into_iter().cloned().collect();
        let scheduled: Vec<_> = client.personal().scheduled().into_iter().cloned().collect();
        let drafts = client.personal().drafts().iter().filter(|draft| !draft.body.is_empty());
        let mut drafts: Vec<_> = drafts.cloned().collect();
        drafts.sort_by_key(|draft| (draft.room, draft.thread));
        (saved, scheduled, drafts)
    };
    let (old, new) = (person.with(personal), personal(fresh));
    if old != new {
        let detail = format!("{old:?} saved, scheduled and being written instead of {new:?}");
        found.push(Violation::at_large(Kind::Differs, &person.name, detail));
    }
    // The fetch has the threads with the newest replies; a client that was there has more.
    let rooms = person.rooms_now();
    let followed = |client: &Client| {
        let threads = client.personal().followed().filter(|thread| rooms.contains(&thread.room));
        threads.map(|thread| ((thread.room, thread.root), thread.last)).collect::<BTreeMap<_, _>>()
    };
    let (old_followed, new_followed) = (person.with(followed), followed(fresh));
    let is_whole = fresh.personal().followed().count() < FOLLOWED_MAX;
    let is_same = new_followed.iter().all(|(thread, last)| old_followed.get(thread) == Some(last));
    if !is_same || (is_whole && old_followed.len() != new_followed.len()) {
        let detail = format!("{old_followed:?} followed instead of {new_followed:?}");
        found.push(Violation::at_large(Kind::Differs, &person.name, detail));
    }
    let groups = |client: &Client| {
        let mut groups = client.personal().groups().unwrap_or_default();
        groups.sort_unstable();
        groups
    };
    let (old_groups, new_groups) = (person.with(groups), groups(fresh));
    if old_groups != new_groups {
        let detail = format!("in the groups {old_groups:?} instead of {new_groups:?}");
        found.push(Violation::at_large(Kind::Differs, &person.name, detail));
    }
    for failed in new.1.iter().filter(|one| one.failed.is_some()) {
        let detail = format!("a scheduled message was refused: {failed:?}");
        found.push(Violation::at_large(Kind::Unexpected, &person.name, detail));
    }
    for id in person.rooms_now() {
        let differs = |seq: Seq, detail: String| Violation::new(Kind::Differs, &person.name, id, seq, detail);
        person.with(|old| {
            let (Some(old), Some(new)) = (old.room(id), fresh.room(id)) else {
                return found.push(differs(Seq::ZERO, "the room is not there".to_owned()));
            };
            let marks_are_late = !marks_settled
                && new.summary.members as usize > MARKS_MEMBERS_MAX
                && new.summary.marks.read < old.summary.marks.read;
            // The mark was written between the fresh fetch and its last event. The count is older, and only
            // the server knows the current one.
            let is_uncounted = new.is_miscounted();
            let line = |room: &client::RoomState| {
                let summary = &room.summary;
                [
                    format!("cursor {:?} of {:?}", room.cursor(), summary.head),
                    format!("{:?}, {:?}, {:?} members", summary.room, summary.role, summary.members),
                    format!("last {:?}", summary.last),
                    // Others' marks are compared with the stored ones: see `Person::marks_that_differ`.
                    match marks_are_late || is_uncounted {
                        true => String::new(),
                        false => format!(
                            "{} unread, {} mentions after {:?}, marked {:?}",
                            summary.unread, summary.mentions, summary.marks.read, summary.unread_after
                        ),
                    },
                ]
            };
            for (old, new) in line(old).into_iter().zip(line(new)).filter(|(old, new)| old != new) {
                found.push(differs(
                    fresh.room(id).map_or(Seq::ZERO, client::RoomState::cursor),
                    format!("{old} instead of {new}"),
                ));
            }
            let (Some(old_window), Some(new_window)) = (&old.timeline, &new.timeline) else { return };
            if old.pins() != new.pins() {
                let detail = format!("{:?} pinned instead of {:?}", old.pins(), new.pins());
                found.push(differs(old.cursor(), detail));
            }
            let newest: BTreeMap<Seq, _> = old_window
                .messages()
                .rev()
                .take(new_window.len())
                .map(|message| (message.seq, message))
                .collect();
            for message in new_window.messages() {
                if newest.get(&message.seq).is_none_or(|known| *known != message) {
                    let known = newest.get(&message.seq);
                    found.push(differs(message.seq, format!("{known:?} instead of {message:?}")));
                }
            }
            // A fresh fetch lists everyone, unless the room is large.
            let all_are_listed = new.active_members().count() == new.summary.members as usize;
            for member in old.active_members().filter(|_| all_are_listed) {
                if new.members.get(&member.user).is_none_or(|known| !known.active) {
                    found.push(differs(member.rev, format!("{member:?} is not in the room")));
                }
            }
            for (user, member) in new.members.iter() {
                if old.members.get(user) != Some(member) {
                    found.push(differs(
                        member.rev,
                        format!("{:?} instead of {member:?}", old.members.get(user)),
                    ));
                }
            }
        });
    }
    found
}
