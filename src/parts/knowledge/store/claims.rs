//! Structured claims of the knowledge graph, as far as recall looks at them.

use rusqlite::Connection;

use crate::db::sql::{self, Conditions};

/// An active claim with the memory it came from.
#[derive(Debug, Clone)]
pub struct FoundClaim {
    pub rowid: i64,
    pub aspect: String,
    /// Keys, kind and content, joined.
    pub text: String,
    pub importance: f64,
    pub confidence: f64,
}

/// Whether there is any claim to look at.
pub fn any(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM entity_attributes)")?.query_row([], |row| row.get(0))
}

/// Where claims are looked for.
const BY_WORDS: &str = "(SELECT rowid FROM signetd_claims_fts WHERE signetd_claims_fts MATCH ? ORDER BY rank)";
/// The same by the name of their aspect: of a few aspects, the best match first.
const BY_ASPECT: &str = "(SELECT x.rowid FROM (SELECT rowid FROM signetd_aspects_fts
      WHERE signetd_aspects_fts MATCH ? ORDER BY rank LIMIT 50) f CROSS JOIN entity_aspects named ON named.rowid = f.rowid
    CROSS JOIN entity_attributes x INDEXED BY idx_entity_attributes_aspect ON x.aspect_id = named.id)";

/// Active claims of an agent that match an FTS5 expression by their own words or by the name of
/// their aspect, up to `limit` of each, of memories that the filter lets through. `filter` speaks
/// of `m`.
pub fn matching(
    connection: &Connection,
    agent: &str,
    expression: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<FoundClaim>> {
    let mut found = Vec::new();
    for source in [BY_WORDS, BY_ASPECT] {
        let text = format!(
            "SELECT m.rowid, p.name, COALESCE(a.group_key, '') || ' ' || COALESCE(a.claim_key, '') || ' ' || a.kind
               || ' ' || a.content, a.importance, a.confidence
             FROM {source} f CROSS JOIN entity_attributes a ON a.rowid = f.rowid
             CROSS JOIN entity_aspects p ON p.id = a.aspect_id CROSS JOIN memories m ON m.id = a.memory_id
             WHERE a.agent_id = ? AND a.status = 'active' AND {} LIMIT ?",
            filter.sql()
        );
        let values = filter.between(&[&expression, &agent], &[&limit]);
        found.extend(sql::rows(connection, &text, values, |row| {
            Ok(FoundClaim {
                rowid: row.get(0)?,
                aspect: row.get(1)?,
                text: row.get(2)?,
                importance: row.get(3)?,
                confidence: row.get(4)?,
            })
        })?);
    }
    Ok(found)
}

/// Facts of one memory that are still said, or no longer.
#[derive(Debug, Clone)]
pub struct Fact {
    pub memory_id: String,
    pub content: String,
    pub superseded: bool,
    /// What is said instead.
    pub replacement: Option<String>,
}

/// Facts looked at, of all the memories together.
const FACTS: i64 = 1_000;

/// What the claims of these memories say, active and superseded ones, the most important first. A
/// replacement is named when the memory it came from may be read; `readable` speaks of `m`.
pub fn facts(
    connection: &Connection,
    agent: &str,
    memory_ids: &[&str],
    readable: &Conditions,
) -> rusqlite::Result<Vec<Fact>> {
    let text = format!(
        "SELECT a.memory_id, a.content, a.status = 'superseded', n.content
         FROM json_each(?) j CROSS JOIN entity_attributes a INDEXED BY idx_signetd_attributes_memory
           ON a.memory_id = j.value
         LEFT JOIN entity_attributes n ON n.id = a.superseded_by
           AND EXISTS (SELECT 1 FROM memories m WHERE m.id = n.memory_id AND {})
         WHERE a.agent_id = ? AND a.status IN ('active', 'superseded') ORDER BY a.importance DESC, a.created_at DESC LIMIT ?",
        readable.sql()
    );
    let list = serde_json::Value::from(memory_ids).to_string();
    let values = readable.between(&[&list], &[&agent, &FACTS]);
    sql::rows(connection, &text, values, |row| {
        Ok(Fact { memory_id: row.get(0)?, content: row.get(1)?, superseded: row.get(2)?, replacement: row.get(3)? })
    })
}
