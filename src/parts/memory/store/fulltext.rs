//! Searching text: FTS5 over memories and hints, `LIKE` where a text is no expression.

use rusqlite::{Connection, ErrorCode, ToSql};

use crate::db::sql::{self, Conditions};
use crate::parts::memory::api::Found;

/// A memory found by its words; `bm25` is negative, smaller is better.
#[derive(Debug, Clone)]
pub struct Match {
    pub rowid: i64,
    pub bm25: f64,
}

/// The best matches of an expression, whether or not the caller may see them: a filter reads the
/// wide rows of `memories` and is applied to the few that are used.
pub fn best(connection: &Connection, expression: &str, limit: i64) -> rusqlite::Result<Vec<Match>> {
    sql::rows(
        connection,
        "SELECT rowid, rank FROM memories_fts WHERE memories_fts MATCH ?1 ORDER BY rank LIMIT ?2",
        (expression, limit),
        |row| Ok(Match { rowid: row.get(0)?, bm25: row.get(1)? }),
    )
}

/// Memories that match an expression and the filter, best first. `filter` speaks of `m`.
pub fn memories(
    connection: &Connection,
    expression: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Match>> {
    let text = format!(
        "SELECT m.rowid, bm25(memories_fts) AS score FROM memories_fts JOIN memories m ON m.rowid = memories_fts.rowid
         WHERE memories_fts MATCH ? AND {} ORDER BY score LIMIT ?",
        filter.sql()
    );
    matches(connection, &text, &[&expression], filter, limit)
}

/// Whether any memory matches an expression and the filter, which speaks of `m`.
pub fn has(connection: &Connection, expression: &str, filter: &Conditions) -> rusqlite::Result<bool> {
    let text = format!(
        "SELECT 1 FROM memories_fts JOIN memories m ON m.rowid = memories_fts.rowid
         WHERE memories_fts MATCH ? AND {} LIMIT ?",
        filter.sql()
    );
    let found = sql::rows(connection, &text, filter.between(&[&expression], &[&1]), |_| Ok(()))?;
    Ok(!found.is_empty())
}

/// Memories of which a hint of the agent matches, best hint first; a memory may come twice.
pub fn hints(
    connection: &Connection,
    expression: &str,
    agent: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Match>> {
    let text = format!(
        "SELECT m.rowid, bm25(memory_hints_fts) AS score FROM memory_hints_fts
         JOIN memory_hints h ON h.rowid = memory_hints_fts.rowid JOIN memories m ON m.id = h.memory_id
         WHERE memory_hints_fts MATCH ? AND h.agent_id = ? AND {} ORDER BY score LIMIT ?",
        filter.sql()
    );
    matches(connection, &text, &[&expression, &agent], filter, limit)
}

/// `before` are the values before those of the filter.
fn matches(
    connection: &Connection,
    text: &str,
    before: &[&dyn ToSql],
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Match>> {
    let values = filter.between(before, &[&limit]);
    sql::rows(connection, text, values, |row| Ok(Match { rowid: row.get(0)?, bm25: row.get(1)? }))
}

/// Words of the memories that begin like this, each with the number of memories it is in.
pub fn words_beginning(connection: &Connection, start: &str, limit: i64) -> rusqlite::Result<Vec<(String, i64)>> {
    // a table of this connection, over the index of the file
    connection.execute_batch(
        "CREATE VIRTUAL TABLE IF NOT EXISTS temp.signetd_words USING fts5vocab('main', 'memories_fts', 'row')",
    )?;
    // no letter sorts behind U+10FFFF
    let end = format!("{start}\u{10FFFF}");
    sql::rows(
        connection,
        "SELECT term, doc FROM temp.signetd_words WHERE term >= ?1 AND term < ?2 LIMIT ?3",
        (start, end, limit),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

const FOUND: &str = "m.id, m.content, m.created_at, m.who, m.importance, m.tags, m.type, COALESCE(m.pinned, 0)";

fn found(row: &sql::Row<'_>) -> rusqlite::Result<Found> {
    Ok(Found {
        id: row.get(0)?,
        content: row.get(1)?,
        created_at: row.get(2)?,
        who: row.get(3)?,
        importance: row.get(4)?,
        tags: row.get(5)?,
        kind: row.get(6)?,
        pinned: row.get(7)?,
        score: None,
    })
}

/// True for the error of an expression that is no FTS5 syntax.
pub fn is_syntax_error(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::Unknown)
}

/// Live memories matching a raw FTS5 expression, with the raw BM25 as score.
pub fn search(
    connection: &Connection,
    expression: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Found>> {
    let text = format!(
        "SELECT {FOUND}, bm25(memories_fts) AS score FROM memories_fts JOIN memories m ON m.rowid = memories_fts.rowid
         WHERE memories_fts MATCH ? AND m.is_deleted = 0 AND {} ORDER BY score LIMIT ?",
        filter.sql()
    );
    let values = filter.between(&[&expression], &[&limit]);
    sql::rows(connection, &text, values, |row| Ok(Found { score: row.get(8)?, ..found(row)? }))
}

/// Live memories containing a text in content or tags, newest first.
pub fn search_like(
    connection: &Connection,
    needle: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Found>> {
    let text = format!(
        "SELECT {FOUND} FROM memories m
         WHERE (m.content LIKE ?1 ESCAPE '\\' OR m.tags LIKE ?1 ESCAPE '\\') AND m.is_deleted = 0 AND {}
         ORDER BY m.created_at DESC LIMIT ?",
        filter.sql()
    );
    let pattern = sql::like_contains(needle);
    let values = filter.between(&[&pattern], &[&limit]);
    sql::rows(connection, &text, values, found)
}

/// Live memories that the filter lets through, newest first.
pub fn filtered(connection: &Connection, filter: &Conditions, limit: i64) -> rusqlite::Result<Vec<Found>> {
    let text = format!(
        "SELECT {FOUND} FROM memories m WHERE m.is_deleted = 0 AND {} ORDER BY m.created_at DESC LIMIT ?",
        filter.sql()
    );
    let values = filter.between(&[], &[&limit]);
    sql::rows(connection, &text, values, found)
}
