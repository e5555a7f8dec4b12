//! `memory_search_telemetry`: recalls that were noted, where the config asks for it.

use rusqlite::Connection;
use serde_json::Value;

use crate::db::sql;

/// A recall that was noted.
#[derive(Debug, Clone)]
pub struct Search {
    pub id: String,
    pub created_at: String,
    pub route: String,
    pub query: String,
    pub result_count: i64,
    pub top_score: Option<f64>,
    pub duration_ms: f64,
    /// The rows that were returned, as they were noted.
    pub results: Vec<Value>,
}

/// Recalls of a session, newest first; of one project only, where one is named.
pub fn of_session(
    connection: &Connection,
    agent: &str,
    session_key: &str,
    project: Option<&str>,
    limit: i64,
) -> rusqlite::Result<Vec<Search>> {
    sql::rows(
        connection,
        "SELECT id, created_at, route, query, result_count, top_score, duration_ms, results_json
         FROM memory_search_telemetry INDEXED BY idx_memory_search_telemetry_session
         WHERE session_key = ?1 AND agent_id = ?2 AND (?3 IS NULL OR project = ?3) ORDER BY created_at DESC LIMIT ?4",
        (session_key, agent, project, limit),
        |row| {
            let results: String = row.get(7)?;
            Ok(Search {
                id: row.get(0)?,
                created_at: row.get(1)?,
                route: row.get(2)?,
                query: row.get(3)?,
                result_count: row.get(4)?,
                top_score: row.get(5)?,
                duration_ms: row.get(6)?,
                results: serde_json::from_str(&results).unwrap_or_default(),
            })
        },
    )
}

/// How much of something each session has.
#[derive(Debug, Clone)]
pub struct Tally {
    pub session_key: String,
    pub project: Option<String>,
    pub last_at: String,
    pub count: i64,
}

/// How many recalls each session made.
pub fn by_session(
    connection: &Connection,
    agent: &str,
    project: Option<&str>,
    limit: i64,
) -> rusqlite::Result<Vec<Tally>> {
    sql::rows(
        connection,
        "SELECT session_key, MAX(project), MAX(created_at) AS last, COUNT(*) FROM memory_search_telemetry
           INDEXED BY idx_memory_search_telemetry_agent_time
         WHERE agent_id = ?1 AND session_key IS NOT NULL AND (?2 IS NULL OR project = ?2)
         GROUP BY session_key ORDER BY last DESC LIMIT ?3",
        (agent, project, limit),
        |row| Ok(Tally { session_key: row.get(0)?, project: row.get(1)?, last_at: row.get(2)?, count: row.get(3)? }),
    )
}
