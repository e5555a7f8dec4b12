//! `session_recall_events`: what a session has been shown in its present context.

use std::collections::HashSet;

use rusqlite::Connection;

use crate::db::Tx;
use crate::db::sql::{self, A_DAY};
use crate::parts::memory::{Epoch, Item};

/// The present epoch of a session.
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

/// Records an item; false when another request has claimed it meanwhile.
pub fn claim(tx: &Tx<'_>, epoch: &Epoch, item: &Item, surface: &str, mode: &str) -> rusqlite::Result<bool> {
    let added = sql::execute(
        tx,
        "INSERT OR IGNORE INTO session_recall_events
           (session_key, agent_id, context_epoch, item_kind, item_id, surface, mode, score, source, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        (
            &epoch.session_key,
            &epoch.agent,
            epoch.number,
            item.kind,
            &item.id,
            surface,
            mode,
            item.score,
            &item.source,
            tx.now(),
        ),
    )?;
    Ok(added > 0)
}

/// Adds a rating to the mean of a shown memory. `None` when it was not shown to this agent in this
/// session; else the stored path.
pub fn rate(
    connection: &Connection,
    session_key: &str,
    agent: &str,
    memory_id: &str,
    rating: f64,
) -> rusqlite::Result<Option<Option<String>>> {
    sql::row(
        connection,
        "UPDATE session_memories SET
           agent_relevance_score = (COALESCE(agent_relevance_score, 0) * COALESCE(agent_feedback_count, 0) + ?4)
             / (COALESCE(agent_feedback_count, 0) + 1),
           agent_feedback_count = COALESCE(agent_feedback_count, 0) + 1
         WHERE session_key = ?1 AND agent_id = ?2 AND memory_id = ?3 RETURNING path_json",
        (session_key, agent, memory_id, rating),
        |row| row.get(0),
    )
}

/// Sessions whose ledger was last written before a day.
pub fn sessions_before(connection: &Connection, day: &str, limit: i64) -> rusqlite::Result<Vec<(String, String)>> {
    sql::rows(
        connection,
        &format!(
            "SELECT session_key, agent_id FROM session_recall_events INDEXED BY idx_session_recall_events_session
             GROUP BY session_key, agent_id HAVING MAX(created_at) < ?1 AND MAX(created_at) {A_DAY} LIMIT ?2"
        ),
        (day, limit),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Deletes rows of a session's ledger; how many.
pub fn forget(connection: &Connection, session_key: &str, agent: &str, most: i64) -> rusqlite::Result<usize> {
    sql::execute(
        connection,
        "DELETE FROM session_recall_events WHERE rowid IN (
           SELECT rowid FROM session_recall_events WHERE session_key = ?1 AND agent_id = ?2 LIMIT ?3)",
        (session_key, agent, most),
    )
}

/// Something that a session was shown.
#[derive(Debug, Clone)]
pub struct Shown {
    pub kind: String,
    pub id: String,
    pub surface: String,
    pub mode: String,
    pub score: Option<f64>,
    pub source: Option<String>,
    pub created_at: String,
}

/// What a session was shown, in all its contexts, newest first.
pub fn events(connection: &Connection, session_key: &str, agent: &str, limit: i64) -> rusqlite::Result<Vec<Shown>> {
    sql::rows(
        connection,
        "SELECT item_kind, item_id, surface, mode, score, source, created_at FROM session_recall_events
           INDEXED BY idx_session_recall_events_session
         WHERE session_key = ?1 AND agent_id = ?2 ORDER BY context_epoch DESC, created_at DESC LIMIT ?3",
        (session_key, agent, limit),
        |row| {
            Ok(Shown {
                kind: row.get(0)?,
                id: row.get(1)?,
                surface: row.get(2)?,
                mode: row.get(3)?,
                score: row.get(4)?,
                source: row.get(5)?,
                created_at: row.get(6)?,
            })
        },
    )
}
