//! How long deleted memories are kept: those that can no longer be recovered go for good.

use std::sync::Arc;
use std::time::Instant;

use jiff::SignedDuration;

use super::RETENTION_DAYS;
use crate::core::Stop;
use crate::db::Error;
use crate::parts::memory::store::purge as rows;
use crate::parts::memory::{BATCH, Memory, purge};
use crate::text::time;
use crate::work::{Ticker, sweep};

impl Memory {
    /// The sweep of memories deleted too long ago.
    pub(in crate::parts::memory) fn retention(self: &Arc<Self>) -> Ticker {
        let memory = Arc::clone(self);
        sweep("retention", move |stop, until| memory.purge_expired(stop, until))
    }

    fn purge_expired(&self, stop: &Stop, until: Instant) -> Result<bool, Error> {
        if self.core.config().pipeline.switches.mutations_frozen || self.core.db.is_blocked() {
            return Ok(false);
        }
        // times of both stored forms begin with their day
        let first = self.core.clock.now() - SignedDuration::from_hours(24 * RETENTION_DAYS);
        let day = time::iso(first)[..10].to_owned();
        let mut swept = 0;
        let mut done = false;
        while !done && Instant::now() < until && !stop.is_stopped() {
            let ids = self.core.db.read(|c| rows::deleted_before(c, &day, BATCH))?;
            done = ids.is_empty();
            swept += ids.len();
            self.core.db.write(move |tx| purge(tx, &ids))?;
        }
        if swept > 0 {
            log::info!(target: "memory", "purged {swept} deleted memories");
        }
        Ok(done)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::core::in_folder;
    use crate::parts::documents::Documents;
    use crate::parts::inference::Inference;
    use crate::parts::memory::{Beside, Remember};
    use crate::parts::pipeline::MemoryJobs;
    use crate::parts::sessions::Ledgers;

    /// As after a crash between the commit that removes an agent and the purge of its memories.
    #[test]
    fn what_a_removed_agent_left_is_swept_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        let core = in_folder(folder.path());
        let ledger = Arc::new(Ledgers::default());
        let beside = Beside { ledger, sources: Arc::new(Documents), jobs: Arc::new(MemoryJobs::default()) };
        let inference = Arc::new(Inference::new(Arc::clone(&core)));
        let memory = Memory::new(Arc::clone(&core), inference, beside);
        for agent in ["gone", "here"] {
            memory.remember(Remember::new(&format!("A note of {agent}"), agent, "test")).unwrap();
        }
        core.db.write(|tx| rows::give_up(tx, "gone")).unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        assert!(memory.purge_expired(&Stop::new(), until).unwrap());
        let left =
            |agent: &'static str| core.db.read(|c| c.query_row(COUNT, [agent], |row| row.get::<_, i64>(0))).unwrap();
        assert_eq!((left("gone"), left("here")), (0, 1));
        core.db.close();
    }

    const COUNT: &str = "SELECT COUNT(*) FROM memories WHERE agent_id = ?1";
}
