//! Periodic checks, because the broker may lose broadcasts: of the heads of followed lines, of
//! marks, and of the sessions of all connections.
//!
//! A check costs no more than what has changed, plus a fixed number of rows per connection: lines
//! that moved recently are checked every time, the others in turn. [`Node::check_soon`] triggers
//! the checks early; the head check then covers every line.

use std::{collections::HashSet, sync::Arc, time::Duration};

use protocol::{CloseCode, Epoch, Event, Marks, RoomId, ServerFrame, SessionId, limits::MARKS_MEMBERS_MAX};
use tokio::time::Instant;

use super::{Node, follow, marks};
use crate::{
    broker::{Line, Status},
    hub::Connected,
    store::{
        self,
        lines::{Head, History},
        marks::Raised,
    },
};

/// Lines or people in one query.
const CHUNK: usize = 1_000;
/// How many lines a check covers at once, however few connections there are.
const LINES_MIN: usize = 2_000;
/// How many rooms' marks a check covers at once, however few connections there are …
const MARKED_MIN: usize = 1_000;
/// … and how many connections add one more per second.
const CONNECTIONS_A_MARKED_ROOM: f64 = 20.0;
/// The same for people's own marks in large rooms …
const OWN_MARKS_MIN: usize = 1_000;
/// … and how many connections add one more per second.
const CONNECTIONS_AN_OWN_MARK: f64 = 4.0;
/// Lines that moved within this time are checked every time, because a database that fails over may
/// lose its last commits.
const JUST_MOVED: Duration = Duration::from_secs(30);
/// Marks carry the time at which their write began, so each check looks back this much beyond the
/// previous one.
const MARKS_SLACK: Duration = Duration::from_secs(20);
/// The pool is stuck, and is replaced, if all its connections are in use and none has been returned
/// for this many times the timeout of a command.
const STUCK_AFTER: u32 = 3;

/// How often each node checks whether a deleted room needs erasing.
const ERASE_EVERY: Duration = Duration::from_secs(60);
/// Messages erased in one transaction: about ten milliseconds of database time.
const ERASE_ROWS: i64 = 2_000;
/// The pause between two such transactions.
const ERASE_PAUSE: Duration = Duration::from_millis(50);
/// How often a room that was just deleted is looked for …
const ERASE_LOOKS: u32 = 4;
/// … and the pause between.
const ERASE_AGAIN: Duration = Duration::from_secs(1);

/// Compares the followed lines with the database. This finds the loss of a line's last change,
/// which leaves no gap, and a database that went back.
pub(super) async fn heads(node: Arc<Node>) {
    let mut cursor = LineCursor::default();
    let mut history = None;
    loop {
        let is_up = node.broker.status() == Status::Up;
        let pause = if is_up { node.tuning.head_check } else { node.tuning.head_check_down };
        let rung = tokio::select! {
            () = tokio::time::sleep(pause) => false,
            () = node.check_heads.notified() => {
                // After a moment, so that one check serves several notifications.
                tokio::time::sleep(node.tuning.hole).await;
                true
            }
        };
        // Every statement ends within the timeout, so a pool in which none has ended for several
        // timeouts is stuck.
        if node.store.renew_if_stuck(STUCK_AFTER * node.tuning.database_timeout) {
            tracing::warn!(
                "no connection to the database has come back in time: they are left, and new ones are opened"
            );
        }
        node.follows.bound_rings();
        let lines = cursor.next(&node, node.follows.heads(), if rung || !is_up { None } else { Some(pause) });
        let (checking, before) = (node.clone(), history.clone());
        let check = async move { check_heads(&checking, before, lines).await };
        match node.attempt("the head check", check).await {
            Some(Ok(now)) => history = Some(now),
            Some(Err(e)) => tracing::warn!(error = %e, "the head check failed"),
            None => {}
        }
    }
}

/// The last quiet line that was checked.
#[derive(Debug, Default)]
struct LineCursor(Option<Line>);

impl LineCursor {
    /// The lines to check now, out of `all` followed ones (sorted): those that moved recently, and
    /// as many others as allowed by the time `since` the last check and the number of connections.
    /// If `since` is `None`, all of them.
    fn next(&mut self, node: &Node, all: Vec<(Head, Option<Instant>)>, since: Option<Duration>) -> Vec<Head> {
        let paid = since.map(|since| (since.as_secs_f64() * node.hub.len() as f64) as usize);
        let count = paid.map_or(usize::MAX, |paid| paid.max(LINES_MIN));
        if all.len() <= count {
            return all.into_iter().map(|(head, _)| head).collect();
        }
        let from = self.0.map_or(0, |last| all.partition_point(|(head, _)| head.line <= last));
        let in_order = (from..from + count).map(|at| at % all.len());
        let mut chosen: HashSet<usize> = in_order.collect();
        self.0 = Some(all[(from + count - 1) % all.len()].0.line);
        let moved = all
            .iter()
            .enumerate()
            .filter(|(_, (_, moved))| moved.is_some_and(|at| at.elapsed() < JUST_MOVED));
        chosen.extend(moved.map(|(at, _)| at).take(count));
        chosen.into_iter().map(|at| all[at].0).collect()
    }
}

/// Checks these lines once. Returns the database's history.
async fn check_heads(
    node: &Arc<Node>,
    before: Option<History>,
    lines: Vec<Head>,
) -> Result<History, store::Error> {
    let history = node.store.history().await?;
    if history.epoch != node.epoch() {
        adopt(node, history.epoch);
        return Ok(history);
    }
    let mut went_back = before.is_some_and(|before| history.contradicts(&before));
    if node.tuning.sabotage.no_repair {
        return Ok(history);
    }
    for known in lines.chunks(CHUNK) {
        for found in node.store.heads_that_differ(known).await? {
            let was = known.iter().find(|head| head.line == found.line).map(|head| head.head);
            went_back |= was.is_some_and(|was| found.head < was);
            if node.repair_up_to(found.line, found.head) {
                tracing::debug!(line = %found.line, "the head check found a line behind");
                node.metrics.head_check_finds.inc();
            }
        }
    }
    if went_back && !node.tuning.sabotage.invents_numbers() {
        let epoch = node.store.renew_epoch(history.epoch).await?;
        tracing::warn!("the database went back to an earlier state: everyone begins anew");
        node.metrics.epochs_renewed.inc();
        adopt(node, epoch);
        return node.store.history().await;
    }
    Ok(history)
}

/// The epoch has changed, so every number known to this node and its browsers is void. Forgets them
/// all, and tells the browsers to resume.
fn adopt(node: &Arc<Node>, epoch: Epoch) {
    tracing::warn!(%epoch, "another epoch");
    *node.epoch.write().unwrap_or_else(std::sync::PoisonError::into_inner) = epoch;
    let lines = node.follows.clear();
    node.broker.unsubscribe(&lines);
    node.people.forget_all();
    node.spawn(follow::workspace(node.clone()));
    for Connected { outbox, .. } in node.hub.all() {
        outbox.close(CloseCode::Resume, "the database went back");
    }
}

/// Finds marks that have advanced without anyone here being told: the broker or the server that
/// wrote them may have lost them, and someone may be waiting for a tick.
pub(super) async fn marks(node: Arc<Node>) {
    let mut asked = Instant::now();
    loop {
        let pause = match node.broker.status() {
            Status::Up => node.tuning.marks_check,
            Status::Down => node.tuning.head_check,
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            // Marks in flight will arrive by themselves.
            () = node.check_marks.notified() => tokio::time::sleep(node.tuning.head_check_down).await,
        }
        let (checking, began) = (node.clone(), Instant::now());
        let since = asked.elapsed() + MARKS_SLACK;
        let check = async move { check_marks(&checking, since).await };
        match node.attempt("the check of the marks", check).await {
            Some(Ok(())) => asked = began,
            Some(Err(e)) => tracing::warn!(error = %e, "the check of the marks failed"),
            None => {}
        }
    }
}

async fn check_marks(node: &Arc<Node>, since: Duration) -> Result<(), store::Error> {
    let in_seconds = |connections: f64| {
        (node.tuning.marks_check.as_secs_f64() * node.hub.len() as f64 / connections) as usize
    };
    let rooms = node.follows.lines().into_iter().filter_map(|line| match line {
        Line::Room(room) => Some(room),
        Line::Person(_) | Line::Workspace => None,
    });
    let followed: HashSet<RoomId> = rooms.collect();
    let rooms =
        random_run(followed.iter().copied().collect(), in_seconds(CONNECTIONS_A_MARKED_ROOM).max(MARKED_MIN));
    if rooms.is_empty() {
        return Ok(());
    }
    for chunk in rooms.chunks(CHUNK) {
        for Raised { room, marks, members } in
            node.store.marks_of_rooms(chunk, MARKS_MEMBERS_MAX, since).await?
        {
            tell_marks(node, marks::line(room, marks, members), room, marks);
        }
    }
    // In a large room, only the marks of people who are connected here, and only they are told.
    let large = node.store.large_rooms().await?;
    let own = large
        .into_iter()
        .filter(|room| followed.contains(room))
        .flat_map(|room| node.hub.users_on(Line::Room(room)).into_iter().map(move |user| (room, user)));
    let own = random_run(own.collect(), in_seconds(CONNECTIONS_AN_OWN_MARK).max(OWN_MARKS_MIN));
    for chunk in own.chunks(CHUNK) {
        for (room, marks) in node.store.marks_of_members(chunk, since).await? {
            tell_marks(node, Line::Person(marks.user), room, marks);
        }
    }
    Ok(())
}

/// At most `count` of these. If there are more, a contiguous run from a random start.
fn random_run<T: Ord>(mut all: Vec<T>, count: usize) -> Vec<T> {
    if all.len() > count {
        all.sort_unstable();
        let from = rand::random_range(0..all.len());
        all.rotate_left(from);
        all.truncate(count);
    }
    all
}

fn tell_marks(node: &Node, line: Line, room: RoomId, marks: Marks) {
    let event = Event::Marks { room, marks };
    let key = (marks::subject(line, room, marks), marks::progress(marks));
    if node.deliver_marks(line, key, &ServerFrame::Event { event }.encode().into()) {
        node.metrics.marks_check_finds.inc();
    }
}

/// Closes connections whose session has ended. Law 10: within 30 s, whatever the broker does;
/// sooner while it is down, and when something may have been missed. Also finds expired sessions,
/// which nothing announces.
pub(super) async fn sessions(node: Arc<Node>) {
    loop {
        let pause = match node.broker.status() {
            Status::Up => node.tuning.session_check,
            Status::Down => node.tuning.session_check.min(node.tuning.head_check),
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = node.check_sessions.notified() => tokio::time::sleep(node.tuning.hole).await,
        }
        node.budgets.forget_rested();
        let checking = node.clone();
        let check = async move { check_sessions(&checking).await };
        match node.attempt("the session check", check).await {
            Some(Ok(())) => {}
            failed => {
                if let Some(Err(e)) = failed {
                    tracing::warn!(error = %e, "the session check failed");
                }
                // Waits, because whatever failed may fail again.
                tokio::time::sleep(node.tuning.head_check_down).await;
                node.check_sessions.notify_one();
            }
        }
    }
}

async fn check_sessions(node: &Arc<Node>) -> Result<(), store::Error> {
    let connections = node.hub.all();
    let sessions: Vec<SessionId> = connections.iter().map(|connected| connected.owner.session).collect();
    let mut alive = HashSet::new();
    for chunk in sessions.chunks(CHUNK) {
        alive.extend(node.store.sessions_alive(chunk).await?);
    }
    for Connected { owner, outbox } in &connections {
        if !alive.contains(&owner.session) {
            outbox.close(CloseCode::SessionEnded, "");
        }
    }
    Ok(())
}
/// Erases the messages of deleted rooms: at once if this node deleted one, and periodically,
/// because the node that deleted one may have died.
pub(super) async fn erasing(node: Arc<Node>) {
    loop {
        let is_told = tokio::select! {
            () = tokio::time::sleep(ERASE_EVERY) => false,
            () = node.erase.notified() => true,
        };
        // A room that somebody has locked is skipped, and a step may fail. After a deletion this is looked at again soon.
        let mut looks = if is_told { ERASE_LOOKS } else { 1 };
        while looks > 0 {
            let store = node.store.clone();
            let erased = node.attempt("erasing", async move { store.erase_deleted(ERASE_ROWS).await }).await;
            if let Some(Err(e)) = &erased {
                tracing::warn!(error = %e, "a deleted room was not erased");
            }
            if let Some(Ok(true)) = erased {
                // One step after another, with a pause, because others need the database too.
                tokio::time::sleep(ERASE_PAUSE).await;
            } else {
                looks -= 1;
                tokio::time::sleep(ERASE_AGAIN).await;
            }
        }
    }
}
