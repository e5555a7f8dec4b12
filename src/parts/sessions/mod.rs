//! Sessions: what they have been shown, and what they said. Hooks and claims come with their issue; what
//! memory needs of their tables is here.

mod api;
mod store;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use rusqlite::Connection;

pub use api::CaptureJobs;

use crate::core::{Core, Stop};
use crate::db::{Error, Tx};
use crate::parts::memory::{Dated, Epoch, Item, Ledger, Transcript, Window};
use crate::text::time;
use crate::work::Ticker;

/// Days a session's ledger is kept after its last entry.
const LEDGER_DAYS: i64 = 30;
/// Sessions looked for at a time, and rows of a ledger in one transaction.
const SESSIONS: i64 = 50;
const ROWS: i64 = 2_000;
/// How long one turn of the sweep may take; the next one goes on.
const TURN: Duration = Duration::from_millis(500);

/// The first turn after a start, from a turn that left something to the next, and from the end of one
/// sweep to the next.
const FIRST_SWEEP: Duration = Duration::from_secs(5);
const SOON: Duration = Duration::from_secs(30);
const SWEEP: Duration = Duration::from_secs(6 * 3600);

pub struct Sessions {
    core: Arc<Core>,
}

impl Sessions {
    pub fn new(core: Arc<Core>) -> Self {
        Sessions { core }
    }

    pub fn capture_jobs(&self) -> Result<CaptureJobs, Error> {
        let counted = self.core.db.read(store::transcripts::capture_jobs)?;
        let count = |of: &[&str]| counted.iter().filter(|(s, _)| of.contains(&s.as_str())).map(|(_, n)| n).sum();
        Ok(CaptureJobs {
            pending: count(&["pending"]),
            processing: count(&["processing", "leased"]),
            failed: count(&["failed"]),
            dead: count(&["dead"]),
        })
    }

    /// The sweep of ledgers, soon again when a turn left some.
    pub fn sweep_ticker(self: &Arc<Self>) -> Ticker {
        let sessions = Arc::clone(self);
        let done = Arc::new(AtomicBool::new(false));
        let swept = Arc::clone(&done);
        let every = move || if done.load(Ordering::Acquire) { SWEEP } else { SOON };
        let run = move |stop: &Stop| match sessions.sweep(stop) {
            Ok(all) => swept.store(all, Ordering::Release),
            Err(cause) => log::warn!(target: "sessions", "ledgers: {cause}"),
        };
        Ticker::new("session ledgers", every, run).first(FIRST_SWEEP)
    }

    /// One turn of a sweep of ledgers that nobody has written to for a month; true when nothing is left.
    fn sweep(&self, stop: &Stop) -> Result<bool, Error> {
        if self.core.config().pipeline.switches.mutations_frozen || self.core.db.is_blocked() {
            return Ok(false);
        }
        let until = Instant::now() + TURN;
        let day = time::iso(self.core.clock.now() - SignedDuration::from_hours(24 * LEDGER_DAYS))[..10].to_owned();
        let mut swept = 0;
        while Instant::now() < until && !stop.is_stopped() {
            let gone = self.core.db.read(|c| store::ledger::sessions_before(c, &day, SESSIONS))?;
            if gone.is_empty() {
                if swept > 0 {
                    log::info!(target: "sessions", "forgot the ledgers of {swept} sessions");
                }
                return Ok(true);
            }
            for (session, agent) in gone {
                self.forget(&session, &agent)?;
                swept += 1;
            }
        }
        Ok(false)
    }

    /// Deletes a session's ledger, with others' writes in between.
    fn forget(&self, session: &str, agent: &str) -> Result<(), Error> {
        loop {
            let (session, agent) = (session.to_owned(), agent.to_owned());
            let rows = self.core.db.write(move |tx| store::ledger::forget(tx, &session, &agent, ROWS))?;
            if (rows as i64) < ROWS {
                return Ok(());
            }
        }
    }
}

impl Ledger for Sessions {
    fn epoch(&self, connection: &Connection, session_key: &str, agent: &str) -> rusqlite::Result<i64> {
        store::ledger::current_epoch(connection, session_key, agent)
    }

    fn shown(&self, connection: &Connection, epoch: &Epoch) -> rusqlite::Result<HashSet<(String, String)>> {
        store::ledger::shown(connection, epoch)
    }

    fn claim(&self, tx: &Tx<'_>, epoch: &Epoch, item: &Item, mode: &str) -> rusqlite::Result<bool> {
        store::ledger::claim(tx, epoch, item, mode)
    }

    fn rate(
        &self,
        tx: &Tx<'_>,
        session_key: &str,
        agent: &str,
        memory_id: &str,
        rating: f64,
    ) -> rusqlite::Result<Option<Option<String>>> {
        store::ledger::rate(tx, session_key, agent, memory_id, rating)
    }

    fn keep_transcript(&self, tx: &Tx<'_>, transcript: Transcript<'_>) -> rusqlite::Result<()> {
        store::transcripts::put(tx, transcript)
    }

    fn summaries(
        &self,
        connection: &Connection,
        window: Window<'_>,
        agent: &str,
        project: Option<&str>,
        limit: i64,
    ) -> rusqlite::Result<Vec<Dated>> {
        store::transcripts::summaries(connection, window, agent, project, limit)
    }
}
