//! `session_transcripts`: what each session said.

use rusqlite::Connection;

use crate::db::{Tx, sql};
use crate::parts::memory::Transcript;

/// Whose transcript, and where it comes from.
#[derive(Debug, Clone)]
pub struct Owner {
    pub agent: String,
    pub key: String,
    pub harness: String,
    pub project: Option<String>,
}

/// A stored transcript.
#[derive(Debug, Clone)]
pub struct Stored {
    pub key: String,
    pub content: String,
    pub harness: Option<String>,
    pub project: Option<String>,
    pub created_at: String,
    pub updated_at: String,
}

fn stored(row: &sql::Row<'_>) -> rusqlite::Result<Stored> {
    Ok(Stored {
        key: row.get(0)?,
        content: row.get(1)?,
        harness: row.get(2)?,
        project: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

/// The raw transcript that a memory was made from.
pub fn keep_source(tx: &Tx<'_>, t: Transcript<'_>) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO session_transcripts (session_key, agent_id, content, project, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5)
         ON CONFLICT (agent_id, session_key) DO UPDATE SET content = ?3, updated_at = ?5
         WHERE session_transcripts.project IS ?4",
        (t.session_key, t.agent, t.text, t.project, tx.now()),
    )?;
    Ok(())
}

/// Bytes of the stored content.
pub fn length(connection: &Connection, agent: &str, key: &str) -> rusqlite::Result<Option<i64>> {
    sql::row(
        connection,
        "SELECT octet_length(content) FROM session_transcripts WHERE agent_id = ?1 AND session_key = ?2",
        (agent, key),
        |row| row.get(0),
    )
}

/// The project of a stored transcript.
pub fn project(connection: &Connection, agent: &str, key: &str) -> rusqlite::Result<Option<Option<String>>> {
    sql::row(
        connection,
        "SELECT project FROM session_transcripts WHERE agent_id = ?1 AND session_key = ?2",
        (agent, key),
        |row| row.get(0),
    )
}

/// Stores a whole transcript. A text as it stands is not written again.
pub fn put(tx: &Tx<'_>, owner: &Owner, content: &str) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO session_transcripts (session_key, agent_id, content, harness, project, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (agent_id, session_key) DO UPDATE SET content = ?3, harness = COALESCE(?4, harness),
           project = COALESCE(?5, project), updated_at = ?6
         WHERE content <> ?3 OR harness IS NOT ?4 OR project IS NOT COALESCE(?5, project)",
        (&owner.key, &owner.agent, content, &owner.harness, &owner.project, tx.now()),
    )?;
    Ok(())
}

/// The last so many characters.
pub fn tail(connection: &Connection, agent: &str, key: &str, chars: usize) -> rusqlite::Result<Option<String>> {
    sql::row(
        connection,
        "SELECT substr(content, -?3) FROM session_transcripts WHERE agent_id = ?1 AND session_key = ?2",
        (agent, key, chars as i64),
        |row| row.get(0),
    )
}

/// Adds lines to a transcript, which is made where there is none.
pub fn append(tx: &Tx<'_>, owner: &Owner, lines: &str) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO session_transcripts (session_key, agent_id, content, harness, project, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)
         ON CONFLICT (agent_id, session_key) DO UPDATE SET
           content = CASE WHEN content = '' THEN ?3 ELSE content || char(10) || ?3 END,
           harness = COALESCE(?4, harness), project = COALESCE(?5, project), updated_at = ?6",
        (&owner.key, &owner.agent, lines, &owner.harness, &owner.project, tx.now()),
    )?;
    Ok(())
}

/// A transcript of the agent; of one project only, where the caller is bound to it.
pub fn find(
    connection: &Connection,
    agent: &str,
    key: &str,
    bound_to: Option<&str>,
) -> rusqlite::Result<Option<Stored>> {
    sql::row(
        connection,
        "SELECT session_key, content, harness, project, created_at, COALESCE(updated_at, created_at)
         FROM session_transcripts WHERE agent_id = ?1 AND session_key = ?2 AND (?3 IS NULL OR project = ?3)",
        (agent, key, bound_to),
        stored,
    )
}

/// The agent's newest transcripts of a harness and project, but for one session's.
pub fn newest_of(
    connection: &Connection,
    agent: &str,
    harness: &str,
    project: &str,
    but: &str,
    limit: i64,
) -> rusqlite::Result<Vec<Stored>> {
    sql::rows(
        connection,
        "SELECT session_key, content, harness, project, created_at, COALESCE(updated_at, created_at)
         FROM session_transcripts INDEXED BY idx_st_project
         WHERE project = ?3 AND agent_id = ?1 AND harness = ?2 AND session_key <> ?4
         ORDER BY COALESCE(updated_at, created_at) DESC LIMIT ?5",
        (agent, harness, project, but, limit),
        stored,
    )
}

pub fn delete(tx: &Tx<'_>, agent: &str, key: &str) -> rusqlite::Result<bool> {
    let text = "DELETE FROM session_transcripts WHERE agent_id = ?1 AND session_key = ?2";
    Ok(sql::execute(tx, text, (agent, key))? > 0)
}

/// Keys of an agent's transcripts, a page at a time.
pub fn keys(connection: &Connection, agent: &str, after: &str, limit: i64) -> rusqlite::Result<Vec<String>> {
    sql::rows(
        connection,
        "SELECT session_key FROM session_transcripts WHERE agent_id = ?1 AND session_key > ?2 ORDER BY session_key LIMIT ?3",
        (agent, after, limit),
        |row| row.get(0),
    )
}

/// Agents with transcripts.
pub fn agents(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    sql::rows(
        connection,
        "SELECT DISTINCT agent_id FROM session_transcripts INDEXED BY idx_st_agent_updated LIMIT 1000",
        [],
        |row| row.get(0),
    )
}
