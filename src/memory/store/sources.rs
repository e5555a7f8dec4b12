//! Texts beside memories that recall looks at: chunks of sources by their vectors, artifacts by
//! their words.

use rusqlite::Connection;

use super::embeddings::floats;
use super::fulltext::Match;
use crate::db::sql;

/// Chunks of one agent that are compared.
const CHUNKS: i64 = 10_000;
/// Characters of an artifact that are read.
const ARTIFACT: i64 = 200_000;

/// Calls `look` with id and vector of an agent's chunks of so many dimensions.
pub fn each_chunk(
    connection: &Connection,
    agent: &str,
    dims: usize,
    mut look: impl FnMut(String, &[f32]),
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

#[derive(Debug, Clone)]
pub struct Artifact {
    pub source_path: String,
    pub source_kind: String,
    pub harness: Option<String>,
    pub project: Option<String>,
    pub captured_at: String,
    pub content: String,
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
