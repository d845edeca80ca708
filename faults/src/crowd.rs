//! Many lightweight clients: each sends `hello`, reads whatever arrives, and reconnects with the browsers'
//! backoff.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use client::Backoff;
use futures::{SinkExt as _, StreamExt as _};
use protocol::{ClientFrame, Command, RoomId, UserId};
use sqlx::PgPool;
use tokio_tungstenite::tungstenite::Message;
use tokio_util::task::AbortOnDropHandle;

use crate::{
    cluster::{Address, Fallible},
    person::{Socket, greeted},
    stored,
};

/// Devices per person.
const DEVICES: usize = 10;
/// People per room …
const ROOM: usize = 20;
/// … and rooms per person.
const ROOMS_EACH: usize = 5;
/// The same as in browsers.
const PING: Duration = Duration::from_secs(25);

/// See the module. Dropping it disconnects all clients.
pub struct Crowd {
    clients: usize,
    greeted: Arc<AtomicUsize>,
    rooms: Vec<RoomId>,
    _lives: Vec<AbortOnDropHandle<()>>,
}

impl Crowd {
    /// Starts to connect this many clients. Each ten of them belong to one person.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn gather(pool: &PgPool, addresses: &[Address], clients: usize) -> Fallible<Self> {
        let people = stored::crowd(pool, clients.div_ceil(DEVICES)).await?;
        let users: Vec<UserId> = people.iter().map(|someone| someone.user).collect();
        let members: Vec<Vec<UserId>> =
            (0..ROOMS_EACH).flat_map(|_| users.chunks(ROOM).map(<[UserId]>::to_vec)).collect();
        let rooms = stored::groups(pool, &members).await?;
        let greeted = Arc::new(AtomicUsize::new(0));
        let live = |at: usize| {
            let (address, cookie) =
                (addresses[at % addresses.len()].clone(), people[at / DEVICES].cookie.clone());
            AbortOnDropHandle::new(tokio::spawn(live(address, cookie, Arc::clone(&greeted))))
        };
        let lives = (0..clients).map(live).collect();
        Ok(Self { clients, greeted, rooms, _lives: lives })
    }

    /// Their rooms.
    #[must_use]
    pub fn rooms(&self) -> &[RoomId] {
        &self.rooms
    }

    /// Waits until all are connected, or none; returns how long it took.
    ///
    /// # Errors
    /// The number of connected clients after `within`.
    pub async fn until(&self, all: bool, within: Duration) -> Result<Duration, usize> {
        let began = Instant::now();
        let wanted = if all { self.clients } else { 0 };
        loop {
            let here = self.greeted.load(Ordering::Relaxed);
            if here == wanted {
                return Ok(began.elapsed());
            }
            if began.elapsed() > within {
                return Err(here);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn live(address: Address, cookie: String, here: Arc<AtomicUsize>) {
    let mut backoff = Backoff::default();
    loop {
        if let Ok(mut socket) = greeted(&address, &cookie, None).await {
            backoff.reset();
            here.fetch_add(1, Ordering::Relaxed);
            listen(&mut socket).await;
            here.fetch_sub(1, Ordering::Relaxed);
        }
        let wait = backoff.next_ms(rand::random());
        tokio::time::sleep(Duration::from_millis(wait.into())).await;
    }
}

/// Reads until the connection ends.
async fn listen(socket: &mut Socket) {
    let mut pings = tokio::time::interval_at(tokio::time::Instant::now() + PING, PING);
    let mut count = 1;
    loop {
        tokio::select! {
            message = socket.next() => match message {
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            _ = pings.tick() => {
                count += 1;
                let ping = ClientFrame { r#ref: count, command: Command::Ping {} };
                if socket.send(Message::text(ping.encode())).await.is_err() {
                    return;
                }
            }
        }
    }
}
