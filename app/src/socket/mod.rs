//! The WebSocket: opens it, keeps it open, and reopens it. Passes frames to and from [`Chat`]
//! without interpreting them. Its counterpart is `server::socket`.
//!
//! A browser's socket silently drops what is written while it is closing. Nothing is lost: the
//! client's outbox keeps every message until it is acknowledged.

use std::cell::RefCell;

use client::{Backoff, Link};
use futures::{
    FutureExt, SinkExt, StreamExt,
    channel::mpsc::{self, Receiver},
    pin_mut, select,
};
use gloo_net::websocket::{Message, WebSocketError, futures::WebSocket};
use gloo_timers::future::TimeoutFuture;
use leptos::prelude::*;
use protocol::{CloseCode, Event, ServerFrame};

use crate::{
    browser,
    state::{Chat, FRAMES_MAX, Obstacle},
};

/// The interval between ticks, for a visible page …
const TICK_MS: u32 = 250;
/// … and for a hidden one.
const TICK_HIDDEN_MS: u32 = 2_000;
/// The wait when only people can help: too many connections, or another version.
const OBSTACLE_MS: u32 = 60_000;
/// The wait after the server closed the connection because this page sent too much.
const TOO_FAST_MS: u32 = 10_000;
/// The least time between attempts on coming back.
const PACE_MS: u32 = 1_000;

/// Why a connection ended.
enum End {
    /// Reconnect with backoff.
    Lost,
    /// The server said when to reconnect.
    ComeBack { after_ms: u32 },
    /// Something that only people can change.
    Obstacle(Obstacle),
    /// Nobody is signed in.
    SessionEnded,
    /// Someone else is signed in.
    SomeoneElse,
}

/// Connects, and reconnects for as long as the page lives. Stops if the page is broken: it would
/// confirm messages that nobody sees.
pub(crate) async fn keep_connected(chat: Chat) {
    let mut back = coming_back();
    let mut backoff = Backoff::default();
    while !browser::is_stopped() {
        let end = converse(chat, &mut back, &mut backoff).await;
        chat.disconnected();
        let wait_ms = match end {
            End::Lost => backoff.next_after_ms(chat.retry_ms(), js_sys::Math::random()),
            End::ComeBack { after_ms } => after_ms,
            End::Obstacle(obstacle) => {
                chat.obstacle.set(Some(obstacle));
                OBSTACLE_MS
            }
            End::SessionEnded => {
                chat.keep_unsent();
                browser::leave_for_sign_in();
                OBSTACLE_MS
            }
            End::SomeoneElse => {
                chat.obstacle.set(Some(Obstacle::SomeoneElse));
                chat.change_over();
                OBSTACLE_MS
            }
        };
        if rest(chat, wait_ms, &mut back).await {
            backoff.reset();
        }
    }
}

/// One connection, from opening to closing.
async fn converse(chat: Chat, back: &mut Receiver<()>, backoff: &mut Backoff) -> End {
    let Ok(socket) = WebSocket::open(&browser::socket_address()) else { return End::Lost };
    let (mut sink, mut frames) = socket.split();
    let (line, mut outgoing) = mpsc::channel::<String>(FRAMES_MAX);
    chat.connected(line);
    // Waits for the socket to open, then writes frames in order. Ends when the socket accepts no
    // more or `chat` drops the channel.
    let write = async move {
        while let Some(frame) = outgoing.next().await {
            if sink.send(Message::Text(frame)).await.is_err() {
                break;
            }
        }
    }
    .fuse();
    pin_mut!(write);
    loop {
        let mut pause = TimeoutFuture::new(tick_ms()).fuse();
        select! {
            message = frames.next().fuse() => match message {
                Some(Ok(Message::Text(text))) => {
                    if let Some(end) = hear(chat, &text) {
                        return end;
                    }
                }
                Some(Ok(Message::Bytes(_))) => {}
                Some(Err(WebSocketError::ConnectionClose(close))) => return meaning(close.code, &close.reason),
                Some(Err(_)) | None => return End::Lost,
            },
            () = write => return End::Lost,
            _ = back.next() => {
                chat.check_connection();
                // The signal may come while an attempt is failing. Someone is waiting for the next one.
                backoff.reset();
            }
            () = pause => {}
        }
        if browser::is_stopped() {
            return End::Lost;
        }
        if chat.link.get_untracked() == Link::Live {
            backoff.reset();
        }
        chat.tick();
        if chat.is_outdated() {
            return End::Obstacle(Obstacle::NewVersion);
        }
        if chat.is_strangers() {
            return End::SomeoneElse;
        }
        if chat.is_dead() {
            return End::Lost;
        }
    }
}

/// Handles a frame. Skips frames that this version cannot read.
fn hear(chat: Chat, text: &str) -> Option<End> {
    let frame = ServerFrame::decode(text).ok()?;
    let end = match &frame {
        ServerFrame::Event { event: Event::ComeBack { after_ms } } => {
            Some(End::ComeBack { after_ms: *after_ms })
        }
        ServerFrame::Event { .. } | ServerFrame::Reply { .. } | ServerFrame::Refusal { .. } => None,
    };
    chat.receive(frame);
    end
}

fn meaning(code: u16, reason: &str) -> End {
    match CloseCode::from_number(code) {
        Some(CloseCode::SessionEnded) => End::SessionEnded,
        Some(CloseCode::VersionUnsupported) => End::Obstacle(Obstacle::NewVersion),
        Some(CloseCode::TooManyConnections) => End::Obstacle(Obstacle::TooMany),
        Some(CloseCode::Leaving) => End::ComeBack { after_ms: reason.trim().parse().unwrap_or(PACE_MS) },
        Some(CloseCode::TooManyFrames) => End::ComeBack { after_ms: TOO_FAST_MS },
        Some(CloseCode::Resume | CloseCode::TooMuchGarbage) | None => End::Lost,
    }
}

/// Waits, but at most until the network or the user is back. Returns whether one of them is: then
/// the next waits are short again, because someone is watching.
async fn rest(chat: Chat, wait_ms: u32, back: &mut Receiver<()>) -> bool {
    let mut rested_ms = 0;
    while rested_ms < wait_ms {
        let nap_ms = tick_ms().min(wait_ms - rested_ms);
        let came_back = select! {
            _ = back.next() => true,
            () = TimeoutFuture::new(nap_ms).fuse() => false,
        };
        chat.tick();
        if came_back {
            // `online` fires a moment before the network is usable.
            TimeoutFuture::new(PACE_MS / 10).await;
            return true;
        }
        rested_ms += nap_ms;
    }
    false
}

fn tick_ms() -> u32 {
    if browser::is_hidden() { TICK_HIDDEN_MS } else { TICK_MS }
}

/// Signals when the network goes up or down, when the user returns, and when they ask to connect.
/// The connection is then checked, or reopened if there is none. Lives as long as the page.
fn coming_back() -> Receiver<()> {
    let (tell, told) = mpsc::channel(1);
    for event in ["online", "offline", "focus", "visibilitychange", "pageshow", browser::CONNECT_NOW] {
        let tell = RefCell::new(tell.clone());
        drop(window_event_listener_untyped(event, move |_| {
            if !browser::is_hidden() {
                // A full channel already holds a signal.
                drop(tell.borrow_mut().try_send(()));
            }
        }));
    }
    told
}
