//! `session_memories`: memories that were considered for a session, and those that were shown.

use crate::db::{Tx, sql};

/// A memory that was considered.
#[derive(Debug, Clone)]
pub struct Considered {
    pub memory_id: String,
    /// Where it came from: `effective`, `ka_traversal` or `predicted`.
    pub source: &'static str,
    pub score: f64,
    pub rank: usize,
    pub injected: bool,
}

/// Notes what was considered for a session; a later look at the same memory replaces the earlier.
pub fn note(tx: &Tx<'_>, session_key: &str, agent: &str, considered: &[Considered]) -> rusqlite::Result<()> {
    for c in considered {
        sql::execute(
            tx,
            "INSERT INTO session_memories (id, session_key, agent_id, memory_id, source, effective_score, final_score, rank,
               was_injected, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, ?7, ?8, ?9)
             ON CONFLICT (session_key, agent_id, memory_id) DO UPDATE SET source = ?5, effective_score = ?6, final_score = ?6,
               rank = ?7, was_injected = MAX(was_injected, ?8)",
            (tx.ordered_id(), session_key, agent, &c.memory_id, c.source, c.score, c.rank as i64, c.injected, tx.now()),
        )?;
    }
    Ok(())
}
