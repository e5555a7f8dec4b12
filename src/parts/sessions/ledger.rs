//! What sessions have been shown, so that recall shows nothing twice in one context.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use jiff::SignedDuration;
use rusqlite::Connection;

use super::noted::Noted;
use super::store;
use crate::core::{Core, Stop};
use crate::db::{Error, Tx};
use crate::parts::memory::{Dated, Epoch, Item, Ledger, Transcript, Window};
use crate::text::time;
use crate::work::{Ticker, sweep};

/// Days a session's ledger is kept after its last entry.
const LEDGER_DAYS: i64 = 30;
/// Sessions looked for at a time, and rows of a ledger in one transaction.
const SESSIONS: i64 = 50;
const ROWS: i64 = 2_000;

/// The ledger as memory uses it.
#[derive(Default)]
pub struct Ledgers {
    /// What waits to be written to it.
    pub(super) noted: Noted,
}

impl Ledger for Ledgers {
    fn epoch(&self, connection: &Connection, session_key: &str, agent: &str) -> rusqlite::Result<i64> {
        store::ledger::current_epoch(connection, session_key, agent)
    }

    fn shown(&self, connection: &Connection, epoch: &Epoch) -> rusqlite::Result<HashSet<(String, String)>> {
        store::ledger::shown(connection, epoch)
    }

    fn claim(&self, tx: &Tx<'_>, epoch: &Epoch, item: &Item, mode: &str) -> rusqlite::Result<bool> {
        store::ledger::claim(tx, epoch, item, "recall", mode)
    }

    fn rate(
        &self,
        tx: &Tx<'_>,
        session_key: &str,
        agent: &str,
        memory_id: &str,
        rating: f64,
    ) -> rusqlite::Result<Option<Option<String>>> {
        self.noted.settle(tx, session_key, agent)?;
        store::ledger::rate(tx, session_key, agent, memory_id, rating)
    }

    fn keep_transcript(&self, tx: &Tx<'_>, transcript: Transcript<'_>) -> rusqlite::Result<()> {
        store::transcripts::keep_source(tx, transcript)
    }

    fn summaries(
        &self,
        connection: &Connection,
        window: Window<'_>,
        agent: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Dated>> {
        store::summaries::in_window(connection, window, agent, project, limit)
    }
}

/// The sweep of ledgers that nobody has written to for a month.
pub fn sweep_ticker(core: Arc<Core>) -> Ticker {
    sweep("session ledgers", move |stop, until| forget_unseen(&core, stop, until))
}

fn forget_unseen(core: &Core, stop: &Stop, until: Instant) -> Result<bool, Error> {
    if core.config().pipeline.switches.mutations_frozen || core.db.is_blocked() {
        return Ok(false);
    }
    let day = time::iso(core.clock.now() - SignedDuration::from_hours(24 * LEDGER_DAYS))[..10].to_owned();
    let mut swept = 0;
    let mut done = false;
    while !done && Instant::now() < until && !stop.is_stopped() {
        let gone = core.db.read(|c| store::ledger::sessions_before(c, &day, SESSIONS))?;
        done = gone.is_empty();
        for (session, agent) in gone {
            forget(core, &session, &agent)?;
            swept += 1;
        }
    }
    if swept > 0 {
        log::info!(target: "sessions", "forgot the ledgers of {swept} sessions");
    }
    Ok(done)
}

/// Deletes a session's ledger, with others' writes in between.
fn forget(core: &Core, session: &str, agent: &str) -> Result<(), Error> {
    loop {
        let (session, agent) = (session.to_owned(), agent.to_owned());
        let rows = core.db.write(move |tx| store::ledger::forget(tx, &session, &agent, ROWS))?;
        if (rows as i64) < ROWS {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::access::{Actor, Caller, Claimed, Visible};
    use crate::core::in_folder;
    use crate::parts::documents::Documents;
    use crate::parts::inference::Inference;
    use crate::parts::knowledge::feedback::Reward;
    use crate::parts::memory::{Beside, Delete, Feedback, Memory, Outcome, Rated, RecallQuery, Remember, Remembered};
    use crate::parts::pipeline::MemoryJobs;

    /// What a hook does: every step in plain types, without a request.
    #[test]
    fn a_part_above_memory_uses_it_by_plain_calls() {
        let folder = tempfile::tempdir().unwrap();
        let core = in_folder(folder.path());
        let beside = Beside {
            ledger: Arc::new(Ledgers::default()),
            sources: Arc::new(Documents),
            jobs: Arc::new(MemoryJobs::default()),
        };
        let memory = Memory::new(Arc::clone(&core), Arc::new(Inference::new(Arc::clone(&core))), beside);
        let remember = Remember::new("The garage mended the car brakes", "ada", "hook");
        let Remembered::Stored(stored) = memory.remember(remember).unwrap() else { panic!("not stored") };
        let question = RecallQuery { session_key: Some("s".into()), ..RecallQuery::new("car brakes", "ada") };
        let answer = memory.recall(&question).unwrap();
        assert_eq!(answer.results.first().map(|hit| hit.id.as_str()), Some(stored.id.as_str()));
        assert!(memory.recall(&question).unwrap().results.is_empty(), "the session has seen it");
        let rated = Rated { memory_id: stored.id.clone(), rating: 1.0, path: None, reward: Reward::default() };
        let visible = Visible::default();
        let feedback =
            Feedback { session_key: "s".into(), agent: "ada".into(), visible: visible.clone(), rated: vec![rated] };
        memory.rate(feedback).unwrap();
        assert_eq!(memory.list(&Caller::Local, 10, 0).unwrap().memories.len(), 1);
        assert!(memory.similar(&stored.id, None, 5, &visible).unwrap().results.is_empty());
        let delete = Delete { reason: "test".into(), force: false, if_version: None };
        let actor = Actor::of(&Caller::Local, Claimed::default(), None);
        assert!(matches!(memory.delete(&stored.id, delete, &visible, actor).unwrap(), Outcome::Deleted { .. }));
        core.db.close();
    }
}
