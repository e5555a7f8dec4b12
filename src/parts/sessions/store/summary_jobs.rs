//! `summary_jobs`: conversations that a model is to summarise. The pipeline's worker empties the queue.

use rusqlite::Connection;

use crate::db::{Tx, sql};

/// A conversation to be summarised.
#[derive(Debug, Clone)]
pub struct SummaryJob {
    pub session_key: Option<String>,
    pub session_id: String,
    pub harness: String,
    pub project: Option<String>,
    pub agent: String,
    pub transcript: String,
    /// `session_end` or `checkpoint_extract`.
    pub trigger: &'static str,
    pub captured_at: String,
    pub started_at: Option<String>,
    pub ended_at: Option<String>,
}

/// Queues a job; its id.
pub fn insert(tx: &Tx<'_>, j: &SummaryJob) -> rusqlite::Result<String> {
    let id = tx.random_id();
    sql::execute(
        tx,
        "INSERT INTO summary_jobs (id, session_key, session_id, harness, project, agent_id, transcript, trigger, captured_at,
           started_at, ended_at, status, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 'pending', ?12)",
        (&id, &j.session_key, &j.session_id, &j.harness, &j.project, &j.agent, &j.transcript, j.trigger, &j.captured_at, &j.started_at, &j.ended_at, tx.now()),
    )?;
    Ok(id)
}

/// Whether a job that is not dead stands for a session id.
pub fn stands(connection: &Connection, agent: &str, session_key: &str, session_id: &str) -> rusqlite::Result<bool> {
    let found = sql::row(
        connection,
        "SELECT 1 FROM summary_jobs INDEXED BY idx_summary_jobs_agent_session
         WHERE agent_id = ?1 AND session_key = ?2 AND session_id = ?3 AND status <> 'dead' LIMIT 1",
        (agent, session_key, session_id),
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// When the agent's last session was summarised.
pub fn last_completed(connection: &Connection, agent: &str) -> rusqlite::Result<Option<String>> {
    sql::row(
        connection,
        "SELECT completed_at FROM summary_jobs INDEXED BY idx_signetd_summary_jobs_completed
         WHERE agent_id = ?1 AND status = 'completed' ORDER BY created_at DESC LIMIT 1",
        [agent],
        |row| row.get(0),
    )
    .map(Option::flatten)
}

/// How many sessions of an agent were handed over since a time, up to a bound.
pub fn since(connection: &Connection, agent: &str, time: &str, most: i64) -> rusqlite::Result<i64> {
    let found = sql::row(
        connection,
        "SELECT COUNT(*) FROM (SELECT 1 FROM summary_jobs INDEXED BY idx_summary_jobs_agent_trigger
           WHERE agent_id = ?1 AND trigger = 'session_end' AND created_at > ?2 LIMIT ?3)",
        (agent, time, most),
        |row| row.get(0),
    )?;
    Ok(found.unwrap_or(0))
}

/// The beginnings of the last summarised conversations of an agent about a project.
pub fn beginnings(
    connection: &Connection,
    agent: &str,
    project: &str,
    chars: i64,
    limit: i64,
) -> rusqlite::Result<Vec<String>> {
    sql::rows(
        connection,
        "SELECT substr(transcript, 1, ?3) FROM summary_jobs INDEXED BY idx_signetd_summary_jobs_project
         WHERE agent_id = ?1 AND project = ?2 AND status = 'completed' ORDER BY created_at DESC LIMIT ?4",
        (agent, project, chars, limit),
        |row| row.get(0),
    )
}
