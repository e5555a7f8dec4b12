//! What was added and changed lately, and jobs.

use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Value, json};

use crate::access::Visible;
use crate::db::sql::{self, Conditions};

/// Rows of a month that are counted at most.
const MOST: i64 = 200_000;

#[derive(Debug)]
pub struct Added {
    pub created_at: String,
    pub kind: Option<String>,
    pub who: Option<String>,
    pub importance: Option<f64>,
    pub pinned: bool,
    pub tags: Option<String>,
}

/// Live memories created since. `visible` speaks of `m`.
pub fn added_since(connection: &Connection, since: &str, visible: &Conditions) -> rusqlite::Result<Vec<Added>> {
    let text = format!(
        "SELECT m.created_at, m.type, m.who, m.importance, m.pinned, m.tags FROM memories m INDEXED BY idx_memories_created
         WHERE m.created_at >= ? AND m.is_deleted = 0 AND {} ORDER BY m.created_at DESC LIMIT ?",
        visible.sql()
    );
    let values = visible.between(&[&since], &[&MOST]);
    sql::rows(connection, &text, values, |row| {
        Ok(Added {
            created_at: row.get(0)?,
            kind: row.get(1)?,
            who: row.get(2)?,
            importance: row.get(3)?,
            pinned: row.get::<Option<bool>>(4)?.unwrap_or(false),
            tags: row.get(5)?,
        })
    })
}

#[derive(Debug)]
pub struct Changed {
    pub created_at: String,
    pub event: String,
    pub reason: Option<String>,
}

/// History events since, of memories that are visible.
pub fn changed_since(connection: &Connection, since: &str, visible: &Conditions) -> rusqlite::Result<Vec<Changed>> {
    let text = format!(
        "SELECT h.created_at, h.event, h.reason FROM memory_history h INDEXED BY idx_memory_history_created_at
         CROSS JOIN memories m ON m.id = h.memory_id WHERE h.created_at >= ? AND {} ORDER BY h.created_at DESC LIMIT ?",
        visible.sql()
    );
    let values = visible.between(&[&since], &[&MOST]);
    sql::rows(connection, &text, values, |row| {
        Ok(Changed { created_at: row.get(0)?, event: row.get(1)?, reason: row.get(2)? })
    })
}

/// A change that someone should look at.
#[derive(Debug, Serialize)]
pub struct Review {
    pub id: String,
    pub memory_id: String,
    pub event: String,
    pub old_content: Option<String>,
    pub new_content: Option<String>,
    pub reason: Option<String>,
    pub metadata: Option<String>,
    pub created_at: String,
    pub session_id: Option<String>,
    pub current_content: Option<String>,
    pub memory_type: Option<String>,
    pub importance: Option<f64>,
}

/// Changes to review since, newest first.
pub fn review_queue(
    connection: &Connection,
    since: &str,
    visible: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Review>> {
    let text = format!(
        "SELECT h.id, h.memory_id, h.event, h.old_content, h.new_content, h.reason, h.metadata, h.created_at, h.session_id,
           m.content, m.type, m.importance
         FROM memory_history h INDEXED BY idx_memory_history_created_at CROSS JOIN memories m ON m.id = h.memory_id
         WHERE h.created_at >= ? AND h.event IN ('DEDUP', 'REVIEW_NEEDED', 'BLOCKED_DESTRUCTIVE') AND {}
         ORDER BY h.created_at DESC LIMIT ?",
        visible.sql()
    );
    let values = visible.between(&[&since], &[&limit]);
    sql::rows(connection, &text, values, |row| {
        Ok(Review {
            id: row.get(0)?,
            memory_id: row.get(1)?,
            event: row.get(2)?,
            old_content: row.get(3)?,
            new_content: row.get(4)?,
            reason: row.get(5)?,
            metadata: row.get(6)?,
            created_at: row.get(7)?,
            session_id: row.get(8)?,
            current_content: row.get(9)?,
            memory_type: row.get(10)?,
            importance: row.get(11)?,
        })
    })
}

/// Whether a document is of the agent and the project whose rows may be seen.
pub fn document_is_visible(connection: &Connection, id: &str, visible: &Visible) -> rusqlite::Result<bool> {
    let (agent, project) = visible.agent_and_project();
    let text =
        "SELECT 1 FROM documents WHERE id = ?1 AND (?2 IS NULL OR agent_id = ?2) AND (?3 IS NULL OR project = ?3)";
    Ok(sql::row(connection, text, (id, agent, project), |_| Ok(()))?.is_some())
}

/// A background job as the API shows it.
pub fn job(connection: &Connection, id: &str) -> rusqlite::Result<Option<Value>> {
    sql::row(
        connection,
        "SELECT id, memory_id, document_id, job_type, status, attempts, max_attempts, error, leased_at, completed_at,
           failed_at, created_at, updated_at FROM memory_jobs WHERE id = ?1",
        [id],
        |row| {
            let text = |n: usize| row.get::<Option<String>>(n);
            let (attempts, error) = (row.get::<Option<i64>>(5)?.unwrap_or(0), text(7)?);
            Ok(json!({
                "id": text(0)?, "memory_id": text(1)?, "document_id": text(2)?, "job_type": text(3)?,
                "status": text(4)?, "attempt_count": attempts, "attempts": attempts,
                "max_attempts": row.get::<Option<i64>>(6)?, "next_attempt_at": null, "last_error": error,
                "last_error_code": null, "error": error, "leased_at": text(8)?, "completed_at": text(9)?,
                "failed_at": text(10)?, "created_at": text(11)?, "updated_at": text(12)?,
            }))
        },
    )
}
