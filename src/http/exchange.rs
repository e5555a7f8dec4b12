//! One request on its connection's thread: head, leave to send a large body, body, handler's
//! answer, all of it in order. What works with the database or waits runs in a lane's workers.

use std::borrow::Cow;
use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::{RecvError, Sender, TrySendError, bounded};

use super::body::{self, Announced, Refused, Share};
use super::connections::{Connection, Phase};
use super::outgoing::Outgoing;
use super::response::Run;
use super::route::BODY;
use super::router::Mounted;
use super::server::Shared;
use super::stream::{Slot, Sse};
use super::{ApiError, Body, Headers, Lane, Method, Request, Response};
use crate::core::Stop;

/// What a worker is asked to do with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Only to say whether it may go on: its body is still to come.
    Admit,
    /// To answer it.
    Answer { admitted: bool },
}

/// A request on its way to a worker.
pub(super) struct Job {
    step: Step,
    request: Request,
    connection: Arc<Connection>,
    reply: Sender<Reply>,
    /// The body's share of memory, until it is answered.
    _share: Option<Share>,
}

/// What a worker gives back.
pub(super) enum Reply {
    Admitted(Box<Request>),
    /// Sent as far as the socket took it.
    Answered(Outgoing),
    Stream(Stream),
    /// The client has left.
    Gone,
}

/// An event stream to be written.
pub(super) struct Stream {
    headers: Vec<(&'static str, String)>,
    run: Run,
    /// Its place among the streams of its kind.
    place: Option<Slot>,
}

/// Whether the connection serves another request.
pub(super) enum Next {
    KeepOpen,
    Close,
}

/// Runs one job on a worker's thread.
pub(super) fn work<A: Send + Sync + 'static>(shared: &Shared<A>, mut job: Job) {
    let began = Instant::now();
    let dispatcher = &shared.dispatcher;
    let route = dispatcher.route(&mut job.request);
    let response = match job.step {
        Step::Admit => match dispatcher.admit(route, &mut job.request) {
            Ok(()) => {
                // the connection's thread waits for this; if it does not, the request is gone anyway
                let _ = job.reply.send(Reply::Admitted(Box::new(job.request)));
                return;
            }
            Err(refused) => refused.into(),
        },
        Step::Answer { admitted } => dispatcher.answer(route, &mut job.request, admitted),
    };
    note(&job.request, &response, began);
    let _ = job.reply.send(shared.reply(&job.request, &job.connection, response));
}

fn note(request: &Request, response: &Response, began: Instant) {
    log::debug!(
        target: "http",
        "{} {} {} {:.1} ms", request.method, request.path, response.status, began.elapsed().as_secs_f64() * 1e3
    );
}

/// While this lives, the connection is at work: it is not reaped, and a stop waits for it.
struct Busy<'a> {
    running: &'a AtomicUsize,
    connection: &'a Connection,
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.connection.end_request();
        self.running.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<A: Send + Sync + 'static> Shared<A> {
    /// Serves one request whose head has been read.
    pub(super) fn exchange(&self, mut socket: tiny_http::Request, connection: &Arc<Connection>) -> Next {
        let mut request = typed(&socket, connection.peer);
        let route = self.dispatcher.route(&mut request);
        let next = self.converse(&mut socket, request, route, connection);
        // it has been answered past tiny_http, which would answer 500 otherwise
        drop(socket.into_writer());
        next
    }

    fn converse(
        &self,
        socket: &mut tiny_http::Request,
        mut request: Request,
        route: Option<&Mounted<A>>,
        connection: &Arc<Connection>,
    ) -> Next {
        let most = route.map_or(BODY, |r| r.spec.max_body).min(self.config.max_body);
        let announced = Announced::of(socket);
        if announced.exceeds(most) {
            return self.refuse(socket, &request, connection, Refused::TooLarge);
        }
        let mut admitted = false;
        let costly = self.dispatcher.gate().is_costly(&request);
        if !announced.is_small() || costly {
            let lane = if costly { Lane::Hash } else { Lane::Fast };
            let busy = self.busy(connection);
            match self.ask(Step::Admit, request, connection, lane, None) {
                Ok(Reply::Admitted(back)) => (request, admitted) = (*back, true),
                Ok(Reply::Answered(refusal)) if announced == Announced::Bytes(0) => {
                    return self.finish(refusal, connection);
                }
                Ok(Reply::Answered(refusal)) => return self.leave(refusal, socket, connection, busy),
                _ => return Next::Close,
            }
        }
        let mut share = self.bodies.share();
        connection.enter(if admitted { Phase::Upload } else { Phase::Body });
        match body::read(socket, announced, most, connection, &mut share) {
            Ok(body) => request.body = body,
            Err(refused) => return self.refuse(socket, &request, connection, refused),
        }
        connection.enter(Phase::Idle);
        let busy = self.busy(connection);
        if route.is_some_and(|r| r.spec.at_once) {
            let began = Instant::now();
            let response = self.dispatcher.answer(route, &mut request, admitted);
            note(&request, &response, began);
            return match self.reply(&request, connection, response) {
                Reply::Answered(outgoing) => self.finish(outgoing, connection),
                _ => Next::Close,
            };
        }
        let lane = route.map_or(Lane::Fast, |r| r.lane_of(self.dispatcher.app(), &request));
        match self.ask(Step::Answer { admitted }, request, connection, lane, Some(share)) {
            Ok(Reply::Answered(outgoing)) => self.finish(outgoing, connection),
            Ok(Reply::Stream(stream)) => {
                // a stream is no running request: stopping need not wait for it
                drop(busy);
                self.run_stream(stream, connection);
                Next::Close
            }
            _ => Next::Close,
        }
    }

    fn busy<'a>(&'a self, connection: &'a Connection) -> Busy<'a> {
        self.running.fetch_add(1, Ordering::AcqRel);
        connection.begin_request();
        Busy { running: &self.running, connection }
    }

    /// Hands a request to a lane and waits for its worker; a full lane is a 503 at once.
    fn ask(
        &self,
        step: Step,
        request: Request,
        connection: &Arc<Connection>,
        lane: Lane,
        share: Option<Share>,
    ) -> Result<Reply, RecvError> {
        let (reply, answer) = bounded(1);
        let job = Job { step, request, connection: Arc::clone(connection), reply, _share: share };
        match self.lanes.of(lane).try_send(job) {
            Ok(()) => answer.recv(),
            Err(TrySendError::Full(job) | TrySendError::Disconnected(job)) => {
                let busy = ApiError::unavailable("the daemon is busy").retry_after(1);
                Ok(self.reply(&job.request, connection, busy.into()))
            }
        }
    }

    /// Makes an answer ready; most are sent in whole by this.
    fn reply(&self, request: &Request, connection: &Connection, mut response: Response) -> Reply {
        let mut place = None;
        if let Body::Stream(kind, _) = &response.body {
            place = self.streams.take(kind);
            if place.is_none() {
                response = ApiError::unavailable("too many event streams").retry_after(5).into();
            }
        }
        self.cors_headers(request, &mut response.headers);
        let head_only = request.method == Method::Head;
        if let Body::Stream(_, run) = response.body {
            // of a HEAD nothing but the head is asked
            let run = if head_only { Box::new(|_: &mut Sse<'_>, _: &Stop| Ok(())) } else { run };
            return Reply::Stream(Stream { headers: response.headers, run, place });
        }
        let mut outgoing = Outgoing::of(response, head_only);
        if !outgoing.reserve(&self.unread) {
            let mut busy =
                Response::from(ApiError::unavailable("too many answers wait for their clients").retry_after(1));
            self.cors_headers(request, &mut busy.headers);
            outgoing = Outgoing::of(busy, head_only);
        }
        match outgoing.send_now(connection.socket()) {
            Ok(()) => Reply::Answered(outgoing),
            Err(cause) => {
                log::debug!(target: "http", "the client left before its answer: {cause}");
                Reply::Gone
            }
        }
    }

    /// Writes what is left of an answer.
    fn finish(&self, outgoing: Outgoing, connection: &Connection) -> Next {
        if outgoing.is_done() {
            return Next::KeepOpen;
        }
        let stopped = || self.closed.load(Ordering::Acquire);
        match outgoing.finish(connection.socket(), &self.connections.limits, stopped) {
            Ok(()) => Next::KeepOpen,
            Err(cause) => {
                log::debug!(target: "http", "an answer was cut off: {cause}");
                Next::Close
            }
        }
    }

    fn refuse(
        &self,
        socket: &mut tiny_http::Request,
        request: &Request,
        connection: &Connection,
        refused: Refused,
    ) -> Next {
        let error = match refused {
            Refused::TooLarge => ApiError::too_large(),
            Refused::Busy => ApiError::unavailable("too many large requests at once").retry_after(1),
            Refused::Broken => ApiError::bad_request("the request body is incomplete or malformed"),
        };
        let response = Response::from(error).with_header("Connection", "close");
        let busy = self.busy(connection);
        match self.reply(request, connection, response) {
            Reply::Answered(outgoing) => self.leave(outgoing, socket, connection, busy),
            _ => Next::Close,
        }
    }

    /// Answers a request whose body was not read, and closes. What the client still sends is read
    /// off for a while, or it would not see the answer.
    fn leave(
        &self,
        outgoing: Outgoing,
        socket: &mut tiny_http::Request,
        connection: &Connection,
        busy: Busy<'_>,
    ) -> Next {
        let answered = matches!(self.finish(outgoing, connection), Next::KeepOpen);
        drop(busy);
        // who waits for leave to send has sent nothing yet
        let waits = socket.headers().iter().any(|h| h.field.equiv("Expect"));
        if answered && !waits {
            connection.enter(Phase::Drain);
            // fails only when the client has closed already
            let _ = connection.socket().shutdown(Shutdown::Write);
            let most = self.config.max_body as u64;
            if io::copy(&mut socket.as_reader().take(most), &mut io::sink()).is_ok_and(|read| read == most) {
                connection.reset_on_close();
            }
        }
        connection.close();
        Next::Close
    }

    /// Runs an event stream on a thread of its own until it ends or the client leaves. The connection's
    /// thread, whose stack is small, waits for it.
    fn run_stream(&self, stream: Stream, connection: &Connection) {
        let Stream { headers, run, place } = stream;
        let stop = self.stop.child();
        connection.begin_request();
        let ended = std::thread::scope(|scope| {
            let write = || -> io::Result<()> {
                let mut socket = connection.socket();
                let mut sse = Sse::begin(&mut socket, &headers)?;
                run(&mut sse, &stop)
            };
            let thread = std::thread::Builder::new().name("stream".to_owned()).spawn_scoped(scope, write)?;
            // a panic of the handler was logged where it happened
            thread.join().unwrap_or_else(|_| Err(io::Error::other("the stream failed")))
        });
        if let Err(cause) = ended {
            log::debug!(target: "http", "event stream ended: {cause}");
        }
        drop(place);
        connection.end_request();
    }

    fn cors_headers(&self, request: &Request, headers: &mut Vec<(&'static str, String)>) {
        headers.push(("Vary", "Origin".to_owned()));
        headers.push(("Access-Control-Allow-Credentials", "true".to_owned()));
        if let Some(origin) = request.headers.get("origin").filter(|o| self.cors.allows(o)) {
            headers.push(("Access-Control-Allow-Origin", origin.to_owned()));
        }
    }
}

/// A head as handlers see it. Of a target in absolute form the path is used, and its host beside
/// the `Host` header.
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
    let mut headers: Vec<(String, String)> =
        socket.headers().iter().map(|h| (h.field.as_str().as_str().to_owned(), h.value.clone())).collect();
    let url = socket.url();
    let mut target = Cow::Borrowed(url);
    if let Some((authority, path)) = absolute(url) {
        headers.push(("Host".to_owned(), authority.to_owned()));
        target = path;
    }
    Request::new(method, &target, Headers(headers), peer)
}

/// Authority and path of `http://host/path`.
fn absolute(target: &str) -> Option<(&str, Cow<'_, str>)> {
    let scheme = ["http://", "https://"]
        .into_iter()
        .find(|s| target.get(..s.len()).is_some_and(|start| start.eq_ignore_ascii_case(s)))?;
    let rest = &target[scheme.len()..];
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let path = &rest[end..];
    let path = if path.starts_with('/') { Cow::Borrowed(path) } else { Cow::Owned(format!("/{path}")) };
    Some((&rest[..end], path))
}
