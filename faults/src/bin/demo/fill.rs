//! Makes people create a room and talk in it. Every step is safe to repeat, because the protocol's own
//! commands are.

use std::collections::{BTreeMap, BTreeSet};

use faults::cluster::Fallible;
use protocol::{Command, Message, Millis, Nonce, Reply, RoomId, RoomKind, UserId};
use sqlx::PgPool;
use uuid::{Builder, Uuid};

use crate::{
    log, past,
    person::{Person, unexpected},
    workspace::{GUEST, Kind, Room, ScriptedMessage, Talk},
};

/// The people, by their handles.
pub(crate) type People = BTreeMap<&'static str, Person>;

/// The result of filling a room.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filled {
    pub(crate) messages: usize,
    /// Messages that did not exist before.
    pub(crate) new: usize,
}

/// Fills one room. `began` is when this run started, by the database's clock.
///
/// # Errors
/// When a command is refused, or the database fails.
pub(crate) async fn room(pool: &PgPool, people: &mut People, room: &Room, began: Millis) -> Fallible<Filled> {
    match room.talk {
        Talk::Lines(lines) => talk(pool, people, room, lines, began).await,
        Talk::Log(count) => {
            let entries = log::entries(count);
            talk(pool, people, room, &log::lines(&entries), began).await
        }
    }
}

async fn talk(
    pool: &PgPool,
    people: &mut People,
    room: &Room,
    lines: &[ScriptedMessage<'_>],
    began: Millis,
) -> Fallible<Filled> {
    let id = enter(people, room).await?;
    let messages = say(people, room, id, lines).await?;
    for (line, message) in lines.iter().zip(&messages) {
        change(people, id, line, message).await?;
    }
    read(people, room, id, &messages).await?;
    let times = past::times(lines, began - room.ended * 60_000);
    let is_new = |message: &Message| message.sent_at >= began;
    let new: Vec<_> = messages.iter().zip(times).filter(|(message, _)| is_new(message)).collect();
    let times: Vec<_> = new.iter().map(|(message, at)| (message.seq, *at)).collect();
    if !times.is_empty() {
        past::set(pool, id, began, &times).await?;
    }
    Ok(Filled { messages: messages.len(), new: times.len() })
}

/// Creates the room, and adds everybody.
async fn enter(people: &mut People, room: &Room) -> Fallible<RoomId> {
    let others: Vec<UserId> =
        room.members[1..].iter().map(|who| person(people, who).map(|one| one.id)).collect::<Fallible<_>>()?;
    let maker = person(people, room.members[0])?;
    let kind = match room.kind {
        Kind::Direct => {
            return summary(maker.ask(Command::StartDirect { user: others[0] }).await?);
        }
        Kind::First | Kind::Channel => RoomKind::Channel,
        Kind::Group => RoomKind::Group,
    };
    let (title, topic) = (room.title.to_owned(), room.topic.to_owned());
    let id = match first_channel(maker, room) {
        // The person who named the workspace created this channel, without a topic.
        Some(known) if known.topic.is_empty() => {
            maker.ask(Command::SetRoom { room: known.id, title, topic }).await?;
            known.id
        }
        Some(known) => known.id,
        None => {
            let nonce = nonce(&[room.title]);
            summary(maker.ask(Command::CreateRoom { nonce, kind, title, topic }).await?)?
        }
    };
    if kind == RoomKind::Group {
        maker.ask(Command::Invite { room: id, users: others }).await?;
    } else {
        for who in &room.members[1..] {
            person(people, who)?.ask(Command::Join { room: id }).await?;
        }
    }
    Ok(id)
}

/// The channel that was created with the workspace, if this room is that one. A workspace that others have
/// named may have none.
fn first_channel(maker: &Person, room: &Room) -> Option<protocol::Room> {
    let mut known = maker.rooms.iter().map(|summary| &summary.room);
    let is_it = |known: &&protocol::Room| known.kind == RoomKind::Channel && known.title == room.title;
    if room.kind == Kind::First { known.find(is_it).cloned() } else { None }
}

/// Sends the lines in order. Consecutive lines of one person are pipelined.
async fn say(
    people: &mut People,
    room: &Room,
    id: RoomId,
    lines: &[ScriptedMessage<'_>],
) -> Fallible<Vec<Message>> {
    let mut messages: Vec<Message> = Vec::with_capacity(lines.len());
    // The root of a thread must be there before its replies.
    let goes_on =
        |one: &ScriptedMessage<'_>, next: &ScriptedMessage<'_>| one.who == next.who && next.under.is_none();
    for (turn, run) in lines.chunk_by(goes_on).enumerate() {
        let root = |line: &ScriptedMessage<'_>| {
            let root = messages
                .iter()
                .zip(lines)
                .find(|(_, said)| line.under.is_some_and(|under| said.text.starts_with(under)));
            root.map(|(message, _)| message.seq)
        };
        let said = |line: &ScriptedMessage<'_>| nonce(&[room.title, line.who, line.text]);
        let texts: Vec<_> =
            run.iter().map(|line| (said(line), line.text, root(line), line.new_poll())).collect();
        messages.extend(person(people, run[0].who)?.say(id, &texts).await?);
        if turn % STAY_AWAKE_EVERY == 0 {
            stay_awake(people).await?;
        }
    }
    Ok(messages)
}

/// Edits, reactions and everything else after the first text. Whatever already holds is left alone.
async fn change(
    people: &mut People,
    room: RoomId,
    line: &ScriptedMessage<'_>,
    message: &Message,
) -> Fallible<()> {
    let seq = message.seq;
    if message.deleted {
        return Ok(());
    }
    if let (Some(text), 0) = (line.edited, message.edits) {
        let edit = Command::Edit { room, seq, edits: 0, body: text.to_owned() };
        person(people, line.who)?.ask(edit).await?;
    }
    for (emoji, chosen_by) in line.reactions {
        for who in *chosen_by {
            let react = Command::React { room, seq, emoji: (*emoji).to_owned(), on: true };
            person(people, who)?.ask_once_inside(react).await?;
        }
    }
    let voters: BTreeSet<&str> = line.poll.iter().flat_map(|(_, who)| who.iter().copied()).collect();
    for who in voters {
        let chose =
            |(place, (_, chosen_by)): (u8, &(&str, &[&str]))| chosen_by.contains(&who).then_some(place);
        let choices = (0..).zip(line.poll).filter_map(chose).collect();
        person(people, who)?.ask_once_inside(Command::Vote { room, seq, choices }).await?;
    }
    if let Some(who) = line.pinned_by {
        person(people, who)?.ask_once_inside(Command::Pin { room, seq, on: true }).await?;
    }
    if let Some(who) = line.saved_by {
        person(people, who)?.ask(Command::Save { room, seq, on: true }).await?;
    }
    if line.deleted {
        person(people, line.who)?.ask(Command::Delete { room, seq }).await?;
    }
    Ok(())
}

/// Everybody marks the room as read, as far as they should.
async fn read(people: &mut People, room: &Room, id: RoomId, messages: &[Message]) -> Fallible<()> {
    for who in room.members {
        let unread = room.unread.iter().find(|(lazy, _)| lazy == who).map_or(0, |(_, count)| *count);
        let Some(last) = messages.len().checked_sub(unread + 1).map(|at| messages[at].seq) else { continue };
        person(people, who)?.ask_once_inside(Command::Read { room: id, seq: last }).await?;
    }
    Ok(())
}

/// Turns of a conversation after which everybody sends a ping.
const STAY_AWAKE_EVERY: usize = 100;

/// Pings, because a server closes a connection that is silent for longer than a minute.
///
/// # Errors
/// When a connection is gone.
pub(crate) async fn stay_awake(people: &mut People) -> Fallible<()> {
    for person in people.values_mut() {
        person.ask(Command::Ping {}).await?;
    }
    Ok(())
}

fn person<'a>(people: &'a mut People, handle: &str) -> Fallible<&'a mut Person> {
    Ok(people.get_mut(handle).ok_or_else(|| format!("there is no {handle}; only {GUEST} and friends"))?)
}

fn summary(reply: Reply) -> Fallible<RoomId> {
    let Reply::Room { summary, .. } = reply else { return Err(unexpected(&reply)) };
    Ok(summary.room.id)
}

/// Always the same for the same words (FNV-1a).
fn nonce(words: &[&str]) -> Nonce {
    let mut hash: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    for byte in words.iter().flat_map(|word| word.bytes().chain([0])) {
        hash = (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
    }
    let random: Uuid = Builder::from_random_bytes(hash.to_be_bytes()).into_uuid();
    Nonce(random)
}
