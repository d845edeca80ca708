//! The viewer's rooms: the list, their names, and what the viewer may do in them.

use client::SortedSet;
use leptos::prelude::*;
use protocol::{
    Command, ListSection, Refusal, Reply, Rights, RoomId, RoomKind, RoomSummary, Seq, WorkspaceRole,
};

use super::{
    Chat, Missed,
    arrange::{Entry, arrange},
    set,
};
use crate::{
    address::{Panel, Route},
    browser,
};

impl Chat {
    /// A room's entry in the list, while the viewer is in it.
    #[must_use]
    pub fn summary(self, room: RoomId) -> Option<ArcRwSignal<RoomSummary>> {
        self.summaries.with_value(|all| all.get(&room).cloned())
    }

    /// Whether the viewer is in this room. Tracks the list.
    #[must_use]
    pub fn is_in(self, room: RoomId) -> bool {
        self.order.with(|order| order.contains(&room))
    }

    /// The channel with this title, if the viewer is in it. Tracks the list.
    #[must_use]
    pub fn channel_named(self, title: &str) -> Option<RoomId> {
        let is_named = |room: &RoomId| {
            self.summary(*room).is_some_and(|summary| {
                let room = &summary.read_untracked().room;
                room.kind == RoomKind::Channel && room.title.eq_ignore_ascii_case(title)
            })
        };
        self.order.with(|order| order.iter().copied().find(is_named))
    }

    /// The room's name. Tracks changed names of people.
    #[must_use]
    pub fn name_of(self, summary: &RoomSummary) -> String {
        match (summary.room.kind, summary.peer) {
            (RoomKind::Direct, peer) => self.user(peer.unwrap_or(self.me)).name.clone(),
            (RoomKind::Group | RoomKind::Channel, _) => {
                self.words.named(summary.room.kind, &summary.room.title)
            }
        }
    }

    /// What the viewer may do in a room. Tracks the room's entry in the list and the viewer's
    /// profile, which change more often than the rights: see [`Chat::may`].
    #[must_use]
    pub fn rights(self, room: RoomId) -> Rights {
        let workspace = self.role();
        let rights = |summary: ArcRwSignal<RoomSummary>| {
            let summary = summary.read();
            Rights::of(&summary.room, summary.role, workspace)
        };
        self.summary(room).map(rights).unwrap_or_default()
    }

    /// The same as a memo, which updates only when the rights change. Not for the first part of the
    /// wasm, where the additional type costs space: use [`Chat::may`] there.
    #[must_use]
    pub fn rights_in(self, room: RoomId) -> Memo<Rights> {
        Memo::new(move |_| self.rights(room))
    }

    /// Whether the viewer has a right in a room. Updates only when that changes.
    #[must_use]
    pub fn may(self, room: RoomId, right: fn(Rights) -> bool) -> Memo<bool> {
        Memo::new(move |_| right(self.rights(room)))
    }

    /// The viewer's role in the workspace. Tracks changed profiles.
    #[must_use]
    pub fn role(self) -> WorkspaceRole {
        self.user(self.me).role
    }

    /// Whether the viewer is a guest. Guests can neither create rooms nor find any.
    #[must_use]
    pub fn is_guest(self) -> Memo<bool> {
        Memo::new(move |_| self.role() == WorkspaceRole::Guest)
    }

    /// What a user without a room can do.
    #[must_use]
    pub fn no_rooms_hint(self) -> &'static str {
        match self.role() {
            WorkspaceRole::Guest => self.words.no_rooms_for_guests(),
            WorkspaceRole::Member
            | WorkspaceRole::Moderator
            | WorkspaceRole::Admin
            | WorkspaceRole::Owner => self.words.no_rooms_hint(),
        }
    }

    /// The next or previous room in the list; with `unread_only`, among unread rooms.
    #[must_use]
    pub fn neighbour(self, forward: bool, unread_only: bool) -> Option<RoomId> {
        let order: Vec<RoomId> =
            self.places.with_untracked(|places| places.iter().map(|(_, room)| *room).collect());
        let here = self.room.get_untracked().and_then(|room| order.iter().position(|id| *id == room));
        let count = order.len();
        let start = here.unwrap_or(if forward { count.saturating_sub(1) } else { 0 });
        (1..=count).map(|step| order[if forward { start + step } else { start + count - step } % count]).find(
            |id| {
                Some(*id) != self.room.get_untracked()
                    && (!unread_only || self.summary(*id).is_some_and(|s| s.read_untracked().unread > 0))
            },
        )
    }

    /// The panel that is open. Tracks the address.
    #[must_use]
    pub fn panel(self) -> Option<Panel> {
        self.address.panel()
    }

    /// Opens a panel beside the room.
    pub fn open_panel(self, panel: Panel) {
        self.address.open(panel);
    }

    /// Closes the panel.
    pub fn close_panel(self) {
        // A message that is still being looked for would open its thread again.
        self.screen.target.set(None);
        self.address.close_panel();
    }

    /// Opens a panel, or closes it.
    pub fn toggle_panel(self, panel: Panel) {
        match untrack(|| self.panel()) {
            Some(open) if open == panel => self.close_panel(),
            _ => self.open_panel(panel),
        }
    }

    /// Closes what failed to load, and says so.
    pub fn miss(self, missed: Missed) {
        match missed {
            Missed::Dialog(_) => self.screen.dialog.set(None),
            Missed::Panel(_) => self.close_panel(),
            Missed::Tools(_) => self.screen.tools_lost.set(true),
            Missed::Sheet(..) => self.screen.sheet.set(None),
        }
        self.screen.missed.set(Some(missed));
    }

    /// Opens it once more.
    pub fn try_again(self, missed: Missed) {
        self.screen.missed.set(None);
        match missed {
            Missed::Dialog(dialog) => self.screen.dialog.set(Some(dialog)),
            Missed::Panel(panel) => self.open_panel(panel),
            Missed::Tools(seq) => {
                self.screen.tools_lost.set(false);
                self.screen.reached.set(Some(seq));
                browser::focus_row(seq);
            }
            Missed::Sheet(room, seq) => self.screen.sheet.set(Some((room, seq))),
        }
    }

    /// Sends a command that returns a room, and goes there. `failed` receives the refusal, if any.
    pub fn ask_and_go(self, command: Command, failed: RwSignal<Option<Refusal>>) {
        self.ask(command, move |result| match result {
            Ok(Reply::Room { summary, .. }) => {
                self.screen.dialog.set(None);
                self.go(path_of(summary.room.id));
            }
            Ok(_) => self.screen.dialog.set(None),
            Err(refusal) => failed.set(Some(refusal)),
        });
    }

    /// Leaves or deletes a room; `failed` receives the refusal, if any. The room's page closes as
    /// soon as the room is gone, which may be before the answer arrives.
    pub fn quit(self, room: RoomId, command: Command, failed: RwSignal<Option<Refusal>>) {
        self.quitting.set(Some(room));
        self.ask(command, move |result| match result {
            Ok(_) => self.gone(room),
            Err(why) => {
                self.quitting.set(None);
                failed.set(Some(why));
            }
        });
    }

    /// A room is gone from the list.
    pub(super) fn gone(self, room: RoomId) {
        self.screen.close_of(room);
        if self.quitting.get_untracked() == Some(room) {
            self.quitting.set(None);
            if untrack(|| self.address.route()) == Route::Room(room) {
                self.go("/".to_owned());
            }
        }
    }

    /// Updates the order of the list, and only the lines that changed: a message changes one line
    /// of thousands.
    pub(super) fn draw_list(self, rooms: &SortedSet<RoomId>) {
        let (order, unread) = self.client.with_value(|client| (client.order(), client.unread()));
        for room in rooms.iter() {
            let summary =
                self.client.with_value(|client| client.room(*room).map(|room| room.summary.clone()));
            self.summaries.update_value(|all| match (all.get(room), summary) {
                (Some(known), Some(summary)) if *known.read_untracked() != summary => known.set(summary),
                (Some(_), Some(_)) | (None, None) => {}
                (None, Some(summary)) => drop(all.insert(*room, ArcRwSignal::new(summary))),
                (Some(_), None) => drop(all.remove(room)),
            });
            if self.summary(*room).is_none() {
                self.gone(*room);
            }
        }
        set(self.order, order);
        set(self.unread, unread);
        self.arrange();
    }

    /// Rearranges the list.
    pub fn arrange(self) {
        let entries: Vec<Entry> = self.client.with_value(|client| {
            let summary = |room: &RoomId| client.room(*room).map(|room| entry(&room.summary));
            self.order.with_untracked(|order| order.iter().filter_map(summary).collect())
        });
        let (open, held) = (self.room.get_untracked(), self.screen.holds_list());
        let places = self.places.with_untracked(|before| arrange(before, &entries, open, held));
        set(self.places, places);
    }

    /// Collapses or expands a section of the list. The browser remembers it.
    pub fn fold(self, section: ListSection) {
        self.folded.update(|folded| match folded.iter().position(|one| *one == section) {
            Some(at) => drop(folded.remove(at)),
            None => folded.push(section),
        });
        let names: Vec<_> =
            self.folded.with_untracked(|folded| folded.iter().map(|section| section.name()).collect());
        browser::set_cookie("folded", &names.join("."));
    }
}

/// The facts by which the list is arranged.
pub(super) fn entry(summary: &RoomSummary) -> Entry {
    Entry {
        room: summary.room.id,
        own: match summary.room.kind {
            RoomKind::Direct => ListSection::Direct,
            RoomKind::Group | RoomKind::Channel => ListSection::Channels,
        },
        unread: summary.unread > 0,
    }
}

/// The path of a room.
#[must_use]
pub fn path_of(room: RoomId) -> String {
    format!("/r/{room}")
}

/// The path of a message.
#[must_use]
pub fn link_of(room: RoomId, seq: Seq) -> String {
    format!("/r/{room}/m/{seq}")
}
