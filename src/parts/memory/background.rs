//! What the part does beside requests, as the daemon schedules it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Memory;
use super::store::terms;
use super::vectors::{embed, index};
use crate::core::Stop;
use crate::db::Error;
use crate::work::Ticker;

/// Memories whose own terms are made in one transaction.
const TERMS: i64 = 100;
/// How long one turn of the terms may take.
const TURN: Duration = Duration::from_millis(500);

const fn every(time: Duration) -> impl Fn() -> Duration {
    move || time
}

impl Memory {
    /// Short pieces, which share a thread with those of other parts.
    pub fn tickers(self: &Arc<Self>) -> Vec<Ticker> {
        let memory = Arc::clone(self);
        vec![Ticker::new("access counts", every(Duration::from_secs(2)), move |_| memory.flush_counts())]
    }

    /// The background embedder, which may wait for a server.
    pub fn embedder_ticker(self: &Arc<Self>) -> Ticker {
        let memory = Arc::clone(self);
        Ticker::new("embedder", every(Duration::from_secs(1)), move |stop| embed::tracker::tick(&memory, stop))
    }

    /// Maps of the vectors, which take a minute of one processor where there are many.
    pub fn map_ticker(self: &Arc<Self>) -> Ticker {
        let memory = Arc::clone(self);
        Ticker::new("maps", every(Duration::from_millis(500)), move |_| memory.make_maps())
    }

    /// What goes through many rows: terms of memories that other programs wrote, and rows past their time.
    pub fn sweep_tickers(self: &Arc<Self>) -> Vec<Ticker> {
        let terms = Arc::clone(self);
        vec![Ticker::new("terms", every(Duration::from_secs(1)), move |stop| terms.index_terms(stop)), self.retention()]
    }

    /// Loads what recall keeps in memory; for a thread of its own at start.
    pub fn load_index(&self) {
        if let Err(cause) = index::load(self) {
            log::error!(target: "memory", "recall finds by keyword only until its index is loaded: {cause}");
            self.reload_index_soon();
            return;
        }
        log::debug!(target: "memory", "{} memories are in the index", self.index.live());
    }

    /// Writes the access counts gathered since the last time.
    pub fn flush_counts(&self) {
        if let Err(cause) = self.counts.flush(&self.core.db) {
            log::warn!(target: "memory", "access counts: {cause}");
        }
    }

    /// Makes the terms of memories that other programs wrote, or that were there before their index.
    fn index_terms(&self, stop: &Stop) {
        let began = Instant::now();
        loop {
            match self.index_some_terms() {
                Ok(true) if began.elapsed() < TURN && !stop.is_stopped() => {}
                Ok(_) => return,
                Err(cause) => return log::warn!(target: "memory", "terms of memories: {cause}"),
            }
        }
    }

    /// True when more are due.
    fn index_some_terms(&self) -> Result<bool, Error> {
        let db = &self.core.db;
        if db.is_blocked() || db.read(|c| terms::due(c, 1))?.is_empty() {
            return Ok(false);
        }
        // read in the transaction that writes: a text changed in between would get the terms of the old one
        db.write(|tx| {
            let due = terms::due(tx, TERMS)?;
            due.iter().try_for_each(|(rowid, content)| terms::index(tx, *rowid, content.as_deref()))?;
            Ok(due.len() as i64 == TERMS)
        })
    }
}
