//! Rows for a recall's answer.

use std::collections::HashSet;

use rusqlite::Connection;

use super::memories::Place;
use crate::db::sql::{self, Conditions};

/// What ranking and the answer need of a memory.
#[derive(Debug, Clone)]
pub struct Row {
    pub rowid: i64,
    pub id: String,
    pub content: String,
    pub source_id: Option<String>,
    pub kind: String,
    pub tags: Option<String>,
    pub pinned: bool,
    pub importance: Option<f64>,
    pub who: Option<String>,
    pub project: Option<String>,
    pub created_at: String,
    pub visibility: String,
    pub scope: Option<String>,
    pub source_path: Option<String>,
    pub access_count: i64,
    pub last_accessed: Option<String>,
    pub confidence: f64,
}

/// Those rows of these rowids that the filter lets through. `filter` speaks of `m`.
pub fn rows(connection: &Connection, rowids: &[i64], filter: &Conditions) -> rusqlite::Result<Vec<Row>> {
    // CROSS JOIN keeps SQLite from walking all memories in search of the few
    let text = format!(
        "SELECT m.rowid, m.id, m.content, m.source_id, m.type, m.tags, m.pinned, m.importance, m.who, m.project,
           m.created_at, m.visibility, m.scope, m.source_path, m.access_count, m.last_accessed,
           m.confidence
         FROM json_each(?) j CROSS JOIN memories m ON m.rowid = j.value WHERE {}",
        filter.sql()
    );
    let list = serde_json::Value::from(rowids).to_string();
    let values = filter.after(&[&list]);
    sql::rows(connection, &text, values, |row| {
        Ok(Row {
            rowid: row.get(0)?,
            id: row.get(1)?,
            content: row.get(2)?,
            source_id: row.get(3)?,
            kind: row.get(4)?,
            tags: row.get(5)?,
            pinned: row.get::<Option<bool>>(6)?.unwrap_or(false),
            importance: row.get(7)?,
            who: row.get(8)?,
            project: row.get(9)?,
            created_at: row.get(10)?,
            visibility: row.get::<Option<String>>(11)?.unwrap_or_else(|| "global".to_owned()),
            scope: row.get(12)?,
            source_path: row.get(13)?,
            access_count: row.get::<Option<i64>>(14)?.unwrap_or(0),
            last_accessed: row.get(15)?,
            confidence: row.get::<Option<f64>>(16)?.unwrap_or(1.0),
        })
    })
}

/// Which of these rowids the filter lets through. `filter` speaks of `m`.
pub fn allowed_of(connection: &Connection, rowids: &[i64], filter: &Conditions) -> rusqlite::Result<HashSet<i64>> {
    let text =
        format!("SELECT m.rowid FROM json_each(?) j CROSS JOIN memories m ON m.rowid = j.value WHERE {}", filter.sql());
    let list = serde_json::Value::from(rowids).to_string();
    let rows = sql::rows(connection, &text, filter.after(&[&list]), |row| row.get(0))?;
    Ok(rows.into_iter().collect())
}

/// Which places the filter lets through, in their order. `filter` speaks of `m` and of nothing
/// but agent, visibility, scope and project.
pub fn allowed_places(connection: &Connection, places: &[Place], filter: &Conditions) -> rusqlite::Result<Vec<bool>> {
    let text = format!(
        "WITH m AS (SELECT key AS place, 0 AS is_deleted, value ->> 0 AS agent_id, value ->> 1 AS project,
           value ->> 2 AS scope, value ->> 3 AS visibility FROM json_each(?))
         SELECT m.place FROM m WHERE {}",
        filter.sql()
    );
    let list: Vec<[Option<&str>; 4]> = places
        .iter()
        .map(|p| [Some(p.agent.as_str()), p.project.as_deref(), p.scope.as_deref(), Some(p.visibility.as_str())])
        .collect();
    let list = serde_json::json!(list).to_string();
    let values = filter.after(&[&list]);
    let mut allowed = vec![false; places.len()];
    for place in sql::rows(connection, &text, values, |row| row.get::<i64>(0))? {
        if let Some(entry) = allowed.get_mut(place as usize) {
            *entry = true;
        }
    }
    Ok(allowed)
}

/// The rowids of all memories that the filter lets through.
pub fn allowed_rows(connection: &Connection, filter: &Conditions) -> rusqlite::Result<HashSet<i64>> {
    let text = format!("SELECT m.rowid FROM memories m WHERE {}", filter.sql());
    let rows = sql::rows(connection, &text, filter.after(&[]), |row| row.get(0))?;
    Ok(rows.into_iter().collect())
}
