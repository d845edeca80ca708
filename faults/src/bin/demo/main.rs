//! `demo`: fills a workspace with sample data. `make demo` runs it.
//!
//! It starts its own server with the workspace's Postgres and Redis, and with high limits. Everybody signs
//! up, writes and reads there like a browser. So the server itself creates all data, other running servers
//! hear of it through Redis, and a second run finds everything and adds nothing. Only the times are changed
//! afterwards, directly in the tables ([`past`]).
//!
//! The content is in [`workspace`].

mod fill;
mod log;
mod past;
mod person;
mod workspace;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::{Child, ExitCode},
    time::{Duration, Instant},
};

use faults::cluster::{Address, Fallible, free_addr, kill, server_command, until_ready};
use fill::{Filled, People};
use person::Person;
use sqlx::{PgPool, postgres::PgPoolOptions};
use workspace::{GROUP, GUEST, Kind, PEOPLE, ROOMS, WORKSPACE_NAME};

/// A run that takes longer is stuck.
const WITHIN: Duration = Duration::from_secs(10 * 60);
/// A server exits within this time after SIGTERM.
const ENDS_WITHIN: Duration = Duration::from_secs(20);

#[tokio::main]
async fn main() -> ExitCode {
    tokio::select! {
        done = tokio::time::timeout(WITHIN, Box::pin(run())) => match done {
            Ok(Ok(())) => ExitCode::SUCCESS,
            Ok(Err(e)) => fail(&e.to_string()),
            Err(_) => fail("it took too long"),
        },
        () = server::told_to_stop() => fail("stopped"),
    }
}

fn fail(text: &str) -> ExitCode {
    eprintln!("roost: the demo was not filled in: {text}");
    ExitCode::FAILURE
}

/// The settings from `scripts/demo`.
struct Settings {
    database_url: String,
    redis_url: String,
    /// The password of everybody in the demo.
    password: String,
    /// Whether to fill the workspace even if it has other people.
    anyway: bool,
    /// The folder of the server's log and pid.
    folder: PathBuf,
}

impl Settings {
    fn from_env() -> Fallible<Self> {
        let named = |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set"));
        Ok(Self {
            database_url: named("DATABASE_URL")?,
            redis_url: named("REDIS_URL")?,
            password: named("DEMO_PASSWORD")?,
            anyway: std::env::var("DEMO_ANYWAY").is_ok_and(|value| value == "1"),
            folder: named("DEMO_FOLDER")?.into(),
        })
    }
}

async fn run() -> Fallible<()> {
    let settings = Settings::from_env()?;
    let began = Instant::now();
    let server = Server::start(&settings).await?;
    let pool = PgPoolOptions::new().max_connections(2).connect(&settings.database_url).await?;
    let here = handles(&pool).await?;
    let strangers =
        here.iter().filter(|handle| !PEOPLE.iter().any(|person| person.handle == **handle)).count();
    if strangers > 0 && !settings.anyway {
        return Err(format!(
            "this workspace has people of its own ({strangers}). If you want the demo's people and rooms beside theirs, \
             run YES=1 make demo. Nothing has been changed."
        )
        .into());
    }
    let now = past::now(&pool).await?;
    let mut people = sign_in(&server.address, &pool, &here, &settings.password).await?;
    group(&pool, &people).await?;
    let mut all = Filled::default();
    for room in ROOMS {
        let filled =
            fill::room(&pool, &mut people, room, now).await.map_err(|e| format!("{}: {e}", room.title))?;
        all.messages += filled.messages;
        all.new += filled.new;
        fill::stay_awake(&mut people).await?;
    }
    for (_, person) in people {
        person.leave().await?;
    }
    server.stop().await?;
    pool.close().await;
    println!(
        "The demo: {} people, {} rooms, {} messages ({} of them new), in {:.0} s",
        PEOPLE.len(),
        ROOMS.len(),
        all.messages,
        all.new,
        began.elapsed().as_secs_f32()
    );
    Ok(())
}

async fn handles(pool: &PgPool) -> Fallible<BTreeSet<String>> {
    let handles: Vec<String> = sqlx::query_scalar("select handle from users").fetch_all(pool).await?;
    Ok(handles.into_iter().collect())
}

/// Everybody signs in or up. The first person in an empty workspace owns and names it.
async fn sign_in(
    address: &Address,
    pool: &PgPool,
    here: &BTreeSet<String>,
    password: &str,
) -> Fallible<People> {
    let mut people = People::new();
    for person in PEOPLE {
        let fields = [("handle", person.handle), ("name", person.name), ("password", password)];
        let path = if here.contains(person.handle) { "/sign-in" } else { "/sign-up" };
        let cookie = person::post(address, path, "", &fields).await.map_err(|e| {
            format!("{e} for {}; is this somebody else, or has the password been changed?", person.handle)
        })?;
        let cookie = cookie.ok_or("no session began")?;
        // Again for those who are here: it changes only what is new.
        let about = [("title", person.title), ("pronouns", person.pronouns), ("zone", person.zone)];
        if about.iter().any(|(_, text)| !text.is_empty()) {
            person::post(address, "/profile", &cookie, &about).await?;
        }
        if person.handle == GUEST {
            name_workspace(address, pool, &cookie).await?;
        }
        people.insert(person.handle, Person::connect(address, cookie).await?);
    }
    Ok(people)
}

/// Makes the group of people, unless it is there, and adds its people. The owner of the workspace may; beside
/// people of its own, where the owner is somebody else, there is none.
async fn group(pool: &PgPool, people: &People) -> Fallible<()> {
    let find =
        || sqlx::query_scalar("select id from groups where handle = $1").bind(GROUP.0).fetch_optional(pool);
    let Some(owner) = people.get(GUEST) else { return Ok(()) };
    let role: String =
        sqlx::query_scalar("select role from users where handle = $1").bind(GUEST).fetch_one(pool).await?;
    if role != "owner" {
        return Ok(());
    }
    let known: Option<uuid::Uuid> = find().await?;
    if known.is_none() {
        owner.post("/admin/groups", &[("handle", GROUP.0), ("title", GROUP.1)]).await?;
    }
    let made: Option<uuid::Uuid> = find().await?;
    let id = made.ok_or("the group was not made")?;
    owner.post(&format!("/admin/groups/{id}/add"), &[("people", GROUP.2)]).await
}

/// Names the workspace, if it has no name yet.
async fn name_workspace(address: &Address, pool: &PgPool, cookie: &str) -> Fallible<()> {
    let name: String = sqlx::query_scalar("select place from installation").fetch_one(pool).await?;
    if !name.is_empty() {
        return Ok(());
    }
    let first = ROOMS.iter().find(|room| room.kind == Kind::First).ok_or("the demo has no first channel")?;
    person::post(address, "/set-up", cookie, &[("place", WORKSPACE_NAME), ("channel", first.title)])
        .await
        .map(drop)
}

/// The demo's own server.
struct Server {
    address: Address,
    child: Child,
    pid_file: PathBuf,
}

impl Server {
    async fn start(settings: &Settings) -> Fallible<Self> {
        let program = std::env::current_exe()?.with_file_name("server");
        let addr = free_addr()?;
        let origin = format!("http://localhost:{}", addr.port());
        let log = settings.folder.join("demo.log");
        let mut command = server_command(&program, Path::new("."), (addr, &origin), 0, &log)?;
        command
            .env("DATABASE_URL", &settings.database_url)
            .env("REDIS_URL", &settings.redis_url)
            .env("ROOST_NODE_NAME", "demo")
            .env("ROOST_LOG", "warn")
            .env("ROOST_TRUSTED_PROXIES", "0")
            .env("ROOST_SIGN_UP", "open");
        for setting in ["ROOST_EXTRA_ORIGINS", "ROOST_METRICS_ADDR"] {
            command.env_remove(setting);
        }
        let child = command.spawn()?;
        let pid_file = settings.folder.join("demo.pid");
        let mut server = Self { address: Address { addr, origin }, child, pid_file };
        std::fs::write(&server.pid_file, server.child.id().to_string())?;
        until_ready(&mut server.child, addr, &log).await?;
        Ok(server)
    }

    /// Shuts it down gracefully, because read marks are written with a delay.
    async fn stop(mut self) -> Fallible<()> {
        kill(self.child.id(), "TERM")?;
        let deadline = Instant::now() + ENDS_WITHIN;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                return Err("the demo's server does not end".into());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
        drop(std::fs::remove_file(&self.pid_file));
    }
}
