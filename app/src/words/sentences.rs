//! Sentences with numbers and names in them.

use protocol::{Role, RoomKind, WorkspaceRole, limits};

use super::Words;

impl Words {
    /// A reaction, as a screen reader says it: the emoji and how many people chose it.
    #[must_use]
    pub fn reaction(self, emoji: &str, count: usize) -> String {
        match count {
            1 => self.pick(format!("{emoji}, 1 person"), format!("{emoji}，1 人")),
            _ => self.pick(format!("{emoji}, {count} people"), format!("{emoji}，{count} 人")),
        }
    }

    /// Some names, and how many more people there are.
    #[must_use]
    pub fn names(self, names: &[&str], more: usize) -> String {
        let shown = names.join(self.pick(", ", "、"));
        match (more, shown.is_empty()) {
            (0, _) => shown,
            (1, true) => self.pick("1 person".to_owned(), "1 人".to_owned()),
            (_, true) => self.pick(format!("{more} people"), format!("{more} 人")),
            (_, false) => {
                self.pick(format!("{shown} and {more} more"), format!("{shown} 等 {} 人", names.len() + more))
            }
        }
    }

    /// How many members.
    #[must_use]
    pub fn members_count(self, n: u32) -> String {
        self.pick(if n == 1 { "1 member".to_owned() } else { format!("{n} members") }, format!("{n} 位成员"))
    }

    /// A count of unread messages, as short as a badge.
    #[must_use]
    pub fn badge(self, n: u32) -> String {
        if n >= limits::UNREAD_MAX { "99+".to_owned() } else { n.to_string() }
    }

    /// The same, for who listens.
    #[must_use]
    pub fn unread(self, n: u32) -> String {
        let badge = self.badge(n);
        self.pick(format!("{badge} unread"), format!("{badge} 条未读"))
    }

    /// On the button that goes down to the newest message.
    #[must_use]
    pub fn new_messages(self, n: u32) -> String {
        let badge = self.badge(n);
        self.pick(
            if n == 1 { "1 new message".to_owned() } else { format!("{badge} new messages") },
            format!("{badge} 条新消息"),
        )
    }

    /// The name of the composer.
    #[must_use]
    pub fn message_to(self, room: &str) -> String {
        self.pick(format!("Message to {room}"), format!("发消息给 {room}"))
    }

    /// The name of the timeline.
    #[must_use]
    pub fn messages_in(self, room: &str) -> String {
        self.pick(format!("Messages in {room}"), format!("{room} 的消息"))
    }

    /// Announced to who listens.
    #[must_use]
    pub fn announce(self, author: &str, room: &str, text: &str) -> String {
        self.pick(format!("{author} in {room}: {text}"), format!("{author}（{room}）：{text}"))
    }

    /// How many messages wait for the connection.
    #[must_use]
    pub fn waiting_count(self, n: usize) -> String {
        self.pick(
            if n == 1 { "1 message waits.".to_owned() } else { format!("{n} messages wait.") },
            format!("{n} 条消息等待发送。"),
        )
    }

    /// Under the composer, near the limit.
    #[must_use]
    pub fn characters_left(self, n: i64) -> String {
        self.pick(format!("{n} left"), format!("还可输入 {n} 字"))
    }

    /// Under the composer, beyond the limit.
    #[must_use]
    pub fn characters_over(self, n: i64) -> String {
        self.pick(
            format!("{n} characters too many. Shorten it, or send it in parts."),
            format!("超出 {n} 个字符。请缩短或分段发送。"),
        )
    }

    /// Who has read a message: names, how many of how many.
    #[must_use]
    pub fn read_by(self, names: &[&str], others: usize) -> String {
        if names.is_empty() {
            return self.nobody_read().to_owned();
        }
        if names.len() == others && others > 1 {
            return self.pick("Read by everyone".to_owned(), "所有人都已读".to_owned());
        }
        let shown = names.iter().take(8).copied().collect::<Vec<_>>().join(self.pick(", ", "、"));
        let more = names.len().saturating_sub(8);
        match more {
            0 => self.pick(format!("Read by {shown}"), format!("{shown} 已读")),
            _ => self.pick(
                format!("Read by {shown} and {more} more"),
                format!("{shown} 等 {} 人已读", names.len()),
            ),
        }
    }

    /// The label of a message, for who moves from row to row.
    #[must_use]
    pub fn message_by(self, author: &str, time: &str) -> String {
        self.pick(format!("{author}, {time}"), format!("{author}，{time}"))
    }

    /// What was said last, in the list.
    #[must_use]
    pub fn said(self, author: &str, text: &str) -> String {
        self.pick(format!("{author}: {text}"), format!("{author}：{text}"))
    }

    /// The room's name as a title: a channel has its sign.
    #[must_use]
    pub fn named(self, kind: RoomKind, title: &str) -> String {
        match kind {
            RoomKind::Channel => format!("#{title}"),
            RoomKind::Direct | RoomKind::Group => title.to_owned(),
        }
    }

    /// In the beginning of a channel or group.
    #[must_use]
    pub fn beginning_of(self, name: &str) -> String {
        self.pick(format!("This is the beginning of {name}."), format!("这是 {name} 的开始。"))
    }

    /// In the beginning of a direct room.
    #[must_use]
    pub fn beginning_with(self, name: &str) -> String {
        self.pick(
            format!("This is the beginning of your conversation with {name}. Only the two of you see it."),
            format!("这是你和 {name} 对话的开始，只有你们两人能看到。"),
        )
    }

    /// How many may still come by an invitation.
    #[must_use]
    pub fn uses_left(self, n: u32) -> String {
        self.pick(
            if n == 1 { "good for 1 more person".to_owned() } else { format!("good for {n} more people") },
            format!("还可供 {n} 人使用"),
        )
    }

    /// Until when.
    #[must_use]
    pub fn ends_at(self, when: &str) -> String {
        self.pick(format!("ends {when}"), format!("{when} 到期"))
    }

    /// When a session was last seen.
    #[must_use]
    pub fn seen_at(self, when: &str) -> String {
        self.pick(format!("last seen {when}"), format!("上次活跃 {when}"))
    }

    /// When a session began.
    #[must_use]
    pub fn signed_in_at(self, when: &str) -> String {
        self.pick(format!("signed in {when}"), format!("登录于 {when}"))
    }

    /// Which server answers.
    #[must_use]
    pub fn on_server(self, node: &str) -> String {
        self.pick(format!("on {node}"), format!("连接到 {node}"))
    }

    /// The person of a direct room, in their settings and menus.
    #[must_use]
    pub fn signed_in_as(self, handle: &str) -> String {
        self.pick(format!("Signed in as @{handle}"), format!("已登录为 @{handle}"))
    }

    /// Above the dialog to invite.
    #[must_use]
    pub fn invite_to(self, room: &str) -> String {
        self.pick(format!("Invite people to {room}"), format!("邀请成员加入 {room}"))
    }

    /// Who could not be added to a room.
    #[must_use]
    pub fn not_added(self, names: &str) -> String {
        self.pick(
            format!("Not added because they are already in too many rooms: {names}."),
            format!("以下成员加入的房间已达上限，未能添加：{names}。"),
        )
    }

    /// On the button that invites.
    #[must_use]
    pub fn invite_count(self, n: usize) -> String {
        match n {
            0 => self.invite().to_owned(),
            _ => self.pick(format!("Invite {n}"), format!("邀请 {n} 人")),
        }
    }

    /// Above the dialog to leave.
    #[must_use]
    pub fn leave_named(self, room: &str) -> String {
        self.pick(format!("Leave {room}"), format!("离开 {room}"))
    }

    /// Takes one person out of a choice.
    #[must_use]
    pub fn remove_named(self, name: &str) -> String {
        self.pick(format!("Remove {name}"), format!("移除 {name}"))
    }

    /// Said by a page that has changed over to someone else. `left`: something that its former person sent has not gone out.
    #[must_use]
    pub fn changed_over(self, name: &str, left: bool) -> String {
        let said = self.pick(
            format!("You signed in as {name} in another tab, so this tab has switched to that account, too."),
            format!("你在另一个标签页登录了“{name}”，此标签页也已切换到该账号。"),
        );
        let kept = self.pick(
            " What was not sent before is kept here, and will be sent when its author signs in again.",
            "之前未发送的内容已保留，原账号再次登录后会自动发送。",
        );
        if left { said + kept } else { said }
    }

    /// What somebody is in the workspace.
    #[must_use]
    pub fn workspace_role(self, role: WorkspaceRole) -> &'static str {
        match role {
            WorkspaceRole::Guest => self.guest(),
            WorkspaceRole::Member => self.pick("Member", "成员"),
            WorkspaceRole::Moderator => self.moderator(),
            WorkspaceRole::Admin => self.administrator(),
            WorkspaceRole::Owner => self.owner(),
        }
    }

    /// What they may do.
    #[must_use]
    pub fn workspace_role_hint(self, role: WorkspaceRole) -> &'static str {
        match role {
            WorkspaceRole::Guest => self.pick(
                "Only sees the rooms they are added to, and the people in them.",
                "只能看到受邀加入的房间和其中的人。",
            ),
            WorkspaceRole::Member => self.pick(
                "Joins channels, makes rooms, messages anyone.",
                "可以加入频道、新建房间、联系任何人。",
            ),
            WorkspaceRole::Moderator => {
                self.pick("Is a moderator of every room they are in.", "在所加入的每个房间里都是版主。")
            }
            WorkspaceRole::Admin => self.pick(
                "Is an owner of every room they are in. Manages accounts and invitations.",
                "在所加入的每个房间里都是所有者，并管理账号和邀请。",
            ),
            WorkspaceRole::Owner => self.pick(
                "Can do everything, and decides who is administrator or owner.",
                "拥有全部权限，并决定谁是管理员和所有者。",
            ),
        }
    }

    /// In place of the composer, for those who may not write.
    #[must_use]
    pub fn post_from(self, least: Role) -> &'static str {
        match least {
            Role::Member | Role::Moderator => self.post_from_moderator(),
            Role::Owner => self.post_from_owner(),
        }
    }

    /// On the button that opens a member's menu.
    #[must_use]
    pub fn actions_for(self, name: &str) -> String {
        self.pick(format!("Actions for {name}"), format!("对 {name} 的操作"))
    }

    /// Told when a member has another role.
    #[must_use]
    pub fn role_given(self, name: &str, role: Role) -> String {
        match role {
            Role::Member => self.pick(format!("{name} is now a member."), format!("{name} 现在是普通成员。")),
            Role::Moderator => {
                self.pick(format!("{name} is now a moderator."), format!("{name} 现在是版主。"))
            }
            Role::Owner => self.pick(format!("{name} is now an owner."), format!("{name} 现在是所有者。")),
        }
    }

    /// Above the dialog that makes an owner.
    #[must_use]
    pub fn make_owner_of(self, name: &str, room: &str) -> String {
        self.pick(format!("Make {name} an owner of {room}?"), format!("将 {name} 设为 {room} 的所有者？"))
    }

    /// Above the dialog that gives up a role.
    #[must_use]
    pub fn step_down_in(self, role: Role, room: &str) -> String {
        match role {
            Role::Member | Role::Moderator => {
                self.pick(format!("Step down as moderator of {room}?"), format!("卸任 {room} 的版主？"))
            }
            Role::Owner => {
                self.pick(format!("Step down as owner of {room}?"), format!("卸任 {room} 的所有者？"))
            }
        }
    }

    /// Above the dialog that removes somebody.
    #[must_use]
    pub fn remove_from(self, name: &str, room: &str) -> String {
        self.pick(format!("Remove {name} from {room}?"), format!("将 {name} 移出 {room}？"))
    }

    /// Told when that has happened.
    #[must_use]
    pub fn was_removed(self, name: &str) -> String {
        self.pick(format!("{name} was removed."), format!("{name} 已被移出。"))
    }

    /// Above the dialog that bans somebody.
    #[must_use]
    pub fn ban_from(self, name: &str, room: &str) -> String {
        self.pick(format!("Ban {name} from {room}?"), format!("在 {room} 封禁 {name}？"))
    }

    /// Told when that has happened.
    #[must_use]
    pub fn was_banned(self, name: &str) -> String {
        self.pick(format!("{name} is banned."), format!("{name} 已被封禁。"))
    }

    /// On the button that lets somebody back in, for who listens.
    #[must_use]
    pub fn let_in_named(self, name: &str) -> String {
        self.pick(format!("Let back in: {name}"), format!("解除封禁：{name}"))
    }

    /// Told when that has happened.
    #[must_use]
    pub fn is_let_in(self, name: &str) -> String {
        self.pick(format!("{name} can come back."), format!("{name} 可以回来了。"))
    }

    /// Above the dialog that deletes a room.
    #[must_use]
    pub fn delete_named(self, room: &str) -> String {
        self.pick(format!("Delete {room}?"), format!("删除 {room}？"))
    }

    /// What to type before a room is deleted.
    #[must_use]
    pub fn type_name(self, title: &str) -> String {
        self.pick(format!("Type “{title}” to confirm"), format!("请输入“{title}”以确认"))
    }

    /// Who could not be added to a room because they are banned.
    #[must_use]
    pub fn not_added_banned(self, names: &str) -> String {
        self.pick(
            format!("Not added because they are banned from this room: {names}."),
            format!("以下成员已被这个房间封禁，未能添加：{names}。"),
        )
    }

    /// Told when messages were refused because one is no longer in their room.
    #[must_use]
    pub fn stranded(self, n: usize) -> String {
        self.pick(
            if n == 1 {
                "A message was not sent because you are no longer in its room.".to_owned()
            } else {
                format!("{n} messages were not sent because you are no longer in their room.")
            },
            format!("有 {n} 条消息没有发出，因为你已不在那个房间。"),
        )
    }

    /// On the button that suspends someone.
    #[must_use]
    pub fn suspend_named(self, name: &str) -> String {
        self.pick(format!("Suspend {name}"), format!("停用 {name}"))
    }
}
