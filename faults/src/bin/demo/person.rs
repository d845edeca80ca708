//! A signed-in person of the demo: their session, and a socket for commands and answers.

use faults::{
    cluster::{Address, Fallible, post_form},
    person::{Socket, open},
};
use futures::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use protocol::{
    Attached, ClientFrame, Command, ErrorCode, Message, NewPoll, Nonce, Placement, Refusal, Reply, RoomId,
    RoomSummary, Seq, ServerFrame, UserId, VERSION,
};
use tokio::{sync::mpsc, time::Duration};
use tokio_tungstenite::tungstenite;
use tokio_util::task::AbortOnDropHandle;

/// Concurrent sends of one person, as many as the server allows.
const WINDOW: usize = 32;
/// The timeout of each answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// See the module.
pub(crate) struct Person {
    pub(crate) id: UserId,
    /// The first of their rooms, from `welcome`.
    pub(crate) rooms: Vec<RoomSummary>,
    address: Address,
    cookie: String,
    frames: SplitSink<Socket, tungstenite::Message>,
    answers: mpsc::Receiver<ServerFrame>,
    last_ref: u32,
    _reading: AbortOnDropHandle<()>,
}

/// Posts a form. Returns the session's cookie, if a session began.
///
/// # Errors
/// When the form is refused.
pub(crate) async fn post(
    address: &Address,
    path: &str,
    cookie: &str,
    fields: &[(&str, &str)],
) -> Fallible<Option<String>> {
    let headers = [("Origin", address.origin.as_str()), ("Cookie", cookie), ("User-Agent", "make demo")];
    let answer = post_form(address.addr, path, &headers, fields).await?;
    if !answer.starts_with("HTTP/1.1 303") {
        let status = answer.lines().next().unwrap_or_default();
        return Err(format!("{path} was answered with {status}").into());
    }
    let mut cookies = answer.lines().filter_map(|line| line.strip_prefix("set-cookie: "));
    let session = cookies.find(|cookie| cookie.starts_with("roost=") || cookie.starts_with("__Host-roost="));
    Ok(session.and_then(|cookie| cookie.split(';').next()).map(str::to_owned))
}

impl Person {
    /// Posts a form as this person.
    ///
    /// # Errors
    /// When the form is refused.
    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Fallible<()> {
        post(&self.address, path, &self.cookie, fields).await.map(drop)
    }

    /// Opens the socket of a session.
    ///
    /// # Errors
    /// When no `welcome` arrives.
    pub(crate) async fn connect(address: &Address, cookie: String) -> Fallible<Self> {
        let socket = open(address.addr, &address.origin, &cookie).await?;
        let (frames, incoming) = socket.split();
        let (sender, answers) = mpsc::channel(2 * WINDOW);
        let mut person = Self {
            id: UserId(uuid::Uuid::nil()),
            rooms: Vec::new(),
            address: address.clone(),
            cookie,
            frames,
            answers,
            last_ref: 0,
            _reading: AbortOnDropHandle::new(tokio::spawn(read(incoming, sender))),
        };
        let welcome = person.ask(Command::Hello { version: VERSION }).await?;
        let Reply::Welcome { me, rooms, .. } = welcome else { return Err(unexpected(&welcome)) };
        person.id = me.id;
        person.rooms = rooms;
        Ok(person)
    }

    /// Sends a command and waits for the answer.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub(crate) async fn ask(&mut self, command: Command) -> Fallible<Reply> {
        let name = command.name();
        Ok(self.try_to(command).await?.map_err(|refusal| format!("{name}: {refusal}"))?)
    }

    /// Retries while the server does not yet know that this person is in the room: an invitation reaches a
    /// connection through Redis.
    ///
    /// # Errors
    /// When it is refused for another reason, or for five seconds.
    pub(crate) async fn ask_once_inside(&mut self, command: Command) -> Fallible<Reply> {
        for _ in 0..50 {
            match self.try_to(command.clone()).await? {
                Err(refusal) if [ErrorCode::RoomUnknown, ErrorCode::Busy].contains(&refusal.code) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                answer => return Ok(answer.map_err(|refusal| format!("{}: {refusal}", command.name()))?),
            }
        }
        Err(format!("{} is refused again and again", command.name()).into())
    }

    /// Says one thing after the other, each in the room or in the thread below a message, and returns what is stored.
    ///
    /// # Errors
    /// When one is refused, or not answered.
    pub(crate) async fn say(
        &mut self,
        room: RoomId,
        texts: &[(Nonce, &str, Option<Seq>, Option<NewPoll>)],
    ) -> Fallible<Vec<Message>> {
        let (first, mut said, mut sent) = (self.last_ref + 1, 0, vec![None; texts.len()]);
        for _ in texts {
            let answered = |sent: &[Option<Message>]| sent.iter().filter(|one| one.is_some()).count();
            while said < texts.len() && said - answered(&sent) < WINDOW {
                let (nonce, body, thread, poll) = texts[said].clone();
                let placement = Placement { thread, ..Placement::default() };
                let attached = Attached { poll, ..Attached::default() };
                self.send(placement.send_with(room, nonce, body, attached)).await?;
                said += 1;
            }
            self.frames.flush().await?;
            let answer = self.answer().await?;
            let ServerFrame::Reply { r#ref, reply: Reply::Sent { message, .. } } = answer else {
                return Err(format!("a message was answered with {answer:?}").into());
            };
            let at = r#ref.checked_sub(first).ok_or("an answer to an earlier question")?;
            *sent.get_mut(at as usize).ok_or("an answer to no question")? = Some(message);
        }
        Ok(sent.into_iter().flatten().collect())
    }

    /// Signs out, so that the session does not appear in anybody's list of devices.
    ///
    /// # Errors
    /// When the server refuses it.
    pub(crate) async fn leave(self) -> Fallible<()> {
        post(&self.address, "/sign-out", &self.cookie, &[]).await.map(drop)
    }

    async fn try_to(&mut self, command: Command) -> Fallible<Result<Reply, Refusal>> {
        let asked = self.send(command).await?;
        self.frames.flush().await?;
        match self.answer().await? {
            ServerFrame::Reply { r#ref, reply } if r#ref == asked => Ok(Ok(reply)),
            ServerFrame::Refusal { r#ref: Some(about), refusal } if about == asked => Ok(Err(refusal)),
            ServerFrame::Reply { .. } | ServerFrame::Refusal { .. } | ServerFrame::Event { .. } => {
                Err("an answer to another question".into())
            }
        }
    }

    async fn send(&mut self, command: Command) -> Fallible<u32> {
        self.last_ref += 1;
        let frame = ClientFrame { r#ref: self.last_ref, command };
        self.frames.feed(tungstenite::Message::text(frame.encode())).await?;
        Ok(self.last_ref)
    }

    async fn answer(&mut self) -> Fallible<ServerFrame> {
        let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.answers.recv()).await;
        Ok(answer.map_err(|_| "the server does not answer")?.ok_or("the socket ended")?)
    }
}

/// Reads continuously, because the server closes slow readers, and keeps the answers.
async fn read(mut incoming: SplitStream<Socket>, answers: mpsc::Sender<ServerFrame>) {
    while let Some(Ok(message)) = incoming.next().await {
        let tungstenite::Message::Text(text) = message else { continue };
        // Skips the thousands of events.
        if !text.starts_with("{\"ref\":") {
            continue;
        }
        let Ok(frame) = ServerFrame::decode(&text) else { return };
        if answers.send(frame).await.is_err() {
            return;
        }
    }
}

/// The error for an unexpected kind of reply.
pub(crate) fn unexpected(reply: &Reply) -> Box<dyn std::error::Error + Send + Sync> {
    format!("an answer of another kind: {reply:?}").into()
}
