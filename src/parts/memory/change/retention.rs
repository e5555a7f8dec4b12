//! How long deleted memories are kept: those that can no longer be recovered go for good.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::SignedDuration;

use super::RETENTION_DAYS;
use crate::core::Stop;
use crate::db::Error;
use crate::parts::memory::store::purge as rows;
use crate::parts::memory::{Memory, purge};
use crate::sys::locks;
use crate::text::time;

/// Rows of one transaction, so that writers come in between.
const BATCH: i64 = 50;
/// How long one turn may take; the next one goes on.
const TURN: Duration = Duration::from_millis(500);
/// From a turn that left something to the next, and from the end of one sweep to the next.
const SOON: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// Whether the last turn left something to do.
#[derive(Default, Clone)]
pub struct Due(Arc<Mutex<bool>>);

impl Due {
    pub fn note(&self, done: bool) {
        *locks::lock(&self.0) = done;
    }

    pub fn next(&self) -> Duration {
        if *locks::lock(&self.0) { EVERY } else { SOON }
    }
}

impl Memory {
    /// One turn of a sweep; true when nothing is left.
    pub(in crate::parts::memory) fn sweep(&self, stop: &Stop) -> bool {
        if self.core.config().pipeline.switches.mutations_frozen || self.core.db.is_blocked() {
            return false;
        }
        match self.try_sweep(stop) {
            Ok((swept, done)) => {
                if swept > 0 {
                    log::info!(target: "memory", "purged {swept} deleted memories");
                }
                done
            }
            Err(cause) => {
                log::warn!(target: "memory", "retention: {cause}");
                false
            }
        }
    }

    fn try_sweep(&self, stop: &Stop) -> Result<(usize, bool), Error> {
        let until = Instant::now() + TURN;
        // times of both stored forms begin with their day
        let first = self.core.clock.now() - SignedDuration::from_hours(24 * RETENTION_DAYS);
        let day = time::iso(first)[..10].to_owned();
        let mut swept = 0;
        while Instant::now() < until && !stop.is_stopped() {
            let ids = self.core.db.read(|c| rows::deleted_before(c, &day, BATCH))?;
            if ids.is_empty() {
                return Ok((swept, true));
            }
            swept += ids.len();
            self.core.db.write(move |tx| purge(tx, &ids))?;
        }
        Ok((swept, false))
    }
}
