//! Structured claims of the knowledge graph, as far as recall looks at them.

use rusqlite::{Connection, params_from_iter};

use crate::db::sql::{self, Conditions};

/// Claims looked at: the newest of the agent.
const NEWEST: i64 = 5_000;

/// An active claim with the memory it came from.
#[derive(Debug, Clone)]
pub struct Claim {
    pub rowid: i64,
    /// Aspect, keys, kind and content, joined.
    pub text: String,
    pub importance: f64,
    pub confidence: f64,
}

/// Whether there is any claim to look at.
pub fn any(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM entity_attributes)")?.query_row([], |row| row.get(0))
}

/// Active claims of an agent that contain one of the words, of memories that the filter lets
/// through. `filter` speaks of `m`.
pub fn containing(
    connection: &Connection,
    agent: &str,
    words: &[String],
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Claim>> {
    let text = format!(
        "WITH newest AS (SELECT id, aspect_id, memory_id, group_key, claim_key, kind, content, importance, confidence
           FROM entity_attributes INDEXED BY idx_entity_attributes_agent
           WHERE agent_id = ? AND status = 'active' AND memory_id IS NOT NULL ORDER BY rowid DESC LIMIT ?)
         SELECT m.rowid, p.name || ' ' || COALESCE(a.group_key, '') || ' ' || COALESCE(a.claim_key, '') || ' ' || a.kind
           || ' ' || a.content, a.importance, a.confidence
         FROM newest a CROSS JOIN entity_aspects p ON p.id = a.aspect_id CROSS JOIN entities e ON e.id = p.entity_id
         CROSS JOIN memories m ON m.id = a.memory_id
         WHERE EXISTS (SELECT 1 FROM json_each(?) w WHERE instr(lower(e.name || ' ' || p.name || ' ' ||
             COALESCE(a.group_key, '') || ' ' || COALESCE(a.claim_key, '') || ' ' || a.kind || ' ' || a.content), w.value))
           AND {} LIMIT ?",
        filter.sql()
    );
    let list = serde_json::Value::from(words).to_string();
    let values = [&agent as &dyn rusqlite::ToSql, &NEWEST, &list]
        .into_iter()
        .chain(filter.values())
        .chain([&limit as &dyn rusqlite::ToSql]);
    sql::rows(connection, &text, params_from_iter(values), |row| {
        Ok(Claim { rowid: row.get(0)?, text: row.get(1)?, importance: row.get(2)?, confidence: row.get(3)? })
    })
}
