//! Read-only connections, opened when first needed and kept.

use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard};

use rusqlite::Connection;

use super::Error;

/// Connections at most. Reading is work for the processor, so more than a few only cost memory;
/// a reader waits for one to come back.
const MOST: usize = 4;

#[derive(Default)]
struct Pool {
    idle: Vec<Connection>,
    open: usize,
}

pub struct Readers {
    path: PathBuf,
    pool: Mutex<Pool>,
    returned: Condvar,
}

/// Gives the connection back, also when the work panics.
struct Lease<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let mut pool = self.readers.lock();
        match self.connection.take() {
            Some(connection) => pool.idle.push(connection),
            None => pool.open -= 1,
        }
        self.readers.returned.notify_one();
    }
}

impl Readers {
    pub fn new(path: &Path) -> Self {
        Readers { path: path.to_owned(), pool: Mutex::default(), returned: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(|p| p.into_inner())
    }

    /// The most recently used connection is taken first: its pages and statements are warm, and
    /// a quiet daemon stays with one. `work` must not ask for a second one.
    pub fn with<T, E: From<Error>>(&self, work: impl FnOnce(&Connection) -> Result<T, E>) -> Result<T, E> {
        let mut pool = self.lock();
        while pool.idle.is_empty() && pool.open >= MOST {
            pool = self.returned.wait(pool).unwrap_or_else(|p| p.into_inner());
        }
        let mut lease = Lease { readers: self, connection: pool.idle.pop() };
        if lease.connection.is_none() {
            pool.open += 1;
        }
        drop(pool);
        let connection = match lease.connection.take() {
            Some(connection) => connection,
            None => super::open_reader(&self.path)?,
        };
        work(lease.connection.insert(connection))
    }
}
