//! What is open on this screen besides the room: no server ever hears of it.

use std::sync::Arc;

use leptos::prelude::*;
use protocol::{RoomId, Seq, UserId};

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
    /// The same, and they cannot come back.
    Ban,
    /// Make them an owner, too.
    MakeOwner,
    /// Give up a role of one's own.
    StepDown,
}

/// A dialog; one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Go to a room or person.
    Switcher,
    /// Write to someone.
    NewDirect,
    /// Make a group or channel.
    NewRoom,
    /// Find a channel and join it.
    Browse,
    /// Add people to a room.
    Invite(RoomId),
    /// Rename a room and set its topic.
    EditRoom(RoomId),
    /// Say who may do what in a room, archive it, or delete it.
    RoomSettings(RoomId),
    /// Delete a room.
    DeleteRoom(RoomId),
    /// Act on a member of a room.
    Member(RoomId, UserId, MemberAct),
    /// Who is banned from a room.
    Banned(RoomId),
    /// Leave a room.
    Leave(RoomId),
    /// Delete a message.
    Delete(RoomId, Seq),
    /// What one has saved, and what is to be sent later.
    Later,
    /// The threads that one follows, or all threads of a room.
    Threads(Option<RoomId>),
    /// When to be reminded of a message.
    Remind(RoomId, Seq),
    /// When to send what is written in a room.
    SendLater(RoomId),
    /// Choose an emoji: for a message, or for what is being written.
    Emoji(Desk, Option<Seq>),
    /// What was written into a room that one is no longer in. It comes with the dialogs, and stands on the room's page.
    Unsent(RoomId),
    /// The keyboard's list.
    Shortcuts,
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
            | Self::Delete(room, _) => Some(room),
            Self::Switcher
            | Self::NewDirect
            | Self::NewRoom
            | Self::Browse
            | Self::Later
            | Self::Threads(_)
            | Self::Remind(..)
            | Self::Unsent(_)
            | Self::Shortcuts => None,
        }
    }
}

/// What could not be opened, because its code did not come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missed {
    /// A dialog.
    Dialog(Dialog),
    /// The panel beside the room.
    Panel(Panel),
    /// What one can do with a message, beside its row.
    Tools(Seq),
    /// The same, as a sheet.
    Sheet(RoomId, Seq),
}

/// Makes a text ready to be sent.
pub(crate) type Sending = Arc<dyn Fn(String) -> Option<String> + Send + Sync>;

/// The signals of what is open.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// The dialog that is open.
    pub dialog: RwSignal<Option<Dialog>>,
    /// The member whose menu is open.
    pub menu: RwSignal<Option<UserId>>,
    /// The menu «New» is open.
    pub starting: RwSignal<bool>,
    /// The message whose sheet is open.
    pub sheet: RwSignal<Option<(RoomId, Seq)>>,
    /// What was to be opened and could not be, until it is tried again or the person closes the notice.
    pub missed: RwSignal<Option<Missed>>,
    /// The message of which it is shown who has read it.
    pub read_by: RwSignal<Option<Seq>>,
    /// The message under the pointer.
    pub hovered: RwSignal<Option<Seq>>,
    /// The message that the keyboard or a finger has come to.
    pub reached: RwSignal<Option<Seq>>,
    /// The message for which an emoji is being chosen.
    pub picking: RwSignal<Option<Seq>>,
    /// The code of the tools did not come. That is said once, not at each row that the pointer passes, until somebody asks for them
    /// or the connection is back.
    pub tools_lost: RwSignal<bool>,
    /// What is to be told beside a message: why something did not happen to it.
    pub notice: RwSignal<Option<String>>,
    /// Which message that is about.
    noticed: StoredValue<Option<(RoomId, Seq)>>,
    /// The pointer is over the list of rooms.
    pub pointing_at_list: RwSignal<bool>,
    /// The keyboard is in it.
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
    /// Who they are.
    pub outsiders: StoredValue<Vec<UserId>>,
    /// The tools that format are shown at the composer.
    pub formatting: RwSignal<bool>,
    /// The reaction of which it is shown who chose it.
    pub reactors: RwSignal<Option<(Seq, String)>>,
    /// What makes a text ready to be sent; read through [`Screen::ready_text`].
    sending: StoredValue<Vec<(Desk, Sending)>>,
    /// Text to be put into a composer.
    pub into_composer: RwSignal<Option<(Desk, String)>>,
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
            into_composer: RwSignal::new(None),
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

    /// A text as it is to be sent; blank where that was all, and `None` where it is to stay as it is.
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

    /// Whether the spoilers of a message are shown. Tracks that.
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

    /// Whether what one can do with this message is shown beside it, and not as a sheet.
    #[must_use]
    pub fn has_tools(self, seq: Seq) -> bool {
        // All are asked, so that all are tracked.
        let is_meant =
            [self.hovered, self.reached, self.picking].map(|held| held.get() == Some(seq)).contains(&true);
        is_meant && ![self.tools_lost.get(), self.sheet.with(Option::is_some)].contains(&true)
    }

    /// Whether the list of rooms may not move now.
    #[must_use]
    pub fn holds_list(self) -> bool {
        self.pointing_at_list.get_untracked() || self.keyboard_in_list.get_untracked()
    }

    /// Tells something beside a message.
    pub fn tell(self, room: RoomId, seq: Seq, text: String) {
        self.noticed.set_value(Some((room, seq)));
        self.notice.set(Some(text));
    }

    /// What is told beside this message.
    #[must_use]
    pub fn told(self, room: RoomId, seq: Seq) -> Option<String> {
        self.notice.get().filter(|_| self.noticed.get_value() == Some((room, seq)))
    }

    /// A room is gone, and so is what was being done with it.
    pub fn close_of(self, room: RoomId) {
        if self.dialog.get_untracked().and_then(Dialog::room) == Some(room) {
            self.dialog.set(None);
        }
    }

    /// Whether something lies over the page, which the way back closes first. Tracks.
    #[must_use]
    pub fn is_covered(self) -> bool {
        // All are asked, so that all are tracked.
        [
            self.dialog.with(Option::is_some),
            self.menu.with(Option::is_some),
            self.sheet.with(Option::is_some),
            self.picking.with(Option::is_some),
            self.starting.get(),
        ]
        .contains(&true)
    }

    /// Closes what lies over the page.
    pub fn uncover(self) {
        self.dialog.set(None);
        self.menu.set(None);
        self.starting.set(false);
        self.sheet.set(None);
        self.picking.set(None);
    }

    /// No message is pointed at.
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

    /// Gives the keyboard to the composer.
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
