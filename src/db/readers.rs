//! Read-only connections, opened when first needed and kept.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Error;
use crate::sys::locks;

/// Connections at most. Reading is work for the processor, so more than a few only cost memory;
/// a reader waits for one to come back.
const MOST: usize = 4;
/// A read that takes longer is ended: no question is worth the readers of everybody.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long one may wait for a connection: longer ones would keep the workers from everybody else.
const PATIENCE: Duration = Duration::from_secs(2);
/// Steps of SQLite's virtual machine between two looks at the clock: about a millisecond.
const STEPS: i32 = 10_000;

/// A connection with the time at which its read is to be ended, in milliseconds of the pool's clock.
struct Reader {
    connection: Connection,
    deadline: Arc<AtomicU64>,
}

#[derive(Default)]
struct Pool {
    idle: Vec<Reader>,
    open: usize,
}

pub struct Readers {
    path: PathBuf,
    epoch: Instant,
    deadline: Duration,
    pool: Mutex<Pool>,
    returned: Condvar,
}

/// Gives the connection back, also when the work panics.
struct Lease<'a> {
    readers: &'a Readers,
    reader: Option<Reader>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.lock();
        match self.reader.take() {
            Some(reader) => pool.idle.push(reader),
            None => pool.open -= 1,
        }
        self.readers.returned.notify_one();
    }
}

impl Readers {
    pub fn new(path: &Path) -> Self {
        Self::with_deadline(path, DEADLINE)
    }

    fn with_deadline(path: &Path, deadline: Duration) -> Self {
        Readers {
            path: path.to_owned(),
            epoch: Instant::now(),
            deadline,
            pool: Mutex::default(),
            returned: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        locks::whole(self.pool.lock())
    }

    /// The most recently used connection is taken first: its pages and statements are warm, and
    /// a quiet daemon stays with one. `work` must not ask for a second one.
    pub fn with<T, E: From<Error>>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let mut lease = self.lease()?;
        let reader = match lease.reader.take() {
            Some(reader) => reader,
            None => self.open()?,
        };
        let until = (self.epoch.elapsed() + self.deadline).as_millis() as u64;
        reader.deadline.store(until, Ordering::Relaxed);
        work(&lease.reader.insert(reader).connection)
    }

    /// Whether all connections are at work.
    pub fn are_taken(&self) -> bool {
        let pool = self.lock();
        pool.idle.is_empty() && pool.open >= MOST
    }

    /// A place in the pool, with a connection if one is idle.
    fn lease(&self) -> Result<Lease<'_>, Error> {
        let limit = Instant::now() + PATIENCE;
        let mut pool = self.lock();
        while pool.idle.is_empty() && pool.open >= MOST {
            let left = limit.checked_duration_since(Instant::now()).ok_or(Error::Crowded)?;
            pool = locks::whole(self.returned.wait_timeout(pool, left)).0;
        }
        let reader = pool.idle.pop();
        if reader.is_none() {
            pool.open += 1;
        }
        Ok(Lease { readers: self, reader })
    }

    fn open(&self) -> Result<Reader, Error> {
        let mut connection = super::open_reader(&self.path)?;
        let deadline = Arc::new(AtomicU64::new(u64::MAX));
        let (seen, epoch) = (Arc::clone(&deadline), self.epoch);
        let is_over = move || epoch.elapsed().as_millis() as u64 > seen.load(Ordering::Relaxed);
        connection.progress_handler(STEPS, Some(is_over))?;
        Ok(Reader { connection, deadline })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_read_is_ended_and_its_connection_serves_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (n)").unwrap();
        let readers = Readers::with_deadline(&path, Duration::from_millis(50));
        let endless = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
        for _ in 0..MOST + 1 {
            let ended = readers.with(|c| Ok::<i64, Error>(c.query_row(endless, [], |row| row.get(0))?));
            assert!(matches!(ended, Err(Error::TooLong)));
        }
        let quick = readers.with(|c| Ok::<i64, Error>(c.query_row("SELECT 7", [], |row| row.get(0))?));
        assert_eq!(quick.unwrap(), 7);
    }
}
