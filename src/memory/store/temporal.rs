//! Dated rows: the edges of memories and everything else that has a time.

use rusqlite::{Connection, ToSql, named_params};

use crate::db::sql::{self, Conditions};

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

pub fn upsert(connection: &Connection, e: &Edge<'_>, now: &str) -> rusqlite::Result<()> {
    sql::execute(
        connection,
        "INSERT INTO temporal_edges (id, agent_id, subject_type, subject_id, facet, start_at, end_at, confidence,
           provenance_json, created_at, updated_at)
         VALUES (:id, :agent, 'memory', :memory, :facet, :start, :end, 1.0, :provenance, :now, :now)
         ON CONFLICT (id) DO UPDATE SET end_at = :end, confidence = 1.0, provenance_json = :provenance, updated_at = :now",
        named_params! {
            ":id": e.id, ":agent": e.agent, ":memory": e.memory_id, ":facet": e.facet, ":start": e.start,
            ":end": e.end, ":provenance": e.provenance, ":now": now,
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
    facets: &[&str],
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
    let mut before: Vec<&dyn ToSql> = facets.iter().map(|f| f as &dyn ToSql).collect();
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

/// Session summaries of the agent that overlap the window.
pub fn sessions(
    connection: &Connection,
    window: Window<'_>,
    agent: &str,
    project: Option<&str>,
    limit: i64,
) -> rusqlite::Result<Vec<Dated>> {
    sql::rows(
        connection,
        "SELECT id, earliest_at, latest_at, content FROM session_summaries
         WHERE agent_id = ?1 AND latest_at >= ?2 AND earliest_at < ?3 AND COALESCE(source_type, 'summary') <> 'chunk'
           AND (?5 IS NULL OR project = ?5)
         ORDER BY latest_at DESC LIMIT ?4",
        (agent, window.start, window.end, limit, project),
        |row| {
            Ok(Dated {
                subject_type: "session_summary".to_owned(),
                subject_id: row.get(0)?,
                facet: "session".to_owned(),
                start: row.get(1)?,
                end: row.get(2)?,
                rank: 1.0,
                content: row.get(3)?,
            })
        },
    )
}

/// Artifacts of the agent captured in the window.
pub fn captured_artifacts(
    connection: &Connection,
    window: Window<'_>,
    agent: &str,
    project: Option<&str>,
    limit: i64,
) -> rusqlite::Result<Vec<Dated>> {
    sql::rows(
        connection,
        "SELECT source_path, captured_at, ended_at, content FROM memory_artifacts
         WHERE agent_id = ?1 AND is_deleted = 0 AND captured_at >= ?2 AND captured_at < ?3
           AND (?5 IS NULL OR project = ?5)
         ORDER BY captured_at DESC LIMIT ?4",
        (agent, window.start, window.end, limit, project),
        |row| artifact(row, "captured", 0.6),
    )
}

/// Artifacts of the agent whose source was changed in the window (milliseconds since 1970).
pub fn source_artifacts(
    connection: &Connection,
    from_ms: i64,
    until_ms: i64,
    agent: &str,
    project: Option<&str>,
    limit: i64,
) -> rusqlite::Result<Vec<Dated>> {
    sql::rows(
        connection,
        "SELECT source_path, strftime('%Y-%m-%dT%H:%M:%fZ', source_mtime_ms / 1000.0, 'unixepoch'), ended_at, content
         FROM memory_artifacts WHERE agent_id = ?1 AND is_deleted = 0 AND source_mtime_ms >= ?2 AND source_mtime_ms < ?3
           AND (?5 IS NULL OR project = ?5)
         ORDER BY source_mtime_ms DESC LIMIT ?4",
        (agent, from_ms, until_ms, limit, project),
        |row| artifact(row, "source", 0.8),
    )
}

fn artifact(row: &sql::Row<'_>, facet: &str, rank: f64) -> rusqlite::Result<Dated> {
    Ok(Dated {
        subject_type: "memory_artifact".to_owned(),
        subject_id: row.get(0)?,
        facet: facet.to_owned(),
        start: row.get(1)?,
        end: row.get(2)?,
        rank,
        content: row.get(3)?,
    })
}
