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

/// A conversation that was found.
#[derive(Debug, Clone)]
pub struct Hit {
    pub session_key: String,
    pub project: Option<String>,
    pub updated_at: String,
    pub excerpt: String,
    pub rank: f64,
}

/// By a full-text expression, the best first. Of each text `shown` is kept: whole ones would fill the memory.
pub fn by_expression(
    connection: &Connection,
    expression: &str,
    wanted: &Wanted,
    limit: i64,
    shown: impl Fn(&str) -> String,
) -> rusqlite::Result<Vec<Hit>> {
    sql::rows(
        connection,
        "SELECT t.session_key, t.project, COALESCE(t.updated_at, t.created_at), f.rank, t.content
         FROM session_transcripts_fts f JOIN session_transcripts t ON t.rowid = f.rowid
         WHERE f.session_transcripts_fts MATCH ?1 AND t.agent_id = ?2 AND (?3 IS NULL OR t.session_key = ?3)
           AND (?4 IS NULL OR t.session_key <> ?4) AND (?5 IS NULL OR t.project = ?5)
         ORDER BY f.rank, t.updated_at DESC LIMIT ?6",
        (expression, &wanted.agent, &wanted.session_key, &wanted.but, &wanted.project, limit),
        |row| {
            Ok(Hit {
                session_key: row.get(0)?,
                project: row.get(1)?,
                updated_at: row.get(2)?,
                rank: row.get(3)?,
                excerpt: shown(&row.get::<String>(4)?),
            })
        },
    )
}

/// Of the agent's newest transcripts those that `look` finds something in: with a rank and an excerpt.
pub fn among_newest(
    connection: &Connection,
    wanted: &Wanted,
    limit: i64,
    look: impl Fn(&str) -> Option<(f64, String)>,
) -> rusqlite::Result<Vec<Hit>> {
    let looked = sql::rows(
        connection,
        "SELECT t.session_key, t.project, COALESCE(t.updated_at, t.created_at), t.content
         FROM session_transcripts t INDEXED BY idx_st_agent_updated
         WHERE t.agent_id = ?1 AND (?2 IS NULL OR t.session_key = ?2) AND (?3 IS NULL OR t.session_key <> ?3)
           AND (?4 IS NULL OR t.project = ?4)
         ORDER BY t.updated_at DESC LIMIT ?5",
        (&wanted.agent, &wanted.session_key, &wanted.but, &wanted.project, limit),
        |row| {
            let Some((rank, excerpt)) = look(&row.get::<String>(3)?) else { return Ok(None) };
            Ok(Some(Hit { session_key: row.get(0)?, project: row.get(1)?, updated_at: row.get(2)?, excerpt, rank }))
        },
    )?;
    Ok(looked.into_iter().flatten().collect())
}
