//! `signetd serve`: start, serve until a signal, stop (foundation part, §3).

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use sd_notify::NotifyState;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::app::{self, App};
use crate::auth::{AccessGate, Auth};
use crate::clock::{self, Clock, SystemClock};
use crate::config::{Environment, Live, NetworkMode};
use crate::db::Db;
use crate::http::cors::Cors;
use crate::http::{HttpConfig, Server};
use crate::jobs::{Runner, Task};
use crate::limits::Limits;
use crate::upstream::Client;
use crate::{agents, daemon, files, logging, memory, settings, workspace};

/// Requests that still run after this are cut off.
const GRACE: Duration = Duration::from_secs(6);
/// Background work may take so much longer.
const BACKGROUND_GRACE: Duration = Duration::from_secs(2);
/// A stop ends then, whatever hangs; what was answered is on disk.
const STOP_LIMIT: Duration = Duration::from_millis(9_500);

pub fn run(env: Environment) -> ExitCode {
    let prepared =
        workspace::check_layout(&env).and_then(|()| workspace::prepare(&env).map_err(|cause| cause.to_string()));
    let log_folder = match prepared {
        Ok(has_logs) => (has_logs || env.log_file.is_some() || env.log_dir.is_some()).then(|| env.log_folder()),
        Err(cause) => {
            eprintln!("signetd: {cause}");
            return ExitCode::FAILURE;
        }
    };
    logging::start(log_folder.as_deref(), env.log_file.as_deref());
    if log_folder.is_none() {
        log::warn!(target: "daemon", "{} is no folder: log lines go to the console only", env.log_folder().display());
    }
    match serve(env) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            log::error!(target: "daemon", "{cause}");
            ExitCode::FAILURE
        }
    }
}

type Failure = Box<dyn std::error::Error>;

fn serve(env: Environment) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    raise_descriptor_limit();
    let pid_file = lock_workspace(&env)?;
    let config = Live::load(&env.workspace, &env.daemon_dir());
    let start_config = config.current();
    let db = Db::open(&env.database())?;
    let clock = SystemClock;
    let started = clock.now();
    let (roster, now) = (start_config.roster.clone(), clock::iso(started));
    db.write(move |c| Ok::<_, crate::db::Error>(agents::apply_roster(c, &roster, &now)?))?;

    let bind = match config.is_held() {
        true => "127.0.0.1".to_owned(),
        false => env.bind_for(start_config.network_mode),
    };
    let Some(listener) = listen(&bind, env.port, &mut signals)? else { return Ok(()) };
    let port = listener.local_addr()?.port();
    let cors = Cors { port, tailnet: NetworkMode::of_bind(&bind) == NetworkMode::Tailscale };
    let auth = Auth::start(start_config.auth.mode, &env.daemon_dir())
        .map_err(|cause| format!("cannot read or create the auth secret: {cause}"))?;
    let app = Arc::new(App {
        env,
        bind,
        port,
        config,
        db,
        clock: Box::new(clock),
        started,
        start_config,
        auth,
        limits: Limits::default(),
        cors: cors.clone(),
        daemon: daemon::State::default(),
        settings: settings::State::default(),
        memory: memory::State::default(),
        upstream: Client::default(),
    });
    let jobs = Runner::start(Arc::clone(&app), tasks())?;
    // apart from the others: it may wait for an embedding server
    let embedder = Runner::start(Arc::clone(&app), vec![EMBEDDER, PROJECTION])?;
    let loading = Arc::clone(&app);
    std::thread::Builder::new().name("index".to_owned()).spawn(move || memory::load_index(&loading))?;
    let server =
        Server::start(listener, Arc::clone(&app), app::router(), Box::new(AccessGate), cors, HttpConfig::default())?;
    note_healthy_start(&app);
    app.announce_reach();
    log::info!(target: "daemon", "signetd {} serves {} on {}", env!("CARGO_PKG_VERSION"), app.env.workspace.display(), server.local_addr());
    notify(&[NotifyState::Ready]);

    let signal = signals.forever().next();
    log::info!(target: "daemon", "stopping (signal {})", signal.unwrap_or_default());
    notify(&[NotifyState::Stopping]);
    app.daemon.shut_down();
    end_in_any_case(app.env.daemon_dir().join("pid"))?;
    server.stop(GRACE);
    jobs.stop(BACKGROUND_GRACE);
    embedder.stop(BACKGROUND_GRACE);
    memory::flush_access_counts(&app);
    app.db.close();
    if let Err(cause) = std::fs::remove_file(app.env.daemon_dir().join("pid")) {
        log::warn!(target: "daemon", "pid file: {cause}");
    }
    drop(pid_file);
    log::info!(target: "daemon", "stopped");
    Ok(())
}

/// Whatever hangs (a disk, a silent server), the process ends.
fn end_in_any_case(pid_file: PathBuf) -> io::Result<()> {
    std::thread::Builder::new().name("stop".to_owned()).spawn(move || {
        std::thread::sleep(STOP_LIMIT);
        log::warn!(target: "daemon", "the stop takes too long and is cut short");
        // a stale one does no harm
        let _ = std::fs::remove_file(pid_file);
        std::process::exit(0);
    })?;
    Ok(())
}

const PROJECTION: Task<App> = task("projection", Duration::from_millis(500), memory::project_in_background);

const EMBEDDER: Task<App> = task("embedder", Duration::from_secs(1), memory::embed_in_background);

/// How soon after the start, and how often, a sweep of rows past their time gets a turn; it says itself
/// when the next one is due.
const FIRST_SWEEP: Duration = Duration::from_secs(5);
const SWEEP: Duration = Duration::from_secs(30);

const fn task(name: &'static str, every: Duration, run: fn(&App)) -> Task<App> {
    Task { name, first: every, every, run }
}

/// What runs in the background.
fn tasks() -> Vec<Task<App>> {
    let mut tasks = vec![
        task("config", Duration::from_secs(1), refresh_config),
        task("access counts", Duration::from_secs(2), memory::flush_access_counts),
        task("checkpoint", Duration::from_secs(20), |app| app.db.checkpoint()),
        task("terms", Duration::from_secs(1), memory::index_terms_in_background),
        Task { name: "retention", first: FIRST_SWEEP, every: SWEEP, run: memory::sweep },
    ];
    if let Some(every) = watchdog_interval() {
        tasks.push(task("watchdog", every, feed_watchdog));
    }
    tasks
}

fn refresh_config(app: &App) {
    app.refresh_config();
}

/// Half the time after which systemd restarts a silent daemon.
fn watchdog_interval() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|limit| limit / 2)
}

/// Tells systemd that we live, if the database answers both ways.
fn feed_watchdog(app: &App) {
    let reads = app.db.read(|c| Ok::<_, crate::db::Error>(c.query_row("SELECT 1", [], |_| Ok(()))?));
    let writes = app.db.write(|_| Ok::<_, crate::db::Error>(()));
    match reads.and(writes) {
        Ok(()) => notify(&[NotifyState::Watchdog]),
        Err(cause) => log::error!(target: "daemon", "self-check failed: {cause}"),
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(states) {
        log::debug!(target: "daemon", "systemd was not told: {cause}");
    }
}

/// Each connection takes four descriptors; the soft limit of 1024 is little.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(8192).min(8192);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        if let Err(cause) = setrlimit(Resource::Nofile, limit) {
            log::debug!(target: "daemon", "descriptor limit stays: {cause}");
        }
    }
}

/// Two daemons never share a workspace: the pid file stays locked while we run. A stale file
/// of a killed daemon is not locked.
fn lock_workspace(env: &Environment) -> Result<File, Failure> {
    let path = env.daemon_dir().join("pid");
    let mut file = OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| format!("another daemon runs on this workspace ({} is locked)", path.display()))?;
    file.set_len(0)?;
    file.write_all(std::process::id().to_string().as_bytes())?;
    Ok(file)
}

/// Binds, trying again while the port is taken; `None` when a signal ended the waiting.
fn listen(bind: &str, port: u16, signals: &mut Signals) -> Result<Option<TcpListener>, Failure> {
    let address = (bind, port)
        .to_socket_addrs()
        .map_err(|cause| format!("cannot listen on {bind}: {cause}"))?
        .next()
        .ok_or_else(|| format!("cannot listen on {bind}: no address"))?;
    let mut pause = Duration::from_secs(1);
    loop {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(Some(listener)),
            Err(cause) if cause.kind() == io::ErrorKind::AddrInUse => {
                log::warn!(target: "daemon", "{address} is in use, trying again in {} s", pause.as_secs());
            }
            Err(cause) => return Err(format!("cannot listen on {address}: {cause}").into()),
        }
        let until = std::time::Instant::now() + pause;
        while std::time::Instant::now() < until {
            if signals.pending().next().is_some() {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}

/// `last-healthy-start`, whose version tells whether this is an upgrade.
fn note_healthy_start(app: &App) {
    let path = app.env.daemon_dir().join("last-healthy-start");
    let previous = std::fs::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
        .and_then(|json| json["version"].as_str().map(str::to_owned));
    if let Some(previous) = previous.filter(|v| *v != app.env.version) {
        log::info!(target: "daemon", "upgraded from {previous} to {}", app.env.version);
    }
    let now = json!({
        "version": app.env.version, "startedAt": clock::iso(app.started), "pid": std::process::id(),
    });
    if let Err(cause) = files::replace(&path, now.to_string().as_bytes(), 0o600) {
        log::warn!(target: "daemon", "cannot write {}: {cause}", path.display());
    }
}
