//! Who may do what: pure functions over what the room's lock found.

use protocol::{ErrorCode, Message, Role, Room, RoomKind, UserId};

/// Whether someone with this role (`None`: not in the room) may join by themselves.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`]: what one may not join, one may not know of.
pub fn check_join(room: &Room, role: Option<Role>) -> Result<(), ErrorCode> {
    match (room.kind, role) {
        (RoomKind::Channel, _) | (_, Some(_)) => Ok(()),
        (RoomKind::Direct | RoomKind::Group, None) => Err(ErrorCode::RoomUnknown),
    }
}

/// Whether someone may take others into the room.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::DirectRoom`].
pub fn check_invite(room: &Room, role: Option<Role>) -> Result<(), ErrorCode> {
    check_changeable(room, role).map(|_| ())
}

/// Whether someone may leave. Who is not in the room has left already.
///
/// # Errors
/// [`ErrorCode::DirectRoom`].
pub fn check_leave(room: &Room, role: Option<Role>) -> Result<(), ErrorCode> {
    match (room.kind, role) {
        (RoomKind::Direct, Some(_)) => Err(ErrorCode::DirectRoom),
        (RoomKind::Direct | RoomKind::Group | RoomKind::Channel, _) => Ok(()),
    }
}

/// Whether someone may give the room this title and topic: any member the topic, only an owner the title.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::DirectRoom`], [`ErrorCode::Forbidden`].
pub fn check_set(room: &Room, role: Option<Role>, title: &str) -> Result<(), ErrorCode> {
    match check_changeable(room, role)? {
        Role::Owner => Ok(()),
        Role::Member if room.title == title => Ok(()),
        Role::Member => Err(ErrorCode::Forbidden),
    }
}

/// Whether someone in the room may change the text of a message: only its author, while it is there.
///
/// # Errors
/// [`ErrorCode::Forbidden`], [`ErrorCode::MessageDeleted`].
pub fn check_edit(by: UserId, message: &Message) -> Result<(), ErrorCode> {
    if message.author != by {
        return Err(ErrorCode::Forbidden);
    }
    check_there(message)
}

/// Whether someone in the room may delete a message: its author, and an owner of the room.
///
/// # Errors
/// [`ErrorCode::Forbidden`].
pub fn check_delete(by: UserId, role: Option<Role>, message: &Message) -> Result<(), ErrorCode> {
    let allowed = message.author == by || role == Some(Role::Owner);
    if allowed { Ok(()) } else { Err(ErrorCode::Forbidden) }
}

/// Whether someone in the room may react to a message: anyone, while it is there.
///
/// # Errors
/// [`ErrorCode::MessageDeleted`].
pub fn check_react(message: &Message) -> Result<(), ErrorCode> {
    check_there(message)
}

/// Whether someone may pin a message, or unpin it: in a channel its owners, elsewhere any member.
///
/// # Errors
/// [`ErrorCode::RoomUnknown`], [`ErrorCode::Forbidden`], [`ErrorCode::MessageDeleted`].
pub fn check_pin(room: &Room, role: Option<Role>, message: &Message, on: bool) -> Result<(), ErrorCode> {
    match (room.kind, role.ok_or(ErrorCode::RoomUnknown)?) {
        (RoomKind::Channel, Role::Member) => Err(ErrorCode::Forbidden),
        (RoomKind::Channel, Role::Owner) | (RoomKind::Direct | RoomKind::Group, _) if on => {
            check_there(message)
        }
        (RoomKind::Channel, Role::Owner) | (RoomKind::Direct | RoomKind::Group, _) => Ok(()),
    }
}

fn check_there(message: &Message) -> Result<(), ErrorCode> {
    if message.deleted { Err(ErrorCode::MessageDeleted) } else { Ok(()) }
}

fn check_changeable(room: &Room, role: Option<Role>) -> Result<Role, ErrorCode> {
    let role = role.ok_or(ErrorCode::RoomUnknown)?;
    match room.kind {
        RoomKind::Direct => Err(ErrorCode::DirectRoom),
        RoomKind::Group | RoomKind::Channel => Ok(role),
    }
}

#[cfg(test)]
mod tests {
    use protocol::{RoomId, Seq};
    use uuid::Uuid;

    use super::*;

    #[test]
    fn who_may_do_what() {
        use ErrorCode::{DirectRoom, Forbidden, RoomUnknown};
        use Role::{Member, Owner};
        use RoomKind::{Channel, Direct, Group};
        // kind, role, join, invite, leave, set the topic, rename
        let table = [
            (Direct, None, Err(RoomUnknown), Err(RoomUnknown), Ok(()), Err(RoomUnknown), Err(RoomUnknown)),
            (
                Direct,
                Some(Member),
                Ok(()),
                Err(DirectRoom),
                Err(DirectRoom),
                Err(DirectRoom),
                Err(DirectRoom),
            ),
            (Group, None, Err(RoomUnknown), Err(RoomUnknown), Ok(()), Err(RoomUnknown), Err(RoomUnknown)),
            (Group, Some(Member), Ok(()), Ok(()), Ok(()), Ok(()), Err(Forbidden)),
            (Group, Some(Owner), Ok(()), Ok(()), Ok(()), Ok(()), Ok(())),
            (Channel, None, Ok(()), Err(RoomUnknown), Ok(()), Err(RoomUnknown), Err(RoomUnknown)),
            (Channel, Some(Member), Ok(()), Ok(()), Ok(()), Ok(()), Err(Forbidden)),
            (Channel, Some(Owner), Ok(()), Ok(()), Ok(()), Ok(()), Ok(())),
        ];
        for (kind, role, join, invite, leave, topic, rename) in table {
            let id = RoomId(Uuid::nil());
            let room = Room { id, kind, title: "now".to_owned(), topic: String::new(), rev: Seq::ZERO };
            let found = (
                check_join(&room, role),
                check_invite(&room, role),
                check_leave(&room, role),
                check_set(&room, role, "now"),
                check_set(&room, role, "new"),
            );
            assert_eq!(found, (join, invite, leave, topic, rename), "{kind:?} {role:?}");
        }
    }
}
