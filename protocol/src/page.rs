//! The data of a page. The server embeds it in the HTML that it has drawn, and the browser starts
//! from the same value, so that both draw the same page.

use std::fmt;

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{
    Epoch, Hit, InvitationId, Message, Millis, Refusal, RoomId, RoomSummary, RoomView, Seq, SessionId,
    Thread, User, Zone, model,
};

/// The language of the interface: a BCP 47 tag, such as `pt-BR`. This crate does not know which
/// languages are available.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(try_from = "String", into = "String")]
pub struct Language {
    /// Padded with zeros.
    tag: [u8; Self::BYTES_MAX],
}

impl Language {
    /// The length of the longest tag, in bytes.
    pub const BYTES_MAX: usize = 16;

    /// Parses a tag of letters, digits and single hyphens.
    #[must_use]
    pub fn parse(tag: &str) -> Option<Self> {
        let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if tag.len() > Self::BYTES_MAX || !tag.split('-').all(is_part) {
            return None;
        }
        let mut bytes = [0; Self::BYTES_MAX];
        bytes[..tag.len()].copy_from_slice(tag.as_bytes());
        Some(Self { tag: bytes })
    }

    /// The tag.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.tag.iter().position(|byte| *byte == 0).unwrap_or(Self::BYTES_MAX);
        str::from_utf8(&self.tag[..end]).unwrap_or_default()
    }
}

/// English.
impl Default for Language {
    fn default() -> Self {
        let mut tag = [0; Self::BYTES_MAX];
        tag[..2].copy_from_slice(b"en");
        Self { tag }
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.as_str().to_owned()
    }
}

impl TryFrom<String> for Language {
    type Error = &'static str;

    fn try_from(tag: String) -> Result<Self, Self::Error> {
        Self::parse(&tag).ok_or("no tag of a language")
    }
}

/// Light, dark, or the system's setting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// The system's setting.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// How much of a room the list shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
pub enum Density {
    /// Two lines, with the last message.
    #[default]
    Comfortable,
    /// One line.
    Compact,
}

/// A section of the list of rooms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
pub enum ListSection {
    /// Rooms with unread messages.
    Unread,
    /// Channels and groups.
    Channels,
    /// Direct rooms.
    Direct,
}

impl ListSection {
    /// All sections, from top to bottom.
    pub const ALL: [Self; 3] = [Self::Unread, Self::Channels, Self::Direct];

    /// Its name in a cookie.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unread => "unread",
            Self::Channels => "channels",
            Self::Direct => "direct",
        }
    }
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
pub enum WhoMaySignUp {
    /// Nobody has an account yet: the first person becomes the owner of the workspace.
    First,
    /// Everyone.
    Open,
    /// Anyone with an invitation link.
    Invite,
    /// Nobody.
    Closed,
}

/// A signed-in browser, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Its id.
    pub id: SessionId,
    /// A short name of the browser, such as `Firefox on Linux`.
    pub device: String,
    /// When it signed in.
    pub created_at: Millis,
    /// When it was last seen, to the minute.
    pub seen_at: Millis,
    /// Whether it is the current one.
    pub current: bool,
}

/// A valid invitation link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitationView {
    /// Its id.
    pub id: InvitationId,
    /// The complete URL, known only to the page that created it.
    pub link: Option<String>,
    /// When it was created.
    pub created_at: Millis,
    /// When it expires.
    pub expires_at: Millis,
    /// How many more people can use it.
    pub uses_left: u32,
}

/// An account, as shown to administrators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PersonView {
    /// The person.
    pub user: User,
    /// Whether the account is suspended.
    pub suspended: bool,
    /// The URL of their password link, known only to the page that created it.
    pub link: Option<String>,
}

/// A job that failed too often and waits for an administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobView {
    /// Its id.
    pub id: uuid::Uuid,
    /// The kind: `remind`, `send`, or one that a newer server knows.
    pub kind: String,
    /// The handle of the person.
    pub handle: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was last tried.
    pub tried_at: Millis,
    /// What went wrong, in English.
    pub error: String,
}

/// A form that works without script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
pub enum FormName {
    /// Sign in.
    SignIn,
    /// Sign up.
    SignUp,
    /// The first person names the workspace and creates its first channel.
    SetUp,
    /// Send a message without script.
    Send,
    /// Create an invitation link.
    Invite,
    /// Change the viewer's name.
    Profile,
    /// Choose the viewer's picture.
    Picture,
    /// Change the viewer's password.
    ChangePassword,
    /// Set a new password by a link.
    NewPassword,
    /// Manage an account: its role, its suspension, its password link.
    People,
    /// Rename the workspace.
    Workspace,
    /// Make a group of people.
    MakeGroup,
    /// Change or delete a group.
    Group,
    /// Add people to a group, or remove one.
    GroupPeople,
}

/// A refused form: shown again with the submitted values (except passwords).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct FormState {
    /// Which form.
    pub form: FormName,
    /// The reason.
    pub refusal: Refusal,
    /// The name of the field at fault; empty for the form as a whole.
    pub field: String,
    /// The submitted values by field name.
    pub values: Vec<(String, String)>,
}

impl FormState {
    /// The submitted value of a field.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Everything that a page shows initially.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Page {
    /// The protocol version.
    pub version: u16,
    /// The name of the server that created the page.
    pub node: String,
    /// The epoch of the database.
    pub epoch: Epoch,
    /// The name of the workspace; empty until the first person has named it.
    pub workspace_name: String,
    /// Who may sign up.
    pub sign_up: WhoMaySignUp,
    /// The language to draw in.
    pub language: Language,
    /// The colours to draw in.
    pub theme: Theme,
    /// How much of a room the list shows.
    #[serde(default)]
    pub density: Density,
    /// Whether previews of links are hidden in this browser.
    #[serde(default, skip_serializing_if = "model::is_false")]
    pub previews_hidden: bool,
    /// The collapsed sections of the list.
    #[serde(default)]
    pub folded: Vec<ListSection>,
    /// The first channel, for the workspace's owner, until they have hidden the first steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_steps: Option<RoomId>,
    /// The time zone to draw with: the one that the browser last reported, or UTC.
    pub zone: Zone,
    /// The server's time when the page was created; both ends draw «today» by it.
    pub now: Millis,
    /// The refused form, if any.
    #[serde(default)]
    pub form: Option<FormState>,
    /// The content of this page in particular.
    pub content: PageContent,
}

/// What a page shows, depending on the viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum PageContent {
    /// Nobody is signed in.
    SignedOut,
    /// Sign up by an invitation link.
    Invited {
        /// The link's secret.
        token: String,
    },
    /// Set a new password by a link, regardless of who is signed in.
    NewPassword {
        /// The link's secret.
        token: String,
        /// Whose password it sets; `None` if the link is not valid.
        #[serde(default)]
        user: Option<User>,
    },
    /// The chat of a signed-in person.
    SignedIn(Box<SignedIn>),
}

/// The page of a signed-in person: the beginning of their list of rooms, and what is open beside
/// it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct SignedIn {
    /// The signed-in person.
    pub viewer: User,
    /// The head of the viewer's own line when the page was created.
    pub person: Seq,
    /// The head of the workspace's line when the page was created.
    pub workspace: Seq,
    /// The viewer's most recently active rooms: up to [`ROOMS_SHOWN`](crate::limits::ROOMS_SHOWN).
    pub rooms: Vec<RoomSummary>,
    /// Whether the viewer is in more rooms than those.
    pub more_rooms: bool,
    /// The people that the rooms refer to.
    pub people: Vec<User>,
    /// The page of messages shown for the open room, if it is not the newest one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<ShownPage>,
    /// The thread that is open beside the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<ShownThread>,
    /// What the search in the address has found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub found: Option<ShownHits>,
    /// What is open beside the list.
    pub pane: Pane,
}

/// A page of messages that begins at the first unread one, or that is around the message in the
/// address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct ShownPage {
    /// The messages, oldest first.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub more_before: bool,
    /// Whether there are newer ones.
    pub more_after: bool,
    /// Whether it begins at the first unread message.
    pub is_unread: bool,
}

/// A thread of the open room, with its newest replies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct ShownThread {
    /// The thread, with its whole root.
    pub thread: Thread,
    /// The newest replies, or those around a place, oldest first.
    pub messages: Vec<Message>,
    /// That place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<u32>,
}

/// The first page of a search. (Not a [`Reply`](crate::Reply): copying any reply would be much code in the browser.)
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct ShownHits {
    /// The hits, newest first.
    #[serde(default)]
    pub hits: Vec<Hit>,
    /// How many there are in all, as in the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// Whether there are more.
    #[serde(default)]
    pub more: bool,
    /// Why nothing was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// What is open beside the list of rooms.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Pane {
    /// No room, or one that the viewer is not in.
    Empty,
    /// The room in the address.
    Room(Box<RoomView>),
    /// The set-up of a new workspace.
    SetUp {
        /// The invitation link that was created with the first channel, for inviting others.
        #[serde(default)]
        link: Option<String>,
    },
}

impl Page {
    /// The content for a signed-in person.
    #[must_use]
    pub fn signed_in(&self) -> Option<&SignedIn> {
        match &self.content {
            PageContent::SignedIn(signed_in) => Some(signed_in),
            PageContent::SignedOut | PageContent::Invited { .. } | PageContent::NewPassword { .. } => None,
        }
    }

    /// What is open beside the list of rooms.
    #[must_use]
    pub fn pane(&self) -> Option<&Pane> {
        self.signed_in().map(|signed_in| &signed_in.pane)
    }

    /// The room that is open.
    #[must_use]
    pub fn room(&self) -> Option<&RoomView> {
        match self.pane()? {
            Pane::Room(view) => Some(view),
            Pane::Empty | Pane::SetUp { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Language;

    #[test]
    fn a_language_is_a_tag() {
        for tag in ["en", "pt-BR", "zh-Hant-TW", "sl-rozaj-biske-1"] {
            let language = Language::parse(tag).unwrap();
            assert_eq!(language.as_str(), tag);
            let json = serde_json::to_string(&language).unwrap();
            assert_eq!(json, format!("\"{tag}\""));
            assert_eq!(serde_json::from_str::<Language>(&json).unwrap(), language);
        }
        for wrong in ["", "-", "en-", "en--US", "en_US", "é", "en\0", "a-tag-that-is-too-long"] {
            assert_eq!(Language::parse(wrong), None, "{wrong:?}");
        }
        assert!(serde_json::from_str::<Language>("\"en US\"").is_err());
        assert_eq!(Language::default().as_str(), "en");
    }
}
