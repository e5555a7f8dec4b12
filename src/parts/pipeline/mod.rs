//! The background pipeline: its queue of jobs, and what is known of its workers. The workers themselves
//! come with their issue; until then jobs stay queued.

mod api;
mod report;
mod routes;
mod store;

use std::sync::Arc;

pub use api::{ExtractionWorker, ProviderResolution};
pub use routes::ROUTES;

use crate::core::access::Visible;
use crate::core::{Core, Error};
use crate::db::Tx;
use crate::parts::documents;
use crate::parts::memory::{JobKind, Jobs};
use crate::work;
use api::JobAnswer;

pub struct Pipeline {
    core: Arc<Core>,
}

impl Pipeline {
    pub fn new(core: Arc<Core>) -> Self {
        Pipeline { core }
    }

    /// A job about something that may be seen; others are none.
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
#[derive(Debug, Default, Clone, Copy)]
pub struct MemoryJobs;

impl Jobs for MemoryJobs {
    fn queue(&self, tx: &Tx<'_>, memory_id: &str, kind: JobKind) -> rusqlite::Result<()> {
        store::add(tx, memory_id, kind)
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
