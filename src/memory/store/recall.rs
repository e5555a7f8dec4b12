//! Rows for a recall's answer.

use rusqlite::Connection;

use crate::db::sql;

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
}

/// The rows of these rowids, which a filter has let through.
pub fn rows(connection: &Connection, rowids: &[i64]) -> rusqlite::Result<Vec<Row>> {
    let list = serde_json::Value::from(rowids).to_string();
    sql::rows(
        connection,
        "SELECT m.rowid, m.id, m.content, m.source_id, m.type, m.tags, m.pinned, m.importance, m.who, m.project,
           m.created_at, m.visibility, m.scope, m.source_path, m.access_count, m.last_accessed
         FROM json_each(?1) j JOIN memories m ON m.rowid = j.value",
        [list],
        |row| {
            Ok(Row {
                rowid: row.get(0)?,
                id: row.get(1)?,
                content: row.get(2)?,
                source_id: row.get(3)?,
                kind: row.get(4)?,
                tags: row.get(5)?,
                pinned: row.get::<_, Option<bool>>(6)?.unwrap_or(false),
                importance: row.get(7)?,
                who: row.get(8)?,
                project: row.get(9)?,
                created_at: row.get(10)?,
                visibility: row.get::<_, Option<String>>(11)?.unwrap_or_else(|| "global".to_owned()),
                scope: row.get(12)?,
                source_path: row.get(13)?,
                access_count: row.get::<_, Option<i64>>(14)?.unwrap_or(0),
                last_accessed: row.get(15)?,
            })
        },
    )
}
