//! Transcripts by their words.

use rusqlite::Connection;

use crate::db::sql;

/// Which transcripts are searched.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    pub agent: String,
    /// Only this session.
    pub session_key: Option<String>,
    /// Not this one.
    pub but: Option<String>,
    pub project: Option<String>,
}

/// A transcript that was found.
#[derive(Debug, Clone)]
pub struct Found {
    pub session_key: String,
    pub project: Option<String>,
    pub updated_at: String,
    pub content: String,
    pub rank: f64,
}

fn found(row: &sql::Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        session_key: row.get(0)?,
        project: row.get(1)?,
        updated_at: row.get(2)?,
        content: row.get(3)?,
        rank: row.get(4)?,
    })
}

/// By a full-text expression, the best first.
pub fn by_expression(
    connection: &Connection,
    expression: &str,
    wanted: &Wanted,
    limit: i64,
) -> rusqlite::Result<Vec<Found>> {
    sql::rows(
        connection,
        "SELECT t.session_key, t.project, COALESCE(t.updated_at, t.created_at), t.content, f.rank
         FROM session_transcripts_fts f JOIN session_transcripts t ON t.rowid = f.rowid
         WHERE f.session_transcripts_fts MATCH ?1 AND t.agent_id = ?2 AND (?3 IS NULL OR t.session_key = ?3)
           AND (?4 IS NULL OR t.session_key <> ?4) AND (?5 IS NULL OR t.project = ?5)
         ORDER BY f.rank, t.updated_at DESC LIMIT ?6",
        (expression, &wanted.agent, &wanted.session_key, &wanted.but, &wanted.project, limit),
        found,
    )
}

/// The agent's newest transcripts, to be looked through for parts of words.
pub fn newest(connection: &Connection, wanted: &Wanted, limit: i64) -> rusqlite::Result<Vec<Found>> {
    sql::rows(
        connection,
        "SELECT t.session_key, t.project, COALESCE(t.updated_at, t.created_at), t.content, 0.0
         FROM session_transcripts t INDEXED BY idx_st_agent_updated
         WHERE t.agent_id = ?1 AND (?2 IS NULL OR t.session_key = ?2) AND (?3 IS NULL OR t.session_key <> ?3)
           AND (?4 IS NULL OR t.project = ?4)
         ORDER BY t.updated_at DESC LIMIT ?5",
        (&wanted.agent, &wanted.session_key, &wanted.but, &wanted.project, limit),
        found,
    )
}
