//! Rooms: creating, joining, leaving, renaming.

use protocol::{
    Change, Direction, ErrorCode, Member, Message, Nonce, Refusal, Reply, RoomId, RoomKind, RoomSummary,
    RoomTitle, RoomTopic, RoomView, RoomsAfter, Seq, ShownPage, User, UserId,
    limits::{
        INVITE_MAX, MARKS_MEMBERS_MAX, PEOPLE_MAX, ROOMS_ADDED_MAX, ROOMS_PAGE, ROOMS_PER_USER_MAX,
        ROOMS_SHOWN,
    },
};

use super::{Context, Error, access, polls};
use crate::{
    broker::Line,
    node::Node,
    store::{
        members::{MemberChange, Target},
        messages::Around,
        rooms::{Listed, Locked},
    },
};

/// The beginning of the list of rooms, for a page and for `welcome`.
#[derive(Clone, Debug, Default)]
pub struct FirstRooms {
    /// The head of the viewer's own line: the list includes every membership up to it.
    pub person: Seq,
    /// The head of the workspace's line.
    pub workspace: Seq,
    /// The most recently active rooms.
    pub rooms: Vec<RoomSummary>,
    /// Whether there are more.
    pub more: bool,
    /// The people that they refer to.
    pub people: Vec<User>,
}

/// The beginning of the viewer's list: the most recently active rooms.
///
/// # Errors
/// When the database fails.
pub async fn first(cx: &Context) -> Result<FirstRooms, Error> {
    let heads = own_heads(cx).await?;
    let rooms = cx.node.store.list_rooms(cx.viewer.user.id, Listed::First, ROOMS_SHOWN + 1).await?;
    first_of(cx, heads, rooms).await
}

/// The same, with the heads of all the viewer's rooms, consistent with the list.
///
/// # Errors
/// When the database fails.
pub async fn first_and_heads(cx: &Context) -> Result<(FirstRooms, Vec<(RoomId, Seq)>), Error> {
    let heads = own_heads(cx).await?;
    let (rooms, room_heads) = cx.node.store.first_rooms_and_heads(cx.viewer.user.id, ROOMS_SHOWN + 1).await?;
    Ok((first_of(cx, heads, rooms).await?, room_heads))
}

/// The heads of the viewer's own line and the workspace's. Read before the rooms: later changes
/// arrive as events, or by catching up.
async fn own_heads(cx: &Context) -> Result<(Seq, Seq), Error> {
    let me = Line::Person(cx.viewer.user.id);
    let heads = cx.node.store.heads(&[me, Line::Workspace]).await?;
    let head_of = |line| heads.iter().find(|head| head.line == line).map_or(Seq::ZERO, |head| head.head);
    Ok((head_of(me), head_of(Line::Workspace)))
}

async fn first_of(
    cx: &Context,
    (person, workspace): (Seq, Seq),
    mut rooms: Vec<RoomSummary>,
) -> Result<FirstRooms, Error> {
    let more = rooms.len() > ROOMS_SHOWN;
    rooms.truncate(ROOMS_SHOWN);
    let people = cx.node.people_of(&rooms).await?;
    Ok(FirstRooms { person, workspace, rooms, more, people })
}

/// The next page of the viewer's list.
///
/// # Errors
/// When the database fails.
pub async fn list(cx: &Context, after: Option<RoomsAfter>) -> Result<Reply, Error> {
    let listed = after.map_or(Listed::First, Listed::After);
    let mut rooms = cx.node.store.list_rooms(cx.viewer.user.id, listed, ROOMS_PAGE + 1).await?;
    let more = rooms.len() > ROOMS_PAGE;
    rooms.truncate(ROOMS_PAGE);
    let people = cx.node.people_of(&rooms).await?;
    Ok(Reply::Rooms { rooms, more, people })
}

/// Those of these rooms whose head differs from the one known to the viewer's device.
///
/// # Errors
/// [`ErrorCode::MalformedCommand`] for too many; or when the database fails.
pub async fn compare(cx: &Context, known: &[(RoomId, Seq)]) -> Result<Reply, Error> {
    if known.len() > ROOMS_PAGE {
        return Err(wrong_count(known.len(), "rooms", ROOMS_PAGE));
    }
    let me = cx.viewer.user.id;
    let differing = cx.node.store.rooms_that_differ(me, known).await?;
    let rooms = if differing.is_empty() {
        Vec::new()
    } else {
        cx.node.store.list_rooms(me, Listed::These(&differing), differing.len()).await?
    };
    let people = cx.node.people_of(&rooms).await?;
    Ok(Reply::Rooms { rooms, more: false, people })
}

/// Everything that a client needs to open a room.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn view(cx: &Context, room: RoomId) -> Result<RoomView, Error> {
    let summary = summary(cx, cx.viewer.user.id, room).await?;
    let through = summary.head;
    let store = &cx.node.store;
    // Leaves newer messages out, because they arrive as events.
    let page = store.list_messages(room, Direction::Before, through.next(), through);
    let (page, members, pins) = tokio::join!(page, store.list_members(room, "", None), store.list_pins(room));
    let ((mut messages, more_before), (members, _), pins) = (page?, members?, pins?);
    polls::add_own_votes(cx, room, &mut messages).await?;
    let small = summary.members as usize <= MARKS_MEMBERS_MAX;
    let (members, marks): (Vec<_>, Vec<_>) = members.into_iter().unzip();
    let marks = if small { marks } else { Vec::new() };
    let quoted = quotes(cx, room, &messages).await?;
    let people = Vec::new();
    let mut view = RoomView { summary, messages, more_before, members, marks, pins, quoted, people, through };
    view.people = cx.node.people_of([&view]).await?;
    Ok(view)
}

/// The messages to which these reply and the roots of their threads, where they are not among them, cut.
async fn quotes(cx: &Context, room: RoomId, messages: &[Message]) -> Result<Vec<Message>, Error> {
    let is_here = |seq: &Seq| messages.binary_search_by_key(seq, |message| message.seq).is_ok();
    let named = |message: &Message| [message.reply_to, message.thread.map(|thread| thread.0)];
    let mut missing: Vec<Seq> = messages.iter().flat_map(named).flatten().collect();
    missing.sort_unstable();
    missing.dedup();
    missing.retain(|seq| !is_here(seq));
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let quoted = cx.node.store.messages_of(room, &missing).await?;
    Ok(quoted.iter().map(Message::preview).collect())
}

/// If the view begins below the first unread message: the page that begins there, and the people
/// that it refers to. The view then keeps only those messages that follow the page without a gap.
///
/// # Errors
/// When the database fails.
pub async fn unread_above(
    cx: &Context,
    view: &mut RoomView,
) -> Result<Option<(ShownPage, Vec<User>)>, Error> {
    let read = view.summary.seen();
    let begins_below = view.messages.first().is_some_and(|first| first.seq > read.next());
    if view.summary.unread == 0 || !view.more_before || !begins_below {
        return Ok(None);
    }
    let store = &cx.node.store;
    let (messages, more) =
        store.list_messages(view.summary.room.id, Direction::After, read, view.through).await?;
    if messages.is_empty() {
        return Ok(None);
    }
    let page = ShownPage { messages, more_before: true, more_after: more, is_unread: true };
    shown(cx, view, page).await.map(Some)
}

/// The page around a message, and the people that it refers to; see [`unread_above`].
///
/// # Errors
/// When the database fails.
pub async fn around(cx: &Context, view: &mut RoomView, seq: Seq) -> Result<(ShownPage, Vec<User>), Error> {
    let Around { mut messages, more_before, mut more_after } =
        cx.node.store.messages_around(view.summary.room.id, seq).await?;
    // Newer messages arrive as events.
    let known = messages.partition_point(|message| message.seq <= view.through);
    more_after |= known < messages.len();
    messages.truncate(known);
    shown(cx, view, ShownPage { messages, more_before, more_after, is_unread: false }).await
}

async fn shown(
    cx: &Context,
    view: &mut RoomView,
    mut page: ShownPage,
) -> Result<(ShownPage, Vec<User>), Error> {
    polls::add_own_votes(cx, view.summary.room.id, &mut page.messages).await?;
    let quoted = quotes(cx, view.summary.room.id, &page.messages).await?;
    let people = cx.node.people_of(page.messages.iter().chain(&quoted)).await?;
    view.quoted.extend(quoted);
    let first = view.messages.first().map(|first| first.seq);
    if page.messages.last().map(|last| last.seq) < first {
        view.messages.clear();
    }
    Ok((page, people))
}

/// The direct room with a person, created if there is none.
///
/// # Errors
/// [`ErrorCode::UserUnknown`], also for the viewer; or when the database fails.
pub async fn start_direct(cx: &Context, user: UserId) -> Result<RoomSummary, Error> {
    let me = cx.viewer.user.id;
    if user == me || !cx.node.store.may_meet(me, user).await? {
        return Err(ErrorCode::UserUnknown.into());
    }
    let (room, memberships) = cx.node.store.direct_room(me, user).await?;
    for (user, seq) in memberships {
        tell_membership(&cx.node, user, room, seq).await?;
    }
    summary(cx, me, room).await
}

/// Creates a group or channel, owned by the viewer. A known nonce returns the first room.
///
/// # Errors
/// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`],
/// [`ErrorCode::ScriptsMixed`]; [`ErrorCode::DirectRoom`] for another kind;
/// [`ErrorCode::Forbidden`] to a guest, [`ErrorCode::TitleTaken`]; or when the database fails.
pub async fn create(
    cx: &Context,
    nonce: Nonce,
    kind: RoomKind,
    title: &str,
    topic: &str,
) -> Result<RoomSummary, Error> {
    let (title, topic) = (RoomTitle::parse(title)?, RoomTopic::parse(topic)?);
    if kind == RoomKind::Direct {
        return Err(ErrorCode::DirectRoom.into());
    }
    let me = cx.viewer.user.id;
    let allowed = |workspace| access::check_create(workspace).map_err(Error::from);
    let texts = (title.as_str(), topic.as_str());
    let (room, membership) = cx.node.store.create_room::<Error>(me, nonce, kind, texts, allowed).await?;
    if let Some(seq) = membership {
        tell_membership(&cx.node, me, room, seq).await?;
    }
    summary(cx, me, room).await
}

/// Joins a channel. Does nothing if the viewer is already in it.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::Banned`], [`ErrorCode::RoomsFull`],
/// [`ErrorCode::MembersFull`]; or when the database fails.
pub async fn join(cx: &Context, room: RoomId) -> Result<RoomSummary, Error> {
    let me = cx.viewer.user.id;
    let allowed = |locked: &Locked| Ok(access::check_join(locked)?);
    let whom = (&[me][..], ROOMS_PER_USER_MAX);
    let added = cx.node.store.add_members::<Error>(me, room, whom, allowed).await?;
    if !added.banned.is_empty() {
        return Err(ErrorCode::Banned.into());
    }
    if !added.full.is_empty() {
        return Err(Refusal::new(ErrorCode::RoomsFull).max(ROOMS_PER_USER_MAX).into());
    }
    tell_members(&cx.node, room, &added.changes).await?;
    summary(cx, me, room).await
}

/// Leaves a group or channel. Does nothing if the viewer is not in it.
///
/// # Errors
/// [`ErrorCode::DirectRoom`], [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn leave(cx: &Context, room: RoomId) -> Result<Reply, Error> {
    let me = cx.viewer.user.id;
    let allowed = |locked: &Locked, _: &Target| Ok(access::check_leave(locked)?);
    let changes = cx.node.store.remove_member::<Error>(me, (room, me), false, allowed).await?;
    tell_members(&cx.node, room, &changes).await?;
    Ok(Reply::Done {})
}

/// Adds people to a group or channel.
///
/// # Errors
/// [`ErrorCode::MalformedCommand`] for none or too many; [`ErrorCode::RoomUnknown`],
/// [`ErrorCode::DirectRoom`], [`ErrorCode::Forbidden`], [`ErrorCode::RoomArchived`],
/// [`ErrorCode::UserUnknown`], [`ErrorCode::MembersFull`]; or when the database fails. The reply
/// names people who are banned or in too many rooms; all others have been added.
pub async fn invite(cx: &Context, room: RoomId, users: &[UserId]) -> Result<Reply, Error> {
    if users.is_empty() || users.len() > INVITE_MAX {
        return Err(wrong_count(users.len(), "people", INVITE_MAX));
    }
    let allowed = |locked: &Locked| Ok(access::check_invite(locked)?);
    let whom = (users, ROOMS_ADDED_MAX);
    let added = cx.node.store.add_members::<Error>(cx.viewer.user.id, room, whom, allowed).await?;
    tell_members(&cx.node, room, &added.changes).await?;
    Ok(Reply::Invited { full: added.full, banned: added.banned })
}

/// Renames a room and sets its topic.
///
/// # Errors
/// [`ErrorCode::TextEmpty`], [`ErrorCode::TextTooLong`], [`ErrorCode::TextInvalid`],
/// [`ErrorCode::ScriptsMixed`], [`ErrorCode::RoomUnknown`], [`ErrorCode::DirectRoom`],
/// [`ErrorCode::Forbidden`], [`ErrorCode::RoomArchived`], [`ErrorCode::TitleTaken`]; or when the
/// database fails.
pub async fn set(cx: &Context, room: RoomId, title: &str, topic: &str) -> Result<Reply, Error> {
    let (title, topic) = (RoomTitle::parse(title)?, RoomTopic::parse(topic)?);
    let allowed = |locked: &Locked| Ok(access::check_set(locked, title.as_str())?);
    let texts = (title.as_str(), topic.as_str());
    if let Some(changed) = cx.node.store.set_room::<Error>(cx.viewer.user.id, room, texts, allowed).await? {
        cx.node.publish_change(Line::Room(room), changed.rev, Change::Room { room: changed }, Vec::new());
    }
    Ok(Reply::Done {})
}

/// The members of a room.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]; or when the database fails.
pub async fn members(cx: &Context, room: RoomId, query: &str, after: Option<UserId>) -> Result<Reply, Error> {
    let summary = summary(cx, cx.viewer.user.id, room).await?;
    let (listed, more) = cx.node.store.list_members(room, query, after).await?;
    let (members, marks): (Vec<Member>, Vec<_>) = listed.into_iter().unzip();
    let marks = if summary.members as usize <= MARKS_MEMBERS_MAX { marks } else { Vec::new() };
    let people = cx.node.people(members.iter().map(|member| member.user).collect()).await?;
    Ok(Reply::Members { room, members, marks, people, more })
}

/// The profiles of these people.
///
/// # Errors
/// [`ErrorCode::MalformedCommand`] for too many; or when the database fails.
pub async fn people(cx: &Context, users: &[UserId]) -> Result<Reply, Error> {
    if users.len() > PEOPLE_MAX {
        return Err(wrong_count(users.len(), "people", PEOPLE_MAX));
    }
    Ok(Reply::Users { users: cx.node.people(users.iter().copied().collect()).await? })
}

/// People to talk to.
///
/// # Errors
/// When the database fails.
pub async fn find_users(cx: &Context, query: &str) -> Result<Reply, Error> {
    Ok(Reply::Users { users: cx.node.store.find_users(cx.viewer.user.id, query).await? })
}

/// Channels to join.
///
/// # Errors
/// When the database fails.
pub async fn find_channels(cx: &Context, query: &str) -> Result<Reply, Error> {
    Ok(Reply::Channels { channels: cx.node.store.find_channels(cx.viewer.user.id, query).await? })
}

pub(super) fn wrong_count(count: usize, what: &str, max: usize) -> Error {
    Refusal::new(ErrorCode::MalformedCommand).max(max).detail(format!("{count} {what} at once")).into()
}

async fn summary(cx: &Context, of: UserId, room: RoomId) -> Result<RoomSummary, Error> {
    let found = cx.node.store.list_rooms(of, Listed::These(&[room]), 1).await?.pop();
    found.ok_or_else(|| ErrorCode::RoomUnknown.into())
}

/// Tells a person's devices, on their own line, that they joined or left a room.
async fn tell_membership(node: &Node, user: UserId, room: RoomId, seq: Seq) -> Result<(), Error> {
    let told = async {
        let summary = node.store.list_rooms(user, Listed::These(&[room]), 1).await?.pop().map(Box::new);
        let change = Change::Membership { room, summary };
        let people = node.people_of([&change]).await?;
        node.publish_change(Line::Person(user), seq, change, people);
        Ok(())
    };
    // It is committed but not published, so the head check will find it.
    told.await.inspect_err(|_: &crate::store::Error| node.check_soon()).map_err(Error::from)
}

/// Publishes changed memberships or roles to the room, and to the people who joined or left.
///
/// # Errors
/// When the database fails. The head check then finds what is committed but not published.
pub async fn tell_members(node: &Node, room: RoomId, changes: &[MemberChange]) -> Result<(), Error> {
    let named = changes.iter().map(|change| change.member.user).collect();
    // Published even if their profiles cannot be loaded.
    let people = node.people(named).await.unwrap_or_default();
    for MemberChange { member, members, marks, membership } in changes {
        let change = Change::Member { member: member.clone(), members: *members, marks: *marks };
        let named = people.iter().filter(|user| user.id == member.user).cloned().collect();
        node.publish_change(Line::Room(room), member.rev, change, named);
        if let Some(seq) = membership {
            tell_membership(node, member.user, room, *seq).await?;
        }
    }
    Ok(())
}
