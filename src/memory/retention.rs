//! What is kept and for how long: memories deleted for longer than they can be recovered go for good,
//! and so do ledgers of sessions that nobody has seen for a month. The pipeline takes this over.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use rusqlite::Connection;

use super::mutate::RETENTION_DAYS;
use super::store::purge;
use crate::app::App;
use crate::clock;
use crate::db::Error;
use crate::locks;

/// Days a session's ledger is kept after its last entry.
const LEDGER_DAYS: i64 = 30;
/// Rows of one transaction, so that writers come in between.
const BATCH: i64 = 50;
/// Rows of a ledger in one transaction.
const LEDGER_ROWS: i64 = 2_000;
/// How long one turn may take, as other background tasks wait for the same thread; the next one goes on.
const TURN: Duration = Duration::from_millis(500);
/// From the end of one sweep to the next.
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// When the next sweep is due; now, where none was done.
#[derive(Default)]
pub struct Due(Mutex<Option<Instant>>);

/// One turn of a sweep, for the background.
pub fn sweep(app: &App) {
    let waits = locks::lock(&app.memory.sweep.0).is_some_and(|due| Instant::now() < due);
    if waits || app.config().pipeline.mutations_frozen || app.db.is_blocked() {
        return;
    }
    match try_sweep(app, Instant::now() + TURN) {
        Ok(Swept { memories, sessions, done }) => {
            if memories + sessions > 0 {
                log::info!(target: "memory", "purged {memories} deleted memories and ledgers of {sessions} sessions");
            }
            *locks::lock(&app.memory.sweep.0) = done.then(|| Instant::now() + EVERY);
        }
        Err(cause) => log::warn!(target: "memory", "retention: {cause}"),
    }
}

/// What one turn came to.
#[derive(Default)]
struct Swept {
    memories: usize,
    sessions: usize,
    /// Nothing is left.
    done: bool,
}

/// The day so many days ago, as times of both stored forms begin.
fn day_before(app: &App, days: i64) -> String {
    clock::iso(app.clock.now() - SignedDuration::from_hours(24 * days))[..10].to_owned()
}

fn try_sweep(app: &App, until: Instant) -> Result<Swept, Error> {
    let mut swept = Swept::default();
    let day = day_before(app, RETENTION_DAYS);
    while Instant::now() < until {
        let ids = app.db.read(|c| Ok::<_, Error>(purge::deleted_before(c, &day, BATCH)?))?;
        if ids.is_empty() {
            swept.done = true;
            break;
        }
        swept.memories += ids.len();
        app.db.write(move |c| Ok::<_, Error>(purge::memories(c, &ids)?))?;
    }
    let day = day_before(app, LEDGER_DAYS);
    while swept.done && Instant::now() < until {
        let gone = app.db.read(|c| Ok::<_, Error>(purge::sessions_before(c, &day, BATCH)?))?;
        if gone.is_empty() {
            return Ok(swept);
        }
        for (session, agent) in gone {
            forget_session(app, &session, &agent)?;
            swept.sessions += 1;
        }
    }
    swept.done = false;
    Ok(swept)
}

/// Deletes a session's ledger, with others' writes in between.
fn forget_session(app: &App, session: &str, agent: &str) -> Result<(), Error> {
    loop {
        let (session, agent) = (session.to_owned(), agent.to_owned());
        let rows = app.db.write(move |c| Ok::<_, Error>(purge::ledger(c, &session, &agent, LEDGER_ROWS)?))?;
        if (rows as i64) < LEDGER_ROWS {
            return Ok(());
        }
    }
}

/// An agent leaves: its memories are archived, or deleted for good. In the running transaction.
pub fn agent_left(connection: &Connection, agent: &str, purged: bool, now: &str) -> rusqlite::Result<()> {
    if !purged {
        return purge::archive(connection, agent, now);
    }
    loop {
        let ids = purge::of_agent(connection, agent, BATCH)?;
        if ids.is_empty() {
            return Ok(());
        }
        purge::memories(connection, &ids)?;
    }
}
