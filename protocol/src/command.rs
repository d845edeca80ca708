//! Commands from a browser.

use serde::{Deserialize, Serialize};

use crate::{
    Attachment, ErrorCode, Line, Millis, NewPoll, Nonce, Refusal, Role, RoomId, RoomKind, Seq, UserId,
};

/// The direction of a page of history from its `seq` (which is not included).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Towards older messages.
    Before,
    /// Towards newer messages.
    After,
}

/// A position in the list of rooms: the last room that has been listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoomsAfter {
    /// When it was last active.
    pub active_at: Millis,
    /// Which room.
    pub room: RoomId,
}

/// A position in a list of threads: that of the last thread that has been listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ThreadsAfter {
    /// When its last reply was sent.
    pub at: Millis,
    /// Which room.
    pub room: RoomId,
    /// The number of its root.
    pub root: Seq,
}

/// A position in the results of a search: that of the last hit that has been listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FoundAfter {
    /// When the message was sent.
    pub at: Millis,
    /// Which room.
    pub room: RoomId,
    /// Which message.
    pub seq: Seq,
}

/// Where in a room a message goes, and what it brings there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Placement {
    /// The message to which it replies.
    #[serde(default)]
    pub reply_to: Option<Seq>,
    /// The root of the thread in which it is written.
    #[serde(default)]
    pub thread: Option<Seq>,
    /// Whether a message in a thread is also shown in the room.
    #[serde(default)]
    pub in_room: bool,
    /// The message that it forwards: its room, and its number there.
    #[serde(default)]
    pub forward: Option<(RoomId, Seq)>,
}

impl Placement {
    /// Forwards a message.
    #[must_use]
    pub fn forwarding(room: RoomId, seq: Seq) -> Self {
        Self { forward: Some((room, seq)), ..Self::default() }
    }

    /// In a thread only.
    #[must_use]
    pub fn in_thread(root: Seq) -> Self {
        Self { thread: Some(root), ..Self::default() }
    }

    /// The command that sends it there.
    #[must_use]
    pub fn send(self, room: RoomId, nonce: Nonce, body: impl Into<String>) -> Command {
        self.send_with(room, nonce, body, Attached::default())
    }

    /// The same, with a poll or files below the text.
    #[must_use]
    pub fn send_with(
        self,
        room: RoomId,
        nonce: Nonce,
        body: impl Into<String>,
        attached: impl Into<Attached>,
    ) -> Command {
        let Self { reply_to, thread, in_room, forward } = self;
        let Attached { poll, files } = attached.into();
        Command::Send { room, nonce, body: body.into(), reply_to, thread, in_room, forward, poll, files }
    }
}

/// What is sent below a text: a poll or files, or neither.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// See [`Command::Send`].
    pub poll: Option<NewPoll>,
    /// See [`Command::Send`].
    pub files: Vec<Attachment>,
}

impl Attached {
    /// Validates it.
    ///
    /// # Errors
    /// Those of [`NewPoll::parse`] and [`Attachment::parse`]; [`ErrorCode::FilesWithPoll`].
    pub fn parse(self) -> Result<Self, Refusal> {
        let Self { poll, files } = self;
        if poll.is_some() && !files.is_empty() {
            return Err(ErrorCode::FilesWithPoll.into());
        }
        Ok(Self { poll: poll.map(NewPoll::parse).transpose()?, files: Attachment::parse(files)? })
    }

    /// Whether the text may be empty: files speak for themselves, a poll needs its question.
    #[must_use]
    pub fn needs_text(&self) -> bool {
        self.files.is_empty() || self.poll.is_some()
    }
}

impl From<NewPoll> for Attached {
    fn from(poll: NewPoll) -> Self {
        Self { poll: Some(poll), files: Vec::new() }
    }
}

/// What a browser asks. Each command gets exactly one answer, a reply or a refusal, with the same `ref`.
///
/// Text is sent as typed and parsed by the server (see [`Body`](crate::Body) and its neighbours).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum Command {
    /// The first command of a connection: events flow from its reply on. Answered by `welcome`.
    Hello {
        /// The protocol version of the browser.
        version: u16,
    },
    /// The next page of the viewer's rooms, the most recently active first. Answered by `rooms`.
    ListRooms {
        /// The last room of the previous page; left out for the first page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<RoomsAfter>,
    },
    /// Compares heads. Answered by `rooms`, with those rooms whose head differs.
    CompareRooms {
        /// Up to [`ROOMS_PAGE`](crate::limits::ROOMS_PAGE) rooms, each with the last number that
        /// the browser knows.
        known: Vec<(RoomId, Seq)>,
    },
    /// Checks the connection. Answered by `pong`.
    Ping {},
    /// Open a room. Answered by `view`.
    Open {
        /// Which room.
        room: RoomId,
    },
    /// Every change after `after`. Answered by `changes`; for a room that is too far ahead, by
    /// `view`.
    CatchUp {
        /// Which line: a room's, the person's own, or the workspace's.
        line: Line,
        /// The number up to which the browser has everything.
        after: Seq,
    },
    /// A page of messages. Answered by `page`.
    History {
        /// Which room.
        room: RoomId,
        /// Older or newer.
        direction: Direction,
        /// From where; not included in the page.
        seq: Seq,
    },
    /// The messages around one: half a page before it, and as many from it on. Answered by
    /// `around`.
    Around {
        /// Which room.
        room: RoomId,
        /// Which message. If it does not exist, the messages around its number are returned.
        seq: Seq,
    },
    /// Previews (truncated) of some messages: those that others reply to, or that the viewer has
    /// saved. Answered by `previews`.
    Previews {
        /// Which room.
        room: RoomId,
        /// Up to [`PREVIEWS_MAX`](crate::limits::PREVIEWS_MAX).
        seqs: Vec<Seq>,
    },
    /// Send a message. Safe to repeat: an author has one message per room and nonce. Answered by
    /// `sent`.
    Send {
        /// Which room.
        room: RoomId,
        /// The nonce chosen by the browser.
        nonce: Nonce,
        /// The text as it was typed.
        body: String,
        /// The message of the room that it replies to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<Seq>,
        /// The root of the thread in which it is written: a message of the room that is not in a thread itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<Seq>,
        /// Whether a message in a thread is also shown in the room.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_room: bool,
        /// A poll below the text, which is its question.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        poll: Option<NewPoll>,
        /// The message that it forwards: its room, and its number there. The viewer must be in that room. The text is then a
        /// comment, and may be empty.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        forward: Option<(RoomId, Seq)>,
        /// Files below the text, which may then be empty. Their uploads must be complete.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        files: Vec<Attachment>,
    },
    /// A thread: its root, and a page of its replies. Answered by `thread`.
    Thread {
        /// Where.
        room: RoomId,
        /// The number of the root.
        root: Seq,
        /// Replies before this place in the thread; left out for the newest.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<u32>,
    },
    /// The threads that the viewer follows, or all threads of a room. Answered by `threads`.
    Threads {
        /// Which room; left out for the threads that the viewer follows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomId>,
        /// After which; left out for the first page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<ThreadsAfter>,
    },
    /// Follow a thread, or no longer. Safe to repeat. Answered by `changed`, or by `done` if the viewer never followed it and still
    /// does not.
    Follow {
        /// Where.
        room: RoomId,
        /// The number of the root.
        root: Seq,
        /// Whether to follow it.
        on: bool,
    },
    /// Edit one of the author's own messages. Safe to repeat. Answered by `changed`.
    Edit {
        /// Which room.
        room: RoomId,
        /// Which message.
        seq: Seq,
        /// How many edits of it the browser has seen. If there were more, this one is refused
        /// ([`EditedMeanwhile`](crate::ErrorCode::EditedMeanwhile)), unless the last one made the
        /// same text.
        edits: u32,
        /// The new text as it was typed.
        body: String,
    },
    /// The texts that an edited message has had. Answered by `versions`.
    Versions {
        /// Which room.
        room: RoomId,
        /// Which message.
        seq: Seq,
    },
    /// Delete a message: the author's own, or, as a moderator of the room, anyone's. Safe to
    /// repeat. Answered by `changed`.
    Delete {
        /// Which room.
        room: RoomId,
        /// Which message.
        seq: Seq,
    },
    /// Add or remove a reaction. Safe to repeat. Answered by `changed`.
    React {
        /// Which room.
        room: RoomId,
        /// Which message.
        seq: Seq,
        /// Which emoji.
        emoji: String,
        /// Whether the reaction should exist.
        on: bool,
    },
    /// Vote in a poll, change the vote, or take it back. Safe to repeat. Answered by `changed`.
    Vote {
        /// Which room.
        room: RoomId,
        /// The message of the poll.
        seq: Seq,
        /// All options that the viewer chooses, by their places from 0 on; none to take the vote back.
        choices: Vec<u8>,
    },
    /// Close a poll: the author's own, or, as a moderator of the room, anyone's. Safe to repeat. Answered by `changed`.
    ClosePoll {
        /// Which room.
        room: RoomId,
        /// The message of the poll.
        seq: Seq,
    },
    /// Who chose an option of a poll that is not anonymous. Answered by `users`.
    Voters {
        /// Which room.
        room: RoomId,
        /// The message of the poll.
        seq: Seq,
        /// The place of the option, from 0 on.
        option: u8,
        /// The last person of the previous page; left out for the first page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<UserId>,
    },
    /// Remove previews of links, for good: from the viewer's own message, or, as a moderator of the room, from anyone's. Safe to repeat.
    /// Answered by `changed`.
    RemovePreviews {
        /// Which room.
        room: RoomId,
        /// Which message.
        seq: Seq,
        /// The addresses of the links.
        urls: Vec<String>,
    },
    /// Pin or unpin a message. Safe to repeat. Answered by `changed`, or by `done` if the message
    /// was never pinned and still is not.
    Pin {
        /// Which room.
        room: RoomId,
        /// Which message.
        seq: Seq,
        /// Whether it should be pinned.
        on: bool,
    },
    /// The pinned messages of a room. Answered by `pinned`.
    Pinned {
        /// Which room.
        room: RoomId,
    },
    /// The profiles of these people. Answered by `users`.
    People {
        /// Up to [`PEOPLE_MAX`](crate::limits::PEOPLE_MAX).
        users: Vec<UserId>,
    },
    /// What a person says about themselves. Answered by `profile`.
    Profile {
        /// Whose.
        user: UserId,
    },
    /// All groups of people. Answered by `users`.
    Groups {},
    /// A page of the people in a group, by name. Answered by `users`.
    Group {
        /// Which group.
        group: UserId,
        /// The last person of the previous page; left out for the first page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<UserId>,
    },
    /// This device has everything up to `seq`. Answered by `done`.
    Delivered {
        /// Which room.
        room: RoomId,
        /// Up to here.
        seq: Seq,
    },
    /// The viewer has seen everything up to `seq`. Answered by `done`.
    Read {
        /// Which room.
        room: RoomId,
        /// Up to here.
        seq: Seq,
    },
    /// Count the messages from this one on as unread again, on all of the viewer's devices. Their read mark stays. Safe to repeat.
    /// Answered by `changed`.
    MarkUnread {
        /// Which room.
        room: RoomId,
        /// The first message that counts as unread.
        seq: Seq,
    },
    /// The viewer has read on in a room that they marked unread. Safe to repeat. Answered by `changed`, or by `done` if they never
    /// marked it.
    ReadOn {
        /// Which room.
        room: RoomId,
        /// The number of the change that marked it unread. A later one stays.
        rev: Seq,
    },
    /// Store what the viewer is writing, for all of their devices. A newer text that this device does not know is not replaced: then
    /// the answer has that one, and nothing changes. Safe to repeat. Answered by `changed` with the draft as it is stored now, or by
    /// `done` if there is none and `body` is empty.
    Draft {
        /// Which room.
        room: RoomId,
        /// The root of the thread; left out for the room itself.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thread: Option<Seq>,
        /// The number of the draft's last change that this device knows; 0 if it knows none.
        base: Seq,
        /// The text as typed, up to [`BODY_CHARS_MAX`](crate::limits::BODY_CHARS_MAX) characters. Empty to clear the draft.
        body: String,
    },
    /// People whose handle or name matches. Answered by `users`.
    FindUsers {
        /// A part of a handle or name; empty lists some.
        query: String,
    },
    /// The direct room with a person, created if there is none. Answered by `room`.
    StartDirect {
        /// With whom.
        user: UserId,
    },
    /// Create a group or a channel. Safe to repeat with the same nonce. Answered by `room`.
    CreateRoom {
        /// The nonce chosen by the browser.
        nonce: Nonce,
        /// `group` or `channel`.
        kind: RoomKind,
        /// Its title.
        title: String,
        /// Its topic; may be empty.
        topic: String,
    },
    /// Channels whose title or topic matches. Answered by `channels`.
    FindChannels {
        /// A part of a title or topic; empty lists the largest.
        query: String,
    },
    /// Join a channel. Safe to repeat. Answered by `room`.
    Join {
        /// Which room.
        room: RoomId,
    },
    /// Leave a group or channel. Safe to repeat. Answered by `done`.
    Leave {
        /// Which room.
        room: RoomId,
    },
    /// Add people to a group or channel. Those already in it stay as they are. Answered by
    /// `invited`, which lists those who could not be added.
    Invite {
        /// Which room.
        room: RoomId,
        /// Whom: 1 to 50.
        users: Vec<UserId>,
    },
    /// Change a member's role in a room. Safe to repeat. Answered by `changed`.
    SetRole {
        /// Which room.
        room: RoomId,
        /// Whom.
        user: UserId,
        /// The new role.
        role: Role,
    },
    /// Remove a member from a room, and optionally ban them. A ban also works for someone who is
    /// not in the room. Safe to repeat. Answered by `done`.
    Remove {
        /// Which room.
        room: RoomId,
        /// Whom.
        user: UserId,
        /// Whether to ban them.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        ban: bool,
    },
    /// Lift a ban. Safe to repeat. Answered by `done`.
    Unban {
        /// Which room.
        room: RoomId,
        /// Whom.
        user: UserId,
    },
    /// The people who are banned from a room. Answered by `users`.
    Banned {
        /// Which room.
        room: RoomId,
    },
    /// Set a room's policy. Safe to repeat. Answered by `changed`.
    SetPolicy {
        /// Which room.
        room: RoomId,
        /// The least role that may post, …
        post: Role,
        /// … that may add people, …
        invite: Role,
        /// … that may pin messages, …
        pin: Role,
        /// … and that may mention everyone.
        mention: Role,
    },
    /// Archive or unarchive a room. Safe to repeat. Answered by `changed`.
    Archive {
        /// Which room.
        room: RoomId,
        /// Whether it should be archived.
        on: bool,
    },
    /// Delete a room with everything in it. Safe to repeat. Answered by `done`.
    DeleteRoom {
        /// Which room.
        room: RoomId,
    },
    /// Rename a room and set its topic. Answered by `done`.
    SetRoom {
        /// Which room.
        room: RoomId,
        /// The new title.
        title: String,
        /// The new topic; may be empty.
        topic: String,
    },
    /// Save or unsave a message. Safe to repeat. Answered by `changed`, or by `done` if the message
    /// was never saved and still is not.
    Save {
        /// Which room.
        room: RoomId,
        /// Which message.
        seq: Seq,
        /// Whether it should be saved.
        on: bool,
    },
    /// Set a reminder of a message, which saves it too; or remove it. Safe to repeat. Answered like
    /// `save`.
    Remind {
        /// Which room.
        room: RoomId,
        /// Which message.
        seq: Seq,
        /// When; left out to remove the reminder.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Millis>,
    },
    /// The viewer's saved and scheduled messages. Answered by `changes`, with all of them.
    Personal {},
    /// Send a message later. Safe to repeat: a person schedules one message per nonce. Answered by
    /// `changed`.
    Schedule {
        /// Which room.
        room: RoomId,
        /// The nonce chosen by the browser, with which it is sent.
        nonce: Nonce,
        /// The text as it was typed.
        body: String,
        /// When.
        at: Millis,
    },
    /// Change the text or the time of a scheduled message that has not been sent. Safe to repeat.
    /// Answered by `changed`.
    Reschedule {
        /// Which message.
        nonce: Nonce,
        /// The last change of it that the browser has seen. If there was a later one, this is
        /// refused ([`EditedMeanwhile`](crate::ErrorCode::EditedMeanwhile)), unless that one had
        /// the same result.
        rev: Seq,
        /// The new text as it was typed.
        body: String,
        /// The new time.
        at: Millis,
    },
    /// Delete a scheduled message that has not been sent. Safe to repeat. Answered by `changed`.
    Unschedule {
        /// Which message.
        nonce: Nonce,
    },
    /// Messages that contain these words, in the rooms that the viewer is in. Answered by `found`.
    Search {
        /// Words, "phrases", -exclusions and filters: at most
        /// [`SEARCH_CHARS_MAX`](crate::limits::SEARCH_CHARS_MAX) characters.
        query: String,
        /// Only in this room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        room: Option<RoomId>,
        /// The name of the viewer's time zone in the tz database, for `before:` and `after:`; UTC if it is left out or unknown.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        zone: String,
        /// The last hit of the previous page; left out for the first page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<FoundAfter>,
    },
    /// The members of a room. Answered by `members`.
    Members {
        /// Which room.
        room: RoomId,
        /// A part of a handle or name; empty lists the first.
        query: String,
        /// The last member of the previous page; left out for the first page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<UserId>,
    },
}

impl Command {
    /// Sends a message that is neither a reply nor in a thread.
    #[must_use]
    pub fn say(room: RoomId, nonce: Nonce, body: impl Into<String>) -> Self {
        Placement::default().send(room, nonce, body)
    }

    /// The names of all commands in the protocol, to tell an unknown one from a malformed one.
    pub const NAMES: &[&str] = &[
        "hello",
        "list_rooms",
        "compare_rooms",
        "ping",
        "open",
        "catch_up",
        "history",
        "around",
        "previews",
        "send",
        "thread",
        "threads",
        "follow",
        "edit",
        "versions",
        "delete",
        "react",
        "vote",
        "close_poll",
        "voters",
        "remove_previews",
        "pin",
        "pinned",
        "people",
        "profile",
        "groups",
        "group",
        "delivered",
        "read",
        "mark_unread",
        "read_on",
        "draft",
        "find_users",
        "start_direct",
        "create_room",
        "find_channels",
        "join",
        "leave",
        "invite",
        "set_role",
        "remove",
        "unban",
        "banned",
        "set_policy",
        "archive",
        "delete_room",
        "set_room",
        "save",
        "remind",
        "personal",
        "schedule",
        "reschedule",
        "unschedule",
        "search",
        "members",
    ];

    /// The name of this command in the protocol.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hello { .. } => "hello",
            Self::ListRooms { .. } => "list_rooms",
            Self::CompareRooms { .. } => "compare_rooms",
            Self::Ping {} => "ping",
            Self::Open { .. } => "open",
            Self::CatchUp { .. } => "catch_up",
            Self::History { .. } => "history",
            Self::Around { .. } => "around",
            Self::Previews { .. } => "previews",
            Self::Send { .. } => "send",
            Self::Thread { .. } => "thread",
            Self::Threads { .. } => "threads",
            Self::Follow { .. } => "follow",
            Self::Edit { .. } => "edit",
            Self::Versions { .. } => "versions",
            Self::Delete { .. } => "delete",
            Self::React { .. } => "react",
            Self::Vote { .. } => "vote",
            Self::ClosePoll { .. } => "close_poll",
            Self::Voters { .. } => "voters",
            Self::RemovePreviews { .. } => "remove_previews",
            Self::Pin { .. } => "pin",
            Self::Pinned { .. } => "pinned",
            Self::People { .. } => "people",
            Self::Profile { .. } => "profile",
            Self::Groups {} => "groups",
            Self::Group { .. } => "group",
            Self::Delivered { .. } => "delivered",
            Self::Read { .. } => "read",
            Self::MarkUnread { .. } => "mark_unread",
            Self::ReadOn { .. } => "read_on",
            Self::Draft { .. } => "draft",
            Self::FindUsers { .. } => "find_users",
            Self::StartDirect { .. } => "start_direct",
            Self::CreateRoom { .. } => "create_room",
            Self::FindChannels { .. } => "find_channels",
            Self::Join { .. } => "join",
            Self::Leave { .. } => "leave",
            Self::Invite { .. } => "invite",
            Self::SetRole { .. } => "set_role",
            Self::Remove { .. } => "remove",
            Self::Unban { .. } => "unban",
            Self::Banned { .. } => "banned",
            Self::SetPolicy { .. } => "set_policy",
            Self::Archive { .. } => "archive",
            Self::DeleteRoom { .. } => "delete_room",
            Self::SetRoom { .. } => "set_room",
            Self::Save { .. } => "save",
            Self::Remind { .. } => "remind",
            Self::Personal {} => "personal",
            Self::Schedule { .. } => "schedule",
            Self::Reschedule { .. } => "reschedule",
            Self::Unschedule { .. } => "unschedule",
            Self::Search { .. } => "search",
            Self::Members { .. } => "members",
        }
    }
}
