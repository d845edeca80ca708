//! People, rooms and messages, as a browser sees them.

use roost_json::FromJson;
use serde::{Deserialize, Serialize};

use crate::{
    File, LinkPreview, MessageId, Nonce, PictureId, Policy, Poll, Role, RoomId, Seq, UserId, WorkspaceRole,
    limits::THREAD_AUTHORS_MAX,
};

/// Milliseconds since 1970-01-01 UTC. Only for display: nothing is ever ordered by it.
pub type Millis = i64;

/// A person, or a group of people: both have a handle, and are mentioned by it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The unique name that they sign in with.
    pub handle: String,
    /// The display name, or the group's title.
    pub name: String,
    /// The role in the workspace; left out for a member.
    #[serde(default, skip_serializing_if = "WorkspaceRole::is_member")]
    pub role: WorkspaceRole,
    /// How a name with Chinese characters is typed: its spellings in pinyin, without tones, and their
    /// initials, separated by spaces. Empty, and left out, for other names.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pinyin: String,
    /// Of a group: how many people are in it. Left out for a person. A deleted group has neither handle
    /// nor title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<u32>,
    /// Their picture, at `/pictures/ID`. Left out if they have none; then their initials are shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureId>,
    /// The number on the workspace's line at which this profile last changed; 0 if it never has. Of
    /// two profiles of one person, the one with the higher number is newer.
    #[serde(default, skip_serializing_if = "Seq::is_zero")]
    pub rev: Seq,
}

impl User {
    /// A person of whom only the id is known. Any other profile of theirs is at least as new.
    #[must_use]
    pub fn unknown(id: UserId) -> Self {
        Self {
            id,
            handle: String::new(),
            name: String::new(),
            role: WorkspaceRole::default(),
            pinyin: String::new(),
            group: None,
            picture: None,
            rev: Seq::ZERO,
        }
    }
}

/// The kind of a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, FromJson)]
#[serde(rename_all = "snake_case")]
pub enum RoomKind {
    /// Two people; there is one per pair.
    Direct,
    /// Private: members add people.
    Group,
    /// Listed: anyone may join.
    Channel,
}

/// A room's properties. They are always sent together when one changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Room {
    /// Its id.
    pub id: RoomId,
    /// Direct, group or channel.
    pub kind: RoomKind,
    /// Empty for a direct room, which is named after the other person.
    pub title: String,
    /// How its title is typed: see [`User::pinyin`].
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub pinyin: String,
    /// One line about its purpose; may be empty.
    pub topic: String,
    /// Who may do what; left out if every member may do everything.
    #[serde(default, skip_serializing_if = "Policy::is_open")]
    pub policy: Policy,
    /// Whether it is read-only.
    #[serde(default, skip_serializing_if = "is_false")]
    pub archived: bool,
    /// Whether it has been deleted: nobody is in it, and nothing is left but its numbers.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// The last change of these properties.
    pub rev: Seq,
}

impl Room {
    /// A room without title and topic, with the default policy for its kind.
    #[must_use]
    pub fn new(id: RoomId, kind: RoomKind) -> Self {
        Self {
            id,
            kind,
            title: String::new(),
            pinyin: String::new(),
            topic: String::new(),
            policy: Policy::of_new(kind),
            archived: false,
            deleted: false,
            rev: Seq::ZERO,
        }
    }
}

/// One person's membership.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Member {
    /// The person.
    pub user: UserId,
    /// Their role in the room.
    pub role: Role,
    /// False once they have left or were removed.
    pub active: bool,
    /// Whether they are banned. Never true of someone who is in the room.
    #[serde(default, skip_serializing_if = "is_false")]
    pub banned: bool,
    /// The last change of this membership.
    pub rev: Seq,
}

/// How far one member has got in a room. Marks only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Marks {
    /// The member.
    pub user: UserId,
    /// A device of theirs has confirmed everything up to here.
    pub delivered: Seq,
    /// They have seen everything up to here.
    pub read: Seq,
}

/// A message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Message {
    /// For links and moderation.
    pub id: MessageId,
    /// Its number in the room.
    pub seq: Seq,
    /// The last change of its text; equal to `seq` if it has never changed. Reactions have their
    /// own numbers.
    pub rev: Seq,
    /// Who wrote it.
    pub author: UserId,
    /// The nonce chosen by the author's browser.
    pub nonce: Nonce,
    /// The text; empty once it has been deleted.
    pub body: String,
    /// When the server stored it.
    pub sent_at: Millis,
    /// How often its author has changed the text.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub edits: u32,
    /// Whether it has been deleted. It then keeps its number, but neither its text nor its
    /// reactions.
    #[serde(default, skip_serializing_if = "is_false")]
    pub deleted: bool,
    /// The reactions to it: see [`Reaction`] for their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// The people mentioned in the text, each name once: at most
    /// [`MENTIONS_MAX`](crate::limits::MENTIONS_MAX).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Mention>,
    /// The message of this room that it replies to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
    /// Its place in a thread, if it was written in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thread: Option<InThread>,
    /// Whether a reply in a thread is also shown in the room.
    #[serde(default, skip_serializing_if = "is_false")]
    pub in_room: bool,
    /// The replies in its thread, if it is the root of one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replies: Option<Replies>,
    /// Its poll. Where the message is only a [preview](Message::preview), the poll is empty: it says that there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub poll: Option<Poll>,
    /// What it forwards. Its own text is then a comment, and may be empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forward: Option<Box<Forward>>,
    /// Its files, at most [`FILES_MAX`](crate::limits::FILES_MAX). The text may then be empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
    /// What its links lead to, at most [`LINK_PREVIEWS_MAX`](crate::limits::LINK_PREVIEWS_MAX). They come as a later change of the
    /// message, which is no edit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub previews: Vec<LinkPreview>,
}

/// A copy of a message from another place, as it was when it was forwarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Forward {
    /// Where it was. Only the members of that room can find it there.
    pub room: RoomId,
    /// Its number there.
    pub seq: Seq,
    /// Who wrote it; left out if the readers may not learn it ([`names_author`](crate::rights::names_author)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<UserId>,
    /// Its text.
    pub body: String,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<File>,
}

/// A text that a message has or had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Version {
    /// How many edits led to it: 0 for the first text. Numbers are missing where no text was kept.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub edits: u32,
    /// The text.
    pub body: String,
    /// When it was written; left out if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Millis>,
}

/// A message that a search has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Hit {
    /// Where it is.
    pub room: RoomId,
    /// The message, truncated: see [`Message::preview`].
    pub message: Message,
    /// Plain text around the first hit, on one line.
    pub context: Vec<Piece>,
}

/// A piece of the text around a hit, and whether it is one of the words that were searched for. On the wire a pair: `["release", true]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Piece(pub String, pub bool);

/// A place in a thread: the number of the root, and which reply it is, counted from 1 without gaps. On the wire a pair: `[3, 2]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct InThread(pub Seq, pub u32);

/// What a root says about its thread. It stays small however long the thread is.
///
/// Two states join into one ([`Replies::merge`]), in any order and any number of times, so a browser that hears of a new reply
/// gets the same as one that asks the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Replies {
    /// How many replies there are, including deleted ones: their places stay.
    pub count: u32,
    /// The number of the last reply.
    pub last: Seq,
    /// When the last reply was sent.
    pub at: Millis,
    /// Who replied last, the last first: at most [`THREAD_AUTHORS_MAX`].
    pub authors: Vec<ThreadAuthor>,
}

/// Who replied in a thread, and the number of their last reply. On the wire a pair: `["<user>", 8]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct ThreadAuthor(pub UserId, pub Seq);

/// What `@name` in a text means: the name as it was typed, in lower case, and which person or group that was when the message was sent.
/// `None`: everyone in the room. On the wire a pair: `["ana", "<user>"]`, `["everyone", null]`.
///
/// A name in the text that is not listed mentions nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Mention(pub String, pub Option<UserId>);

/// One emoji under a message, and who chose it. A message's reactions are ordered by the number of
/// each one's first [`UserReaction`], so every client has the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Reaction {
    /// See [`Emoji`](crate::Emoji).
    pub emoji: String,
    /// Never empty, ordered by number. A message has at most
    /// [`REACTIONS_MAX`](crate::limits::REACTIONS_MAX) reactions in all.
    pub users: Vec<UserReaction>,
}

/// Who reacted, and the number of that change. In JSON a pair: `["<user>", 8]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct UserReaction(pub UserId, pub Seq);

/// A thread in a list, and the viewer's part in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Thread {
    /// Where.
    pub room: RoomId,
    /// Its root. In lists it is cut like a [preview](Message::preview), but has its `replies`.
    pub root: Message,
    /// Replies of others after the viewer's read mark, counted up to [`UNREAD_MAX`](crate::limits::UNREAD_MAX).
    #[serde(default, skip_serializing_if = "is_zero")]
    pub unread: u32,
    /// Whether the viewer follows it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub following: bool,
}

/// A message that somebody pinned to its room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct Pin {
    /// Which message.
    pub message: Seq,
    /// Who pinned or unpinned it.
    pub by: UserId,
    /// When.
    pub at: Millis,
    /// False once it is unpinned.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub on: bool,
    /// The number of the change.
    pub rev: Seq,
}

// Serde requires a reference.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde's attribute asks for")]
pub(crate) fn is_zero(number: &u32) -> bool {
    *number == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde's attribute asks for")]
pub(crate) fn is_false(flag: &bool) -> bool {
    !flag
}

pub(crate) fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde's attribute asks for")]
pub(crate) fn is_true(flag: &bool) -> bool {
    *flag
}

impl Replies {
    /// What this one reply says about its thread, and the thread's root. `None` if it is not in a thread.
    #[must_use]
    pub fn of(reply: &Message) -> Option<(Seq, Self)> {
        let InThread(root, count) = reply.thread?;
        let authors = vec![ThreadAuthor(reply.author, reply.seq)];
        Some((root, Self { count, last: reply.seq, at: reply.sent_at, authors }))
    }

    /// The number of the last reply that somebody else wrote. One's own replies are not news.
    #[must_use]
    pub fn last_by_others(&self, me: UserId) -> Option<Seq> {
        self.authors.iter().find(|author| author.0 != me).map(|author| author.1)
    }

    /// Takes over what another state of the same thread knows. Says whether anything changed.
    pub fn merge(&mut self, other: &Self) -> bool {
        let mut changed = false;
        if other.last > self.last {
            (self.last, self.at, changed) = (other.last, other.at, true);
        }
        if other.count > self.count {
            (self.count, changed) = (other.count, true);
        }
        for author in &other.authors {
            let known = self.authors.iter().position(|one| one.0 == author.0);
            if known.is_some_and(|at| self.authors[at].1 >= author.1) {
                continue;
            }
            known.map(|at| self.authors.remove(at));
            let at = self.authors.partition_point(|one| one.1 > author.1);
            if at < THREAD_AUTHORS_MAX {
                self.authors.insert(at, *author);
                self.authors.truncate(THREAD_AUTHORS_MAX);
                changed = true;
            }
        }
        changed
    }
}

impl Message {
    /// Takes over what is known of the thread below this message. Says whether anything changed.
    pub fn put_replies(&mut self, replies: &Replies) -> bool {
        if let Some(known) = &mut self.replies {
            return known.merge(replies);
        }
        self.replies = Some(replies.clone());
        true
    }

    /// Whether the room's timeline shows it in full. Other replies in threads are told in one quiet line.
    #[must_use]
    pub fn is_in_room(&self) -> bool {
        self.thread.is_none() || self.in_room
    }

    /// Puts someone's emoji under the message, or takes it away, as change number `rev` did. A newer state stays. Says
    /// whether anything changed.
    pub fn react(&mut self, emoji: &str, user: UserId, on: bool, rev: Seq) -> bool {
        // A deleted message has no reactions, even if one arrives late.
        if self.deleted {
            return false;
        }
        let known = self.reactions.iter().find(|reaction| reaction.emoji == emoji);
        let known =
            known.and_then(|reaction| reaction.users.iter().find(|one| one.0 == user)).map(|one| one.1);
        if known.is_some_and(|known| known >= rev) || (known.is_none() && !on) {
            return false;
        }
        // Removed and reinserted at the position of its first number, because each sort adds to the
        // browser's download.
        let at = self.reactions.iter().position(|reaction| reaction.emoji == emoji);
        let none = || Reaction { emoji: emoji.to_owned(), users: Vec::new() };
        let mut changed = at.map_or_else(none, |at| self.reactions.remove(at));
        changed.users.retain(|one| one.0 != user);
        if on {
            let at = changed.users.partition_point(|one| one.1 < rev);
            changed.users.insert(at, UserReaction(user, rev));
        }
        if let Some(first) = changed.users.first().map(|one| one.1) {
            let is_before = |reaction: &Reaction| reaction.users.first().is_some_and(|one| one.1 < first);
            let at = self.reactions.partition_point(is_before);
            self.reactions.insert(at, changed);
        }
        true
    }

    /// The message as a room's line in the list carries it: cut to
    /// [`PREVIEW_CHARS`](crate::limits::PREVIEW_CHARS), without reactions, mentions, previews of links, what is known of its thread and of its poll,
    /// and what it forwards, except that this is its text if there is no comment.
    #[must_use]
    pub fn preview(&self) -> Self {
        let body = self.text().chars().take(crate::limits::PREVIEW_CHARS).collect();
        let poll = self.poll.as_ref().map(|_| Poll::default());
        Self {
            body,
            reactions: Vec::new(),
            mentions: Vec::new(),
            replies: None,
            forward: None,
            files: self.shown_files().first().map(File::preview).into_iter().collect(),
            previews: Vec::new(),
            poll,
            ..self.clone()
        }
    }

    /// Its text, or, if it forwards a message without a comment, the text of that one.
    #[must_use]
    pub fn text(&self) -> &str {
        let forward = self.forward.as_ref().filter(|_| self.body.is_empty());
        forward.map_or(&self.body, |forward| &forward.body)
    }

    /// Its files, or, if it forwards a message without a comment, the files of that one.
    #[must_use]
    pub fn shown_files(&self) -> &[File] {
        let forward = self.forward.as_ref().filter(|_| self.body.is_empty());
        forward.map_or(&self.files, |forward| &forward.files)
    }

    /// Whether it mentions a person, by name or as part of everyone or of one of their groups.
    #[must_use]
    pub fn mentions(&self, user: UserId, groups: &[UserId]) -> bool {
        self.mentions.iter().any(|mention| mention.1.is_none_or(|one| one == user || groups.contains(&one)))
    }
}

/// A room in a person's list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct RoomSummary {
    /// The room.
    pub room: Room,
    /// Its last number.
    pub head: Seq,
    /// The viewer's role in it.
    pub role: Role,
    /// How many members it has.
    pub members: u32,
    /// The other person of a direct room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<UserId>,
    /// The newest message, truncated: see [`Message::preview`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Message>,
    /// When the last message was sent, or the viewer joined; the list is sorted by it.
    pub active_at: Millis,
    /// The viewer's own marks.
    pub marks: Marks,
    /// The viewer marked the room unread after this number, and has not read on since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread_after: Option<Seq>,
    /// The number of that change on the viewer's line, or of the last such change: see [`Unread`](crate::Unread).
    #[serde(default, skip_serializing_if = "Seq::is_zero")]
    pub unread_rev: Seq,
    /// Other people's messages [after what the viewer has read](Self::seen) that are not deleted, counted up to
    /// [`UNREAD_MAX`](crate::limits::UNREAD_MAX).
    pub unread: u32,
    /// Those that mention the viewer, a group that they are in, or everyone; counted up to the same number.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub mentions: u32,
}

impl RoomSummary {
    /// Up to where the viewer counts messages as read: their read mark, or less while they have marked the room unread.
    #[must_use]
    pub fn seen(&self) -> Seq {
        self.unread_after.map_or(self.marks.read, |after| after.min(self.marks.read))
    }
}

/// Everything on the first screen of a room.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct RoomView {
    /// The room's entry in the list.
    pub summary: RoomSummary,
    /// The newest page, oldest first.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub more_before: bool,
    /// Up to [`MEMBERS_LISTED_MAX`](crate::limits::MEMBERS_LISTED_MAX) active members.
    pub members: Vec<Member>,
    /// Everyone's marks, in a room of at most
    /// [`MARKS_MEMBERS_MAX`](crate::limits::MARKS_MEMBERS_MAX) members.
    pub marks: Vec<Marks>,
    /// The pinned messages, the last pinned first: at most [`PINS_MAX`](crate::limits::PINS_MAX).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<Pin>,
    /// The messages that messages of the page reply to, if not on the page, truncated: see
    /// [`Message::preview`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quoted: Vec<Message>,
    /// The people that the view refers to, except those who only reacted.
    pub people: Vec<User>,
    /// The view includes all changes up to this number.
    pub through: Seq,
}

/// A channel in the list of channels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromJson)]
pub struct ChannelListing {
    /// The channel.
    pub room: Room,
    /// How many members it has.
    pub members: u32,
    /// Whether the viewer is a member.
    pub joined: bool,
}
