//! Mentions: who the names in a message refer to when it is stored.
//!
//! A name is resolved under the room's lock, once. From then on the message carries the id of the
//! person or group, so it follows renames, also when the handle belongs to somebody else by then, and
//! when the message is edited. The table `mentions` has a row for each mentioned member of the room,
//! for everyone, and for each group, for counting unread mentions.
//!
//! Law: a mention of a group counts for whoever is in the group *and* in the room, at the moment of
//! counting, like that of everyone. Nothing is stored for people who are not in the room.

use protocol::{
    Mention, Message, RoomId, Seq, UserId,
    limits::{GROUP_MENTIONS_MAX, GROUP_OPEN_MAX},
    rights,
};
use uuid::Uuid;

use super::{Error, messages::members_with_roles};

/// A name, and whom it refers to.
pub(super) struct Mentioned {
    pub(super) mention: Mention,
    /// Whether they are in the room; always true for everyone and for a group.
    pub(super) is_here: bool,
}

/// A text that mentions names: its room, its author, the names, and the groups that it mentions besides.
pub(super) struct Mentioning<'a> {
    pub(super) room: RoomId,
    pub(super) author: UserId,
    pub(super) names: &'a [String],
    pub(super) kept: Kept,
}

/// The groups that an edited text has mentioned before and still does; none in a new message.
#[derive(Clone, Copy, Default)]
pub(super) struct Kept {
    groups: usize,
    /// People in them together.
    people: i64,
}

/// A message that mentions people: its room, number, author, and the people and groups mentioned
/// ([`EVERYONE`] for all).
pub(super) type Written = (RoomId, Seq, UserId, Vec<Uuid>);

/// Stands for everyone in the room.
pub(super) const EVERYONE: Uuid = Uuid::nil();

/// Whether a name means everyone in the room; must agree with [`markup::Mention`].
fn means_everyone(name: &str) -> bool {
    matches!(name, "here" | "everyone")
}

/// Resolves the names of each text, in order. Leaves out unknown names, and, where the author may not mention
/// everyone, "everyone" and the groups by which the text has more than [`GROUP_OPEN_MAX`] people in groups,
/// counted from the smallest. Guests can mention only members of the room, because they may not learn who
/// else exists.
pub(super) async fn find(
    tx: &mut sqlx::PgTransaction<'_>,
    texts: &[Mentioning<'_>],
) -> Result<Vec<Vec<Mentioned>>, Error> {
    let (mut places, mut rooms, mut authors, mut handles) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (text, place) in texts.iter().zip(0_i32..) {
        for name in text.names.iter().filter(|name| !means_everyone(name)) {
            places.push(place);
            rooms.push(text.room.0);
            authors.push(text.author.0);
            handles.push(name.clone());
        }
    }
    let mut found: Vec<Vec<Mentioned>> = texts.iter().map(|_| Vec::new()).collect();
    // What reaches many people: `@everyone`, and groups that are large, alone or together.
    let mut to_many: Vec<Vec<Mentioned>> = texts.iter().map(everyone).collect();
    if !handles.is_empty() {
        let rows = sqlx::query!(
            r#"select k.place as "place!", k.handle as "handle!", coalesce(u.id, g.id) as "id!",
                m.user_id is not null or g.id is not null as "is_here!", g.id is not null as "is_group!",
                coalesce(sum(g.members) over (partition by k.place order by g.members, k.nth), 0) as "people!"
             from unnest($1::int[], $2::uuid[], $3::uuid[], $4::text[]) with ordinality as k (place, room, author, handle, nth)
             join users a on a.id = k.author
             left join users u on u.handle = k.handle
             left join groups g on g.handle = k.handle
             left join members m on m.room_id = k.room and m.user_id = u.id and m.active
             where m.user_id is not null or (a.role <> 'guest' and (u.id is not null or g.id is not null))
             order by k.nth"#,
            &places,
            &rooms,
            &authors,
            &handles
        )
        .fetch_all(&mut **tx)
        .await?;
        let mut groups: Vec<usize> = texts.iter().map(|text| text.kept.groups).collect();
        for row in rows {
            let Some(place) = usize::try_from(row.place).ok().filter(|place| *place < texts.len()) else {
                continue;
            };
            let one = Mentioned { mention: Mention(row.handle, Some(UserId(row.id))), is_here: row.is_here };
            if row.is_group {
                groups[place] += 1;
                if groups[place] > GROUP_MENTIONS_MAX {
                    continue;
                }
                if texts[place].kept.people + row.people > i64::from(GROUP_OPEN_MAX) {
                    to_many[place].push(one);
                    continue;
                }
            }
            found[place].push(one);
        }
    }
    add_allowed(tx, texts, to_many, &mut found).await?;
    Ok(found)
}

/// The mention of everyone in a text, if there is one.
fn everyone(text: &Mentioning<'_>) -> Vec<Mentioned> {
    let name = text.names.iter().find(|name| means_everyone(name));
    name.map(|name| Mentioned { mention: Mention(name.clone(), None), is_here: true }).into_iter().collect()
}

/// Adds what reaches many people, where the author may mention everyone.
async fn add_allowed(
    tx: &mut sqlx::PgTransaction<'_>,
    texts: &[Mentioning<'_>],
    to_many: Vec<Vec<Mentioned>>,
    found: &mut [Vec<Mentioned>],
) -> Result<(), Error> {
    let asking = texts.iter().zip(&to_many).filter(|(_, to_many)| !to_many.is_empty());
    let (rooms, authors): (Vec<Uuid>, Vec<Uuid>) =
        asking.map(|(text, _)| (text.room.0, text.author.0)).unzip();
    if rooms.is_empty() {
        return Ok(());
    }
    let members = members_with_roles(tx, &rooms, &authors).await?;
    for ((text, found), to_many) in texts.iter().zip(found).zip(to_many) {
        let may = members.get(&(text.room, text.author)).is_some_and(|(room, role, workspace)| {
            rights::check(room, *role, *workspace, |rights| rights.mention).is_ok()
        });
        if may {
            found.extend(to_many);
        }
    }
    Ok(())
}

/// The mentioned people who are in the room, and the groups, as they are stored.
pub(super) fn here(mentioned: &[Mentioned]) -> Vec<Uuid> {
    let here = mentioned.iter().filter(|one| one.is_here);
    here.map(|one| one.mention.1.map_or(EVERYONE, |user| user.0)).collect()
}

/// Stores mentions.
pub(super) async fn write(tx: &mut sqlx::PgTransaction<'_>, written: &[Written]) -> Result<(), Error> {
    let (mut rooms, mut users, mut seqs, mut authors) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (room, seq, author, mentioned) in written {
        for user in mentioned {
            rooms.push(room.0);
            users.push(*user);
            seqs.push(seq.0);
            authors.push(author.0);
        }
    }
    if rooms.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into mentions (room_id, user_id, seq, by_id)
         select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::uuid[]) on conflict do nothing",
        &rooms,
        &users,
        &seqs,
        &authors
    )
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// Replaces the mentions of a message whose text has changed or was deleted; returns the new ones. A name
/// that it has mentioned before keeps its person, who may have another handle by now.
pub(super) async fn replace(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    before: &Message,
    names: &[String],
) -> Result<Vec<Mention>, Error> {
    if !before.mentions.is_empty() {
        let users: Vec<Uuid> =
            before.mentions.iter().map(|mention| mention.1.map_or(EVERYONE, |user| user.0)).collect();
        sqlx::query!(
            "delete from mentions where room_id = $1 and user_id = any($2) and seq = $3",
            room.0,
            &users,
            before.seq.0
        )
        .execute(&mut **tx)
        .await?;
    }
    if names.is_empty() {
        return Ok(Vec::new());
    }
    let (mut mentioned, kept) = keep(tx, room, before, names).await?;
    let is_new = |name: &&String| !mentioned.iter().any(|kept| kept.mention.0 == **name);
    let names: Vec<String> = names.iter().filter(is_new).cloned().collect();
    let asked = Mentioning { room, author: before.author, names: &names, kept };
    mentioned.extend(find(tx, &[asked]).await?.pop().unwrap_or_default());
    write(tx, &[(room, before.seq, before.author, here(&mentioned))]).await?;
    Ok(mentioned.into_iter().map(|one| one.mention).collect())
}

/// The people and groups whom these names have meant in a message so far, and how many of them are groups.
async fn keep(
    tx: &mut sqlx::PgTransaction<'_>,
    room: RoomId,
    before: &Message,
    names: &[String],
) -> Result<(Vec<Mentioned>, Kept), Error> {
    let kept = before.mentions.iter().filter(|mention| mention.1.is_some() && names.contains(&mention.0));
    let kept: Vec<Mention> = kept.cloned().collect();
    if kept.is_empty() {
        return Ok(Default::default());
    }
    let users: Vec<Uuid> = kept.iter().filter_map(|mention| mention.1).map(|user| user.0).collect();
    let here = sqlx::query!(
        r#"select user_id as "id!", null::int as group from members
         where room_id = $1 and user_id = any($2) and active
         union all select id, members from groups where id = any($2) and handle is not null"#,
        room.0,
        &users
    )
    .fetch_all(&mut **tx)
    .await?;
    let is_here = |mention: &Mention| here.iter().any(|row| mention.1 == Some(UserId(row.id)));
    let mentioned =
        kept.into_iter().map(|mention| Mentioned { is_here: is_here(&mention), mention }).collect();
    let sizes = || here.iter().filter_map(|row| row.group);
    Ok((mentioned, Kept { groups: sizes().count(), people: sizes().map(i64::from).sum() }))
}
