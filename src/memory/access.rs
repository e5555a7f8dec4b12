//! Counting which memories recalls returned, without a disk write per recall.
//!
//! Counts gather here and are written together: every few seconds, before a route shows them,
//! and at the stop. A power cut may lose the last seconds of counting, never a memory.

use std::collections::HashMap;
use std::sync::Mutex;

use super::store;
use crate::db::{Db, Error};

/// More distinct memories than this are written at once.
const MOST: usize = 10_000;

#[derive(Default)]
pub struct AccessCounts {
    /// Memory id to how often and when last (`YYYY-MM-DD HH:MM:SS`).
    pending: Mutex<HashMap<String, (i64, String)>>,
}

impl AccessCounts {
    fn take(&self) -> HashMap<String, (i64, String)> {
        std::mem::take(&mut *self.pending.lock().unwrap_or_else(|p| p.into_inner()))
    }

    /// Counts one access of each id; writes when too many are waiting.
    pub fn count(&self, db: &Db, ids: impl IntoIterator<Item = String>, at: &str) {
        let mut pending = self.pending.lock().unwrap_or_else(|p| p.into_inner());
        for id in ids {
            let entry = pending.entry(id).or_insert_with(|| (0, String::new()));
            entry.0 += 1;
            at.clone_into(&mut entry.1);
        }
        if pending.len() > MOST {
            let batch = std::mem::take(&mut *pending);
            drop(pending);
            db.write_later("access counts", move |c| Ok(store::memories::add_accesses(c, &batch)?));
        }
    }

    /// Writes what is waiting and returns after it is visible to readers.
    pub fn flush(&self, db: &Db) -> Result<(), Error> {
        let batch = self.take();
        if batch.is_empty() {
            return Ok(());
        }
        db.write(move |c| Ok(store::memories::add_accesses(c, &batch)?))
    }
}
