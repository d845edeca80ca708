//! Identifiers. Each has its own type, so that they cannot be mixed up.

use std::{fmt, str::FromStr};

use roost_json::FromJson;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, FromJson)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // Not `parse_str`, which has the code for detailed errors.
                Uuid::try_parse(text).map(Self)
            }
        }
    )*};
}

uuid_id! {
    /// A person with an account.
    UserId;
    /// A room: direct, group or channel.
    RoomId;
    /// A message, for links and moderation. Its position is its room and its [`Seq`]. UUIDv7.
    MessageId;
    /// A file, and the upload that it came from. UUIDv7.
    FileId;
    /// The picture of a person. Random: another picture has another id.
    PictureId;
    /// A signed-in browser.
    SessionId;
    /// An invitation to sign up.
    InvitationId;
    /// Created by the browser for each thing that it creates, so that repeats are recognised.
    /// UUIDv4.
    Nonce;
    /// Identifies the database's history; renewed after a restore. Positions of another epoch are
    /// void.
    Epoch;
}

/// The position of a change on its [`Line`](crate::Line): 1, 2, 3, … without gaps. 0 is before the
/// first.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, FromJson,
)]
#[serde(transparent)]
pub struct Seq(pub i64);

impl Seq {
    /// Before the first change of a line.
    pub const ZERO: Self = Self(0);

    /// Whether it is before the first.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
