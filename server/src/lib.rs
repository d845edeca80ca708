//! One node of Roost.

pub mod account;
pub mod blobs;
pub mod broker;
pub mod chat;
pub mod clock;
pub mod config;
pub mod entry;
pub mod files;
pub mod http;
pub mod hub;
pub mod jobs;
pub mod metrics;
pub mod node;
pub mod outgoing;
pub mod pictures;
pub mod previews;
pub mod search;
pub mod serve;
pub mod site;
pub mod socket;
pub mod store;
pub mod telemetry;
pub mod wait;

use std::{future::Future, io, net::SocketAddr, num::NonZeroU32, sync::Arc, time::Duration};

use leptos::config::LeptosOptions;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    blobs::Blobs,
    broker::{Broker, Bus},
    config::Config,
    files::Files,
    node::{Node, Sabotage, Tuning},
    previews::Previews,
    serve::Times,
    site::Site,
    store::Store,
};

/// Why the server did not start or stopped, in one line that names the setting at fault, if there
/// is one.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database does not answer, or cannot be used.
    #[error("DATABASE_URL (--database-url): {0}")]
    Database(store::Error),
    /// Redis refuses this server, or the setting is not an address.
    #[error(
        "REDIS_URL (--redis-url): {0}; expected the address of a Redis, with the name and password that it asks for, or several, separated by commas"
    )]
    Redis(String),
    /// The files cannot be stored.
    #[error(
        "ROOST_FILES (--files): {0}; expected a folder that this server may write, or a bucket for which the settings that begin with ROOST_S3 are right"
    )]
    Files(blobs::Error),
    /// The address is not free, or not one of this machine.
    #[error(
        "{setting}: cannot listen on {addr}: {source}; expected an address of this machine with a free port"
    )]
    Listen {
        /// The setting that names the address.
        setting: &'static str,
        /// The address.
        addr: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The listener does not report its address.
    #[error("cannot read the address that the server listens on: {0}")]
    Listener(#[from] io::Error),
}

/// Runs a node until `shutdown`: connects, migrates, listens, serves, leaves.
///
/// # Errors
/// Whatever prevents startup; see [`Error`].
pub async fn run(
    config: Config,
    options: LeptosOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    run_sabotaged(config, options, Sabotage::default(), shutdown).await
}

/// The same for the fault test, with deliberate faults.
///
/// # Errors
/// Whatever prevents startup; see [`Error`].
pub async fn run_sabotaged(
    config: Config,
    options: LeptosOptions,
    sabotage: Sabotage,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Error> {
    let store = open_store(&config).await?;
    if config.migrate_only {
        tracing::info!("the database is up to date");
        return Ok(());
    }
    let blobs = Blobs::open(&config.file_store()).await.map_err(Error::Files)?;
    let listener = listen("ROOST_ADDR (--addr)", config.addr()).await?;
    let metrics = match config.metrics_addr {
        Some(addr) => Some(listen("ROOST_METRICS_ADDR (--metrics-addr)", addr).await?),
        None => None,
    };
    let mut config = config;
    config.set_addr(listener.local_addr()?);
    let config = Arc::new(config);
    let node = start_node(&config, store.clone(), sabotage).await?;
    // Kept until the end: metrics are useful during shutdown, too.
    let _metrics = metrics.map(|listener| tell_metrics(listener, Arc::clone(&node)));
    let files = Files::start(Arc::clone(&node), blobs, config.space_limits());
    Previews::start(&node, &files, &config);
    let site = Site::new(node, files, Arc::clone(&config), built_front_end(options));
    tracing::info!(node = %config.node_name, addr = %config.addr(), public_url = %config.public_url(), "listening");
    serve(site, listener, shutdown).await;
    if tokio::time::timeout(LAST_MOMENTS, store.close()).await.is_err() {
        tracing::warn!("stopping in the middle of queries: the database does not answer");
    }
    tracing::info!("stopped");
    Ok(())
}

/// Connects to the database and migrates it. Waits a while if the database is not up yet or goes
/// away during startup, because servers are often restarted together with their database.
async fn open_store(config: &Config) -> Result<Store, Error> {
    let open = async || {
        let store = Store::connect(config.database_url.expose(), config.db_pool).await?;
        store.migrate().await?;
        Ok(store)
    };
    waited_for(config, open).await
}

async fn waited_for<T>(
    config: &Config,
    attempt: impl AsyncFnMut() -> Result<T, store::Error>,
) -> Result<T, Error> {
    let done = wait::until("DATABASE_URL", config.wait(), attempt, store::Error::is_passing).await;
    done.map_err(Error::Database)
}

async fn listen(setting: &'static str, addr: SocketAddr) -> Result<TcpListener, Error> {
    TcpListener::bind(addr).await.map_err(|source| Error::Listen { setting, addr, source })
}

fn tell_metrics(listener: TcpListener, node: Arc<Node>) -> AbortOnDropHandle<()> {
    let app = http::metrics::router(node);
    AbortOnDropHandle::new(tokio::spawn(serve::run(listener, app, Times::default(), std::future::pending())))
}

/// Starts a node from the settings, on a migrated database, with Redis if configured. An
/// unreachable Redis does not prevent startup.
///
/// # Errors
/// When the database fails, or Redis refuses this server.
pub async fn start_node(config: &Config, store: Store, sabotage: Sabotage) -> Result<Arc<Node>, Error> {
    let workspace = waited_for(config, || store.workspace()).await?;
    let broker = match config.redis_url() {
        None => Broker::memory(&Bus::default()),
        // Each database has its own channels, because several workspaces may share one Redis.
        Some(url) => Broker::redis(url.expose(), &format!("roost:{}", workspace.id))
            .map_err(|e| Error::Redis(e.to_string()))?,
    };
    let troubled = broker.0.tried().await;
    if let Some((name, trouble)) = troubled.iter().find(|(_, trouble)| trouble.is_refusal()) {
        return Err(Error::Redis(format!("{name} {trouble}")));
    }
    for (name, trouble) in troubled {
        // Redis only carries events, so a server that starts while Redis is down is still useful.
        tracing::warn!("REDIS_URL: {name} {trouble}; starting without it, degraded until it carries");
    }
    let tuning = Tuning {
        sends_per_s: NonZeroU32::new(config.sends_per_s).unwrap_or(NonZeroU32::MIN),
        sends_burst: NonZeroU32::new(config.sends_burst).unwrap_or(NonZeroU32::MIN),
        budget_factor: NonZeroU32::new(config.budget_factor).unwrap_or(NonZeroU32::MIN),
        link_previews: config.link_previews,
        sabotage,
        ..Tuning::default()
    };
    let node = Node::start(config.node_name.clone(), (store, workspace.epoch), broker, tuning);
    jobs::start(&node);
    Ok(node)
}

/// The options, without hashed names if no front end was built. Pages then have no script, but are
/// complete all the same.
fn built_front_end(mut options: LeptosOptions) -> LeptosOptions {
    let folder = std::env::current_exe().ok().and_then(|exe| exe.parent().map(|folder| folder.to_owned()));
    let is_there = folder.is_some_and(|folder| folder.join(&*options.hash_file).exists());
    if options.hash_files && !is_there {
        tracing::warn!(
            "there is no {} beside the server: pages come without script (build the front end)",
            options.hash_file
        );
        options.hash_files = false;
    }
    options
}

/// Serves until `shutdown`, then until requests in progress have finished, but no longer than the
/// settings say.
async fn serve(site: Site, listener: TcpListener, shutdown: impl Future<Output = ()> + Send + 'static) {
    let (leaving, drain) = (site.leaving.clone(), site.config.drain());
    let (limits, accounts) = (Arc::clone(&site.rate_limits), Arc::clone(&site.accounts));
    let node = Arc::clone(&site.node);
    let app = http::router(site);
    let (told, left) = (leaving.clone(), CancellationToken::new());
    let gone = left.clone();
    // Keeps listening until its browsers are gone, so that health checks see that it is not ready.
    let server = serve::run(listener, app, Times::default(), async move {
        shutdown.await;
        tracing::info!("leaving");
        told.cancel();
        gone.cancelled().await;
    });
    // WebSockets are not among these requests: the node closes them itself.
    let leave = async {
        leaving.cancelled().await;
        node.leave(drain / 2, drain).await;
        left.cancel();
    };
    let too_long = async {
        leaving.cancelled().await;
        tokio::time::sleep(drain + LAST_MOMENTS).await;
    };
    let all = async {
        tokio::join!(server, leave);
        node.end().await;
    };
    tokio::select! {
        () = all => {}
        () = too_long => tracing::warn!("stopping in the middle of requests: they took too long"),
        () = limits.sweep() => {}
        () = accounts.sweep(SWEEP) => {}
    }
}

/// How long everything else has to finish after the configured drain time.
const LAST_MOMENTS: Duration = Duration::from_secs(2);
/// How often expired data is deleted.
const SWEEP: Duration = Duration::from_secs(3_600);

/// Waits for Ctrl-C, or for the signal that service managers send.
pub async fn told_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
        }
        // If one signal is unavailable, the other still works.
        Err(_) => drop(tokio::signal::ctrl_c().await),
    }
}
