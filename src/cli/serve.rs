//! `signetd serve`: start, serve until a signal, stop (foundation part, §3).

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use sd_notify::NotifyState;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::house::{Claimed, Opened};
use super::place::{inherited, listen, notify, raise_descriptor_limit};
use super::watchdog;
use crate::app;
use crate::config::Environment;
use crate::core::{Core, Listening, workspace};
use crate::http::{Door, HttpConfig, Server};
use crate::sys::{files, logging};
use crate::text::time;

/// Requests that still run after this are cut off.
const GRACE: Duration = Duration::from_secs(6);
/// How long one waits for a client of the command line that has the workspace open (`signetd mcp`).
const LOCK_PATIENCE: Duration = Duration::from_secs(6);
/// A stop ends then, whatever hangs; what was answered is on disk.
const STOP_LIMIT: Duration = Duration::from_millis(9_500);

type Failure = Box<dyn std::error::Error>;

pub fn run(env: Environment) -> ExitCode {
    let claimed = match Claimed::new(env, LOCK_PATIENCE) {
        Ok(claimed) => claimed,
        Err(cause) => {
            eprintln!("signetd: {cause}");
            return ExitCode::FAILURE;
        }
    };
    let env = &claimed.env;
    let log_folder = (claimed.has_logs || env.log_file.is_some() || env.log_dir.is_some()).then(|| env.log_folder());
    logging::start(log_folder.as_deref(), env.log_file.as_deref());
    if log_folder.is_none() {
        log::warn!(target: "daemon", "{} is no folder: log lines go to the console only", env.log_folder().display());
    }
    if let Some(left) = workspace::leftover(env) {
        log::warn!(target: "daemon", "{} was left by a restore that was ended; remove it", left.display());
    }
    match serve(claimed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            log::error!(target: "daemon", "{cause}");
            ExitCode::FAILURE
        }
    }
}

fn serve(claimed: Claimed) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    raise_descriptor_limit();
    let opened = Opened::new(claimed)?;
    let Some((door, bind)) = door(&opened, &mut signals)? else { return Ok(()) };
    let mut house = opened.furnish(Listening { bind, port: door.local_addr()?.port() })?;
    let core = Arc::clone(&house.core);
    let cors = app::cors(&core);
    let dispatcher = Arc::clone(&house.dispatcher);
    let server = Server::start(door, dispatcher, cors, HttpConfig::default(), core.stop.clone())?;
    house.also_runs(watchdog::start(&core, server.pulse())?);
    note_healthy_start(&core);
    core.announce_reach();
    log::info!(target: "daemon", "signetd {} serves {} on {}", env!("CARGO_PKG_VERSION"), core.env.workspace.display(), server.local_addr());
    notify(&[NotifyState::Ready]);

    let signal = signals.forever().next();
    log::info!(target: "daemon", "stopping (signal {})", signal.unwrap_or_default());
    notify(&[NotifyState::Stopping]);
    let pid = core.env.daemon_dir().join("pid");
    end_in_any_case(pid.clone())?;
    server.stop(GRACE);
    house.close();
    log::info!(target: "daemon", "stopped");
    Ok(())
}

/// The socket that the service manager holds for the daemon, else one of its own, with the address to say; `None` when a
/// signal ended the waiting for a port.
fn door(opened: &Opened, signals: &mut Signals) -> Result<Option<(Door, String)>, Failure> {
    let bind = opened.bind();
    if let Some(listener) = inherited()? {
        let held = opened.is_held();
        let bind = if held { bind } else { listener.local_addr()?.ip().to_string() };
        return Ok(Some((Door::kept(listener, held)?, bind)));
    }
    let listener = listen(&bind, opened.env.port, signals)?;
    Ok(listener.map(Door::own).transpose()?.map(|door| (door, bind)))
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
