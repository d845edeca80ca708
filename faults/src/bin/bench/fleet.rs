//! Many sockets that send and count, and parse frames as little as possible.

use std::{
    collections::{HashMap, VecDeque},
    net::SocketAddr,
    time::{Duration, Instant},
};

use faults::{
    cluster::Fallible,
    person::{Socket, open},
    stored::Someone,
};
use futures::{SinkExt as _, StreamExt as _, stream::FuturesUnordered};
use protocol::{ClientFrame, Command, Nonce, Reply, RoomId, ServerFrame, VERSION};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use uuid::Uuid;

use crate::scene::ORIGIN;

/// Sockets opened at once.
const OPENING: usize = 64;
/// The longest wait for anything.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The start of a change's frame.
const CHANGE: &str = "{\"event\":{\"type\":\"change\"";

/// A socket after `welcome`.
pub(crate) struct Wire {
    socket: Socket,
    last_ref: u32,
    node: String,
}

/// The answer to `hello`.
#[derive(Debug)]
pub(crate) struct Greeting {
    /// The frame.
    pub(crate) text: Utf8Bytes,
    /// The time from `hello` to the frame.
    pub(crate) took: Duration,
}

/// The kind of a frame, by its start.
#[derive(Debug, PartialEq)]
pub(crate) enum Heard {
    /// The answer to a command.
    Reply(u32, Utf8Bytes),
    /// A command was refused.
    Refusal(String),
    /// Any other frame.
    Event(Utf8Bytes),
}

fn heard(text: Utf8Bytes) -> Heard {
    let Some((number, answer)) = text.strip_prefix("{\"ref\":").and_then(|rest| rest.split_once(',')) else {
        return Heard::Event(text);
    };
    match number.parse() {
        Ok(number) if answer.starts_with("\"reply\"") => Heard::Reply(number, text),
        Ok(_) | Err(_) => Heard::Refusal(text.to_string()),
    }
}

impl Wire {
    /// Opens a socket and sends `hello`.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub(crate) async fn open(addr: SocketAddr, someone: &Someone) -> Fallible<Self> {
        Self::greeted(addr, someone).await.map(|(wire, _)| wire)
    }

    /// The same, with the `welcome`.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub(crate) async fn greeted(addr: SocketAddr, someone: &Someone) -> Fallible<(Self, Greeting)> {
        let socket = open(addr, ORIGIN, &someone.cookie).await?;
        let mut wire = Self { socket, last_ref: 0, node: String::new() };
        let began = Instant::now();
        let text = wire.answer(Command::Hello { version: VERSION }).await?;
        let took = began.elapsed();
        let ServerFrame::Reply { reply: Reply::Welcome { node, .. }, .. } = ServerFrame::decode(&text)?
        else {
            return Err("not a greeting".into());
        };
        wire.node = node;
        Ok((wire, Greeting { text, took }))
    }

    /// The server at the other end.
    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Sends one message on its own. Returns the time until it was acknowledged, and until the other socket
    /// received it.
    ///
    /// # Errors
    /// When it is refused or does not arrive.
    pub(crate) async fn says_to(
        &mut self,
        other: &mut Self,
        room: RoomId,
        body: String,
    ) -> Fallible<(Duration, Duration)> {
        let began = Instant::now();
        let command = Command::say(room, Nonce(Uuid::new_v4()), body);
        let told = async {
            loop {
                if let Heard::Event(text) = other.hear().await?
                    && text.starts_with(CHANGE)
                {
                    return Ok::<_, Box<dyn std::error::Error + Send + Sync>>(began.elapsed());
                }
            }
        };
        let acknowledged = async { self.ask(command).await.map(|()| began.elapsed()) };
        let (acknowledged, told) = tokio::join!(acknowledged, told);
        Ok((acknowledged?, told?))
    }

    /// Sends a command and waits for the answer.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub(crate) async fn ask(&mut self, command: Command) -> Fallible<()> {
        self.answer(command).await.map(drop)
    }

    /// The same, with the answer.
    ///
    /// # Errors
    /// When it is refused or not answered.
    pub(crate) async fn answer(&mut self, command: Command) -> Fallible<Utf8Bytes> {
        let asked = self.send(command).await?;
        self.socket.flush().await?;
        loop {
            match self.hear().await? {
                Heard::Reply(number, text) if number == asked => return Ok(text),
                Heard::Refusal(text) => return Err(text.into()),
                Heard::Reply(..) | Heard::Event(_) => {}
            }
        }
    }

    /// Sends commands without waiting for their answers.
    ///
    /// # Errors
    /// When the socket breaks.
    pub(crate) async fn tell(&mut self, commands: impl IntoIterator<Item = Command>) -> Fallible<()> {
        for command in commands {
            self.send(command).await?;
        }
        Ok(self.socket.flush().await?)
    }

    /// Waits for this many events that contain this text, and returns the sizes of their frames.
    ///
    /// # Errors
    /// When they do not arrive.
    pub(crate) async fn sizes_of(&mut self, what: &str, count: usize) -> Fallible<Vec<usize>> {
        let mut sizes = Vec::with_capacity(count);
        while sizes.len() < count {
            if let Heard::Event(text) = self.hear().await?
                && text.contains(what)
            {
                sizes.push(text.len());
            }
        }
        Ok(sizes)
    }

    async fn send(&mut self, command: Command) -> Fallible<u32> {
        self.last_ref += 1;
        let frame = ClientFrame { r#ref: self.last_ref, command };
        self.socket.feed(Message::text(frame.encode())).await?;
        Ok(self.last_ref)
    }

    async fn say(&mut self, room: RoomId, body: String) -> Fallible<u32> {
        self.send(Command::say(room, Nonce(Uuid::new_v4()), body)).await
    }

    async fn hear(&mut self) -> Fallible<Heard> {
        loop {
            match tokio::time::timeout(ANSWER_TIMEOUT, self.socket.next()).await.map_err(|_| "silence")? {
                Some(Ok(Message::Text(text))) => return Ok(heard(text)),
                Some(Ok(Message::Close(close))) => return Err(format!("closed: {close:?}").into()),
                Some(Ok(_)) => {}
                Some(Err(e)) => return Err(e.into()),
                None => return Err("the socket ended".into()),
            }
        }
    }
}

/// Opens sockets, several at once, in the given order.
///
/// # Errors
/// When one is refused or not answered.
pub(crate) async fn open_all(wanted: &[(SocketAddr, &Someone)]) -> Fallible<Vec<Wire>> {
    let opening = futures::stream::iter(wanted.iter().copied())
        .map(|(addr, someone)| Wire::open(addr, someone))
        .buffered(OPENING);
    opening.collect::<Vec<_>>().await.into_iter().collect()
}

/// The result of a load.
#[derive(Debug, Default)]
pub(crate) struct Load {
    /// Time from each send to its acknowledgement.
    pub(crate) acks: Vec<Duration>,
    /// Time from each send to its event at another socket, if requested.
    pub(crate) shown: Vec<Duration>,
    /// Refused sends.
    pub(crate) refused: usize,
    /// Received events.
    pub(crate) events: usize,
    /// How long it took.
    pub(crate) took: Duration,
}

impl Load {
    fn add(&mut self, other: Self) {
        self.acks.extend(other.acks);
        self.shown.extend(other.shown);
        self.refused += other.refused;
        self.events += other.events;
    }

    /// Acknowledged sends per second.
    pub(crate) fn per_s(&self) -> f64 {
        self.acks.len() as f64 / self.took.as_secs_f64()
    }
}

/// When a socket sends.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Pace {
    /// This many sends are always in flight: as fast as possible.
    Window(usize),
    /// At this interval, however long the answers take.
    Every(Duration),
    /// Never: it only receives.
    Never,
}

/// Each socket sends to its rooms in turn for a while; everything is counted until the last answer.
///
/// # Errors
/// When a socket breaks.
pub(crate) async fn load(
    wires: &mut Vec<Wire>,
    rooms: &[Vec<RoomId>],
    pace: impl Fn(usize) -> Pace,
    lasts: Duration,
) -> Fallible<Load> {
    let began = Instant::now();
    let mut running = FuturesUnordered::new();
    for (at, wire) in wires.drain(..).enumerate() {
        let one = one(wire, rooms[at % rooms.len()].clone(), pace(at), began, lasts, at);
        running.push(async move { (at, tokio::spawn(one).await) });
    }
    let (mut all, mut back) = (Load::default(), Vec::new());
    while let Some((at, done)) = running.next().await {
        let (wire, load) = done.map_err(|e| e.to_string())??;
        back.push((at, wire));
        all.add(load);
    }
    back.sort_by_key(|(at, _)| *at);
    wires.extend(back.into_iter().map(|(_, wire)| wire));
    all.took = began.elapsed().min(lasts.max(Duration::from_millis(1)));
    Ok(all)
}

/// One socket's part. Bodies carry the time of the send, so that the receiver of the event knows how long
/// it took.
async fn one(
    mut wire: Wire,
    rooms: Vec<RoomId>,
    pace: Pace,
    began: Instant,
    lasts: Duration,
    at: usize,
) -> Fallible<(Wire, Load)> {
    let mut load = Load::default();
    let mut under_way: HashMap<u32, Instant> = HashMap::new();
    let mut turn = at;
    let until = began + lasts;
    // Receives the others' events a little longer.
    let end = until + Duration::from_millis(500);
    let mut due = began
        + match pace {
            // Not all at the same time.
            Pace::Every(every) => every.mul_f64((at % 97) as f64 / 97.0),
            Pace::Window(_) | Pace::Never => Duration::ZERO,
        };
    loop {
        let now = Instant::now();
        let mut said = false;
        while now < until
            && match pace {
                Pace::Window(most) => under_way.len() < most,
                Pace::Every(_) => now >= due,
                Pace::Never => false,
            }
        {
            let body =
                format!("{} a message of some length, such as people write", began.elapsed().as_nanos());
            let asked = wire.say(rooms[turn % rooms.len()], body).await?;
            under_way.insert(asked, Instant::now());
            turn += 1;
            if let Pace::Every(every) = pace {
                due += every;
            }
            said = true;
        }
        if said {
            wire.socket.flush().await?;
        }
        if now >= end && under_way.is_empty() {
            return Ok((wire, load));
        }
        let next = match pace {
            Pace::Every(_) if now < until => due.min(end),
            Pace::Every(_) | Pace::Window(_) | Pace::Never => end.max(now + Duration::from_millis(5)),
        };
        tokio::select! {
            heard = wire.hear() => match heard? {
                Heard::Reply(number, _) => {
                    if let Some(sent) = under_way.remove(&number) {
                        load.acks.push(sent.elapsed());
                    }
                }
                Heard::Refusal(text) => {
                    load.refused += 1;
                    let number = text.split([':', ',']).nth(1).and_then(|number| number.parse().ok());
                    number.and_then(|number: u32| under_way.remove(&number));
                }
                Heard::Event(text) => {
                    load.events += 1;
                    let sent = text.split_once("\"body\":\"").and_then(|(_, body)| body.split(' ').next()?.parse().ok());
                    if let (Pace::Never, Some(sent)) = (pace, sent) {
                        load.shown.push(began.elapsed().saturating_sub(Duration::from_nanos(sent)));
                    }
                }
            },
            () = tokio::time::sleep_until(next.into()) => {}
        }
    }
}

/// One socket sends many messages at once; the others count until each has received this many changes.
/// Returns the number of received changes, and how long it took.
///
/// # Errors
/// When a socket breaks, or receives too little in time.
pub(crate) async fn burst(
    sender: &mut Wire,
    listeners: &mut Vec<Wire>,
    room: RoomId,
    count: usize,
) -> Fallible<(usize, Duration)> {
    let began = Instant::now();
    let mut counting: VecDeque<_> = listeners
        .drain(..)
        .map(|mut wire| {
            tokio::spawn(async move {
                let mut changes = 0;
                while changes < count {
                    if let Heard::Event(text) = wire.hear().await?
                        && text.starts_with(CHANGE)
                    {
                        changes += 1;
                    }
                }
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(wire)
            })
        })
        .collect();
    for number in 0..count {
        sender
            .say(room, format!("{number} a message of some length, such as people write: see you at noon"))
            .await?;
    }
    sender.socket.flush().await?;
    let mut answered = 0;
    while answered < count {
        match sender.hear().await? {
            Heard::Reply(..) => answered += 1,
            Heard::Refusal(text) => return Err(text.into()),
            Heard::Event(_) => {}
        }
    }
    let mut heard = 0;
    while let Some(one) = counting.pop_front() {
        listeners.push(one.await??);
        heard += count;
    }
    Ok((heard, began.elapsed()))
}
