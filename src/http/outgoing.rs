//! An answer on its way out, written by nobody who is needed elsewhere.
//!
//! A worker sends what the socket takes at once, which is all of most answers. The rest is written
//! by the connection's own thread, within a total time and above a floor of throughput, so that a
//! client that does not read costs its own connection and nothing else.

use std::io::{self, Cursor};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use tiny_http::{Header, StatusCode};

use super::connections::ConnectionLimits;
use super::{Body, Response};

/// Clients slower than this (after [`SLOW_START`]) are cut off.
const FLOOR_BYTES_PER_S: u64 = 16 * 1024;
const SLOW_START: Duration = Duration::from_secs(10);
/// An answer that takes longer is cut off, however fast its client reads.
const TOTAL: Duration = Duration::from_secs(600);
/// How often a waiting thread looks at the clock.
const LOOK: Duration = Duration::from_millis(500);

/// Answers up to this size are in the socket's own buffer at once.
const SMALL: usize = 64 * 1024;

/// Bytes of large answers that are not sent yet, over all connections.
pub struct Waiting {
    bytes: AtomicUsize,
    most: usize,
}

impl Waiting {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Waiting { bytes: AtomicUsize::new(0), most })
    }
}

/// The bytes of one answer and how many of them are sent.
pub struct Outgoing {
    bytes: Vec<u8>,
    sent: usize,
    reserved: Option<Reserved>,
}

/// What an answer takes of the memory for all, until it is dropped.
struct Reserved {
    waiting: Arc<Waiting>,
    bytes: usize,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        self.waiting.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

impl Outgoing {
    /// Status line, headers and body; `head_only` for an answer to HEAD.
    pub fn of(response: Response, head_only: bool) -> Self {
        let body = match response.body {
            Body::Bytes(bytes) => bytes,
            // streams are taken out before
            Body::Stream(..) => Vec::new(),
        };
        let headers = response
            .headers
            .iter()
            .filter_map(|(name, value)| Header::from_bytes(name.as_bytes(), value.as_bytes()).ok())
            .chain(Header::from_bytes(&b"Server"[..], &b"signetd"[..]).ok())
            .collect();
        let mut bytes = Vec::with_capacity(512 + body.len());
        let head = tiny_http::Response::new(
            StatusCode(response.status),
            headers,
            Cursor::new(&[][..]),
            Some(body.len()),
            None,
        )
        .with_chunked_threshold(usize::MAX);
        // a Vec takes every byte
        let _ = head.raw_print(&mut bytes, tiny_http::HTTPVersion(1, 1), &[], true, None);
        if !head_only && !matches!(response.status, 100..=199 | 204 | 304) {
            bytes.extend_from_slice(&body);
        }
        Outgoing { bytes, sent: 0, reserved: None }
    }

    /// Takes its share before the first byte leaves, as an answer that has begun must not break off;
    /// false when there is no room.
    pub fn reserve(&mut self, waiting: &Arc<Waiting>) -> bool {
        let bytes = self.bytes.len();
        if bytes <= SMALL {
            return true;
        }
        let before = waiting.bytes.fetch_add(bytes, Ordering::AcqRel);
        self.reserved = Some(Reserved { waiting: Arc::clone(waiting), bytes });
        // the largest answer of all must be possible
        before == 0 || before + bytes <= waiting.most
    }

    pub fn is_done(&self) -> bool {
        self.sent == self.bytes.len()
    }

    /// Sends what the socket takes without waiting.
    pub fn send_now(&mut self, socket: &TcpStream) -> io::Result<()> {
        while !self.is_done() {
            match send(socket, &self.bytes[self.sent..], SendFlags::DONTWAIT | SendFlags::NOSIGNAL) {
                Ok(n) => self.sent += n,
                Err(Errno::INTR) => {}
                Err(Errno::WOULDBLOCK) => return Ok(()),
                Err(cause) => return Err(cause.into()),
            }
        }
        Ok(())
    }

    /// Sends the rest, waiting for the client as far as the limits go. `stopped` ends it early.
    pub fn finish(
        mut self,
        socket: &TcpStream,
        limits: &ConnectionLimits,
        stopped: impl Fn() -> bool,
    ) -> io::Result<()> {
        let (began, at_first) = (Instant::now(), self.sent);
        let mut progressed = began;
        while !self.is_done() {
            let before = self.sent;
            self.send_now(socket)?;
            let now = Instant::now();
            if self.sent > before {
                progressed = now;
            }
            let owed = now.saturating_duration_since(began + SLOW_START).as_secs() * FLOOR_BYTES_PER_S;
            let slow = ((self.sent - at_first) as u64) < owed;
            if slow || now - progressed > limits.write || now - began > TOTAL || stopped() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            if !self.is_done() {
                let look = Timespec { tv_sec: 0, tv_nsec: LOOK.as_nanos() as i64 };
                let _ = poll(&mut [PollFd::new(socket, PollFlags::OUT)], Some(&look));
            }
        }
        Ok(())
    }
}
