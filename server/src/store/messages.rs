//! Messages: stored once, read in pages.

use std::collections::{HashMap, HashSet};

use protocol::{Direction, Message, MessageId, Millis, Nonce, Reaction, RoomId, Seq, User, UserId, limits};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Error, Store,
    rooms::{Locked, lock_room},
};

/// A message to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewMessage {
    /// Where.
    pub room: RoomId,
    /// By whom.
    pub author: User,
    /// The browser's own name for it.
    pub nonce: Nonce,
    /// The text, which has been looked at.
    pub body: String,
}

/// What became of a send.
#[derive(Clone, Debug, PartialEq)]
pub enum Inserted {
    /// It is stored now.
    New(Message),
    /// It was stored before, by a send of the same nonce: this is the first one.
    Known(Message),
    /// The author is not in the room.
    NotAMember,
}

struct MessageRow {
    id: Uuid,
    seq: i64,
    rev_seq: i64,
    nonce: Uuid,
    body: String,
    sent_at: i64,
    edits: i32,
    deleted: bool,
    reactions: Json<Vec<Reaction>>,
    author_id: Uuid,
    handle: String,
    name: String,
}

impl From<MessageRow> for Message {
    fn from(row: MessageRow) -> Self {
        Self {
            id: MessageId(row.id),
            seq: Seq(row.seq),
            rev: Seq(row.rev_seq),
            author: User { id: UserId(row.author_id), handle: row.handle, name: row.name },
            nonce: Nonce(row.nonce),
            body: row.body,
            sent_at: row.sent_at,
            edits: u32::try_from(row.edits).unwrap_or_default(),
            deleted: row.deleted,
            reactions: row.reactions.0,
        }
    }
}

impl Store {
    /// Stores messages, in their order, in one transaction: takes the rooms' next numbers under their locks. A nonce that
    /// is known, from the database or from earlier in the list, takes no number, for a burnt number would be a hole for
    /// ever. What is returned stands in the order of the list.
    ///
    /// # Errors
    /// When the database fails. Then nothing was stored.
    pub async fn insert_messages(&self, new: &[NewMessage]) -> Result<Vec<Inserted>, Error> {
        let mut rooms: Vec<Uuid> = new.iter().map(|item| item.room.0).collect();
        rooms.sort_unstable();
        rooms.dedup();
        let mut tx = self.pool().begin().await?;
        // Everyone locks in the same order, so that no two transactions wait for each other.
        let locked = sqlx::query!(
            "select id, head_seq from rooms where id = any($1) order by id for no key update",
            &rooms
        )
        .fetch_all(&mut *tx)
        .await?;
        let mut heads: HashMap<Uuid, i64> = locked.into_iter().map(|row| (row.id, row.head_seq)).collect();
        let found = find_sent(&mut tx, new).await?;
        let sorted = sort_out(new, found, &mut heads);
        let sent_at = write_sent(&mut tx, new, &sorted, &heads).await?;
        tx.commit().await?;
        Ok(sorted.into_iter().zip(new).map(|(sorted, item)| sorted.into_inserted(item, sent_at)).collect())
    }

    /// Changes a message, as `decide` says of what the lock found; `None` means that it is so already, and takes no number.
    /// Returns the message as it is now, and when it changed, if it did.
    ///
    /// # Errors
    /// What `decide` says; [`Error::NoSuchRoom`] to who is not in the room, [`Error::NoSuchMessage`]; or when the database
    /// fails. Then nothing was changed.
    pub async fn change_message<E: From<Error>>(
        &self,
        by: UserId,
        room: RoomId,
        seq: Seq,
        decide: impl FnOnce(&Locked, &Message) -> Result<Option<Message>, E>,
    ) -> Result<(Message, Option<Millis>), E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let locked = lock_room(&mut tx, room, by).await?;
        if locked.role.is_none() {
            return Err(Error::NoSuchRoom.into());
        }
        let message = sqlx::query_as!(
            MessageRow,
            r#"select m.id, m.seq, m.rev_seq, m.nonce, m.body, m.author_id, u.handle, u.name,
                m.edits, m.deleted_at is not null as "deleted!", m.reactions as "reactions: Json<Vec<Reaction>>",
                (extract(epoch from m.sent_at) * 1000)::bigint as "sent_at!"
             from messages m join users u on u.id = m.author_id
             where m.room_id = $1 and m.seq = $2"#,
            room.0,
            seq.0
        )
        .fetch_optional(&mut *tx)
        .await
        .map_err(Error::from)?
        .map(Message::from)
        .ok_or(Error::NoSuchMessage)?;
        let Some(changed) = decide(&locked, &message)? else { return Ok((message, None)) };
        let row = sqlx::query!(
            r#"with moved as (update rooms set head_seq = head_seq + 1 where id = $1 returning head_seq)
             update messages m set rev_seq = moved.head_seq, body = $3, edits = $4, reactions = $5,
                deleted_at = case when $6 then coalesce(deleted_at, now()) end
             from moved where m.room_id = $1 and m.seq = $2
             returning m.rev_seq, (extract(epoch from now()) * 1000)::bigint as "at!""#,
            room.0,
            seq.0,
            changed.body,
            i32::try_from(changed.edits).unwrap_or(i32::MAX),
            Json(&changed.reactions) as _,
            changed.deleted
        )
        .fetch_one(&mut *tx)
        .await
        .map_err(Error::from)?;
        tx.commit().await.map_err(Error::from)?;
        Ok((Message { rev: Seq(row.rev_seq), ..changed }, Some(row.at)))
    }

    /// A page of messages beside `seq`, oldest first, and whether there are more that way. `through` bounds it
    /// from above, so that a page and a number that were read one after the other belong together.
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
        let rows = match direction {
            Direction::Before => {
                sqlx::query_as!(
                    MessageRow,
                    r#"select m.id, m.seq, m.rev_seq, m.nonce, m.body, m.author_id, u.handle, u.name,
                        m.edits, m.deleted_at is not null as "deleted!",
                        m.reactions as "reactions: Json<Vec<Reaction>>",
                        (extract(epoch from m.sent_at) * 1000)::bigint as "sent_at!"
                     from messages m join users u on u.id = m.author_id
                     where m.room_id = $1 and m.seq < $2 and m.seq <= $3 order by m.seq desc limit $4"#,
                    room.0,
                    before.0,
                    through.0,
                    limit as i64
                )
                .fetch_all(&self.pool())
                .await?
            }
            Direction::After => {
                sqlx::query_as!(
                    MessageRow,
                    r#"select m.id, m.seq, m.rev_seq, m.nonce, m.body, m.author_id, u.handle, u.name,
                        m.edits, m.deleted_at is not null as "deleted!",
                        m.reactions as "reactions: Json<Vec<Reaction>>",
                        (extract(epoch from m.sent_at) * 1000)::bigint as "sent_at!"
                     from messages m join users u on u.id = m.author_id
                     where m.room_id = $1 and m.seq > $2 and m.seq <= $3 order by m.seq limit $4"#,
                    room.0,
                    after.0,
                    through.0,
                    limit as i64
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

/// What is known of one item of a list of sends, under the lock.
struct Found {
    member: bool,
    known: Option<Message>,
}

/// What is to become of it.
enum Sorted {
    NotAMember,
    Known(Message),
    /// The same nonce stands earlier in the list: this is that message.
    SameAs(Message),
    New(Message),
}

impl Sorted {
    fn into_inserted(self, item: &NewMessage, sent_at: Millis) -> Inserted {
        debug_assert!(!matches!(&self, Self::New(message) if message.nonce != item.nonce));
        match self {
            Self::NotAMember => Inserted::NotAMember,
            Self::Known(message) => Inserted::Known(message),
            Self::SameAs(message) => Inserted::Known(Message { sent_at, ..message }),
            Self::New(message) => Inserted::New(Message { sent_at, ..message }),
        }
    }
}

/// Whether the authors are members, and which nonces are known: asked after the locks were taken, in a statement of its
/// own, so that it sees what they waited for.
async fn find_sent(tx: &mut sqlx::PgTransaction<'_>, new: &[NewMessage]) -> Result<Vec<Found>, Error> {
    let rooms: Vec<Uuid> = new.iter().map(|item| item.room.0).collect();
    let authors: Vec<Uuid> = new.iter().map(|item| item.author.id.0).collect();
    let nonces: Vec<Uuid> = new.iter().map(|item| item.nonce.0).collect();
    let rows = sqlx::query!(
        r#"select mb.user_id is not null as "member!", m.id as "id?", m.seq as "seq?", m.rev_seq as "rev_seq?",
            m.body as "body?", m.edits as "edits?", m.deleted_at is not null as "deleted!",
            m.reactions as "reactions?: Json<Vec<Reaction>>",
            (extract(epoch from m.sent_at) * 1000)::bigint as "sent_at?"
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
    let found = rows.into_iter().zip(new).map(|(row, item)| {
        let known = || {
            Some(Message {
                id: MessageId(row.id?),
                seq: Seq(row.seq?),
                rev: Seq(row.rev_seq?),
                author: item.author.clone(),
                nonce: item.nonce,
                body: row.body?,
                sent_at: row.sent_at?,
                edits: u32::try_from(row.edits?).unwrap_or_default(),
                deleted: row.deleted,
                reactions: row.reactions?.0,
            })
        };
        Found { member: row.member, known: known() }
    });
    Ok(found.collect())
}

/// Gives each new message the next number of its room.
fn sort_out(new: &[NewMessage], found: Vec<Found>, heads: &mut HashMap<Uuid, i64>) -> Vec<Sorted> {
    let mut here: HashMap<(RoomId, UserId, Nonce), Message> = HashMap::new();
    let mut sorted = Vec::with_capacity(new.len());
    for (item, found) in new.iter().zip(found) {
        let key = (item.room, item.author.id, item.nonce);
        sorted.push(match (found.known, heads.get_mut(&item.room.0)) {
            (_, None) => Sorted::NotAMember,
            _ if !found.member => Sorted::NotAMember,
            (Some(known), _) => Sorted::Known(known),
            (None, Some(head)) => match here.get(&key) {
                Some(first) => Sorted::SameAs(first.clone()),
                None => {
                    *head += 1;
                    let message = Message {
                        id: MessageId(Uuid::now_v7()),
                        seq: Seq(*head),
                        rev: Seq(*head),
                        author: item.author.clone(),
                        nonce: item.nonce,
                        body: item.body.clone(),
                        sent_at: 0,
                        edits: 0,
                        deleted: false,
                        reactions: Vec::new(),
                    };
                    here.insert(key, message.clone());
                    Sorted::New(message)
                }
            },
        });
    }
    sorted
}

/// Writes what is new, and the rooms' heads; returns the time of it.
async fn write_sent(
    tx: &mut sqlx::PgTransaction<'_>,
    new: &[NewMessage],
    sorted: &[Sorted],
    heads: &HashMap<Uuid, i64>,
) -> Result<Millis, Error> {
    let (mut rooms, mut seqs, mut ids) = (Vec::new(), Vec::new(), Vec::new());
    let (mut authors, mut nonces, mut bodies) = (Vec::new(), Vec::new(), Vec::new());
    for (item, sorted) in new.iter().zip(sorted) {
        if let Sorted::New(message) = sorted {
            rooms.push(item.room.0);
            seqs.push(message.seq.0);
            ids.push(message.id.0);
            authors.push(item.author.id.0);
            nonces.push(item.nonce.0);
            bodies.push(item.body.clone());
        }
    }
    if rooms.is_empty() {
        return Ok(0);
    }
    let moved: HashSet<Uuid> = rooms.iter().copied().collect();
    let (moved, moved_to): (Vec<Uuid>, Vec<i64>) =
        heads.iter().filter(|(id, _)| moved.contains(*id)).map(|(id, head)| (*id, *head)).unzip();
    let sent_at = sqlx::query_scalar!(
        r#"with moved as (
            update rooms r set head_seq = k.head, active_at = now()
            from unnest($1::uuid[], $2::bigint[]) as k (id, head) where r.id = k.id
         ), stored as (
            insert into messages (room_id, seq, rev_seq, id, author_id, nonce, body)
            select room, seq, seq, id, author, nonce, body
            from unnest($3::uuid[], $4::bigint[], $5::uuid[], $6::uuid[], $7::uuid[], $8::text[])
                as k (room, seq, id, author, nonce, body)
         )
         select (extract(epoch from now()) * 1000)::bigint as "sent_at!""#,
        &moved,
        &moved_to,
        &rooms,
        &seqs,
        &ids,
        &authors,
        &nonces,
        &bodies
    )
    .fetch_one(&mut **tx)
    .await?;
    Ok(sent_at)
}
