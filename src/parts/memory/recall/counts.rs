//! Counting which memories recalls returned, without a disk write per recall.
//!
//! Counts gather here and are written together, every few seconds and at the stop; a route that
//! shows them adds what waits, so that no read waits for a write. A power cut may lose the last seconds of counting, never a memory.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::db::{Db, Error};
use crate::parts::memory::store;
use crate::sys::locks;

/// Distinct memories that wait at most; they are written every few seconds.
const MOST: usize = 10_000;

#[derive(Default)]
pub struct AccessCounts {
    /// Memory id to how often and when last (`YYYY-MM-DD HH:MM:SS`).
    pending: Mutex<HashMap<String, (i64, String)>>,
}

impl AccessCounts {
    fn take(&self) -> HashMap<String, (i64, String)> {
        std::mem::take(&mut *locks::lock(&self.pending))
    }

    /// What waits to be written of one memory: how often, and when last.
    pub fn waiting(&self, id: &str) -> Option<(i64, String)> {
        locks::lock(&self.pending).get(id).cloned()
    }

    /// What waits to be written, of all memories.
    pub fn all_waiting(&self) -> HashMap<String, (i64, String)> {
        locks::lock(&self.pending).clone()
    }

    /// Counts one access of each id. Beyond [`MOST`] memories waiting, further ones are not counted.
    pub fn count(&self, ids: impl IntoIterator<Item = String>, at: &str) {
        let mut pending = locks::lock(&self.pending);
        for id in ids {
            if pending.len() >= MOST && !pending.contains_key(&id) {
                continue;
            }
            let entry = pending.entry(id).or_insert_with(|| (0, String::new()));
            entry.0 += 1;
            at.clone_into(&mut entry.1);
        }
    }

    /// Writes what is waiting and returns after it is visible to readers.
    pub fn flush(&self, db: &Db) -> Result<(), Error> {
        let batch = self.take();
        if batch.is_empty() {
            return Ok(());
        }
        let written = batch.clone();
        db.write(move |tx| store::memories::add_accesses(tx, &written)).inspect_err(|_: &Error| {
            let mut pending = locks::lock(&self.pending);
            for (id, (count, at)) in batch {
                let entry = pending.entry(id).or_insert_with(|| (0, at));
                entry.0 += count;
            }
        })
    }
}
