//! Files: which ones messages show, and who may read them. See `migrations/0031_files.sql`.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use protocol::{Attachment, File, FileId, Picture, RoomId, Seq, UserId};
use sqlx::PgTransaction;
use uuid::Uuid;

use super::Error;

/// Finds the files of new messages, by their authors. Calls `found` with the place of each message that has files, and with what it then
/// shows; `None` if one of them does not exist, is not complete, or is not the author's.
pub(super) async fn find<'a>(
    tx: &mut PgTransaction<'_>,
    sent: impl Iterator<Item = (UserId, &'a [Attachment])> + Clone,
    mut found: impl FnMut(usize, Option<Vec<File>>),
) -> Result<(), Error> {
    let ids: Vec<Uuid> = sent.clone().flat_map(|(_, files)| files).map(|file| file.id.0).collect();
    // The lock keeps them from being collected as unused until the message refers to them.
    let rows = sqlx::query!(
        r#"select f.id, f.owner_id, f.name, f.size, b.media, b.width, b.height, b.blur, b.excerpt
         from files f join blobs b on b.hash = f.hash where f.id = any($1) order by f.id for key share of f"#,
        &ids
    )
    .fetch_all(&mut **tx)
    .await?;
    let known: HashMap<(FileId, UserId), File> = rows
        .into_iter()
        .map(|row| {
            let picture = picture(row.width, row.height, row.blur.as_deref());
            let (id, size) = (FileId(row.id), u64::try_from(row.size).unwrap_or_default());
            let (alt, excerpt) = (String::new(), row.excerpt.unwrap_or_default());
            let file = File { id, name: row.name, size, media: row.media, alt, picture, excerpt };
            ((id, UserId(row.owner_id)), file)
        })
        .collect();
    for (place, (author, files)) in sent.enumerate().filter(|(_, (_, files))| !files.is_empty()) {
        let shown = files.iter().map(|one| {
            let file = known.get(&(one.id, author))?;
            Some(File { alt: one.alt.clone(), ..file.clone() })
        });
        found(place, shown.collect());
    }
    Ok(())
}

/// What `blobs` says of a picture.
pub(super) fn picture(width: Option<i32>, height: Option<i32>, blur: Option<&[u8]>) -> Option<Picture> {
    let pixels = |side: Option<i32>| u32::try_from(side?).ok();
    Some(Picture {
        width: pixels(width)?,
        height: pixels(height)?,
        blur: blur.map(|blur| STANDARD.encode(blur)).unwrap_or_default(),
    })
}

/// Lets the readers of messages read their files. A forwarded file may be gone if its message was deleted long before the forward was
/// stored; the message then shows that it is gone.
pub(super) async fn attach<'a>(
    tx: &mut PgTransaction<'_>,
    shown: impl Iterator<Item = (RoomId, Seq, &'a [File])>,
) -> Result<(), Error> {
    let (mut files, mut rooms, mut seqs) = (Vec::new(), Vec::new(), Vec::new());
    for (room, seq, shown) in shown {
        for file in shown {
            files.push(file.id.0);
            rooms.push(room.0);
            seqs.push(seq.0);
        }
    }
    if files.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into attachments (file_id, room_id, seq)
         select f.id, k.room, k.seq from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as k (file, room, seq)
         join files f on f.id = k.file
         order by f.id for key share of f
         on conflict do nothing",
        &files,
        &rooms,
        &seqs
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}
