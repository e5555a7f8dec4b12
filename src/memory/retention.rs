//! What is kept and for how long: memories deleted for longer than they can be recovered go for good,
//! and so do ledgers of sessions that nobody has seen for a month. The pipeline takes this over.

use jiff::SignedDuration;
use rusqlite::Connection;

use super::mutate::RETENTION_DAYS;
use super::store::purge;
use crate::app::App;
use crate::clock;
use crate::db::Error;

/// Days a session's ledger is kept after its last entry.
const LEDGER_DAYS: i64 = 30;
/// Rows of one transaction, so that writers come in between.
const BATCH: i64 = 200;
/// Transactions of one sweep: the next one goes on.
const BATCHES: usize = 100;

/// One sweep, for the background.
pub fn sweep(app: &App) {
    if app.config().pipeline.mutations_frozen || app.db.is_blocked() {
        return;
    }
    match try_sweep(app) {
        Ok((0, 0)) => {}
        Ok((memories, sessions)) => {
            log::info!(target: "memory", "purged {memories} deleted memories and the ledgers of {sessions} sessions");
        }
        Err(cause) => log::warn!(target: "memory", "retention: {cause}"),
    }
}

/// The day so many days ago, as times of both stored forms begin.
fn day_before(app: &App, days: i64) -> String {
    clock::iso(app.clock.now() - SignedDuration::from_hours(24 * days))[..10].to_owned()
}

fn try_sweep(app: &App) -> Result<(usize, usize), Error> {
    let (mut memories, mut sessions) = (0, 0);
    let day = day_before(app, RETENTION_DAYS);
    for _ in 0..BATCHES {
        let ids = app.db.read(|c| Ok::<_, Error>(purge::deleted_before(c, &day, BATCH)?))?;
        if ids.is_empty() {
            break;
        }
        memories += ids.len();
        app.db.write(move |c| Ok::<_, Error>(purge::memories(c, &ids)?))?;
    }
    let day = day_before(app, LEDGER_DAYS);
    for _ in 0..BATCHES {
        let gone = app.db.read(|c| Ok::<_, Error>(purge::sessions_before(c, &day, BATCH)?))?;
        if gone.is_empty() {
            break;
        }
        sessions += gone.len();
        app.db.write(move |c| {
            gone.iter()
                .try_for_each(|(session, agent)| purge::ledger(c, session, agent).map(|_| ()))
                .map_err(Error::from)
        })?;
    }
    Ok((memories, sessions))
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
