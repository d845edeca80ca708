//! Measures a place that runs: how long from a send to the other's screen, how long a page takes, what a connection
//! weighs.
//!
//! ```sh
//! ROOST_SIGN_UP=open ROOST_SENDS_PER_S=10000 ROOST_SENDS_BURST=10000 ROOST_CONNECTIONS_PER_USER=5000 \
//!   ROOST_CONNECTIONS_PER_ADDRESS=5000 ROOST_SOCKETS_PER_MIN=10000 make run NODES=2 PORT=3900
//! cargo run --release -p server --example figures -- 127.0.0.1:3900 http://localhost:3900 PID PID
//! ```
//!
//! The numbers at the end are the servers' process ids, for their memory. Everything is bounded and ends by itself.

use std::{
    error::Error,
    time::{Duration, Instant},
};

use futures::{SinkExt, StreamExt};
use protocol::{Change, ClientFrame, Command, Event, Nonce, Reply, RoomId, ServerFrame, UserId, VERSION};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest},
};
use uuid::Uuid;

type Fallible<T> = Result<T, Box<dyn Error>>;

const MESSAGES: usize = 1_000;
const PAGES: usize = 300;
const IDLE: usize = 2_000;
/// No single wait is longer.
const PATIENCE: Duration = Duration::from_secs(30);

struct Place {
    addr: String,
    origin: String,
}

struct Person {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    me: UserId,
    node: String,
    last_ref: u32,
}

#[tokio::main]
async fn main() -> Fallible<()> {
    let mut args = std::env::args().skip(1);
    let usage = "usage: figures HOST:PORT ORIGIN [PID …]";
    let place = Place { addr: args.next().ok_or(usage)?, origin: args.next().ok_or(usage)? };
    let pids: Vec<String> = args.collect();

    let tag = Uuid::new_v4().simple().to_string();
    let one = place.sign_up(&format!("one-{}", &tag[..12])).await?;
    let two = place.sign_up(&format!("two-{}", &tag[..12])).await?;
    report_pages(&place, &one).await?;
    report_messages(&place, &one, &two).await?;
    report_memory(&place, &one, &pids).await
}

/// The middle, and the value that only one in a hundred passes, in milliseconds.
fn quantiles(mut times: Vec<Duration>) -> String {
    times.sort();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
    format!("p50 {:.2} ms, p99 {:.2} ms over {}", at(0.5), at(0.99), times.len())
}

async fn report_pages(place: &Place, cookie: &str) -> Fallible<()> {
    let mut times = Vec::new();
    for _ in 0..PAGES {
        let began = Instant::now();
        let answer = place.ask("GET", "/", cookie, "").await?;
        times.push(began.elapsed());
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(
                format!("the page was not served: {}", answer.lines().next().unwrap_or_default()).into()
            );
        }
    }
    println!("signed-in request to HTML: {}", quantiles(times));
    Ok(())
}

async fn report_messages(place: &Place, one: &str, two: &str) -> Fallible<()> {
    let mut sender = place.connect(one).await?;
    let mut receiver = place.connect(two).await?;
    // nginx hands each connection to the next server: some tries, and the two are on different ones.
    for _ in 0..20 {
        if receiver.node != sender.node {
            break;
        }
        receiver = place.connect(two).await?;
    }
    println!("sender on {}, receiver on {}", sender.node, receiver.node);
    let Reply::Room { summary } = sender.ask(Command::StartDirect { user: receiver.me }).await? else {
        return Err("no room".into());
    };
    let room = summary.room.id;
    let mut shown = Vec::new();
    let mut acknowledged = Vec::new();
    for number in 0..MESSAGES {
        let nonce = Nonce(Uuid::new_v4());
        let began = Instant::now();
        let body = format!("message {number}");
        let told = receiver.sees(room, nonce);
        let asked = async {
            sender.ask(Command::Send { room, nonce, body }).await?;
            Ok::<_, Box<dyn Error>>(began.elapsed())
        };
        let (told, asked) = tokio::join!(async { told.await.map(|()| began.elapsed()) }, asked);
        shown.push(told?);
        acknowledged.push(asked?);
    }
    println!("send to acknowledged:      {}", quantiles(acknowledged));
    println!("send to the other's screen: {}", quantiles(shown));
    Ok(())
}

async fn report_memory(place: &Place, cookie: &str, pids: &[String]) -> Fallible<()> {
    let before = resident_kb(pids)?;
    let mut open = Vec::new();
    for _ in 0..IDLE {
        open.push(place.connect(cookie).await?);
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let after = resident_kb(pids)?;
    for (pid, (before, after)) in pids.iter().zip(before.iter().zip(&after)) {
        println!(
            "server {pid}: {before} kB resident before, {after} kB with its share of {IDLE} idle connections"
        );
    }
    let grown: i64 = after.iter().sum::<i64>() - before.iter().sum::<i64>();
    println!("per idle connection: {:.2} kB", grown as f64 / IDLE as f64);
    drop(open);
    Ok(())
}

fn resident_kb(pids: &[String]) -> Fallible<Vec<i64>> {
    let resident = |pid: &String| -> Fallible<i64> {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).ok_or("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).ok_or("no number")?.parse()?)
    };
    pids.iter().map(resident).collect()
}

impl Place {
    /// A plain request, on a connection of its own.
    async fn ask(&self, method: &str, path: &str, cookie: &str, body: &str) -> Fallible<String> {
        let mut stream = TcpStream::connect(&self.addr).await?;
        stream.set_nodelay(true)?;
        let host = self.origin.split("//").nth(1).unwrap_or_default();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {}\r\nCookie: {cookie}\r\nConnection: close\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
            self.origin,
            body.len()
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await??;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    async fn sign_up(&self, handle: &str) -> Fallible<String> {
        let body = format!("handle={handle}&name={handle}&password=correct+horse+battery");
        let answer = self.ask("POST", "/sign-up", "", &body).await?;
        let mut cookies = answer.lines().filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("set-cookie").then(|| value.split(';').next().unwrap_or_default())
        });
        let session = cookies.find(|cookie| cookie.starts_with("roost="));
        Ok(session.ok_or("signing up did not work: is ROOST_SIGN_UP=open?")?.to_owned())
    }

    async fn connect(&self, cookie: &str) -> Fallible<Person> {
        let mut request = format!("ws://{}/socket", self.addr).into_client_request()?;
        request.headers_mut().insert("origin", self.origin.parse()?);
        request.headers_mut().insert("cookie", cookie.parse()?);
        request.headers_mut().insert("host", self.origin.split("//").nth(1).unwrap_or_default().parse()?);
        let (socket, _) = tokio_tungstenite::connect_async(request).await?;
        let mut person = Person { socket, me: UserId(Uuid::nil()), node: String::new(), last_ref: 0 };
        let Reply::Welcome { me, node, .. } = person.ask(Command::Hello { version: VERSION }).await? else {
            return Err("not welcome".into());
        };
        (person.me, person.node) = (me.id, node);
        Ok(person)
    }
}

impl Person {
    async fn hears(&mut self) -> Fallible<ServerFrame> {
        loop {
            match tokio::time::timeout(PATIENCE, self.socket.next()).await?.ok_or("closed")?? {
                Message::Text(text) => return Ok(ServerFrame::decode(&text)?),
                Message::Close(close) => return Err(format!("closed: {close:?}").into()),
                Message::Binary(_) | Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
            }
        }
    }

    async fn ask(&mut self, command: Command) -> Fallible<Reply> {
        self.last_ref += 1;
        let frame = ClientFrame { r#ref: self.last_ref, command };
        self.socket.send(Message::text(frame.encode())).await?;
        loop {
            match self.hears().await? {
                ServerFrame::Reply { r#ref, reply } if r#ref == self.last_ref => return Ok(reply),
                ServerFrame::Refusal { refusal, .. } => return Err(refusal.to_string().into()),
                ServerFrame::Reply { .. } | ServerFrame::Event { .. } => {}
            }
        }
    }

    /// Waits for a message.
    async fn sees(&mut self, room: RoomId, nonce: Nonce) -> Fallible<()> {
        loop {
            if let ServerFrame::Event { event: Event::Change { room: here, change, .. } } =
                self.hears().await?
                && let Change::Message { message } = change
                && (here, message.nonce) == (room, nonce)
            {
                return Ok(());
            }
        }
    }
}
