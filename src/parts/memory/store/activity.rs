//! What was added and changed lately.

use rusqlite::Connection;

use crate::db::sql::{self, Conditions};
use crate::parts::memory::api::Review;

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
