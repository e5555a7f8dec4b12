//! `memory_hints`: phrases a later question might use.

use rusqlite::Connection;

use crate::db::sql;

/// False when the memory has this hint already.
pub fn add(connection: &Connection, memory_id: &str, agent: &str, hint: &str, now: &str) -> rusqlite::Result<bool> {
    let added = sql::execute(
        connection,
        "INSERT INTO memory_hints (id, memory_id, agent_id, hint, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (memory_id, hint) DO NOTHING",
        (crate::memory::new_row_id(), memory_id, agent, hint, now),
    )?;
    Ok(added > 0)
}
