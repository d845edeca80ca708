//! Rights in a room: pure functions of roles. Servers enforce them, and browsers offer only what is
//! allowed.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{ErrorCode, Room, RoomKind, UserId};

/// A role in a room. A later one may do everything that an earlier one may.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, FromJson,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Anyone in the room.
    #[default]
    Member,
    /// Moderates: deletes messages, removes and bans members.
    Moderator,
    /// Manages the room itself: its title, policy and roles, and its deletion.
    Owner,
}

/// A role in the workspace. A later one may do everything that an earlier one may.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, FromJson,
)]
#[serde(rename_all = "snake_case")]
pub enum WorkspaceRole {
    /// Is in rooms that others add them to, finds no others, and talks to people who share a room
    /// with them.
    Guest,
    /// Joins channels, creates rooms, talks to everyone.
    #[default]
    Member,
    /// A moderator of every room that they are in.
    Moderator,
    /// An owner of every room that they are in. Manages the accounts of lower roles.
    Admin,
    /// An admin who also decides who is admin and owner.
    Owner,
}

impl WorkspaceRole {
    /// Every role, the lowest first.
    pub const ALL: [Self; 5] = [Self::Guest, Self::Member, Self::Moderator, Self::Admin, Self::Owner];

    /// The name in the protocol, the database and forms.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Guest => "guest",
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// `None` for a text that is not a role.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// Whether they manage accounts and invitations.
    #[must_use]
    pub fn is_admin(self) -> bool {
        self >= Self::Admin
    }

    /// Whether they may change someone else's role from `now` to `next`: an owner may give anyone
    /// any role, an admin may give those below them roles below their own.
    #[must_use]
    pub fn may_give(self, now: Self, next: Self) -> bool {
        match self {
            Self::Owner => true,
            Self::Admin => now < self && next < self,
            Self::Guest | Self::Member | Self::Moderator => false,
        }
    }

    /// Whether they may suspend and reinstate someone else with the role `other`, and create a
    /// password link for them.
    #[must_use]
    pub fn may_manage(self, other: Self) -> bool {
        self.is_admin() && (self > other || self == Self::Owner)
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde's attribute asks for")]
    pub(crate) fn is_member(&self) -> bool {
        *self == Self::Member
    }
}

/// The least roles for certain actions in a room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
pub struct Policy {
    /// Post messages. With another role than [`Role::Member`], the room is for announcements.
    #[serde(default, skip_serializing_if = "is_everyone")]
    pub post: Role,
    /// Add people.
    #[serde(default, skip_serializing_if = "is_everyone")]
    pub invite: Role,
    /// Pin messages.
    #[serde(default, skip_serializing_if = "is_everyone")]
    pub pin: Role,
    /// Mention everyone in the room.
    #[serde(default, skip_serializing_if = "is_everyone")]
    pub mention: Role,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde's attribute asks for")]
fn is_everyone(role: &Role) -> bool {
    *role == Role::Member
}

impl Policy {
    /// The policy of a new room. In a channel, which anyone may join, only moderators pin and
    /// mention everyone.
    #[must_use]
    pub fn of_new(kind: RoomKind) -> Self {
        match kind {
            RoomKind::Direct | RoomKind::Group => Self::default(),
            RoomKind::Channel => Self { pin: Role::Moderator, mention: Role::Moderator, ..Self::default() },
        }
    }

    /// Whether every member may do everything.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde's attribute asks for")]
    pub(crate) fn is_open(&self) -> bool {
        *self == Self::default()
    }
}

/// What someone may do in a room that they are in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Post messages, and edit their own.
    pub post: bool,
    /// React to messages.
    pub react: bool,
    /// Add people.
    pub invite: bool,
    /// Pin and unpin messages.
    pub pin: bool,
    /// Mention everyone.
    pub mention: bool,
    /// Set the topic.
    pub set_topic: bool,
    /// Delete other people's messages; remove and ban members with lower roles.
    pub moderate: bool,
    /// Set the title, the policy and others' roles; archive and delete the room.
    pub manage: bool,
    /// Leave.
    pub leave: bool,
}

impl Rights {
    /// The rights of someone with these roles.
    #[must_use]
    pub fn of(room: &Room, role: Role, workspace: WorkspaceRole) -> Self {
        let role = effective(role, workspace);
        let (is_direct, is_guest) = (room.kind == RoomKind::Direct, workspace == WorkspaceRole::Guest);
        let open = !room.archived;
        Self {
            post: open && role >= room.policy.post,
            react: open,
            invite: open && !is_direct && !is_guest && role >= room.policy.invite,
            pin: open && role >= room.policy.pin,
            mention: open && role >= room.policy.mention,
            set_topic: open && !is_direct && !is_guest,
            moderate: !is_direct && role >= Role::Moderator,
            manage: !is_direct && role >= Role::Owner,
            leave: !is_direct,
        }
    }
}

/// Checks that someone with these roles has the right that `has` selects.
///
/// # Errors
/// [`ErrorCode::RoomArchived`] if they would have it in an unarchived room, otherwise
/// [`ErrorCode::Forbidden`].
pub fn check(
    room: &Room,
    role: Role,
    workspace: WorkspaceRole,
    has: impl Fn(Rights) -> bool,
) -> Result<(), ErrorCode> {
    let of = |room: &Room| has(Rights::of(room, role, workspace));
    if of(room) {
        return Ok(());
    }
    let is_archived = room.archived && of(&Room { archived: false, ..room.clone() });
    Err(if is_archived { ErrorCode::RoomArchived } else { ErrorCode::Forbidden })
}

/// Someone's effective role in a room: their role there, or a higher one from their role in the
/// workspace. A guest is never more than a member.
#[must_use]
pub fn effective(role: Role, workspace: WorkspaceRole) -> Role {
    match workspace {
        WorkspaceRole::Guest => Role::Member,
        WorkspaceRole::Member => role,
        WorkspaceRole::Moderator => role.max(Role::Moderator),
        WorkspaceRole::Admin | WorkspaceRole::Owner => Role::Owner,
    }
}

/// Whether a message that `by` forwards says who wrote it. What is written in a channel is open to everyone. Only the
/// people in a group or a direct room may learn who is in it and writes there, unless somebody forwards their own message.
#[must_use]
pub fn names_author(from: RoomKind, author: UserId, by: UserId) -> bool {
    match from {
        RoomKind::Channel => true,
        RoomKind::Direct | RoomKind::Group => author == by,
    }
}

/// Whether someone may remove another member or change their role: only those who rank lower.
/// Admins rank above a room's owners, so two owners of one room cannot remove each other, and an
/// admin can settle it.
#[must_use]
pub fn outranks((role, workspace): (Role, WorkspaceRole), other: (Role, WorkspaceRole)) -> bool {
    let rank = |(role, workspace): (Role, WorkspaceRole)| match workspace {
        WorkspaceRole::Owner => 4,
        WorkspaceRole::Admin => 3,
        WorkspaceRole::Guest | WorkspaceRole::Member | WorkspaceRole::Moderator => {
            match effective(role, workspace) {
                Role::Owner => 2,
                Role::Moderator => 1,
                Role::Member => 0,
            }
        }
    };
    rank((role, workspace)) > rank(other)
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::RoomId;

    fn room(kind: RoomKind) -> Room {
        Room::new(RoomId(Uuid::nil()), kind)
    }

    /// One letter per right: post, react, invite, pin, mention, topic, moderate, manage, leave.
    fn letters(rights: Rights) -> String {
        let all = [
            (rights.post, 'p'),
            (rights.react, 'r'),
            (rights.invite, 'i'),
            (rights.pin, 'n'),
            (rights.mention, 'e'),
            (rights.set_topic, 't'),
            (rights.moderate, 'o'),
            (rights.manage, 'a'),
            (rights.leave, 'l'),
        ];
        all.into_iter().map(|(has, letter)| if has { letter } else { '-' }).collect()
    }

    #[test]
    fn rights_by_kind_of_room_role_and_role_in_the_workspace() {
        use RoomKind::{Channel, Direct, Group};
        use WorkspaceRole as W;
        let table = [
            (Direct, Role::Member, W::Member, "pr-ne----"),
            (Direct, Role::Member, W::Owner, "pr-ne----"),
            (Group, Role::Member, W::Guest, "pr-ne---l"),
            (Group, Role::Owner, W::Guest, "pr-ne---l"),
            (Group, Role::Member, W::Member, "prinet--l"),
            (Group, Role::Moderator, W::Member, "prineto-l"),
            (Group, Role::Owner, W::Member, "prinetoal"),
            (Channel, Role::Member, W::Guest, "pr------l"),
            (Channel, Role::Member, W::Member, "pri--t--l"),
            (Channel, Role::Moderator, W::Member, "prineto-l"),
            (Channel, Role::Member, W::Moderator, "prineto-l"),
            (Channel, Role::Owner, W::Moderator, "prinetoal"),
            (Channel, Role::Member, W::Admin, "prinetoal"),
            (Channel, Role::Member, W::Owner, "prinetoal"),
        ];
        for (kind, role, workspace, expected) in table {
            let found = letters(Rights::of(&room(kind), role, workspace));
            assert_eq!(found, expected, "{kind:?} {role:?} {workspace:?}");
        }
    }

    #[test]
    fn a_forward_names_the_author_only_where_that_is_no_secret() {
        use RoomKind::{Channel, Direct, Group};
        let (ana, bea) = (UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(2)));
        for (kind, of_another, of_ones_own) in
            [(Channel, true, true), (Group, false, true), (Direct, false, true)]
        {
            assert_eq!(names_author(kind, bea, ana), of_another, "{kind:?}");
            assert_eq!(names_author(kind, ana, ana), of_ones_own, "{kind:?}");
        }
    }

    #[test]
    fn a_policy_names_the_least_role() {
        let strict =
            Policy { post: Role::Owner, invite: Role::Moderator, pin: Role::Owner, mention: Role::Owner };
        let room = Room { policy: strict, ..room(RoomKind::Channel) };
        let of = |role| letters(Rights::of(&room, role, WorkspaceRole::Member));
        assert_eq!(of(Role::Member), "-r---t--l");
        assert_eq!(of(Role::Moderator), "-ri--to-l");
        assert_eq!(of(Role::Owner), "prinetoal");
    }

    #[test]
    fn nothing_is_said_in_an_archived_room_but_it_can_be_tidied_up() {
        let room = Room { archived: true, ..room(RoomKind::Channel) };
        assert_eq!(letters(Rights::of(&room, Role::Owner, WorkspaceRole::Member)), "------oal");
        assert_eq!(letters(Rights::of(&room, Role::Member, WorkspaceRole::Member)), "--------l");
        let check = |role, has: fn(Rights) -> bool| check(&room, role, WorkspaceRole::Member, has);
        assert_eq!(check(Role::Member, |rights| rights.post), Err(ErrorCode::RoomArchived));
        assert_eq!(check(Role::Member, |rights| rights.pin), Err(ErrorCode::Forbidden));
        assert_eq!(check(Role::Owner, |rights| rights.manage), Ok(()));
    }

    #[test]
    fn one_acts_only_on_those_who_rank_lower() {
        use WorkspaceRole as W;
        // From the lowest rank to the highest; those in one row rank the same.
        let ranks: [&[(Role, W)]; 5] = [
            &[(Role::Member, W::Member), (Role::Owner, W::Guest), (Role::Member, W::Guest)],
            &[(Role::Moderator, W::Member), (Role::Member, W::Moderator)],
            &[(Role::Owner, W::Member), (Role::Owner, W::Moderator)],
            &[(Role::Member, W::Admin), (Role::Owner, W::Admin)],
            &[(Role::Member, W::Owner), (Role::Owner, W::Owner)],
        ];
        for (low, lower) in ranks.iter().enumerate() {
            for (high, higher) in ranks.iter().enumerate() {
                for (a, b) in higher.iter().flat_map(|a| lower.iter().map(move |b| (*a, *b))) {
                    assert_eq!(outranks(a, b), high > low, "{a:?} over {b:?}");
                }
            }
        }
    }

    #[test]
    fn an_admin_gives_roles_below_their_own_and_an_owner_every_role() {
        for by in WorkspaceRole::ALL {
            assert_eq!(WorkspaceRole::parse(by.as_str()), Some(by));
            for now in WorkspaceRole::ALL {
                assert_eq!(
                    by.may_manage(now),
                    by == WorkspaceRole::Owner || (by == WorkspaceRole::Admin && now < by)
                );
                for next in WorkspaceRole::ALL {
                    let expected = match by {
                        WorkspaceRole::Owner => true,
                        WorkspaceRole::Admin => now < by && next < by,
                        WorkspaceRole::Guest | WorkspaceRole::Member | WorkspaceRole::Moderator => false,
                    };
                    assert_eq!(by.may_give(now, next), expected, "{by:?}: {now:?} → {next:?}");
                }
            }
        }
        assert_eq!(WorkspaceRole::parse("king"), None);
    }
}
