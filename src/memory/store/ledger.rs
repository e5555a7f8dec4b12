//! `session_recall_events`: what a session has been shown in its present context.

use std::collections::HashSet;

use rusqlite::Connection;

use crate::db::sql;

/// One session's place in the ledger.
#[derive(Debug, Clone)]
pub struct Epoch {
    pub session_key: String,
    pub agent: String,
    /// Rises when the context was compacted or reset: everything may be shown again.
    pub number: i64,
}

pub fn current_epoch(connection: &Connection, session_key: &str, agent: &str) -> rusqlite::Result<i64> {
    connection
        .prepare_cached(
            "SELECT COALESCE(MAX(context_epoch), 0) FROM session_context_epochs WHERE session_key = ?1 AND agent_id = ?2",
        )?
        .query_row((session_key, agent), |row| row.get(0))
}

/// Kind and id of everything shown.
pub fn shown(connection: &Connection, epoch: &Epoch) -> rusqlite::Result<HashSet<(String, String)>> {
    let rows = sql::rows(
        connection,
        "SELECT item_kind, item_id FROM session_recall_events
         WHERE session_key = ?1 AND agent_id = ?2 AND context_epoch = ?3",
        (&epoch.session_key, &epoch.agent, epoch.number),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(rows.into_iter().collect())
}

/// An item that is about to be shown.
#[derive(Debug, Clone)]
pub struct Item {
    pub kind: &'static str,
    pub id: String,
    pub score: f64,
    pub source: String,
}

/// Records an item; false when another request has claimed it meanwhile.
pub fn claim(connection: &Connection, epoch: &Epoch, item: &Item, mode: &str, now: &str) -> rusqlite::Result<bool> {
    let added = sql::execute(
        connection,
        "INSERT OR IGNORE INTO session_recall_events
           (session_key, agent_id, context_epoch, item_kind, item_id, surface, mode, score, source, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 'recall', ?6, ?7, ?8, ?9)",
        (&epoch.session_key, &epoch.agent, epoch.number, item.kind, &item.id, mode, item.score, &item.source, now),
    )?;
    Ok(added > 0)
}
