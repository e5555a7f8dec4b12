//! `memory_artifacts` and their tombstones: files about sessions, with their texts to be found.

use rusqlite::{Connection, named_params};

use crate::db::{Tx, sql};
use crate::parts::memory::Tally;

/// A file about a session, as it is indexed.
#[derive(Debug, Clone, Default)]
pub struct Lineage {
    pub agent: String,
    /// Below the workspace.
    pub path: String,
    pub sha256: String,
    /// `summary`, `transcript`, `compaction` or `manifest`.
    pub kind: String,
    pub session_id: String,
    pub session_key: Option<String>,
    pub session_token: String,
    pub project: Option<String>,
    pub harness: Option<String>,
    pub captured_at: String,
    pub started_at: Option<String>,
    pub ended_at: Option<String>,
    pub manifest_path: Option<String>,
    pub source_node_id: Option<String>,
    pub sentence: Option<String>,
    pub sentence_quality: Option<String>,
    pub content: String,
    pub mtime_ms: Option<f64>,
}

/// Puts a file's row in the place of an older one.
pub fn put(tx: &Tx<'_>, a: &Lineage) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO memory_artifacts (agent_id, source_path, source_sha256, source_kind, session_id, session_key, session_token,
           project, harness, captured_at, started_at, ended_at, manifest_path, source_node_id, memory_sentence,
           memory_sentence_quality, content, updated_at, source_mtime_ms, is_deleted)
         VALUES (:agent, :path, :sha, :kind, :session, :key, :token, :project, :harness, :captured, :started, :ended, :manifest,
           :node, :sentence, :quality, :content, :now, :mtime, 0)
         ON CONFLICT (agent_id, source_path) DO UPDATE SET source_sha256 = :sha, source_kind = :kind, session_id = :session,
           session_key = :key, session_token = :token, project = :project, harness = :harness, captured_at = :captured,
           started_at = :started, ended_at = :ended, manifest_path = :manifest, source_node_id = :node,
           memory_sentence = :sentence, memory_sentence_quality = :quality, content = :content, updated_at = :now,
           source_mtime_ms = :mtime, is_deleted = 0, deleted_at = NULL",
        named_params! {
            ":agent": a.agent, ":path": a.path, ":sha": a.sha256, ":kind": a.kind, ":session": a.session_id,
            ":key": a.session_key, ":token": a.session_token, ":project": a.project, ":harness": a.harness,
            ":captured": a.captured_at, ":started": a.started_at, ":ended": a.ended_at, ":manifest": a.manifest_path,
            ":node": a.source_node_id, ":sentence": a.sentence, ":quality": a.sentence_quality, ":content": a.content,
            ":now": tx.now(), ":mtime": a.mtime_ms,
        },
    )?;
    Ok(())
}

pub fn remove(tx: &Tx<'_>, agent: &str, path: &str) -> rusqlite::Result<bool> {
    let text = "DELETE FROM memory_artifacts WHERE agent_id = ?1 AND source_path = ?2";
    Ok(sql::execute(tx, text, (agent, path))? > 0)
}

/// When the indexed state of a file was written (milliseconds since 1970).
pub fn mtime(connection: &Connection, agent: &str, path: &str) -> rusqlite::Result<Option<f64>> {
    sql::row(
        connection,
        "SELECT source_mtime_ms FROM memory_artifacts WHERE agent_id = ?1 AND source_path = ?2 AND is_deleted = 0",
        (agent, path),
        |row| row.get(0),
    )
    .map(Option::flatten)
}

/// Whether what a session left behind was removed on purpose.
pub fn is_buried(connection: &Connection, agent: &str, token: &str) -> rusqlite::Result<bool> {
    let found = sql::row(
        connection,
        "SELECT 1 FROM memory_artifact_tombstones WHERE agent_id = ?1 AND session_token = ?2",
        (agent, token),
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// The path of a session's manifest.
pub fn manifest_of(connection: &Connection, agent: &str, token: &str) -> rusqlite::Result<Option<String>> {
    sql::row(
        connection,
        "SELECT source_path FROM memory_artifacts INDEXED BY idx_memory_artifacts_agent_session
         WHERE agent_id = ?1 AND session_token = ?2 AND source_kind = 'manifest' AND is_deleted = 0 LIMIT 1",
        (agent, token),
        |row| row.get(0),
    )
}

fn lineage(row: &sql::Row<'_>) -> rusqlite::Result<Lineage> {
    Ok(Lineage {
        agent: row.get(0)?,
        path: row.get(1)?,
        sha256: row.get(2)?,
        kind: row.get(3)?,
        session_id: row.get(4)?,
        session_key: row.get(5)?,
        session_token: row.get(6)?,
        project: row.get(7)?,
        harness: row.get(8)?,
        captured_at: row.get(9)?,
        started_at: row.get(10)?,
        ended_at: row.get(11)?,
        manifest_path: row.get(12)?,
        source_node_id: row.get(13)?,
        sentence: row.get(14)?,
        sentence_quality: row.get(15)?,
        content: String::new(),
        mtime_ms: None,
    })
}

const COLUMNS: &str =
    "agent_id, source_path, source_sha256, source_kind, session_id, session_key, session_token, project, harness,
  captured_at, started_at, ended_at, manifest_path, source_node_id, memory_sentence, memory_sentence_quality";

/// An agent's live files about sessions since a time, newest first; without their texts.
pub fn since(connection: &Connection, agent: &str, time: &str, limit: i64) -> rusqlite::Result<Vec<Lineage>> {
    let text = format!(
        "SELECT {COLUMNS} FROM memory_artifacts INDEXED BY idx_memory_artifacts_agent_membership
         WHERE agent_id = ?1 AND COALESCE(ended_at, captured_at) >= ?2 AND is_deleted = 0
           AND source_kind IN ('summary', 'transcript', 'compaction', 'manifest')
         ORDER BY COALESCE(ended_at, captured_at) DESC LIMIT ?3"
    );
    sql::rows(connection, &text, (agent, time, limit), lineage)
}

/// Live files whose session id, key or token is this; of one project only, where one is named.
pub fn of_session(
    connection: &Connection,
    agent: &str,
    session: &str,
    project: Option<&str>,
    limit: i64,
) -> rusqlite::Result<Vec<Lineage>> {
    let text = format!(
        "SELECT {COLUMNS} FROM memory_artifacts INDEXED BY idx_memory_artifacts_agent_membership
         WHERE agent_id = ?1 AND (session_id = ?2 OR session_key = ?2 OR session_token = ?2) AND is_deleted = 0
           AND source_kind IN ('summary', 'transcript', 'compaction', 'manifest') AND (?3 IS NULL OR project = ?3)
         ORDER BY COALESCE(ended_at, captured_at) DESC LIMIT ?4"
    );
    sql::rows(connection, &text, (agent, session, project, limit), lineage)
}

/// How many live files there are of each session, by its key, else by its id.
pub fn sessions(
    connection: &Connection,
    agent: &str,
    project: Option<&str>,
    limit: i64,
) -> rusqlite::Result<Vec<Tally>> {
    sql::rows(
        connection,
        "SELECT COALESCE(session_key, session_id), MAX(project), MAX(COALESCE(ended_at, captured_at)) AS last, COUNT(*)
         FROM memory_artifacts INDEXED BY idx_memory_artifacts_agent_membership
         WHERE agent_id = ?1 AND is_deleted = 0 AND source_kind IN ('summary', 'transcript', 'compaction', 'manifest')
           AND (?2 IS NULL OR project = ?2)
         GROUP BY COALESCE(session_key, session_id) ORDER BY last DESC LIMIT ?3",
        (agent, project, limit),
        |row| Ok(Tally { session_key: row.get(0)?, project: row.get(1)?, last_at: row.get(2)?, count: row.get(3)? }),
    )
}

/// Agents that have files about sessions.
pub fn agents(connection: &Connection, limit: i64) -> rusqlite::Result<Vec<String>> {
    sql::rows(
        connection,
        "SELECT DISTINCT agent_id FROM memory_artifacts INDEXED BY idx_memory_artifacts_agent_membership LIMIT ?1",
        [limit],
        |row| row.get(0),
    )
}

/// Whether a file of a path is indexed as it was last written.
pub fn is_current(connection: &Connection, path: &str, mtime_ms: Option<f64>) -> rusqlite::Result<bool> {
    let found = sql::row(
        connection,
        "SELECT 1 FROM memory_artifacts INDEXED BY idx_signetd_artifacts_path
         WHERE source_path = ?1 AND source_mtime_ms = ?2 AND is_deleted = 0 LIMIT 1",
        (path, mtime_ms),
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}
