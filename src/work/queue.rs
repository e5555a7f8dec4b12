//! Durable jobs in the contract's tables. Lease, run, settle are three steps: two short transactions
//! and none across the run; settling names the lease it holds, so that a job taken back is not settled
//! twice.
//!
//! A table of jobs is adapted by [`Jobs`], a kind of work is a [`Worker`]. Who queues a job does it
//! inside its own transaction and wakes the queue after the commit.

use std::sync::Arc;
use std::time::Duration;

use super::{Stop, Ticker, Tickers};
use crate::db::{Db, Error, Tx};
use crate::text::time;

/// A job that was leased.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: String,
    pub kind: String,
    pub payload: Option<String>,
    /// This lease included.
    pub attempts: i64,
    pub most_attempts: i64,
    /// With `attempts` this names the lease.
    pub leased_at: String,
}

/// How a job is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Completed {
        result: Option<String>,
    },
    /// Tried again, as long as attempts are left.
    Failed {
        error: String,
    },
    /// Never tried again.
    Dead {
        error: String,
    },
    /// Given back untouched: the daemon stops.
    Released,
}

impl Outcome {
    /// What becomes of a failure: dead after the last attempt.
    pub fn after(self, job: &Job) -> Outcome {
        match self {
            Outcome::Failed { error } if job.attempts >= job.most_attempts => Outcome::Dead { error },
            other => other,
        }
    }
}

/// Seconds after a failure before a job is tried again: `min(5 · 2^attempts, 120)` (pipeline part).
pub fn retry_after_s(attempts: i64) -> i64 {
    (5i64 << attempts.clamp(0, 10)).min(120)
}

/// One of the contract's tables of jobs.
pub trait Jobs: Send + Sync {
    /// Leases the oldest job of a kind that is due. `most_attempts` is the configured bound.
    fn lease(&self, tx: &Tx<'_>, kind: &str, most_attempts: i64) -> rusqlite::Result<Option<Job>>;

    /// Settles a job by its lease; false when the lease was taken back meanwhile.
    fn settle(&self, tx: &Tx<'_>, job: &Job, outcome: &Outcome) -> rusqlite::Result<bool>;

    /// Takes back leases older than a time, or all; how many.
    fn free(&self, tx: &Tx<'_>, before: Option<&str>) -> rusqlite::Result<usize>;
}

/// A kind of work.
pub trait Worker: Send + Sync {
    fn kind(&self) -> &'static str;

    /// Whether it may work now: what it needs is configured, nothing is paused.
    fn is_on(&self) -> bool;

    /// Attempts of a job, as configured.
    fn most_attempts(&self) -> i64;

    /// Does one job, outside any transaction. Ends early when stopped.
    fn run(&self, job: &Job, stop: &Stop) -> Outcome;
}

/// Leases older than this many milliseconds are taken back, as configured.
type LeaseMs = Box<dyn Fn() -> i64 + Send + Sync>;

/// One table of jobs and its workers.
pub struct Queue {
    db: Arc<Db>,
    jobs: Arc<dyn Jobs>,
    workers: Vec<Arc<dyn Worker>>,
    lease_ms: LeaseMs,
}

/// How often leases are looked through.
const STALE: Duration = Duration::from_secs(60);

impl Queue {
    /// All leases are taken back at once: a single daemon owns the database, so whoever held them is gone.
    pub fn open(
        db: Arc<Db>,
        jobs: Arc<dyn Jobs>,
        workers: Vec<Arc<dyn Worker>>,
        lease_ms: impl Fn() -> i64 + Send + Sync + 'static,
    ) -> Result<Self, Error> {
        let table = Arc::clone(&jobs);
        let freed = db.write(move |tx| table.free(tx, None))?;
        if freed > 0 {
            log::info!(target: "work", "{freed} jobs of an earlier run are taken up again");
        }
        Ok(Queue { db, jobs, workers, lease_ms: Box::new(lease_ms) })
    }

    /// Runs the workers on one thread, fair by kind; woken by the name `queue`.
    pub fn start(self, stop: &Stop, every: impl Fn() -> Duration + Send + 'static) -> std::io::Result<Tickers> {
        let queue = Arc::new(self);
        let stale = Arc::clone(&queue);
        let pieces = vec![
            Ticker::new("queue", every, move |stop| queue.work(stop)),
            Ticker::new("stale leases", || STALE, move |_| stale.free_stale()),
        ];
        Tickers::start("queue", stop, pieces)
    }

    /// Does what is due, one job of each kind in turn, until nothing is.
    pub fn work(&self, stop: &Stop) {
        let mut busy = true;
        while busy && !stop.is_stopped() {
            busy = false;
            for worker in self.workers.iter().filter(|w| w.is_on()) {
                match self.one(&**worker, stop) {
                    Ok(done) => busy |= done,
                    Err(cause) => log::warn!(target: "work", "{}: {cause}", worker.kind()),
                }
            }
        }
    }

    /// One job of a worker's kind; false when none is due.
    fn one(&self, worker: &dyn Worker, stop: &Stop) -> Result<bool, Error> {
        if stop.is_stopped() {
            return Ok(false);
        }
        let (jobs, kind, most) = (Arc::clone(&self.jobs), worker.kind(), worker.most_attempts());
        let Some(job) = self.db.write(move |tx| jobs.lease(tx, kind, most))? else { return Ok(false) };
        let outcome = worker.run(&job, stop).after(&job);
        let (jobs, held) = (Arc::clone(&self.jobs), job.clone());
        if !self.db.write(move |tx| jobs.settle(tx, &held, &outcome))? {
            log::warn!(target: "work", "the lease of {} was taken back before it ended", job.id);
        }
        Ok(true)
    }

    fn free_stale(&self) {
        let (jobs, millis) = (Arc::clone(&self.jobs), (self.lease_ms)());
        let freed = self.db.write(move |tx| {
            let before = tx.at() - jiff::SignedDuration::from_millis(millis);
            jobs.free(tx, Some(&time::iso(before)))
        });
        match freed {
            Ok(0) => {}
            Ok(freed) => log::warn!(target: "work", "{freed} jobs took longer than their leases"),
            Err(cause) => log::warn!(target: "work", "stale leases: {cause}"),
        }
    }
}
