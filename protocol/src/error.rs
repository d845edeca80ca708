//! Numbered refusals and close codes. A number is never reused.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

/// What to do after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same would be refused again: the user must change something.
    Never,
    /// Retry after the wait that the refusal names.
    Later,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $retry:ident $text:literal;)*) => {
        /// Why something was refused. 1xxx: the connection and its frames; 2xxx: text; 3xxx: rooms
        /// and people; 4xxx: accounts; 5xxx: not the user's fault, and worth a retry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
        #[serde(try_from = "u16", into = "u16")]
        #[repr(u16)]
        pub enum ErrorCode {
            $($(#[$doc])* $name = $number,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// One line in English, for logs and for people who read frames. The interface has its
            /// own texts.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether a retry makes sense.
            #[must_use]
            pub fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry,)* }
            }
        }

        impl TryFrom<u16> for ErrorCode {
            type Error = String;

            fn try_from(number: u16) -> Result<Self, Self::Error> {
                // A search takes a quarter of the code of a `match` over the numbers.
                if let Some(known) = Self::ALL.iter().find(|code| u16::from(**code) == number) {
                    return Ok(*known);
                }
                match number {
                    // A newer server may have more codes; then the range decides.
                    5000..=5999 => Ok(Self::Internal),
                    1000..=4999 => Ok(Self::Forbidden),
                    _ => Err(format!("{number} is not the number of a refusal")),
                }
            }
        }
    };
}

error_codes! {
    /// Not JSON, or not a valid frame.
    MalformedFrame = 1001 Never "the frame is not JSON of the form {\"ref\":…,\"command\":{…}}";
    /// A type of command that this server does not know.
    UnknownCommand = 1002 Never "there is no such command";
    /// A known command with a missing, unknown or wrong field.
    MalformedCommand = 1003 Never "a field of the command is missing, unknown or wrong";
    /// More than [`FRAME_BYTES_MAX`](crate::limits::FRAME_BYTES_MAX).
    FrameTooLarge = 1004 Never "the frame is larger than 65536 bytes";
    /// A binary frame, or text that is not UTF-8.
    NotUtf8 = 1005 Never "frames are UTF-8 text";
    /// The browser uses another [`VERSION`](crate::VERSION): reload the page.
    VersionUnsupported = 1006 Never "this server speaks another version of the protocol";
    /// The request came from a page of another origin.
    OriginForeign = 1007 Never "requests from this origin are not allowed";
    /// No session, or one that has ended.
    NotSignedIn = 1008 Never "sign in first";
    /// The first command must be `hello`.
    HelloMissing = 1009 Never "the first command must be hello";
    /// One person or one address has too many connections.
    TooManyConnections = 1010 Later "too many connections";
    /// The connection repeatedly sent garbage.
    TooMuchGarbage = 1011 Never "too many frames that could not be read";
    /// A connection may send `hello` only once.
    HelloRepeated = 1012 Never "hello has been said already";
    /// The person sent a flood of pings, or kept sending commands too fast.
    TooManyFrames = 1013 Later "too many frames in a short time";

    /// Only white space.
    TextEmpty = 2001 Never "the text is empty";
    /// Longer than the limit that the refusal names.
    TextTooLong = 2002 Never "the text is too long";
    /// Control characters, or white space where it is not allowed.
    TextInvalid = 2003 Never "the text has characters that are not allowed";
    /// Not a valid [`Emoji`](crate::Emoji).
    EmojiInvalid = 2004 Never "this is not an emoji";
    /// A word with letters of several scripts that look alike, such as a Cyrillic `а` among Latin
    /// letters.
    ScriptsMixed = 2005 Never "a word mixes scripts whose letters look alike";
    /// More than [`MENTIONS_MAX`](crate::limits::MENTIONS_MAX) different names.
    MentionsTooMany = 2006 Never "the message mentions too many people";

    /// A time in the past, or further ahead than [`AHEAD_MS_MAX`](crate::limits::AHEAD_MS_MAX).
    TimeInvalid = 2010 Never "the time has passed, or is more than a year ahead";

    /// A search has a filter that does not exist: the detail lists those that do.
    FilterUnknown = 2020 Never "there is no such filter";
    /// A date in a search is not of the form `2026-01-31`, or does not exist.
    DateInvalid = 2021 Never "a date is written as 2026-01-31";
    /// The database aborted a search that would have looked at too many messages.
    SearchTooWide = 2022 Never "the search takes too long; use rarer words or a filter";
    /// Too few or too many options, or two that are the same: see [`NewPoll`](crate::NewPoll).
    PollInvalid = 2030 Never "a poll has 2 to 10 options, no two of them the same";

    /// More than [`FILES_MAX`](crate::limits::FILES_MAX) files.
    FilesTooMany = 2040 Never "a message has at most 10 files";
    /// A file is larger than the workspace allows.
    FileTooLarge = 2041 Never "the file is too large";
    /// A message has both files and a poll.
    FilesWithPoll = 2042 Never "a message has either files or a poll";
    /// The header of an upload is missing or wrong: the detail names it.
    UploadInvalid = 2043 Never "the upload is not valid";
    /// A picture of a person is no PNG, JPEG, WebP or GIF, is damaged, or has too many pixels.
    PictureInvalid = 2044 Never "the picture cannot be read";

    /// No such room, or one that this person is not in; deliberately the same answer.
    RoomUnknown = 3001 Never "there is no such room for you";
    /// In the room, but not allowed to do this.
    Forbidden = 3002 Never "you may not do that here";
    /// No such person.
    UserUnknown = 3003 Never "there is no such person";
    /// The person is in too many rooms.
    RoomsFull = 3004 Never "too many rooms";
    /// The room has too many members.
    MembersFull = 3005 Never "the room is full";
    /// A direct room has no title, no topic, and no other members.
    DirectRoom = 3006 Never "a direct room cannot be changed";
    /// The room has no message with this number.
    MessageUnknown = 3007 Never "there is no such message";
    /// The message has been deleted, so it can neither be changed nor get reactions.
    MessageDeleted = 3008 Never "the message has been deleted";
    /// The message has edits that the browser did not know.
    EditedMeanwhile = 3009 Never "the message has been edited meanwhile";
    /// The message has the most reactions allowed.
    ReactionsFull = 3010 Never "the message has too many reactions";
    /// The room has the most pinned messages allowed.
    PinsFull = 3011 Never "the room has too many pinned messages";
    /// Another message with this nonce but a different text is stored.
    NonceTaken = 3012 Never "another message was sent with this nonce";
    /// The room is archived: it can be read, but nothing can be posted.
    RoomArchived = 3013 Never "the room is archived";
    /// Another channel has this title, or one that differs only in case, width or spaces.
    TitleTaken = 3014 Never "another channel has this title";
    /// The person has been banned from the room.
    Banned = 3015 Never "banned from the room";
    /// A room and the workspace must each keep an owner.
    LastOwner = 3016 Never "there must be another owner first";
    /// The person has saved the most messages allowed.
    SavedFull = 3020 Never "too many saved messages";
    /// The person has the most pending scheduled messages allowed.
    ScheduledFull = 3021 Never "too many scheduled messages";
    /// The person has no scheduled message with this nonce.
    ScheduledUnknown = 3022 Never "there is no such scheduled message";
    /// A scheduled message can no longer be changed or deleted: it has been sent, or is being sent.
    ScheduledSent = 3023 Never "the scheduled message has been sent";
    /// The person has the most drafts allowed.
    DraftsFull = 3024 Never "too many drafts";
    /// There is no such group of people, or no longer.
    GroupUnknown = 3030 Never "there is no such group";
    /// The workspace has the most groups allowed.
    GroupsFull = 3031 Never "too many groups";
    /// The group has the most people allowed.
    GroupFull = 3032 Never "the group is full";

    /// The poll accepts no more votes.
    PollClosed = 3033 Never "the poll is closed";
    /// There is no such file for this person, it belongs to somebody else, or its upload is not complete.
    FileUnknown = 3040 Never "there is no such file";
    /// The person's files take up all the space that they may.
    SpaceUsed = 3041 Never "your files take up all of your space";
    /// The workspace's files take up all the space that they may.
    WorkspaceSpaceUsed = 3042 Never "the files take up all of the workspace's space";

    /// Another account, or a group, has this handle.
    HandleTaken = 4001 Never "the handle is taken";
    /// Not a valid handle.
    HandleInvalid = 4002 Never "a handle has 2 to 32 letters a-z, digits, dots, dashes or underscores, and begins with a letter or digit";
    /// Fewer than [`PASSWORD_CHARS_MIN`](crate::limits::PASSWORD_CHARS_MIN) characters.
    PasswordTooShort = 4003 Never "the password is shorter than 10 characters";
    /// More than [`PASSWORD_CHARS_MAX`](crate::limits::PASSWORD_CHARS_MAX) characters.
    PasswordTooLong = 4004 Never "the password is longer than 256 characters";
    /// Unknown handle or wrong password; deliberately not distinguished.
    CredentialsWrong = 4005 Never "the handle or the password is wrong";
    /// The workspace accepts no new people.
    SignUpClosed = 4006 Never "sign-up is closed";
    /// The invitation is unknown, used up or expired; or one is required.
    InvitationInvalid = 4007 Never "the invitation is not valid";
    /// An administrator has suspended the account. Only told to someone who knows its password.
    AccountSuspended = 4008 Never "the account is suspended";
    /// The current password, which a change requires, is wrong.
    PasswordWrong = 4009 Never "this is not the current password";
    /// The password link is unknown, used, replaced or expired.
    PasswordLinkInvalid = 4010 Never "the link for a new password is not valid";

    /// Too many requests: retry after `retry_ms`.
    SlowDown = 5001 Later "too fast";
    /// The server's queue is full: retry after `retry_ms`.
    Busy = 5002 Later "busy";
    /// The server failed. The log says why.
    Internal = 5003 Later "the server failed";
    /// The server is shutting down: another one will answer.
    Leaving = 5004 Later "the server is leaving";
}

impl From<ErrorCode> for u16 {
    fn from(code: ErrorCode) -> Self {
        code as Self
    }
}

/// The answer to a refused command or form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Refusal {
    /// The reason.
    pub code: ErrorCode,
    /// Details in English, for logs and developers; the interface does not need them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The limit that was exceeded, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// How long to wait before a retry, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u32>,
}

impl Refusal {
    /// A refusal without details.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self { code, detail: String::new(), max: None, retry_ms: None }
    }

    /// Adds details.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// Adds the limit.
    #[must_use]
    pub fn max(self, max: usize) -> Self {
        Self { max: u32::try_from(max).ok(), ..self }
    }

    /// Adds the wait in milliseconds.
    #[must_use]
    pub fn retry_ms(self, retry_ms: u32) -> Self {
        Self { retry_ms: Some(retry_ms), ..self }
    }
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.code.text(), u16::from(self.code))?;
        if !self.detail.is_empty() {
            write!(f, ": {}", self.detail)?;
        }
        Ok(())
    }
}

/// Why a server closed the connection. 1000 to 2999 belong to the WebSocket standard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// The browser read too slowly, or was silent too long: reconnect and resume.
    Resume = 4000,
    /// The server is leaving: reconnect (to another) after the number of milliseconds in the close
    /// reason.
    Leaving = 4001,
    /// The browser repeatedly sent garbage.
    TooMuchGarbage = 4002,
    /// Too many connections: reconnect much later.
    TooManyConnections = 4003,
    /// The browser sent a flood of pings, or kept sending commands too fast: reconnect later.
    TooManyFrames = 4004,
    /// The session has ended, or there is none: sign in.
    SessionEnded = 4401,
    /// Another protocol version: reload the page.
    VersionUnsupported = 4406,
}

impl CloseCode {
    /// The code with this number; `None` for standard and unknown ones, which mean «reconnect».
    #[must_use]
    pub fn from_number(number: u16) -> Option<Self> {
        [
            Self::Resume,
            Self::Leaving,
            Self::TooMuchGarbage,
            Self::TooManyConnections,
            Self::TooManyFrames,
            Self::SessionEnded,
            Self::VersionUnsupported,
        ]
        .into_iter()
        .find(|code| *code as u16 == number)
    }
}
