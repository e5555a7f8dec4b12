//! `transcript_capture_jobs`: transcripts that are to become files.

use rusqlite::Connection;

use crate::db::{Tx, sql};
use crate::text::time;
use crate::work::{Job, Outcome, retry_after_s};

/// A transcript on its way into files.
#[derive(Debug, Clone)]
pub struct Capture {
    pub id: String,
    pub agent: String,
    pub harness: String,
    pub session_key: Option<String>,
    pub session_id: String,
    pub project: Option<String>,
    /// Turns as lines.
    pub transcript: String,
    /// As the harness sent it, where that is another text.
    pub raw: Option<String>,
    pub transcript_path: Option<String>,
    pub captured_at: String,
    pub ended_at: Option<String>,
    /// What the manifest says of its summary at first.
    pub summary_status: String,
}

pub fn insert(tx: &Tx<'_>, c: &Capture) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT OR IGNORE INTO transcript_capture_jobs (id, agent_id, harness, session_key, session_id, project, transcript,
           raw_transcript, transcript_path, captured_at, ended_at, summary_status, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?13)",
        (&c.id, &c.agent, &c.harness, &c.session_key, &c.session_id, &c.project, &c.transcript, &c.raw, &c.transcript_path, &c.captured_at, &c.ended_at, &c.summary_status, tx.now()),
    )?;
    Ok(())
}

pub fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<Capture>> {
    sql::row(
        connection,
        "SELECT id, agent_id, harness, session_key, session_id, project, transcript, raw_transcript, transcript_path,
           captured_at, ended_at, summary_status FROM transcript_capture_jobs WHERE id = ?1",
        [id],
        |row| {
            Ok(Capture {
                id: row.get(0)?,
                agent: row.get(1)?,
                harness: row.get(2)?,
                session_key: row.get(3)?,
                session_id: row.get(4)?,
                project: row.get(5)?,
                transcript: row.get(6)?,
                raw: row.get(7)?,
                transcript_path: row.get(8)?,
                captured_at: row.get(9)?,
                ended_at: row.get(10)?,
                summary_status: row.get(11)?,
            })
        },
    )
}

/// How many transcripts wait to be captured, by the state of their jobs.
pub fn counts(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    sql::rows(
        connection,
        "SELECT status, COUNT(*) FROM transcript_capture_jobs INDEXED BY idx_transcript_capture_jobs_status
         GROUP BY status",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Jobs looked at for one that is due.
const LOOKED_AT: i64 = 200;

/// Leases the oldest job that is due: pending, or failed long enough ago.
pub fn lease(tx: &Tx<'_>, kind: &str, most_attempts: i64) -> rusqlite::Result<Option<Job>> {
    let waiting = sql::rows(
        tx,
        "SELECT id, status, attempts, updated_at, max_attempts FROM transcript_capture_jobs
           INDEXED BY idx_transcript_capture_jobs_status
         WHERE status IN ('pending', 'failed') ORDER BY created_at, rowid LIMIT ?1",
        [LOOKED_AT],
        |row| {
            Ok((
                row.get::<String>(0)?,
                row.get::<String>(1)?,
                row.get::<i64>(2)?,
                row.get::<String>(3)?,
                row.get::<i64>(4)?,
            ))
        },
    )?;
    let due = |status: &str, attempts: i64, at: &str| {
        let failed = time::parse_stored(at).filter(|_| status == "failed");
        failed.is_none_or(|at| at.until(tx.at()).as_secs() >= retry_after_s(attempts))
    };
    let found = waiting.into_iter().find(|(_, status, attempts, at, _)| due(status, *attempts, at));
    let Some((id, _, attempts, _, own_most)) = found else { return Ok(None) };
    sql::execute(
        tx,
        "UPDATE transcript_capture_jobs SET status = 'processing', attempts = ?2, updated_at = ?3 WHERE id = ?1",
        (&id, attempts + 1, tx.now()),
    )?;
    Ok(Some(Job {
        id,
        kind: kind.to_owned(),
        payload: None,
        attempts: attempts + 1,
        most_attempts: own_most.clamp(1, most_attempts),
        leased_at: tx.now().to_owned(),
    }))
}

/// Settles a job by its lease. What was captured is not kept a second time: its texts are emptied.
pub fn settle(tx: &Tx<'_>, job: &Job, outcome: &Outcome) -> rusqlite::Result<bool> {
    let (set, error) = match outcome {
        Outcome::Completed { .. } => {
            ("status = 'completed', completed_at = ?4, error = ?5, transcript = '', raw_transcript = NULL", None)
        }
        Outcome::Failed { error } => ("status = 'failed', error = ?5", Some(error.as_str())),
        Outcome::Dead { error } => ("status = 'dead', error = ?5", Some(error.as_str())),
        Outcome::Released => ("status = 'pending', attempts = attempts - 1, error = COALESCE(?5, error)", None),
    };
    let statement = format!(
        "UPDATE transcript_capture_jobs SET {set}, updated_at = ?4
         WHERE id = ?1 AND status = 'processing' AND updated_at = ?2 AND attempts = ?3"
    );
    Ok(sql::execute(tx, &statement, (&job.id, &job.leased_at, job.attempts, tx.now(), error))? > 0)
}

/// Takes back leases older than a time, or all; how many. Those whose attempts are used up are dead.
pub fn free(tx: &Tx<'_>, before: Option<&str>) -> rusqlite::Result<usize> {
    sql::execute(
        tx,
        "UPDATE transcript_capture_jobs INDEXED BY idx_transcript_capture_jobs_status
         SET status = CASE WHEN attempts >= max_attempts THEN 'dead' ELSE 'pending' END, updated_at = ?2
         WHERE status = 'processing' AND (?1 IS NULL OR updated_at < ?1)",
        (before, tx.now()),
    )
}

/// Deletes jobs that were done before a time, some at a time; how many.
pub fn purge(tx: &Tx<'_>, done_before: &str, limit: i64) -> rusqlite::Result<usize> {
    sql::execute(
        tx,
        "DELETE FROM transcript_capture_jobs WHERE id IN (
           SELECT id FROM transcript_capture_jobs INDEXED BY idx_transcript_capture_jobs_status
           WHERE status IN ('completed', 'dead') AND created_at < ?1 LIMIT ?2)",
        (done_before, limit),
    )
}

/// When a transcript was last queued, of those that wait or were captured lately.
pub fn last(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let newest = |status: &str| {
        sql::row(
            connection,
            "SELECT created_at FROM transcript_capture_jobs INDEXED BY idx_transcript_capture_jobs_status
             WHERE status = ?1 ORDER BY created_at DESC LIMIT 1",
            [status],
            |row| row.get::<String>(0),
        )
    };
    Ok([newest("completed")?, newest("pending")?].into_iter().flatten().max())
}
