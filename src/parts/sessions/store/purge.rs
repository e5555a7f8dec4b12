//! What becomes of an agent's sessions when it leaves for good.

use crate::db::{Tx, sql};

/// Tables with rows of agents.
const OF_AGENTS: [&str; 9] = [
    "session_transcripts",
    "session_summaries",
    "session_context_epochs",
    "session_extract_cursors",
    "session_memories",
    "summary_jobs",
    "transcript_capture_jobs",
    "memory_md_heads",
    "memory_thread_heads",
];

/// Deletes them. The ledger is swept by itself.
pub fn agent(tx: &Tx<'_>, agent: &str) -> rusqlite::Result<()> {
    for table in OF_AGENTS {
        // a name of the list above
        sql::execute(tx, &format!("DELETE FROM {table} WHERE agent_id = ?1"), [agent])?;
    }
    sql::execute(
        tx,
        "DELETE FROM session_checkpoints WHERE id IN (SELECT checkpoint_id FROM signetd_checkpoint_agents WHERE agent_id = ?1)",
        [agent],
    )?;
    sql::execute(tx, "DELETE FROM signetd_checkpoint_agents WHERE agent_id = ?1", [agent])?;
    Ok(())
}
