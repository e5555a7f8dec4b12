//! The daemon's place on the machine: its lock on the workspace, its port, its descriptors.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::net::{TcpListener, ToSocketAddrs};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::process::{Resource, getrlimit, setrlimit};
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

/// Two daemons never share a workspace: the pid file stays locked while we run. A stale file
/// of a killed daemon is not locked.
pub fn lock_workspace(env: &Environment) -> Result<File, Failure> {
    let path = env.daemon_dir().join("pid");
    let mut file = OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| format!("another daemon runs on this workspace ({} is locked)", path.display()))?;
    file.set_len(0)?;
    file.write_all(std::process::id().to_string().as_bytes())?;
    Ok(file)
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
