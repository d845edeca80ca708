//! People who are removed from a room while others write in it must receive nothing more from any server.

use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use protocol::{ClientFrame, Command, ErrorCode, Nonce, Reply, RoomId, ServerFrame, UserId};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::{
    cluster::{Address, Cluster, Fallible, SERVERS},
    person::{Socket, greeted},
    stored::{self, Account},
    violation::{Kind, Violation},
};

/// How many are removed; each has a socket on every server.
const REMOVED: usize = 5;
/// How long they are in the room first, so that they receive something even without Redis.
const BEFORE: Duration = Duration::from_secs(3);
/// Between two messages in the room.
const PAUSE: Duration = Duration::from_millis(20);
/// How long they keep listening after the time limit.
const LISTEN_ON: Duration = Duration::from_secs(3);
/// An answer arrives within this time.
const ANSWERED_WITHIN: Duration = Duration::from_secs(20);

/// Removes people from a room in which somebody writes without a pause. Returns when they received the last
/// event, and violations.
///
/// # Errors
/// When the test setup fails.
pub async fn people(
    cluster: &Cluster,
    without_redis: bool,
    within: Duration,
) -> Fallible<(String, Vec<Violation>)> {
    let mut accounts: Vec<Account> = Vec::new();
    for _ in 0..2 + REMOVED {
        let name = format!("r{:08x}", rand::random::<u32>());
        accounts.push(stored::person(&cluster.pool, &name).await?);
    }
    let everyone: Vec<usize> = (0..accounts.len()).collect();
    let room = stored::room(&cluster.pool, "group", &everyone, &accounts).await?;
    let on =
        |server: usize| Address { addr: cluster.servers[server].addr, origin: cluster.address(0).origin };
    let mut owner = greeted(&on(0), &accounts[0].cookie, None).await?;
    let writer = greeted(&on(1), &accounts[1].cookie, None).await?;
    let mut removed = Vec::new();
    for account in &accounts[2..] {
        for server in 0..SERVERS {
            let name = format!("{} on server {}", account.name, server + 1);
            removed.push((name, greeted(&on(server), &account.cookie, None).await?));
        }
    }
    if without_redis {
        cluster.services("redis-stop").await?;
    }
    let users: Vec<UserId> = accounts[2..].iter().map(|account| account.user).collect();
    // Measured from when the owner is told that all have been removed.
    let out = async {
        tokio::time::sleep(BEFORE).await;
        for (n, user) in (1..).zip(users) {
            let command = Command::Remove { room, user, ban: n % 2 == 0 };
            answer(&mut owner, n, command)
                .await?
                .map_err(|code| format!("removing was refused: {code:?}"))?;
        }
        Fallible::Ok(Instant::now())
    };
    let listen_for = BEFORE + within + LISTEN_ON;
    let listening = removed.into_iter().map(|(name, socket)| listen(name, socket, room, listen_for));
    let scene = async { tokio::join!(out, futures::future::join_all(listening)) };
    let (out, heard) = tokio::select! {
        scene = scene => scene,
        failed = write(writer, room) => return Err(failed),
    };
    if without_redis {
        cluster.services("redis-start").await?;
    }
    let (out, mut found, mut slowest) = (out?, Vec::new(), Duration::ZERO);
    for (name, last, refused) in heard {
        let late = last.map_or(Duration::ZERO, |last| last.saturating_duration_since(out));
        slowest = slowest.max(late);
        if last.is_none() {
            found.push(Violation::at_large(Kind::Lost, &name, "was told nothing while it was in the room"));
        }
        if late > within {
            let detail = format!("was told of the room {:.2} s after it was removed", late.as_secs_f64());
            found.push(Violation::at_large(Kind::Unexpected, &name, detail));
        }
        if refused != Some(ErrorCode::RoomUnknown) {
            let detail = format!("asked for the room and was answered {refused:?}");
            found.push(Violation::at_large(Kind::Unexpected, &name, detail));
        }
    }
    stored::remove_rooms(&cluster.pool, &[room]).await?;
    let note = format!("who was removed was told the last of the room after {:.2} s", slowest.as_secs_f64());
    Ok((note, found))
}

/// Keeps sending messages; returns the error.
async fn write(mut socket: Socket, room: RoomId) -> Box<dyn std::error::Error + Send + Sync> {
    for n in 1.. {
        let body = format!("message {n}");
        let command = Command::say(room, Nonce(Uuid::new_v4()), body);
        match answer(&mut socket, n, command).await {
            Ok(Ok(_)) => {}
            Ok(Err(code)) => return format!("a send was refused: {code:?}").into(),
            Err(e) => return e,
        }
        tokio::time::sleep(PAUSE).await;
    }
    "too many messages".into()
}

/// Listens for this long. Returns when it last received something of the room, and the refusal of a request
/// for it.
async fn listen(
    name: String,
    mut socket: Socket,
    room: RoomId,
    listen_for: Duration,
) -> (String, Option<Instant>, Option<ErrorCode>) {
    let (until, of_room) = (tokio::time::Instant::now() + listen_for, format!("\"room:{room}\""));
    let mut last = None;
    while let Ok(Some(Ok(message))) = tokio::time::timeout_at(until, socket.next()).await {
        if let Message::Text(text) = message
            && text.contains(&of_room)
        {
            last = Some(Instant::now());
        }
    }
    let answered = answer(&mut socket, 2, Command::Open { room }).await;
    (name, last, answered.ok().and_then(Result::err))
}

/// Sends a command and waits for the answer: a reply, or the refusal's number.
async fn answer(socket: &mut Socket, n: u32, command: Command) -> Fallible<Result<Reply, ErrorCode>> {
    // Number 1 was used by `hello`.
    let asked = n + 1;
    socket.send(Message::text(ClientFrame { r#ref: asked, command }.encode())).await?;
    let answered = async {
        loop {
            let message = socket.next().await.ok_or("the socket has ended")??;
            let Message::Text(text) = message else { continue };
            match ServerFrame::decode(&text)? {
                ServerFrame::Reply { r#ref, reply } if r#ref == asked => return Ok(Ok(reply)),
                ServerFrame::Refusal { r#ref, refusal } if r#ref == Some(asked) => {
                    return Ok(Err(refusal.code));
                }
                ServerFrame::Reply { .. } | ServerFrame::Refusal { .. } | ServerFrame::Event { .. } => {}
            }
        }
    };
    tokio::time::timeout(ANSWERED_WITHIN, answered).await.map_err(|_| "no answer in time")?
}
