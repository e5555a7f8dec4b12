//! `session_checkpoints`: digests of running sessions. Whose they are stands in a table of our own, as the
//! contract's has no column for it; a row of another program is the default agent's.

use rusqlite::Connection;

use crate::db::{Tx, sql};

/// A checkpoint as it is stored.
#[derive(Debug, Clone)]
pub struct Row {
    pub id: String,
    pub session_key: String,
    pub harness: String,
    pub project: Option<String>,
    pub project_normalized: Option<String>,
    pub trigger: String,
    pub digest: String,
    pub prompt_count: i64,
    pub memory_queries: Option<String>,
    pub recent_remembers: Option<String>,
    pub focal_entity_ids: Option<String>,
    pub focal_entity_names: Option<String>,
    pub active_aspect_ids: Option<String>,
    pub surfaced_constraint_count: Option<i64>,
    pub traversal_memory_count: Option<i64>,
    pub created_at: String,
}

const COLUMNS: &str =
    "c.id, c.session_key, c.harness, c.project, c.project_normalized, c.trigger, c.digest, c.prompt_count,
  c.memory_queries, c.recent_remembers, c.focal_entity_ids, c.focal_entity_names, c.active_aspect_ids,
  c.surfaced_constraint_count, c.traversal_memory_count, c.created_at";
/// The agent of a checkpoint `c`.
const OWNER: &str =
    "COALESCE((SELECT agent_id FROM signetd_checkpoint_agents o WHERE o.checkpoint_id = c.id), 'default')";

fn row(row: &sql::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        id: row.get(0)?,
        session_key: row.get(1)?,
        harness: row.get(2)?,
        project: row.get(3)?,
        project_normalized: row.get(4)?,
        trigger: row.get(5)?,
        digest: row.get(6)?,
        prompt_count: row.get(7)?,
        memory_queries: row.get(8)?,
        recent_remembers: row.get(9)?,
        focal_entity_ids: row.get(10)?,
        focal_entity_names: row.get(11)?,
        active_aspect_ids: row.get(12)?,
        surfaced_constraint_count: row.get(13)?,
        traversal_memory_count: row.get(14)?,
        created_at: row.get(15)?,
    })
}

/// Stores a checkpoint of an agent's session, of which `most` are kept.
pub fn insert(tx: &Tx<'_>, c: &Row, agent: &str, most: i64) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO session_checkpoints (id, session_key, harness, project, project_normalized, trigger, digest, prompt_count,
           memory_queries, recent_remembers, focal_entity_ids, focal_entity_names, active_aspect_ids,
           surfaced_constraint_count, traversal_memory_count, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
        (&c.id, &c.session_key, &c.harness, &c.project, &c.project_normalized, &c.trigger, &c.digest, c.prompt_count, &c.memory_queries, &c.recent_remembers, &c.focal_entity_ids, &c.focal_entity_names, &c.active_aspect_ids, c.surfaced_constraint_count, c.traversal_memory_count, &c.created_at),
    )?;
    if agent != crate::core::access::DEFAULT_AGENT {
        sql::execute(
            tx,
            "INSERT INTO signetd_checkpoint_agents (checkpoint_id, agent_id) VALUES (?1, ?2)",
            (&c.id, agent),
        )?;
    }
    let beyond = format!(
        "SELECT c.id FROM session_checkpoints c INDEXED BY idx_checkpoints_session
         WHERE c.session_key = ?1 AND {OWNER} = ?2 ORDER BY c.created_at DESC, c.rowid DESC LIMIT -1 OFFSET ?3"
    );
    let old: Vec<String> = sql::rows(tx, &beyond, (&c.session_key, agent, most), |row| row.get(0))?;
    delete(tx, &old)
}

fn delete(tx: &Tx<'_>, ids: &[String]) -> rusqlite::Result<()> {
    for id in ids {
        sql::execute(tx, "DELETE FROM session_checkpoints WHERE id = ?1", [id])?;
        sql::execute(tx, "DELETE FROM signetd_checkpoint_agents WHERE checkpoint_id = ?1", [id])?;
    }
    Ok(())
}

/// Deletes checkpoints older than a time, some at a time; how many.
pub fn prune(tx: &Tx<'_>, before: &str, limit: i64) -> rusqlite::Result<usize> {
    let old: Vec<String> = sql::rows(
        tx,
        "SELECT id FROM session_checkpoints INDEXED BY idx_signetd_checkpoints_created WHERE created_at < ?1 LIMIT ?2",
        (before, limit),
        |row| row.get(0),
    )?;
    delete(tx, &old)?;
    Ok(old.len())
}

/// An agent's checkpoints of a project, or those of all, newest first.
pub fn of_project(
    connection: &Connection,
    agent: Option<&str>,
    project: &str,
    limit: i64,
) -> rusqlite::Result<Vec<Row>> {
    let text = format!(
        "SELECT {COLUMNS} FROM session_checkpoints c INDEXED BY idx_checkpoints_project
         WHERE c.project_normalized = ?1 AND (?2 IS NULL OR {OWNER} = ?2)
         ORDER BY c.created_at DESC, c.rowid DESC LIMIT ?3"
    );
    sql::rows(connection, &text, (project, agent, limit), row)
}

/// An agent's checkpoints of a session, or those of all, newest first; of one project only, where the caller is bound to it.
pub fn of_session(
    connection: &Connection,
    agent: Option<&str>,
    session_key: &str,
    bound_to: Option<&str>,
    limit: i64,
) -> rusqlite::Result<Vec<Row>> {
    let text = format!(
        "SELECT {COLUMNS} FROM session_checkpoints c INDEXED BY idx_checkpoints_session
         WHERE c.session_key = ?1 AND (?2 IS NULL OR {OWNER} = ?2) AND (?3 IS NULL OR c.project = ?3)
         ORDER BY c.created_at DESC, c.rowid DESC LIMIT ?4"
    );
    sql::rows(connection, &text, (session_key, agent, bound_to, limit), row)
}

/// Checkpoints looked through for the last end of a session.
const LOOKED_THROUGH: i64 = 500;

/// When a session last ended.
pub fn last_end(connection: &Connection) -> rusqlite::Result<Option<String>> {
    sql::row(
        connection,
        "SELECT created_at FROM (SELECT created_at, trigger FROM session_checkpoints
           INDEXED BY idx_signetd_checkpoints_created ORDER BY created_at DESC LIMIT ?1)
         WHERE trigger = 'session_end' LIMIT 1",
        [LOOKED_THROUGH],
        |row| row.get(0),
    )
}
