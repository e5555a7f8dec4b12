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
