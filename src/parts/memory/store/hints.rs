//! `memory_hints`: phrases a later question might use.

use crate::db::{Tx, sql};

/// False when the memory has this hint already.
pub fn add(tx: &Tx<'_>, memory_id: &str, agent: &str, hint: &str) -> rusqlite::Result<bool> {
    let added = sql::execute(
        tx,
        "INSERT INTO memory_hints (id, memory_id, agent_id, hint, created_at) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (memory_id, hint) DO NOTHING",
        (tx.ordered_id(), memory_id, agent, hint, tx.now()),
    )?;
    Ok(added > 0)
}
