//! What a service manager sees: readiness, the watchdog, and a socket that it holds for the daemon.

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Daemon, QUIET};
use rustix::process::Signal;

/// Puts a descriptor where systemd would and becomes the daemon: descriptor, program, arguments.
const PASS_ON: &str = "import os,sys\n\
    os.dup2(int(sys.argv[1]), 3)\n\
    os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))\n\
    os.execv(sys.argv[2], sys.argv[2:])";

/// Messages to the service manager.
struct Manager(UnixDatagram);

impl Manager {
    fn listen(daemon: &Daemon) -> (Self, std::path::PathBuf) {
        let path = daemon.workspace().join("notify");
        (Manager(UnixDatagram::bind(&path).unwrap()), path)
    }

    /// The next message, if one comes within so long.
    fn hear(&self, within: Duration) -> Option<String> {
        self.0.set_read_timeout(Some(within)).unwrap();
        let mut buffer = [0; 512];
        let bytes = self.0.recv(&mut buffer).ok()?;
        Some(String::from_utf8_lossy(&buffer[..bytes]).into_owned())
    }

    fn wait_for(&self, wanted: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if self.hear(Duration::from_secs(1)).is_some_and(|message| message.contains(wanted)) {
                return;
            }
        }
        panic!("no {wanted}");
    }
}

#[test]
fn the_watchdog_is_fed_only_while_the_database_answers() {
    let mut daemon = Daemon::prepare(QUIET);
    let (manager, path) = Manager::listen(&daemon);
    let period = Duration::from_secs(1);
    daemon.boot_with(|command| {
        command.env("NOTIFY_SOCKET", path).env("WATCHDOG_USEC", period.as_micros().to_string());
    });
    manager.wait_for("READY=1");
    manager.wait_for("WATCHDOG=1");
    // another program holds the file
    let other = common::open(&daemon.database());
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while manager.hear(4 * period).is_some() {
        assert!(Instant::now() < deadline, "it is fed while nothing can be written");
    }
    other.execute_batch("COMMIT").unwrap();
    manager.wait_for("WATCHDOG=1");
    assert!(daemon.end(Signal::TERM).success());
    manager.wait_for("STOPPING=1");
}

/// Starts the daemon as systemd does for a socket unit.
fn activate(daemon: &mut Daemon, listener: &TcpListener) {
    rustix::io::fcntl_setfd(listener, rustix::io::FdFlags::empty()).unwrap();
    let descriptor = listener.as_raw_fd().to_string();
    daemon.boot_with(|command| {
        let mut passing = Command::new("python3");
        passing.args(["-c", PASS_ON, &descriptor]).arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            passing.env(name, value.unwrap_or_default());
        }
        // the port is the socket's, whatever the environment says
        passing.env("SIGNET_PORT", "1").stdin(Stdio::null());
        *command = passing;
    });
}

#[test]
fn a_restart_behind_a_kept_socket_refuses_nobody_and_loses_nothing_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut daemon = Daemon::prepare(QUIET);
    daemon.port = listener.local_addr().unwrap().port();
    activate(&mut daemon, &listener);
    let (port, pid) = (daemon.port, daemon.pid());
    let write = |client, n| {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("a socket that listens");
        remember(stream, &format!("client {client} wrote line {n}"))
    };
    let answered = common::under_load(4, write, |answered| {
        for restart in 1..=2 {
            common::eventually("writes", || answered.lock().unwrap().len() >= restart * 50);
            daemon.end(Signal::TERM);
            activate(&mut daemon, &listener);
        }
        let before = answered.lock().unwrap().len();
        common::eventually("writes", || answered.lock().unwrap().len() >= before + 50);
    });
    assert_ne!(daemon.pid(), pid);
    let lost: Vec<_> =
        answered.iter().filter(|(_, id)| daemon.get(&format!("/api/memory/{id}")).status != 200).collect();
    assert!(lost.is_empty(), "{} of {} are gone", lost.len(), answered.len());
}

/// The id of a memory, if it was answered; the daemon may have been stopping.
fn remember(mut stream: TcpStream, content: &str) -> Option<String> {
    let body = serde_json::json!({ "content": content }).to_string();
    let head = format!(
        "POST /api/memory/remember HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n",
        body.len()
    );
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(head.as_bytes()).ok()?;
    stream.write_all(body.as_bytes()).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = common::parse(&answer).filter(|answer| answer.status == 200)?;
    Some(answer.json()["id"].as_str().unwrap().to_owned())
}

#[test]
fn a_config_that_cannot_be_read_keeps_a_wide_socket_to_this_machine() {
    let Some(address) = elsewhere() else {
        eprintln!("SKIPPED: this machine has no address but the loopback network's");
        return;
    };
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let mut daemon = Daemon::prepare("auth: [");
    daemon.port = listener.local_addr().unwrap().port();
    activate(&mut daemon, &listener);
    assert_eq!(daemon.get("/health").status, 200);
    // closed without a word, not answered with a refusal
    let mut stream = TcpStream::connect((address, daemon.port)).unwrap();
    let _ = stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert_eq!(String::from_utf8_lossy(&answer), "");
}

/// The address by which this machine would reach another; nothing is sent.
fn elsewhere() -> Option<std::net::IpAddr> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    Some(socket.local_addr().ok()?.ip())
}
