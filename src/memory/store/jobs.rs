//! `memory_jobs`: work for the background pipeline.

use rusqlite::Connection;

use crate::db::sql;

/// Queues a job about a memory.
pub fn add(connection: &Connection, memory_id: &str, job_type: &str, now: &str) -> rusqlite::Result<()> {
    sql::execute(
        connection,
        "INSERT INTO memory_jobs (id, memory_id, job_type, status, payload, created_at, updated_at)
         VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?5)",
        (
            crate::memory::new_row_id(),
            memory_id,
            job_type,
            serde_json::json!({ "memoryId": memory_id }).to_string(),
            now,
        ),
    )?;
    Ok(())
}
