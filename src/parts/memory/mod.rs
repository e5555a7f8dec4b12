//! Memories: store, change, forget, recall.
//!
//! A write becomes rows of `memories` and its companions in one transaction; recall gathers
//! candidates from several channels, filters them by what the caller may read, scores and
//! shapes them. What other parts keep beside memories comes through [`Beside`].

mod api;
pub mod as_text;
mod background;
mod beside;
mod browse;
mod change;
mod feedback;
mod filters;
mod recall;
mod remember;
mod routes;
mod store;
mod vectors;

use std::sync::Arc;

use rusqlite::Connection;

pub use api::{
    Budget, ChangeAnswer, FeedbackAnswer, ForgetAnswer, Hit, Listed, MemoryList, MostUsed, MostUsedList, Neighbours,
    RecallAnswer, RecallMeta, Stored, TimeMode,
};
pub use api::{RecallBody, RememberBody};
pub use beside::{Artifact, Beside, Epoch, Item, JobKind, Ledger, Queueing, Sources, Transcript};
pub use browse::Brief;
pub use change::{Batch, Delete, Forget, Outcome, Patch, Refusal, Unconfirmed};
pub use feedback::{Feedback, Rated};
pub use filters::Span;
pub use recall::RecallQuery;
pub use remember::{Dates, Record, Recorded, Remember, Remembered};
pub use routes::ROUTES;
pub use store::embeddings::floats;
pub use store::fulltext::Match;
pub use store::memories::Place;
pub use store::searches::{Search, Tally};
pub use store::temporal::{Dated, Window};

use crate::core::{Core, Error};
use crate::db::Tx;
use crate::parts::agents::Leaving;
use crate::parts::inference::Inference;
use recall::counts::AccessCounts;
use vectors::embed::Embedder;
use vectors::index::{Index, Vector};
use vectors::projection::Maps;

/// The memory part with what it keeps between requests.
pub struct Memory {
    core: Arc<Core>,
    inference: Arc<Inference>,
    beside: Beside,
    counts: AccessCounts,
    index: Index,
    embedder: Embedder,
    maps: Maps,
}

impl Memory {
    pub fn new(core: Arc<Core>, inference: Arc<Inference>, beside: Beside) -> Self {
        let embedder = Embedder::new(core.upstream.clone());
        Memory {
            core,
            inference,
            beside,
            counts: AccessCounts::default(),
            index: Index::default(),
            embedder,
            maps: Maps::default(),
        }
    }

    /// Whether vectors can be made, as last seen; `None` when nobody has looked lately.
    pub fn embedding_available(&self) -> Option<bool> {
        self.embedder.status.fresh().map(|seen| seen.available)
    }

    /// Follows a change of one memory in the index. The change itself is on disk already: where it cannot be
    /// read again, the index is loaded anew.
    fn follow(&self, id: &str) {
        if let Err(cause) = self.try_follow(id) {
            log::warn!(target: "memory", "the index will be loaded anew: {cause}");
            self.reload_index_soon();
        }
    }

    fn try_follow(&self, id: &str) -> Result<(), Error> {
        let native = self.embedder.model(&self.core.config()).native;
        let (rowid, entry, stored) = self.core.db.read(|c| {
            let entry = store::embeddings::entry_of(c, id)?;
            let stored = if native { None } else { store::embeddings::vector_of(c, id)? };
            Ok((store::memories::rowid(c, id)?, entry, stored))
        })?;
        match (entry, stored) {
            (Some(entry), Some(stored)) => self.index.put(&entry, Vector::Stored(&stored)),
            (Some(entry), None) if native => self.index.put(&entry, Vector::OfText),
            (Some(entry), None) => self.index.put(&entry, Vector::None),
            (None, _) => {
                if let Some(rowid) = rowid {
                    self.index.remove(rowid);
                }
            }
        }
        Ok(())
    }

    /// After changes of many memories at once: the index is loaded anew.
    fn reload_index_soon(&self) {
        self.embedder.tracker.request_reload();
    }
}

/// Memories of one transaction when many go for good.
const BATCH: i64 = 50;

impl Leaving for Memory {
    /// Its memories are archived, or deleted for good.
    fn agent_left(&self, tx: &Tx<'_>, agent: &str, purged: bool) -> rusqlite::Result<()> {
        if purged { store::purge::give_up(tx, agent) } else { store::purge::archive(tx, agent, tx.now()) }
    }

    /// Deletes what was given up, with others' writes in between; what a failure leaves is the sweep's.
    fn after_agent_left(&self, agent: &str, purged: bool) {
        let db = &self.core.db;
        let mut more = purged;
        while more {
            let batch = db.read(|c| store::purge::given_up(c, agent, BATCH)).and_then(|ids| {
                let some = !ids.is_empty();
                db.write(move |tx| purge(tx, &ids)).map(|()| some)
            });
            more = batch.unwrap_or_else(|cause| {
                log::warn!(target: "memory", "memories of {agent} are left to the sweep: {cause}");
                false
            });
        }
        self.reload_index_soon();
    }
}

/// Deletes memories with everything that belongs to them. Their history keeps the events, not the texts.
fn purge(connection: &Connection, ids: &[String]) -> rusqlite::Result<()> {
    crate::parts::knowledge::forget_memories(connection, ids)?;
    store::purge::memories(connection, ids)
}
