//! The life of one socket: one task that reads, runs one command at a time, writes queued frames,
//! and ends.
//!
//! Law:
//! - a command runs in its own task, which is awaited or left to finish, never cancelled: a closing
//!   socket drops no database future halfway. A command that exceeds its timeout is refused with
//!   «later» and may still complete: every command is safe to repeat;
//! - commands run one after the other, and are answered in order. Only sends may overlap
//!   ([`SENDS_AHEAD_MAX`]): each takes its slot in a lane, in order, as soon as it is its turn;
//! - a bounded number of commands is read ahead ([`AHEAD_MAX`], [`AHEAD_BYTES`]); a browser that
//!   sends faster waits. A `ping` is answered out of turn: it checks whether the connection is
//!   alive, not whether the database is;
//! - each command is charged when its turn comes ([`Node::charge`](crate::node::Node::charge)).
//!   Frames that cost nothing beyond being read (pings of both kinds, commands refused because a
//!   budget was spent) are counted too ([`Connection::count`]), and a flood of them ends the
//!   connection;
//! - every write has a timeout: a peer that stalls delays nobody.

use std::{collections::VecDeque, ops::ControlFlow, sync::Arc, time::Duration};

use axum::extract::ws::{CloseFrame, Message as Frame, Utf8Bytes, WebSocket};
use futures::{FutureExt, SinkExt, StreamExt, future::BoxFuture};
use protocol::{
    Attached, ClientFrame, CloseCode, Command, ErrorCode, Placement, Refusal, Reply, ServerFrame, limits,
};
use tokio::time::Instant;

use super::dispatch::{dispatch, dispatch_send};
use crate::{
    account::Accounts,
    chat::Context,
    hub::{Close, ConnectionId, Outbox},
};

/// The browser must send `hello` within this time.
const HELLO_TIMEOUT: Duration = Duration::from_millis(limits::HELLO_MS as u64);
/// A write that takes longer has failed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that has been silent for this long is closed.
const SILENCE_TIMEOUT: Duration = Duration::from_millis(limits::SILENT_MS as u64);
/// How long to wait for the browser's own close …
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
/// … and how many frames to read meanwhile. Unread input would reset the connection and lose the
/// reason.
const CLOSE_FRAMES: usize = 10_000;
/// When to retry a command that timed out, in milliseconds.
const TIMEOUT_RETRY_MS: u32 = 1_000;
/// The most frames written before a flush.
const WRITE_BATCH: usize = 64;
/// The most sends of one connection that may await their commit at once.
const SENDS_AHEAD_MAX: usize = 32;
/// The most commands that wait for their turn. A browser that reconnects asks for each of its
/// rooms, and a ping behind all these must still be read.
const AHEAD_MAX: usize = 256;
/// The most bytes of these; the last frame may exceed it.
const AHEAD_BYTES: usize = 64 * 1024;
/// A connection is closed after this many unreadable frames.
const GARBAGE_MAX: u32 = 10;

/// The commands of a connection, in the order of their answers.
#[derive(Default)]
struct Queue {
    /// What is running: one command, or several sends.
    running: VecDeque<Asked>,
    /// What has been read and waits for its turn, each with its size.
    waiting: VecDeque<(usize, ClientFrame)>,
    /// The total size of `waiting`.
    waiting_bytes: usize,
}

/// A running command, by the browser's number for it.
struct Asked {
    r#ref: u32,
    is_send: bool,
    came: Instant,
    answer: BoxFuture<'static, Result<Reply, Refusal>>,
}

/// The result of a command.
#[derive(Debug)]
struct Answer {
    r#ref: u32,
    /// When a send arrived, to measure the latency that users experience.
    sent: Option<Instant>,
    result: Result<Reply, Refusal>,
}

/// See the module.
pub(super) struct Connection {
    pub(super) cx: Context,
    pub(super) accounts: Arc<Accounts>,
    pub(super) id: ConnectionId,
    pub(super) socket: WebSocket,
    pub(super) outbox: Arc<Outbox>,
    pub(super) state: State,
}

/// The state of a connection.
#[derive(Debug)]
pub(super) struct State {
    /// `hello` has been read.
    said_hello: bool,
    /// `welcome` has been sent.
    greeted: bool,
    garbage: u32,
    opened: Instant,
    heard: Instant,
    /// When the session was last renewed.
    kept_alive: Option<Instant>,
}

impl Default for State {
    fn default() -> Self {
        let now = Instant::now();
        Self { said_hello: false, greeted: false, garbage: 0, opened: now, heard: now, kept_alive: None }
    }
}

impl Connection {
    /// Runs the connection to its end. Returns why it ended.
    pub(super) async fn run(mut self) -> String {
        let reason = match self.serve().await {
            ControlFlow::Break(End::Close(close)) => {
                self.cx.node.metrics.closed(close.code);
                let reason = format!("closed with {}: {}", close.code as u16, close.reason);
                self.close(close.code as u16, close.reason).await;
                reason
            }
            ControlFlow::Break(End::Gone(reason)) => reason,
            ControlFlow::Continue(never) => match never {},
        };
        self.cx.node.disconnect(self.id);
        reason
    }

    async fn serve(&mut self) -> ControlFlow<End, std::convert::Infallible> {
        let mut queue = Queue::default();
        let silence = tokio::time::sleep(HELLO_TIMEOUT);
        tokio::pin!(silence);
        loop {
            tokio::select! {
                answer = queue.finish() => {
                    let mut answers = vec![answer];
                    // Everything that is ready goes out together.
                    while answers.len() < WRITE_BATCH
                        && let Some(answer) = queue.finish().now_or_never()
                    {
                        answers.push(answer);
                    }
                    self.answer(answers).await?;
                    self.advance(&mut queue);
                }
                // Events that arrive while `hello` runs are sent after `welcome`, which may not
                // include them.
                () = self.outbox.ready(), if self.state.greeted || queue.running.is_empty() => {
                    self.drain().await?;
                }
                frame = self.socket.recv(), if queue.may_read() => {
                    self.state.heard = Instant::now();
                    // Boxed, because the future is large, and most connections only listen.
                    Box::pin(self.read(frame, &mut queue)).await?;
                }
                () = &mut silence => {
                    let until = match self.state.said_hello {
                        true => self.state.heard + SILENCE_TIMEOUT,
                        false => self.state.opened + HELLO_TIMEOUT,
                    };
                    let now = Instant::now();
                    // While reading is paused, silence says nothing about the browser.
                    if until <= now && queue.may_read() {
                        return end(CloseCode::Resume, "silent too long");
                    }
                    silence.as_mut().reset(until.max(now + Duration::from_secs(1)));
                }
            }
        }
    }

    /// Handles a frame: queues a command, or answers at once.
    async fn read(
        &mut self,
        frame: Option<Result<Frame, axum::Error>>,
        queue: &mut Queue,
    ) -> ControlFlow<End> {
        let text = match frame {
            None => return ControlFlow::Break(End::Gone("the browser went away".to_owned())),
            Some(Err(e)) => return self.unreadable(&e).await,
            Some(Ok(Frame::Close(_))) => {
                return ControlFlow::Break(End::Gone("closed by the browser".to_owned()));
            }
            Some(Ok(Frame::Ping(_) | Frame::Pong(_))) => return self.count().await,
            Some(Ok(Frame::Binary(_))) => {
                return self.garbage(None, Refusal::new(ErrorCode::NotUtf8)).await;
            }
            Some(Ok(Frame::Text(text))) => text,
        };
        match ClientFrame::decode(&text) {
            Err((r#ref, refusal)) => self.garbage(r#ref, refusal).await,
            Ok(ClientFrame { r#ref, command }) => match (&command, self.state.said_hello) {
                (Command::Hello { .. }, true) => {
                    self.garbage(Some(r#ref), Refusal::new(ErrorCode::HelloRepeated)).await
                }
                (Command::Ping {}, true) => self.pong(r#ref).await,
                (Command::Hello { .. }, false) | (_, true) => {
                    self.state.said_hello = true;
                    queue.push(text.len(), ClientFrame { r#ref, command });
                    self.advance(queue);
                    ControlFlow::Continue(())
                }
                (_, false) => self.garbage(Some(r#ref), Refusal::new(ErrorCode::HelloMissing)).await,
            },
        }
    }

    /// Answers a ping, ahead of all running and waiting commands.
    async fn pong(&mut self, r#ref: u32) -> ControlFlow<End> {
        self.cx.node.metrics.command(Command::Ping {}.name());
        self.count().await?;
        self.write([ServerFrame::Reply { r#ref, reply: Reply::Pong {} }.encode().into()]).await
    }

    /// Counts a frame that cost nothing beyond being read. Our own client never floods these.
    async fn count(&mut self) -> ControlFlow<End> {
        if self.cx.node.charge_free(self.cx.viewer.user.id).is_ok() {
            return ControlFlow::Continue(());
        }
        let refusal = Refusal::new(ErrorCode::TooManyFrames);
        self.cx.node.metrics.refused(refusal.code);
        self.write([ServerFrame::Refusal { r#ref: None, refusal }.encode().into()]).await?;
        end(CloseCode::TooManyFrames, ErrorCode::TooManyFrames.text())
    }

    /// Starts every command whose turn has come.
    fn advance(&mut self, queue: &mut Queue) {
        while let Some(frame) = queue.next() {
            queue.running.push_back(self.begin(frame));
        }
    }

    fn begin(&mut self, ClientFrame { r#ref, command }: ClientFrame) -> Asked {
        self.cx.node.metrics.command(command.name());
        if is_of_a_person(&command) {
            self.keep_alive();
        }
        let (came, is_send) = (Instant::now(), matches!(command, Command::Send { .. }));
        let answer = match self.cx.node.charge(self.cx.viewer.user.id, &command) {
            Err(refusal) => std::future::ready(Err(refusal)).boxed(),
            Ok(()) => self.run_command(command),
        };
        Asked { r#ref, is_send, came, answer }
    }

    fn run_command(&self, command: Command) -> BoxFuture<'static, Result<Reply, Refusal>> {
        if let Command::Send { room, nonce, body, reply_to, thread, in_room, forward, poll, files } = command
        {
            let placement = Placement { reply_to, thread, in_room, forward };
            return dispatch_send(&self.cx, room, nonce, &body, placement, Attached { poll, files }).boxed();
        }
        let (cx, connection) = (self.cx.clone(), self.id);
        let (node, what) = (Arc::clone(&cx.node), command.name());
        let run = async move { dispatch(&cx, connection, command).await };
        let answer = async move {
            node.within_timeout(what, run).await.unwrap_or_else(|unfinished| {
                unfinished.log(what);
                Err(Refusal::new(ErrorCode::Internal).retry_ms(TIMEOUT_RETRY_MS))
            })
        };
        answer.boxed()
    }

    /// Extends the session, as a page request does, so that nobody is signed out while writing.
    fn keep_alive(&mut self) {
        let every = self.cx.node.tuning().keep_alive;
        if self.state.kept_alive.is_some_and(|at| at.elapsed() < every) {
            return;
        }
        self.state.kept_alive = Some(Instant::now());
        let (accounts, session) = (Arc::clone(&self.accounts), self.cx.viewer.session);
        self.cx.node.run_aside(async move {
            if let Err(e) = accounts.keep_alive(session).await {
                tracing::warn!(error = %e, session.id = %session, "could not renew a session that is in use");
            }
        });
    }

    async fn answer(&mut self, answers: Vec<Answer>) -> ControlFlow<End> {
        let (mut version, mut spent) = (false, 0);
        let mut frames = Vec::with_capacity(answers.len());
        let mut sends = Vec::new();
        for Answer { r#ref, sent, result } in answers {
            sends.extend(sent);
            self.state.greeted |= matches!(result, Ok(Reply::Welcome { .. }));
            frames.push(match result {
                Ok(reply) => ServerFrame::Reply { r#ref, reply },
                Err(refusal) => {
                    self.cx.node.metrics.refused(refusal.code);
                    version |= refusal.code == ErrorCode::VersionUnsupported;
                    spent += u32::from(refusal.code == ErrorCode::SlowDown);
                    ServerFrame::Refusal { r#ref: Some(r#ref), refusal }
                }
            });
        }
        self.write(frames.into_iter().map(|frame| frame.encode().into())).await?;
        for came in sends {
            self.cx.node.metrics.send_seconds.observe(came.elapsed().as_secs_f64());
        }
        for _ in 0..spent {
            self.count().await?;
        }
        if version {
            return end(CloseCode::VersionUnsupported, "");
        }
        if !self.state.greeted {
            // It may have missed something, so it must resume.
            return end(CloseCode::Resume, "not greeted");
        }
        ControlFlow::Continue(())
    }

    /// Handles an unreadable frame. One may happen, but our own client does not send many.
    async fn garbage(&mut self, r#ref: Option<u32>, refusal: Refusal) -> ControlFlow<End> {
        self.state.garbage += 1;
        self.cx.node.metrics.refused(refusal.code);
        self.write([ServerFrame::Refusal { r#ref, refusal }.encode().into()]).await?;
        if self.state.garbage >= GARBAGE_MAX {
            let refusal = Refusal::new(ErrorCode::TooMuchGarbage);
            self.write([ServerFrame::Refusal { r#ref: None, refusal }.encode().into()]).await?;
            return end(CloseCode::TooMuchGarbage, "too many frames that could not be read");
        }
        ControlFlow::Continue(())
    }

    /// Handles a read error of the socket itself: too large, not UTF-8, or broken. Tells the
    /// browser, if that is still possible.
    async fn unreadable(&mut self, error: &axum::Error) -> ControlFlow<End> {
        let text = error.to_string().to_lowercase();
        let refusal = if text.contains("utf") {
            Some(Refusal::new(ErrorCode::NotUtf8))
        } else if text.contains("too long") || text.contains("too large") || text.contains("capacity") {
            Some(Refusal::new(ErrorCode::FrameTooLarge).max(limits::FRAME_BYTES_MAX))
        } else {
            None
        };
        match refusal {
            None => ControlFlow::Break(End::Gone(format!("the socket broke: {error}"))),
            Some(refusal) => {
                self.cx.node.metrics.refused(refusal.code);
                self.write([ServerFrame::Refusal { r#ref: None, refusal }.encode().into()]).await?;
                end(CloseCode::TooMuchGarbage, "unreadable")
            }
        }
    }

    /// Writes queued frames: several, then one flush.
    async fn drain(&mut self) -> ControlFlow<End> {
        let frames = self.outbox.take(WRITE_BATCH);
        if frames.is_empty()
            && let Some(close) = self.outbox.closing()
        {
            return ControlFlow::Break(End::Close(close));
        }
        self.write(frames).await
    }

    async fn write(&mut self, frames: impl IntoIterator<Item = Utf8Bytes>) -> ControlFlow<End> {
        let write = async {
            for frame in frames {
                self.socket.feed(Frame::Text(frame)).await?;
            }
            self.socket.flush().await
        };
        match tokio::time::timeout(WRITE_TIMEOUT, write).await {
            Ok(Ok(())) => ControlFlow::Continue(()),
            Ok(Err(e)) => ControlFlow::Break(End::Gone(format!("the socket broke: {e}"))),
            Err(_) => ControlFlow::Break(End::Gone("the browser stopped reading".to_owned())),
        }
    }

    /// Sends the reason, and waits a moment for the browser's own close, so that the reason
    /// arrives.
    async fn close(&mut self, code: u16, reason: String) {
        let goodbye = async {
            let frame = Frame::Close(Some(CloseFrame { code, reason: reason.into() }));
            if self.socket.send(frame).await.is_ok() {
                for _ in 0..CLOSE_FRAMES {
                    if !matches!(self.socket.next().await, Some(Ok(_))) {
                        break;
                    }
                }
            }
        };
        if tokio::time::timeout(CLOSE_TIMEOUT, goodbye).await.is_err() {
            tracing::debug!("the browser did not answer the close");
        }
    }
}

/// Whether a person caused this command, rather than the browser on its own: an open tab alone does
/// not keep its session alive.
fn is_of_a_person(command: &Command) -> bool {
    match command {
        Command::Hello { .. }
        | Command::Ping {}
        | Command::ListRooms { .. }
        | Command::CompareRooms { .. }
        | Command::People { .. }
        | Command::Groups {}
        | Command::CatchUp { .. }
        | Command::Delivered { .. }
        | Command::ReadOn { .. }
        | Command::Members { .. }
        | Command::Pinned { .. }
        | Command::Previews { .. }
        | Command::Personal {}
        | Command::Banned { .. } => false,
        Command::Open { .. }
        | Command::History { .. }
        | Command::Around { .. }
        | Command::Thread { .. }
        | Command::Threads { .. }
        | Command::Follow { .. }
        | Command::Send { .. }
        | Command::Edit { .. }
        | Command::Versions { .. }
        | Command::Search { .. }
        | Command::Delete { .. }
        | Command::React { .. }
        | Command::Vote { .. }
        | Command::ClosePoll { .. }
        | Command::Voters { .. }
        | Command::RemovePreviews { .. }
        | Command::Pin { .. }
        | Command::Read { .. }
        | Command::MarkUnread { .. }
        | Command::Draft { .. }
        | Command::Profile { .. }
        | Command::Group { .. }
        | Command::FindUsers { .. }
        | Command::StartDirect { .. }
        | Command::CreateRoom { .. }
        | Command::FindChannels { .. }
        | Command::Join { .. }
        | Command::Leave { .. }
        | Command::Invite { .. }
        | Command::SetRole { .. }
        | Command::Remove { .. }
        | Command::Unban { .. }
        | Command::SetPolicy { .. }
        | Command::Archive { .. }
        | Command::DeleteRoom { .. }
        | Command::SetRoom { .. }
        | Command::Save { .. }
        | Command::Remind { .. }
        | Command::Schedule { .. }
        | Command::Reschedule { .. }
        | Command::Unschedule { .. } => true,
    }
}

/// Why a connection ends.
#[derive(Debug)]
enum End {
    /// We close it.
    Close(Close),
    /// It is already gone.
    Gone(String),
}

fn end<T>(code: CloseCode, reason: &str) -> ControlFlow<End, T> {
    ControlFlow::Break(End::Close(Close { code, reason: reason.to_owned() }))
}

impl Queue {
    /// Adds a command that was read.
    fn push(&mut self, bytes: usize, frame: ClientFrame) {
        self.waiting_bytes += bytes;
        self.waiting.push_back((bytes, frame));
    }

    /// The next command, if its turn has come: nothing is running, or only sends are and it is
    /// another one.
    fn next(&mut self) -> Option<ClientFrame> {
        let (_, frame) = self.waiting.front()?;
        let is_one_more_send = matches!(frame.command, Command::Send { .. })
            && self.running.len() < SENDS_AHEAD_MAX
            && self.running.iter().all(|asked| asked.is_send);
        if !self.running.is_empty() && !is_one_more_send {
            return None;
        }
        let (bytes, frame) = self.waiting.pop_front()?;
        self.waiting_bytes -= bytes;
        if self.waiting.is_empty() {
            // Most connections are idle most of the time.
            self.waiting.shrink_to_fit();
        }
        Some(frame)
    }

    /// The answer to the oldest running command; pending forever while none is running. Cancel
    /// safe.
    async fn finish(&mut self) -> Answer {
        let Some(Asked { r#ref, is_send, came, answer }) = self.running.front_mut() else {
            return std::future::pending().await;
        };
        let (r#ref, sent) = (*r#ref, is_send.then_some(*came));
        let answer = Answer { r#ref, sent, result: answer.await };
        self.running.pop_front();
        answer
    }

    /// Whether another frame may be read.
    fn may_read(&self) -> bool {
        self.waiting.len() < AHEAD_MAX && self.waiting_bytes < AHEAD_BYTES
    }
}
