//! What a page is made of. The server puts it into the HTML that it has already filled, and the browser wakes
//! up with the same value: so both draw the same page.

use std::collections::BTreeMap;

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{Epoch, InvitationId, Millis, Refusal, RoomSummary, RoomView, Seq, SessionId, User};

/// The face's language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Simplified Chinese.
    Zh,
}

/// Light, dark, or as the system has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system has it.
    #[default]
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

/// Who may sign up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
pub enum SignUp {
    /// Nobody has an account yet: the first one becomes the administrator.
    First,
    /// Everyone.
    Open,
    /// Who has an invitation link.
    Invite,
    /// Nobody.
    Closed,
}

/// The person who looks at the page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Viewer {
    /// Who.
    pub user: User,
}

/// A signed-in browser, as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct SessionView {
    /// Which.
    pub id: SessionId,
    /// What the browser calls itself, shortened: for example `Firefox on Linux`.
    pub device: String,
    /// When it signed in.
    pub created_at: Millis,
    /// When it was last seen, to the minute.
    pub seen_at: Millis,
    /// Whether it is the one that asks.
    pub current: bool,
}

/// An invitation link that is still good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct InvitationView {
    /// Which.
    pub id: InvitationId,
    /// The whole address to give to someone, known only to the page that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// When it ends.
    pub expires_at: Millis,
    /// How many more people may come by it.
    pub uses_left: u32,
}

/// Someone's account, as an administrator sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct PersonView {
    /// Who.
    pub user: User,
    /// Whether nobody can use the account at the moment.
    pub suspended: bool,
    /// The address by which they may set a new password, known only to the page that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// A form that works without script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
pub enum FormName {
    /// Sign in.
    SignIn,
    /// Sign up.
    SignUp,
    /// The first person names the place and makes its first channel.
    SetUp,
    /// Write a message without script.
    Send,
    /// Make an invitation link.
    Invite,
    /// Change one's name.
    Profile,
    /// Change one's password.
    ChangePassword,
    /// Set a new password by a link.
    NewPassword,
    /// Decide about someone's account: their role, a suspension, a link for a new password.
    People,
}

/// A form that was refused: shown again with what had been typed (but for passwords).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct FormState {
    /// Which form.
    pub form: FormName,
    /// Why.
    pub refusal: Refusal,
    /// The field to blame, by its name; empty when it is the form as a whole.
    pub field: String,
    /// What had been typed, by field name.
    pub values: BTreeMap<String, String>,
}

/// Everything that a page shows at first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Page {
    /// The version of the wire.
    pub version: u16,
    /// The name of the server that made the page.
    pub node: String,
    /// The database's life.
    pub epoch: Epoch,
    /// What this place is called.
    pub place: String,
    /// Who may sign up.
    pub sign_up: SignUp,
    /// The language to draw in.
    pub language: Language,
    /// The colours to draw in.
    pub theme: Theme,
    /// The browser's offset from UTC in minutes, east positive, as it told last time; 0 before.
    pub utc_offset_minutes: i32,
    /// The server's clock when the page was made: both ends draw «today» by it.
    pub now: Millis,
    /// Who looks; `None` when nobody is signed in.
    #[serde(default)]
    pub viewer: Option<Viewer>,
    /// The rooms of the viewer that were active last: up to [`ROOMS_SHOWN`](crate::limits::ROOMS_SHOWN).
    #[serde(default)]
    pub rooms: Vec<RoomSummary>,
    /// Whether the viewer is in more rooms than those.
    #[serde(default)]
    pub more_rooms: bool,
    /// The people whom the rooms name.
    #[serde(default)]
    pub people: Vec<User>,
    /// The head of the viewer's own line when the page was made.
    #[serde(default)]
    pub person: Seq,
    /// The head of the workspace's line when the page was made.
    #[serde(default)]
    pub workspace: Seq,
    /// The room of the address, where it names one that the viewer is in.
    #[serde(default)]
    pub room: Option<Box<RoomView>>,
    /// The form that was refused.
    #[serde(default)]
    pub form: Option<FormState>,
    /// The viewer's sessions, on the settings page.
    #[serde(default)]
    pub sessions: Vec<SessionView>,
    /// The links that are still good, on the settings page of someone who may invite.
    #[serde(default)]
    pub invitations: Vec<InvitationView>,
    /// Everyone's accounts, on an administrator's settings page: the suspended ones first, and one more than are shown,
    /// [`FOUND_MAX`](crate::limits::FOUND_MAX), where there are so many.
    #[serde(default)]
    pub accounts: Option<Vec<PersonView>>,
    /// The secret of an invitation or of a link for a new password, on the page that it leads to.
    #[serde(default)]
    pub link_token: Option<String>,
    /// Whose password the link is for, while it is good.
    #[serde(default)]
    pub link_for: Option<User>,
}
