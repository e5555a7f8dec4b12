//! The background pipeline: its queue of jobs, and what is known of its workers. The workers themselves
//! come with their issue; until then jobs stay queued.

mod api;
mod report;
mod routes;
mod store;

use std::sync::{Arc, OnceLock};

pub use api::{ExtractionWorker, ProviderResolution};
pub use routes::ROUTES;

use crate::core::access::Visible;
use crate::core::{Core, Error};
use crate::db::Tx;
use crate::parts::documents;
use crate::parts::memory::{JobKind, Queueing};
use crate::work;
use api::JobAnswer;

pub struct Pipeline {
    core: Arc<Core>,
}

impl Pipeline {
    pub fn new(core: Arc<Core>) -> Self {
        Pipeline { core }
    }

    /// A job about something that the caller may see; any other answers as an unknown one.
    fn job(&self, id: &str, visible: &Visible) -> Result<JobAnswer, Error> {
        let found = self.core.db.read(|c| {
            let Some(job) = store::find(c, id)? else { return Ok(None) };
            let seen = match (&job.memory_id, &job.document_id) {
                (Some(memory), _) => visible.sees(c, memory)?,
                (None, Some(document)) => visible.is_everything() || documents::is_visible(c, document, visible)?,
                (None, None) => visible.is_everything(),
            };
            Ok(seen.then_some(job))
        })?;
        found.ok_or_else(|| Error::not_found("Job not found"))
    }
}

/// `memory_jobs`, as memory fills it and as workers will empty it.
#[derive(Default)]
pub struct MemoryJobs {
    /// Wakes the workers; there are none before they are started.
    wake: OnceLock<Box<dyn Fn() + Send + Sync>>,
}

impl MemoryJobs {
    /// Calls this after every commit of a job. The first caller stays.
    pub fn on_wake(&self, wake: impl Fn() + Send + Sync + 'static) {
        if self.wake.set(Box::new(wake)).is_err() {
            log::error!(target: "pipeline", "the queue of memories is woken by another already");
        }
    }
}

impl Queueing for MemoryJobs {
    fn queue(&self, tx: &Tx<'_>, memory_id: &str, kind: JobKind) -> rusqlite::Result<()> {
        store::add(tx, memory_id, kind)
    }

    fn wake(&self) {
        if let Some(wake) = self.wake.get() {
            wake();
        }
    }
}

impl work::Jobs for MemoryJobs {
    fn lease(&self, tx: &Tx<'_>, kind: &str, most_attempts: i64) -> rusqlite::Result<Option<work::Job>> {
        store::lease(tx, kind, most_attempts)
    }

    fn settle(&self, tx: &Tx<'_>, job: &work::Job, outcome: &work::Outcome) -> rusqlite::Result<bool> {
        store::settle(tx, job, outcome)
    }

    fn free(&self, tx: &Tx<'_>, before: Option<&str>) -> rusqlite::Result<usize> {
        store::free(tx, before)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::core::Stop;
    use crate::db::Db;
    use crate::sys::clock::SetClock;
    use crate::sys::ids::CountedIds;
    use crate::work::{Job, Outcome, Queue, Worker};

    /// Does what it is told with each job.
    struct Hints {
        runs: AtomicUsize,
        outcome: fn(&Job) -> Outcome,
    }

    impl Worker for Hints {
        fn kind(&self) -> &'static str {
            JobKind::Hints.as_str()
        }

        fn is_on(&self) -> bool {
            true
        }

        fn most_attempts(&self) -> i64 {
            2
        }

        fn run(&self, job: &Job, _: &Stop) -> Outcome {
            self.runs.fetch_add(1, Ordering::AcqRel);
            (self.outcome)(job)
        }
    }

    struct Setup {
        db: Arc<Db>,
        clock: Arc<SetClock>,
        jobs: Arc<MemoryJobs>,
        hints: Arc<Hints>,
        _folder: tempfile::TempDir,
    }

    fn setup(outcome: fn(&Job) -> Outcome) -> Setup {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(SetClock::at(1_700_000_000_000));
        let db = Db::open(&folder.path().join("m.db"), clock.clone(), Arc::new(CountedIds::default())).unwrap();
        let hints = Arc::new(Hints { runs: AtomicUsize::new(0), outcome });
        Setup { db: Arc::new(db), clock, jobs: Arc::default(), hints, _folder: folder }
    }

    impl Setup {
        fn queue(&self) -> Queue {
            Queue::open(self.db.clone(), self.jobs.clone(), vec![self.hints.clone()], || 300_000).unwrap()
        }

        fn add(&self) {
            let jobs = self.jobs.clone();
            self.db.write(move |tx| jobs.queue(tx, "m", JobKind::Hints)).unwrap();
        }

        fn state(&self) -> (String, i64) {
            let job = self.db.read(|c| store::find(c, "id-1")).unwrap().unwrap();
            (job.status, job.attempts)
        }
    }

    #[test]
    fn a_job_is_done_once_and_a_failed_one_again_after_its_time_until_it_is_dead() {
        let done = setup(|_| Outcome::Completed { result: None });
        done.add();
        let queue = done.queue();
        queue.work(&Stop::new());
        queue.work(&Stop::new());
        assert_eq!((done.state(), done.hints.runs.load(Ordering::Acquire)), (("completed".into(), 1), 1));

        let fails = setup(|_| Outcome::Failed { error: "no".into() });
        fails.add();
        let queue = fails.queue();
        queue.work(&Stop::new());
        queue.work(&Stop::new());
        assert_eq!(fails.state(), ("pending".into(), 1), "not before its time");
        fails.clock.advance(crate::work::retry_after_s(1) * 1000);
        queue.work(&Stop::new());
        assert_eq!(fails.state(), ("dead".into(), 2));
    }

    #[test]
    fn a_lease_that_was_taken_back_settles_nothing_and_a_start_frees_all() {
        let setup = setup(|_| Outcome::Completed { result: None });
        setup.add();
        let lease = || {
            let jobs = setup.jobs.clone();
            setup.db.write(move |tx| work::Jobs::lease(&*jobs, tx, JobKind::Hints.as_str(), 3)).unwrap()
        };
        let first = lease().unwrap();
        assert_eq!(lease(), None, "it is held");
        let queue = setup.queue();
        assert_eq!(setup.state(), ("pending".into(), 1), "freed at the start");
        setup.clock.advance(1);
        let second = lease().unwrap();
        let jobs = setup.jobs.clone();
        let late =
            setup.db.write(move |tx| work::Jobs::settle(&*jobs, tx, &first, &Outcome::Completed { result: None }));
        assert!(!late.unwrap(), "the first lease is gone");
        assert_eq!((setup.state(), second.attempts), (("leased".into(), 2), 2));
        drop(queue);
    }

    #[test]
    fn who_queues_wakes_the_workers() {
        let setup = setup(|_| Outcome::Completed { result: None });
        let tickers = setup.queue().start(&Stop::new(), || Duration::from_secs(3600)).unwrap();
        setup.jobs.on_wake(tickers.waker("queue"));
        setup.add();
        Queueing::wake(&*setup.jobs);
        let deadline = Instant::now() + Duration::from_secs(10);
        while setup.state().0 != "completed" {
            assert!(Instant::now() < deadline);
            std::thread::yield_now();
        }
        tickers.end(Duration::from_secs(10));
    }
}
