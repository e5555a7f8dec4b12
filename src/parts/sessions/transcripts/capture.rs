//! The worker that makes files of conversations that have ended.

use std::sync::Arc;

use super::{Archive, Failure};
use crate::core::{Core, Stop};
use crate::db::Tx;
use crate::parts::sessions::store::captures;
use crate::work::{Job, Jobs, Outcome, Worker};

/// Attempts of a job.
const ATTEMPTS: i64 = 5;

/// `transcript_capture_jobs` as a queue.
#[derive(Debug, Default)]
pub struct CaptureQueue;

impl Jobs for CaptureQueue {
    fn lease(&self, tx: &Tx<'_>, kind: &str, most_attempts: i64) -> rusqlite::Result<Option<Job>> {
        captures::lease(tx, kind, most_attempts)
    }

    fn settle(&self, tx: &Tx<'_>, job: &Job, outcome: &Outcome) -> rusqlite::Result<bool> {
        captures::settle(tx, job, outcome)
    }

    fn free(&self, tx: &Tx<'_>, before: Option<&str>) -> rusqlite::Result<usize> {
        captures::free(tx, before)
    }
}

pub struct CaptureWorker {
    core: Arc<Core>,
    archive: Arc<Archive>,
}

impl CaptureWorker {
    pub fn new(core: Arc<Core>, archive: Arc<Archive>) -> Self {
        CaptureWorker { core, archive }
    }
}

impl Worker for CaptureWorker {
    fn kind(&self) -> &'static str {
        "capture"
    }

    /// With the pipeline off too: files of what was said are no work of a model.
    fn is_on(&self) -> bool {
        !self.core.config().pipeline.switches.mutations_frozen && !self.core.db.is_blocked()
    }

    fn most_attempts(&self) -> i64 {
        ATTEMPTS
    }

    fn run(&self, job: &Job, _: &Stop) -> Outcome {
        let failed = |cause: &dyn std::fmt::Display| Outcome::Failed { error: cause.to_string() };
        match self.core.db.read(|c| captures::find(c, &job.id)) {
            Err(cause) => failed(&cause),
            Ok(None) => Outcome::Completed { result: None },
            Ok(Some(capture)) => match self.archive.capture(&capture) {
                Ok(()) => Outcome::Completed { result: None },
                Err(Failure::Conflict(path)) => Outcome::Dead { error: format!("{path} holds another text") },
                Err(cause) => {
                    log::warn!(target: "sessions", "a transcript was not captured: {cause}");
                    failed(&cause)
                }
            },
        }
    }
}
