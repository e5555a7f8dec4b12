//! Sockets to handlers and back: accept, read, dispatch to a lane, answer.
//!
//! One thread accepts; a thread per connection reads heads and bodies through tiny_http and
//! dispatches each request onto the bounded queue of its lane; worker threads run the gate and
//! the handler and write the answer. A full queue is a 503 at once, never a longer queue.

use std::io::{self, Cursor, Read};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TrySendError, bounded};
use tiny_http::{ConnectionEvent, Header, StatusCode, serve_connection};

use super::connections::{Connection, Connections, Limits, Phase};
use super::cors::Cors;
use super::{ApiError, Body, Headers, Lane, Method, Request, Response, Route, Router, sse};

/// Bounds of the HTTP layer.
#[derive(Debug, Clone)]
pub struct HttpConfig {
    pub limits: Limits,
    /// Bytes of a request line with its headers.
    pub max_head: usize,
    /// Bytes of one body.
    pub max_body: usize,
    /// Bytes of all bodies being read or worked on.
    pub max_bodies: usize,
    pub fast_workers: usize,
    pub slow_workers: usize,
    /// Requests waiting per lane.
    pub queue: usize,
    /// Event streams at once.
    pub streams: usize,
}

impl Default for HttpConfig {
    fn default() -> Self {
        HttpConfig {
            limits: Limits::default(),
            max_head: 64 * 1024,
            max_body: 10 * 1024 * 1024,
            max_bodies: 64 * 1024 * 1024,
            fast_workers: 8,
            slow_workers: 2,
            queue: 512,
            streams: 32,
        }
    }
}

/// Requests one connection may have under way by pipelining.
const MAX_PIPELINED: u32 = 8;
/// Connection threads only read bytes; workers parse JSON and run SQLite.
const CONNECTION_STACK: usize = 128 * 1024;

/// Decides who may pass before a handler runs.
pub trait Gate<S: 'static>: Send + Sync {
    /// Sets `request.caller`, or refuses. `route` is `None` for an unknown path.
    fn admit(&self, state: &S, route: Option<&'static Route<S>>, request: &mut Request) -> Result<(), ApiError>;
}

struct Job<S: 'static> {
    socket: tiny_http::Request,
    request: Request,
    route: Option<&'static Route<S>>,
    connection: Arc<Connection>,
    _body: BodyShare,
}

struct Shared<S: 'static> {
    state: Arc<S>,
    router: Router<S>,
    gate: Box<dyn Gate<S>>,
    cors: Cors,
    config: HttpConfig,
    connections: Connections,
    stopping: AtomicBool,
    running: AtomicUsize,
    body_bytes: Arc<AtomicUsize>,
    streams: AtomicUsize,
    fast: Sender<Job<S>>,
    slow: Sender<Job<S>>,
}

/// A running HTTP server.
pub struct Server<S: 'static> {
    shared: Arc<Shared<S>>,
    listener: TcpListener,
    threads: Vec<JoinHandle<()>>,
    local: SocketAddr,
}

impl<S: Send + Sync + 'static> Server<S> {
    pub fn start(
        listener: TcpListener,
        state: Arc<S>,
        router: Router<S>,
        gate: Box<dyn Gate<S>>,
        cors: Cors,
        config: HttpConfig,
    ) -> io::Result<Self> {
        let local = listener.local_addr()?;
        let (fast, fast_jobs) = bounded(config.queue);
        let (slow, slow_jobs) = bounded(config.queue);
        let shared = Arc::new(Shared {
            state,
            router,
            gate,
            cors,
            connections: Connections::new(config.limits.clone()),
            stopping: AtomicBool::new(false),
            running: AtomicUsize::new(0),
            body_bytes: Arc::default(),
            streams: AtomicUsize::new(0),
            fast,
            slow,
            config,
        });
        let mut threads = Vec::new();
        for (name, jobs, count) in
            [("fast", fast_jobs, shared.config.fast_workers), ("slow", slow_jobs, shared.config.slow_workers)]
        {
            for _ in 0..count {
                let (shared, jobs) = (Arc::clone(&shared), jobs.clone());
                threads.push(spawn(name, None, move || work(&shared, &jobs))?);
            }
        }
        let reaped = Arc::clone(&shared);
        threads.push(spawn("reaper", Some(CONNECTION_STACK), move || reaped.connections.reap())?);
        let (accepting, acceptor) = (Arc::clone(&shared), listener.try_clone()?);
        threads.push(spawn("accept", Some(CONNECTION_STACK), move || accept(&accepting, &acceptor))?);
        Ok(Server { shared, listener, threads, local })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// New requests on open connections get 503 from now on (but for `/health`), no more
    /// connections are taken, and running requests have `grace` to finish.
    pub fn stop(self, grace: Duration) {
        self.shared.stopping.store(true, Ordering::Release);
        if let Err(cause) = rustix::net::shutdown(&self.listener, rustix::net::Shutdown::Both) {
            log::debug!(target: "http", "closing the listener: {cause}");
        }
        let deadline = Instant::now() + grace;
        while self.shared.running.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        let cut = self.shared.running.load(Ordering::Acquire);
        if cut > 0 {
            log::warn!(target: "http", "{cut} requests were still running and are cut off");
        }
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

fn accept<S: Send + Sync + 'static>(shared: &Arc<Shared<S>>, listener: &TcpListener) {
    loop {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::Acquire) {
            return;
        }
        match accepted.and_then(|(socket, _)| open(shared, socket)) {
            Ok(()) => {}
            Err(cause) if cause.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(cause) => {
                // out of descriptors or threads: let some connections end before the next try
                log::warn!(target: "http", "cannot take a connection: {cause}");
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }
}

fn open<S: Send + Sync + 'static>(shared: &Arc<Shared<S>>, socket: TcpStream) -> io::Result<()> {
    let Some(connection) = shared.connections.open(&socket)? else {
        return refuse(socket);
    };
    let for_thread = (Arc::clone(shared), Arc::clone(&connection));
    let spawned = spawn("connection", Some(CONNECTION_STACK), move || {
        let (shared, connection) = for_thread;
        serve_connection(socket, shared.config.max_head, &mut |event| match event {
            ConnectionEvent::HeadStarted => {
                connection.enter(Phase::Head);
                true
            }
            ConnectionEvent::Request(socket) => shared.receive(socket, &connection),
        });
        shared.connections.remove(&connection);
    });
    if let Err(cause) = spawned {
        shared.connections.remove(&connection);
        return Err(cause);
    }
    Ok(())
}

/// Every place is taken by a running request.
fn refuse(mut socket: TcpStream) -> io::Result<()> {
    use std::io::Write;
    socket.write_all(
        b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    )
}

/// A share of the memory set aside for bodies, given back when dropped.
struct BodyShare {
    all: Arc<AtomicUsize>,
    bytes: usize,
}

impl BodyShare {
    fn grow(&mut self, bytes: usize, limit: usize) -> bool {
        self.bytes += bytes;
        self.all.fetch_add(bytes, Ordering::AcqRel) + bytes <= limit
    }
}

impl Drop for BodyShare {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

enum BodyRefused {
    TooLarge,
    Busy,
    Broken,
}

impl<S: Send + Sync + 'static> Shared<S> {
    /// Reads a request's body and dispatches it. False ends the connection.
    fn receive(&self, mut socket: tiny_http::Request, connection: &Arc<Connection>) -> bool {
        let mut request = typed(&socket, connection.peer);
        let mut share = BodyShare { all: Arc::clone(&self.body_bytes), bytes: 0 };
        connection.enter(Phase::Body);
        match self.read_body(&mut socket, connection, &mut share) {
            Ok(body) => request.body = body,
            Err(refused) => {
                let error = match refused {
                    BodyRefused::TooLarge => ApiError::new(413, "payload too large"),
                    BodyRefused::Busy => ApiError::unavailable("too many large requests at once").retry_after(1),
                    BodyRefused::Broken => ApiError::bad_request("the request body is incomplete or malformed"),
                };
                // the request is dropped after the answer and what is left of its body drained
                connection.enter(Phase::Drain);
                self.answer(socket, &request, Response::from(error).with_header("Connection", "close"));
                return false;
            }
        }
        connection.enter(Phase::Idle);
        if connection.begin_request() > MAX_PIPELINED {
            let error = ApiError::unavailable("too many pipelined requests").retry_after(1);
            self.answer(socket, &request, Response::from(error).with_header("Connection", "close"));
            connection.end_request();
            return false;
        }
        self.dispatch(socket, request, connection, share);
        true
    }

    fn read_body(
        &self,
        socket: &mut tiny_http::Request,
        connection: &Connection,
        share: &mut BodyShare,
    ) -> Result<Vec<u8>, BodyRefused> {
        let max = self.config.max_body;
        let announced = announced_length(socket).ok_or(BodyRefused::Broken)?;
        if announced > max as u64 {
            return Err(BodyRefused::TooLarge);
        }
        let mut body = Vec::with_capacity((announced as usize).min(64 * 1024));
        let mut piece = [0; 8192];
        let reader = socket.as_reader();
        loop {
            let n = match reader.read(&mut piece) {
                Ok(n) => n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                Err(_) => return Err(BodyRefused::Broken),
            };
            if n == 0 {
                break;
            }
            connection.progressed();
            if body.len() + n > max {
                // read on a little, so that a client that sends first sees the answer
                let _ = io::copy(&mut reader.take(max as u64), &mut io::sink());
                return Err(BodyRefused::TooLarge);
            }
            if !share.grow(n, self.config.max_bodies) {
                return Err(BodyRefused::Busy);
            }
            body.extend_from_slice(&piece[..n]);
        }
        if (body.len() as u64) < announced { Err(BodyRefused::Broken) } else { Ok(body) }
    }

    fn dispatch(
        &self,
        socket: tiny_http::Request,
        mut request: Request,
        connection: &Arc<Connection>,
        share: BodyShare,
    ) {
        self.running.fetch_add(1, Ordering::AcqRel);
        let route = match self.router.find(request.method, &request.path) {
            Some((route, params)) => {
                request.params = params;
                Some(route)
            }
            None => None,
        };
        let lane = match route.map_or(Lane::Fast, |r| r.lane_of(&self.state, &request)) {
            Lane::Fast => &self.fast,
            Lane::Slow => &self.slow,
        };
        let job = Job { socket, request, route, connection: Arc::clone(connection), _body: share };
        if let Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) = lane.try_send(job) {
            let busy = ApiError::unavailable("the daemon is busy").retry_after(1);
            self.answer(job.socket, &job.request, busy.into());
            self.finished(&job.connection);
        }
    }

    fn finished(&self, connection: &Connection) {
        connection.end_request();
        self.running.fetch_sub(1, Ordering::AcqRel);
    }

    /// The gate and the handler. A panic in either is a 500 and the worker lives on.
    fn handle(&self, route: Option<&'static Route<S>>, request: &mut Request) -> Response {
        if request.method == Method::Options {
            return self.preflight(request);
        }
        if self.stopping.load(Ordering::Acquire) && request.path != "/health" {
            return ApiError::unavailable("shutting down").into();
        }
        if route.and_then(|r| r.max_body).is_some_and(|most| request.body.len() > most) {
            return ApiError::new(413, "payload too large").into();
        }
        let answered = catch_unwind(AssertUnwindSafe(|| {
            self.gate.admit(&self.state, route, request)?;
            match route {
                Some(route) => (route.handler)(&self.state, request),
                None => Err(ApiError::not_found("Not found")),
            }
        }));
        match answered {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => error.into(),
            // the panic hook has logged where and why
            Err(_) => ApiError::new(500, "Internal server error").into(),
        }
    }

    fn preflight(&self, request: &Request) -> Response {
        let asked = request.headers.get("access-control-request-headers").unwrap_or_default();
        Response::empty(204)
            .with_header("Access-Control-Allow-Methods", "GET,HEAD,PUT,POST,DELETE,PATCH")
            .with_header("Access-Control-Allow-Headers", asked)
    }

    fn cors_headers(&self, request: &Request, headers: &mut Vec<(&'static str, String)>) {
        headers.push(("Vary", "Origin".to_owned()));
        headers.push(("Access-Control-Allow-Credentials", "true".to_owned()));
        if let Some(origin) = request.headers.get("origin").filter(|o| self.cors.allows(o)) {
            headers.push(("Access-Control-Allow-Origin", origin.to_owned()));
        }
    }

    fn answer(&self, socket: tiny_http::Request, request: &Request, mut response: Response) {
        self.cors_headers(request, &mut response.headers);
        let bytes = match response.body {
            Body::Bytes(bytes) => bytes,
            // streams are taken out before
            Body::Events(_) => Vec::new(),
        };
        let headers = response
            .headers
            .iter()
            .filter_map(|(name, value)| Header::from_bytes(name.as_bytes(), value.as_bytes()).ok())
            .chain(Header::from_bytes(&b"Server"[..], &b"signetd"[..]).ok())
            .collect();
        let length = bytes.len();
        let answer =
            tiny_http::Response::new(StatusCode(response.status), headers, Cursor::new(bytes), Some(length), None)
                .with_chunked_threshold(usize::MAX);
        if let Err(cause) = socket.respond(answer) {
            log::debug!(target: "http", "the client left before its answer: {cause}");
        }
    }
}

/// Content-Length, or 0 when there is none; `None` when it is no number.
fn announced_length(socket: &tiny_http::Request) -> Option<u64> {
    let header = |name: &'static str| socket.headers().iter().find(|h| h.field.equiv(name));
    if header("Transfer-Encoding").is_some() {
        return Some(0);
    }
    match header("Content-Length") {
        None => Some(0),
        Some(h) => {
            let digits = h.value.as_str().trim();
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return None;
            }
            Some(digits.parse().unwrap_or(u64::MAX))
        }
    }
}

fn typed(socket: &tiny_http::Request, peer: Option<SocketAddr>) -> Request {
    let method = match socket.method() {
        tiny_http::Method::Get => Method::Get,
        tiny_http::Method::Head => Method::Head,
        tiny_http::Method::Post => Method::Post,
        tiny_http::Method::Put => Method::Put,
        tiny_http::Method::Patch => Method::Patch,
        tiny_http::Method::Delete => Method::Delete,
        tiny_http::Method::Options => Method::Options,
        _ => Method::Other,
    };
    let headers =
        socket.headers().iter().map(|h| (h.field.as_str().as_str().to_owned(), h.value.as_str().to_owned())).collect();
    Request::new(method, socket.url(), Headers(headers), peer)
}

fn work<S: Send + Sync + 'static>(shared: &Arc<Shared<S>>, jobs: &Receiver<Job<S>>) {
    for mut job in jobs {
        let began = Instant::now();
        let response = shared.handle(job.route, &mut job.request);
        log::debug!(
            target: "http",
            "{} {} {} {:.1} ms", job.request.method, job.request.path, response.status,
            began.elapsed().as_secs_f64() * 1e3
        );
        match response.body {
            Body::Bytes(_) => {
                shared.answer(job.socket, &job.request, response);
                shared.finished(&job.connection);
            }
            Body::Events(events) => stream(shared, job, response.headers, events),
        }
    }
}

/// Hands an event stream to a thread of its own, if one is free.
fn stream<S: Send + Sync + 'static>(
    shared: &Arc<Shared<S>>,
    job: Job<S>,
    mut headers: Vec<(&'static str, String)>,
    events: Receiver<sse::Event>,
) {
    if shared.streams.fetch_add(1, Ordering::AcqRel) >= shared.config.streams {
        shared.streams.fetch_sub(1, Ordering::AcqRel);
        let error = ApiError::unavailable("too many event streams").retry_after(5);
        shared.answer(job.socket, &job.request, error.into());
        shared.finished(&job.connection);
        return;
    }
    shared.cors_headers(&job.request, &mut headers);
    // a stream is no running request: stopping need not wait for it
    shared.running.fetch_sub(1, Ordering::AcqRel);
    let (owner, connection) = (Arc::clone(shared), Arc::clone(&job.connection));
    let head_only = job.request.method == Method::Head;
    let writer = job.socket.into_writer();
    let spawned = spawn("events", Some(CONNECTION_STACK), move || {
        // a channel without a sender ends the stream right after its head
        let events = if head_only { bounded(0).1 } else { events };
        if let Err(cause) = sse::write_stream(writer, &headers, &events, sse::KEEP_ALIVE) {
            log::debug!(target: "http", "event stream ended: {cause}");
        }
        owner.streams.fetch_sub(1, Ordering::AcqRel);
        connection.close();
        connection.end_request();
    });
    if let Err(cause) = spawned {
        log::warn!(target: "http", "no thread for an event stream: {cause}");
        shared.streams.fetch_sub(1, Ordering::AcqRel);
        job.connection.close();
        job.connection.end_request();
    }
}
