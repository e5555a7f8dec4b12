//! `memory_thread_heads`: the latest line of each thread of work.

use rusqlite::Connection;

use super::summaries::Node;
use crate::db::{Tx, sql};
use crate::text::one_line;

/// Characters of a sample.
const SAMPLE: usize = 240;

#[derive(Debug, Clone)]
pub struct Head {
    pub label: String,
    pub sample: String,
    pub latest_at: String,
    pub source_type: String,
    pub node_id: String,
    pub project: Option<String>,
    pub session_key: Option<String>,
    pub harness: Option<String>,
}

/// The thread of a node: its key and its label.
fn thread(node: &Node) -> (String, String) {
    let named = [
        ("project", &node.project),
        ("source", &node.source_ref),
        ("session", &node.session_key),
        ("harness", &node.harness),
    ];
    let parts: Vec<(&str, &str)> = named.iter().filter_map(|(name, value)| Some((*name, value.as_deref()?))).collect();
    // a project or a source names a thread; a session or a harness stands in where there is neither
    let told: Vec<&(&str, &str)> = match parts.iter().any(|(name, _)| matches!(*name, "project" | "source")) {
        true => parts.iter().filter(|(name, _)| *name != "session").collect(),
        false => parts.iter().collect(),
    };
    let joined = |between: &str, around: &str| {
        told.iter().map(|(name, value)| format!("{name}{around}{value}")).collect::<Vec<_>>().join(between)
    };
    match told.is_empty() {
        true => ("agent".to_owned(), "agent".to_owned()),
        false => (joined("|", ":"), joined("#", ":")),
    }
}

/// Makes a node the head of its thread, unless a newer one is.
pub fn follow(tx: &Tx<'_>, node: &Node) -> rusqlite::Result<()> {
    let (key, label) = thread(node);
    let collapsed = one_line(&node.content);
    let sample: String = collapsed.chars().take(SAMPLE).collect();
    sql::execute(
        tx,
        "INSERT INTO memory_thread_heads (agent_id, thread_key, label, project, session_key, source_type, source_ref, harness,
           node_id, latest_at, sample, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, COALESCE(?6, 'summary'), ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (agent_id, thread_key) DO UPDATE SET label = ?3, project = ?4, session_key = ?5,
           source_type = COALESCE(?6, 'summary'), source_ref = ?7, harness = ?8, node_id = ?9, latest_at = ?10, sample = ?11,
           updated_at = ?12
         WHERE ?10 >= latest_at",
        (&node.agent, &key, &label, &node.project, &node.session_key, &node.source_type, &node.source_ref, &node.harness, &node.id, &node.latest_at, &sample, tx.now()),
    )?;
    Ok(())
}

/// Heads of an agent, newest first.
pub fn newest(connection: &Connection, agent: &str, limit: i64) -> rusqlite::Result<Vec<Head>> {
    sql::rows(
        connection,
        "SELECT label, sample, latest_at, source_type, node_id, project, session_key, harness FROM memory_thread_heads
         WHERE agent_id = ?1 ORDER BY latest_at DESC LIMIT ?2",
        (agent, limit),
        |row| {
            Ok(Head {
                label: row.get(0)?,
                sample: row.get(1)?,
                latest_at: row.get(2)?,
                source_type: row.get(3)?,
                node_id: row.get(4)?,
                project: row.get(5)?,
                session_key: row.get(6)?,
                harness: row.get(7)?,
            })
        },
    )
}
