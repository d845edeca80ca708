//! Sentences that depend on a value.

use protocol::{Role, RoomKind, WorkspaceRole, limits};

use super::{SEPARATOR, Words};

impl Words {
    /// A list of names.
    fn joined_names(self, names: &[&str]) -> String {
        names.join(self.line(SEPARATOR))
    }

    /// Some names, and the number of further people.
    #[must_use]
    pub fn names(self, names: &[&str], more: usize) -> String {
        let shown = self.joined_names(names);
        match (more, shown.is_empty()) {
            (0, _) => shown,
            (_, true) => self.people_count(more),
            (_, false) => self.names_more(more, &shown),
        }
    }

    /// A size in bytes, in three digits.
    #[must_use]
    pub fn file_size(self, bytes: u64) -> String {
        let unit = |of: u64| {
            let tenths = bytes / (of / 10).max(1);
            match tenths < 100 && of > 1 && !tenths.is_multiple_of(10) {
                true => format!("{}{}{}", tenths / 10, self.decimal(), tenths % 10),
                false => (bytes / of).to_string(),
            }
        };
        match bytes {
            0..1_000 => self.size_bytes(&unit(1)),
            1_000..1_000_000 => self.size_kb(&unit(1_000)),
            1_000_000..1_000_000_000 => self.size_mb(&unit(1_000_000)),
            _ => self.size_gb(&unit(1_000_000_000)),
        }
    }

    /// A count of unread messages, as short as a badge.
    #[must_use]
    pub fn badge(self, n: u32) -> String {
        if n >= limits::UNREAD_MAX { "99+".to_owned() } else { n.to_string() }
    }

    /// The same, for a screen reader.
    #[must_use]
    pub fn unread(self, n: u32) -> String {
        self.unread_count(n, &self.badge(n))
    }

    /// The label of the button that scrolls to the newest message.
    #[must_use]
    pub fn new_messages(self, n: u32) -> String {
        self.new_messages_count(n, &self.badge(n))
    }

    /// Who of the `others` in a room has read a message.
    #[must_use]
    pub fn read_by(self, names: &[&str], others: usize) -> String {
        if names.is_empty() {
            return self.nobody_read().to_owned();
        }
        if names.len() == others && others > 1 {
            return self.read_by_everyone().to_owned();
        }
        let (shown, more) = names.split_at(names.len().min(8));
        let shown = self.joined_names(shown);
        match more.len() {
            0 => self.read_by_names(&shown),
            more => self.read_by_more(more, &shown),
        }
    }

    /// The room's name as a title: a channel gets its `#`.
    #[must_use]
    pub fn named(self, kind: RoomKind, title: &str) -> String {
        match kind {
            RoomKind::Channel => format!("#{title}"),
            RoomKind::Direct | RoomKind::Group => title.to_owned(),
        }
    }

    /// The label of the button that invites.
    #[must_use]
    pub fn invite_count(self, n: usize) -> String {
        match n {
            0 => self.invite().to_owned(),
            n => self.invite_some(n),
        }
    }

    /// Shown when another user has taken over the page. With `left`, something that the former user
    /// sent has not gone out.
    #[must_use]
    pub fn changed_over(self, name: &str, left: bool) -> String {
        if left { self.switched_account_unsent(name) } else { self.switched_account(name) }
    }

    /// Translates a browser name from the server (`Firefox on Linux`).
    #[must_use]
    pub fn device(self, device: &str) -> String {
        match device.split_once(" on ") {
            Some((browser, system)) => self.device_on(browser, system),
            None => device.to_owned(),
        }
    }

    /// A role in the workspace.
    #[must_use]
    pub fn workspace_role(self, role: WorkspaceRole) -> &'static str {
        match role {
            WorkspaceRole::Guest => self.guest(),
            WorkspaceRole::Member => self.member(),
            WorkspaceRole::Moderator => self.moderator(),
            WorkspaceRole::Admin => self.administrator(),
            WorkspaceRole::Owner => self.owner(),
        }
    }

    /// What that role may do.
    #[must_use]
    pub fn workspace_role_hint(self, role: WorkspaceRole) -> &'static str {
        match role {
            WorkspaceRole::Guest => self.guest_hint(),
            WorkspaceRole::Member => self.member_hint(),
            WorkspaceRole::Moderator => self.moderator_hint(),
            WorkspaceRole::Admin => self.administrator_hint(),
            WorkspaceRole::Owner => self.owner_hint(),
        }
    }

    /// Shown in place of the composer to those who may not write.
    #[must_use]
    pub fn post_from(self, least: Role) -> &'static str {
        match least {
            Role::Member | Role::Moderator => self.post_from_moderator(),
            Role::Owner => self.post_from_owner(),
        }
    }

    /// Announced when a member gets another role.
    #[must_use]
    pub fn role_given(self, name: &str, role: Role) -> String {
        match role {
            Role::Member => self.now_member(name),
            Role::Moderator => self.now_moderator(name),
            Role::Owner => self.now_owner(name),
        }
    }

    /// The title of the dialog that gives up a role.
    #[must_use]
    pub fn step_down_in(self, role: Role, room: &str) -> String {
        match role {
            Role::Member | Role::Moderator => self.step_down_moderator_of(room),
            Role::Owner => self.step_down_owner_of(room),
        }
    }
}
