//! Messages: stored once, read in pages.

use std::collections::{HashMap, HashSet};

use protocol::{
    Attached, Direction, ErrorCode, File, Following, Forward, InThread, Line, LinkPreview, Mention, Message,
    MessageId, Millis, Nonce, Placement, Poll, Reaction, Role, Room, RoomId, RoomKind, Seq, ThreadAuthor,
    User, UserId, WorkspaceRole, limits, rights,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Error, Store, files,
    lines::{ItemKind, take},
    mentions::{self, Mentioned, Mentioning},
    previews,
    rooms::{Locked, kind_of, lock_room, role_of, room_of},
    threads::{self, NewReply, Threads},
    users::workspace_role_of,
    versions,
};

/// A message to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// The room.
    pub room: RoomId,
    /// Its author.
    pub author: User,
    /// The nonce chosen by the browser.
    pub nonce: Nonce,
    /// The validated text.
    pub body: String,
    /// The names that its text mentions, in lower case, without duplicates.
    pub names: Vec<String>,
    /// What it replies to, and in which thread it is.
    pub placement: Placement,
    /// Its validated poll and files.
    pub attached: Attached,
    /// Whether its links are to be looked up.
    pub links: bool,
}

/// The result of a send.
#[derive(Clone, Debug, PartialEq)]
pub enum Inserted {
    /// It is now stored.
    New(Message),
    /// It was stored before, by a send with the same nonce: this is that message.
    Known(Message),
    /// The author is not in the room.
    NotAMember,
    /// The author may not post there.
    Refused(ErrorCode),
}

/// What became of several sends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// Of each of them, in their order.
    pub inserted: Vec<Inserted>,
    /// Who follows which thread from now on, because of them.
    pub followed: Vec<(UserId, Following)>,
    /// Whether links are to be looked up.
    pub links: bool,
}

/// The messages around a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Around {
    /// Oldest first.
    pub messages: Vec<Message>,
    /// Whether there are older ones.
    pub more_before: bool,
    /// Whether there are newer ones.
    pub more_after: bool,
}

/// The columns of a message. All messages are read by [`select_messages`].
pub(super) struct MessageRow {
    pub(super) room_id: Uuid,
    pub(super) id: Uuid,
    pub(super) seq: i64,
    pub(super) rev_seq: i64,
    pub(super) author_id: Uuid,
    pub(super) nonce: Uuid,
    pub(super) body: String,
    pub(super) sent_at: i64,
    pub(super) edits: i32,
    pub(super) deleted: bool,
    pub(super) reactions: Json<Vec<Reaction>>,
    pub(super) mentions: Json<Vec<Mention>>,
    pub(super) reply_to: Option<i64>,
    pub(super) thread_root: Option<i64>,
    pub(super) thread_nth: Option<i32>,
    pub(super) in_room: bool,
    pub(super) forward: Option<Json<Box<Forward>>>,
    pub(super) replies: Option<i32>,
    pub(super) last_seq: Option<i64>,
    pub(super) last_at: Option<Millis>,
    pub(super) authors: Option<Json<Vec<ThreadAuthor>>>,
    pub(super) poll: Option<Json<Poll>>,
    pub(super) files: Option<Json<Vec<File>>>,
    pub(super) previews: Option<Json<Vec<LinkPreview>>>,
}

/// The one list of columns: `select_messages!("where …", arguments …)`, of `messages m` with their `threads t`.
macro_rules! select_messages {
    ($rest:tt $(, $argument:expr)* $(,)?) => {
        sqlx::query_as!(
            super::messages::MessageRow,
            r#"select m.room_id, m.id, m.seq, m.rev_seq, m.author_id, m.nonce, m.body,
                (extract(epoch from m.sent_at) * 1000)::bigint as "sent_at!", m.edits,
                m.deleted_at is not null as "deleted!", m.reactions as "reactions: Json<Vec<protocol::Reaction>>",
                m.mentions as "mentions: Json<Vec<protocol::Mention>>", m.reply_to,
                m.thread_root, m.thread_nth, m.in_room, m.forward as "forward: Json<Box<protocol::Forward>>",
                t.replies as "replies?", t.last_seq as "last_seq?",
                (extract(epoch from t.last_at) * 1000)::bigint as "last_at?",
                t.authors as "authors?: Json<Vec<protocol::ThreadAuthor>>",
                m.poll as "poll: Json<protocol::Poll>", m.files as "files: Json<Vec<protocol::File>>",
                m.previews as "previews: Json<Vec<protocol::LinkPreview>>"
               from messages m left join threads t on t.room_id = m.room_id and t.root = m.seq "# + $rest
            $(, $argument)*
        )
    };
}
pub(super) use select_messages;

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: MessageId(row.id),
            seq: Seq(row.seq),
            rev: Seq(row.rev_seq),
            author: UserId(row.author_id),
            nonce: Nonce(row.nonce),
            body: row.body,
            sent_at: row.sent_at,
            edits: u32::try_from(row.edits).unwrap_or_default(),
            deleted: row.deleted,
            reactions: row.reactions.0,
            mentions: row.mentions.0,
            reply_to: row.reply_to.map(Seq),
            thread: in_thread(row.thread_root, row.thread_nth),
            in_room: row.in_room,
            replies: threads::replies_of(row.replies, row.last_seq, row.last_at, row.authors),
            poll: row.poll.map(|poll| poll.0),
            forward: row.forward.map(|forward| forward.0),
            files: row.files.map(|files| files.0).unwrap_or_default(),
            previews: row.previews.map(|previews| previews.0).unwrap_or_default(),
        }
    }
}

/// A place in a thread, of the two columns that tell it.
pub(super) fn in_thread(root: Option<i64>, nth: Option<i32>) -> Option<InThread> {
    Some(InThread(Seq(root?), u32::try_from(nth?).unwrap_or_default()))
}

impl Store {
    /// Stores messages, in their order, in one transaction: takes the rooms' next numbers under their locks. A
    /// nonce that is known, from the database or from earlier in the list, takes no number, because an unused
    /// number would be a hole for ever. Answers in the order of the list, and with who follows which thread from now on.
    ///
    /// # Errors
    /// When the database fails. Then nothing was stored.
    pub async fn insert_messages(&self, new: &[NewMessage]) -> Result<Stored, Error> {
        let mut rooms: Vec<Uuid> = new.iter().map(|item| item.room.0).collect();
        rooms.sort_unstable();
        rooms.dedup();
        let mut tx = self.pool().begin().await?;
        // All transactions lock in the same order, to avoid deadlocks. Only rooms, because a client
        // may name any id, and a person's line is locked after all rooms (the law in `lines.rs`).
        let locked = sqlx::query!(
            "select id, head, messages, restricted from lines where id = any($1) and kind = 'room'
             order by id for no key update",
            &rooms
        )
        .fetch_all(&mut *tx)
        .await?;
        let restricted: Vec<Uuid> = locked.iter().filter(|row| row.restricted).map(|row| row.id).collect();
        let head = |head, messages| RoomHead { head, messages };
        let mut heads: HashMap<Uuid, RoomHead> =
            locked.into_iter().map(|row| (row.id, head(row.head, row.messages))).collect();
        let mut found = find_sent(&mut tx, new).await?;
        if !restricted.is_empty() {
            refuse_posts(&mut tx, new, &restricted, &mut found).await?;
        }
        if new.iter().any(|item| item.placement.reply_to.is_some()) {
            refuse_replies(&mut tx, new, &mut found).await?;
        }
        if new.iter().any(|item| item.placement.forward.is_some()) {
            find_forwarded(&mut tx, new, &mut found).await?;
        }
        if new.iter().any(|item| !item.attached.files.is_empty()) {
            files::find(
                &mut tx,
                new.iter().map(|item| (item.author.id, &*item.attached.files)),
                |place, files| {
                    let Some(found) = found.get_mut(place) else { return };
                    match files {
                        Some(files) => found.files = files,
                        None => found.refused = found.refused.or(Some(ErrorCode::FileUnknown)),
                    }
                },
            )
            .await?;
        }
        let mut threads = Threads::find(&mut tx, new).await?;
        for (item, found) in new.iter().zip(&mut found) {
            if item.placement.thread.is_some_and(|root| !threads.has_root(item.room, root)) {
                found.refused = found.refused.or(Some(ErrorCode::MessageUnknown));
            }
        }
        if new.iter().any(|item| !item.names.is_empty()) {
            let asked: Vec<Mentioning<'_>> = new.iter().map(NewMessage::mentioning).collect();
            for (found, who) in found.iter_mut().zip(mentions::find(&mut tx, &asked).await?) {
                found.mentioned = who;
            }
        }
        let decisions = number(new, found, &mut heads, &mut threads);
        let sent_at = write_sent(&mut tx, new, &decisions, &heads).await?;
        files::attach(&mut tx, decisions.iter().zip(new).filter_map(shows_files)).await?;
        mentions::write(&mut tx, &decisions.iter().zip(new).filter_map(mentioned_by).collect::<Vec<_>>())
            .await?;
        let links = previews::plan(&mut tx, decisions.iter().zip(new).filter_map(looked_up)).await?;
        let replies: Vec<NewReply<'_>> = decisions.iter().zip(new).filter_map(new_reply).collect();
        let followed = if replies.is_empty() {
            Vec::new()
        } else {
            threads.write(&mut tx).await?;
            threads.follow(&mut tx, &replies).await?
        };
        tx.commit().await?;
        let inserted =
            decisions.into_iter().zip(new).map(|(decision, item)| decision.into_inserted(item, sent_at));
        Ok(Stored { inserted: inserted.collect(), followed, links })
    }

    /// Changes a message as `decide` says from the state under the lock; `None` means no change,
    /// and takes no number. Its text then mentions `names`; its earlier text is kept (`versions.rs`),
    /// unless it is deleted. Its links are looked up if `links`. Returns the current message, and whether it changed.
    ///
    /// # Errors
    /// Those of `decide`; [`Error::NoSuchRoom`] for someone who is not in the room,
    /// [`Error::NoSuchMessage`]; or when the database fails. Then nothing was changed.
    pub async fn change_message<E: From<Error>>(
        &self,
        by: UserId,
        (room, seq): (RoomId, Seq),
        (names, links): (&[String], bool),
        decide: impl FnOnce(&Locked, &Message) -> Result<Option<Message>, E>,
    ) -> Result<(Message, bool), E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let (locked, message) = lock_message(&mut tx, by, room, seq).await?;
        let Some(mut changed) = decide(&locked, &message)? else { return Ok((message, false)) };
        if changed.body != message.body && !changed.deleted {
            versions::keep(&mut tx, room, &message).await?;
        }
        changed.mentions = mentions::replace(&mut tx, room, &message, names).await?;
        let rev = take(&mut tx, Line::Room(room), ItemKind::Message, &seq.to_string()).await?;
        write_change(&mut tx, room, &changed, rev).await?;
        if changed.previews != message.previews {
            previews::show_pictures(&mut tx, room, &changed).await?;
        }
        if links {
            previews::plan(&mut tx, [(room, &changed)].into_iter()).await?;
        }
        tx.commit().await.map_err(Error::from)?;
        Ok((Message { rev, ..changed }, true))
    }

    /// Adds or removes someone's reaction, if `decide` agrees under the lock. Returns the number of
    /// the change, and whether there was one; if not, the number is an earlier one.
    ///
    /// # Errors
    /// As for [`Store::change_message`].
    pub async fn react<E: From<Error>>(
        &self,
        by: UserId,
        (room, seq): (RoomId, Seq),
        (emoji, on): (&str, bool),
        decide: impl FnOnce(&Locked, &Message) -> Result<(), E>,
    ) -> Result<(Seq, bool), E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let (locked, mut message) = lock_message(&mut tx, by, room, seq).await?;
        let of_emoji = message.reactions.iter().find(|reaction| reaction.emoji == emoji);
        let known =
            of_emoji.and_then(|reaction| reaction.users.iter().find(|one| one.0 == by)).map(|one| one.1);
        if known.is_some() == on {
            return Ok((known.unwrap_or(locked.head), false));
        }
        decide(&locked, &message)?;
        let rev = take(&mut tx, Line::Room(room), ItemKind::Reaction, &reaction_key(seq, by, emoji)).await?;
        message.react(emoji, by, on, rev);
        sqlx::query!(
            "update messages set reactions = $3 where room_id = $1 and seq = $2",
            room.0,
            seq.0,
            Json(&message.reactions) as _
        )
        .execute(&mut *tx)
        .await
        .map_err(Error::from)?;
        tx.commit().await.map_err(Error::from)?;
        Ok((rev, true))
    }

    /// Half a page of messages before a number, and as many from it on, in one round trip.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn messages_around(&self, room: RoomId, seq: Seq) -> Result<Around, Error> {
        const HALF: usize = limits::PAGE_MESSAGES / 2;
        // One more on each side shows whether there are more.
        let rows = select_messages!(
            "where m.room_id = $1 and m.seq in (
                (select seq from messages where room_id = $1 and seq < $2 order by seq desc limit $3)
                union all
                (select seq from messages where room_id = $1 and seq >= $2 order by seq limit $3))
             order by m.seq",
            room.0,
            seq.0,
            HALF as i64 + 1
        )
        .fetch_all(&self.pool())
        .await?;
        let mut messages: Vec<Message> = rows.into_iter().map(Message::from).collect();
        let older = messages.partition_point(|message| message.seq < seq);
        let (more_before, more_after) = (older > HALF, messages.len() - older > HALF);
        messages.truncate(older + HALF);
        messages.drain(..older.saturating_sub(HALF));
        Ok(Around { messages, more_before, more_after })
    }

    /// These messages of a room; those that do not exist are left out.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn messages_of(&self, room: RoomId, seqs: &[Seq]) -> Result<Vec<Message>, Error> {
        let seqs: Vec<i64> = seqs.iter().map(|seq| seq.0).collect();
        let rows = select_messages!("where m.room_id = $1 and m.seq = any($2) order by m.seq", room.0, &seqs)
            .fetch_all(&self.pool())
            .await?;
        Ok(rows.into_iter().map(Message::from).collect())
    }

    /// A page of messages beside `seq`, oldest first, and whether there are more in that direction.
    /// `through` is an upper bound, so that a page is consistent with a number that was read before
    /// it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_messages(
        &self,
        room: RoomId,
        direction: Direction,
        seq: Seq,
        through: Seq,
    ) -> Result<(Vec<Message>, bool), Error> {
        let limit = limits::PAGE_MESSAGES + 1;
        let (after, before) = match direction {
            Direction::Before => (Seq::ZERO, seq),
            Direction::After => (seq, Seq(i64::MAX)),
        };
        let (room, limit_rows) = (room.0, limit as i64);
        let rows = match direction {
            Direction::Before => {
                select_messages!(
                    "where m.room_id = $1 and m.seq < $2 and m.seq <= $3 order by m.seq desc limit $4",
                    room,
                    before.0,
                    through.0,
                    limit_rows
                )
                .fetch_all(&self.pool())
                .await?
            }
            Direction::After => {
                select_messages!(
                    "where m.room_id = $1 and m.seq > $2 and m.seq <= $3 order by m.seq limit $4",
                    room,
                    after.0,
                    through.0,
                    limit_rows
                )
                .fetch_all(&self.pool())
                .await?
            }
        };
        let more = rows.len() == limit;
        let mut page: Vec<Message> =
            rows.into_iter().take(limits::PAGE_MESSAGES).map(Message::from).collect();
        if direction == Direction::Before {
            page.reverse();
        }
        Ok((page, more))
    }
}

/// Takes the room's lock and finds a message, for a member of the room.
pub(super) async fn lock_message<E: From<Error>>(
    tx: &mut sqlx::PgTransaction<'_>,
    by: UserId,
    room: RoomId,
    seq: Seq,
) -> Result<(Locked, Message), E> {
    let locked = lock_room(tx, room, by).await?;
    if locked.role.is_none() {
        return Err(Error::NoSuchRoom.into());
    }
    let message = select_messages!("where m.room_id = $1 and m.seq = $2", room.0, seq.0)
        .fetch_optional(&mut **tx)
        .await
        .map_err(Error::from)?;
    Ok((locked, message.ok_or(Error::NoSuchMessage)?.into()))
}

/// The key of a reaction: see [`ItemKind::Reaction`].
pub(super) fn reaction_key(message: Seq, user: UserId, emoji: &str) -> String {
    format!("{message}/{user}/{emoji}")
}

async fn write_change(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    changed: &Message,
    rev: Seq,
) -> Result<(), Error> {
    sqlx::query!(
        "update messages set rev_seq = $3, body = $4, edits = $5, reactions = $6, mentions = $8, previews = $9,
            deleted_at = case when $7 then coalesce(deleted_at, now()) end
         where room_id = $1 and seq = $2",
        room.0,
        changed.seq.0,
        rev.0,
        changed.body,
        i32::try_from(changed.edits).unwrap_or(i32::MAX),
        Json(&changed.reactions) as _,
        changed.deleted,
        Json(&changed.mentions) as _,
        previews::stored(&changed.previews) as _
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// A room's counters, under its lock.
#[derive(Clone, Copy)]
struct RoomHead {
    head: i64,
    messages: i64,
}

/// What the database says of one send, under the lock.
struct Found {
    member: bool,
    known: Option<Message>,
    /// Why it may not be posted.
    refused: Option<ErrorCode>,
    /// Whom it mentions.
    mentioned: Vec<Mentioned>,
    /// What it forwards.
    forward: Option<Box<Forward>>,
    /// Its files.
    files: Vec<File>,
}

/// What to do with a send.
enum Decision {
    NotAMember,
    Refused(ErrorCode),
    Known(Message),
    /// The same nonce occurs earlier in the list: this is that message.
    SameAs(Message),
    /// With its ordinal, and the mentioned people who are in the room.
    New(Message, i64, Vec<Uuid>),
}

impl Decision {
    fn into_inserted(self, item: &NewMessage, sent_at: Millis) -> Inserted {
        debug_assert!(!matches!(&self, Self::New(message, ..) if message.nonce != item.nonce));
        match self {
            Self::NotAMember => Inserted::NotAMember,
            Self::Refused(code) => Inserted::Refused(code),
            Self::Known(message) => Inserted::Known(message),
            Self::SameAs(message) => Inserted::Known(Message { sent_at, ..message }),
            Self::New(message, ..) => Inserted::New(Message { sent_at, ..message }),
        }
    }
}

impl NewMessage {
    /// One that mentions nobody, is no reply, in no thread, and without a poll and files.
    #[must_use]
    pub fn plain(room: RoomId, author: User, nonce: Nonce, body: String) -> Self {
        Self {
            room,
            author,
            nonce,
            body,
            names: Vec::new(),
            placement: Placement::default(),
            attached: Attached::default(),
            links: false,
        }
    }

    fn mentioning(&self) -> Mentioning<'_> {
        let kept = mentions::Kept::default();
        Mentioning { room: self.room, author: self.author.id, names: &self.names, kept }
    }
}

fn mentioned_by((decision, item): (&Decision, &NewMessage)) -> Option<mentions::Written> {
    match decision {
        Decision::New(message, _, users) if !users.is_empty() => {
            Some((item.room, message.seq, item.author.id, users.clone()))
        }
        Decision::New(..)
        | Decision::NotAMember
        | Decision::Refused(_)
        | Decision::Known(_)
        | Decision::SameAs(_) => None,
    }
}

fn shows_files<'a>((decision, item): (&'a Decision, &NewMessage)) -> Option<(RoomId, Seq, &'a [File])> {
    match decision {
        Decision::New(message, ..) => {
            let forwarded = message.forward.as_ref().map_or(&*message.files, |forward| &*forward.files);
            (!forwarded.is_empty()).then_some((item.room, message.seq, forwarded))
        }
        Decision::NotAMember | Decision::Refused(_) | Decision::Known(_) | Decision::SameAs(_) => None,
    }
}

fn looked_up<'a>((decision, item): (&'a Decision, &NewMessage)) -> Option<(RoomId, &'a Message)> {
    match decision {
        Decision::New(message, ..) => item.links.then_some((item.room, message)),
        Decision::NotAMember | Decision::Refused(_) | Decision::Known(_) | Decision::SameAs(_) => None,
    }
}

fn new_reply<'a>((decision, item): (&'a Decision, &NewMessage)) -> Option<NewReply<'a>> {
    match decision {
        Decision::New(message, _, mentioned) if message.thread.is_some() => {
            Some(NewReply { room: item.room, message, mentioned })
        }
        Decision::New(..)
        | Decision::NotAMember
        | Decision::Refused(_)
        | Decision::Known(_)
        | Decision::SameAs(_) => None,
    }
}

/// Whether the authors are members, and which nonces are known: asked after the locks were taken, in a statement of its
/// own, so that it sees what they waited for.
async fn find_sent(tx: &mut sqlx::PgTransaction<'_>, new: &[NewMessage]) -> Result<Vec<Found>, Error> {
    let rooms: Vec<Uuid> = new.iter().map(|item| item.room.0).collect();
    let authors: Vec<Uuid> = new.iter().map(|item| item.author.id.0).collect();
    let nonces: Vec<Uuid> = new.iter().map(|item| item.nonce.0).collect();
    let rows = sqlx::query!(
        r#"select mb.user_id is not null as "member!", m.seq as "seq?"
         from unnest($1::uuid[], $2::uuid[], $3::uuid[]) with ordinality as k (room, author, nonce, place)
         left join members mb on mb.room_id = k.room and mb.user_id = k.author and mb.active
         left join messages m on m.room_id = k.room and m.author_id = k.author and m.nonce = k.nonce
         order by k.place"#,
        &rooms,
        &authors,
        &nonces
    )
    .fetch_all(&mut **tx)
    .await?;
    let mut found = Vec::with_capacity(rows.len());
    for (row, item) in rows.into_iter().zip(new) {
        let known = match row.seq {
            None => None,
            // Repeats are rare, so they are read in a separate statement.
            Some(seq) => {
                let stored = select_messages!("where m.room_id = $1 and m.seq = $2", item.room.0, seq);
                // `None` while its deleted room is being erased.
                stored.fetch_optional(&mut **tx).await?.map(Message::from)
            }
        };
        let (mentioned, forward, files) = (Vec::new(), None, Vec::new());
        found.push(Found { member: row.member, known, refused: None, mentioned, forward, files });
    }
    Ok(found)
}

/// For rooms in which not every member may post: checks which authors may.
async fn refuse_posts(
    tx: &mut sqlx::PgTransaction<'_>,
    new: &[NewMessage],
    restricted: &[Uuid],
    found: &mut [Found],
) -> Result<(), Error> {
    let authors: Vec<Uuid> = new.iter().map(|item| item.author.id.0).collect();
    let members = members_with_roles(tx, restricted, &authors).await?;
    for (item, found) in new.iter().zip(found) {
        let member = members.get(&(item.room, item.author.id));
        found.refused = member.and_then(|(room, role, workspace)| {
            rights::check(room, *role, *workspace, |rights| rights.post).err()
        });
    }
    Ok(())
}

/// Those of these people who are in these rooms, with the roles that determine their rights.
pub(super) async fn members_with_roles(
    tx: &mut sqlx::PgTransaction<'_>,
    rooms: &[Uuid],
    people: &[Uuid],
) -> Result<HashMap<(RoomId, UserId), (Room, Role, WorkspaceRole)>, Error> {
    let rows = sqlx::query!(
        r#"select r.id, r.kind, r.title, r.topic, r.post_role, r.invite_role, r.pin_role, r.mention_role,
            r.archived_at is not null as "archived!", r.deleted_at is not null as "deleted!", r.rev_seq,
            m.user_id, m.role, u.role as workspace
         from rooms r
         join members m on m.room_id = r.id and m.user_id = any($2) and m.active
         join users u on u.id = m.user_id
         where r.id = any($1)"#,
        rooms,
        people
    )
    .fetch_all(&mut **tx)
    .await?;
    let member = rows.into_iter().map(|row| {
        let (user, role, workspace) =
            (UserId(row.user_id), role_of(&row.role), workspace_role_of(&row.workspace));
        let room = room_of!(row);
        ((room.id, user), (room, role, workspace))
    });
    Ok(member.collect())
}

/// Refuses replies to messages that do not exist in the room. Deleted messages do exist.
async fn refuse_replies(
    tx: &mut sqlx::PgTransaction<'_>,
    new: &[NewMessage],
    found: &mut [Found],
) -> Result<(), Error> {
    let replies = || new.iter().filter_map(|item| Some((item.room, item.placement.reply_to?)));
    let rooms: Vec<Uuid> = replies().map(|(room, _)| room.0).collect();
    let seqs: Vec<i64> = replies().map(|(_, seq)| seq.0).collect();
    let rows = sqlx::query!(
        r#"select m.room_id, m.seq from unnest($1::uuid[], $2::bigint[]) as k (room, seq)
         join messages m on m.room_id = k.room and m.seq = k.seq"#,
        &rooms,
        &seqs
    )
    .fetch_all(&mut **tx)
    .await?;
    let there: HashSet<(RoomId, Seq)> =
        rows.into_iter().map(|row| (RoomId(row.room_id), Seq(row.seq))).collect();
    for (item, found) in new.iter().zip(found) {
        if item.placement.reply_to.is_some_and(|seq| !there.contains(&(item.room, seq))) {
            found.refused = found.refused.or(Some(ErrorCode::MessageUnknown));
        }
    }
    Ok(())
}

/// Copies the texts of what is forwarded, as they are now, and refuses what the author may not read. A message that forwards another one
/// passes that one on, and names its author only if a first forward by the same person would. A room that is gone counts as private.
async fn find_forwarded(
    tx: &mut sqlx::PgTransaction<'_>,
    new: &[NewMessage],
    found: &mut [Found],
) -> Result<(), Error> {
    let asked = || new.iter().map(|item| item.placement.forward.unzip());
    let rooms: Vec<Option<Uuid>> = asked().map(|(room, _)| room.map(|room| room.0)).collect();
    let seqs: Vec<Option<i64>> = asked().map(|(_, seq)| seq.map(|seq| seq.0)).collect();
    let authors: Vec<Uuid> = new.iter().map(|item| item.author.id.0).collect();
    // Deleted rooms have no members.
    let rows = sqlx::query!(
        r#"select k.place as "place!", r.kind, m.author_id, m.body, m.deleted_at is not null as "deleted!",
            m.forward as "forward: Json<Box<Forward>>", m.files as "files: Json<Vec<File>>", o.kind as "origin?"
         from unnest($1::uuid[], $2::bigint[], $3::uuid[]) with ordinality as k (room, seq, author, place)
         join members mb on mb.room_id = k.room and mb.user_id = k.author and mb.active
         join rooms r on r.id = k.room
         join messages m on m.room_id = k.room and m.seq = k.seq
         left join rooms o on o.id = (m.forward ->> 'room')::uuid and o.deleted_at is null"#,
        &rooms as &[Option<Uuid>],
        &seqs as &[Option<i64>],
        &authors
    )
    .fetch_all(&mut **tx)
    .await?;
    for row in rows {
        let at = usize::try_from(row.place - 1).unwrap_or_default();
        let (Some(item), Some(found)) = (new.get(at), found.get_mut(at)) else { continue };
        let Some((room, seq)) = item.placement.forward else { continue };
        if row.deleted {
            found.refused = found.refused.or(Some(ErrorCode::MessageDeleted));
            continue;
        }
        let (origin, original) = match row.forward {
            Some(Json(passed_on)) => (row.origin, passed_on),
            None => {
                let author = Some(UserId(row.author_id));
                let files = row.files.map(|files| files.0).unwrap_or_default();
                (Some(row.kind), Box::new(Forward { room, seq, author, body: row.body, files }))
            }
        };
        let kind = origin.map_or(RoomKind::Group, |kind| kind_of(&kind));
        let author = original.author.filter(|author| rights::names_author(kind, *author, item.author.id));
        found.forward = Some(Box::new(Forward { author, ..*original }));
    }
    for (item, found) in new.iter().zip(found) {
        if item.placement.forward.is_some() && found.forward.is_none() {
            found.refused = found.refused.or(Some(ErrorCode::MessageUnknown));
        }
    }
    Ok(())
}

/// Gives each new message the next number of its room.
fn number(
    new: &[NewMessage],
    found: Vec<Found>,
    heads: &mut HashMap<Uuid, RoomHead>,
    threads: &mut Threads,
) -> Vec<Decision> {
    let mut here: HashMap<(RoomId, UserId, Nonce), Message> = HashMap::new();
    let mut decisions = Vec::with_capacity(new.len());
    for (item, mut found) in new.iter().zip(found) {
        let mentioned = std::mem::take(&mut found.mentioned);
        let key = (item.room, item.author.id, item.nonce);
        if let (None, true, Some(code)) = (&found.known, found.member, found.refused) {
            decisions.push(Decision::Refused(code));
            continue;
        }
        decisions.push(match (found.known, heads.get_mut(&item.room.0)) {
            (_, None) => Decision::NotAMember,
            // A repeat gets its answer regardless of the author's current rights. Someone who has
            // left learns nothing else from it.
            (Some(known), _) if !found.member => {
                let poll = known.poll.map(|poll| poll.unvoted().into());
                Decision::Known(Message { reactions: Vec::new(), poll, ..known })
            }
            (Some(known), _) => Decision::Known(known),
            (None, _) if !found.member => Decision::NotAMember,
            (None, Some(room)) => match here.get(&key) {
                Some(first) => Decision::SameAs(first.clone()),
                None => {
                    room.head += 1;
                    room.messages += 1;
                    let seq = Seq(room.head);
                    let root = item.placement.thread.map(|root| (item.room, root));
                    let message = Message {
                        id: MessageId(Uuid::now_v7()),
                        seq,
                        rev: seq,
                        author: item.author.id,
                        nonce: item.nonce,
                        body: item.body.clone(),
                        sent_at: 0,
                        edits: 0,
                        deleted: false,
                        reactions: Vec::new(),
                        mentions: mentioned.iter().map(|one| one.mention.clone()).collect(),
                        reply_to: item.placement.reply_to,
                        thread: root.and_then(|root| threads.place(root, item.author.id, seq)),
                        in_room: root.is_some() && item.placement.in_room,
                        replies: None,
                        poll: item.attached.poll.clone().map(Poll::from),
                        forward: found.forward.take(),
                        files: std::mem::take(&mut found.files),
                        previews: Vec::new(),
                    };
                    here.insert(key, message.clone());
                    Decision::New(message, room.messages, mentions::here(&mentioned))
                }
            },
        });
    }
    decisions
}

/// Writes the new messages and the rooms' heads; returns the time of writing.
async fn write_sent(
    tx: &mut sqlx::PgTransaction<'_>,
    new: &[NewMessage],
    decisions: &[Decision],
    heads: &HashMap<Uuid, RoomHead>,
) -> Result<Millis, Error> {
    let (mut rooms, mut seqs, mut ordinals, mut ids) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let (mut authors, mut nonces, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
    let (mut mentions, mut replies, mut polls) = (Vec::new(), Vec::new(), Vec::new());
    let (mut roots, mut places, mut in_room) = (Vec::new(), Vec::new(), Vec::new());
    let (mut forwards, mut files) = (Vec::new(), Vec::new());
    for (item, decision) in new.iter().zip(decisions) {
        if let Decision::New(message, ordinal, _) = decision {
            rooms.push(item.room.0);
            seqs.push(message.seq.0);
            ordinals.push(*ordinal);
            ids.push(message.id.0);
            authors.push(item.author.id.0);
            nonces.push(item.nonce.0);
            bodies.push(item.body.clone());
            mentions.push(Json(&message.mentions));
            replies.push(item.placement.reply_to.map(|seq| seq.0));
            roots.push(message.thread.map(|thread| thread.0.0));
            places.push(message.thread.map(|thread| i32::try_from(thread.1).unwrap_or(i32::MAX)));
            in_room.push(message.in_room);
            polls.push(message.poll.as_ref().map(Json));
            forwards.push(message.forward.as_ref().map(Json));
            files.push(Some(&message.files).filter(|files| !files.is_empty()).map(Json));
        }
    }
    if rooms.is_empty() {
        return Ok(0);
    }
    let moved: HashSet<Uuid> = rooms.iter().copied().collect();
    let moved: Vec<(Uuid, RoomHead)> =
        heads.iter().filter(|(id, _)| moved.contains(*id)).map(|(id, head)| (*id, *head)).collect();
    let moved_ids: Vec<Uuid> = moved.iter().map(|(id, _)| *id).collect();
    let moved_heads: Vec<i64> = moved.iter().map(|(_, room)| room.head).collect();
    let moved_messages: Vec<i64> = moved.iter().map(|(_, room)| room.messages).collect();
    let sent_at = sqlx::query_scalar!(
        r#"with moved as (
            update lines l set head = k.head, messages = k.messages, active_at = now()
            from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as k (id, head, messages) where l.id = k.id
         ), stored as (
            insert into messages (room_id, seq, rev_seq, ordinal, id, author_id, nonce, body, mentions, reply_to,
                thread_root, thread_nth, in_room, poll, forward, files)
            select room, seq, seq, ordinal, id, author, nonce, body, mentions, reply_to, root, nth, in_room, poll, forward, files
            from unnest($4::uuid[], $5::bigint[], $6::bigint[], $7::uuid[], $8::uuid[], $9::uuid[], $10::text[],
                $11::jsonb[], $12::bigint[], $13::bigint[], $14::int[], $15::bool[], $16::jsonb[], $17::jsonb[], $18::jsonb[])
                as k (room, seq, ordinal, id, author, nonce, body, mentions, reply_to, root, nth, in_room, poll, forward, files)
         )
         select (extract(epoch from now()) * 1000)::bigint as "sent_at!""#,
        &moved_ids,
        &moved_heads,
        &moved_messages,
        &rooms,
        &seqs,
        &ordinals,
        &ids,
        &authors,
        &nonces,
        &bodies,
        &mentions as _,
        &replies as &[Option<i64>],
        &roots as &[Option<i64>],
        &places as &[Option<i32>],
        &in_room,
        &polls as _,
        &forwards as _,
        &files as _
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(sent_at)
}
