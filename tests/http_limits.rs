//! The HTTP layer alone, with limits short enough to reach: slow clients, full queues, streams.

mod common;

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use signetd::core::access::{Access, Caller};
use signetd::core::{Error, Stop};
use signetd::http::connections::ConnectionLimits;
use signetd::http::cors::Cors;
use signetd::http::stream::{Event, StreamKind};
use signetd::http::{
    ApiError, Dispatcher, Door, Gate, HttpConfig, Lane, Request, Response, Route, Router, Server, Spec,
};
use signetd::work::Hub;

/// Handlers of the test wait on `gate` and stream from `events`.
struct State {
    entered: Sender<()>,
    gate: Receiver<()>,
    events: Arc<Hub<Event>>,
}

static MANY: StreamKind = StreamKind { name: "many", most: 16 };
static ONE: StreamKind = StreamKind { name: "one", most: 1 };

struct Open;

impl Gate for Open {
    fn identify(&self, _: Option<&'static Spec>, _: &Request) -> Result<Caller, Error> {
        Ok(Caller::Local)
    }

    fn permit(&self, _: &'static Spec, _: &Caller, _: Option<IpAddr>) -> Result<(), Error> {
        Ok(())
    }

    fn is_costly(&self, _: &Request) -> bool {
        false
    }
}

fn quick(_: &State, _: &Request) -> Result<Response, ApiError> {
    Ok(Response::text(200, "quick"))
}

fn blocked(state: &State, _: &Request) -> Result<Response, ApiError> {
    let _ = state.entered.try_send(());
    let _ = state.gate.recv();
    Ok(Response::text(200, "released"))
}

fn panics(_: &State, _: &Request) -> Result<Response, ApiError> {
    panic!("as a test")
}

fn echo(_: &State, req: &Request) -> Result<Response, ApiError> {
    Ok(Response::text(200, &req.body.len().to_string()))
}

fn stream(state: &State, kind: &'static StreamKind) -> Result<Response, ApiError> {
    let reader = state.events.subscribe().expect("room for a reader");
    Ok(Response::stream(kind, move |sse, stop| sse.follow(&reader, stop, Some)))
}

fn events(state: &State, _: &Request) -> Result<Response, ApiError> {
    stream(state, &MANY)
}

fn single(state: &State, _: &Request) -> Result<Response, ApiError> {
    stream(state, &ONE)
}

static ROUTES: &[Route<State>] = &[
    Route::get("/health", Access::Open, quick),
    Route::get("/quick", Access::Open, quick),
    Route::get("/blocked", Access::Open, blocked).lane(Lane::Model),
    Route::get("/stuck", Access::Open, blocked),
    Route::get("/panics", Access::Open, panics),
    Route::post("/echo", Access::Open, echo),
    Route::get("/events", Access::Open, events),
    Route::get("/single", Access::Open, single),
];

struct Running {
    server: Server<State>,
    entered: Receiver<()>,
    release: Sender<()>,
    events: Arc<Hub<Event>>,
    stop: Stop,
}

fn start(change: impl FnOnce(&mut HttpConfig)) -> Running {
    let mut config = HttpConfig {
        limits: ConnectionLimits {
            idle: Duration::from_millis(300),
            head: Duration::from_millis(300),
            body_stall: Duration::from_millis(300),
            ..ConnectionLimits::default()
        },
        ..HttpConfig::default()
    };
    change(&mut config);
    let (enter, entered) = bounded(16);
    let (release, gate) = bounded(16);
    let events = Arc::new(Hub::new(16, 16));
    let stop = Stop::new();
    let state = State { entered: enter, gate, events: Arc::clone(&events) };
    let router = Router::<State>::new().mount("test", ROUTES, |state| state);
    let dispatcher = Dispatcher::new(Arc::new(state), router, Arc::new(Open), stop.clone());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server::start(
        Door::own(listener).unwrap(),
        Arc::new(dispatcher),
        Cors { port: 1, tailnet: false },
        config,
        stop.clone(),
    )
    .unwrap();
    Running { server, entered, release, events, stop }
}

impl Running {
    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.local_addr()).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream
    }

    fn ask(&self, path: &str) -> String {
        let mut stream = self.connect();
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        rest(&mut stream)
    }
}

fn rest(stream: &mut TcpStream) -> String {
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    text
}

#[test]
fn slow_and_silent_clients_are_closed_while_others_are_served() {
    let running = start(|_| {});
    let mut silent = running.connect();
    let mut half_a_head = running.connect();
    half_a_head.write_all(b"GET /quick HT").unwrap();
    let mut half_a_body = running.connect();
    half_a_body.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\nhalf").unwrap();
    let mut idle = running.connect();
    idle.write_all(b"GET /quick HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(running.ask("/quick").contains("quick"));
    for stream in [&mut silent, &mut half_a_head, &mut half_a_body, &mut idle] {
        // ends because the server closes, not by the read timeout
        let ended = stream.read_to_end(&mut Vec::new());
        assert!(ended.as_ref().map_or_else(|e| e.kind() == std::io::ErrorKind::ConnectionReset, |_| true), "{ended:?}");
    }
}

#[test]
fn a_lane_in_which_requests_wait_and_none_ends_is_seen_to_be_stuck() {
    let running = start(|c| c.workers = [1, 1, 1, 1]);
    let pulse = running.server.pulse();
    assert_eq!(pulse.stuck(), []);
    let asked: Vec<TcpStream> = (0..2)
        .map(|_| {
            let mut stream = running.connect();
            stream.write_all(b"GET /stuck HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
            stream
        })
        .collect();
    // one is at work, and the other waits once it has been read
    running.entered.recv_timeout(Duration::from_secs(30)).unwrap();
    common::eventually("a stuck lane", || pulse.stuck() == [Lane::Fast]);
    for _ in &asked {
        running.release.send(()).unwrap();
    }
    for mut stream in asked {
        assert!(rest(&mut stream).contains("200 OK"));
    }
    assert_eq!(pulse.stuck(), [], "one that moved");
    assert_eq!(pulse.stuck(), [], "one in which nobody waits");
}

#[test]
fn a_full_lane_answers_503_and_never_blocks_the_other_lane() {
    let running = start(|c| {
        c.workers = [2, 1, 1, 1];
        c.queue = 1;
    });
    let mut waiting: Vec<TcpStream> = Vec::new();
    // one runs, one waits; the rest are refused at once
    let refused = (0..4).find_map(|_| {
        let mut stream = running.connect();
        stream.write_all(b"GET /blocked HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(500))).unwrap();
        let text = rest(&mut stream);
        if text.contains("503") {
            return Some(text);
        }
        waiting.push(stream);
        None
    });
    assert!(refused.expect("a refusal").contains("Retry-After: 1"));
    assert!(running.ask("/quick").contains("quick"));
    for _ in &waiting {
        running.release.send(()).unwrap();
    }
    for stream in &mut waiting {
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        assert!(rest(stream).contains("released"));
    }
}

#[test]
fn a_panic_is_a_500_and_the_worker_lives_on() {
    let running = start(|c| c.workers = [1, 1, 1, 1]);
    for _ in 0..3 {
        assert!(running.ask("/panics").starts_with("HTTP/1.1 500"));
    }
    assert!(running.ask("/quick").contains("quick"));
}

#[test]
fn events_arrive_one_by_one_and_the_stream_ends() {
    let running = start(|_| {});
    let mut stream = running.connect();
    stream.write_all(b"GET /events HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut seen = String::new();
    let mut piece = [0; 512];
    let mut until = |text: &str| {
        while !seen.contains(text) {
            let n = stream.read(&mut piece).unwrap();
            assert!(n > 0, "the stream ended early: {seen}");
            seen += &String::from_utf8_lossy(&piece[..n]);
        }
    };
    until("text/event-stream");
    running.events.publish(&Event::data("one"));
    until("data: one\n\n");
    running.events.publish(&Event::data("two"));
    until("data: two\n\n");
    running.stop.stop();
    assert_eq!(rest(&mut stream), "");
}

#[test]
fn more_streams_than_allowed_are_refused() {
    let running = start(|_| {});
    let mut first = running.connect();
    first.write_all(b"GET /single HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut head = [0; 64];
    assert!(first.read(&mut head).unwrap() > 0);
    assert!(running.ask("/single").starts_with("HTTP/1.1 503"));
}

#[test]
fn a_stopping_server_lets_running_requests_finish() {
    let Running { server, entered, release, .. } = start(|_| {});
    let address = server.local_addr();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(b"GET /blocked HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    entered.recv().unwrap();
    let mut open = TcpStream::connect(address).unwrap();
    open.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    write!(open, "GET /quick HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    assert!(open.read(&mut [0; 512]).unwrap() > 0);
    let stopper = std::thread::spawn(move || server.stop(Duration::from_secs(20)));
    // new requests on an open connection are refused once the stop has begun
    let mut answer = String::new();
    while !answer.contains("503") {
        write!(open, "GET /quick HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        let mut piece = [0; 1024];
        let n = open.read(&mut piece).unwrap();
        assert!(n > 0);
        answer = String::from_utf8_lossy(&piece[..n]).into_owned();
    }
    assert!(answer.contains("shutting down"));
    release.send(()).unwrap();
    assert!(rest(&mut stream).contains("released"));
    stopper.join().unwrap();
}
