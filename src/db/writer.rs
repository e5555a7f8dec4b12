//! The single writer: transactions queue here, and those that wait together are committed
//! together, each in its own savepoint, with one fsync.
//!
//! There is no writer thread. Of the workers that wait, one leads: it takes what is queued,
//! commits it on the one writing connection and wakes the others. A lone write is therefore run
//! by the worker that asked for it, without a change of threads.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Error;
use super::checkpointer::is_replicated;
use super::presence::Presence;
use crate::sys::locks;

/// Writes of one commit.
const BATCH: usize = 64;
/// How long a commit waits for the writers of the last one to come again (PostgreSQL's
/// `commit_delay`): a lone writer never waits, several get one fsync for all.
const GATHER: Duration = Duration::from_micros(300);

/// How long a commit waits for another program that did not make way for the last one.
const BLOCKED: Duration = Duration::from_millis(100);

/// One queued transaction: run inside the batch, told its fate after the commit.
trait Job: Send {
    /// True when its changes shall be kept.
    fn run(&mut self, connection: &Connection) -> bool;
    /// `Err` when the commit failed.
    fn finish(self: Box<Self>, committed: Result<(), &Error>);
}

/// What came of a write; `None` inside when its work panicked.
type Fate<T, E> = Mutex<Option<Option<Result<T, E>>>>;

struct Transaction<W, T, E> {
    work: Option<W>,
    result: Option<Result<T, E>>,
    fate: Arc<Fate<T, E>>,
}

impl<W, T, E> Job for Transaction<W, T, E>
where
    W: FnOnce(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        // after a panic the result stays empty: the waiting worker answers 500
        self.result = catch_unwind(AssertUnwindSafe(|| work(connection))).ok();
        matches!(self.result, Some(Ok(_)))
    }

    fn finish(self: Box<Self>, committed: Result<(), &Error>) {
        let answer = match (self.result, committed) {
            (Some(Ok(_)), Err(cause)) => Some(Err(E::from(replicate(cause)))),
            // it never came to run
            (None, Err(cause)) if self.work.is_some() => Some(Err(E::from(replicate(cause)))),
            (result, _) => result,
        };
        *lock(&self.fate) = Some(answer);
    }
}

/// The same failure for every write of the batch.
fn replicate(error: &Error) -> Error {
    match error {
        Error::Busy => Error::Busy,
        Error::Full => Error::Full,
        Error::Moved => Error::Moved,
        Error::Damaged => Error::Damaged,
        other => Error::Unusable(format!("commit failed: {other}")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    locks::whole(mutex.lock())
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Box<dyn Job>>,
    /// A worker is committing.
    led: bool,
    /// Writes of the last commit.
    last: usize,
    closed: bool,
}

pub struct Writer {
    queue: Mutex<Queue>,
    /// A commit has ended: answers are there, and the lead is free.
    committed: Condvar,
    /// A write has come.
    arrived: Condvar,
    /// Used by the leader, and by the checkpointer between two commits.
    connection: Mutex<Connection>,
    presence: Arc<Presence>,
    /// The last commit found the file locked by another program: until one succeeds again none waits
    /// for long, or every worker would.
    blocked: AtomicBool,
}

impl Writer {
    pub fn new(connection: Connection, presence: Arc<Presence>) -> Self {
        Writer {
            presence,
            blocked: AtomicBool::new(false),
            queue: Mutex::default(),
            committed: Condvar::new(),
            arrived: Condvar::new(),
            connection: Mutex::new(connection),
        }
    }

    pub fn run<T, E>(&self, work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let fate: Arc<Fate<T, E>> = Arc::default();
        let job = Box::new(Transaction { work: Some(work), result: None, fate: Arc::clone(&fate) });
        let mut queue = lock(&self.queue);
        if queue.closed {
            return Err(Error::Stopped.into());
        }
        queue.waiting.push_back(job);
        self.arrived.notify_one();
        loop {
            if let Some(answer) = lock(&fate).take() {
                return answer.unwrap_or_else(|| {
                    Err(Error::Unusable("a write failed unexpectedly; nothing was changed".to_owned()).into())
                });
            }
            queue = if queue.led { locks::whole(self.committed.wait(queue)) } else { self.lead(queue) };
        }
    }

    /// Commits what is queued, with the queue open to others meanwhile.
    fn lead<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        queue.led = true;
        let deadline = Instant::now() + GATHER;
        while queue.waiting.len() < queue.last.min(BATCH) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
            queue = locks::whole(self.arrived.wait_timeout(queue, left)).0;
        }
        let size = queue.waiting.len().min(BATCH);
        let batch: Vec<_> = queue.waiting.drain(..size).collect();
        drop(queue);
        self.commit(&lock(&self.connection), batch);
        let mut queue = lock(&self.queue);
        queue.led = false;
        queue.last = size;
        self.committed.notify_all();
        queue
    }

    /// Whether another program held the file at the last commit.
    pub fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Acquire)
    }

    fn commit(&self, connection: &Connection, mut batch: Vec<Box<dyn Job>>) {
        let patience = if self.is_blocked() { BLOCKED } else { super::BUSY };
        let committed = self
            .presence
            .check()
            .and_then(|()| Ok(connection.busy_timeout(patience)?))
            .and_then(|()| run_batch(connection, &mut batch))
            // a file that was moved meanwhile may have got it, the one of that name has not
            .and_then(|()| self.presence.check());
        self.blocked.store(matches!(committed, Err(Error::Busy)), Ordering::Release);
        if let Err(cause) = &committed {
            log::error!(target: "db", "commit: {cause}");
            if !connection.is_autocommit()
                && let Err(cause) = connection.execute_batch("ROLLBACK")
            {
                log::error!(target: "db", "rollback: {cause}");
            }
        }
        for job in batch {
            job.finish(committed.as_ref().map(|_| ()));
        }
    }

    /// Copies the rest of the WAL into the file, as far as readers allow; when nobody is in a hurry, freed pages
    /// are given back first.
    pub fn bring_home(&self, quiet: bool) {
        let connection = lock(&self.connection);
        if quiet {
            give_back(&connection);
        }
        checkpoint(&connection, "PASSIVE");
    }

    /// Takes no more writes, finishes those that wait, and empties the WAL; Litestream, where it runs, is not waited for.
    pub fn stop(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        while queue.led || !queue.waiting.is_empty() {
            queue = locks::whole(self.committed.wait(queue));
        }
        drop(queue);
        let connection = lock(&self.connection);
        if is_replicated(&connection)
            && let Err(cause) = connection.busy_timeout(Duration::ZERO)
        {
            log::debug!(target: "db", "checkpoint: {cause}");
        }
        checkpoint(&connection, "TRUNCATE");
    }
}

/// Pages that the file may have to spare, and those given back at a time (4 KiB each).
const SPARE: i64 = 256;
const GIVEN_BACK: i64 = 1_000;

/// Gives freed pages back to the file system, where the file allows it.
fn give_back(connection: &Connection) {
    let pragma = |name: &str| connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, i64>(0));
    let given = || -> rusqlite::Result<()> {
        const INCREMENTAL: i64 = 2;
        if pragma("auto_vacuum")? != INCREMENTAL || pragma("freelist_count")? <= SPARE {
            return Ok(());
        }
        let mut vacuum = connection.prepare(&format!("PRAGMA incremental_vacuum({GIVEN_BACK})"))?;
        let mut rows = vacuum.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    };
    if let Err(cause) = given() {
        log::debug!(target: "db", "freed pages were not given back: {cause}");
    }
}

/// Copies the WAL into the file, as far as others let it.
pub(super) fn checkpoint(connection: &Connection, mode: &str) {
    let outcome = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i64>(0));
    match outcome {
        Ok(0) => (),
        Ok(_) => log::debug!(target: "db", "checkpoint: another is at it"),
        Err(cause) => log::warn!(target: "db", "checkpoint: {cause}"),
    }
}

fn run_batch(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Error> {
    let step = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(|_| ());
    step("BEGIN IMMEDIATE")?;
    if let [job] = batch {
        // alone it needs no savepoint (which also would make FTS5 write its index out)
        let keep = job.run(connection);
        return Ok(step(if keep { "COMMIT" } else { "ROLLBACK" })?);
    }
    for job in batch {
        step("SAVEPOINT one")?;
        if !job.run(connection) {
            step("ROLLBACK TO one")?;
        }
        step("RELEASE one")?;
    }
    step("COMMIT")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer_at(path: &std::path::Path) -> Writer {
        let connection = Connection::open(path).unwrap();
        connection.execute_batch("CREATE TABLE IF NOT EXISTS t (n INTEGER UNIQUE)").unwrap();
        Writer::new(connection, Arc::new(Presence::of(path).unwrap()))
    }

    /// A writer whose folder goes with it.
    fn writer() -> (Writer, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        (writer_at(&folder.path().join("t.db")), folder)
    }

    #[test]
    fn a_file_locked_by_another_program_is_busy_for_every_write_that_waits() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.db");
        let writer = Arc::new(writer_at(&path));
        let other = Connection::open(&path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE; INSERT INTO t VALUES (7)").unwrap();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let writer = Arc::clone(&writer);
                std::thread::spawn(move || writer.run(|_| -> Result<(), Error> { Ok(()) }))
            })
            .collect();
        for thread in threads {
            assert!(matches!(thread.join().unwrap(), Err(Error::Busy)));
        }
        assert!(writer.is_blocked());
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(count(&writer), 1);
        assert!(!writer.is_blocked());
    }

    #[test]
    fn nothing_is_answered_that_is_not_in_the_file_of_that_name() {
        let folder = tempfile::tempdir().unwrap();
        let (path, away) = (folder.path().join("t.db"), folder.path().join("away.db"));
        let writer = writer_at(&path);
        std::fs::rename(&path, &away).unwrap();
        let refused = writer.run(|c| -> Result<usize, Error> { Ok(c.execute("INSERT INTO t VALUES (1)", [])?) });
        assert!(matches!(refused, Err(Error::Moved)));
        std::fs::rename(&away, &path).unwrap();
        assert_eq!(count(&writer), 0);
        // gone in the middle of a write
        let refused = writer.run(move |c| -> Result<(), Error> {
            c.execute("INSERT INTO t VALUES (2)", [])?;
            Ok(std::fs::rename(&path, &away)?)
        });
        assert!(matches!(refused, Err(Error::Moved)));
    }

    fn count(writer: &Writer) -> i64 {
        writer.run(|c| -> Result<i64, Error> { Ok(c.query_row("SELECT count(*) FROM t", [], |r| r.get(0))?) }).unwrap()
    }

    #[test]
    fn a_failed_or_panicking_write_leaves_nothing_and_the_writer_lives() {
        let (writer, _folder) = writer();
        let failed: Result<(), Error> = writer.run(|c| {
            c.execute("INSERT INTO t VALUES (1)", [])?;
            Err(Error::Full)
        });
        assert!(matches!(failed, Err(Error::Full)));
        let panicked: Result<(), Error> = writer.run(|c| {
            c.execute("INSERT INTO t VALUES (2)", [])?;
            panic!("as a test")
        });
        assert!(panicked.is_err());
        assert_eq!(count(&writer), 0);
    }

    #[test]
    fn writes_of_one_batch_stand_or_fall_alone() {
        let (writer, _folder) = writer();
        let writer = std::sync::Arc::new(writer);
        let threads: Vec<_> = (0..16)
            .map(|n| {
                let writer = std::sync::Arc::clone(&writer);
                std::thread::spawn(move || {
                    writer
                        .run(move |c| -> Result<usize, Error> { Ok(c.execute("INSERT INTO t VALUES (?1)", [n / 2])?) })
                })
            })
            .collect();
        let kept = threads.into_iter().filter_map(|t| t.join().unwrap().ok()).count();
        assert_eq!(kept, 8);
        assert_eq!(count(&writer), 8);
        writer.stop();
        assert!(matches!(writer.run(|_| -> Result<(), Error> { Ok(()) }), Err(Error::Stopped)));
    }
}
