//! Sockets to handlers and back: accept, a thread per connection, workers per lane.
//!
//! One thread accepts. A connection's thread reads heads and bodies through tiny_http and hands each
//! request to the bounded queue of its lane ([`super::exchange`]); workers run the gate and the
//! handler. A full queue is a 503 at once, never a longer queue.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};
use tiny_http::{ConnectionEvent, serve_connection};

use super::body::Pool;
use super::connections::{Connection, ConnectionLimits, Connections, Phase};
use super::cors::Cors;
use super::door::Door;
use super::exchange::{Job, Next, work};
use super::outgoing::Waiting;
use super::pulse::Pulse;
use super::stream::Open;
use super::{Dispatcher, Lane};
use crate::core::Stop;

/// Bounds of the HTTP layer.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    pub limits: ConnectionLimits,
    /// Bytes of a request line with its headers.
    pub max_head: usize,
    /// Bytes of one body, whatever its route says.
    pub max_body: usize,
    /// Bytes of all large bodies being read or worked on.
    pub max_bodies: usize,
    /// Bytes of all answers that wait for their clients to read.
    pub max_unread: usize,
    /// Workers of each lane, in the order of [`Lane::ALL`].
    pub workers: [usize; Lane::ALL.len()],
    /// Requests waiting per lane.
    pub queue: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            limits: ConnectionLimits::default(),
            max_head: 64 * 1024,
            max_body: 32 * 1024 * 1024,
            max_bodies: 64 * 1024 * 1024,
            max_unread: 64 * 1024 * 1024,
            workers: [8, 2, 4, 2],
            queue: 512,
        }
    }
}

/// Connection threads read and write bytes; workers parse JSON and run SQLite. Routes that answer at once ask
/// the database no more than whether a known credential still holds, which needs little stack.
const CONNECTION_STACK: usize = 128 * 1024;

/// How long those are served who came before a stop; a silent client holds it no longer.
const DRAIN: Duration = Duration::from_millis(500);

/// The queue of each lane.
pub(super) struct Lanes([Sender<Job>; Lane::ALL.len()]);

impl Lanes {
    pub(super) fn of(&self, lane: Lane) -> &Sender<Job> {
        &self.0[lane as usize]
    }
}

/// What all threads of the server share.
pub(super) struct Shared<A: 'static> {
    pub(super) dispatcher: Arc<Dispatcher<A>>,
    pub(super) cors: Cors,
    pub(super) config: HttpConfig,
    pub(super) connections: Connections,
    /// No new work is taken; ends the streams.
    pub(super) stop: Stop,
    /// Connections are being closed.
    pub(super) closed: AtomicBool,
    pub(super) running: AtomicUsize,
    pub(super) bodies: Arc<Pool>,
    pub(super) unread: Arc<Waiting>,
    pub(super) streams: Arc<Open>,
    pub(super) lanes: Lanes,
    /// Requests that the workers of each lane have finished.
    pub(super) finished: [AtomicU64; Lane::ALL.len()],
}

impl<A> Shared<A> {
    /// Whether a request is on its way to a worker.
    fn is_asked(&self) -> bool {
        self.connections.has_begun() || Lane::ALL.iter().any(|lane| !self.lanes.of(*lane).is_empty())
    }
}

/// A running HTTP server.
pub struct Server<A: 'static> {
    shared: Arc<Shared<A>>,
    door: Arc<Door>,
    threads: Vec<JoinHandle<()>>,
    local: SocketAddr,
}

impl<A: Send + Sync + 'static> Server<A> {
    /// `stop` keeps new work out and ends the streams.
    pub fn start(
        door: Door,
        dispatcher: Arc<Dispatcher<A>>,
        cors: Cors,
        config: HttpConfig,
        stop: Stop,
    ) -> io::Result<Self> {
        let local = door.local_addr()?;
        let queues = Lane::ALL.map(|_| bounded(config.queue));
        let shared = Arc::new(Shared {
            dispatcher,
            cors,
            connections: Connections::new(config.limits.clone()),
            stop,
            closed: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            bodies: Pool::new(config.max_bodies),
            unread: Waiting::new(config.max_unread),
            streams: Arc::default(),
            lanes: Lanes(queues.each_ref().map(|(sender, _)| sender.clone())),
            finished: Lane::ALL.map(|_| AtomicU64::new(0)),
            config,
        });
        let mut threads = Vec::new();
        for (lane, (_, jobs)) in Lane::ALL.into_iter().zip(queues) {
            for _ in 0..shared.config.workers[lane as usize] {
                let (shared, jobs) = (Arc::clone(&shared), jobs.clone());
                threads.push(spawn(lane.as_str(), None, move || {
                    for job in jobs {
                        work(&shared, job);
                        shared.finished[lane as usize].fetch_add(1, Ordering::AcqRel);
                    }
                })?);
            }
        }
        let reaped = Arc::clone(&shared);
        threads.push(spawn("reaper", Some(CONNECTION_STACK), move || reaped.connections.reap())?);
        let door = Arc::new(door);
        let (accepting, entrance) = (Arc::clone(&shared), Arc::clone(&door));
        threads.push(spawn("accept", Some(CONNECTION_STACK), move || accept(&accepting, &entrance))?);
        Ok(Server { shared, door, threads, local })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    pub fn pulse(&self) -> Pulse<A> {
        Pulse::new(Arc::clone(&self.shared))
    }

    /// No more connections are taken; who has connected already is served, for a moment. Then new requests on open connections
    /// get 503 (but for routes that answer while stopping), and running requests have `grace` to finish.
    pub fn stop(self, grace: Duration) {
        self.door.close();
        let deadline = Instant::now() + DRAIN;
        while self.shared.is_asked() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.shared.stop.stop();
        let deadline = Instant::now() + grace;
        while self.shared.running.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let cut = self.shared.running.load(Ordering::Acquire);
        if cut > 0 {
            log::warn!(target: "http", "{cut} requests were still running and are cut off");
        }
        self.shared.closed.store(true, Ordering::Release);
        self.shared.connections.stop();
        drop(self.threads);
    }
}

fn spawn(name: &str, stack: Option<usize>, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let builder = std::thread::Builder::new().name(name.to_owned());
    match stack {
        Some(bytes) => builder.stack_size(bytes),
        None => builder,
    }
    .spawn(run)
}

fn accept<A: Send + Sync + 'static>(shared: &Arc<Shared<A>>, door: &Door) {
    loop {
        let taken = match door.take() {
            Ok(None) => return,
            Ok(Some(socket)) => open(shared, socket),
            Err(cause) if cause.kind() == io::ErrorKind::ConnectionAborted => Ok(()),
            Err(cause) => Err(cause),
        };
        if let Err(cause) = taken {
            // out of descriptors or threads: let some connections end before the next try
            log::warn!(target: "http", "cannot take a connection: {cause}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn open<A: Send + Sync + 'static>(shared: &Arc<Shared<A>>, socket: TcpStream) -> io::Result<()> {
    let Some(connection) = shared.connections.open(&socket)? else {
        return refuse(socket);
    };
    let for_thread = (Arc::clone(shared), Arc::clone(&connection));
    let spawned = spawn("connection", Some(CONNECTION_STACK), move || {
        let (shared, connection) = for_thread;
        let _open = Opened { shared: &shared, connection: &connection };
        serve_connection(socket, shared.config.max_head, &mut |event| match event {
            ConnectionEvent::HeadStarted => {
                connection.enter(Phase::Head);
                true
            }
            ConnectionEvent::Request(socket) => {
                let next = shared.exchange(socket, &connection);
                connection.enter(Phase::Idle);
                matches!(next, Next::KeepOpen)
            }
        });
    });
    if let Err(cause) = spawned {
        shared.connections.remove(&connection);
        return Err(cause);
    }
    Ok(())
}

/// A connection whose thread runs; gives its place back whatever ends it.
struct Opened<'a, A: 'static> {
    shared: &'a Shared<A>,
    connection: &'a Connection,
}

impl<A> Drop for Opened<'_, A> {
    fn drop(&mut self) {
        self.shared.connections.remove(self.connection);
    }
}

/// Every place is taken by a running request.
fn refuse(mut socket: TcpStream) -> io::Result<()> {
    use std::io::Write;
    socket.write_all(
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    )
}
