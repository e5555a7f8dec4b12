//! One memory, and what was changed of it.

use jiff::SignedDuration;

use crate::core::Error;
use crate::core::access::Visible;
use crate::parts::memory::Memory;
use crate::parts::memory::api::{History, OneMemory, ReviewQueue};
use crate::parts::memory::store::{activity, history, memories, views};
use crate::parts::memory::vectors::embed::tracker;
use crate::text::time;

/// Events of a review queue, and how old they may be.
const MOST_REVIEWS: i64 = 200;
const REVIEW_DAYS: i64 = 30;

impl Memory {
    /// A live memory that may be seen, with the accesses that are counted but not written yet.
    pub fn get(&self, id: &str, visible: &Visible) -> Result<OneMemory, Error> {
        tracker::settle_one(self, id);
        let found = self.core.db.read(|c| views::find_full(c, id, &visible.conditions(c)?))?;
        let mut memory = found.ok_or_else(|| Error::not_found("not found"))?;
        if let Some((count, at)) = self.counts.waiting(id) {
            (memory.access_count, memory.last_accessed) = (memory.access_count + count, Some(at));
        }
        Ok(memory)
    }

    /// What was changed of a memory, deleted or not; `None` when it may not be seen. One that was purged
    /// is nobody's any more, but left its events.
    pub fn history(&self, id: &str, limit: i64, visible: &Visible) -> Result<Option<History>, Error> {
        let history = self.core.db.read(|c| {
            let purged = memories::find(c, id)?.is_none();
            let seen = if purged { visible.is_everything() } else { visible.sees(c, id)? };
            let events = if seen { history::of_memory(c, id, limit)? } else { Vec::new() };
            Ok((seen && !(purged && events.is_empty())).then_some(events))
        })?;
        Ok(history.map(|history| History { memory_id: id.to_owned(), count: history.len(), history }))
    }

    /// Changes that someone should look at.
    pub fn review_queue(&self, visible: &Visible) -> Result<ReviewQueue, Error> {
        let since = time::iso(self.core.clock.now() - SignedDuration::from_hours(24 * REVIEW_DAYS));
        let items = self.core.db.read(|c| activity::review_queue(c, &since, &visible.conditions(c)?, MOST_REVIEWS))?;
        Ok(ReviewQueue { items })
    }
}
