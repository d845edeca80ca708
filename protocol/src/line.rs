//! Lines: everything that changes is a numbered change of one of them.

use std::{fmt, str::FromStr};

use roost_json::FromJson;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{RoomId, UserId};

/// A sequence of numbered changes with one owner. In JSON: `room:<id>`, `person:<id>` or
/// `workspace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, FromJson)]
#[serde(try_from = "String", into = "String")]
pub enum Line {
    /// Everything in a room. Audience: its members.
    Room(RoomId),
    /// Data of one person only: memberships, sessions, saved and scheduled messages. Audience: that
    /// person.
    Person(UserId),
    /// Data visible to everyone: profiles. Audience: everyone who is signed in.
    Workspace,
}

impl Line {
    /// The id under which the line is stored. Ids of rooms and people never coincide; the
    /// workspace's is nil.
    #[must_use]
    pub fn id(self) -> Uuid {
        match self {
            Self::Room(room) => room.0,
            Self::Person(user) => user.0,
            Self::Workspace => Uuid::nil(),
        }
    }

    /// The room, if it is a room's line.
    #[must_use]
    pub fn room(self) -> Option<RoomId> {
        match self {
            Self::Room(room) => Some(room),
            Self::Person(_) | Self::Workspace => None,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Room(room) => write!(f, "room:{room}"),
            Self::Person(user) => write!(f, "person:{user}"),
            Self::Workspace => f.write_str("workspace"),
        }
    }
}

impl FromStr for Line {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let line = match text.split_once(':') {
            Some(("room", id)) => id.parse().ok().map(Self::Room),
            Some(("person", id)) => id.parse().ok().map(Self::Person),
            None if text == "workspace" => Some(Self::Workspace),
            _ => None,
        };
        line.ok_or_else(|| "a line is room:<id>, person:<id> or workspace".to_owned())
    }
}

impl TryFrom<String> for Line {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.to_string()
    }
}
