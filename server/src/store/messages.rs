//! Messages: stored once, read in pages, caught up on.

use protocol::{
    Direction, Marks, Member, Message, MessageId, Nonce, Room, RoomId, Seq, User, UserId, limits,
};
use uuid::Uuid;

use super::{Error, Store, rooms::lock_room};

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

/// One thing that changed, as it is now.
#[derive(Clone, Debug, PartialEq)]
pub enum Changed {
    /// A message.
    Message(Message),
    /// A membership, with the number of members and how far this one is.
    Member(Member, u32, Marks),
    /// The room's own properties.
    Room(Room),
}

struct MessageRow {
    id: Uuid,
    seq: i64,
    rev_seq: i64,
    nonce: Uuid,
    body: String,
    sent_at: i64,
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
        }
    }
}

impl Store {
    /// Stores a message: takes the room's next number under its lock, in one transaction. A nonce that is known
    /// takes no number, for a burnt number would be a hole for ever.
    ///
    /// # Errors
    /// [`Error::NoSuchRoom`], or when the database fails. Then nothing was stored.
    pub async fn insert_message(
        &self,
        author: &User,
        room: RoomId,
        nonce: Nonce,
        body: &str,
    ) -> Result<Inserted, Error> {
        let mut tx = self.pool().begin().await?;
        let locked = lock_room(&mut tx, room, author.id).await?;
        if locked.role.is_none() {
            return Ok(Inserted::NotAMember);
        }
        let known = sqlx::query_as!(
            MessageRow,
            r#"select m.id, m.seq, m.rev_seq, m.nonce, m.body, m.author_id, u.handle, u.name,
                (extract(epoch from m.sent_at) * 1000)::bigint as "sent_at!"
             from messages m join users u on u.id = m.author_id
             where m.room_id = $1 and m.author_id = $2 and m.nonce = $3"#,
            room.0,
            author.id.0,
            nonce.0
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(row) = known {
            return Ok(Inserted::Known(row.into()));
        }
        let id = Uuid::now_v7();
        let row = sqlx::query!(
            r#"with moved as (
                update rooms set head_seq = head_seq + 1, active_at = now() where id = $1 returning head_seq
             )
             insert into messages (room_id, seq, rev_seq, id, author_id, nonce, body)
             select $1, head_seq, head_seq, $2, $3, $4, $5 from moved
             returning seq, (extract(epoch from sent_at) * 1000)::bigint as "sent_at!""#,
            room.0,
            id,
            author.id.0,
            nonce.0,
            body
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Inserted::New(Message {
            id: MessageId(id),
            seq: Seq(row.seq),
            rev: Seq(row.seq),
            author: author.clone(),
            nonce,
            body: body.to_owned(),
            sent_at: row.sent_at,
        }))
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
                        (extract(epoch from m.sent_at) * 1000)::bigint as "sent_at!"
                     from messages m join users u on u.id = m.author_id
                     where m.room_id = $1 and m.seq < $2 and m.seq <= $3 order by m.seq desc limit $4"#,
                    room.0,
                    before.0,
                    through.0,
                    limit as i64
                )
                .fetch_all(self.pool())
                .await?
            }
            Direction::After => {
                sqlx::query_as!(
                    MessageRow,
                    r#"select m.id, m.seq, m.rev_seq, m.nonce, m.body, m.author_id, u.handle, u.name,
                        (extract(epoch from m.sent_at) * 1000)::bigint as "sent_at!"
                     from messages m join users u on u.id = m.author_id
                     where m.room_id = $1 and m.seq > $2 and m.seq <= $3 order by m.seq limit $4"#,
                    room.0,
                    after.0,
                    through.0,
                    limit as i64
                )
                .fetch_all(self.pool())
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

    /// Everything in a room that changed after `after` and no later than `through`, in the order of the last
    /// changes; at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_changes(
        &self,
        room: RoomId,
        after: Seq,
        through: Seq,
        limit: usize,
    ) -> Result<Vec<(Seq, Changed)>, Error> {
        let (limit_rows, mut changes) = (limit as i64, Vec::new());
        let messages = sqlx::query_as!(
            MessageRow,
            r#"select m.id, m.seq, m.rev_seq, m.nonce, m.body, m.author_id, u.handle, u.name,
                (extract(epoch from m.sent_at) * 1000)::bigint as "sent_at!"
             from messages m join users u on u.id = m.author_id
             where m.room_id = $1 and m.rev_seq > $2 and m.rev_seq <= $3 order by m.rev_seq limit $4"#,
            room.0,
            after.0,
            through.0,
            limit_rows
        )
        .fetch_all(self.pool())
        .await?;
        changes.extend(messages.into_iter().map(|row| (Seq(row.rev_seq), Changed::Message(row.into()))));
        let members = self.list_member_changes(room, after, through, limit_rows).await?;
        changes.extend(
            members
                .into_iter()
                .map(|(member, count, marks)| (member.rev, Changed::Member(member, count, marks))),
        );
        if let Some(own) = self.room(room).await?.filter(|own| own.rev > after && own.rev <= through) {
            changes.push((own.rev, Changed::Room(own)));
        }
        changes.sort_by_key(|(seq, _)| *seq);
        changes.truncate(limit);
        Ok(changes)
    }
}
