//! The open connections: how many, in which phase each is, and their time limits.
//!
//! Every connection has a thread of its own (tiny_http reads blocking), so a client that sends
//! slowly or not at all costs a thread until [`Connections::reap`] shuts its socket, which ends
//! the blocked read. A connection with a request in flight is left alone.

use crate::sys::locks;
use std::collections::HashMap;
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// ConnectionLimits on connections; the defaults are stated in docs/architecture.md.
#[derive(Debug, Clone)]
pub struct ConnectionLimits {
    /// Open connections; one more closes the oldest idle one.
    pub connections: usize,
    /// Without a request on a connection that has had one.
    pub idle: Duration,
    /// From the first byte of a head (or from the accept) to its end.
    pub head: Duration,
    /// For a small body, which is read before anybody is asked whether its sender may.
    pub small_body: Duration,
    /// Without progress in a body that was let in.
    pub body_stall: Duration,
    /// For the whole of it.
    pub body: Duration,
    /// For reading off what a refused client still sends.
    pub drain: Duration,
    /// Without progress in writing an answer.
    pub write: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        ConnectionLimits {
            connections: 256,
            idle: Duration::from_secs(75),
            head: Duration::from_secs(10),
            small_body: Duration::from_secs(20),
            body_stall: Duration::from_secs(30),
            body: Duration::from_secs(300),
            drain: Duration::from_secs(5),
            write: Duration::from_secs(30),
        }
    }
}

/// What a connection's thread is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    Head = 0,
    Idle = 1,
    /// A small body of somebody who may be nobody.
    Body = 2,
    Drain = 3,
    /// A body that was let in.
    Upload = 4,
}

impl Phase {
    fn from_u8(n: u8) -> Self {
        match n {
            1 => Phase::Idle,
            2 => Phase::Body,
            3 => Phase::Drain,
            4 => Phase::Upload,
            _ => Phase::Head,
        }
    }
}

/// One open connection.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    pub peer: Option<SocketAddr>,
    socket: TcpStream,
    epoch: Instant,
    phase: AtomicU8,
    /// Milliseconds since `epoch` at which the phase began.
    since: AtomicU64,
    /// The same for the last progress within it.
    progress: AtomicU64,
    in_flight: AtomicU32,
}

impl Connection {
    fn now(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }

    pub fn enter(&self, phase: Phase) {
        let now = self.now();
        self.since.store(now, Ordering::Relaxed);
        self.progress.store(now, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Bytes have arrived.
    pub fn progressed(&self) {
        self.progress.store(self.now(), Ordering::Relaxed);
    }

    /// A worker has its request, or it writes: it is left alone until [`Self::end_request`].
    pub fn begin_request(&self) {
        self.in_flight.fetch_add(1, Ordering::AcqRel);
    }

    pub fn end_request(&self) {
        self.enter(Phase::Idle);
        self.in_flight.fetch_sub(1, Ordering::AcqRel);
    }

    /// To write past tiny_http.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Of a client that goes on sending: after a plain close it might wait for a window that never opens again.
    pub fn reset_on_close(&self) {
        // fails only when the client has closed already
        let _ = rustix::net::sockopt::set_socket_linger(&self.socket, Some(Duration::ZERO));
    }

    pub fn close(&self) {
        // fails only when the client has closed already
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn is_busy(&self) -> bool {
        self.in_flight.load(Ordering::Acquire) > 0
    }

    fn overdue(&self, limits: &ConnectionLimits) -> bool {
        if self.is_busy() {
            return false;
        }
        let now = self.now();
        let in_phase = Duration::from_millis(now.saturating_sub(self.since.load(Ordering::Relaxed)));
        let stalled = Duration::from_millis(now.saturating_sub(self.progress.load(Ordering::Relaxed)));
        match Phase::from_u8(self.phase.load(Ordering::Acquire)) {
            Phase::Head => in_phase > limits.head,
            Phase::Idle => in_phase > limits.idle,
            Phase::Body => stalled > limits.body_stall || in_phase > limits.small_body,
            Phase::Upload => stalled > limits.body_stall || in_phase > limits.body,
            Phase::Drain => in_phase > limits.drain,
        }
    }
}

#[derive(Default)]
struct Table {
    open: HashMap<u64, Arc<Connection>>,
    next_id: u64,
    stopped: bool,
}

/// All open connections of one listener.
pub struct Connections {
    pub limits: ConnectionLimits,
    epoch: Instant,
    table: Mutex<Table>,
    changed: Condvar,
}

impl Connections {
    pub fn new(limits: ConnectionLimits) -> Self {
        Connections { limits, epoch: Instant::now(), table: Mutex::new(Table::default()), changed: Condvar::new() }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // nothing that panics runs under this lock
        locks::whole(self.table.lock())
    }

    /// Takes a new socket in. When all places are taken, the connection that has been idle for
    /// longest makes room, else the one that has been sending for longest without having been let in;
    /// `None` when every connection is at work.
    pub fn open(&self, socket: &TcpStream) -> std::io::Result<Option<Arc<Connection>>> {
        socket.set_nodelay(true)?;
        socket.set_write_timeout(Some(self.limits.write))?;
        let handle = socket.try_clone()?;
        let mut table = self.table();
        if table.open.len() >= self.limits.connections {
            let Some(victim) = oldest_waiting(&table.open) else { return Ok(None) };
            log::debug!(target: "http", "connection limit reached, closing one to {:?}", victim.peer);
            victim.close();
            table.open.remove(&victim.id);
        }
        table.next_id += 1;
        let connection = Arc::new(Connection {
            id: table.next_id,
            peer: socket.peer_addr().ok(),
            socket: handle,
            epoch: self.epoch,
            phase: AtomicU8::new(Phase::Head as u8),
            since: AtomicU64::new(0),
            progress: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
        });
        connection.enter(Phase::Head);
        table.open.insert(connection.id, Arc::clone(&connection));
        self.changed.notify_all();
        Ok(Some(connection))
    }

    pub fn remove(&self, connection: &Connection) {
        self.table().open.remove(&connection.id);
    }

    pub fn len(&self) -> usize {
        self.table().open.len()
    }

    /// Whether somebody has connected, or begun a request, that no worker has got yet.
    pub fn has_begun(&self) -> bool {
        let begun = |c: &Arc<Connection>| {
            let phase = Phase::from_u8(c.phase.load(Ordering::Acquire));
            !c.is_busy() && matches!(phase, Phase::Head | Phase::Body | Phase::Upload)
        };
        self.table().open.values().any(begun)
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Shuts connections past their limits, once a second while any is open, until [`Self::stop`].
    pub fn reap(&self) {
        let mut table = self.table();
        while !table.stopped {
            table = if table.open.is_empty() {
                locks::whole(self.changed.wait(table))
            } else {
                locks::whole(self.changed.wait_timeout(table, Duration::from_secs(1))).0
            };
            table.open.retain(|_, connection| {
                let overdue = connection.overdue(&self.limits);
                if overdue {
                    log::debug!(target: "http", "closing a connection past its time to {:?}", connection.peer);
                    connection.close();
                }
                !overdue
            });
        }
    }

    /// Ends the reaper and every connection.
    pub fn stop(&self) {
        let mut table = self.table();
        table.stopped = true;
        table.open.values().for_each(|c| c.close());
        self.changed.notify_all();
    }
}

fn oldest_waiting(open: &HashMap<u64, Arc<Connection>>) -> Option<Arc<Connection>> {
    let oldest = |phase: Phase| {
        open.values()
            .filter(|c| !c.is_busy() && Phase::from_u8(c.phase.load(Ordering::Acquire)) == phase)
            .min_by_key(|c| c.since.load(Ordering::Relaxed))
            .cloned()
    };
    [Phase::Idle, Phase::Drain, Phase::Body, Phase::Head].into_iter().find_map(oldest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::net::TcpListener;

    fn pair(listener: &TcpListener) -> (TcpStream, TcpStream) {
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (client, listener.accept().unwrap().0)
    }

    #[test]
    fn the_oldest_idle_connection_makes_room() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connections = Connections::new(ConnectionLimits { connections: 2, ..ConnectionLimits::default() });
        let (mut first_client, first) = pair(&listener);
        let (_second_client, second) = pair(&listener);
        let (_third_client, third) = pair(&listener);
        let first = connections.open(&first).unwrap().unwrap();
        let second = connections.open(&second).unwrap().unwrap();
        first.enter(Phase::Idle);
        second.begin_request();
        assert!(connections.open(&third).unwrap().is_some());
        assert_eq!(connections.len(), 2);
        assert_eq!(first_client.read(&mut [0; 1]).unwrap(), 0, "the idle one was closed");
    }

    #[test]
    fn nobody_is_closed_while_every_connection_works() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connections = Connections::new(ConnectionLimits { connections: 1, ..ConnectionLimits::default() });
        let (_a, a) = pair(&listener);
        let (_b, b) = pair(&listener);
        connections.open(&a).unwrap().unwrap().begin_request();
        assert!(connections.open(&b).unwrap().is_none());
    }
}
