//! `session_context_epochs` and `session_extract_cursors`: where a session's context begins anew, and how far
//! its transcript was extracted.

use rusqlite::Connection;

use super::ledger::current_epoch;
use crate::db::{Tx, sql};

/// Opens the next context of a session; its number.
pub fn advance(tx: &Tx<'_>, session_key: &str, agent: &str, reason: &str) -> rusqlite::Result<i64> {
    let next = current_epoch(tx, session_key, agent)? + 1;
    sql::execute(
        tx,
        "INSERT OR IGNORE INTO session_context_epochs (session_key, agent_id, context_epoch, reason, source_ref, created_at)
         VALUES (?1, ?2, ?3, ?4, ?1, ?5)",
        (session_key, agent, next, reason, tx.now()),
    )?;
    Ok(next)
}

/// Bytes of a transcript that were extracted.
pub fn cursor(connection: &Connection, session_key: &str, agent: &str) -> rusqlite::Result<i64> {
    let offset = sql::row(
        connection,
        "SELECT last_offset FROM session_extract_cursors WHERE session_key = ?1 AND agent_id = ?2",
        (session_key, agent),
        |row| row.get(0),
    )?;
    Ok(offset.unwrap_or(0))
}

pub fn set_cursor(tx: &Tx<'_>, session_key: &str, agent: &str, offset: i64) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO session_extract_cursors (session_key, agent_id, last_offset, last_extract_at) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (session_key, agent_id) DO UPDATE SET last_offset = ?3, last_extract_at = ?4",
        (session_key, agent, offset, tx.now()),
    )?;
    Ok(())
}

pub fn drop_cursor(tx: &Tx<'_>, session_key: &str, agent: &str) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "DELETE FROM session_extract_cursors WHERE session_key = ?1 AND agent_id = ?2",
        (session_key, agent),
    )?;
    Ok(())
}
