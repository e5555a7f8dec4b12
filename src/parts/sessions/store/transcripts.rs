//! `session_transcripts`, `session_summaries` and the queue of transcripts to be captured.

use rusqlite::Connection;

use crate::db::{Tx, sql};
use crate::parts::memory::{Dated, Transcript, Window};

/// The raw transcript a session was remembered from.
pub fn put(tx: &Tx<'_>, t: Transcript<'_>) -> rusqlite::Result<()> {
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

/// Session summaries of the agent that overlap the window.
pub fn summaries(
    connection: &Connection,
    window: Window<'_>,
    agent: &str,
    project: Option<&str>,
    limit: i64,
) -> rusqlite::Result<Vec<Dated>> {
    sql::rows(
        connection,
        "SELECT id, earliest_at, latest_at, content FROM session_summaries
         WHERE agent_id = ?1 AND latest_at >= ?2 AND earliest_at < ?3 AND COALESCE(source_type, 'summary') <> 'chunk'
           AND (?5 IS NULL OR project = ?5)
         ORDER BY latest_at DESC LIMIT ?4",
        (agent, window.start, window.end, limit, project),
        |row| {
            Ok(Dated {
                subject_type: "session_summary".to_owned(),
                subject_id: row.get(0)?,
                facet: "session".to_owned(),
                start: row.get(1)?,
                end: row.get(2)?,
                rank: 1.0,
                content: row.get(3)?,
            })
        },
    )
}

/// How many transcripts wait to be captured, by the state of their jobs.
pub fn capture_jobs(connection: &Connection) -> rusqlite::Result<Vec<(String, i64)>> {
    sql::rows(
        connection,
        "SELECT status, COUNT(*) FROM transcript_capture_jobs INDEXED BY idx_transcript_capture_jobs_status
         GROUP BY status",
        [],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}
