//! Files: uploaded as browsers do it while everything breaks, and read by others afterwards.
//!
//! A file's content follows from its id and size, so everybody can tell whether it is the right one.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::StreamExt as _;
use protocol::{File, FileId, Nonce, RoomId, Seq, UserId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{
    cluster::{Address, Fallible, request_with},
    log::Log,
    violation::{Kind, Violation},
};

/// Bytes in one request. Servers cut a body into parts of 4 MiB.
const PIECE: usize = 4_500_000;
/// The pause before an upload is tried again.
const PAUSE: Duration = Duration::from_millis(300);
/// One file in so many has the same content as others of its size.
const SHARED: u8 = 6;
/// Files that are read at a time.
const READ_AT_ONCE: usize = 8;
/// How often a file is asked for, before its reader gives up.
const TRIES: usize = 3;

/// The content of a file, in ASCII.
#[must_use]
pub fn content(id: FileId, size: usize) -> String {
    let line = if id.0.as_bytes()[0].is_multiple_of(SHARED) {
        "The same again. ".to_owned()
    } else {
        format!("{id} ")
    };
    line.chars().cycle().take(size).collect()
}

/// What is known of a file before it is uploaded.
#[must_use]
pub fn local(id: FileId, size: usize) -> File {
    let (name, media) = (format!("{id}.txt"), "text/plain".to_owned());
    File { id, name, size: size as u64, media, alt: String::new(), picture: None, excerpt: String::new() }
}

/// Uploads a file by tus, and tries again until a server has it.
pub async fn upload(address: Address, cookie: String, id: FileId, size: usize) -> File {
    let content = content(id, size);
    loop {
        if let Ok(Some(file)) = try_to_upload(&address, &cookie, id, &content).await {
            return file;
        }
        tokio::time::sleep(PAUSE.mul_f64(rand::random_range(0.5..2.0))).await;
    }
}

async fn try_to_upload(address: &Address, cookie: &str, id: FileId, content: &str) -> Fallible<Option<File>> {
    let path = format!("/uploads/{id}");
    let ask = async |line: String, headers: &[(&str, &str)], body: &str| {
        let mut all = vec![("Cookie", cookie), ("Origin", &address.origin), ("Tus-Resumable", "1.0.0")];
        all.extend(headers);
        request_with(address.addr, &line, &all, body).await
    };
    let mut answer = ask(format!("HEAD {path} HTTP/1.1"), &[], "").await?;
    if status(&answer) == Some(404) {
        let encode = |text: String| STANDARD.encode(text);
        let metadata =
            format!("id {},filename {}", encode(id.to_string()), encode(local(id, content.len()).name));
        let length = content.len().to_string();
        let headers = [("Upload-Length", length.as_str()), ("Upload-Metadata", metadata.as_str())];
        answer = ask("POST /uploads HTTP/1.1".to_owned(), &headers, "").await?;
    }
    loop {
        if let Some(file) = header(&answer, "roost-file") {
            return Ok(Some(serde_json::from_str(file)?));
        }
        let is_done = status(&answer).is_some_and(|status| (200..300).contains(&status));
        let Some(offset) = header(&answer, "upload-offset").filter(|_| is_done) else { return Ok(None) };
        let from: usize = offset.parse()?;
        let piece = content.get(from..content.len().min(from + PIECE)).unwrap_or_default();
        let headers = [("Upload-Offset", offset), ("Content-Type", "application/offset+octet-stream")];
        answer = ask(format!("PATCH {path} HTTP/1.1"), &headers, piece).await?;
    }
}

fn status(answer: &str) -> Option<u16> {
    answer.split_whitespace().nth(1)?.parse().ok()
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// A stored message with files.
#[derive(Clone, Debug)]
pub struct WithFiles {
    /// Where it is …
    pub at: (RoomId, Seq),
    /// … and what it shows.
    pub files: Vec<File>,
    /// Who is in the room.
    pub members: BTreeSet<UserId>,
    /// Who may read each of them: the members of this room, and of those to which the message was forwarded.
    pub readers: BTreeMap<FileId, BTreeSet<UserId>>,
}

/// The messages after these numbers that have files, by author and nonce. A deleted one has none.
///
/// # Errors
/// When the database fails.
pub async fn stored(
    pool: &PgPool,
    bases: &BTreeMap<RoomId, Seq>,
) -> Fallible<BTreeMap<(UserId, Nonce), WithFiles>> {
    let rows: Vec<(Uuid, i64, Uuid, Uuid, serde_json::Value)> = sqlx::query_as(
        "select room_id, seq, author_id, nonce, coalesce(files, '[]') from messages
         where files is not null or deleted_at is not null",
    )
    .fetch_all(pool)
    .await?;
    let mut members: BTreeMap<RoomId, BTreeSet<UserId>> = BTreeMap::new();
    let memberships: Vec<(Uuid, Uuid)> =
        sqlx::query_as("select room_id, user_id from members where active").fetch_all(pool).await?;
    for (room, user) in memberships {
        members.entry(RoomId(room)).or_default().insert(UserId(user));
    }
    let mut readers: BTreeMap<FileId, BTreeSet<UserId>> = BTreeMap::new();
    let allowed: Vec<(Uuid, Uuid)> = sqlx::query_as(
        "select a.file_id, m.user_id from attachments a join members m on m.room_id = a.room_id and m.active",
    )
    .fetch_all(pool)
    .await?;
    for (file, user) in allowed {
        readers.entry(FileId(file)).or_default().insert(UserId(user));
    }
    let mut found = BTreeMap::new();
    for (room, seq, author, nonce, files) in rows {
        let (room, seq) = (RoomId(room), Seq(seq));
        if bases.get(&room).is_none_or(|base| seq > *base) {
            let members = members.get(&room).cloned().unwrap_or_default();
            let files: Vec<File> = serde_json::from_value(files)?;
            let own = |file: &File| Some((file.id, readers.get(&file.id)?.clone()));
            let readers = files.iter().filter_map(own).collect();
            found.insert(
                (UserId(author), Nonce(nonce)),
                WithFiles { at: (room, seq), files, members, readers },
            );
        }
    }
    Ok(found)
}

/// Acknowledged with a file ⇒ stored with it.
#[must_use]
pub fn check_acknowledged(
    user: UserId,
    log: &Log,
    stored: &BTreeMap<(UserId, Nonce), WithFiles>,
) -> Vec<Violation> {
    let mut found = Vec::new();
    for nonce in log.acknowledged.keys() {
        let Some((written, file)) = log.written.get(nonce).and_then(|one| Some((one, one.file?))) else {
            continue;
        };
        let has_it = stored.get(&(user, *nonce)).is_some_and(|message| {
            // A deleted message has none.
            message.files.is_empty() || message.files.iter().any(|own| own.id == file)
        });
        if !has_it {
            let detail = format!("{} was acknowledged without its file {file}", written.token);
            found.push(Violation::new(Kind::Lost, &log.name, written.room, Seq::ZERO, detail));
        }
    }
    found
}

/// Somebody with the address and the cookie with which they read.
pub type Reader = (UserId, Address, String);

/// Reads every file as a member of its room, and as somebody who is not.
pub async fn check_readable(stored: Vec<WithFiles>, readers: &[Reader]) -> Vec<Violation> {
    let check = |message: WithFiles| async move {
        let mut found = Vec::new();
        for file in &message.files {
            let (room, seq) = message.at;
            let pick = |is_wanted: &dyn Fn(&UserId) -> bool| {
                // Not always the same person.
                let some = readers.iter().cycle().skip(usize::from(file.id.0.as_bytes()[15]));
                some.take(readers.len()).find(|(user, ..)| is_wanted(user))
            };
            let may_read = message.readers.get(&file.id);
            let expected = content(file.id, usize::try_from(file.size).unwrap_or_default());
            if let Some((_, address, cookie)) = pick(&|user| message.members.contains(user))
                && let Err(what) = read(address, cookie, file.id).await.and_then(|read| match read {
                    Some(read) if read == expected => Ok(()),
                    Some(read) => Err(format!("{} bytes instead of {}", read.len(), expected.len())),
                    None => Err("no such file".to_owned()),
                })
            {
                let detail = format!("the file {}: {what}", file.id);
                found.push(Violation::new(Kind::Lost, "a member", room, seq, detail));
            }
            if let Some((_, address, cookie)) = pick(&|user| may_read.is_none_or(|may| !may.contains(user)))
                && read(address, cookie, file.id).await != Ok(None)
            {
                let detail = format!("somebody who is not in the room reads the file {}", file.id);
                found.push(Violation::new(Kind::Unexpected, "a stranger", room, seq, detail));
            }
        }
        found
    };
    let checks = futures::stream::iter(stored.into_iter().map(check)).buffer_unordered(READ_AT_ONCE);
    checks.collect::<Vec<_>>().await.concat()
}

/// The content of a file, as a browser gets it; `None` if there is none for this person.
async fn read(address: &Address, cookie: &str, id: FileId) -> Result<Option<String>, String> {
    let mut last = String::new();
    for _ in 0..TRIES {
        let (line, headers) =
            (format!("GET /files/{id} HTTP/1.1"), [("Cookie", cookie), ("Origin", &address.origin)]);
        match request_with(address.addr, &line, &headers, "").await {
            Ok(answer) => match (status(&answer), answer.split_once("\r\n\r\n")) {
                (Some(200), Some((_, body))) => return Ok(Some(body.to_owned())),
                (Some(404), _) => return Ok(None),
                (status, _) => last = format!("status {status:?}"),
            },
            Err(error) => last = error.to_string(),
        }
        tokio::time::sleep(PAUSE).await;
    }
    Err(last)
}

/// Compares the folder of files with the database: what it refers to must be there, and what is there must be referred to, or be due to
/// be deleted. Returns what is missing, and what nobody knows of.
///
/// # Errors
/// When the database or the folder cannot be read.
pub async fn compare_folder(pool: &PgPool, folder: &Path) -> Fallible<(Vec<Uuid>, BTreeSet<Uuid>)> {
    // In this order: an object is announced before it is stored.
    let there = objects(folder)?;
    let rows: Vec<(Uuid, bool)> = sqlx::query_as(
        "select object, true from blobs
         union all select k.object, true from blobs, unnest(array[small, large]) as k (object) where k.object is not null
         union all select object, true from upload_parts
         union all select picture, true from users where picture is not null
         union all select id, true from page_pictures
         union all select object, false from doomed_objects",
    )
    .fetch_all(pool)
    .await?;
    let known: BTreeSet<Uuid> = rows.iter().map(|(object, _)| *object).collect();
    let needed: Vec<Uuid> =
        rows.into_iter().filter(|(_, is_needed)| *is_needed).map(|(object, _)| object).collect();
    let now = objects(folder)?;
    let missing = needed.into_iter().filter(|object| !now.contains(object)).collect();
    Ok((missing, there.into_iter().filter(|object| !known.contains(object)).collect()))
}

fn objects(folder: &Path) -> Fallible<BTreeSet<Uuid>> {
    let mut found = BTreeSet::new();
    for part in std::fs::read_dir(folder)? {
        let part = part?.path();
        if part.is_dir() {
            for file in std::fs::read_dir(part)? {
                // What a killed server was just writing has a longer name.
                found.extend(file?.file_name().to_str().and_then(|name| name.parse::<Uuid>().ok()));
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::{Acknowledged, Token, Written};

    #[test]
    fn an_answer_is_read() {
        let answer =
            "HTTP/1.1 204 No Content\r\nUpload-Offset: 9\r\nroost-file: {\"a\": 1}\r\n\r\nUpload-Offset: 7";
        assert_eq!(status(answer), Some(204));
        assert_eq!(header(answer, "upload-offset"), Some("9"));
        assert_eq!(header(answer, "roost-file"), Some("{\"a\": 1}"));
        assert_eq!(header(answer, "location"), None);
    }

    #[test]
    fn an_acknowledged_file_that_is_not_stored_is_found() {
        let (ana, nonce, file) =
            (UserId(Uuid::from_u128(1)), Nonce(Uuid::from_u128(2)), FileId(Uuid::from_u128(3)));
        let room = RoomId(Uuid::from_u128(4));
        let mut log = Log::of("ana");
        let written = Written { room, token: Token::scheduled(0, 1), at: 0, file: Some(file) };
        log.written.insert(nonce, written);
        log.acknowledged.insert(nonce, Acknowledged { seq: Some(Seq(5)), at: 0 });
        let with = |files: Vec<File>| {
            let (members, readers) = (BTreeSet::new(), BTreeMap::new());
            let message = WithFiles { at: (room, Seq(5)), files, members, readers };
            check_acknowledged(ana, &log, &BTreeMap::from([((ana, nonce), message)])).len()
        };
        assert_eq!(with(vec![local(file, 9)]), 0);
        assert_eq!(with(vec![local(FileId(Uuid::from_u128(9)), 9)]), 1);
        assert_eq!(with(Vec::new()), 0, "it was deleted");
        assert_eq!(check_acknowledged(ana, &log, &BTreeMap::new()).len(), 1);
    }
}
