//! Memories that a session is begun with, and the few that matter most.

use rusqlite::Connection;

use crate::db::sql::{self, Conditions};

/// A memory as sessions are shown it.
#[derive(Debug, Clone)]
pub struct Brief {
    pub id: String,
    pub content: String,
    pub kind: String,
    pub importance: f64,
    pub pinned: bool,
    pub project: Option<String>,
    pub tags: Option<String>,
    pub created_at: String,
    pub deleted: bool,
    pub rowid: i64,
}

const COLUMNS: &str =
    "m.id, m.content, m.type, COALESCE(m.importance, 0.5), COALESCE(m.pinned, 0), m.project, m.tags, m.created_at,
  COALESCE(m.is_deleted, 0), m.rowid";

fn brief(row: &sql::Row<'_>) -> rusqlite::Result<Brief> {
    Ok(Brief {
        id: row.get(0)?,
        content: row.get(1)?,
        kind: row.get(2)?,
        importance: row.get(3)?,
        pinned: row.get(4)?,
        project: row.get(5)?,
        tags: row.get(6)?,
        created_at: row.get(7)?,
        deleted: row.get(8)?,
        rowid: row.get(9)?,
    })
}

/// The newest live memories without a scope. The plus keeps the planner from walking all live rows: it is to
/// take an index by age, of the one agent where the conditions name one.
pub fn newest(connection: &Connection, visible: &Conditions, limit: i64) -> rusqlite::Result<Vec<Brief>> {
    let text = format!(
        "SELECT {COLUMNS} FROM memories m WHERE {} AND +m.is_deleted = 0 AND m.scope IS NULL ORDER BY m.created_at DESC LIMIT ?",
        visible.sql()
    );
    sql::rows(connection, &text, visible.between(&[], &[&limit]), brief)
}

/// The live memories that are worth most: pinned ones, then by importance, then the newest. Private ones are not
/// among them: what is made of these is read by others.
pub fn worthiest(connection: &Connection, visible: &Conditions, limit: i64) -> rusqlite::Result<Vec<Brief>> {
    let text = format!(
        "SELECT {COLUMNS} FROM memories m INDEXED BY idx_signetd_memories_worth
         WHERE m.is_deleted = 0 AND m.scope IS NULL AND COALESCE(m.visibility, 'global') = 'global' AND {}
         ORDER BY m.pinned DESC, m.importance DESC, m.created_at DESC LIMIT ?",
        visible.sql()
    );
    sql::rows(connection, &text, visible.between(&[], &[&limit]), brief)
}

/// These memories, live and without a scope.
pub fn of_rowids(connection: &Connection, rowids: &[i64], visible: &Conditions) -> rusqlite::Result<Vec<Brief>> {
    let text = format!(
        "SELECT {COLUMNS} FROM json_each(?) j CROSS JOIN memories m ON m.rowid = j.value
         WHERE m.is_deleted = 0 AND m.scope IS NULL AND {}",
        visible.sql()
    );
    let list = serde_json::Value::from(rowids).to_string();
    sql::rows(connection, &text, visible.after(&[&list]), brief)
}

/// The rows of ids.
pub fn rowids(connection: &Connection, ids: &[&str]) -> rusqlite::Result<Vec<(i64, String)>> {
    let text = format!("SELECT m.rowid, m.id FROM memories m WHERE m.id {}", sql::THESE);
    sql::rows(connection, &text, [serde_json::Value::from(ids).to_string()], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// These memories, deleted ones too.
pub fn of_ids(connection: &Connection, ids: &[String], visible: &Conditions) -> rusqlite::Result<Vec<Brief>> {
    let text =
        format!("SELECT {COLUMNS} FROM json_each(?) j CROSS JOIN memories m ON m.id = j.value WHERE {}", visible.sql());
    let list = serde_json::Value::from(ids).to_string();
    sql::rows(connection, &text, visible.after(&[&list]), brief)
}

/// Live memories of a project by words, best first.
pub fn of_project(
    connection: &Connection,
    expression: &str,
    project: &str,
    visible: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Brief>> {
    let text = format!(
        "SELECT {COLUMNS} FROM memories_fts JOIN memories m ON m.rowid = memories_fts.rowid
         WHERE memories_fts MATCH ? AND m.project = ? AND m.is_deleted = 0 AND m.scope IS NULL AND {}
         ORDER BY memories_fts.rank LIMIT ?",
        visible.sql()
    );
    let values = visible.between(&[&expression, &project], &[&limit]);
    sql::rows(connection, &text, values, brief)
}

/// How many live memories there are since a time, up to a bound.
pub fn count_since(connection: &Connection, visible: &Conditions, time: &str, most: i64) -> rusqlite::Result<i64> {
    let text = format!(
        "SELECT COUNT(*) FROM (SELECT 1 FROM memories m INDEXED BY idx_memories_created
           WHERE m.created_at > ? AND m.is_deleted = 0 AND {} LIMIT ?)",
        visible.sql()
    );
    let found = sql::row(connection, &text, visible.between(&[&time], &[&most]), |row| row.get(0))?;
    Ok(found.unwrap_or(0))
}
