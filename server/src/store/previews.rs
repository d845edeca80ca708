//! Previews of links: the pages that were fetched, and what messages show of them. See `migrations/0032_previews.sql`.
//!
//! What a message shows is a part of its row, and changes with it: under the room's lock, as an item of the kind
//! [`Message`](ItemKind::Message).

use std::{collections::HashSet, time::Duration};

use protocol::{Line, LinkPreview, Message, RoomId, Seq, UserId};
use sqlx::{PgTransaction, types::Json};
use uuid::Uuid;

use super::{
    Error, Store,
    jobs::{Job, JobKind, finish, plan_now},
    lines::{ItemKind, take},
    messages::{lock_message, select_messages},
    rooms::{Locked, lock_room},
    uploads::{adopt, doom},
};

/// How many addresses of removed previews a message remembers: those that were removed last.
const REMOVED_MAX: usize = 30;
/// How long a page stays after it has expired, in hours: whoever has just read it may still refer to its picture.
const EXPIRED_HOURS: f64 = 24.0;
/// How old a picture is before it can be unused, in hours.
const UNUSED_HOURS: f64 = 1.0;
/// How long the object of an unused picture stays, in seconds: somebody may be reading it.
const READERS_WITHIN_S: f64 = 3_600.0;

/// What is known of a page.
#[derive(Clone, Debug, PartialEq)]
pub enum KnownPage {
    /// It was fetched: this is what it says, if it says anything.
    Fetched(Option<LinkPreview>),
    /// It has to be fetched.
    Unknown,
}

/// Some pictures that were looked at.
#[derive(Clone, Debug, Default)]
pub struct SweptPictures {
    /// The last of them; `None` if there are no more.
    pub through: Option<Uuid>,
    /// How many were deleted.
    pub deleted: usize,
}

/// Whether a text may contain a link. Parsing it would cost more than everything else in a send.
pub(super) fn may_link(text: &str) -> bool {
    text.contains("://")
}

/// The text of a message, and of what it forwards.
pub(super) fn has_links(message: &Message) -> bool {
    may_link(&message.body) || message.forward.as_ref().is_some_and(|forward| may_link(&forward.body))
}

/// Has the links of these messages looked up. Says whether there are any.
pub(super) async fn plan<'a>(
    tx: &mut PgTransaction<'_>,
    messages: impl Iterator<Item = (RoomId, &'a Message)>,
) -> Result<bool, Error> {
    let (keys, users): (Vec<String>, Vec<Uuid>) = messages
        .filter(|(_, message)| has_links(message))
        .map(|(room, message)| (key(message.author, room, message.seq), message.author.0))
        .unzip();
    if keys.is_empty() {
        return Ok(false);
    }
    plan_now(tx, JobKind::Preview, &keys, &users).await?;
    Ok(true)
}

/// See [`JobKind::Preview`].
fn key(user: UserId, room: RoomId, seq: Seq) -> String {
    format!("{user}/{room}/{seq}")
}

impl Store {
    /// What is known of a page now.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn known_page(&self, hash: &[u8; 32]) -> Result<KnownPage, Error> {
        let row = sqlx::query!(
            r#"select preview as "preview: Json<LinkPreview>" from pages where hash = $1 and expires_at > now()"#,
            hash.as_slice()
        )
        .fetch_optional(&self.pool())
        .await?;
        Ok(row.map_or(KnownPage::Unknown, |row| KnownPage::Fetched(row.preview.map(|preview| preview.0))))
    }

    /// Takes an unknown page to be fetched, for at most so long. False if somebody else has it, or has just fetched it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn claim_page(&self, hash: &[u8; 32], within: Duration) -> Result<bool, Error> {
        let claimed = sqlx::query!(
            "insert into pages (hash, expires_at, fetching_until) values ($1, now(), now() + $2::float8 * interval '1 second')
             on conflict (hash) do update set fetching_until = excluded.fetching_until
             where pages.expires_at <= now() and coalesce(pages.fetching_until <= now(), true)",
            hash.as_slice(),
            within.as_secs_f64()
        )
        .execute(&self.pool())
        .await?;
        Ok(claimed.rows_affected() > 0)
    }

    /// Records what a page says, or that it says nothing, for so long. The object of its picture was announced before. `false` if that
    /// object is already being deleted: then the page has no picture.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_page(
        &self,
        hash: &[u8; 32],
        preview: Option<&LinkPreview>,
        valid: Duration,
    ) -> Result<bool, Error> {
        let mut tx = self.pool().begin().await?;
        let mut preview = preview.cloned();
        let picture = preview.as_ref().and_then(|preview| preview.picture).map(|picture| picture.id.0);
        let mut is_kept = true;
        if let Some(picture) = picture {
            is_kept = adopt(&mut tx, &[picture]).await?;
            if is_kept {
                sqlx::query!("insert into page_pictures (id) values ($1)", picture).execute(&mut *tx).await?;
            } else if let Some(preview) = &mut preview {
                preview.picture = None;
            }
        }
        sqlx::query!(
            "insert into pages (hash, preview, picture_id, expires_at) values ($1, $2, $3, now() + $4::float8 * interval '1 second')
             on conflict (hash) do update
             set preview = excluded.preview, picture_id = excluded.picture_id, expires_at = excluded.expires_at, fetching_until = null",
            hash.as_slice(),
            preview.as_ref().map(Json) as _,
            picture.filter(|_| is_kept),
            valid.as_secs_f64()
        )
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(is_kept)
    }

    /// Changes what a message shows of its links to what `decide` says, from the state under the lock and from the addresses whose
    /// previews were removed; ends the job. Returns the message if it changed. Its author may have left the room.
    ///
    /// # Errors
    /// When the database fails. Then nothing was changed.
    pub async fn show_previews(
        &self,
        job: &Job,
        (room, seq): (RoomId, Seq),
        decide: impl FnOnce(&Message, &[String]) -> Vec<LinkPreview> + Send,
    ) -> Result<Option<Message>, Error> {
        let mut tx = self.pool().begin().await?;
        let message = match lock_room(&mut tx, room, job.user).await {
            Ok(_) => find(&mut tx, room, seq).await?,
            // Deleted meanwhile.
            Err(Error::NoSuchRoom) => None,
            Err(error) => return Err(error),
        };
        let mut changed = None;
        if let Some((message, removed)) = message.filter(|(message, _)| !message.deleted) {
            let mut previews = decide(&message, &removed);
            keep_pictures(&mut tx, &mut previews).await?;
            if previews != message.previews {
                changed = Some(change(&mut tx, room, Message { previews, ..message }, None).await?);
            }
        }
        finish(&mut tx, job).await?;
        tx.commit().await?;
        Ok(changed)
    }

    /// Removes previews from a message for good, if `allowed` agrees under the lock. Returns the message as it is now, and whether it
    /// changed.
    ///
    /// # Errors
    /// Those of `allowed`; [`Error::NoSuchRoom`] for someone who is not in the room, [`Error::NoSuchMessage`]; or when the database
    /// fails.
    pub async fn remove_previews<E: From<Error>>(
        &self,
        by: UserId,
        (room, seq): (RoomId, Seq),
        urls: &[String],
        allowed: impl FnOnce(&Locked, &Message) -> Result<(), E>,
    ) -> Result<(Message, bool), E> {
        let mut tx = self.pool().begin().await.map_err(Error::from)?;
        let (locked, message) = lock_message(&mut tx, by, room, seq).await?;
        allowed(&locked, &message)?;
        let (gone, previews): (Vec<_>, Vec<_>) =
            message.previews.iter().cloned().partition(|preview| urls.contains(&preview.url));
        if gone.is_empty() {
            return Ok((message, false));
        }
        let removed = find(&mut tx, room, seq).await?.map(|(_, removed)| removed).unwrap_or_default();
        let mut removed: Vec<String> =
            removed.into_iter().chain(gone.into_iter().map(|preview| preview.url)).collect();
        removed.drain(..removed.len().saturating_sub(REMOVED_MAX));
        let changed = change(&mut tx, room, Message { previews, ..message }, Some(&removed)).await?;
        tx.commit().await.map_err(Error::from)?;
        Ok((changed, true))
    }

    /// Whether someone may see a picture now: a message of a room that they are in shows it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn is_readable_picture(&self, picture: Uuid, reader: UserId) -> Result<bool, Error> {
        let readable = sqlx::query_scalar!(
            r#"select exists (
                select from shown_pictures s
                join members m on m.room_id = s.room_id and m.user_id = $2 and m.active
                join rooms r on r.id = s.room_id and r.deleted_at is null
                where s.picture_id = $1) as "readable!""#,
            picture,
            reader.0
        );
        Ok(readable.fetch_one(&self.pool()).await?)
    }

    /// Forgets pages that expired long ago, at most `count`. Says how many there were.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn forget_pages(&self, count: i64) -> Result<u64, Error> {
        let forgotten = sqlx::query!(
            "delete from pages where hash in (
                select hash from pages where expires_at < now() - $2::float8 * interval '1 hour'
                order by expires_at limit $1 for update skip locked)",
            count,
            EXPIRED_HOURS
        );
        Ok(forgotten.execute(&self.pool()).await?.rows_affected())
    }

    /// Looks at the next pictures after one, at most `count`, and deletes those that no page and no message has.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sweep_pictures(&self, after: Uuid, count: i64) -> Result<SweptPictures, Error> {
        let mut tx = self.pool().begin().await?;
        let ids = sqlx::query_scalar!(
            "select id from page_pictures where id > $1 order by id limit $2",
            after,
            count
        )
        .fetch_all(&mut *tx)
        .await?;
        // Whoever is just going to show one holds a lock on it, and is not waited for.
        let locked = sqlx::query_scalar!(
            "select id from page_pictures p where id = any($1) and created_at < now() - $2::float8 * interval '1 hour'
                and not exists (select from pages where picture_id = p.id)
                and not exists (select from shown_pictures where picture_id = p.id)
             order by id for update skip locked",
            &ids,
            UNUSED_HOURS
        )
        .fetch_all(&mut *tx)
        .await?;
        // Again, in a statement of its own, which sees what others have committed before it got the locks.
        let gone = sqlx::query_scalar!(
            "delete from page_pictures p where id = any($1)
                and not exists (select from pages where picture_id = p.id)
                and not exists (select from shown_pictures where picture_id = p.id)
             returning id",
            &locked
        )
        .fetch_all(&mut *tx)
        .await?;
        doom(&mut tx, &gone, READERS_WITHIN_S).await?;
        tx.commit().await?;
        let is_last = (ids.len() as i64) < count;
        Ok(SweptPictures { through: if is_last { None } else { ids.last().copied() }, deleted: gone.len() })
    }
}

/// A message, and the addresses whose previews were removed from it.
async fn find(
    tx: &mut PgTransaction<'_>,
    room: RoomId,
    seq: Seq,
) -> Result<Option<(Message, Vec<String>)>, Error> {
    let row = select_messages!("where m.room_id = $1 and m.seq = $2", room.0, seq.0);
    let Some(row) = row.fetch_optional(&mut **tx).await? else { return Ok(None) };
    let removed = sqlx::query_scalar!(
        "select removed_previews from messages where room_id = $1 and seq = $2",
        room.0,
        seq.0
    );
    Ok(Some((row.into(), removed.fetch_one(&mut **tx).await?.unwrap_or_default())))
}

/// Holds the pictures of these previews until the end of the transaction. One that was just deleted is left out.
async fn keep_pictures(tx: &mut PgTransaction<'_>, previews: &mut [LinkPreview]) -> Result<(), Error> {
    let pictures = pictures_of(previews);
    if pictures.is_empty() {
        return Ok(());
    }
    let kept = sqlx::query_scalar!(
        "select id from page_pictures where id = any($1) order by id for key share",
        &pictures
    )
    .fetch_all(&mut **tx)
    .await?;
    let kept: HashSet<Uuid> = kept.into_iter().collect();
    for preview in previews {
        preview.picture = preview.picture.filter(|picture| kept.contains(&picture.id.0));
    }
    Ok(())
}

fn pictures_of(previews: &[LinkPreview]) -> Vec<Uuid> {
    previews.iter().filter_map(|preview| preview.picture).map(|picture| picture.id.0).collect()
}

/// Writes what a message shows now, as the room's next change.
async fn change(
    tx: &mut PgTransaction<'_>,
    room: RoomId,
    message: Message,
    removed: Option<&[String]>,
) -> Result<Message, Error> {
    let seq = message.seq;
    let rev = take(tx, Line::Room(room), ItemKind::Message, &seq.to_string()).await?;
    sqlx::query!(
        "update messages set rev_seq = $3, previews = $4, removed_previews = coalesce($5, removed_previews)
         where room_id = $1 and seq = $2",
        room.0,
        seq.0,
        rev.0,
        stored(&message.previews) as _,
        removed
    )
    .execute(&mut **tx)
    .await?;
    show_pictures(tx, room, &message).await?;
    Ok(Message { rev, ..message })
}

/// The column of a message.
pub(super) fn stored(previews: &[LinkPreview]) -> Option<Json<&[LinkPreview]>> {
    Some(previews).filter(|previews| !previews.is_empty()).map(Json)
}

/// Lets the readers of a message see the pictures that it shows now, and no others.
pub(super) async fn show_pictures(
    tx: &mut PgTransaction<'_>,
    room: RoomId,
    message: &Message,
) -> Result<(), Error> {
    let pictures = pictures_of(&message.previews);
    sqlx::query!(
        "delete from shown_pictures where room_id = $1 and seq = $2 and picture_id <> all($3)",
        room.0,
        message.seq.0,
        &pictures
    )
    .execute(&mut **tx)
    .await?;
    if pictures.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into shown_pictures (picture_id, room_id, seq) select picture, $1, $2 from unnest($3::uuid[]) as picture
         on conflict do nothing",
        room.0,
        message.seq.0,
        &pictures
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
