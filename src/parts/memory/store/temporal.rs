//! `temporal_edges`: further dates of memories; and memories by the time they were made.

use rusqlite::{Connection, ToSql, named_params};

use crate::db::Tx;
use crate::db::sql::{self, Conditions};
use crate::parts::memory::api::Facet;

/// One further date of a memory.
#[derive(Debug)]
pub struct Edge<'a> {
    pub id: String,
    pub agent: &'a str,
    pub memory_id: &'a str,
    pub facet: &'static str,
    pub start: &'a str,
    pub end: Option<&'a str>,
    pub provenance: String,
}

pub fn upsert(tx: &Tx<'_>, e: &Edge<'_>) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO temporal_edges (id, agent_id, subject_type, subject_id, facet, start_at, end_at, confidence,
           provenance_json, created_at, updated_at)
         VALUES (:id, :agent, 'memory', :memory, :facet, :start, :end, 1.0, :provenance, :now, :now)
         ON CONFLICT (id) DO UPDATE SET end_at = :end, confidence = 1.0, provenance_json = :provenance, updated_at = :now",
        named_params! {
            ":id": e.id, ":agent": e.agent, ":memory": e.memory_id, ":facet": e.facet, ":start": e.start,
            ":end": e.end, ":provenance": e.provenance, ":now": tx.now(),
        },
    )?;
    Ok(())
}

/// A row that a window of time contains.
#[derive(Debug, Clone)]
pub struct Dated {
    pub subject_type: String,
    pub subject_id: String,
    pub facet: String,
    pub start: String,
    pub end: Option<String>,
    pub rank: f64,
    pub content: String,
}

/// The window, its end exclusive.
#[derive(Debug, Clone, Copy)]
pub struct Window<'a> {
    pub start: &'a str,
    pub end: &'a str,
}

/// Memories created in a window that is among the conditions, which speak of `m`.
pub fn captured_memories(connection: &Connection, conditions: &Conditions, limit: i64) -> rusqlite::Result<Vec<Dated>> {
    let text = format!(
        "SELECT m.id, m.created_at, m.content FROM memories m INDEXED BY idx_memories_created
         WHERE m.is_deleted = 0 AND m.scope IS NULL AND {} ORDER BY m.created_at DESC LIMIT ?",
        conditions.sql()
    );
    let values = conditions.between(&[], &[&limit]);
    sql::rows(connection, &text, values, |row| {
        Ok(Dated {
            subject_type: "memory".to_owned(),
            subject_id: row.get(0)?,
            facet: "captured".to_owned(),
            start: row.get(1)?,
            end: None,
            rank: 0.7,
            content: row.get(2)?,
        })
    })
}

/// Temporal edges of visible memories that overlap the window.
pub fn memory_edges(
    connection: &Connection,
    window: Window<'_>,
    facets: &[Facet],
    visible: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Dated>> {
    // facets come from our own list of names, never from text
    let marks = vec!["?"; facets.len()].join(", ");
    let text = format!(
        "SELECT e.subject_id, e.facet, e.start_at, e.end_at, e.confidence, m.content
         FROM temporal_edges e JOIN memories m ON m.id = e.subject_id
         WHERE e.subject_type = 'memory' AND e.facet IN ({marks})
           AND e.start_at < ? AND COALESCE(e.end_at, e.start_at) >= ?
           AND m.is_deleted = 0 AND m.scope IS NULL AND {}
         ORDER BY e.start_at DESC LIMIT ?",
        visible.sql()
    );
    let names: Vec<&str> = facets.iter().map(|f| f.as_str()).collect();
    let mut before: Vec<&dyn ToSql> = names.iter().map(|f| f as &dyn ToSql).collect();
    before.extend([&window.end as &dyn ToSql, &window.start]);
    let values = visible.between(&before, &[&limit]);
    sql::rows(connection, &text, values, |row| {
        Ok(Dated {
            subject_type: "memory".to_owned(),
            subject_id: row.get(0)?,
            facet: row.get(1)?,
            start: row.get(2)?,
            end: row.get(3)?,
            rank: row.get::<f64>(4)?.clamp(0.1, 1.0),
            content: row.get(5)?,
        })
    })
}
