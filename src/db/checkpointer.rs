//! Copies the WAL into the file (a checkpoint) beside the writers, on a thread of its own: 16 MiB take tens of
//! milliseconds, and a person at a prompt would wait for them.
//!
//! A first pass, on a connection of its own, copies nearly everything while others write. SQLite syncs the file only in
//! a pass that leaves nothing behind, so it is synced here; then a second pass holds the writing connection for the
//! little that has come meanwhile, and the next write begins the WAL anew.
//!
//! Where Litestream replicates the file it copies the WAL home itself, as it must have read first what is to be written over. Then
//! it is left to that, but for a WAL that has grown too long because Litestream no longer runs.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, select};
use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::Error;
use super::writer::{Writer, checkpoint};
use crate::sys::locks;

/// The WAL is copied home when it is this long (16 MiB): a page that changes often is written once.
const LONG: i32 = 4096;
/// At this length (128 MiB) the writer copies it itself: the thread is behind.
const TOO_LONG: i32 = 8 * LONG;
/// Bytes of the WAL's file that stay when it begins anew: writing over them is cheaper than growing the file again.
const KEPT_BYTES: i64 = 2 * LONG as i64 * 4096;
/// Between two copies: a reader that keeps the WAL from beginning anew is not to keep the disk at work.
const PAUSE: Duration = Duration::from_millis(200);

/// Why the WAL is to be copied home.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reason {
    Long,
    /// Nobody is in a hurry: freed pages are given back too.
    Quiet,
}

/// Wakes the thread, and ends it.
pub struct Checkpointer {
    wake: Sender<Reason>,
    running: Mutex<Running>,
}

/// The thread while it runs, and what it leaves.
#[derive(Default)]
struct Running {
    /// It ends when this is gone.
    until: Option<Sender<()>>,
    thread: Option<JoinHandle<File>>,
    file: Option<File>,
}

/// What the thread is made of, until there is a writer.
pub struct Waiting {
    woken: Receiver<Reason>,
}

impl Checkpointer {
    /// Takes over the checkpoints of the writing connection.
    pub fn of(connection: &mut Connection) -> Result<(Self, Waiting), Error> {
        let (wake, woken) = bounded(1);
        let long = wake.clone();
        connection.pragma_update(None, "journal_size_limit", KEPT_BYTES)?;
        connection.wal_hook(Some(move |wal: &mut Wal, pages| {
            if pages >= TOO_LONG {
                // the commit is done: a failure here must not make it look as if it were not
                if let Err(cause) = wal.checkpoint() {
                    log::debug!(target: "db", "checkpoint: {cause}");
                }
            } else if pages >= LONG {
                ask(&long, Reason::Long);
            }
            Ok(())
        }))?;
        Ok((Checkpointer { wake, running: Mutex::default() }, Waiting { woken }))
    }

    /// Starts the thread.
    pub fn start(&self, waiting: Waiting, path: &Path, writer: &Arc<Writer>) -> Result<(), Error> {
        let copier = Copier { path: path.to_owned(), file: File::open(path)?, own: None };
        let (until, ended) = bounded(0);
        let writer = Arc::clone(writer);
        let work = move || copier.run(&waiting.woken, &ended, &writer);
        let thread = std::thread::Builder::new().name("checkpoint".to_owned()).spawn(work)?;
        *locks::whole(self.running.lock()) = Running { until: Some(until), thread: Some(thread), file: None };
        Ok(())
    }

    /// Copies the WAL home in a quiet moment.
    pub fn quiet(&self) {
        ask(&self.wake, Reason::Quiet);
    }

    /// Waits until the thread has ended; a copy that it has begun is finished.
    pub fn stop(&self) {
        let mut running = locks::whole(self.running.lock());
        running.until = None;
        if let Some(Ok(file)) = running.thread.take().map(JoinHandle::join) {
            running.file = Some(file);
        }
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.stop();
    }
}

fn ask(wake: &Sender<Reason>, reason: Reason) {
    // full: it is asked already; gone: the writer copies the WAL itself when it is too long
    let _ = wake.try_send(reason);
}

/// The pass beside the writers.
struct Copier {
    path: PathBuf,
    own: Option<Connection>,
    /// To sync by. Closed after all connections: when any handle of a file is closed, a process loses its locks on it.
    file: File,
}

impl Copier {
    /// Copies whenever it is woken, until it is ended; gives back the handle that must be closed last.
    fn run(mut self, woken: &Receiver<Reason>, ended: &Receiver<()>, writer: &Writer) -> File {
        loop {
            let reason = select! {
                recv(woken) -> reason => reason,
                recv(ended) -> _ => return self.file,
            };
            let Ok(reason) = reason else { return self.file };
            match self.copy() {
                Ok(true) => writer.bring_home(reason == Reason::Quiet),
                Ok(false) => {}
                Err(cause) => {
                    log::warn!(target: "db", "the WAL is not copied beside the writers: {cause}");
                    writer.bring_home(reason == Reason::Quiet);
                }
            }
            if ended.recv_timeout(PAUSE) != Err(RecvTimeoutError::Timeout) {
                return self.file;
            }
        }
    }

    /// False when it is left to Litestream.
    fn copy(&mut self) -> Result<bool, Error> {
        let connection = match self.own.take() {
            Some(connection) => connection,
            None => super::open_copier(&self.path)?,
        };
        let connection = self.own.insert(connection);
        if is_replicated(connection) {
            return Ok(false);
        }
        checkpoint(connection, "PASSIVE");
        self.file.sync_data()?;
        Ok(true)
    }
}

/// Whether Litestream has made the file one of its own: it keeps a table in each.
pub(super) fn is_replicated(connection: &Connection) -> bool {
    let found = connection
        .prepare_cached("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = '_litestream_seq'")
        .and_then(|mut statement| statement.exists([]));
    found.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use crate::db::{Db, Error};
    use crate::sys::clock::SystemClock;
    use crate::sys::ids::SystemIds;

    fn open(path: &Path) -> Db {
        let db = Db::open(path, Arc::new(SystemClock), Arc::new(SystemIds)).unwrap();
        db.write(|tx| tx.execute_batch("CREATE TABLE IF NOT EXISTS large (text BLOB)")).unwrap();
        db
    }

    fn write_a_megabyte(db: &Db) -> Result<(), Error> {
        db.write(|tx| tx.execute("INSERT INTO large VALUES (randomblob(1000000))", []).map(|_| ()))
    }

    fn length(path: &Path) -> u64 {
        std::fs::metadata(path).map_or(0, |meta| meta.len())
    }

    #[test]
    fn the_wal_begins_anew_while_one_writes_and_is_home_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let (path, wal) = (folder.path().join("m.db"), folder.path().join("m.db-wal"));
        let db = open(&path);
        // less than the writer copies by itself, and several times what wakes the thread
        let written = 100;
        for _ in 0..written {
            write_a_megabyte(&db).unwrap();
        }
        let began = Instant::now();
        while length(&path) < 40_000_000 && began.elapsed() < Duration::from_secs(30) {
            std::thread::yield_now();
        }
        assert!(length(&path) >= 40_000_000, "{} bytes are home of {written} MB", length(&path));
        db.close();
        assert!(length(&path) >= written * 1_000_000, "the end brings everything home");
        assert_eq!(length(&wal), 0);
    }

    #[test]
    fn where_litestream_replicates_the_wal_is_left_to_it_until_it_is_too_long() {
        let folder = tempfile::tempdir().unwrap();
        let (path, wal) = (folder.path().join("m.db"), folder.path().join("m.db-wal"));
        let db = open(&path);
        db.write(|tx| tx.execute_batch("CREATE TABLE _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)")).unwrap();
        for _ in 0..60 {
            write_a_megabyte(&db).unwrap();
        }
        assert!(length(&wal) > 55_000_000 && length(&path) < 10_000_000, "{} bytes are home", length(&path));
        for _ in 0..100 {
            write_a_megabyte(&db).unwrap();
        }
        assert!(length(&path) > 120_000_000, "{} bytes are home", length(&path));
        db.close();
    }

    #[test]
    fn a_commit_is_never_told_to_have_failed_because_the_wal_could_not_be_copied() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.db");
        let db = open(&path);
        // a reader that stays keeps the WAL from beginning anew, and another program copies it all the time
        let reader = rusqlite::Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT COUNT(*) FROM large").unwrap();
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let other = rusqlite::Connection::open(&path).unwrap();
                while !stop.load(std::sync::atomic::Ordering::Acquire) {
                    let _ = other.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
                }
            });
            let told: Vec<String> = (0..150).filter_map(|_| Some(write_a_megabyte(&db).err()?.to_string())).collect();
            stop.store(true, std::sync::atomic::Ordering::Release);
            assert!(told.is_empty(), "{told:?}");
        });
        let rows: i64 = db.read(|c| c.query_row("SELECT COUNT(*) FROM large", [], |row| row.get(0))).unwrap();
        assert_eq!(rows, 150);
    }
}
