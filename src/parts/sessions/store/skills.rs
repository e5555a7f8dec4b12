//! `skill_invocations`: which skills were used, and how.

use crate::db::{Tx, sql};

/// One use of a skill.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// In lower case.
    pub skill: String,
    pub agent: String,
    pub harness: String,
    pub session_id: Option<String>,
    pub tool_use_id: Option<String>,
    pub cwd: Option<String>,
    pub origin: Option<String>,
    pub args: Option<String>,
    pub success: bool,
    pub latency_ms: i64,
    pub error: Option<String>,
    pub created_at: String,
}

/// Notes a use; false for one that is known. Only a new one raises the skill's count.
pub fn note(tx: &Tx<'_>, i: &Invocation) -> rusqlite::Result<bool> {
    let added = sql::execute(
        tx,
        "INSERT OR IGNORE INTO skill_invocations (id, skill_name, agent_id, source, latency_ms, success, error_text, created_at,
           harness, session_id, tool_use_id, cwd, origin, args)
         VALUES (?1, ?2, ?3, 'agent', ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        (tx.random_id(), &i.skill, &i.agent, i.latency_ms, i.success, &i.error, &i.created_at, &i.harness, &i.session_id, &i.tool_use_id, &i.cwd, &i.origin, &i.args),
    )?;
    if added > 0 {
        sql::execute(
            tx,
            "UPDATE skill_meta SET use_count = COALESCE(use_count, 0) + 1, last_used_at = ?3, updated_at = ?3
             WHERE agent_id = ?2 AND uninstalled_at IS NULL AND entity_id IN ('skill:' || ?1, 'skill:' || ?2 || ':' || ?1)",
            (&i.skill, &i.agent, &i.created_at),
        )?;
    }
    Ok(added > 0)
}
