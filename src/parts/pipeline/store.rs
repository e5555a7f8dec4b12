//! `memory_jobs`: work for the background.

use rusqlite::Connection;

use super::api::JobAnswer;
use crate::db::{Tx, sql};
use crate::parts::memory::JobKind;
use crate::work::{Job, Outcome, retry_after_s};

/// Queues a job about a memory.
pub fn add(tx: &Tx<'_>, memory_id: &str, kind: JobKind) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO memory_jobs (id, memory_id, job_type, status, payload, created_at, updated_at)
         VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?5)",
        (tx.ordered_id(), memory_id, kind.as_str(), serde_json::json!({ "memoryId": memory_id }).to_string(), tx.now()),
    )?;
    Ok(())
}

/// A job as the API shows it.
pub fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<JobAnswer>> {
    sql::row(
        connection,
        "SELECT id, memory_id, document_id, job_type, status, attempts, max_attempts, error, leased_at, completed_at,
           failed_at, created_at, updated_at FROM memory_jobs WHERE id = ?1",
        [id],
        |row| {
            let (attempts, error): (i64, Option<String>) = (row.get(5)?, row.get(7)?);
            Ok(JobAnswer {
                id: row.get(0)?,
                memory_id: row.get(1)?,
                document_id: row.get(2)?,
                job_type: row.get(3)?,
                status: row.get(4)?,
                attempt_count: attempts,
                attempts,
                max_attempts: row.get(6)?,
                next_attempt_at: None,
                last_error: error.clone(),
                last_error_code: None,
                error,
                leased_at: row.get(8)?,
                completed_at: row.get(9)?,
                failed_at: row.get(10)?,
                created_at: row.get(11)?,
                updated_at: row.get(12)?,
            })
        },
    )
}

/// Jobs of a kind that wait are looked through by their age; this many of them at most are still waiting
/// out a failure.
const LOOKED_AT: i64 = 500;

/// Leases the oldest job of a kind that is due: never failed, or long enough ago. Rows are in the order of
/// their queueing.
pub fn lease(tx: &Tx<'_>, kind: &str, most_attempts: i64) -> rusqlite::Result<Option<Job>> {
    let waiting = sql::rows(
        tx,
        "SELECT id, attempts, failed_at, payload, COALESCE(max_attempts, 3) FROM memory_jobs
           INDEXED BY idx_memory_jobs_status
         WHERE job_type = ?1 AND status = 'pending' AND COALESCE(attempts, 0) < ?2 ORDER BY rowid LIMIT ?3",
        (kind, most_attempts, LOOKED_AT),
        |row| {
            Ok((
                row.get::<String>(0)?,
                row.get::<i64>(1)?,
                row.get::<Option<String>>(2)?,
                row.get::<Option<String>>(3)?,
                row.get::<i64>(4)?,
            ))
        },
    )?;
    let due = |attempts: i64, failed_at: Option<&str>| {
        let failed = failed_at.and_then(crate::text::time::parse_stored);
        failed.is_none_or(|at| at.until(tx.at()).as_secs() >= retry_after_s(attempts))
    };
    let found = waiting.into_iter().find(|(_, attempts, failed_at, ..)| due(*attempts, failed_at.as_deref()));
    let Some((id, attempts, _, payload, own_most)) = found else {
        give_up(tx, kind, most_attempts)?;
        return Ok(None);
    };
    sql::execute(
        tx,
        "UPDATE memory_jobs SET status = 'leased', leased_at = ?2, attempts = ?3, updated_at = ?2 WHERE id = ?1",
        (&id, tx.now(), attempts + 1),
    )?;
    let most_attempts = most_attempts.min(own_most);
    let leased_at = tx.now().to_owned();
    Ok(Some(Job { id, kind: kind.to_owned(), payload, attempts: attempts + 1, most_attempts, leased_at }))
}

/// Jobs that have had all the attempts the config allows by now are dead.
fn give_up(tx: &Tx<'_>, kind: &str, most_attempts: i64) -> rusqlite::Result<usize> {
    sql::execute(
        tx,
        "UPDATE memory_jobs SET status = 'dead', failed_at = ?3, updated_at = ?3, error = COALESCE(error, 'no attempts are left')
         WHERE job_type = ?1 AND status = 'pending' AND attempts >= ?2",
        (kind, most_attempts, tx.now()),
    )
}

/// Settles a job by its lease; false when the lease was taken back meanwhile.
pub fn settle(tx: &Tx<'_>, job: &Job, outcome: &Outcome) -> rusqlite::Result<bool> {
    let (set, text) = match outcome {
        Outcome::Completed { result } => {
            ("status = 'completed', completed_at = ?4, error = NULL, result = ?5", result.as_deref())
        }
        Outcome::Failed { error } => ("status = 'pending', failed_at = ?4, error = ?5", Some(error.as_str())),
        Outcome::Dead { error } => ("status = 'dead', failed_at = ?4, error = ?5", Some(error.as_str())),
        // the attempt was none
        Outcome::Released => ("status = 'pending', attempts = attempts - 1, error = COALESCE(?5, error)", None),
    };
    let statement = format!(
        "UPDATE memory_jobs SET {set}, leased_at = NULL, updated_at = ?4
         WHERE id = ?1 AND status = 'leased' AND leased_at = ?2 AND attempts = ?3"
    );
    Ok(sql::execute(tx, &statement, (&job.id, &job.leased_at, job.attempts, tx.now(), text))? > 0)
}

/// Takes back leases older than a time, or all; how many. Those whose attempts are used up are dead.
pub fn free(tx: &Tx<'_>, before: Option<&str>) -> rusqlite::Result<usize> {
    sql::execute(
        tx,
        "UPDATE memory_jobs SET leased_at = NULL, updated_at = ?2,
           status = CASE WHEN attempts >= COALESCE(max_attempts, 3) THEN 'dead' ELSE 'pending' END,
           error = CASE WHEN attempts >= COALESCE(max_attempts, 3) THEN 'lease expired before completion' ELSE error END,
           failed_at = CASE WHEN attempts >= COALESCE(max_attempts, 3) THEN ?2 ELSE failed_at END
         WHERE status = 'leased' AND (?1 IS NULL OR leased_at < ?1)",
        (before, tx.now()),
    )
}
