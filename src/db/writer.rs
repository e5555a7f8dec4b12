//! The single writer: transactions queue here, and those that wait together are committed
//! together, each in its own savepoint, with one fsync.
//!
//! There is no writer thread. Of the workers that wait, one leads: it takes what is queued,
//! commits it on the one writing connection and wakes the others. A lone write is therefore run
//! by the worker that asked for it, without a change of threads.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::Error;

/// Writes of one commit.
const BATCH: usize = 64;
/// How long a commit waits for the writers of the last one to come again (PostgreSQL's
/// `commit_delay`): a lone writer never waits, several get one fsync for all.
const GATHER: Duration = Duration::from_micros(300);

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
        other => Error::Unusable(format!("commit failed: {other}")),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
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
    /// Used by the leader only.
    connection: Mutex<Connection>,
}

impl Writer {
    pub fn new(connection: Connection) -> Self {
        Writer {
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
            queue = if queue.led {
                self.committed.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner())
            } else {
                self.lead(queue)
            };
        }
    }

    /// Commits what is queued, with the queue open to others meanwhile.
    fn lead<'a>(&'a self, mut queue: MutexGuard<'a, Queue>) -> MutexGuard<'a, Queue> {
        queue.led = true;
        let deadline = Instant::now() + GATHER;
        while queue.waiting.len() < queue.last.min(BATCH) {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
            queue = match self.arrived.wait_timeout(queue, left) {
                Ok((queue, _)) => queue,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        let size = queue.waiting.len().min(BATCH);
        let batch: Vec<_> = queue.waiting.drain(..size).collect();
        drop(queue);
        commit(&lock(&self.connection), batch);
        let mut queue = lock(&self.queue);
        queue.led = false;
        queue.last = size;
        self.committed.notify_all();
        queue
    }

    /// Copies the WAL into the file as far as readers allow; for quiet moments.
    pub fn checkpoint(&self) {
        // a leader has better things to do
        if let Ok(connection) = self.connection.try_lock() {
            checkpoint(&connection, "PASSIVE");
        }
    }

    /// Takes no more writes, finishes those that wait, and empties the WAL.
    pub fn stop(&self) {
        let mut queue = lock(&self.queue);
        queue.closed = true;
        while queue.led || !queue.waiting.is_empty() {
            queue = self.committed.wait(queue).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
        drop(queue);
        checkpoint(&lock(&self.connection), "TRUNCATE");
    }
}

fn checkpoint(connection: &Connection, mode: &str) {
    if let Err(cause) = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())) {
        log::warn!(target: "db", "checkpoint: {cause}");
    }
}

fn commit(connection: &Connection, mut batch: Vec<Box<dyn Job>>) {
    let committed = run_batch(connection, &mut batch);
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

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (n INTEGER UNIQUE)").unwrap();
        Writer::new(connection)
    }

    fn count(writer: &Writer) -> i64 {
        writer.run(|c| -> Result<i64, Error> { Ok(c.query_row("SELECT count(*) FROM t", [], |r| r.get(0))?) }).unwrap()
    }

    #[test]
    fn a_failed_or_panicking_write_leaves_nothing_and_the_writer_lives() {
        let writer = writer();
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
        let writer = std::sync::Arc::new(writer());
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
