//! Searching messages: what the filters of a query mean for the viewer, and the words around each hit.

use jiff::{civil, tz::TimeZone};
use protocol::{ErrorCode, File, FoundAfter, Hit, Message, Millis, Refusal, Reply, RoomId, UserId};

use super::{Context, Error};
use crate::{
    node::Node,
    search::{
        Plain,
        context::context,
        query::{Day, Filter, Is, Query, Term, Who},
        tags, words,
    },
    store::search::Wanted,
};

/// Up to this many rooms, their tags are part of what is looked up.
const ROOM_TAGS_MAX: usize = 256;

/// Messages that a query finds in the rooms that the viewer is in, or in one of them.
///
/// # Errors
/// Those of [`Query::parse`]; [`ErrorCode::RoomUnknown`] and [`ErrorCode::UserUnknown`] for a filter that names nothing;
/// [`ErrorCode::Busy`] when too many searches are running; [`ErrorCode::SearchTooWide`]; or when the database fails.
pub async fn search(
    cx: &Context,
    query: &str,
    room: Option<RoomId>,
    zone: &str,
    after: Option<FoundAfter>,
) -> Result<Reply, Error> {
    let query = Query::parse(query)?;
    if let Some(room) = room {
        cx.check_member(room).await?;
    }
    let permit = cx.node.search_permit().await?;
    let began = std::time::Instant::now();
    let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
    let mut wanted = wanted(cx, &query, &zone).await?;
    wanted.after = after;
    if let Some(room) = room {
        wanted.rooms.get_or_insert_with(|| vec![room]).retain(|one| *one == room);
    }
    let mine = match &wanted.rooms {
        Some(rooms) => rooms.clone(),
        None => cx.node.store.rooms_of(cx.viewer.user.id).await?,
    };
    wanted.words_in_rooms = in_rooms(wanted.words.as_deref(), &mine);
    let found = match cx.node.store.find_messages(cx.viewer.user.id, &wanted).await {
        Err(error) if error.is_slow() => return Err(ErrorCode::SearchTooWide.into()),
        found => found?,
    };
    drop(permit);
    cx.node.metrics.search_seconds.observe(began.elapsed().as_secs_f64());
    let people = cx.node.people_of(found.messages.iter().map(|(_, message)| message)).await?;
    let hit = |(room, message): &(RoomId, Message)| Hit {
        room: *room,
        context: context(&plain_of(message), &query.all),
        message: message.preview(),
    };
    Ok(Reply::Found {
        hits: found.messages.iter().map(hit).collect(),
        more: found.more,
        count: after.is_none().then_some(found.count),
        people,
    })
}

/// What is searched in a message: its text, that of what it forwards, and the options of its poll.
fn texts_of(message: &Message) -> impl Iterator<Item = &str> {
    let forwarded = message.forward.iter().map(|forward| forward.body.as_str());
    let options = message.poll.iter().flat_map(|poll| &poll.options).map(String::as_str);
    let all = std::iter::once(message.body.as_str()).chain(forwarded).chain(options);
    all.filter(|text| !text.is_empty())
}

/// The same without formatting, and the names of its files with what they show.
fn plain_of(message: &Message) -> Plain {
    let mut plain = Plain::of_all(texts_of(message));
    let forwarded = message.forward.iter().flat_map(|forward| &forward.files);
    let named = message.files.iter().chain(forwarded).flat_map(|file| [&file.name, &file.alt]);
    plain.texts.extend(named.filter(|text| !text.is_empty()).cloned());
    plain
}

/// The words of a message and its tags, as a `tsvector`.
#[must_use]
pub fn vector(room: RoomId, message: &Message) -> String {
    let plain = plain_of(message);
    let mut own = vec![tags::room(room.0), tags::author(message.author)];
    own.extend(message.mentions.iter().map(|mention| match mention.1 {
        Some(user) => tags::mentioned(user),
        None => tags::EVERYONE.to_owned(),
    }));
    own.extend(plain.has_link.then(|| tags::LINK.to_owned()));
    let forwarded = message.forward.iter().flat_map(|forward| &forward.files);
    let files: Vec<&File> = message.files.iter().chain(forwarded).collect();
    own.extend((!files.is_empty()).then(|| tags::FILE.to_owned()));
    own.extend(files.iter().any(|file| file.is_picture()).then(|| tags::IMAGE.to_owned()));
    own.extend(message.thread.is_some().then(|| tags::THREAD.to_owned()));
    words::vector(plain.texts.iter().chain(&plain.addresses).map(String::as_str), &own)
}

/// Indexes what is missing of these rooms: see [`Store::index`](crate::store::Store::index).
///
/// # Errors
/// When the database fails.
pub async fn index(
    node: &Node,
    rooms: &[RoomId],
    numbers: i64,
) -> Result<crate::store::search::Indexed, Error> {
    Ok(node.store.index(rooms, numbers, crate::search::RULES, vector).await?)
}

/// Looks up what the filters name.
async fn wanted(cx: &Context, query: &Query, zone: &TimeZone) -> Result<Wanted, Error> {
    let mut wanted = Wanted::default();
    let mut all = Expression::default();
    for term in &query.all {
        all.term(term, false);
    }
    for term in &query.none {
        all.term(term, true);
    }
    let (mut authors, mut mentioned) = (Vec::new(), Vec::new());
    for Filter { not, is } in &query.filters {
        match is {
            Is::From(who) => {
                let tag = tags::author(person(cx, who).await?);
                if *not { all.tags(&[tag], true) } else { authors.push(tag) }
            }
            Is::Mentions(who) => {
                let tags = mentions(cx, who).await?;
                if *not { all.tags(&tags, true) } else { mentioned.extend(tags) }
            }
            Is::In(name) => {
                let rooms = cx.node.store.rooms_named(cx.viewer.user.id, name).await?;
                if rooms.is_empty() {
                    return Err(Refusal::new(ErrorCode::RoomUnknown)
                        .detail("in: names a room of yours")
                        .into());
                }
                if *not {
                    wanted.not_rooms.extend(rooms)
                } else {
                    wanted.rooms.get_or_insert_default().extend(rooms)
                }
            }
            Is::Before(day) => {
                let until = midnight(*day, 0, zone)?;
                wanted.until = Some(wanted.until.map_or(until, |other| other.min(until)));
            }
            Is::After(day) => {
                let since = midnight(*day, 1, zone)?;
                wanted.since = Some(wanted.since.map_or(since, |other| other.max(since)));
            }
            Is::HasLink => all.tags(&[tags::LINK.to_owned()], *not),
            Is::HasFile => all.tags(&[tags::FILE.to_owned()], *not),
            Is::HasImage => all.tags(&[tags::IMAGE.to_owned()], *not),
            Is::Thread => all.tags(&[tags::THREAD.to_owned()], *not),
            Is::Pinned => wanted.pinned = true,
            Is::Saved => wanted.saved = true,
        }
    }
    all.tags(&authors, false);
    all.tags(&mentioned, false);
    wanted.words = all.into_text();
    Ok(wanted)
}

/// The expression together with «in one of these rooms».
fn in_rooms(words: Option<&str>, rooms: &[RoomId]) -> Option<String> {
    if rooms.is_empty() || rooms.len() > ROOM_TAGS_MAX {
        return None;
    }
    let mut all = Expression { text: words.unwrap_or_default().to_owned() };
    all.tags(&rooms.iter().map(|room| tags::room(room.0)).collect::<Vec<_>>(), false);
    all.into_text()
}

async fn person(cx: &Context, who: &Who) -> Result<UserId, Error> {
    let me = cx.viewer.user.id;
    let found = match who {
        Who::Me => Some(me),
        Who::Handle(handle) => cx.node.store.user_named(me, handle).await?,
    };
    found.ok_or_else(|| unknown("from: names a person's handle"))
}

/// Any of these tags means the person: they were mentioned themselves, or everyone was. Of the viewer, also their groups are known. A
/// group is only meant by its own name.
async fn mentions(cx: &Context, who: &Who) -> Result<Vec<String>, Error> {
    let me = cx.viewer.user.id;
    let user = match who {
        Who::Me => me,
        Who::Handle(handle) => match cx.node.store.user_named(me, handle).await? {
            Some(user) => user,
            None => {
                let group = cx.node.store.group_named(me, handle).await?;
                let group =
                    group.ok_or_else(|| unknown("mentions: names the handle of a person or a group"))?;
                return Ok(vec![tags::mentioned(group)]);
            }
        },
    };
    let mut tags = vec![tags::mentioned(user), tags::EVERYONE.to_owned()];
    if user == me {
        let groups = cx.node.store.list_in_groups(me).await?;
        tags.extend(groups.iter().map(|own| tags::mentioned(own.group)));
    }
    Ok(tags)
}

fn unknown(detail: &'static str) -> Error {
    Refusal::new(ErrorCode::UserUnknown).detail(detail).into()
}

/// The beginning of a day, or of one `later`.
fn midnight(day: Day, later: i64, zone: &TimeZone) -> Result<Millis, Error> {
    let invalid = || Error::from(ErrorCode::DateInvalid);
    let date = civil::Date::new(day.year, day.month, day.day).map_err(|_| invalid())?;
    let date = date.checked_add(jiff::Span::new().days(later)).map_err(|_| invalid())?;
    let begin = zone.to_timestamp(date.to_datetime(civil::Time::midnight())).map_err(|_| invalid())?;
    Ok(begin.as_millisecond())
}

/// A `tsquery` in which everything must hold.
#[derive(Default)]
struct Expression {
    text: String,
}

impl Expression {
    fn and(&mut self, not: bool) {
        if !self.text.is_empty() {
            self.text.push('&');
        }
        if not {
            self.text.push('!');
        }
    }

    fn term(&mut self, term: &Term, not: bool) {
        self.and(not);
        term.push_tsquery(&mut self.text);
    }

    /// Any of these tags.
    fn tags(&mut self, tags: &[String], not: bool) {
        if tags.is_empty() {
            return;
        }
        self.and(not);
        self.text.push('(');
        for (n, tag) in tags.iter().enumerate() {
            if n > 0 {
                self.text.push('|');
            }
            words::push_quoted(&mut self.text, tag);
        }
        self.text.push(')');
    }

    fn into_text(self) -> Option<String> {
        Some(self.text).filter(|text| !text.is_empty())
    }
}
