//! What changed in a room: the one question of who was away, and of a node that has missed something.

use protocol::{
    Marks, Member, Message, MessageId, Nonce, Reaction, Room, RoomId, Seq, User, UserId, limits::BEHIND_MAX,
};
use sqlx::types::Json;
use uuid::Uuid;

use super::{
    Error, Store,
    rooms::{kind_of, role_of},
};

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

/// What changed in a room after some number.
#[derive(Clone, Debug, PartialEq)]
pub struct Changes {
    /// The room's last number.
    pub head: Seq,
    /// In the order of the last changes.
    pub list: Vec<(Seq, Changed)>,
    /// Up to here `list` has everything.
    pub through: Seq,
}

/// One thing of one of the three kinds: the columns of the other two are empty. A room in which nothing changed has one row,
/// in which only the head says something.
struct Row {
    head_seq: i64,
    member_count: i32,
    rev_seq: Option<i64>,
    user_id: Option<Uuid>,
    handle: Option<String>,
    name: Option<String>,
    id: Option<Uuid>,
    seq: Option<i64>,
    nonce: Option<Uuid>,
    body: Option<String>,
    sent_at: Option<i64>,
    edits: Option<i32>,
    deleted: Option<bool>,
    reactions: Option<Json<Vec<Reaction>>>,
    role: Option<String>,
    active: Option<bool>,
    delivered_seq: Option<i64>,
    read_seq: Option<i64>,
    kind: Option<String>,
    title: Option<String>,
    topic: Option<String>,
}

impl Row {
    fn into_changed(mut self, room: RoomId) -> Option<(Seq, Changed)> {
        let rev = Seq(self.rev_seq?);
        if let Some(kind) = self.kind {
            let (title, topic) = (self.title?, self.topic?);
            return Some((rev, Changed::Room(Room { id: room, kind: kind_of(&kind), title, topic, rev })));
        }
        let user = User { id: UserId(self.user_id?), handle: self.handle.take()?, name: self.name.take()? };
        let changed = match self.role.take() {
            Some(role) => self.into_member(user, &role, rev)?,
            None => Changed::Message(self.into_message(user, rev)?),
        };
        Some((rev, changed))
    }

    fn into_member(self, user: User, role: &str, rev: Seq) -> Option<Changed> {
        let marks = Marks { user: user.id, delivered: Seq(self.delivered_seq?), read: Seq(self.read_seq?) };
        let member = Member { user, role: role_of(role), active: self.active?, rev };
        Some(Changed::Member(member, u32::try_from(self.member_count).unwrap_or_default(), marks))
    }

    fn into_message(self, author: User, rev: Seq) -> Option<Message> {
        Some(Message {
            id: MessageId(self.id?),
            seq: Seq(self.seq?),
            rev,
            author,
            nonce: Nonce(self.nonce?),
            body: self.body?,
            sent_at: self.sent_at?,
            edits: u32::try_from(self.edits?).unwrap_or_default(),
            deleted: self.deleted?,
            reactions: self.reactions?.0,
        })
    }
}

impl Store {
    /// What changed in a room after `after`: at most `limit` things, and nothing beyond the next [`BEHIND_MAX`] numbers.
    /// `None` when there is no such room, or when it is asked for someone (`viewer`) who is not in it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_changes(
        &self,
        room: RoomId,
        viewer: Option<UserId>,
        after: Seq,
        limit: usize,
    ) -> Result<Option<Changes>, Error> {
        let end = Seq(after.0.saturating_add(BEHIND_MAX));
        // One statement: one round trip, and one snapshot, so that nothing is between the head and the changes.
        //
        // Postgres keeps one plan for it, and that is half of its price: planning it anew takes longer than running it.
        // It does so while it expects little of the plan, and it does expect little of a range that is bounded on both
        // sides. The names are looked up one by one (`offset 0`): without a fence it may read all of `users` for them.
        let rows = sqlx::query_as!(
            Row,
            r#"select r.head_seq, r.member_count, c.rev_seq as "rev_seq?", c.user_id as "user_id?",
                u.handle as "handle?", u.name as "name?",
                c.id as "id?", c.seq as "seq?", c.nonce as "nonce?", c.body as "body?", c.sent_at as "sent_at?",
                c.edits as "edits?", c.deleted as "deleted?", c.reactions as "reactions?: Json<Vec<Reaction>>",
                c.role as "role?", c.active as "active?", c.delivered_seq as "delivered_seq?",
                c.read_seq as "read_seq?", c.kind as "kind?", c.title as "title?", c.topic as "topic?"
             from rooms r
             left join lateral (
                (select m.rev_seq, m.author_id as user_id,
                    m.id, m.seq, m.nonce, m.body, (extract(epoch from m.sent_at) * 1000)::bigint as sent_at,
                    m.edits, m.deleted_at is not null as deleted, m.reactions,
                    null::text as role, null::boolean as active, null::bigint as delivered_seq,
                    null::bigint as read_seq, null::text as kind, null::text as title, null::text as topic
                 from messages m
                 where m.room_id = r.id and m.rev_seq > $3 and m.rev_seq <= $4 order by m.rev_seq limit $5)
                union all
                (select b.rev_seq, b.user_id, null, null, null, null, null, null, null, null,
                    b.role, b.active, b.delivered_seq, b.read_seq, null, null, null
                 from members b
                 where b.room_id = r.id and b.rev_seq > $3 and b.rev_seq <= $4 order by b.rev_seq limit $5)
                union all
                (select r.rev_seq, null, null, null, null, null, null, null, null, null,
                    null, null, null, null, r.kind, r.title, r.topic
                 where r.rev_seq > $3 and r.rev_seq <= $4)
             ) c on true
             left join lateral (select handle, name from users where id = c.user_id offset 0) u on true
             where r.id = $1 and ($2::uuid is null or exists (
                select from members x where x.room_id = $1 and x.user_id = $2 and x.active
             ))"#,
            room.0,
            viewer.map(|viewer| viewer.0),
            after.0,
            end.0,
            limit as i64
        )
        .fetch_all(&self.pool())
        .await?;
        let Some(head) = rows.first().map(|row| Seq(row.head_seq)) else { return Ok(None) };
        let mut list: Vec<_> = rows.into_iter().filter_map(|row| row.into_changed(room)).collect();
        list.sort_by_key(|(rev, _)| *rev);
        list.truncate(limit);
        // A full list ends at its last number.
        let through = match list.last() {
            Some((last, _)) if list.len() == limit => *last,
            Some(_) | None => head.min(end),
        };
        Ok(Some(Changes { head, list, through }))
    }
}

#[cfg(test)]
mod tests {
    use protocol::{Role, RoomKind, limits::CHANGES_MAX};
    use sqlx::PgPool;

    use super::*;
    use crate::store::messages::NewMessage;

    async fn person(store: &Store, handle: &str) -> User {
        let id = Uuid::new_v4();
        sqlx::query("insert into users (id, handle, name, password_hash) values ($1, $2, $2, 'x')")
            .bind(id)
            .bind(handle)
            .execute(&store.pool())
            .await
            .unwrap();
        User { id: UserId(id), handle: handle.to_owned(), name: handle.to_owned() }
    }

    async fn channel(store: &Store, by: &User) -> RoomId {
        let nonce = Nonce(Uuid::new_v4());
        store.create_room(by.id, nonce, RoomKind::Channel, ("harbour", "ships")).await.unwrap()
    }

    async fn say(store: &Store, room: RoomId, author: &User, texts: impl IntoIterator<Item = String>) {
        let new = texts.into_iter().map(|body| NewMessage {
            room,
            author: author.clone(),
            nonce: Nonce(Uuid::new_v4()),
            body,
        });
        store.insert_messages(&new.collect::<Vec<_>>()).await.unwrap();
    }

    /// What changed, for people: number and what it is now.
    fn told(changes: &Changes) -> Vec<(i64, String)> {
        let text = |changed: &Changed| match changed {
            Changed::Message(message) => format!("{}: {}", message.author.handle, message.body),
            Changed::Member(member, members, _) => {
                let how = if member.active { "in" } else { "out" };
                format!("{} is {how}, of {members}", member.user.handle)
            }
            Changed::Room(room) => format!("{} / {}", room.title, room.topic),
        };
        changes.list.iter().map(|(rev, changed)| (rev.0, text(changed))).collect()
    }

    #[sqlx::test(migrations = "../migrations")]
    async fn every_kind_of_change_comes_once_in_the_order_of_the_last_change(pool: PgPool) {
        let store = Store::over(pool);
        let (ana, bea) = (person(&store, "ana").await, person(&store, "bea").await);
        let room = channel(&store, &ana).await;
        store.add_members::<Error>(ana.id, room, &[bea.id], |_| Ok(())).await.unwrap();
        say(&store, room, &bea, ["one".to_owned(), "two".to_owned()]).await;
        store.set_room::<Error>(ana.id, room, ("quay", "boats"), |_| Ok(())).await.unwrap();
        let mend =
            |message: &Message| Message { body: "one, mended".to_owned(), edits: 1, ..message.clone() };
        let mended = store.change_message::<Error>(bea.id, room, Seq(4), |_, old| Ok(Some(mend(old)))).await;
        store.remove_member::<Error>(room, &bea, |_| Ok(())).await.unwrap();

        let all = [
            (2, "ana is in, of 1".to_owned()),
            (5, "bea: two".to_owned()),
            (6, "quay / boats".to_owned()),
            (7, "bea: one, mended".to_owned()),
            (8, "bea is out, of 1".to_owned()),
        ];
        let since = async |viewer: Option<&User>, after, limit| {
            store.list_changes(room, viewer.map(|viewer| viewer.id), Seq(after), limit).await.unwrap()
        };
        for after in 0..=8 {
            let found = since(Some(&ana), after, 100).await.unwrap();
            let expected: Vec<_> = all.iter().filter(|(rev, _)| *rev > after).cloned().collect();
            assert_eq!((told(&found), found.head, found.through), (expected, Seq(8), Seq(8)), "{after}");
            assert_eq!(since(None, after, 100).await, Some(found), "a node is told the same");
        }
        // Page by page, of whatever size, it is the same.
        for limit in 1..=6 {
            let (mut pages, mut after) = (Vec::new(), Seq::ZERO);
            loop {
                let page = since(None, after.0, limit).await.unwrap();
                assert!(page.list.len() <= limit && page.through > after, "{page:?}");
                pages.extend(told(&page));
                after = page.through;
                if after == page.head {
                    break;
                }
            }
            assert_eq!(pages, all, "{limit} at a time");
        }
        // Nothing of a thing is lost on the way.
        let found = since(None, 0, 100).await.unwrap();
        let (message, _) = mended.unwrap();
        assert_eq!(found.list[3].1, Changed::Message(message));
        let left = Member { user: bea.clone(), role: Role::Member, active: false, rev: Seq(8) };
        let marks = Marks { user: bea.id, delivered: Seq(3), read: Seq(3) };
        assert_eq!(found.list[4].1, Changed::Member(left, 1, marks));

        assert_eq!(since(Some(&bea), 0, 100).await, None, "who has left is told nothing");
        assert_eq!(store.list_changes(RoomId(Uuid::nil()), None, Seq::ZERO, 100).await.unwrap(), None);
    }

    /// No further than [`BEHIND_MAX`], and from there on: nothing is skipped.
    #[sqlx::test(migrations = "../migrations")]
    async fn a_long_way_is_gone_in_steps_and_nothing_is_skipped(pool: PgPool) {
        let store = Store::over(pool.clone());
        let ana = person(&store, "ana").await;
        let room = channel(&store, &ana).await;
        say(&store, room, &ana, (3..1_500).map(|seq| seq.to_string())).await;
        // Of the first 1,200 numbers, few are left: the others have moved on, as by an edit.
        sqlx::query("update messages set rev_seq = seq + 1500 where seq > 10 and seq <= 1200")
            .execute(&pool)
            .await
            .unwrap();
        sqlx::query("update rooms set head_seq = 2700").execute(&pool).await.unwrap();
        let (mut revs, mut after) = (Vec::new(), Seq::ZERO);
        while after < Seq(2_700) {
            let step = store.list_changes(room, None, after, CHANGES_MAX).await.unwrap().unwrap();
            assert!(step.through > after && step.through.0 - after.0 <= BEHIND_MAX, "{:?}", step.through);
            assert!(step.list.iter().all(|(rev, _)| after < *rev && *rev <= step.through));
            revs.extend(step.list.into_iter().map(|(rev, _)| rev.0));
            after = step.through;
        }
        let expected: Vec<i64> = (1..=10).chain(1_201..1_500).chain(1_511..=2_700).collect();
        assert_eq!(revs, expected);
    }

    /// Numbers that nobody can have are no fault of the database's.
    #[sqlx::test(migrations = "../migrations")]
    async fn the_largest_number_is_only_one_that_nothing_comes_after(pool: PgPool) {
        let store = Store::over(pool);
        let ana = person(&store, "ana").await;
        let room = channel(&store, &ana).await;
        let found = store.list_changes(room, None, Seq(i64::MAX), 1).await.unwrap().unwrap();
        assert_eq!((found.head, found.list.len()), (Seq(2), 0));
    }
}
