//! The test setup: an empty workspace with several servers, and people and rooms written directly into the
//! database.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command},
};

use faults::{
    cluster::{Fallible, free_addr, named, resident_kb, script, server_command, until_ready},
    stored::{self, Someone},
};
use protocol::{RoomId, UserId};
use sqlx::{PgPool, postgres::PgPoolOptions};
use uuid::Uuid;

use crate::cpu::{Accounts, children};

/// The origin of the pages, as configured in the servers.
pub(crate) const ORIGIN: &str = "http://localhost:1";

/// See the module.
pub(crate) struct Scene {
    /// Postgres.
    pub(crate) pool: PgPool,
    /// Redis.
    pub(crate) redis_url: String,
    /// Where the servers listen.
    pub(crate) addrs: Vec<SocketAddr>,
    servers: Vec<Child>,
    is_balanced: bool,
    root: PathBuf,
    folder: PathBuf,
}

impl Scene {
    /// Starts this many servers with an empty database.
    ///
    /// # Errors
    /// When something does not start.
    pub(crate) async fn start(root: &Path, servers: usize) -> Fallible<Self> {
        let folder = root.join(".data/bench");
        std::fs::create_dir_all(&folder)?;
        script(root, "services", &["--bench", "fresh"])?;
        let services = script(root, "services", &["--bench", "env"])?;
        let (database_url, redis_url) = (named(&services, "DATABASE_URL")?, named(&services, "REDIS_URL")?);
        let pool = PgPoolOptions::new().max_connections(8).connect_lazy(&database_url)?;
        let mut scene = Self {
            pool,
            redis_url: redis_url.clone(),
            addrs: Vec::new(),
            servers: Vec::new(),
            is_balanced: false,
            root: root.to_owned(),
            folder,
        };
        let program = std::env::current_exe()?.with_file_name("server");
        for number in 1..=servers {
            let addr = free_addr()?;
            let log = scene.folder.join(format!("node-{number}.log"));
            let mut command: Command = server_command(&program, root, (addr, ORIGIN), number, &log)?;
            command.env("DATABASE_URL", &database_url).env("REDIS_URL", &redis_url).env("ROOST_LOG", "warn");
            scene.servers.push(command.spawn()?);
            scene.addrs.push(addr);
        }
        for (number, (child, addr)) in (1..).zip(scene.servers.iter_mut().zip(&scene.addrs)) {
            until_ready(child, *addr, &scene.folder.join(format!("node-{number}.log"))).await?;
        }
        sqlx::query("update installation set place = 'The measure'").execute(&scene.pool).await?;
        Ok(scene)
    }

    /// CPU time so far, by name.
    pub(crate) fn accounts(&self) -> Accounts {
        let mut accounts = Accounts::default();
        let servers: Vec<u32> = self.servers.iter().map(Child::id).collect();
        accounts.add("servers", &servers);
        accounts.add("clients", &[std::process::id()]);
        if let Some(pid) = self.pid_in("redis.pid") {
            accounts.add("redis", &[pid]);
        }
        if let Some(pid) = self.pid_in("postgres/postmaster.pid") {
            let mut pids = children(pid);
            pids.push(pid);
            accounts.add("postgres", &pids);
        }
        accounts
    }

    fn pid_in(&self, file: &str) -> Option<u32> {
        std::fs::read_to_string(self.folder.join(file)).ok()?.lines().next()?.trim().parse().ok()
    }

    /// The memory of all servers together, in bytes.
    ///
    /// # Errors
    /// When one does not run.
    pub(crate) fn resident(&self) -> Fallible<i64> {
        self.servers.iter().map(|server| Ok(resident_kb(server.id())? * 1_024)).sum()
    }

    /// Starts an nginx in front of the servers, until the scene is dropped; returns its address.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn balanced(&mut self) -> Fallible<SocketAddr> {
        let addr = free_addr()?;
        let mut words = vec!["start".to_owned(), self.balancer(), addr.to_string()];
        words.extend(self.addrs.iter().map(|server| server.port().to_string()));
        script(&self.root, "balancer", &words.iter().map(String::as_str).collect::<Vec<_>>())?;
        self.is_balanced = true;
        Ok(addr)
    }

    fn balancer(&self) -> String {
        self.folder.join("balancer").display().to_string()
    }

    /// Writes people into the database.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn people(&self, count: usize) -> Fallible<Vec<Someone>> {
        stored::crowd(&self.pool, count).await
    }

    /// Writes rooms into the database, each with these members.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn rooms(&self, members: &[Vec<UserId>]) -> Fallible<Vec<RoomId>> {
        stored::groups(&self.pool, members).await
    }

    /// Writes this many messages into each room, all by one author.
    ///
    /// # Errors
    /// When the database fails.
    pub(crate) async fn messages(&self, rooms: &[RoomId], author: UserId, each: i64) -> Fallible<()> {
        let ids: Vec<Uuid> = rooms.iter().map(|room| room.0).collect();
        let mut tx = self.pool.begin().await?;
        sqlx::query(
            "insert into messages (room_id, seq, rev_seq, ordinal, id, author_id, nonce, body)
             select r.id, r.head + n, r.head + n, r.messages + n, gen_random_uuid(), $2, gen_random_uuid(),
                'A message of some length, such as people write: see you at the harbour at noon, ' || n
             from lines r, generate_series(1, $3) as n where r.id = any($1)",
        )
        .bind(&ids)
        .bind(author.0)
        .bind(each)
        .execute(&mut *tx)
        .await?;
        sqlx::query("update lines set head = head + $2, messages = messages + $2 where id = any($1)")
            .bind(&ids)
            .bind(each)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        sqlx::query("vacuum analyze messages").execute(&self.pool).await?;
        Ok(())
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for server in &mut self.servers {
            drop(server.kill());
            drop(server.wait());
        }
        let balancer = self.balancer();
        let stops = [("balancer", ["stop", &balancer]), ("services", ["--bench", "stop"])];
        for (name, words) in &stops[usize::from(!self.is_balanced)..] {
            if let Err(e) = script(&self.root, name, words) {
                eprintln!("bench: {e}");
            }
        }
    }
}
