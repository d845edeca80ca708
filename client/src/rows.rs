//! The rows of the timeline: days, the line of unread messages, and messages in runs.
//!
//! Dates are computed here by plain arithmetic, so that the server and the browser draw exactly the
//! same text.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use protocol::{
    Command, File, InThread, LinkPreview, Mention, Message, Millis, Nonce, Poll, Reaction, RoomId, Seq, User,
    UserId, Zone, shows_nothing,
};
use uuid::Uuid;

use crate::{Client, Pending, RoomState, SendState};

/// Messages of one author within this time share one name and one picture.
const RUN_MS: i64 = 5 * 60 * 1_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1_000;

/// A calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// The year (CE).
    pub year: i32,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
}

/// Identifies a row across changes. The viewer's own message keeps its key once it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RowKey {
    /// The beginning of the room.
    Beginning,
    /// A day, counted from 1970-01-01.
    Day(i64),
    /// The line of unread messages.
    Unread,
    /// A message: the viewer's own by its nonce, others' by their id.
    Message(Uuid),
    /// Replies in a thread, by the number of the first of them.
    Replies(Seq),
}

/// A row of the timeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Unique in one timeline.
    pub key: RowKey,
    /// What it shows.
    pub kind: RowKind,
}

impl Row {
    /// Changes exactly when the row must be redrawn: a list keyed by [`Row::key`] and this replaces
    /// only the rows that changed.
    #[must_use]
    pub fn stamp(&self) -> u64 {
        let mut stamp = DefaultHasher::new();
        let message = match &self.kind {
            RowKind::Message(message) => message,
            RowKind::Replies(RepliesRow { root, authors, count, is_new, last, .. }) => {
                root.stamp(&mut stamp);
                authors.iter().for_each(|author| (&author.name, author.picture).hash(&mut stamp));
                (count, is_new, last).hash(&mut stamp);
                return stamp.finish();
            }
            RowKind::Beginning | RowKind::Day(_) | RowKind::Unread => return 0,
        };
        (&message.author.name, message.author.picture).hash(&mut stamp);
        if message.namesake {
            message.author.handle.hash(&mut stamp);
        }
        message.body.hash(&mut stamp);
        if let Some(RowForward { author, body, .. }) = &message.forward {
            (author.as_ref().map(|author| &author.name), body).hash(&mut stamp);
        }
        for RowMention { name, user, to_me } in &message.mentions {
            (name, to_me, user.as_ref().map(|user| (&user.name, &user.handle))).hash(&mut stamp);
        }
        for quote in message.quote.iter().chain(&message.in_thread) {
            quote.stamp(&mut stamp);
        }
        if let Some(RowThread { count, at, authors, is_new, told }) = &message.thread {
            (count, at, is_new, told).hash(&mut stamp);
            authors.iter().for_each(|author| (&author.name, author.picture).hash(&mut stamp));
        }
        (message.minute, message.first_of_run, message.last_own, message.seq, message.pinned, message.saved)
            .hash(&mut stamp);
        (message.edited, message.deleted, message.deleting, message.reactions.len()).hash(&mut stamp);
        if let Some(RowPoll { poll, choices, asked }) = message.poll.as_deref() {
            (&poll.counts, poll.voters, poll.closed, choices, asked).hash(&mut stamp);
        }
        message.files.hash(&mut stamp);
        message.previews.hash(&mut stamp);
        for RowReaction { emoji, users, asked } in &message.reactions {
            (emoji, asked).hash(&mut stamp);
            for user in users {
                user.0.hash(&mut stamp);
            }
        }
        let sending = message.sending.as_ref().map(|state| match state {
            SendState::Waiting => 0,
            SendState::OnItsWay => 1,
            SendState::Refused(refusal) => u16::from(refusal.code),
        });
        sending.hash(&mut stamp);
        stamp.finish()
    }
}

/// What a row shows.
#[expect(clippy::large_enum_variant, reason = "nearly every line is a message")]
#[derive(Clone, Debug, PartialEq)]
pub enum RowKind {
    /// The beginning of the room.
    Beginning,
    /// The beginning of a day.
    Day(Date),
    /// The line of unread messages.
    Unread,
    /// A message.
    Message(MessageRow),
    /// Replies in a thread, which are not shown in full.
    Replies(RepliesRow),
}

/// A run of replies in one thread that are told in one line.
#[derive(Clone, Debug, PartialEq)]
pub struct RepliesRow {
    /// The root of the thread.
    pub root: RowQuote,
    /// Who replied, each once, the last first.
    pub authors: Vec<Arc<User>>,
    /// How many replies these are.
    pub count: u32,
    /// Whether some of them are by others and follow the line of unread messages.
    pub is_new: bool,
    /// The number of the first one, …
    pub first: Seq,
    /// … and of the last one.
    pub last: Seq,
}

/// What a root shows of its thread.
#[derive(Clone, Debug, PartialEq)]
pub struct RowThread {
    /// How many replies there are.
    pub count: u32,
    /// When the last one was sent.
    pub at: Millis,
    /// Who replied last, the last first.
    pub authors: Vec<Arc<User>>,
    /// Whether there are replies by others after what the viewer had read when they entered the room.
    pub is_new: bool,
    /// The number of the last of those replies that follow the root at once: it tells of them, so no line of theirs does.
    pub told: Option<Seq>,
}

/// A message, stored or being sent.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageRow {
    /// Its author.
    pub author: Arc<User>,
    /// The text.
    pub body: Arc<str>,
    /// The people mentioned in its text. Unknown while it is being sent.
    pub mentions: Vec<RowMention>,
    /// The message that it forwards. The text is then a comment, and may be empty.
    pub forward: Option<RowForward>,
    /// The message that it replies to.
    pub quote: Option<RowQuote>,
    /// The root of its thread, if it is a reply in one that is also shown in the room.
    pub in_thread: Option<RowQuote>,
    /// The thread below it.
    pub thread: Option<RowThread>,
    /// Its author has changed the text.
    pub edited: bool,
    /// Whether it was deleted; it then has no text.
    pub deleted: bool,
    /// Whether the viewer has requested its deletion, and the server has not answered yet.
    pub deleting: bool,
    /// Whether it is pinned to the room.
    pub pinned: bool,
    /// Whether the viewer saved it for later.
    pub saved: bool,
    /// The reactions to it, including the viewer's pending changes.
    pub reactions: Vec<RowReaction>,
    /// The poll below its text, including the viewer's pending vote.
    pub poll: Option<Box<RowPoll>>,
    /// Its files.
    pub files: Vec<File>,
    /// What its links lead to.
    pub previews: Vec<LinkPreview>,
    /// Its time.
    pub at: Millis,
    /// Its time, in minutes since midnight in the viewer's time zone.
    pub minute: u16,
    /// Whether it begins a run: shows the picture, the name and the time.
    pub first_of_run: bool,
    /// Whether another author here has the same name, so that the handle must be shown.
    pub namesake: bool,
    /// Whether the viewer wrote it.
    pub own: bool,
    /// Whether it is the viewer's last stored message, which shows its tick.
    pub last_own: bool,
    /// Its number, once stored.
    pub seq: Option<Seq>,
    /// Its nonce, by which it can be retried or taken back.
    pub nonce: Nonce,
    /// `None` once stored.
    pub sending: Option<SendState>,
}

/// A name in a text, and whom it refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct RowMention {
    /// The name in lower case.
    pub name: String,
    /// A person or a group; `None`: everyone in the room.
    pub user: Option<Arc<User>>,
    /// Whether it is meant for the viewer: by name, as part of a group, or of everyone.
    pub to_me: bool,
}

/// A message from another place.
#[derive(Clone, Debug, PartialEq)]
pub struct RowForward {
    /// Where it was.
    pub room: RoomId,
    /// Its number there.
    pub seq: Seq,
    /// Who wrote it, if that is known here.
    pub author: Option<Arc<User>>,
    /// Its text, as it was when it was forwarded; empty if this client does not have it yet.
    pub body: Arc<str>,
    /// Its files.
    pub files: Vec<File>,
}

/// The message that another one replies to.
#[derive(Clone, Debug, PartialEq)]
pub struct RowQuote {
    /// Its number.
    pub seq: Seq,
    /// Its author; `None` while the message is unknown.
    pub author: Option<Arc<User>>,
    /// Its current text, possibly truncated.
    pub body: Arc<str>,
    /// Whether it has been deleted.
    pub deleted: bool,
}

impl RowQuote {
    fn stamp(&self, stamp: &mut DefaultHasher) {
        let Self { seq, author, body, deleted } = self;
        (seq, author.as_ref().map(|author| &author.name), body, deleted).hash(stamp);
    }

    fn of(client: &Client, state: &RoomState, seq: Seq) -> Self {
        match state.quote(seq) {
            Some(message) => Self {
                seq,
                author: Some(author(client, message.author)),
                body: shown_text(message).into(),
                deleted: message.deleted,
            },
            None => Self { seq, author: None, body: "".into(), deleted: false },
        }
    }
}

/// A message in one line, where neither its poll nor its files are shown: a sign stands for them, and without a text the name of the
/// first file.
#[must_use]
pub fn shown_text(message: &Message) -> String {
    let (sign, name) = match (&message.poll, message.shown_files().first()) {
        (Some(_), _) => ("📊 ", ""),
        (None, Some(file)) if file.is_picture() => ("🖼️ ", file.name.as_str()),
        (None, Some(file)) => ("📎 ", file.name.as_str()),
        (None, None) => ("", ""),
    };
    let text = message.text();
    format!("{sign}{}", if text.is_empty() { name } else { text })
}

/// A poll.
#[derive(Clone, Debug, PartialEq)]
pub struct RowPoll {
    /// Its options and counts, including the viewer's pending vote.
    pub poll: Poll,
    /// The viewer's own choices, including a pending vote.
    pub choices: Vec<u8>,
    /// Whether the server has not yet answered the viewer's vote, or that they close it.
    pub asked: bool,
}

impl RowPoll {
    fn of(poll: &Poll) -> Box<Self> {
        let choices = poll.vote.as_ref().map(|vote| vote.choices.clone()).unwrap_or_default();
        Box::new(Self { poll: poll.clone(), choices, asked: false })
    }
}

/// The reactions with one emoji.
#[derive(Clone, Debug, PartialEq)]
pub struct RowReaction {
    /// The emoji.
    pub emoji: String,
    /// The people, including the viewer's pending change.
    pub users: Vec<UserId>,
    /// Whether the server has not yet answered the viewer's change.
    pub asked: bool,
}

impl RowReaction {
    fn stored(reaction: &Reaction) -> Self {
        let users = reaction.users.iter().map(|user| user.0).collect();
        Self { emoji: reaction.emoji.clone(), users, asked: false }
    }
}

impl MessageRow {
    /// Shows the viewer's requested change before the server has answered.
    fn wish(&mut self, wish: &Command, me: UserId) {
        if let Command::React { seq, emoji, on, .. } = wish
            && Some(*seq) == self.seq
            && !self.deleted
        {
            self.react(emoji, me, *on);
        } else if let Command::Delete { seq, .. } = wish {
            self.deleting |= Some(*seq) == self.seq && !self.deleted;
        } else if let Command::Vote { seq, choices, .. } = wish
            && Some(*seq) == self.seq
            && let Some(shown) = &mut self.poll
        {
            shown.asked = true;
            let shown = &mut **shown;
            shown.poll.recount(&shown.choices, choices);
            shown.choices.clone_from(choices);
        } else if let Command::ClosePoll { seq, .. } = wish
            && Some(*seq) == self.seq
            && let Some(shown) = &mut self.poll
        {
            (shown.asked, shown.poll.closed) = (true, true);
        }
    }

    /// Predicts the server's result. Someone who has already reacted keeps their position.
    fn react(&mut self, emoji: &str, me: UserId, on: bool) {
        let index = self.reactions.iter().position(|known| known.emoji == emoji);
        let index = index.unwrap_or_else(|| {
            self.reactions.push(RowReaction { emoji: emoji.to_owned(), users: Vec::new(), asked: false });
            self.reactions.len() - 1
        });
        let RowReaction { users, asked, .. } = &mut self.reactions[index];
        *asked = true;
        if !on {
            users.retain(|user| *user != me);
        } else if !users.contains(&me) {
            users.push(me);
        }
        self.reactions.retain(|known| !known.users.is_empty());
    }
}

/// The rows of a room, oldest first, in a time zone.
#[must_use]
pub fn rows(client: &Client, room: RoomId, zone: Zone) -> Vec<Row> {
    let Some(state) = client.room(room) else { return Vec::new() };
    let Some(timeline) = &state.timeline else { return Vec::new() };
    let me = state.summary.marks.user;
    let namesakes = namesakes(client, timeline.messages());
    let mut drawn = Drawn::new(zone);
    if !timeline.more_before() {
        drawn.push(RowKey::Beginning, RowKind::Beginning);
    }
    // Not drawn if it is above the window, because the first message of the window is not the first
    // unread one.
    let mut unread_after = state.unread_after.filter(|_| state.unread_above().is_none());
    let mut is_new = state.unread_above().is_some();
    for message in timeline.messages() {
        drawn.day(message.sent_at);
        if message.author != me && unread_after.is_some_and(|after| message.seq > after) {
            (unread_after, is_new) = (None, true);
            drawn.break_run();
            drawn.push(RowKey::Unread, RowKind::Unread);
        }
        if let Some(InThread(root, _)) = message.thread.filter(|_| !message.in_room) {
            let author = author(client, message.author);
            let is_new = is_new && message.author != me;
            drawn.reply(root, message.seq, author, is_new, || RowQuote::of(client, state, root));
            continue;
        }
        let mut row = shown(client, state, message, &namesakes);
        row.in_thread = message.thread.map(|thread| RowQuote::of(client, state, thread.0));
        drawn.message(row);
    }
    drawn.mark_last_own();
    if !timeline.more_after() {
        let is_here = |item: &Pending| item.thread.is_none() || item.in_room || is_refused(item);
        let stored = |nonce| timeline.messages().rev().any(|m| m.author == me && m.nonce == nonce);
        for item in client.outbox().in_room(room).filter(|item| is_here(item) && !stored(item.nonce)) {
            let in_thread = item.thread.map(|root| RowQuote::of(client, state, root));
            drawn.pending(client, state, item, in_thread);
        }
    }
    drawn.rows
}

/// The rows of the thread that is open beside a room: its root, once it has been fetched, and the replies, oldest first.
#[must_use]
pub fn thread_rows(client: &Client, room: RoomId, zone: Zone) -> (Option<Row>, Vec<Row>) {
    let Some(state) = client.room(room) else { return (None, Vec::new()) };
    let Some(thread) = &state.thread else { return (None, Vec::new()) };
    let me = state.summary.marks.user;
    let namesakes = namesakes(client, thread.root_message().into_iter().chain(thread.replies()));
    let root = thread.root_message().and_then(|root| {
        let mut drawn = Drawn::new(zone);
        let row = shown(client, state, root, &namesakes);
        drawn.message(MessageRow { thread: None, ..row });
        drawn.rows.pop()
    });
    let mut drawn = Drawn::new(zone);
    // If older replies are still to be fetched, the first unread one may be among them.
    let after = state.unread_after;
    let is_read = |message: &Arc<Message>| after.is_none_or(|after| message.seq <= after);
    let mut unread_after =
        after.filter(|_| !thread.more_before() || thread.replies().next().is_some_and(is_read));
    for message in thread.replies() {
        drawn.day(message.sent_at);
        if message.author != me && unread_after.is_some_and(|after| message.seq > after) {
            unread_after = None;
            drawn.break_run();
            drawn.push(RowKey::Unread, RowKind::Unread);
        }
        drawn.message(shown(client, state, message, &namesakes));
    }
    drawn.mark_last_own();
    let stored = |nonce| thread.replies().rev().any(|m| m.author == me && m.nonce == nonce);
    for item in client.outbox().in_room(room) {
        let is_at_end = thread.is_loaded() && !thread.more_after();
        if item.thread == Some(thread.root()) && is_at_end && !stored(item.nonce) {
            drawn.pending(client, state, item, None);
        }
    }
    (root, drawn.rows)
}

fn is_refused(item: &Pending) -> bool {
    matches!(item.state, SendState::Refused(_))
}

/// A stored message as the viewer sees it.
fn shown(client: &Client, state: &RoomState, message: &Message, namesakes: &[UserId]) -> MessageRow {
    let (room, me) = (state.summary.room.id, state.summary.marks.user);
    let mut row = stored(client, message, me == message.author);
    row.pinned = state.is_pinned(message.seq);
    row.quote = message.reply_to.map(|seq| RowQuote::of(client, state, seq));
    row.thread = message.replies.as_ref().map(|replies| RowThread {
        count: replies.count,
        at: replies.at,
        authors: replies.authors.iter().map(|one| author(client, one.0)).collect(),
        is_new: state.unread_after.is_some_and(|after| replies.last_by_others(me) > Some(after)),
        told: None,
    });
    row.saved = client.personal().saved_message(room, message.seq).is_some();
    row.namesake = namesakes.contains(&message.author);
    if let Some(before) = state.before_vote(message.seq).filter(|_| row.poll.is_some()) {
        row.poll = Some(RowPoll::of(before));
    }
    for wish in client.wished(room) {
        row.wish(wish, me);
    }
    row
}

/// The authors in the window whose name another one has as well, but for case, spaces and what shows nothing.
fn namesakes<'a>(client: &Client, messages: impl Iterator<Item = &'a Arc<Message>>) -> Vec<UserId> {
    // There are few authors in a window: a map would be slower, and larger to download.
    let mut authors = Vec::<(UserId, u64)>::new();
    for author in messages.map(|message| message.author) {
        if authors.iter().all(|(known, _)| *known != author)
            && let Some(user) = client.people().get(author)
        {
            let mut name = DefaultHasher::new();
            let shown = user.name.chars().filter(|c| !c.is_whitespace() && !shows_nothing(*c));
            for letter in shown.flat_map(char::to_lowercase) {
                letter.hash(&mut name);
            }
            authors.push((author, name.finish()));
        }
    }
    let has_namesake =
        |(id, name): &(UserId, u64)| authors.iter().any(|(other, its)| other != id && its == name);
    authors.iter().filter(|author| has_namesake(author)).map(|(id, _)| *id).collect()
}

fn stored(client: &Client, message: &Message, own: bool) -> MessageRow {
    MessageRow {
        author: author(client, message.author),
        body: message.body.as_str().into(),
        mentions: message.mentions.iter().map(|mention| of_mention(client, mention)).collect(),
        forward: message.forward.as_ref().map(|forward| RowForward {
            room: forward.room,
            seq: forward.seq,
            author: forward.author.map(|user| author(client, user)),
            body: forward.body.as_str().into(),
            files: forward.files.clone(),
        }),
        quote: None,
        in_thread: None,
        thread: None,
        edited: message.edits > 0,
        deleted: message.deleted,
        deleting: false,
        pinned: false,
        saved: false,
        reactions: message.reactions.iter().map(RowReaction::stored).collect(),
        poll: message.poll.as_ref().map(RowPoll::of),
        files: message.files.clone(),
        previews: message.previews.clone(),
        at: message.sent_at,
        minute: 0,
        first_of_run: false,
        namesake: false,
        own,
        last_own: false,
        seq: Some(message.seq),
        nonce: if own { message.nonce } else { Nonce(message.id.0) },
        sending: None,
    }
}

fn of_mention(client: &Client, mention: &Mention) -> RowMention {
    RowMention {
        name: mention.0.clone(),
        user: mention.1.map(|user| author(client, user)),
        to_me: mention.1.is_none_or(|user| client.is_meant(user)),
    }
}

/// A person's profile; without a name while it is unknown.
fn author(client: &Client, id: UserId) -> Arc<User> {
    let unknown = || Arc::new(User::unknown(id));
    client.people().get(id).cloned().unwrap_or_else(unknown)
}

struct Drawn {
    rows: Vec<Row>,
    day: Option<i64>,
    last: Option<(protocol::UserId, Millis)>,
    /// Where the last run of lines about threads begins.
    run: usize,
    zone: Zone,
}

impl Drawn {
    fn new(zone: Zone) -> Self {
        Self { rows: Vec::new(), day: None, last: None, run: 0, zone }
    }

    /// What follows begins a new run.
    fn break_run(&mut self) {
        self.last = None;
        self.run = self.rows.len() + 1;
    }

    /// Tells of a reply in a thread. The replies between two messages share one line for each thread.
    fn reply(
        &mut self,
        root: Seq,
        seq: Seq,
        author: Arc<User>,
        is_new: bool,
        quote: impl FnOnce() -> RowQuote,
    ) {
        self.last = None;
        // The root itself stands right above.
        let above = self.run.checked_sub(1).and_then(|above| self.rows.get_mut(above));
        if let Some(RowKind::Message(MessageRow { thread: Some(thread), seq: Some(of), .. })) =
            above.map(|row| &mut row.kind)
            && *of == root
        {
            thread.told = Some(seq);
            return;
        }
        let run = self.rows.get_mut(self.run..).unwrap_or_default().iter_mut();
        let mut lines =
            run.filter_map(|row| if let RowKind::Replies(line) = &mut row.kind { Some(line) } else { None });
        match lines.find(|line| line.root.seq == root) {
            Some(line) => {
                line.authors.retain(|known| known.id != author.id);
                line.authors.insert(0, author);
                line.count += 1;
                line.is_new |= is_new;
                line.last = seq;
            }
            None => {
                let authors = vec![author];
                let line = RepliesRow { root: quote(), authors, count: 1, is_new, first: seq, last: seq };
                self.push(RowKey::Replies(seq), RowKind::Replies(line));
            }
        }
    }

    /// The viewer's last stored message shows its tick.
    fn mark_last_own(&mut self) {
        for row in self.rows.iter_mut().rev() {
            if let RowKind::Message(message) = &mut row.kind
                && message.own
            {
                message.last_own = true;
                return;
            }
        }
    }

    /// A message on its way.
    fn pending(&mut self, client: &Client, state: &RoomState, item: &Pending, in_thread: Option<RowQuote>) {
        let Some(me) = client.me() else { return };
        self.day(item.written_at);
        self.message(MessageRow {
            author: author(client, me.id),
            body: item.body.trim_end().into(),
            mentions: Vec::new(),
            forward: item.forward.map(|(room, seq)| {
                let copied = client.room(room).and_then(|state| state.shown(seq));
                let body = copied.map_or("", Message::text).into();
                let files = copied.map(|message| message.shown_files().to_vec()).unwrap_or_default();
                RowForward { room, seq, author: None, body, files }
            }),
            quote: item.reply_to.map(|seq| RowQuote::of(client, state, seq)),
            in_thread,
            thread: None,
            edited: false,
            deleted: false,
            deleting: false,
            pinned: false,
            saved: false,
            reactions: Vec::new(),
            poll: item.poll.clone().map(|poll| RowPoll::of(&poll.into())),
            files: item.files.clone(),
            previews: Vec::new(),
            at: item.written_at,
            minute: 0,
            first_of_run: false,
            namesake: false,
            own: true,
            last_own: false,
            seq: None,
            nonce: item.nonce,
            sending: Some(item.state.clone()),
        });
    }

    fn push(&mut self, key: RowKey, kind: RowKind) {
        self.rows.push(Row { key, kind });
    }

    /// Adds the day's row when a new day begins. Clocks differ between servers, but a day never
    /// begins twice.
    fn day(&mut self, at: Millis) {
        let day = day_number(at, self.zone);
        if self.day.is_none_or(|shown| day > shown) {
            self.day = Some(day);
            self.break_run();
            self.push(RowKey::Day(day), RowKind::Day(date_from_days(day)));
        }
    }

    fn message(&mut self, mut message: MessageRow) {
        let run = self
            .last
            .is_some_and(|(author, at)| author == message.author.id && (message.at - at).abs() < RUN_MS);
        message.first_of_run = !run;
        message.minute = minute_of_day(message.at, self.zone);
        let since = if run { self.last.map_or(message.at, |(_, at)| at) } else { message.at };
        self.last = Some((message.author.id, since));
        self.push(RowKey::Message(message.nonce.0), RowKind::Message(message));
        self.run = self.rows.len();
    }
}

fn local(at: Millis, zone: Zone) -> Millis {
    at + i64::from(zone.offset_minutes(at)) * 60_000
}

/// A time in ISO 8601: `2026-11-24T04:30:00Z`.
#[must_use]
pub fn iso_of(at: Millis) -> String {
    let utc = Zone::default();
    let (date, minute) = (date_of(at, utc), minute_of_day(at, utc));
    let second = at.rem_euclid(60_000) / 1_000;
    let Date { year, month, day } = date;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{second:02}Z", minute / 60, minute % 60)
}

/// The number of the day of a time in a time zone: 0 for 1 January 1970.
#[must_use]
pub fn day_number(at: Millis, zone: Zone) -> i64 {
    local(at, zone).div_euclid(DAY_MS)
}

/// The date of a time.
#[must_use]
pub fn date_of(at: Millis, zone: Zone) -> Date {
    date_from_days(day_number(at, zone))
}

/// The day before.
#[must_use]
pub fn day_before(date: Date) -> Date {
    date_from_days(days_from_date(date) - 1)
}

/// Minutes since midnight.
#[must_use]
pub fn minute_of_day(at: Millis, zone: Zone) -> u16 {
    u16::try_from(local(at, zone).rem_euclid(DAY_MS) / 60_000).unwrap_or_default()
}

/// 0 for Sunday to 6 for Saturday.
#[must_use]
pub fn weekday_of(date: Date) -> u8 {
    u8::try_from((days_from_date(date) + 4).rem_euclid(7)).unwrap_or_default()
}

/// Civil date from days since 1970-01-01. Hinnant, «chrono-Compatible Low-Level Date Algorithms».
fn date_from_days(days: i64) -> Date {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = (doy - (153 * mp + 2) / 5 + 1) as u8;
    let month = if mp < 10 { mp + 3 } else { mp - 9 } as u8;
    let year = (yoe + era * 400 + i64::from(month <= 2)) as i32;
    Date { year, month, day }
}

/// The inverse.
fn days_from_date(date: Date) -> i64 {
    let y = i64::from(date.year) - i64::from(date.month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let m = i64::from(date.month);
    let doy = (153 * (if m > 2 { m - 3 } else { m + 9 }) + 2) / 5 + i64::from(date.day) - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_go_there_and_back() {
        for (days, date) in
            [(0, (1970, 1, 1)), (19_782, (2024, 2, 29)), (20_781, (2026, 11, 24)), (-1, (1969, 12, 31))]
        {
            let found = date_from_days(days);
            assert_eq!((found.year, found.month, found.day), date);
            assert_eq!(days_from_date(found), days);
        }
        assert_eq!(weekday_of(date_from_days(20_781)), 2, "a Tuesday");
        assert_eq!(iso_of(1_795_494_607_999), "2026-11-24T04:30:07Z");
    }

    #[test]
    fn the_day_is_the_lookers() {
        let late_in_greenwich = 23 * 3_600_000;
        assert_eq!(date_of(late_in_greenwich, Zone::fixed(8 * 60)).day, 2);
        assert_eq!(minute_of_day(late_in_greenwich, Zone::fixed(8 * 60)), 7 * 60);
        assert_eq!(date_of(0, Zone::fixed(-60)), Date { year: 1969, month: 12, day: 31 });
    }
}
