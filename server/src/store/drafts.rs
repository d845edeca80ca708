//! Drafts: items on the person's line.
//!
//! Law: a text is replaced only by a device that knew it. Where two devices have written, the second one is told the text of the first,
//! and puts both together: see `client::LocalDraft`.

use protocol::{Draft, ErrorCode, Line, RoomId, Seq, UserId, limits::DRAFTS_MAX};
use uuid::Uuid;

use super::{
    Error, Store,
    lines::{ItemKind, take},
    saved::lock_person,
};

struct DraftRow {
    room_id: Uuid,
    root: i64,
    body: String,
    rev: i64,
}

impl From<DraftRow> for Draft {
    fn from(row: DraftRow) -> Self {
        let thread = (row.root != 0).then_some(Seq(row.root));
        Self { room: RoomId(row.room_id), thread, body: row.body, rev: Seq(row.rev) }
    }
}

/// The key of a draft on its person's line: `room/root`.
fn key(room: RoomId, root: i64) -> String {
    format!("{room}/{root}")
}

impl Store {
    /// Stores the text of a draft, unless there is a newer one than `base`. Returns the draft as it is stored now, and whether it
    /// changed; `None` if there is none and the text is empty.
    ///
    /// # Errors
    /// [`Error::NoSuchRoom`] for someone who is not in the room, [`Error::NoSuchMessage`], [`ErrorCode::DraftsFull`]; or when the
    /// database fails.
    pub async fn keep_draft(
        &self,
        by: UserId,
        (room, thread): (RoomId, Option<Seq>),
        base: Seq,
        body: &str,
    ) -> Result<Option<(Draft, bool)>, Error> {
        let root = thread.map_or(0, |root| root.0);
        let mut tx = self.pool().begin().await?;
        lock_person(&mut tx, by).await?;
        let mut known = sqlx::query_as!(
            DraftRow,
            "select room_id, root, body, rev from drafts where user_id = $1 and room_id = $2 and root = $3",
            by.0,
            room.0,
            root
        )
        .fetch_optional(&mut *tx)
        .await?;
        if let Some(known) = known.take_if(|known| known.body == body || known.rev > base.0) {
            return Ok(Some((known.into(), false)));
        }
        if known.is_none() && body.is_empty() {
            return Ok(None);
        }
        if !body.is_empty() {
            let is_new = known.is_none_or(|known| known.body.is_empty());
            check_place(&mut tx, by, (room, root), is_new).await?;
        }
        let rev = take(&mut tx, Line::Person(by), ItemKind::Draft, &key(room, root)).await?;
        sqlx::query!(
            "insert into drafts (user_id, room_id, root, body, rev) values ($1, $2, $3, $4, $5)
             on conflict (user_id, room_id, root) do update set body = excluded.body, rev = excluded.rev",
            by.0,
            room.0,
            root,
            body,
            rev.0
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Some((Draft { room, thread, body: body.to_owned(), rev }, true)))
    }

    /// A person's drafts, the last changed first.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list_drafts(&self, user: UserId) -> Result<Vec<Draft>, Error> {
        let rows = sqlx::query_as!(
            DraftRow,
            "select room_id, root, body, rev from drafts where user_id = $1 and body <> '' order by rev desc limit $2",
            user.0,
            DRAFTS_MAX as i64
        );
        Ok(rows.fetch_all(&self.pool()).await?.into_iter().map(Draft::from).collect())
    }

    /// These drafts of a person, including those that are gone.
    pub(super) async fn drafts_of(&self, user: UserId, keys: &[(Uuid, i64)]) -> Result<Vec<Draft>, Error> {
        let (rooms, roots): (Vec<Uuid>, Vec<i64>) = keys.iter().copied().unzip();
        let rows = sqlx::query_as!(
            DraftRow,
            "select d.room_id, d.root, d.body, d.rev from drafts d
             join unnest($2::uuid[], $3::bigint[]) as k (room_id, root) on k.room_id = d.room_id and k.root = d.root
             where d.user_id = $1",
            user.0,
            &rooms,
            &roots
        );
        Ok(rows.fetch_all(&self.pool()).await?.into_iter().map(Draft::from).collect())
    }
}

/// Checks whether a person may write there, and whether they may have another draft.
async fn check_place(
    tx: &mut sqlx::PgTransaction<'_>,
    by: UserId,
    (room, root): (RoomId, i64),
    is_new: bool,
) -> Result<(), Error> {
    let found = sqlx::query!(
        r#"select
            exists (select from members where room_id = $1 and user_id = $2 and active) as "member!",
            $3::bigint = 0 or exists (select from messages where room_id = $1 and seq = $3) as "root!",
            (select count(*) from drafts where user_id = $2 and body <> '') as "drafts!""#,
        room.0,
        by.0,
        root
    )
    .fetch_one(&mut **tx)
    .await?;
    match found {
        found if !found.member => Err(Error::NoSuchRoom),
        found if !found.root => Err(Error::NoSuchMessage),
        found if is_new && found.drafts >= DRAFTS_MAX as i64 => Err(Error::Refused(ErrorCode::DraftsFull)),
        _ => Ok(()),
    }
}
