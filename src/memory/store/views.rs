//! Memories as routes show them: one whole, lists, counts.

use rusqlite::Connection;
use serde::Serialize;

use crate::db::sql::{self, Conditions};

/// Everything `GET /api/memory/:id` shows.
#[derive(Debug, Serialize)]
pub struct Full {
    pub id: String,
    pub content: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub importance: Option<f64>,
    pub tags: Option<String>,
    pub pinned: i64,
    pub who: Option<String>,
    pub source_id: Option<String>,
    pub source_type: Option<String>,
    pub source_path: Option<String>,
    pub runtime_path: Option<String>,
    pub idempotency_key: Option<String>,
    pub project: Option<String>,
    pub session_id: Option<String>,
    pub confidence: f64,
    pub access_count: i64,
    pub last_accessed: Option<String>,
    pub is_deleted: i64,
    pub deleted_at: Option<String>,
    pub extraction_status: Option<String>,
    pub embedding_model: Option<String>,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
    pub updated_by: String,
}

/// A live memory that `visible` lets through.
pub fn find_full(connection: &Connection, id: &str, visible: &Conditions) -> rusqlite::Result<Option<Full>> {
    // m.* because only old files have session_id
    let text = format!("SELECT m.* FROM memories m WHERE m.id = ? AND m.is_deleted = 0 AND {}", visible.sql());
    let values = visible.after(&[&id]);
    sql::row(connection, &text, values, |row| {
        Ok(Full {
            id: row.get("id")?,
            content: row.get("content")?,
            kind: row.get("type")?,
            importance: row.get("importance")?,
            tags: row.get("tags")?,
            pinned: row.get::<Option<i64>>("pinned")?.unwrap_or(0),
            who: row.get("who")?,
            source_id: row.get("source_id")?,
            source_type: row.get("source_type")?,
            source_path: row.get("source_path")?,
            runtime_path: row.get("runtime_path")?,
            idempotency_key: row.get("idempotency_key")?,
            project: row.get("project")?,
            session_id: row.get::<Option<String>>("session_id").unwrap_or(None),
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

/// One line of `GET /api/memories`.
#[derive(Debug, Serialize)]
pub struct Listed {
    pub id: String,
    pub content: String,
    pub created_at: String,
    pub who: Option<String>,
    pub importance: Option<f64>,
    pub tags: Option<String>,
    pub source_type: Option<String>,
    pub pinned: i64,
    #[serde(rename = "type")]
    pub kind: String,
}

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

/// `stats` of `GET /api/memories`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub total: i64,
    pub with_embeddings: i64,
    pub critical: i64,
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

/// One line of `GET /api/memories/most-used`.
#[derive(Debug, Serialize)]
pub struct MostUsed {
    pub id: String,
    pub content: String,
    pub access_count: i64,
    pub importance: Option<f64>,
    #[serde(rename = "type")]
    pub kind: String,
    pub tags: Option<String>,
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
