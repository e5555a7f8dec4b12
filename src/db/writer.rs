//! The single writer: transactions queue here, and those that wait together are committed
//! together, each in its own savepoint, with one fsync.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rusqlite::Connection;

use super::Error;

/// Writes that may wait. Each belongs to a blocked worker, so more than the workers is ample.
const QUEUE: usize = 256;
/// Writes of one commit.
const BATCH: usize = 64;
/// After this long without a write the WAL is copied into the file.
const IDLE_CHECKPOINT: Duration = Duration::from_secs(20);

/// One queued transaction: run inside the batch, told its fate after the commit.
trait Job: Send {
    /// True when its changes shall be kept.
    fn run(&mut self, connection: &Connection) -> bool;
    /// `Err` when the commit failed.
    fn finish(self: Box<Self>, committed: Result<(), &Error>);
}

struct Answered<W, T, E> {
    work: Option<W>,
    result: Option<Result<T, E>>,
    reply: Sender<Result<T, E>>,
}

impl<W, T, E> Job for Answered<W, T, E>
where
    W: FnOnce(&Connection) -> Result<T, E> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        match catch_unwind(AssertUnwindSafe(|| work(connection))) {
            Ok(result) => {
                let keep = result.is_ok();
                self.result = Some(result);
                keep
            }
            // the reply is dropped: the waiting worker answers 500
            Err(_) => false,
        }
    }

    fn finish(self: Box<Self>, committed: Result<(), &Error>) {
        let Some(result) = self.result else { return };
        let answer = match (result, committed) {
            (Ok(_), Err(cause)) => Err(E::from(replicate(cause))),
            (result, _) => result,
        };
        // the worker is gone only when the daemon is stopping
        let _ = self.reply.send(answer);
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

struct Unanswered {
    what: &'static str,
    work: Option<Box<dyn FnOnce(&Connection) -> Result<(), Error> + Send>>,
}

impl Job for Unanswered {
    fn run(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take() else { return false };
        match catch_unwind(AssertUnwindSafe(|| work(connection))) {
            Ok(Ok(())) => true,
            Ok(Err(cause)) => {
                log::warn!(target: "db", "{}: {cause}", self.what);
                false
            }
            Err(_) => false,
        }
    }

    fn finish(self: Box<Self>, committed: Result<(), &Error>) {
        if let Err(cause) = committed {
            log::warn!(target: "db", "{}: {cause}", self.what);
        }
    }
}

pub struct Writer {
    jobs: Mutex<Option<Sender<Box<dyn Job>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub fn start(connection: Connection) -> Result<Self, Error> {
        let (jobs, queue) = bounded(QUEUE);
        let thread =
            std::thread::Builder::new().name("writer".to_owned()).spawn(move || write_all(connection, &queue))?;
        Ok(Writer { jobs: Mutex::new(Some(jobs)), thread: Mutex::new(Some(thread)) })
    }

    fn sender(&self) -> Option<Sender<Box<dyn Job>>> {
        self.jobs.lock().unwrap_or_else(|p| p.into_inner()).clone()
    }

    pub fn run<T, E>(&self, work: impl FnOnce(&Connection) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let (reply, answer) = bounded(1);
        let job = Box::new(Answered { work: Some(work), result: None, reply });
        let jobs = self.sender().ok_or(Error::Stopped)?;
        jobs.send(job).map_err(|_| Error::Stopped)?;
        answer.recv().unwrap_or_else(|_| {
            Err(E::from(Error::Unusable("a write failed unexpectedly; nothing was changed".to_owned())))
        })
    }

    pub fn queue(&self, what: &'static str, work: impl FnOnce(&Connection) -> Result<(), Error> + Send + 'static) {
        let job = Box::new(Unanswered { what, work: Some(Box::new(work)) });
        if self.sender().is_none_or(|jobs| jobs.try_send(job).is_err()) {
            log::warn!(target: "db", "{what}: dropped, the write queue is full or closed");
        }
    }

    pub fn stop(&self) {
        self.jobs.lock().unwrap_or_else(|p| p.into_inner()).take();
        let thread = self.thread.lock().unwrap_or_else(|p| p.into_inner()).take();
        if thread.is_some_and(|t| t.join().is_err()) {
            log::error!(target: "db", "the writer ended with a panic");
        }
    }
}

fn write_all(connection: Connection, queue: &Receiver<Box<dyn Job>>) {
    let mut checkpointed = true;
    loop {
        let first = if checkpointed {
            queue.recv().map_err(|_| RecvTimeoutError::Disconnected)
        } else {
            queue.recv_timeout(IDLE_CHECKPOINT)
        };
        match first {
            Ok(first) => {
                let mut batch = vec![first];
                batch.extend(queue.try_iter().take(BATCH - 1));
                commit(&connection, batch);
                checkpointed = false;
            }
            Err(RecvTimeoutError::Timeout) => {
                checkpoint(&connection, "PASSIVE");
                checkpointed = true;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    checkpoint(&connection, "TRUNCATE");
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
        if !connection.is_autocommit() {
            if let Err(cause) = connection.execute_batch("ROLLBACK") {
                log::error!(target: "db", "rollback: {cause}");
            }
        }
    }
    for job in batch {
        job.finish(committed.as_ref().map(|_| ()));
    }
}

fn run_batch(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), Error> {
    let step = |sql: &str| connection.prepare_cached(sql)?.execute([]).map(|_| ());
    step("BEGIN IMMEDIATE")?;
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
        Writer::start(connection).unwrap()
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
