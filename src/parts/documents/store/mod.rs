//! Texts of sources: their chunks by vectors, artifacts by words and times; documents.

pub mod artifacts;

use rusqlite::Connection;

use crate::core::access::Visible;
use crate::db::sql;
use crate::parts::memory::{Artifact, Dated, Match, Window, floats};

/// Chunks of one agent that are compared.
const CHUNKS: i64 = 10_000;
/// Characters of an artifact that are read.
const ARTIFACT: i64 = 200_000;

/// Calls `look` with id and vector of an agent's chunks of so many dimensions.
pub fn each_chunk(
    connection: &Connection,
    agent: &str,
    dims: usize,
    look: &mut dyn FnMut(String, &[f32]),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "SELECT id, vector FROM embeddings INDEXED BY idx_embeddings_agent_source
         WHERE agent_id = ?1 AND source_type IN ('source_chunk', 'source_obsidian_chunk') AND dimensions = ?2 LIMIT ?3",
    )?;
    let mut rows = statement.query((agent, dims as i64, CHUNKS))?;
    while let Some(row) = rows.next()? {
        let row = sql::Row::of(row);
        look(row.get(0)?, &floats(&row.get::<Vec<u8>>(1)?));
    }
    Ok(())
}

/// A chunk's text and when it was indexed.
pub fn chunk(connection: &Connection, id: &str) -> rusqlite::Result<Option<(String, String)>> {
    sql::row(connection, "SELECT chunk_text, created_at FROM embeddings WHERE id = ?1", [id], |row| {
        Ok((row.get(0)?, row.get(1)?))
    })
}

/// Whether there is any artifact to look at.
pub fn any_artifact(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM memory_artifacts)")?.query_row([], |row| row.get(0))
}

/// Live artifacts of sources and of harnesses' own memory that match an expression, best first; of
/// one project, when one is named.
pub fn artifacts(
    connection: &Connection,
    expression: &str,
    agent: &str,
    project: Option<&str>,
    limit: i64,
) -> rusqlite::Result<Vec<Match>> {
    sql::rows(
        connection,
        "SELECT a.rowid, f.rank FROM memory_artifacts_fts f JOIN memory_artifacts a ON a.rowid = f.rowid
         WHERE f.memory_artifacts_fts MATCH ?1 AND a.agent_id = ?2 AND a.is_deleted = 0
           AND substr(a.source_kind, 1, 7) IN ('native_', 'source_') AND (?3 IS NULL OR a.project = ?3)
         ORDER BY f.rank LIMIT ?4",
        (expression, agent, project, limit),
        |row| Ok(Match { rowid: row.get(0)?, bm25: row.get(1)? }),
    )
}

pub fn artifact(connection: &Connection, rowid: i64) -> rusqlite::Result<Option<Artifact>> {
    sql::row(
        connection,
        "SELECT source_path, source_kind, harness, project, captured_at, substr(content, 1, ?2)
         FROM memory_artifacts WHERE rowid = ?1",
        (rowid, ARTIFACT),
        |row| {
            Ok(Artifact {
                source_path: row.get(0)?,
                source_kind: row.get(1)?,
                harness: row.get(2)?,
                project: row.get(3)?,
                captured_at: row.get(4)?,
                content: row.get(5)?,
            })
        },
    )
}

/// Artifacts of the agent captured in the window.
pub fn captured(
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
        |row| dated(row, "captured", 0.6),
    )
}

/// Artifacts of the agent whose source was changed in the window (milliseconds since 1970).
pub fn changed(
    connection: &Connection,
    (from_ms, until_ms): (i64, i64),
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
        |row| dated(row, "source", 0.8),
    )
}

fn dated(row: &sql::Row<'_>, facet: &str, rank: f64) -> rusqlite::Result<Dated> {
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

/// Whether a document is of the agent and the project whose rows may be seen.
pub fn is_visible(connection: &Connection, id: &str, visible: &Visible) -> rusqlite::Result<bool> {
    let (agent, project) = visible.agent_and_project();
    let text =
        "SELECT 1 FROM documents WHERE id = ?1 AND (?2 IS NULL OR agent_id = ?2) AND (?3 IS NULL OR project = ?3)";
    Ok(sql::row(connection, text, (id, agent, project), |_| Ok(()))?.is_some())
}
