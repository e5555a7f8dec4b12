//! Memories as routes show them: one whole, lists, counts.

use rusqlite::Connection;

use crate::db::sql::{self, Conditions};
use crate::parts::memory::api::{Listed, MostUsed, OneMemory, OtherNames, Stats};

/// A live memory that `visible` lets through.
pub fn find_full(connection: &Connection, id: &str, visible: &Conditions) -> rusqlite::Result<Option<OneMemory>> {
    // m.* because only old files have session_id
    let text = format!("SELECT m.* FROM memories m WHERE m.id = ? AND m.is_deleted = 0 AND {}", visible.sql());
    let values = visible.after(&[&id]);
    sql::row(connection, &text, values, |row| {
        let text = |name: &str| row.get::<Option<String>>(name);
        let source_type = text("source_type")?;
        let session_id = row.get::<Option<String>>("session_id").unwrap_or(None);
        let from_session = source_type.as_deref().is_some_and(|t| t.starts_with("session"));
        let session = session_id.clone().or(text("source_id")?.filter(|_| from_session));
        let names = OtherNames {
            source_path: text("source_path")?,
            runtime_path: text("runtime_path")?,
            idempotency_key: text("idempotency_key")?,
            session_id: session,
        };
        Ok(OneMemory {
            names,
            id: row.get("id")?,
            content: row.get("content")?,
            kind: row.get("type")?,
            importance: row.get("importance")?,
            tags: row.get("tags")?,
            pinned: row.get::<Option<i64>>("pinned")?.unwrap_or(0),
            who: row.get("who")?,
            source_id: row.get("source_id")?,
            source_type,
            source_path: row.get("source_path")?,
            runtime_path: row.get("runtime_path")?,
            idempotency_key: row.get("idempotency_key")?,
            project: row.get("project")?,
            session_id,
            confidence: row.get::<Option<f64>>("confidence")?.unwrap_or(1.0),
            access_count: row.get::<Option<i64>>("access_count")?.unwrap_or(0),
            last_accessed: row.get("last_accessed")?,
            is_deleted: row.get::<Option<i64>>("is_deleted")?.unwrap_or(0),
            deleted_at: row.get("deleted_at")?,
            extraction_status: row.get("extraction_status")?,
            embedding_model: row.get("embedding_model")?,
            version: row.get::<Option<i64>>("version")?.unwrap_or(1),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            updated_by: row.get("updated_by")?,
        })
    })
}

/// A page of live memories, newest first.
pub fn list(connection: &Connection, visible: &Conditions, limit: i64, offset: i64) -> rusqlite::Result<Vec<Listed>> {
    let text = format!(
        "SELECT m.id, m.content, m.created_at, m.who, m.importance, m.tags, m.source_type, COALESCE(m.pinned, 0), m.type
         FROM memories m INDEXED BY idx_memories_created
         WHERE m.is_deleted = 0 AND {} ORDER BY m.created_at DESC LIMIT ? OFFSET ?",
        visible.sql()
    );
    let values = visible.between(&[], &[&limit, &offset]);
    sql::rows(connection, &text, values, |row| {
        Ok(Listed {
            id: row.get(0)?,
            content: row.get(1)?,
            created_at: row.get(2)?,
            who: row.get(3)?,
            importance: row.get(4)?,
            tags: row.get(5)?,
            source_type: row.get(6)?,
            pinned: row.get(7)?,
            kind: row.get(8)?,
        })
    })
}

pub fn stats(connection: &Connection, visible: &Conditions) -> rusqlite::Result<Stats> {
    let count = |extra: &str| -> rusqlite::Result<i64> {
        let text = format!("SELECT COUNT(*) FROM memories m WHERE m.is_deleted = 0 AND {} {extra}", visible.sql());
        connection.prepare_cached(&text)?.query_row(visible.after(&[]), |row| row.get(0))
    };
    Ok(Stats {
        total: count("")?,
        critical: count("AND m.importance >= 0.9")?,
        with_embeddings: connection
            .prepare_cached("SELECT COUNT(*) FROM embeddings")?
            .query_row([], |row| row.get(0))?,
    })
}

const USED: &str = "m.id, m.content, m.access_count, m.importance, m.type, m.tags";

fn used(row: &sql::Row<'_>) -> rusqlite::Result<MostUsed> {
    Ok(MostUsed {
        id: row.get(0)?,
        content: row.get(1)?,
        access_count: row.get(2)?,
        importance: row.get(3)?,
        kind: row.get(4)?,
        tags: row.get(5)?,
    })
}

pub fn most_used(connection: &Connection, visible: &Conditions, limit: i64) -> rusqlite::Result<Vec<MostUsed>> {
    let text = format!(
        "SELECT {USED} FROM memories m INDEXED BY idx_signetd_memories_access
         WHERE m.access_count > 0 AND m.is_deleted = 0 AND {}
         ORDER BY m.access_count DESC, m.importance DESC LIMIT ?",
        visible.sql()
    );
    sql::rows(connection, &text, visible.between(&[], &[&limit]), used)
}

/// Those of these memories that are live and visible, used before or not.
pub fn used_of(connection: &Connection, ids: &[&String], visible: &Conditions) -> rusqlite::Result<Vec<MostUsed>> {
    let text = format!(
        "SELECT {USED} FROM json_each(?) j CROSS JOIN memories m ON m.id = j.value WHERE m.is_deleted = 0 AND {}",
        visible.sql()
    );
    let list = serde_json::json!(ids).to_string();
    sql::rows(connection, &text, visible.after(&[&list]), used)
}

/// Distinct authors, ascending.
pub fn authors(connection: &Connection, visible: &Conditions, limit: i64) -> rusqlite::Result<Vec<String>> {
    let text = format!(
        "SELECT DISTINCT m.who FROM memories m WHERE m.who IS NOT NULL AND m.is_deleted = 0 AND {} ORDER BY m.who LIMIT ?",
        visible.sql()
    );
    let values = visible.between(&[], &[&limit]);
    sql::rows(connection, &text, values, |row| row.get(0))
}
