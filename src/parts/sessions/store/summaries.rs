//! `session_summaries` with their children and memories: the tree of what sessions were about.

use rusqlite::Connection;

use crate::db::{Tx, sql};
use crate::names;
use crate::parts::memory::{Dated, Window};

names! {
    /// What a node stands for.
    pub enum NodeKind {
        Session = "session",
        Arc = "arc",
        Epoch = "epoch",
    }
}

/// A node as it is stored.
#[derive(Debug, Clone)]
pub struct Node {
    pub id: String,
    pub project: Option<String>,
    pub depth: i64,
    pub kind: String,
    pub content: String,
    pub token_count: Option<i64>,
    pub earliest_at: String,
    pub latest_at: String,
    pub session_key: Option<String>,
    pub harness: Option<String>,
    pub agent: String,
    pub source_type: Option<String>,
    pub source_ref: Option<String>,
    pub meta_json: Option<String>,
    pub created_at: String,
}

const COLUMNS: &str =
    "n.id, n.project, n.depth, n.kind, n.content, n.token_count, n.earliest_at, n.latest_at, n.session_key,
  n.harness, n.agent_id, n.source_type, n.source_ref, n.meta_json, n.created_at";

fn node(row: &sql::Row<'_>) -> rusqlite::Result<Node> {
    Ok(Node {
        id: row.get(0)?,
        project: row.get(1)?,
        depth: row.get(2)?,
        kind: row.get(3)?,
        content: row.get(4)?,
        token_count: row.get(5)?,
        earliest_at: row.get(6)?,
        latest_at: row.get(7)?,
        session_key: row.get(8)?,
        harness: row.get(9)?,
        agent: row.get(10)?,
        source_type: row.get(11)?,
        source_ref: row.get(12)?,
        meta_json: row.get(13)?,
        created_at: row.get(14)?,
    })
}

/// Which nodes are asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    pub agent: String,
    pub project: Option<String>,
    pub depth: Option<i64>,
}

/// A page of an agent's nodes, newest first, each with the number of its children.
pub fn page(connection: &Connection, wanted: &Wanted, limit: i64, offset: i64) -> rusqlite::Result<Vec<(Node, i64)>> {
    let text = format!(
        "SELECT {COLUMNS}, (SELECT COUNT(*) FROM session_summary_children c WHERE c.parent_id = n.id)
         FROM session_summaries n INDEXED BY idx_summaries_agent
         WHERE n.agent_id = ?1 AND (?2 IS NULL OR n.project = ?2) AND (?3 IS NULL OR n.depth = ?3)
         ORDER BY n.latest_at DESC, n.rowid DESC LIMIT ?4 OFFSET ?5"
    );
    sql::rows(connection, &text, (&wanted.agent, &wanted.project, wanted.depth, limit, offset), |row| {
        Ok((node(row)?, row.get(15)?))
    })
}

pub fn count(connection: &Connection, wanted: &Wanted) -> rusqlite::Result<i64> {
    let found = sql::row(
        connection,
        "SELECT COUNT(*) FROM session_summaries n INDEXED BY idx_summaries_agent
         WHERE n.agent_id = ?1 AND (?2 IS NULL OR n.project = ?2) AND (?3 IS NULL OR n.depth = ?3)",
        (&wanted.agent, &wanted.project, wanted.depth),
        |row| row.get(0),
    )?;
    Ok(found.unwrap_or(0))
}

/// A node of the agent; of one project only, where the caller is bound to it.
pub fn find(connection: &Connection, id: &str, agent: &str, bound_to: Option<&str>) -> rusqlite::Result<Option<Node>> {
    let text = format!(
        "SELECT {COLUMNS} FROM session_summaries n WHERE n.id = ?1 AND n.agent_id = ?2 AND (?3 IS NULL OR n.project = ?3)"
    );
    sql::row(connection, &text, (id, agent, bound_to), node)
}

/// Nodes above (`up`) or below a node, by their place and then newest first.
pub fn around(
    connection: &Connection,
    id: &str,
    agent: &str,
    bound_to: Option<&str>,
    up: bool,
    limit: i64,
) -> rusqlite::Result<Vec<Node>> {
    let (from, index, to) = if up {
        ("child_id", "INDEXED BY idx_summary_children_child", "parent_id")
    } else {
        ("parent_id", "", "child_id")
    };
    let text = format!(
        "SELECT {COLUMNS} FROM session_summary_children c {index} CROSS JOIN session_summaries n ON n.id = c.{to}
         WHERE c.{from} = ?1 AND n.agent_id = ?2 AND (?3 IS NULL OR n.project = ?3)
         ORDER BY c.ordinal, n.latest_at DESC LIMIT ?4"
    );
    sql::rows(connection, &text, (id, agent, bound_to, limit), node)
}

/// Ids of the memories that belong to a node.
pub fn memories_of(connection: &Connection, id: &str, limit: i64) -> rusqlite::Result<Vec<String>> {
    sql::rows(
        connection,
        "SELECT memory_id FROM session_summary_memories WHERE summary_id = ?1 LIMIT ?2",
        (id, limit),
        |row| row.get(0),
    )
}

pub fn insert(tx: &Tx<'_>, n: &Node) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO session_summaries (id, project, depth, kind, content, token_count, earliest_at, latest_at, session_key,
           harness, agent_id, source_type, source_ref, meta_json, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        (&n.id, &n.project, n.depth, &n.kind, &n.content, n.token_count, &n.earliest_at, &n.latest_at, &n.session_key, &n.harness, &n.agent, &n.source_type, &n.source_ref, &n.meta_json, &n.created_at),
    )?;
    Ok(())
}

/// The newest nodes of an agent, from all depths, newest first.
pub fn newest(connection: &Connection, agent: &str, limit: i64) -> rusqlite::Result<Vec<Node>> {
    let wanted = Wanted { agent: agent.to_owned(), project: None, depth: None };
    Ok(page(connection, &wanted, limit, 0)?.into_iter().map(|(node, _)| node).collect())
}

/// Session summaries of the agent that overlap the window.
pub fn in_window(
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
