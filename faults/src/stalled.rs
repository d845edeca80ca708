//! Readers that read nothing during a flood.
//!
//! A server must not queue everything for them, skip frames, or let anybody wait for them. It closes them,
//! and they would resume.

use std::time::{Duration, Instant};

use futures::{SinkExt as _, StreamExt as _};
use protocol::{
    ClientFrame, Command, Event, Line, Nonce, Reply, RoomId, ServerFrame, limits::BODY_CHARS_MAX,
};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::{
    cluster::{Address, Cluster, Fallible, SERVERS},
    person::{Socket, greeted},
    stored::{self, Account},
    violation::{Kind, Violation},
};

/// Number of stalled readers per server.
const STALLED: usize = 3;
/// Kernel receive buffer of each.
const RECEIVE_BUFFER: u32 = 4 * 1024;
/// Messages to send: more bytes than the kernel's largest buffer (4 MiB) and an outbox (1 MiB) together.
const MESSAGES: usize = 600;
/// Concurrent sends.
const WINDOW: usize = 16;
/// Clients that read have everything within this time.
const WITHIN: Duration = Duration::from_secs(20);
/// A socket that is closed for being slow ends within this time, because a write may hang for ten seconds.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

/// Floods a room in which one client per server reads and three do not. Returns a summary, and violations.
///
/// # Errors
/// When the test setup fails.
pub async fn readers(cluster: &Cluster) -> Fallible<(String, Vec<Violation>)> {
    const CLOSED: &str = "roost_slow_readers_closed_total";
    let mut accounts: Vec<Account> = Vec::new();
    for _ in 0..1 + SERVERS * (1 + STALLED) {
        let name = format!("r{:08x}", rand::random::<u32>());
        accounts.push(stored::person(&cluster.pool, &name).await?);
    }
    let everyone: Vec<usize> = (0..accounts.len()).collect();
    let room = stored::room(&cluster.pool, "group", &everyone, &accounts).await?;
    // Directly to the servers, because nginx would read for them.
    let on =
        |server: usize| Address { addr: cluster.servers[server].addr, origin: cluster.address(0).origin };
    let mut writer = greeted(&on(0), &accounts[0].cookie, None).await?;
    let (mut readers, mut stalled) = (Vec::new(), Vec::new());
    for (at, account) in accounts[1..].iter().enumerate() {
        let server = at % SERVERS;
        if at < SERVERS {
            readers.push(greeted(&on(server), &account.cookie, None).await?);
        } else {
            stalled.push(greeted(&on(server), &account.cookie, Some(RECEIVE_BUFFER)).await?);
        }
    }
    let before = cluster.counted(CLOSED).await?;
    let began = Instant::now();
    let listening = readers.iter_mut().map(|reader| listen(reader, room, began));
    let flood = tokio::time::timeout(WITHIN, flood(&mut writer, room));
    let (flooded, heard) = tokio::join!(flood, futures::future::join_all(listening));
    flooded.map_err(|_| "the flood took too long")??;
    let mut found = Vec::new();
    let mut slowest = Duration::ZERO;
    for (server, heard) in (1..).zip(heard) {
        match heard {
            Ok(took) => slowest = slowest.max(took),
            Err(detail) => {
                found.push(Violation::at_large(Kind::Lost, &format!("a reader on server {server}"), detail))
            }
        }
    }
    let closed = cluster.counted(CLOSED).await? - before;
    if closed != stalled.len() as u64 {
        let detail = format!("{closed} of {} readers who do not read were closed", stalled.len());
        found.push(Violation::at_large(Kind::Unexpected, "the servers", detail));
    }
    // Now they read: first what the kernel still holds, then the end.
    for socket in &mut stalled {
        let ended = async { while let Some(Ok(_)) = socket.next().await {} };
        if tokio::time::timeout(ENDS_WITHIN, ended).await.is_err() {
            found.push(Violation::at_large(
                Kind::Late,
                "a reader who does not read",
                "its socket does not end",
            ));
        }
    }
    drop((writer, readers, stalled));
    stored::remove_rooms(&cluster.pool, &[room]).await?;
    let note = format!(
        "{closed} readers who did not read were closed; who read had all {MESSAGES} messages after {:.1} s",
        slowest.as_secs_f64()
    );
    Ok((note, found))
}

/// Sends the flood.
async fn flood(socket: &mut Socket, room: RoomId) -> Fallible<()> {
    let body = "浪".repeat(BODY_CHARS_MAX);
    let (mut said, mut answered) = (0, 0);
    while answered < MESSAGES {
        while said < MESSAGES && said - answered < WINDOW {
            said += 1;
            let command = Command::say(room, Nonce(Uuid::new_v4()), body.clone());
            let frame = ClientFrame { r#ref: u32::try_from(said)? + 1, command };
            socket.feed(Message::text(frame.encode())).await?;
        }
        socket.flush().await?;
        match hear(socket).await? {
            ServerFrame::Reply { reply: Reply::Sent { .. }, .. } => answered += 1,
            ServerFrame::Refusal { refusal, .. } => {
                return Err(format!("a send was refused: {refusal:?}").into());
            }
            ServerFrame::Reply { .. } | ServerFrame::Event { .. } => {}
        }
    }
    Ok(())
}

/// Receives every message of the room, in order. Returns when the last one arrived.
async fn listen(socket: &mut Socket, room: RoomId, began: Instant) -> Result<Duration, String> {
    let (mut count, mut last) = (0, None);
    let all = async {
        while count < MESSAGES {
            let ServerFrame::Event { event: Event::Change { line, seq, .. } } =
                hear(socket).await.map_err(|e| e.to_string())?
            else {
                continue;
            };
            if line == Line::Room(room) {
                if last.is_some_and(|last| seq.0 != last + 1) {
                    return Err(format!("number {seq} after {last:?}"));
                }
                last = Some(seq.0);
                count += 1;
            }
        }
        Ok(began.elapsed())
    };
    let done = tokio::time::timeout(WITHIN, all).await;
    done.unwrap_or_else(|_| Err(format!("has heard {count} of {MESSAGES} messages")))
}

async fn hear(socket: &mut Socket) -> Fallible<ServerFrame> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(ServerFrame::decode(&text)?),
            Some(Ok(Message::Close(close))) => return Err(format!("closed: {close:?}").into()),
            Some(Ok(_)) => {}
            Some(Err(e)) => return Err(e.into()),
            None => return Err("the socket ended".into()),
        }
    }
}
