//! What is open on this screen besides the room. The server does not know about it.

use std::sync::Arc;

use leptos::prelude::*;
use protocol::{FileId, NewPoll, Nonce, RoomId, Seq, UserId};

use crate::address::Panel;

/// Where one writes: in a room, or in a thread of it. Each has a composer and a draft of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Desk {
    /// The room.
    pub room: RoomId,
    /// The root of the thread.
    pub thread: Option<Seq>,
}

impl Desk {
    /// The room's own.
    #[must_use]
    pub fn of(room: RoomId) -> Self {
        Self { room, thread: None }
    }
}

/// As drafts are kept by it.
impl Desk {
    /// Reads what `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (room, thread) = text.split_once('/').unwrap_or((text, ""));
        let thread = if thread.is_empty() { None } else { Some(Seq(thread.parse().ok()?)) };
        Some(Self { room: room.parse().ok()?, thread })
    }
}

impl std::fmt::Display for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.thread {
            Some(root) => write!(f, "{}/{root}", self.room),
            None => self.room.fmt(f),
        }
    }
}

/// What is done with a member only after it was asked once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberAct {
    /// Remove them from the room.
    Remove,
    /// Remove them, and keep them from coming back.
    Ban,
    /// Make them an owner, too.
    MakeOwner,
    /// Give up the viewer's own role.
    StepDown,
}

/// A dialog. Only one is open at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Go to a room or person.
    Switcher,
    /// Start a direct conversation.
    NewDirect,
    /// Create a group or channel.
    NewRoom,
    /// Find a channel and join it.
    Browse,
    /// Add people to a room.
    Invite(RoomId),
    /// Rename a room and set its topic.
    EditRoom(RoomId),
    /// Change a room's policy, archive it, or delete it.
    RoomSettings(RoomId),
    /// Delete a room.
    DeleteRoom(RoomId),
    /// Act on a member of a room.
    Member(RoomId, UserId, MemberAct),
    /// The people banned from a room.
    Banned(RoomId),
    /// Leave a room.
    Leave(RoomId),
    /// Delete a message.
    Delete(RoomId, Seq),
    /// Forward a message.
    Forward(RoomId, Seq),
    /// The texts that an edited message has had.
    EditHistory(RoomId, Seq),
    /// Make a poll, or change one that was refused.
    NewPoll(Desk, Option<Nonce>),
    /// Who chose what in a poll.
    Voters(RoomId, Seq),
    /// Close a poll.
    ClosePoll(RoomId, Seq),
    /// The viewer's saved and scheduled messages.
    Later,
    /// The threads that one follows, or all threads of a room.
    Threads(Option<RoomId>),
    /// When to be reminded of a message.
    Remind(RoomId, Seq),
    /// Schedule the text of a room's composer.
    SendLater(RoomId),
    /// Choose an emoji: for a message, or for what is being written.
    Emoji(Desk, Option<Seq>),
    /// What was written into a room that one is no longer in. It comes with the dialogs, and stands on the room's page.
    Unsent(RoomId),
    /// The list of keyboard shortcuts.
    Shortcuts,
    /// The card of a person.
    Profile(UserId),
    /// A picture of a room, in full screen.
    Viewer(RoomId, FileId),
}

impl Dialog {
    /// The room that it is about.
    #[must_use]
    pub fn room(self) -> Option<RoomId> {
        match self {
            Self::Invite(room)
            | Self::EditRoom(room)
            | Self::RoomSettings(room)
            | Self::DeleteRoom(room)
            | Self::Member(room, ..)
            | Self::Banned(room)
            | Self::Leave(room)
            | Self::SendLater(room)
            | Self::Emoji(Desk { room, .. }, _)
            | Self::EditHistory(room, _)
            | Self::Viewer(room, _)
            | Self::NewPoll(Desk { room, .. }, _)
            | Self::Voters(room, _)
            | Self::ClosePoll(room, _)
            | Self::Forward(room, _)
            | Self::Delete(room, _) => Some(room),
            Self::Switcher
            | Self::NewDirect
            | Self::NewRoom
            | Self::Browse
            | Self::Later
            | Self::Threads(_)
            | Self::Remind(..)
            | Self::Unsent(_)
            | Self::Shortcuts
            | Self::Profile(_) => None,
        }
    }
}

/// What could not be opened, because its code failed to load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// A dialog.
    Dialog(Dialog),
    /// The panel beside the room.
    Panel(Panel),
    /// The actions on a message, beside its row.
    Tools(Seq),
    /// The same, as a sheet.
    Sheet(RoomId, Seq),
}

/// Makes a text ready to be sent.
pub(crate) type Sending = Arc<dyn Fn(String) -> Option<String> + Send + Sync>;

/// A poll as it is typed in the dialog.
#[derive(Clone, Debug)]
pub struct UnsentPoll {
    /// The composer to which it belongs.
    pub desk: Desk,
    /// The text of the composer with which the question began.
    pub began: String,
    /// The question.
    pub question: String,
    /// The options, also empty ones, and the switches.
    pub poll: NewPoll,
}

/// Signals for what is open.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// The dialog that is open.
    pub dialog: RwSignal<Option<Dialog>>,
    /// The member whose menu is open.
    pub menu: RwSignal<Option<UserId>>,
    /// Whether the menu «New» is open.
    pub starting: RwSignal<bool>,
    /// The message whose sheet is open.
    pub sheet: RwSignal<Option<(RoomId, Seq)>>,
    /// What could not be opened, until it is retried or the user closes the notice.
    pub missed: RwSignal<Option<Missed>>,
    /// The message whose list of readers is open.
    pub read_by: RwSignal<Option<Seq>>,
    /// The message under the pointer.
    pub hovered: RwSignal<Option<Seq>>,
    /// The message that focus or a finger is on.
    pub reached: RwSignal<Option<Seq>>,
    /// The message beside which emoji or its menu stand open.
    pub picking: RwSignal<Option<Seq>>,
    /// Whether the menu of its actions is open instead.
    pub is_more: RwSignal<bool>,
    /// The code of the tools failed to load. Said once, not for each row that the pointer passes,
    /// until the user asks for the tools or the connection is back.
    pub tools_lost: RwSignal<bool>,
    /// The notice beside a message: why an action on it failed.
    pub notice: RwSignal<Option<String>>,
    /// The message that it is about.
    noticed: StoredValue<Option<(RoomId, Seq)>>,
    /// Whether the pointer is over the list of rooms.
    pub pointing_at_list: RwSignal<bool>,
    /// Whether focus is in it.
    pub keyboard_in_list: RwSignal<bool>,
    /// Messages whose spoilers are shown; read through [`Screen::is_revealed`].
    revealed: StoredValue<Vec<(RoomId, Option<Seq>)>>,
    /// Written whenever one is added.
    revealed_news: RwSignal<u32>,
    /// The message that is being replied to.
    pub replying: RwSignal<Option<(Desk, Seq)>>,
    /// The message that is to be shown as soon as it is here.
    pub target: RwSignal<Option<(RoomId, Seq)>>,
    /// The room in which the viewer has mentioned people who are not in it.
    pub outsiders_of: RwSignal<Option<RoomId>>,
    /// Those people.
    pub outsiders: StoredValue<Vec<UserId>>,
    /// Whether the composer's formatting tools are shown.
    pub formatting: RwSignal<bool>,
    /// The reaction whose list of people is shown.
    pub reactors: RwSignal<Option<(Seq, String)>>,
    /// What makes a text ready to be sent; read through [`Screen::ready_text`].
    sending: StoredValue<Vec<(Desk, Sending)>>,
    /// The thread in which what is being written is to be shown in the room, too.
    pub also_in_room: RwSignal<Option<Desk>>,
    /// Polls that were not sent, one for each composer. They are in the dialog when it is opened again.
    pub new_polls: StoredValue<Vec<UnsentPoll>>,
    /// Grows when the composer should have the keyboard.
    pub compose: RwSignal<u32>,
    /// Grows when the composer of the open thread should have it.
    pub compose_reply: RwSignal<u32>,
    /// Grows when the timeline should go down to its newest message.
    pub newest: RwSignal<u32>,
    /// The same for the open thread.
    pub newest_reply: RwSignal<u32>,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            dialog: RwSignal::new(None),
            menu: RwSignal::new(None),
            starting: RwSignal::new(false),
            sheet: RwSignal::new(None),
            missed: RwSignal::new(None),
            read_by: RwSignal::new(None),
            hovered: RwSignal::new(None),
            reached: RwSignal::new(None),
            picking: RwSignal::new(None),
            is_more: RwSignal::new(false),
            tools_lost: RwSignal::new(false),
            notice: RwSignal::new(None),
            noticed: StoredValue::new(None),
            pointing_at_list: RwSignal::new(false),
            keyboard_in_list: RwSignal::new(false),
            revealed: StoredValue::new(Vec::new()),
            revealed_news: RwSignal::new(0),
            replying: RwSignal::new(None),
            target: RwSignal::new(None),
            outsiders_of: RwSignal::new(None),
            outsiders: StoredValue::new(Vec::new()),
            formatting: RwSignal::new(false),
            reactors: RwSignal::new(None),
            sending: StoredValue::new(Vec::new()),
            also_in_room: RwSignal::new(None),
            new_polls: StoredValue::new(Vec::new()),
            compose: RwSignal::new(0),
            compose_reply: RwSignal::new(0),
            newest: RwSignal::new(0),
            newest_reply: RwSignal::new(0),
        }
    }
}

impl Screen {
    /// From here on, the texts of a composer are made ready by this.
    pub(crate) fn make_ready(self, desk: Desk, sending: Sending) {
        self.sending.update_value(|all| {
            all.retain(|(known, _)| *known != desk);
            all.push((desk, sending));
        });
    }

    /// A text as it is to be sent; blank if there is nothing left to send, and `None` if it is to
    /// stay in the composer.
    #[must_use]
    pub fn ready_text(self, desk: Desk, text: String) -> Option<String> {
        let find = |all: &Vec<(Desk, Sending)>| {
            all.iter().find(|(known, _)| *known == desk).map(|(_, sending)| Arc::clone(sending))
        };
        match self.sending.with_value(find) {
            Some(sending) => sending(text),
            None => Some(text),
        }
    }

    /// Whether the spoilers of a message are shown. Tracks.
    #[must_use]
    pub fn is_revealed(self, message: (RoomId, Option<Seq>)) -> bool {
        self.revealed_news.track();
        self.revealed.with_value(|all| all.contains(&message))
    }

    /// Shows the spoilers of a message.
    pub fn reveal(self, message: (RoomId, Option<Seq>)) {
        self.revealed.update_value(|all| all.push(message));
        self.revealed_news.update(|news| *news = news.wrapping_add(1));
    }

    /// Whether the tools of this message are shown beside it (not as a sheet).
    #[must_use]
    pub fn has_tools(self, seq: Seq) -> bool {
        // Reads all signals, so that all are tracked.
        let is_meant =
            [self.hovered, self.reached, self.picking].map(|held| held.get() == Some(seq)).contains(&true);
        is_meant && ![self.tools_lost.get(), self.sheet.with(Option::is_some)].contains(&true)
    }

    /// Whether the list of rooms must keep its order now.
    #[must_use]
    pub fn holds_list(self) -> bool {
        self.pointing_at_list.get_untracked() || self.keyboard_in_list.get_untracked()
    }

    /// Shows a notice beside a message.
    pub fn tell(self, room: RoomId, seq: Seq, text: String) {
        self.noticed.set_value(Some((room, seq)));
        self.notice.set(Some(text));
    }

    /// The notice beside this message.
    #[must_use]
    pub fn told(self, room: RoomId, seq: Seq) -> Option<String> {
        self.notice.get().filter(|_| self.noticed.get_value() == Some((room, seq)))
    }

    /// A room is gone: closes what belongs to it.
    pub fn close_of(self, room: RoomId) {
        if self.dialog.get_untracked().and_then(Dialog::room) == Some(room) {
            self.dialog.set(None);
        }
    }

    /// Whether something covers the page, which Back closes first. Tracks.
    #[must_use]
    pub fn is_covered(self) -> bool {
        // Reads all signals, so that all are tracked.
        [
            self.dialog.with(Option::is_some),
            self.menu.with(Option::is_some),
            self.sheet.with(Option::is_some),
            self.picking.with(Option::is_some),
            self.starting.get(),
        ]
        .contains(&true)
    }

    /// Closes what covers the page.
    pub fn uncover(self) {
        self.dialog.set(None);
        self.menu.set(None);
        self.starting.set(false);
        self.sheet.set(None);
        self.picking.set(None);
    }

    /// Drops everything that points at a message: hover, focus, quick reactions, sheet.
    pub fn let_go(self) {
        self.hovered.set(None);
        self.reached.set(None);
        self.picking.set(None);
        self.sheet.set(None);
    }

    /// The message to which one replies in a composer. Tracks.
    #[must_use]
    pub fn replying_at(self, desk: Desk) -> Option<Seq> {
        self.replying.get().filter(|(at, _)| *at == desk).map(|(_, seq)| seq)
    }

    /// Whether there is something to be said above a composer. Tracks.
    #[must_use]
    pub fn has_strip(self, desk: Desk) -> bool {
        [self.replying_at(desk).is_some(), self.has_outsiders(desk)].contains(&true)
    }

    /// Whether somebody was mentioned who is not in the room. It is said above the room's own composer. Tracks.
    #[must_use]
    pub fn has_outsiders(self, desk: Desk) -> bool {
        self.outsiders_of.get() == Some(desk.room) && desk.thread.is_none()
    }

    /// Focuses the composer.
    pub fn compose(self) {
        self.compose.update(|n| *n = n.wrapping_add(1));
    }

    /// Gives the keyboard to the composer of the open thread.
    pub fn compose_reply(self) {
        self.compose_reply.update(|n| *n = n.wrapping_add(1));
    }

    /// Goes down to the newest reply of the open thread.
    pub fn newest_reply(self) {
        self.newest_reply.update(|n| *n = n.wrapping_add(1));
    }

    /// Goes down to the newest message.
    pub fn newest(self) {
        self.newest.update(|n| *n = n.wrapping_add(1));
    }
}
