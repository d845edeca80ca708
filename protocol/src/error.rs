//! Refusals and reasons to close, numbered. A number is never used again for something else.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

/// What to do after a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same would be refused again: the person must change something.
    Never,
    /// The same again, after the wait that the refusal names.
    Later,
}

macro_rules! error_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $retry:ident $text:literal;)*) => {
        /// Why something was refused. 1xxx: the connection and its frames; 2xxx: text; 3xxx: rooms and
        /// people; 4xxx: accounts; 5xxx: not the person's fault, and worth another try.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
        #[serde(try_from = "u16", into = "u16")]
        #[repr(u16)]
        pub enum ErrorCode {
            $($(#[$doc])* $name = $number,)*
        }

        impl ErrorCode {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// One line in English, for logs and for people who read the wire. The interface has its own words.
            #[must_use]
            pub fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Whether the same may be tried again.
            #[must_use]
            pub fn retry(self) -> Retry {
                match self { $(Self::$name => Retry::$retry,)* }
            }
        }

        impl TryFrom<u16> for ErrorCode {
            type Error = String;

            fn try_from(number: u16) -> Result<Self, Self::Error> {
                match number {
                    $($number => Ok(Self::$name),)*
                    // A newer server may have more codes, so their range decides.
                    5000..=5999 => Ok(Self::Internal),
                    1000..=4999 => Ok(Self::Forbidden),
                    _ => Err(format!("{number} is not the number of a refusal")),
                }
            }
        }
    };
}

error_codes! {
    /// Not JSON, or not the form of a frame.
    MalformedFrame = 1001 Never "the frame is not JSON of the form {\"ref\":…,\"command\":{…}}";
    /// A command of a type that this server does not know.
    UnknownCommand = 1002 Never "there is no such command";
    /// A known command with a missing, unknown or wrong field.
    MalformedCommand = 1003 Never "a field of the command is missing, unknown or wrong";
    /// More than [`FRAME_BYTES_MAX`](crate::limits::FRAME_BYTES_MAX).
    FrameTooLarge = 1004 Never "the frame is larger than 65536 bytes";
    /// A binary frame, or text that is not UTF-8.
    NotUtf8 = 1005 Never "frames are UTF-8 text";
    /// The browser speaks another [`VERSION`](crate::VERSION): reload the page.
    VersionUnsupported = 1006 Never "this server speaks another version of the protocol";
    /// The request came from a page of another origin.
    OriginForeign = 1007 Never "requests from this origin are not allowed";
    /// No session, or one that has ended.
    NotSignedIn = 1008 Never "sign in first";
    /// The first command must be `hello`.
    HelloMissing = 1009 Never "the first command must be hello";
    /// One person or one address has too many connections.
    TooManyConnections = 1010 Later "too many connections";
    /// The connection sent garbage again and again.
    TooMuchGarbage = 1011 Never "too many frames that could not be read";
    /// A connection says `hello` once.
    HelloRepeated = 1012 Never "hello has been said already";
    /// The person sent a flood of pings, or went on sending commands that came too fast.
    TooManyFrames = 1013 Later "too many frames in a short time";

    /// Nothing but white space.
    TextEmpty = 2001 Never "the text is empty";
    /// Longer than the limit that the refusal names.
    TextTooLong = 2002 Never "the text is too long";
    /// Control characters, or white space where there must be none.
    TextInvalid = 2003 Never "the text has characters that are not allowed";
    /// Not the form of an [`Emoji`](crate::Emoji).
    EmojiInvalid = 2004 Never "this is not an emoji";
    /// A word with letters of several scripts that look alike, such as a Cyrillic `а` among Latin letters.
    ScriptsMixed = 2005 Never "a word mixes scripts whose letters look alike";
    /// More than [`MENTIONS_MAX`](crate::limits::MENTIONS_MAX) different names.
    MentionsTooMany = 2006 Never "the message mentions too many people";

    /// A time that has passed, or lies further ahead than [`AHEAD_MS_MAX`](crate::limits::AHEAD_MS_MAX).
    TimeInvalid = 2010 Never "the time has passed, or is more than a year ahead";

    /// No such room, or one that this person is not in: the answer is the same on purpose.
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
    /// The message has been deleted: it can neither be changed nor reacted to.
    MessageDeleted = 3008 Never "the message has been deleted";
    /// The message has other edits than the browser knew of.
    EditedMeanwhile = 3009 Never "the message has been edited meanwhile";
    /// The message has as many reactions as one may have.
    ReactionsFull = 3010 Never "the message has too many reactions";
    /// The room has as many pinned messages as one may have.
    PinsFull = 3011 Never "the room has too many pinned messages";
    /// A message with this nonce and another text is stored: a nonce belongs to one message.
    NonceTaken = 3012 Never "another message was sent with this nonce";
    /// The room is archived: it can be read, and nothing can be said in it.
    RoomArchived = 3013 Never "the room is archived";
    /// Another channel has this title, or one that differs only in case, width or spaces.
    TitleTaken = 3014 Never "another channel has this title";
    /// The person has been banned from the room.
    Banned = 3015 Never "banned from the room";
    /// A room, and the workspace, must keep an owner.
    LastOwner = 3016 Never "there must be another owner first";
    /// The person has saved as many messages as one may.
    SavedFull = 3020 Never "too many saved messages";
    /// As many messages of this person wait to be sent later as may.
    ScheduledFull = 3021 Never "too many scheduled messages";
    /// The person has scheduled no message with this nonce.
    ScheduledUnknown = 3022 Never "there is no such scheduled message";
    /// A scheduled message can no longer be changed or deleted: it has been sent, or is being sent.
    ScheduledSent = 3023 Never "the scheduled message has been sent";

    /// Another account has this handle.
    HandleTaken = 4001 Never "the handle is taken";
    /// Not of the form of a handle.
    HandleInvalid = 4002 Never "a handle has 2 to 32 letters a-z, digits, dots, dashes or underscores, and begins with a letter or digit";
    /// Fewer than [`PASSWORD_CHARS_MIN`](crate::limits::PASSWORD_CHARS_MIN) characters.
    PasswordTooShort = 4003 Never "the password is shorter than 10 characters";
    /// More than [`PASSWORD_CHARS_MAX`](crate::limits::PASSWORD_CHARS_MAX) characters.
    PasswordTooLong = 4004 Never "the password is longer than 256 characters";
    /// Unknown handle or wrong password: which of them is not told.
    CredentialsWrong = 4005 Never "the handle or the password is wrong";
    /// The workspace takes no new people.
    SignUpClosed = 4006 Never "sign-up is closed";
    /// The invitation is unknown, used up, or out of date; or one is needed.
    InvitationInvalid = 4007 Never "the invitation is not valid";
    /// An administrator has suspended the account. Told only to someone who knows its password.
    AccountSuspended = 4008 Never "the account is suspended";
    /// The current password, which changing it asks for, is wrong.
    PasswordWrong = 4009 Never "this is not the current password";
    /// The link for a new password is unknown, used, replaced by another, or out of date.
    PasswordLinkInvalid = 4010 Never "the link for a new password is not valid";

    /// Too many requests: again after `retry_ms`.
    SlowDown = 5001 Later "too fast";
    /// The server's queue is full: again after `retry_ms`.
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

/// The answer to a command or a form that did not happen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Refusal {
    /// What was wrong.
    pub code: ErrorCode,
    /// What exactly, in English: for logs and developers, never needed by the interface.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The bound that was passed, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// How long to wait before the same again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_ms: Option<u32>,
}

impl Refusal {
    /// A refusal that needs no more words.
    #[must_use]
    pub fn new(code: ErrorCode) -> Self {
        Self { code, detail: String::new(), max: None, retry_ms: None }
    }

    /// The same, saying what exactly was wrong.
    #[must_use]
    pub fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), ..self }
    }

    /// The same, naming the bound.
    #[must_use]
    pub fn max(self, max: usize) -> Self {
        Self { max: u32::try_from(max).ok(), ..self }
    }

    /// The same, naming the wait in milliseconds.
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

/// Why a server closed the connection. 1000 to 2999 are the WebSocket standard's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum CloseCode {
    /// Read too slowly, or was silent too long: come back and resume.
    Resume = 4000,
    /// The server is leaving: come back (to another) after the time that the close reason names in milliseconds.
    Leaving = 4001,
    /// Sent garbage again and again.
    TooMuchGarbage = 4002,
    /// Too many connections: come back much later.
    TooManyConnections = 4003,
    /// Sent a flood of pings, or went on sending commands that came too fast: come back later.
    TooManyFrames = 4004,
    /// The session has ended, or there is none: sign in.
    SessionEnded = 4401,
    /// Another version of the wire: reload the page.
    VersionUnsupported = 4406,
}

impl CloseCode {
    /// The code of this number, or `None` for the standard's and unknown ones: those mean «come back».
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
