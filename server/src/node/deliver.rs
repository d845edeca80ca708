//! From the broker to the hub: routes by the header alone, delivers in sequence order, and repairs
//! gaps.

use std::{collections::BTreeSet, sync::Arc};

use axum::extract::ws::Utf8Bytes;
use protocol::{CloseCode, Event, RoomId, Seq, ServerFrame, SessionId, UserId, limits::CHANGES_MAX};
use tokio::{sync::mpsc, time::Instant};
use uuid::Uuid;

use super::{Node, follow::Position};
use crate::{
    broker::{Broadcast, Effect, Kind, Line, Signal},
    hub::{ConnectionId, Weight},
    store::{self, changes::Changes, lines::Head},
};

/// The most frames held for one line until earlier ones arrive. Further ones are fetched when the
/// gap is repaired.
const HELD_MAX: usize = 1_024;

/// How long a browser whose session got another id waits before it reconnects, in milliseconds. By
/// then the response with its new cookie has arrived, even over a slow network.
const RENEWED_AFTER_MS: &str = "2000";

/// Processes the broker's signals until it is gone.
pub(super) async fn run(node: Arc<Node>, mut signals: mpsc::Receiver<Signal>) {
    while let Some(signal) = signals.recv().await {
        match signal {
            Signal::Broadcast(broadcast) => node.deliver(broadcast),
            Signal::Lost => node.check_soon(),
        }
    }
}

impl Node {
    /// Next: [`Hub::deliver`](crate::hub::Hub::deliver).
    fn deliver(self: &Arc<Self>, Broadcast { line, epoch, kind, frame }: Broadcast) {
        if epoch != self.epoch() {
            // Either the sender or this node does not know the newest epoch yet.
            self.check_heads.notify_one();
            return;
        }
        let frame = Utf8Bytes::from(frame);
        match kind {
            Kind::Change(seq, effect) => self.deliver_change(line, seq, (effect, frame)),
            Kind::Passing => self.hub.deliver(line, &frame, Weight::Passing),
            Kind::Marks { subject, progress } => drop(self.deliver_marks(line, (subject, progress), &frame)),
            Kind::SessionRenewed(session) => self.renewed(line, session),
        }
    }

    /// Closes the connections that were opened under a session's former id. Its browser reconnects
    /// with the new cookie.
    fn renewed(&self, line: Line, session: SessionId) {
        let Line::Person(user) = line else { return };
        for (_, owner, outbox) in self.hub.of_user(user) {
            if owner.session == session {
                outbox.close(CloseCode::Leaving, RENEWED_AFTER_MS);
            }
        }
    }

    /// Delivers marks to the followers of this line, and records them. Returns whether they were
    /// new; old ones are not delivered again.
    pub(super) fn deliver_marks(
        &self,
        line: Line,
        (subject, progress): (Uuid, i64),
        frame: &Utf8Bytes,
    ) -> bool {
        let is_news = self.follows.with(line, |position| {
            let told = position.marks.entry(subject).or_insert(-1);
            let is_news = progress > *told;
            *told = progress.max(*told);
            is_news
        });
        if is_news == Some(true) {
            self.hub.deliver(line, frame, Weight::Passing);
        }
        is_news == Some(true)
    }

    fn deliver_change(self: &Arc<Self>, line: Line, seq: Seq, told: (Effect, Utf8Bytes)) {
        let hole = self.follows.with(line, |position| {
            if position.last.is_some_and(|last| seq <= last) {
                return false;
            }
            if position.held.len() < HELD_MAX {
                position.held.insert(seq, told);
            }
            self.drain(line, position);
            let hole = position.last.is_some() && !position.held.is_empty() && !position.repairing;
            position.repairing |= hole;
            hole
        });
        if hole == Some(true) {
            let node = self.clone();
            self.spawn(async move {
                tokio::time::sleep(node.tuning.hole).await;
                node.repair(line).await;
            });
        }
    }

    /// Delivers held frames that are next in sequence. Runs under the lock of the positions, so
    /// that the order in the hub is the order of the numbers.
    fn drain(self: &Arc<Self>, line: Line, position: &mut Position) {
        let Some(mut last) = position.last else { return };
        while let Some(entry) = position.held.first_entry() {
            let seq = *entry.key();
            if seq > last.next() {
                break;
            }
            let (effect, frame) = entry.remove();
            if seq > last {
                self.hand_over(line, &[effect], &frame);
                position.ring.push((last, seq), 1, &frame);
                position.moved = Some(Instant::now());
                last = seq;
            }
        }
        position.last = Some(last);
        if let Some((_, published)) = position.timed.take_if(|(seq, _)| *seq <= last) {
            self.metrics.delivery_seconds.observe(published.elapsed().as_secs_f64());
        }
    }

    /// A profile has changed. Of someone who is connected here, it is fetched again at once: what they
    /// write must carry their new handle to browsers that do not know them.
    fn learn_again(self: &Arc<Self>, user: UserId) {
        self.people.forget(user);
        if self.hub.of_user(user).is_empty() {
            return;
        }
        let node = Arc::clone(self);
        self.run_aside(async move {
            if let Err(error) = node.people(BTreeSet::from([user])).await {
                tracing::debug!(%error, user.id = %user, "a changed profile was not fetched");
            }
        });
    }

    /// Applies the effects of a frame's changes to this node, then delivers the frame to everyone
    /// here who follows the line. So a connection follows a room before it hears of it.
    fn hand_over(self: &Arc<Self>, line: Line, effects: &[Effect], frame: &Utf8Bytes) {
        let (mut joined, mut sessions) = (Vec::new(), false);
        for effect in effects {
            match (effect, line) {
                (Effect::Profile(user), _) => self.learn_again(*user),
                (Effect::Joined(room), Line::Person(_)) => joined.push(*room),
                // At once, whatever else is in progress: a join in progress queries the database
                // again (see `admit`).
                (Effect::Left(room), Line::Person(user)) => {
                    joined.retain(|other| other != room);
                    for (connection, ..) in self.hub.of_user(user) {
                        self.unfollow(connection, Line::Room(*room));
                    }
                }
                (Effect::Sessions, Line::Person(_)) => sessions = true,
                (Effect::None, _) => {}
                (Effect::Joined(_) | Effect::Left(_) | Effect::Sessions, Line::Room(_) | Line::Workspace) => {
                    tracing::warn!(%line, ?effect, "passed over a change that does not belong on its line");
                }
            }
        }
        if let (Line::Person(user), true) = (line, sessions) {
            self.close_ended(user);
        }
        match line {
            Line::Person(user) if !joined.is_empty() => self.admit_and_tell(user, joined, frame.clone()),
            Line::Person(_) | Line::Room(_) | Line::Workspace => {
                self.hub.deliver(line, frame, Weight::Durable);
            }
        }
    }

    /// The head of a newly followed line has been read.
    pub(super) fn begin_at(self: &Arc<Self>, Head { line, head }: Head) {
        if line == Line::Workspace {
            // Someone may have been renamed while this node was not following.
            self.people.forget_all();
        }
        self.follows.with(line, |position| {
            position.last = Some(position.last.map_or(head, |last| last.max(head)));
            self.drain(line, position);
        });
    }

    /// Repairs a line whose head was found to be `head`, if this node is behind and no repair is in
    /// progress. Returns whether it does.
    pub(super) fn repair_up_to(self: &Arc<Self>, line: Line, head: Seq) -> bool {
        let is_behind = self.follows.with(line, |position| {
            let is_behind = position.last.is_some_and(|last| last < head) && !position.repairing;
            position.repairing |= is_behind;
            is_behind
        });
        if is_behind == Some(true) {
            let node = self.clone();
            self.spawn(async move { node.repair(line).await });
        }
        is_behind == Some(true)
    }

    /// Fetches missing changes of a line until nothing is held and the head is reached. One at a
    /// time per line: the caller has set `repairing`.
    pub(super) async fn repair(self: &Arc<Self>, line: Line) {
        if self.tuning.sabotage.no_repair {
            return;
        }
        let Ok(_permit) = self.repairs.acquire().await else { return };
        loop {
            match self.fetch_missing(line).await {
                Ok(true) => {}
                Ok(false) => break,
                Err(e) => {
                    tracing::warn!(%line, error = %e, "could not repair a hole");
                    // The head check will retry.
                    self.follows.with(line, |position| position.repairing = false);
                    break;
                }
            }
        }
    }

    /// One step of a repair. Returns whether another one is needed; if not, `repairing` is no
    /// longer set.
    async fn fetch_missing(self: &Arc<Self>, line: Line) -> Result<bool, store::Error> {
        let position = self.follows.with(line, |position| (position.last, !position.held.is_empty()));
        let Some((Some(after), was_held)) = position else { return Ok(false) };
        // With a timeout, because few repairs run at once.
        let node = self.clone();
        let fetch = async move {
            let Some(missing) = node.store.list_changes(line, None, after, CHANGES_MAX).await? else {
                return Err(store::Error::NoSuchRoom);
            };
            let people = node.people_of(missing.list.iter().map(|(_, change)| change)).await?;
            Ok((missing, people))
        };
        let fetched = self.attempt("what is missing on a line", fetch).await;
        let (Changes { head, list: changes, through }, people) = fetched.ok_or(store::Error::NotReady)??;
        // If frames were held before the query and are beyond the database's head, asking again
        // would not find them. The head check notices that the database went back.
        let went_back = was_held && head <= after;
        if head > after {
            tracing::debug!(%line, changes = changes.len(), "repaired a hole");
            let count = changes.len();
            let effects: Vec<Effect> = changes.iter().map(|(_, change)| Effect::of(change)).collect();
            let event = Event::Changes { line, after, changes, through, people };
            let frame = Utf8Bytes::from(ServerFrame::Event { event }.encode());
            self.follows.with(line, |position| {
                if position.last != Some(after) {
                    // Part of what was missing has arrived meanwhile: continue from there.
                    return;
                }
                self.hand_over(line, &effects, &frame);
                self.metrics.holes_repaired.inc();
                position.ring.push((after, through), count, &frame);
                position.last = Some(through);
                position.moved = Some(Instant::now());
                self.drain(line, position);
            });
        }
        let more = self.follows.with(line, |position| {
            let more =
                !went_back && (!position.held.is_empty() || position.last.is_some_and(|last| last < head));
            position.repairing = more;
            more
        });
        Ok(more.unwrap_or(false))
    }

    /// Makes the person's connections follow these rooms, then delivers the frame to them.
    fn admit_and_tell(self: &Arc<Self>, user: UserId, rooms: Vec<RoomId>, frame: Utf8Bytes) {
        let node = self.clone();
        self.spawn(async move {
            for (connection, _, outbox) in node.hub.of_user(user) {
                match node.admit(connection, user, &rooms).await {
                    Ok(()) => outbox.push(frame.clone(), Weight::Durable),
                    // It resumes, and finds the rooms.
                    Err(_) => outbox.close(CloseCode::Resume, "could not follow a room"),
                }
            }
        });
    }

    /// Makes a connection follow those of these rooms that its person is in.
    ///
    /// # Errors
    /// When the database fails. The connection may then miss something, so it must not be told that
    /// it follows the rooms.
    pub async fn admit(
        self: &Arc<Self>,
        connection: ConnectionId,
        user: UserId,
        rooms: &[RoomId],
    ) -> Result<(), store::Error> {
        self.follow(connection, &rooms.iter().map(|room| Line::Room(*room)).collect()).await?;
        // Queried after the rooms are followed: if the person left meanwhile, there was nothing to
        // unfollow yet.
        let inside: BTreeSet<RoomId> = self.store.memberships_among(user, rooms).await?.into_iter().collect();
        let outside: Vec<RoomId> = rooms.iter().copied().filter(|room| !inside.contains(room)).collect();
        self.dismiss(connection, user, &outside).await
    }

    /// Makes a connection stop following these rooms, because its person was found to have left
    /// them.
    ///
    /// # Errors
    /// [`store::Error::NotReady`] if the person has rejoined one of them meanwhile, or when the
    /// database fails. The connection may then have missed something: it retries or resumes.
    pub async fn dismiss(
        self: &Arc<Self>,
        connection: ConnectionId,
        user: UserId,
        rooms: &[RoomId],
    ) -> Result<(), store::Error> {
        for room in rooms {
            self.unfollow(connection, Line::Room(*room));
        }
        // Queried after the rooms are unfollowed: an earlier join is in the database by now, and a
        // later one follows the room again.
        if rooms.is_empty() || self.store.memberships_among(user, rooms).await?.is_empty() {
            return Ok(());
        }
        Err(store::Error::NotReady)
    }

    /// Closes the connections of a person whose sessions have ended.
    fn close_ended(self: &Arc<Self>, user: UserId) {
        let node = self.clone();
        self.spawn(async move {
            let connections = node.hub.of_user(user);
            let sessions: Vec<_> = connections.iter().map(|(_, owner, _)| owner.session).collect();
            match node.store.sessions_alive(&sessions).await {
                Ok(alive) => {
                    for (_, owner, outbox) in connections {
                        if !alive.contains(&owner.session) {
                            outbox.close(CloseCode::SessionEnded, "");
                        }
                    }
                }
                Err(e) => {
                    tracing::warn!(error = %e, user.id = %user, "could not ask which sessions have ended");
                    node.check_sessions.notify_one();
                }
            }
        });
    }
}
