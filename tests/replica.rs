//! Litestream, unmodified, replicates the database of a daemon under load; both are killed, and the replica holds all
//! that is older than its interval. `make test` fetches the program (tools/fetch.py); where it is not there, a line says so.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use common::{Daemon, QUIET};
use rustix::process::Signal;

/// How often the replica is brought up to date, as in systemd/litestream.yml.
const INTERVAL: Duration = Duration::from_secs(1);
/// What one round of it may take on a busy machine, beyond its interval.
const ROUND: Duration = Duration::from_secs(4);

fn program() -> Option<PathBuf> {
    let binary = Path::new(env!("CARGO_BIN_EXE_signetd"));
    let program = binary.ancestors().nth(2)?.join("litestream/bin/litestream");
    if !program.exists() {
        eprintln!("SKIPPED: Litestream is not at {}; make test fetches it", program.display());
        return None;
    }
    Some(program)
}

/// The config that is installed, with this workspace and this replica in it.
fn config(daemon: &Daemon, replica: &Path) -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/litestream.yml");
    let text = std::fs::read_to_string(installed).unwrap();
    let text = text
        .replace("/var/lib/signetd/memory/memories.db", daemon.database().to_str().unwrap())
        .replace("/var/lib/signetd-replica", replica.to_str().unwrap());
    let path = replica.with_extension("yml");
    std::fs::write(&path, text).unwrap();
    path
}

struct Litestream(Child);

impl Litestream {
    fn replicate(program: &Path, config: &Path) -> Self {
        let mut command = Command::new(program);
        command.args(["replicate", "-config"]).arg(config).stdout(Stdio::null()).stderr(Stdio::null());
        Litestream(command.spawn().unwrap())
    }

    fn kill(&mut self) {
        // gone already is what is wanted
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Drop for Litestream {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Restores the replica to a second workspace.
fn restore(program: &Path, config: &Path, from: &Daemon, to: &Path) {
    let output = Command::new(program)
        .args(["restore", "-config"])
        .arg(config)
        .arg("-o")
        .arg(to)
        .arg(from.database())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn ids(database: &Path) -> std::collections::HashSet<String> {
    let connection = common::open(database);
    let mut ids = connection.prepare("SELECT id FROM memories").unwrap();
    let ids = ids.query_map([], |row| row.get(0)).unwrap();
    ids.map(Result::unwrap).collect()
}

#[test]
fn a_replica_holds_all_that_is_older_than_its_interval() {
    let Some(program) = program() else { return };
    let mut daemon = Daemon::start(QUIET);
    let folder = tempfile::tempdir().unwrap();
    let replica = folder.path().join("replica");
    let config = config(&daemon, &replica);
    let mut litestream = Litestream::replicate(&program, &config);
    common::eventually("a replica", || replica.join("ltx").exists());
    // several rounds of it, and a log that is copied home meanwhile
    let began = Instant::now();
    let write = |client, n| Some(daemon.remember(&format!("client {client} wrote line {n} of the ledger")));
    let answered = common::under_load(3, write, |answered| {
        common::eventually("enough writes", || {
            answered.lock().unwrap().len() >= 300 && began.elapsed() > 2 * (INTERVAL + ROUND)
        });
    });
    let killed = Instant::now();
    litestream.kill();
    daemon.end(Signal::KILL);
    let mut second = Daemon::prepare(QUIET);
    restore(&program, &config, &daemon, &second.database());
    let there = ids(&second.database());
    let old = answered.iter().filter(|(when, _)| killed.duration_since(*when) > INTERVAL + ROUND);
    let (mut counted, mut lost) = (0, 0);
    for (_, id) in old {
        counted += 1;
        lost += usize::from(!there.contains(id));
    }
    assert!(counted > 50, "only {counted} writes were old enough");
    assert_eq!(lost, 0, "of {counted} writes");
    // promoted: it serves and takes writes; and its own replica leads back
    second.boot();
    assert_eq!(usize::try_from(second.total()).unwrap(), there.len());
    let later = second.remember("written after the promotion");
    let back = folder.path().join("back");
    let home = self::config(&second, &back);
    let mut litestream = Litestream::replicate(&program, &home);
    common::eventually("a replica of the second", || back.join("ltx").exists());
    assert!(second.end(Signal::TERM).success());
    // a clean end writes what is left
    rustix::process::kill_process(rustix::process::Pid::from_child(&litestream.0), Signal::TERM).unwrap();
    assert!(litestream.0.wait().unwrap().success());
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", daemon.database().display()));
    }
    restore(&program, &home, &second, &daemon.database());
    daemon.boot();
    assert_eq!(daemon.get(&format!("/api/memory/{later}")).status, 200);
}

#[test]
fn a_standby_is_not_served() {
    let daemon = Daemon::prepare(QUIET);
    std::fs::write(daemon.workspace().join("STANDBY"), b"").unwrap();
    let refused = daemon.command(&["serve"]).output().unwrap();
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("another machine's daemon serves it"));
}
