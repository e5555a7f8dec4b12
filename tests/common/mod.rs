//! A real daemon on a free port in a temporary workspace, for the black-box tests.
#![allow(dead_code)]

pub mod asking;
pub mod upstream;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Embeddings and the pipeline off, as most tests want it.
pub const QUIET: &str = "embedding:\n  provider: none\nmemory:\n  pipelineV2:\n    enabled: false\n";

/// Everybody needs a credential, and no bucket runs empty.
pub const TEAM: &str = "auth:\n  mode: team\n  rateLimits:\n    admin: {max: 100000}\n    forget: {max: 100000}\n    \
                        modify: {max: 100000}\n    batchForget: {max: 100000}\n    login: {max: 100000}\n    \
                        recallLlm: {max: 100000}\n";

pub struct Daemon {
    folder: tempfile::TempDir,
    child: Option<Child>,
    pub port: u16,
}

/// An answer: status, header lines, body.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl Daemon {
    pub fn start(config: &str) -> Self {
        let mut daemon = Self::prepare(config);
        daemon.boot();
        daemon
    }

    /// A workspace without a running daemon.
    pub fn prepare(config: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir_all(folder.path().join("w/memory")).expect("a workspace");
        std::fs::write(folder.path().join("w/agent.yaml"), config).expect("agent.yaml");
        Daemon { folder, child: None, port: free_port() }
    }

    pub fn workspace(&self) -> PathBuf {
        self.folder.path().join("w")
    }

    pub fn database(&self) -> PathBuf {
        self.workspace().join("memory/memories.db")
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        // another build can be put to the same tests
        let binary = std::env::var_os("SIGNETD_UNDER_TEST").unwrap_or_else(|| env!("CARGO_BIN_EXE_signetd").into());
        let mut command = Command::new(binary);
        command
            .args(arguments)
            .env("HOME", self.folder.path())
            .env("SIGNET_WORKSPACE", self.workspace())
            .env("SIGNET_PORT", self.port.to_string())
            .env("SIGNET_BIND", "127.0.0.1")
            .stdin(Stdio::null());
        command
    }

    /// Starts the daemon and waits until it answers.
    pub fn boot(&mut self) {
        let child = self.command(&["serve"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a daemon");
        self.child = Some(child);
        self.wait_until_healthy();
    }

    /// Waits until the daemon that was started answers.
    pub fn wait_until_healthy(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.try_send("GET", "/health", b"", &[]).is_none_or(|a| a.status != 200) {
            assert!(Instant::now() < deadline, "the daemon does not answer");
            if let Some(status) = self.child.as_mut().and_then(|c| c.try_wait().expect("a child")) {
                panic!("the daemon ended at once: {status}");
            }
            std::thread::yield_now();
        }
    }

    /// Starts the daemon with more environment or arguments than usual.
    pub fn boot_with(&mut self, change: impl FnOnce(&mut Command)) {
        let mut command = self.command(&["serve"]);
        change(&mut command);
        self.child = Some(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a daemon"));
        self.wait_until_healthy();
    }

    /// A line of `/proc/PID/status` in KiB, as `VmHWM`.
    pub fn memory(&self, line: &str) -> u64 {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.pid().as_raw_nonzero())).expect("a process");
        let line = status.lines().find_map(|l| l.strip_prefix(line)).expect("a line");
        line.trim_matches(|c: char| !c.is_ascii_digit()).parse().expect("a number")
    }

    pub fn pid(&self) -> rustix::process::Pid {
        let id = self.child.as_ref().expect("a running daemon").id();
        rustix::process::Pid::from_raw(id as i32).expect("a process id")
    }

    /// Ends the daemon with a signal and returns its exit status.
    pub fn end(&mut self, signal: rustix::process::Signal) -> std::process::ExitStatus {
        rustix::process::kill_process(self.pid(), signal).expect("a signal sent");
        self.child.take().expect("a running daemon").wait().expect("an exit status")
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        stream
    }

    pub fn try_send(&self, method: &str, path: &str, body: &[u8], headers: &[(&str, &str)]) -> Option<Answer> {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(30))).ok()?;
        let mut head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\nContent-Length: {}\r\n",
            self.port,
            body.len()
        );
        for (name, value) in headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        // a refused client may find the connection closed while it still sends
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        let mut raw = Vec::new();
        let mut piece = [0; 64 * 1024];
        // a stream of events has no end: its head is the answer
        while !is_stream(&raw) {
            match stream.read(&mut piece) {
                Ok(n) if n > 0 => raw.extend_from_slice(&piece[..n]),
                _ => break,
            }
        }
        parse(&raw)
    }

    pub fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        self.try_send(method, path, body.as_bytes(), &[]).unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &body.to_string())
    }

    /// Sends with a credential.
    pub fn ask(&self, bearer: &str, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.try_send(method, path, body.as_bytes(), &[("Authorization", bearer)])
            .unwrap_or_else(|| panic!("no answer to {method} {path}"))
    }

    /// Sends bytes as they are and reads until the daemon closes.
    pub fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        let _ = stream.write_all(bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }

    /// The `Authorization` of a token that the command line prints.
    pub fn bearer(&self, arguments: &[&str]) -> String {
        let output = self.command(&[&["token", "create"], arguments].concat()).output().expect("a token");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        format!("Bearer {}", String::from_utf8_lossy(&output.stdout).trim())
    }

    /// Columns of every line of the route table: method, path, permission, rate limit, lane.
    pub fn routes(&self) -> Vec<Vec<String>> {
        let table = self.command(&["routes"]).output().expect("the route table").stdout;
        let table = String::from_utf8(table).expect("text");
        table.lines().skip(1).map(|line| line.split('\t').map(str::to_owned).collect()).collect()
    }

    /// Remembers a text and returns its id.
    pub fn remember(&self, content: &str) -> String {
        let answer = self.post("/api/memory/remember", &serde_json::json!({ "content": content }));
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["id"].as_str().expect("an id").to_owned()
    }

    /// The contents a recall finds, best first.
    pub fn recall(&self, query: &str) -> Vec<String> {
        let answer = self.post("/api/memory/recall", &serde_json::json!({ "query": query })).json();
        let results = answer["results"].as_array().expect("results");
        results.iter().map(|r| r["content"].as_str().expect("content").to_owned()).collect()
    }

    pub fn total(&self) -> i64 {
        self.get("/api/memories?limit=1").json()["stats"]["total"].as_i64().expect("a total")
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn is_stream(raw: &[u8]) -> bool {
    let head = raw.windows(4).position(|w| w == b"\r\n\r\n").map(|end| &raw[..end]);
    head.is_some_and(|head| head.windows(17).any(|part| part == b"text/event-stream"))
}

pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port").port()
}

pub fn parse(raw: &[u8]) -> Option<Answer> {
    let end = raw.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&raw[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, head, body: raw[end + 4..].to_vec() })
}

/// Whether nothing has come back yet.
pub fn is_unanswered(stream: &TcpStream) -> bool {
    stream.set_nonblocking(true).expect("a socket");
    let seen = stream.peek(&mut [0]);
    stream.set_nonblocking(false).expect("a socket");
    seen.is_err_and(|cause| cause.kind() == std::io::ErrorKind::WouldBlock)
}

/// Polls until `done` holds; panics after half a minute.
pub fn eventually(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "{what} did not happen");
        std::thread::yield_now();
    }
}

/// Opens a workspace's database beside the daemon.
pub fn open(path: &Path) -> rusqlite::Connection {
    rusqlite::Connection::open(path).expect("a database")
}

/// An inference section with one OpenAI-compatible target on this port.
pub fn inference(port: u16) -> String {
    format!(
        "inference:\n  defaultPolicy: p\n  targets:\n    mock:\n      executor: openai-compatible\n      endpoint: http://127.0.0.1:{port}/v1\n      models: {{ m: {{ model: m }} }}\n  policies:\n    p: {{ mode: strict, defaultTargets: [mock/m] }}\n"
    )
}

/// Memories with the time at which each was answered.
pub type Answered = Vec<(Instant, String)>;

/// Clients that write one memory after another while something happens. `write` gets the client and its line, and gives the
/// id of what was answered.
pub fn under_load(
    clients: usize,
    write: impl Fn(usize, usize) -> Option<String> + Sync,
    during: impl FnOnce(&Mutex<Answered>),
) -> Answered {
    let (answered, stop) = (Mutex::new(Vec::new()), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for client in 0..clients {
            let (answered, stop, write) = (&answered, &stop, &write);
            scope.spawn(move || {
                for n in 0.. {
                    if stop.load(Ordering::Acquire) {
                        return;
                    }
                    if let Some(id) = write(client, n) {
                        answered.lock().unwrap().push((Instant::now(), id));
                    }
                }
            });
        }
        // also when it fails, or the clients would write for ever
        let _ended = Ended(&stop);
        during(&answered);
    });
    answered.into_inner().unwrap()
}

struct Ended<'a>(&'a AtomicBool);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}
