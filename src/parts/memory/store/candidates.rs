//! The rows a forget is about.

use rusqlite::Connection;

use crate::db::sql::{self, Conditions};

/// What a forget looks at.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub id: String,
    pub pinned: bool,
    pub version: i64,
    pub score: f64,
}

fn candidate(row: &sql::Row<'_>, score: f64) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        id: row.get(0)?,
        pinned: row.get::<Option<bool>>(1)?.unwrap_or(false),
        version: row.get::<Option<i64>>(2)?.unwrap_or(1),
        score,
    })
}

/// Live rows of these ids, in their order.
pub fn by_id(connection: &Connection, ids: &[String], visible: &Conditions) -> rusqlite::Result<Vec<Candidate>> {
    let text = format!(
        "SELECT m.id, m.pinned, m.version FROM memories m WHERE m.id = ? AND m.is_deleted = 0 AND {}",
        visible.sql()
    );
    let mut found = Vec::new();
    for id in ids {
        let values = visible.after(&[id]);
        found.extend(sql::row(connection, &text, values, |row| candidate(row, 0.0))?);
    }
    Ok(found)
}

/// Live rows that a filter lets through: pinned first, then importance, then the newest change.
pub fn by_filter(connection: &Connection, filter: &Conditions, limit: i64) -> rusqlite::Result<Vec<Candidate>> {
    let text = format!(
        "SELECT m.id, m.pinned, m.version FROM memories m WHERE m.is_deleted = 0 AND {}
         ORDER BY m.pinned DESC, m.importance DESC, m.updated_at DESC LIMIT ?",
        filter.sql()
    );
    let values = filter.between(&[], &[&limit]);
    sql::rows(connection, &text, values, |row| candidate(row, 0.0))
}

/// Live rows matching an FTS5 expression, best first; score 1/(1+|bm25|).
pub fn by_text(
    connection: &Connection,
    expression: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Candidate>> {
    let text = format!(
        "SELECT m.id, m.pinned, m.version, bm25(memories_fts) FROM memories_fts
         JOIN memories m ON m.rowid = memories_fts.rowid
         WHERE memories_fts MATCH ? AND m.is_deleted = 0 AND {} ORDER BY bm25(memories_fts) LIMIT ?",
        filter.sql()
    );
    let values = filter.between(&[&expression], &[&limit]);
    sql::rows(connection, &text, values, |row| {
        let bm25: f64 = row.get(3)?;
        candidate(row, 1.0 / (1.0 + bm25.abs()))
    })
}

/// Live rows containing a text in content or tags, newest change first.
pub fn by_like(
    connection: &Connection,
    text: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Candidate>> {
    let statement = format!(
        "SELECT m.id, m.pinned, m.version FROM memories m
         WHERE (m.content LIKE ?1 ESCAPE '\\' OR m.tags LIKE ?1 ESCAPE '\\') AND m.is_deleted = 0 AND {}
         ORDER BY m.updated_at DESC LIMIT ?",
        filter.sql()
    );
    let pattern = sql::like_contains(text);
    let values = filter.between(&[&pattern], &[&limit]);
    sql::rows(connection, &statement, values, |row| candidate(row, 0.0))
}
