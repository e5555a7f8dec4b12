//! SQL of the graph as recall reads it: entities by name, claims by aspect, links.

use rusqlite::Connection;

use crate::db::sql::{self, Conditions};

/// Entities looked through for a part of a name: those of most weight.
const LOOKED_THROUGH: i64 = 1_000;
/// Mentions of one entity looked at: its newest.
const MENTIONS: i64 = 500;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entity {
    pub id: String,
    pub name: String,
    pub kind: String,
}

fn entity(row: &sql::Row<'_>) -> rusqlite::Result<Entity> {
    Ok(Entity { id: row.get(0)?, name: row.get(1)?, kind: row.get(2)? })
}

/// Whether the graph has any entity at all.
pub fn any_entity(connection: &Connection) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM entities)")?.query_row([], |row| row.get(0))
}

/// Active entities whose name matches an FTS5 expression, best first.
pub fn named_by(connection: &Connection, agent: &str, expression: &str, limit: i64) -> rusqlite::Result<Vec<Entity>> {
    sql::rows(
        connection,
        "SELECT e.id, e.name, e.entity_type FROM entities_fts JOIN entities e ON e.rowid = entities_fts.rowid
         WHERE entities_fts MATCH ?1 AND e.agent_id = ?2 AND e.status = 'active' ORDER BY entities_fts.rank LIMIT ?3",
        (expression, agent, limit),
        entity,
    )
}

/// Active entities whose name contains one of the words, by word and then by weight.
pub fn named_in_part(
    connection: &Connection,
    agent: &str,
    words: &[String],
    limit: i64,
) -> rusqlite::Result<Vec<Entity>> {
    sql::rows(
        connection,
        "WITH known AS MATERIALIZED (SELECT id, name, entity_type, lower(name) AS folded
           FROM entities INDEXED BY idx_entities_order
           WHERE agent_id = ?1 AND status = 'active' AND entity_type <> 'chunk_group'
           ORDER BY pinned DESC, pinned_at DESC, mentions DESC, updated_at DESC, name LIMIT ?2)
         SELECT DISTINCT e.id, e.name, e.entity_type FROM json_each(?3) w CROSS JOIN known e
         WHERE instr(e.folded, w.value) LIMIT ?4",
        (agent, LOOKED_THROUGH, serde_json::Value::from(words).to_string(), limit),
        entity,
    )
}

#[derive(Debug, Clone)]
pub struct Aspect {
    pub id: String,
    pub name: String,
}

/// Active aspects of an entity, the weightiest first.
pub fn aspects(connection: &Connection, agent: &str, entity: &str, limit: i64) -> rusqlite::Result<Vec<Aspect>> {
    sql::rows(
        connection,
        "SELECT id, name FROM entity_aspects INDEXED BY idx_entity_aspects_entity
         WHERE entity_id = ?1 AND agent_id = ?2 AND status = 'active' ORDER BY weight DESC, name LIMIT ?3",
        (entity, agent, limit),
        |row| Ok(Aspect { id: row.get(0)?, name: row.get(1)? }),
    )
}

/// Rowids of the memories behind an aspect's active claims with the claims' importance, the most
/// important first. `filter` speaks of `m`.
pub fn memories_of_aspect(
    connection: &Connection,
    agent: &str,
    aspect: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<(i64, f64)>> {
    let text = format!(
        "SELECT m.rowid, a.importance FROM entity_attributes a INDEXED BY idx_entity_attributes_aspect
         CROSS JOIN memories m ON m.id = a.memory_id
         WHERE a.aspect_id = ? AND a.agent_id = ? AND a.status = 'active' AND {} ORDER BY a.importance DESC LIMIT ?",
        filter.sql()
    );
    let values = filter.between(&[&aspect, &agent], &[&limit]);
    sql::rows(connection, &text, values, |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Rowids of the memories that mention an entity with the memories' importance: by confidence of
/// the mention, then importance.
pub fn memories_mentioning(
    connection: &Connection,
    entity: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<(i64, f64)>> {
    let text = format!(
        "WITH newest AS (SELECT memory_id, confidence FROM memory_entity_mentions
             INDEXED BY idx_memory_entity_mentions_entity WHERE entity_id = ? ORDER BY rowid DESC LIMIT ?)
         SELECT m.rowid, COALESCE(m.importance, 0.5) AS importance FROM newest x CROSS JOIN memories m ON m.id = x.memory_id
         WHERE {} ORDER BY x.confidence DESC, importance DESC LIMIT ?",
        filter.sql()
    );
    let values = filter.between(&[&entity, &MENTIONS], &[&limit]);
    sql::rows(connection, &text, values, |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Entities that active links lead to from any of these, the strongest first. A link needs
/// `least` as confidence × strength and `confidence` alone.
pub fn linked_entities(
    connection: &Connection,
    agent: &str,
    from: &[&str],
    least: f64,
    confidence: f64,
    limit: i64,
) -> rusqlite::Result<Vec<String>> {
    sql::rows(
        connection,
        "SELECT d.target_entity_id FROM json_each(?1) f
         CROSS JOIN entity_dependencies d INDEXED BY idx_entity_dependencies_source ON d.source_entity_id = f.value
         WHERE d.agent_id = ?2 AND d.status = 'active' AND COALESCE(d.confidence, 0.7) >= ?4
           AND COALESCE(d.confidence, 0.7) * d.strength >= ?3
         ORDER BY COALESCE(d.confidence, 0.7) * d.strength DESC LIMIT ?5",
        (serde_json::Value::from(from).to_string(), agent, least, confidence, limit),
        |row| row.get(0),
    )
}

/// Entities one relation away from any of these, in either direction.
pub fn related_entities(connection: &Connection, from: &[&str], limit: i64) -> rusqlite::Result<Vec<String>> {
    sql::rows(
        connection,
        "WITH f AS (SELECT value AS id FROM json_each(?1))
         SELECT * FROM (SELECT r.target_entity_id FROM f CROSS JOIN relations r INDEXED BY idx_relations_source
                          ON r.source_entity_id = f.id
                        UNION SELECT r.source_entity_id FROM f CROSS JOIN relations r INDEXED BY idx_relations_target
                          ON r.target_entity_id = f.id) LIMIT ?2",
        (serde_json::Value::from(from).to_string(), limit),
        |row| row.get(0),
    )
}

/// A claim as an answer shows it.
#[derive(Debug, Clone)]
pub struct KnownClaim {
    pub content: String,
    pub status: String,
    pub importance: f64,
    /// A rule that binds the entity, not something known of it.
    pub constraint: bool,
}

/// Active claims of an aspect, the most important first. A claim that came from a memory needs that
/// memory to pass the filter (which speaks of `m`); one that came from none is shown where
/// `unsourced` is set.
pub fn claims_of_aspect(
    connection: &Connection,
    agent: &str,
    aspect: &str,
    filter: &Conditions,
    unsourced: bool,
    limit: i64,
) -> rusqlite::Result<Vec<KnownClaim>> {
    let text = format!(
        "SELECT a.content, a.status, a.importance, a.kind = 'constraint'
         FROM entity_attributes a INDEXED BY idx_entity_attributes_aspect
         WHERE a.aspect_id = ? AND a.agent_id = ? AND a.status = 'active' AND CASE WHEN a.memory_id IS NULL THEN ?
           ELSE EXISTS (SELECT 1 FROM memories m WHERE m.id = a.memory_id AND {}) END
         ORDER BY a.importance DESC, a.created_at DESC LIMIT ?",
        filter.sql()
    );
    let values = filter.between(&[&aspect, &agent, &unsourced], &[&limit]);
    sql::rows(connection, &text, values, |row| {
        Ok(KnownClaim { content: row.get(0)?, status: row.get(1)?, importance: row.get(2)?, constraint: row.get(3)? })
    })
}

/// Names of the entities that an entity's active links lead to, the strongest first.
pub fn names_of_linked(
    connection: &Connection,
    agent: &str,
    entity: &str,
    limit: i64,
) -> rusqlite::Result<Vec<String>> {
    sql::rows(
        connection,
        "SELECT e.name FROM entity_dependencies d INDEXED BY idx_entity_dependencies_source
         CROSS JOIN entities e ON e.id = d.target_entity_id
         WHERE d.source_entity_id = ?1 AND d.agent_id = ?2 AND d.status = 'active' AND e.status = 'active'
         ORDER BY COALESCE(d.confidence, 0.7) * d.strength DESC, e.name LIMIT ?3",
        (entity, agent, limit),
        |row| row.get(0),
    )
}

/// Mentions of the entities of a few memories that are followed.
const FOLLOWED: i64 = 2_000;

/// Rowids of memories of type `rationale` that mention an entity which one of these memories
/// mentions, the most important first. `filter` speaks of `m`.
pub fn rationales(
    connection: &Connection,
    rowids: &[i64],
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<i64>> {
    let text = format!(
        "WITH shared AS (SELECT DISTINCT y.memory_id FROM json_each(?) j CROSS JOIN memories d ON d.rowid = j.value
             CROSS JOIN memory_entity_mentions x ON x.memory_id = d.id
             CROSS JOIN memory_entity_mentions y INDEXED BY idx_memory_entity_mentions_entity ON y.entity_id = x.entity_id
           LIMIT ?)
         SELECT m.rowid FROM shared s CROSS JOIN memories m ON m.id = s.memory_id
         WHERE m.type = 'rationale' AND {}
         ORDER BY m.importance DESC, m.created_at DESC LIMIT ?",
        filter.sql()
    );
    let list = serde_json::Value::from(rowids).to_string();
    let values = filter.between(&[&list, &FOLLOWED], &[&limit]);
    sql::rows(connection, &text, values, |row| row.get(0))
}
