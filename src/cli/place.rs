//! The daemon's place on the machine: its lock on the workspace, its port, its descriptors.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::{Duration, Instant};

use listenfd::ListenFd;
use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::process::{Resource, getrlimit, setrlimit};
use sd_notify::NotifyState;
use signal_hook::iterator::Signals;

use crate::config::Environment;

type Failure = Box<dyn std::error::Error>;

/// Each connection takes four descriptors; the soft limit of 1024 is little.
pub fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.unwrap_or(8192).min(8192);
    if limit.current.is_some_and(|current| current < wanted) {
        limit.current = Some(wanted);
        if let Err(cause) = setrlimit(Resource::Nofile, limit) {
            log::debug!(target: "daemon", "descriptor limit stays: {cause}");
        }
    }
}

/// Between two tries for a lock.
const TRY_AGAIN: Duration = Duration::from_millis(50);

/// Two processes never share a workspace: the pid file stays locked while we run. A stale file
/// of a killed daemon is not locked. Another may be about to give it back: so long one waits.
pub fn lock_workspace(env: &Environment, patience: Duration) -> Result<File, Failure> {
    let path = env.daemon_dir().join("pid");
    let until = Instant::now() + patience;
    let mut file = loop {
        let mut options = OpenOptions::new();
        // never what a link leads to
        options.create(true).read(true).write(true).truncate(false).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(&path).map_err(|cause| format!("{}: {cause}", path.display()))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // who gave it back took the file away: a lock on that one is worth nothing
            Ok(()) if is_there(&file, &path) => break file,
            Ok(()) | Err(_) if Instant::now() < until => std::thread::sleep(TRY_AGAIN),
            Ok(()) | Err(_) => {
                let why = format!(
                    "another daemon runs on this workspace, or a client has it open ({} is locked)",
                    path.display()
                );
                return Err(why.into());
            }
        }
    };
    file.set_len(0)?;
    file.write_all(std::process::id().to_string().as_bytes())?;
    Ok(file)
}

/// Whether an opened file is the one of that name.
fn is_there(file: &File, path: &Path) -> bool {
    let same = |a: &std::fs::Metadata, b: &std::fs::Metadata| (a.dev(), a.ino()) == (b.dev(), b.ino());
    matches!((file.metadata(), std::fs::metadata(path)), (Ok(a), Ok(b)) if same(&a, &b))
}

/// The socket that the service manager passed on (`LISTEN_FDS`), if it did.
pub fn inherited() -> Result<Option<TcpListener>, Failure> {
    let mut passed = ListenFd::from_env();
    match passed.len() {
        0 => return Ok(None),
        1 => {}
        more => return Err(format!("{more} sockets were passed on; one is listened to").into()),
    }
    let listener = passed
        .take_tcp_listener(0)
        .map_err(|cause| format!("what was passed on is no listening TCP socket: {cause}"))?
        .ok_or("the socket that was passed on is gone")?;
    // programs that the daemon starts have no business with it
    rustix::io::fcntl_setfd(&listener, rustix::io::FdFlags::CLOEXEC)?;
    Ok(Some(listener))
}

/// Binds, trying again while the port is taken; `None` when a signal ended the waiting.
pub fn listen(bind: &str, port: u16, signals: &mut Signals) -> Result<Option<TcpListener>, Failure> {
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
        let until = Instant::now() + pause;
        while Instant::now() < until {
            if signals.pending().next().is_some() {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        pause = (pause * 2).min(Duration::from_secs(30));
    }
}

/// Tells systemd.
pub fn notify(states: &[NotifyState<'_>]) {
    if let Err(cause) = sd_notify::notify(states) {
        log::debug!(target: "daemon", "systemd was not told: {cause}");
    }
}
