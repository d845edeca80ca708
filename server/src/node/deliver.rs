//! From the broker to the hub: routed by the header alone, in the order of the numbers, holes repaired here.

use std::{collections::BTreeSet, sync::Arc};

use axum::extract::ws::Utf8Bytes;
use protocol::{Change, CloseCode, Event, RoomId, Seq, ServerFrame, SessionId, UserId, limits::CHANGES_MAX};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{Node, follow::Position};
use crate::{
    broker::{Broadcast, Kind, Signal, Topic},
    hub::{ConnectionId, Weight},
    store::{
        self,
        changes::{Changed, Changes},
        rooms::Head,
    },
};

/// Frames held for one room until the ones before them are there. More are fetched with the hole.
const HELD_MAX: usize = 1_024;

/// A browser whose session was given another id comes back after so many milliseconds: by then the answer that carries its
/// new cookie has arrived, also over a slow network.
const RENEWED_AFTER_MS: &str = "2000";

/// Reads the broker's signals until it is gone.
pub(super) async fn run(node: Arc<Node>, mut signals: mpsc::Receiver<Signal>) {
    while let Some(signal) = signals.recv().await {
        match signal {
            Signal::Broadcast(broadcast) => node.deliver(broadcast),
            Signal::Lost => node.doubt(),
        }
    }
}

impl Node {
    /// Next station: [`Hub::deliver`](crate::hub::Hub::deliver).
    fn deliver(self: &Arc<Self>, broadcast: Broadcast) {
        if broadcast.epoch != self.epoch {
            return;
        }
        let frame = Utf8Bytes::from(broadcast.frame);
        match (broadcast.kind, broadcast.topic) {
            (Kind::Change(seq), Topic::Room(room)) => self.deliver_change(room, seq, frame),
            (Kind::Passing, topic) => self.hub.deliver(topic, &frame, Weight::Passing),
            (Kind::Marks { of, far }, topic) => drop(self.deliver_marks(topic, (of, far), &frame)),
            (Kind::Joined(room), Topic::User(user)) => self.deliver_joined(user, room, frame),
            (Kind::Left(room), Topic::User(user)) => self.deliver_left(user, room, &frame),
            (Kind::SessionEnded(session), Topic::User(user)) => {
                self.close_session(user, session, CloseCode::SessionEnded, "");
            }
            (Kind::SessionRenewed(session), Topic::User(user)) => {
                self.close_session(user, Some(session), CloseCode::Leaving, RENEWED_AFTER_MS);
            }
            (Kind::Change(_), Topic::User(_))
            | (
                Kind::Joined(_) | Kind::Left(_) | Kind::SessionEnded(_) | Kind::SessionRenewed(_),
                Topic::Room(_),
            ) => {
                tracing::warn!(topic = %broadcast.topic, "passed over a broadcast that does not fit its topic");
            }
        }
    }

    /// Hands marks to who follows this topic, and notes that they have been told. What is known already is not told again.
    pub(super) fn deliver_marks(&self, topic: Topic, (of, far): (Uuid, i64), frame: &Utf8Bytes) -> bool {
        let is_news = self.follows.with_topic(topic, |position| {
            let told = position.marks.entry(of).or_insert(-1);
            let is_news = far > *told;
            *told = far.max(*told);
            is_news
        });
        if is_news == Some(true) {
            self.hub.deliver(topic, frame, Weight::Passing);
        }
        is_news == Some(true)
    }

    fn deliver_change(self: &Arc<Self>, room: RoomId, seq: Seq, frame: Utf8Bytes) {
        let hole = self.follows.with(room, |position| {
            if position.last.is_some_and(|last| seq <= last) {
                return false;
            }
            if position.held.len() < HELD_MAX {
                position.held.insert(seq, frame);
            }
            self.drain(room, position);
            let hole = position.last.is_some() && !position.held.is_empty() && !position.repairing;
            position.repairing |= hole;
            hole
        });
        if hole == Some(true) {
            let node = self.clone();
            self.spawn(async move {
                tokio::time::sleep(node.tuning.hole).await;
                node.repair(room).await;
            });
        }
    }

    /// Hands over what is held and has become the next. Runs under the lock of the positions: the order in the hub is
    /// the order of the numbers.
    fn drain(&self, room: RoomId, position: &mut Position) {
        let Some(mut last) = position.last else { return };
        while let Some(entry) = position.held.first_entry() {
            let seq = *entry.key();
            if seq > last.next() {
                break;
            }
            let frame = entry.remove();
            if seq > last {
                self.hub.deliver(Topic::Room(room), &frame, Weight::Durable);
                position.ring.push((last, seq), 1, &frame);
                last = seq;
            }
        }
        position.last = Some(last);
        if let Some((_, published)) = position.timed.take_if(|(seq, _)| *seq <= last) {
            self.metrics.delivery_seconds.observe(published.elapsed().as_secs_f64());
        }
    }

    /// The head of a room that is followed from now on has been read.
    pub(super) fn begin_at(&self, head: Head) {
        self.follows.with(head.room, |position| {
            position.last = Some(position.last.map_or(head.head, |last| last.max(head.head)));
            self.drain(head.room, position);
        });
    }

    /// Fetches what is missing in a room until nothing is held and the head is reached. One at a time for each room:
    /// the caller has set `repairing`.
    pub(super) async fn repair(self: &Arc<Self>, room: RoomId) {
        if self.tuning.sabotage.no_repair {
            return;
        }
        let Ok(_turn) = self.repairs.acquire().await else { return };
        loop {
            match self.fetch_missing(room).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) => {
                    tracing::warn!(room.id = %room, error = %e, "could not repair a hole");
                    // The head check comes back to it.
                    self.follows.with(room, |position| position.repairing = false);
                    break;
                }
            }
        }
    }

    /// One step of a repair. Says whether another one is needed; if not, `repairing` is no longer set.
    async fn fetch_missing(self: &Arc<Self>, room: RoomId) -> Result<bool, store::Error> {
        let Some(Some(after)) = self.follows.with(room, |position| position.last) else { return Ok(false) };
        // Not for ever: there are few turns.
        let store = self.store.clone();
        let fetch = async move { store.list_changes(room, None, after, CHANGES_MAX).await };
        let missing =
            self.round("what is missing in a room", fetch).await.ok_or(store::Error::NotReady)??;
        let Changes { head, list: changes, through } = missing.ok_or(store::Error::NoSuchRoom)?;
        if head > after {
            tracing::debug!(room.id = %room, changes = changes.len(), "repaired a hole");
            let count = changes.len();
            let changes: Vec<_> =
                changes.into_iter().map(|(seq, changed)| (seq, Change::from(changed))).collect();
            let event = Event::Changes { room, after, changes, through };
            let frame = Utf8Bytes::from(ServerFrame::Event { event }.encode());
            self.follows.with(room, |position| {
                if position.last != Some(after) {
                    // What was missing came by itself meanwhile, in part: look again from there.
                    return;
                }
                self.hub.deliver(Topic::Room(room), &frame, Weight::Durable);
                self.metrics.holes_repaired.inc();
                position.ring.push((after, through), count, &frame);
                position.last = Some(through);
                self.drain(room, position);
            });
        }
        let more = self.follows.with(room, |position| {
            let more = !position.held.is_empty() || position.last.is_some_and(|last| last < head);
            position.repairing = more;
            more
        });
        Ok(more.unwrap_or(false))
    }

    fn deliver_joined(self: &Arc<Self>, user: UserId, room: RoomId, frame: Utf8Bytes) {
        let node = self.clone();
        self.spawn(async move {
            for (connection, _, outbox) in node.hub.of_user(user) {
                match node.admit(connection, user, room).await {
                    Ok(true) => outbox.push(frame.clone(), Weight::Durable),
                    Ok(false) => {}
                    // It resumes, and finds the room in its `welcome`.
                    Err(_) => outbox.close(CloseCode::Resume, "could not follow a room"),
                }
            }
        });
    }

    /// A connection follows a room of its person's from now on, if they are in it.
    ///
    /// # Errors
    /// When the database fails. Then the connection may miss something: it must not be told that it follows the room.
    pub async fn admit(
        self: &Arc<Self>,
        connection: ConnectionId,
        user: UserId,
        room: RoomId,
    ) -> Result<bool, store::Error> {
        self.follow(connection, &BTreeSet::from([Topic::Room(room)])).await?;
        // Asked after the room is followed: a leaving that overtook this has found nothing to leave.
        let is_in = self.store.role(room, user).await?.is_some();
        if !is_in {
            self.unfollow(connection, Topic::Room(room));
        }
        Ok(is_in)
    }

    fn deliver_left(self: &Arc<Self>, user: UserId, room: RoomId, frame: &Utf8Bytes) {
        for (connection, _, outbox) in self.hub.of_user(user) {
            self.unfollow(connection, Topic::Room(room));
            outbox.push(frame.clone(), Weight::Durable);
        }
    }

    fn close_session(&self, user: UserId, session: Option<SessionId>, code: CloseCode, reason: &str) {
        for (_, owner, outbox) in self.hub.of_user(user) {
            if session.is_none_or(|session| session == owner.session) {
                outbox.close(code, reason);
            }
        }
    }
}

impl From<Changed> for Change {
    fn from(changed: Changed) -> Self {
        match changed {
            Changed::Message(message) => Self::Message { message },
            Changed::Member(member, members, marks) => Self::Member { member, members, marks },
            Changed::Room(room) => Self::Room { room },
        }
    }
}
