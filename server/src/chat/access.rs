//! Authorisation: pure functions on what was read under the room's lock. Rights themselves are
//! computed in [`protocol::rights`], which browsers use too.

use protocol::{ErrorCode, Message, Rights, Role, RoomKind, UserId, WorkspaceRole, rights};

use crate::store::{members::Target, rooms::Locked};

/// Whether someone may create rooms.
///
/// # Errors
/// [`ErrorCode::Forbidden`].
pub fn check_create(workspace: WorkspaceRole) -> Result<(), ErrorCode> {
    if workspace == WorkspaceRole::Guest { Err(ErrorCode::Forbidden) } else { Ok(()) }
}

/// Whether someone may ask who is in the groups of people. Guests may not, because they may not learn who else
/// exists. The titles, handles and sizes of groups are no secret: they come with the workspace's line.
///
/// # Errors
/// [`ErrorCode::Forbidden`].
pub fn check_groups(workspace: WorkspaceRole) -> Result<(), ErrorCode> {
    if workspace == WorkspaceRole::Guest { Err(ErrorCode::Forbidden) } else { Ok(()) }
}

/// Whether someone may change what belongs to the workspace, such as its groups of people.
///
/// # Errors
/// [`ErrorCode::Forbidden`].
pub fn check_administer(workspace: WorkspaceRole) -> Result<(), ErrorCode> {
    if workspace.is_admin() { Ok(()) } else { Err(ErrorCode::Forbidden) }
}

/// Whether someone may join on their own.
///
/// # Errors
/// [`ErrorCode::Banned`]; [`ErrorCode::RoomUnknown`], because a room that the person may not join
/// must look as if it did not exist.
pub fn check_join(locked: &Locked) -> Result<(), ErrorCode> {
    match (locked.room.kind, locked.role) {
        (_, Some(_)) => Ok(()),
        (RoomKind::Channel, None) if locked.workspace == WorkspaceRole::Guest => Err(ErrorCode::RoomUnknown),
        (RoomKind::Channel, None) if locked.banned => Err(ErrorCode::Banned),
        (RoomKind::Channel, None) => Ok(()),
        (RoomKind::Direct | RoomKind::Group, None) => Err(ErrorCode::RoomUnknown),
    }
}

/// Whether someone may add others to the room.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::DirectRoom`], [`ErrorCode::Forbidden`],
/// [`ErrorCode::RoomArchived`].
pub fn check_invite(locked: &Locked) -> Result<(), ErrorCode> {
    check_changeable(locked)?;
    check(locked, |rights| rights.invite)
}

/// Whether someone may leave. Always, if they are not in the room.
///
/// # Errors
/// [`ErrorCode::DirectRoom`].
pub fn check_leave(locked: &Locked) -> Result<(), ErrorCode> {
    match (locked.room.kind, locked.role) {
        (RoomKind::Direct, Some(_)) => Err(ErrorCode::DirectRoom),
        (RoomKind::Direct | RoomKind::Group | RoomKind::Channel, _) => Ok(()),
    }
}

/// Whether someone may give the room this title and some topic.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::DirectRoom`], [`ErrorCode::Forbidden`],
/// [`ErrorCode::RoomArchived`].
pub fn check_set(locked: &Locked, title: &str) -> Result<(), ErrorCode> {
    check_changeable(locked)?;
    check(locked, |rights| rights.set_topic)?;
    if locked.room.title == title { Ok(()) } else { check(locked, |rights| rights.manage) }
}

/// Whether someone may manage the room: set its policy, archive it, delete it.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::DirectRoom`], [`ErrorCode::Forbidden`].
pub fn check_manage(locked: &Locked) -> Result<(), ErrorCode> {
    check_changeable(locked)?;
    check(locked, |rights| rights.manage)
}

/// Whether someone may see who is banned, and lift bans.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::DirectRoom`], [`ErrorCode::Forbidden`].
pub fn check_moderate(locked: &Locked) -> Result<(), ErrorCode> {
    check_changeable(locked)?;
    check(locked, |rights| rights.moderate)
}

/// Whether someone may remove or ban another person.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::DirectRoom`], [`ErrorCode::Forbidden`].
pub fn check_remove(locked: &Locked, target: &Target) -> Result<(), ErrorCode> {
    check_moderate(locked)?;
    check_outranks(locked, target)
}

/// Whether someone may give another person this role in the room, or lower their own.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::DirectRoom`], [`ErrorCode::Forbidden`].
pub fn check_role(by: UserId, locked: &Locked, target: &Target, role: Role) -> Result<(), ErrorCode> {
    let own = check_changeable(locked)?;
    if by == target.user && role <= own {
        return Ok(());
    }
    check(locked, |rights| rights.manage)?;
    // Admins count as owners, so they may make themselves owners.
    if by == target.user { Ok(()) } else { check_outranks(locked, target) }
}

/// Whether someone in the room may edit a message: only its author, while they may post and the
/// message is not deleted.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::Forbidden`], [`ErrorCode::RoomArchived`],
/// [`ErrorCode::MessageDeleted`].
pub fn check_edit(by: UserId, locked: &Locked, message: &Message) -> Result<(), ErrorCode> {
    if message.author != by {
        return Err(ErrorCode::Forbidden);
    }
    // Otherwise, editing an old message would be a way to post.
    check(locked, |rights| rights.post)?;
    check_there(message)
}

/// Whether someone in the room may delete a message: its author, or a moderator.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::Forbidden`].
pub fn check_delete(by: UserId, locked: &Locked, message: &Message) -> Result<(), ErrorCode> {
    if message.author == by { Ok(()) } else { check(locked, |rights| rights.moderate) }
}

/// Whether someone in the room may react to a message: anyone who has the right, while it is not
/// deleted.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::RoomArchived`], [`ErrorCode::MessageDeleted`].
pub fn check_react(locked: &Locked, message: &Message) -> Result<(), ErrorCode> {
    check(locked, |rights| rights.react)?;
    check_there(message)
}

/// Whether someone in the room may vote in the poll of a message: whoever may react, until it is closed.
///
/// # Errors
/// As for [`check_react`]; [`ErrorCode::MessageUnknown`] if it has no poll; [`ErrorCode::PollClosed`].
pub fn check_vote(locked: &Locked, message: &Message) -> Result<(), ErrorCode> {
    check_react(locked, message)?;
    let poll = message.poll.as_ref().ok_or(ErrorCode::MessageUnknown)?;
    if poll.closed { Err(ErrorCode::PollClosed) } else { Ok(()) }
}

/// Whether someone in the room may close the poll of a message: whoever may delete the message.
///
/// # Errors
/// As for [`check_delete`]; [`ErrorCode::MessageDeleted`]; [`ErrorCode::MessageUnknown`] if it has no poll.
pub fn check_close_poll(by: UserId, locked: &Locked, message: &Message) -> Result<(), ErrorCode> {
    check_delete(by, locked, message)?;
    check_there(message)?;
    message.poll.as_ref().map(drop).ok_or(ErrorCode::MessageUnknown)
}

/// Whether someone in the room may remove the previews of a message's links: whoever may delete the message.
///
/// # Errors
/// As for [`check_delete`]; [`ErrorCode::MessageDeleted`].
pub fn check_remove_previews(by: UserId, locked: &Locked, message: &Message) -> Result<(), ErrorCode> {
    check_delete(by, locked, message)?;
    check_there(message)
}

/// Whether the members of its room may see who voted in the poll of a message.
///
/// # Errors
/// [`ErrorCode::MessageDeleted`]; [`ErrorCode::MessageUnknown`] if it has no poll; [`ErrorCode::Forbidden`] if it is anonymous.
pub fn check_voters(message: &Message) -> Result<(), ErrorCode> {
    check_there(message)?;
    let poll = message.poll.as_ref().ok_or(ErrorCode::MessageUnknown)?;
    if poll.anonymous { Err(ErrorCode::Forbidden) } else { Ok(()) }
}

/// Whether someone may pin or unpin a message.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::Forbidden`], [`ErrorCode::RoomArchived`],
/// [`ErrorCode::MessageDeleted`].
pub fn check_pin(locked: &Locked, message: &Message, on: bool) -> Result<(), ErrorCode> {
    check(locked, |rights| rights.pin)?;
    if on { check_there(message) } else { Ok(()) }
}

fn check_there(message: &Message) -> Result<(), ErrorCode> {
    if message.deleted { Err(ErrorCode::MessageDeleted) } else { Ok(()) }
}

fn check(locked: &Locked, has: impl Fn(Rights) -> bool) -> Result<(), ErrorCode> {
    let role = locked.role.ok_or(ErrorCode::RoomUnknown)?;
    rights::check(&locked.room, role, locked.workspace, has)
}

/// Returns the role of the requester.
fn check_changeable(locked: &Locked) -> Result<Role, ErrorCode> {
    let role = locked.role.ok_or(ErrorCode::RoomUnknown)?;
    match locked.room.kind {
        RoomKind::Direct => Err(ErrorCode::DirectRoom),
        RoomKind::Group | RoomKind::Channel => Ok(role),
    }
}

fn check_outranks(locked: &Locked, target: &Target) -> Result<(), ErrorCode> {
    let own = (locked.role.ok_or(ErrorCode::RoomUnknown)?, locked.workspace);
    let other = (target.role.unwrap_or_default(), target.workspace);
    if rights::outranks(own, other) { Ok(()) } else { Err(ErrorCode::Forbidden) }
}

#[cfg(test)]
mod tests {
    use protocol::{MessageId, Nonce, Policy, Poll, Room, RoomId, Seq};
    use uuid::Uuid;

    use super::*;

    fn locked(kind: RoomKind, role: Option<Role>, workspace: WorkspaceRole) -> Locked {
        let room = Room { title: "now".to_owned(), ..Room::new(RoomId(Uuid::nil()), kind) };
        Locked { room, head: Seq::ZERO, role, workspace, banned: false }
    }

    fn message(author: UserId) -> Message {
        Message {
            id: MessageId(Uuid::nil()),
            seq: Seq(3),
            rev: Seq(3),
            author,
            nonce: Nonce(Uuid::nil()),
            body: "When do we sail?".to_owned(),
            sent_at: 0,
            edits: 0,
            deleted: false,
            reactions: Vec::new(),
            mentions: Vec::new(),
            reply_to: None,
            thread: None,
            in_room: false,
            replies: None,
            poll: None,
            forward: None,
            files: Vec::new(),
            previews: Vec::new(),
        }
    }

    #[test]
    fn who_may_do_what() {
        use ErrorCode::{DirectRoom, Forbidden, RoomUnknown};
        use Role::{Member, Moderator, Owner};
        use RoomKind::{Channel, Direct, Group};
        let (no, is_direct, not_here) = (Err(Forbidden), Err(DirectRoom), Err(RoomUnknown));
        // Kind, role, join, invite, leave, set the topic, rename, moderate, manage.
        let table = [
            (Direct, None, not_here, not_here, Ok(()), not_here, not_here, not_here, not_here),
            (Direct, Some(Member), Ok(()), is_direct, is_direct, is_direct, is_direct, is_direct, is_direct),
            (Group, None, not_here, not_here, Ok(()), not_here, not_here, not_here, not_here),
            (Group, Some(Member), Ok(()), Ok(()), Ok(()), Ok(()), no, no, no),
            (Group, Some(Moderator), Ok(()), Ok(()), Ok(()), Ok(()), no, Ok(()), no),
            (Group, Some(Owner), Ok(()), Ok(()), Ok(()), Ok(()), Ok(()), Ok(()), Ok(())),
            (Channel, None, Ok(()), not_here, Ok(()), not_here, not_here, not_here, not_here),
            (Channel, Some(Member), Ok(()), Ok(()), Ok(()), Ok(()), no, no, no),
            (Channel, Some(Moderator), Ok(()), Ok(()), Ok(()), Ok(()), no, Ok(()), no),
            (Channel, Some(Owner), Ok(()), Ok(()), Ok(()), Ok(()), Ok(()), Ok(()), Ok(())),
        ];
        for (kind, role, join, invite, leave, topic, rename, moderate, manage) in table {
            let locked = locked(kind, role, WorkspaceRole::Member);
            let found = (
                check_join(&locked),
                check_invite(&locked),
                check_leave(&locked),
                check_set(&locked, "now"),
                check_set(&locked, "new"),
                check_moderate(&locked),
                check_manage(&locked),
            );
            assert_eq!(found, (join, invite, leave, topic, rename, moderate, manage), "{kind:?} {role:?}");
        }
    }

    #[test]
    fn who_may_vote_and_who_may_close() {
        use ErrorCode::{Forbidden, MessageDeleted, MessageUnknown, PollClosed, RoomArchived, RoomUnknown};
        use Role::{Member, Moderator, Owner};
        use RoomKind::{Channel, Direct, Group};
        use WorkspaceRole as W;
        let (ana, bea) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let poll = |closed| Some(Poll { closed, ..Poll::default() });
        let message = |poll| Message { poll, ..message(ana) };
        let archived = |locked: Locked| Locked { room: Room { archived: true, ..locked.room }, ..locked };
        let strict = |locked: Locked| {
            let policy = Policy { post: Owner, ..Policy::default() };
            Locked { room: Room { policy, ..locked.room }, ..locked }
        };
        // Where, by whom, vote, close. Ana has written the message.
        let table = [
            (locked(Direct, Some(Member), W::Member), bea, Ok(()), Err(Forbidden)),
            (locked(Group, Some(Member), W::Guest), bea, Ok(()), Err(Forbidden)),
            (locked(Group, Some(Member), W::Guest), ana, Ok(()), Ok(())),
            (locked(Channel, Some(Member), W::Member), bea, Ok(()), Err(Forbidden)),
            (locked(Channel, Some(Moderator), W::Member), bea, Ok(()), Ok(())),
            (locked(Channel, Some(Member), W::Moderator), bea, Ok(()), Ok(())),
            (strict(locked(Channel, Some(Member), W::Member)), bea, Ok(()), Err(Forbidden)),
            (archived(locked(Channel, Some(Member), W::Member)), ana, Err(RoomArchived), Ok(())),
            (archived(locked(Channel, Some(Owner), W::Member)), bea, Err(RoomArchived), Ok(())),
            (locked(Channel, None, W::Owner), bea, Err(RoomUnknown), Err(RoomUnknown)),
        ];
        for (locked, by, vote, close) in table {
            let open = message(poll(false));
            let found = (check_vote(&locked, &open), check_close_poll(by, &locked, &open));
            assert_eq!(found, (vote, close), "{:?} {:?} {by}", locked.room, locked.role);
        }
        let here = locked(Group, Some(Member), W::Member);
        let of = |message: &Message| {
            (check_vote(&here, message), check_close_poll(ana, &here, message), check_voters(message))
        };
        assert_eq!(of(&message(poll(true))), (Err(PollClosed), Ok(()), Ok(())));
        assert_eq!(of(&message(None)), (Err(MessageUnknown), Err(MessageUnknown), Err(MessageUnknown)));
        let deleted = Message { deleted: true, ..message(None) };
        assert_eq!(of(&deleted), (Err(MessageDeleted), Err(MessageDeleted), Err(MessageDeleted)));
        let anonymous = message(Some(Poll { anonymous: true, ..Poll::default() }));
        assert_eq!(check_voters(&anonymous), Err(Forbidden));
    }

    #[test]
    fn a_guest_joins_nothing_and_a_banned_person_not_this_channel() {
        let guest = locked(RoomKind::Channel, None, WorkspaceRole::Guest);
        assert_eq!(check_join(&guest), Err(ErrorCode::RoomUnknown));
        let banned = Locked { banned: true, ..locked(RoomKind::Channel, None, WorkspaceRole::Member) };
        assert_eq!(check_join(&banned), Err(ErrorCode::Banned));
        let banned = Locked { banned: true, ..locked(RoomKind::Group, None, WorkspaceRole::Member) };
        assert_eq!(check_join(&banned), Err(ErrorCode::RoomUnknown));
        assert_eq!(check_create(WorkspaceRole::Guest), Err(ErrorCode::Forbidden));
        assert_eq!(check_create(WorkspaceRole::Member), Ok(()));
    }

    #[test]
    fn guests_see_no_groups_and_administrators_change_them() {
        for role in WorkspaceRole::ALL {
            assert_eq!(check_groups(role).is_ok(), role != WorkspaceRole::Guest, "{role:?}");
            assert_eq!(check_administer(role).is_ok(), role >= WorkspaceRole::Admin, "{role:?}");
        }
    }

    #[test]
    fn who_may_act_on_whom() {
        use Role::{Member, Moderator, Owner};
        use WorkspaceRole as W;
        let (ana, bea) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        let target = |role, workspace| Target { user: bea, role, workspace, banned: false };
        let of = |role| locked(RoomKind::Group, Some(role), W::Member);
        let no = Err(ErrorCode::Forbidden);
        // By whom, on whom, remove, make a moderator.
        let table = [
            (of(Member), target(Some(Member), W::Member), no, no),
            (of(Moderator), target(Some(Member), W::Member), Ok(()), no),
            (of(Moderator), target(Some(Moderator), W::Member), no, no),
            (of(Moderator), target(None, W::Member), Ok(()), no),
            (of(Owner), target(Some(Member), W::Member), Ok(()), Ok(())),
            (of(Owner), target(Some(Moderator), W::Moderator), Ok(()), Ok(())),
            (of(Owner), target(Some(Owner), W::Member), no, no),
            (of(Owner), target(Some(Member), W::Admin), no, no),
            (locked(RoomKind::Group, Some(Member), W::Admin), target(Some(Owner), W::Member), Ok(()), Ok(())),
            (
                locked(RoomKind::Group, None, W::Owner),
                target(Some(Member), W::Member),
                Err(ErrorCode::RoomUnknown),
                Err(ErrorCode::RoomUnknown),
            ),
        ];
        for (locked, target, remove, promote) in table {
            let found = (check_remove(&locked, &target), check_role(ana, &locked, &target, Moderator));
            assert_eq!(found, (remove, promote), "{:?} {:?} on {target:?}", locked.role, locked.workspace);
        }
        // One's own role: down, but not up.
        let own = Target { user: ana, ..target(Some(Moderator), W::Member) };
        assert_eq!(check_role(ana, &of(Moderator), &own, Member), Ok(()));
        assert_eq!(check_role(ana, &of(Moderator), &own, Owner), no);
    }
}
