//! `signetd serve`: start, serve until a signal, stop (foundation part, §3).

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sd_notify::NotifyState;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::place::{listen, lock_workspace, raise_descriptor_limit};
use crate::app::{self, App};
use crate::config::{Environment, Live};
use crate::core::{Core, Listening, workspace};
use crate::db::Db;
use crate::http::{HttpConfig, Server};
use crate::parts::agents;
use crate::sys::clock::SystemClock;
use crate::sys::ids::SystemIds;
use crate::sys::{files, logging};
use crate::text::time;
use crate::work::{Ticker, Tickers};

/// Requests that still run after this are cut off.
const GRACE: Duration = Duration::from_secs(6);
/// All background work together may take so much longer.
const BACKGROUND_GRACE: Duration = Duration::from_secs(2);
/// A stop ends then, whatever hangs; what was answered is on disk.
const STOP_LIMIT: Duration = Duration::from_millis(9_500);

type Failure = Box<dyn std::error::Error>;

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

fn serve(env: Environment) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    raise_descriptor_limit();
    let pid_file = lock_workspace(&env)?;
    let config = Live::load(&env);
    let db = Db::open(&env.database(), Arc::new(SystemClock), Arc::new(SystemIds))?;
    let roster = config.current().roster.clone();
    db.write(move |tx| agents::apply_roster(tx, &roster))?;

    let bind = match config.is_held() {
        true => "127.0.0.1".to_owned(),
        false => env.bind_for(config.current().network_mode),
    };
    let Some(listener) = listen(&bind, env.port, &mut signals)? else { return Ok(()) };
    let listening = Listening { bind, port: listener.local_addr()?.port() };
    let (clock, ids) = (Arc::new(SystemClock), Arc::new(SystemIds));
    let core = Arc::new(Core::new(env, listening, config, Arc::new(db), clock, ids));
    let cors = app::cors(&core);
    let app = App::new(Arc::clone(&core), cors.clone())
        .map_err(|cause| format!("cannot read or create the auth secret: {cause}"))?;
    let app = Arc::new(app);
    let background = start_background(&core, &app)?;
    let dispatcher = Arc::new(app::dispatcher(Arc::clone(&app)));
    let server = Server::start(listener, dispatcher, cors, HttpConfig::default(), core.stop.clone())?;
    note_healthy_start(&core);
    core.announce_reach();
    log::info!(target: "daemon", "signetd {} serves {} on {}", env!("CARGO_PKG_VERSION"), core.env.workspace.display(), server.local_addr());
    notify(&[NotifyState::Ready]);

    let signal = signals.forever().next();
    log::info!(target: "daemon", "stopping (signal {})", signal.unwrap_or_default());
    notify(&[NotifyState::Stopping]);
    let pid = core.env.daemon_dir().join("pid");
    end_in_any_case(pid.clone())?;
    core.stop.stop();
    server.stop(GRACE);
    let deadline = Instant::now() + BACKGROUND_GRACE;
    for thread in background {
        thread.end(deadline.saturating_duration_since(Instant::now()));
    }
    app.sessions().flush();
    app.memory().flush_counts();
    core.db.close();
    if let Err(cause) = std::fs::remove_file(pid) {
        log::warn!(target: "daemon", "pid file: {cause}");
    }
    drop(pid_file);
    log::info!(target: "daemon", "stopped");
    Ok(())
}

/// What runs beside requests: short pieces share a thread, what takes long or may wait has its own.
fn start_background(core: &Arc<Core>, app: &Arc<App>) -> Result<Vec<Tickers>, Failure> {
    let stop = &core.stop;
    let memory = app.memory();
    let loading = Arc::clone(memory);
    std::thread::Builder::new().name("index".to_owned()).spawn(move || loading.load_index())?;
    let mut short = core_tickers(core);
    short.extend(app.tickers());
    Ok(vec![
        Tickers::start("background", stop, short)?,
        Tickers::start("sweeps", stop, app.sweeps())?,
        Tickers::start("embedder", stop, vec![memory.embedder_ticker()])?,
        Tickers::start("maps", stop, vec![memory.map_ticker()])?,
        app.sessions().start_writer(stop)?,
    ])
}

/// Periodic work that belongs to no part.
fn core_tickers(core: &Arc<Core>) -> Vec<Ticker> {
    let (config, checkpoint, watched) = (Arc::clone(core), Arc::clone(core), Arc::clone(core));
    let mut tickers = vec![
        Ticker::new("config", || Duration::from_secs(1), move |_| config.refresh_config()),
        Ticker::new("checkpoint", || Duration::from_secs(20), move |_| checkpoint.db.checkpoint()),
    ];
    // half the time after which systemd restarts a silent daemon
    if let Some(limit) = sd_notify::watchdog_enabled() {
        tickers.push(Ticker::new("watchdog", move || limit / 2, move |_| feed_watchdog(&watched)));
    }
    tickers
}

/// Whatever hangs (a disk, a silent server), the process ends.
fn end_in_any_case(pid_file: PathBuf) -> std::io::Result<()> {
    std::thread::Builder::new().name("stop".to_owned()).spawn(move || {
        std::thread::sleep(STOP_LIMIT);
        log::warn!(target: "daemon", "the stop takes too long and is cut short");
        // a stale one does no harm
        let _ = std::fs::remove_file(pid_file);
        std::process::exit(0);
    })?;
    Ok(())
}

/// Tells systemd that we live, if the database answers both ways.
fn feed_watchdog(core: &Core) {
    match core.db.answers() {
        Ok(()) => notify(&[NotifyState::Watchdog]),
        Err(cause) => log::error!(target: "daemon", "self-check failed: {cause}"),
    }
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(states) {
        log::debug!(target: "daemon", "systemd was not told: {cause}");
    }
}

/// `last-healthy-start`, whose version tells whether this is an upgrade.
fn note_healthy_start(core: &Core) {
    let path = core.env.daemon_dir().join("last-healthy-start");
    let previous = std::fs::read(&path)
        .ok()
        .and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok())
        .and_then(|json| json["version"].as_str().map(str::to_owned));
    if let Some(previous) = previous.filter(|v| *v != core.env.version) {
        log::info!(target: "daemon", "upgraded from {previous} to {}", core.env.version);
    }
    let now = json!({
        "version": core.env.version, "startedAt": time::iso(core.started), "pid": std::process::id(),
    });
    if let Err(cause) = files::replace(&path, now.to_string().as_bytes(), 0o600) {
        log::warn!(target: "daemon", "cannot write {}: {cause}", path.display());
    }
}
