//! Reading request bodies within bounds: each by its route, all together by a shared pool.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::connections::Connection;

/// Bodies up to this size are read before anybody is asked whether the caller may send them, and
/// count in no pool: there are at most as many as connections. For larger ones the head decides.
pub const SMALL: usize = 16 * 1024;

/// The memory set aside for bodies above [`SMALL`].
pub struct Pool {
    used: AtomicUsize,
    most: usize,
}

impl Pool {
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Pool { used: AtomicUsize::new(0), most })
    }

    pub fn share(self: &Arc<Self>) -> Share {
        Share { pool: Arc::clone(self), bytes: 0 }
    }
}

/// A share of the pool, given back when dropped.
pub struct Share {
    pool: Arc<Pool>,
    bytes: usize,
}

impl Share {
    /// False when the pool has no more.
    pub fn grow(&mut self, bytes: usize) -> bool {
        self.bytes += bytes;
        self.pool.used.fetch_add(bytes, Ordering::AcqRel) + bytes <= self.pool.most
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.pool.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// How long a body says it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announced {
    Bytes(u64),
    /// In chunks, until it ends.
    Unknown,
}

impl Announced {
    /// As the head says; one that says both or neither clearly was refused before.
    pub fn of(socket: &tiny_http::Request) -> Self {
        let header = |name: &'static str| socket.headers().iter().find(|h| h.field.equiv(name));
        if header("Transfer-Encoding").is_some() {
            return Announced::Unknown;
        }
        // more digits than a u64 has are more bytes than any limit
        let bytes = header("Content-Length").map_or(0, |h| h.value.trim().parse().unwrap_or(u64::MAX));
        Announced::Bytes(bytes)
    }

    pub fn exceeds(self, most: usize) -> bool {
        matches!(self, Announced::Bytes(n) if n > most as u64)
    }

    /// Whether it is known to be small.
    pub fn is_small(self) -> bool {
        matches!(self, Announced::Bytes(n) if n <= SMALL as u64)
    }
}

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    TooLarge,
    Busy,
    Broken,
}

/// Reads a body of at most `most` bytes.
pub fn read(
    socket: &mut tiny_http::Request,
    announced: Announced,
    most: usize,
    connection: &Connection,
    share: &mut Share,
) -> Result<Vec<u8>, Refused> {
    let known = match announced {
        Announced::Bytes(0) => return Ok(Vec::new()),
        Announced::Bytes(n) => n as usize,
        Announced::Unknown => 0,
    };
    let mut body = Vec::with_capacity(known.min(SMALL));
    let mut piece = [0; 8192];
    let reader = socket.as_reader();
    loop {
        let n = match reader.read(&mut piece) {
            Ok(0) => break,
            Ok(n) => n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return Err(Refused::Broken),
        };
        connection.progressed();
        if body.len() + n > most {
            // read on a little, so that a client that sends first sees the answer
            let _ = io::copy(&mut reader.take(most as u64), &mut io::sink());
            return Err(Refused::TooLarge);
        }
        if !announced.is_small() && !share.grow(n) {
            return Err(Refused::Busy);
        }
        body.extend_from_slice(&piece[..n]);
    }
    if body.len() < known { Err(Refused::Broken) } else { Ok(body) }
}
