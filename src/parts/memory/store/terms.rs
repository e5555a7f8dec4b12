//! `signetd_terms_fts`: terms of memories that the plain full-text index does not see.

use rusqlite::Connection;

use super::fulltext::Match;
use crate::db::sql::{self, Conditions};
use crate::text;

/// Indexes the terms of a new memory, where it has any; what the triggers note without need is left to
/// the background.
pub fn add(connection: &Connection, memory_id: &str, content: &str) -> rusqlite::Result<()> {
    if text::own_terms(content).is_none() { Ok(()) } else { settle(connection, memory_id, content) }
}

/// Indexes the terms of a memory that was just changed, and takes it off the list of those due.
pub fn settle(connection: &Connection, memory_id: &str, content: &str) -> rusqlite::Result<()> {
    // what the triggers note is a part of this
    if content.is_ascii() && !content.contains(['+', '#', '.']) {
        return Ok(());
    }
    match super::memories::rowid(connection, memory_id)? {
        Some(rowid) => index(connection, rowid, Some(content)),
        None => Ok(()),
    }
}

/// Indexes the terms of a memory, or forgets those of one that is gone.
pub fn index(connection: &Connection, rowid: i64, content: Option<&str>) -> rusqlite::Result<()> {
    sql::execute(connection, "DELETE FROM signetd_terms_fts WHERE rowid = ?1", [rowid])?;
    if let Some(terms) = content.and_then(text::own_terms) {
        sql::execute(
            connection,
            "INSERT INTO signetd_terms_fts (rowid, own, seen) VALUES (?1, ?2, ?3)",
            (rowid, terms.own.join(" "), terms.seen.join(" ")),
        )?;
    }
    sql::execute(connection, "DELETE FROM signetd_terms_due WHERE memory_rowid = ?1", [rowid])?;
    Ok(())
}

/// Memories whose terms are due, with their content; `None` of those that are gone.
pub fn due(connection: &Connection, limit: i64) -> rusqlite::Result<Vec<(i64, Option<String>)>> {
    sql::rows(
        connection,
        "SELECT d.memory_rowid, m.content FROM signetd_terms_due d LEFT JOIN memories m ON m.rowid = d.memory_rowid
         LIMIT ?1",
        [limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Whether any memory has terms of its own.
pub fn any(connection: &Connection) -> rusqlite::Result<bool> {
    let text = "SELECT EXISTS (SELECT 1 FROM signetd_terms_fts_docsize)";
    connection.prepare_cached(text)?.query_row([], |row| row.get(0))
}

/// The best matches of an expression by their own terms, whether or not the caller may see them.
pub fn best(connection: &Connection, expression: &str, limit: i64) -> rusqlite::Result<Vec<Match>> {
    sql::rows(
        connection,
        "SELECT rowid, bm25(signetd_terms_fts, 1.0, 0.0) AS score FROM signetd_terms_fts
         WHERE signetd_terms_fts MATCH ?1 ORDER BY score LIMIT ?2",
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
        "SELECT m.rowid, bm25(signetd_terms_fts, 1.0, 0.0) AS score FROM signetd_terms_fts f JOIN memories m ON m.rowid = f.rowid
         WHERE signetd_terms_fts MATCH ? AND {} ORDER BY score LIMIT ?",
        filter.sql()
    );
    let values = filter.between(&[&expression], &[&limit]);
    sql::rows(connection, &text, values, |row| Ok(Match { rowid: row.get(0)?, bm25: row.get(1)? }))
}
