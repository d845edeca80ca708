//! What is open on this screen besides the room: no server ever hears of it.

use leptos::prelude::*;
use protocol::{RoomId, Seq};

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
    /// Leave a room.
    Leave(RoomId),
    /// The keyboard's list.
    Shortcuts,
}

/// The signals of what is open.
#[derive(Clone, Copy, Debug)]
pub struct Screen {
    /// The dialog that is open.
    pub dialog: RwSignal<Option<Dialog>>,
    /// Whether the room's details are open.
    pub details: RwSignal<bool>,
    /// The message of which it is shown who has read it.
    pub read_by: RwSignal<Option<Seq>>,
    /// Text to be put into the composer.
    pub into_composer: RwSignal<Option<String>>,
    /// Grows when the composer should have the keyboard.
    pub compose: RwSignal<u32>,
    /// Grows when the timeline should go down to its newest message.
    pub newest: RwSignal<u32>,
}

impl Default for Screen {
    fn default() -> Self {
        Self {
            dialog: RwSignal::new(None),
            details: RwSignal::new(false),
            read_by: RwSignal::new(None),
            into_composer: RwSignal::new(None),
            compose: RwSignal::new(0),
            newest: RwSignal::new(0),
        }
    }
}

impl Screen {
    /// Gives the keyboard to the composer.
    pub fn compose(self) {
        self.compose.update(|n| *n = n.wrapping_add(1));
    }

    /// Goes down to the newest message.
    pub fn newest(self) {
        self.newest.update(|n| *n = n.wrapping_add(1));
    }
}
