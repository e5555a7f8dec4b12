//! SQL of what conversations are about: people and projects by name, and what is known of them now.

use rusqlite::Connection;

use super::graph::Entity;
use crate::db::sql::{self, Conditions};

/// A person or project of an agent.
#[derive(Debug, Clone)]
pub struct Subject {
    pub id: String,
    pub name: String,
    pub mentions: i64,
    pub pinned: bool,
}

/// The people and projects of an agent, those of most weight first.
pub fn people_and_projects(connection: &Connection, agent: &str, limit: i64) -> rusqlite::Result<Vec<Subject>> {
    sql::rows(
        connection,
        "SELECT id, name, COALESCE(mentions, 0), pinned FROM entities
           INDEXED BY idx_entities_order
         WHERE agent_id = ?1 AND status = 'active' AND entity_type IN ('person', 'project')
         ORDER BY pinned DESC, pinned_at DESC, mentions DESC, updated_at DESC, name LIMIT ?2",
        (agent, limit),
        |row| Ok(Subject { id: row.get(0)?, name: row.get(1)?, mentions: row.get(2)?, pinned: row.get(3)? }),
    )
}

/// Other names of an agent's entities: entity and alias.
pub fn aliases(connection: &Connection, agent: &str, limit: i64) -> rusqlite::Result<Vec<(String, String)>> {
    sql::rows(
        connection,
        "SELECT entity_id, alias FROM entity_aliases WHERE agent_id = ?1 AND status = 'active' LIMIT ?2",
        (agent, limit),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// A claim as it stands.
#[derive(Debug, Clone)]
pub struct CurrentClaim {
    pub aspect: String,
    /// A rule that binds the entity, not something known of it.
    pub constraint: bool,
    pub content: String,
    pub importance: f64,
    pub confidence: f64,
    pub group: Option<String>,
    pub claim: Option<String>,
    pub version: i64,
    pub memory_id: Option<String>,
    pub source_kind: Option<String>,
    pub source_id: Option<String>,
    pub source_path: Option<String>,
    pub created_at: String,
}

const CURRENT: &str =
    "p.name, a.kind = 'constraint', a.content, a.importance, a.confidence, a.group_key, a.claim_key, a.version,
  a.memory_id, a.source_kind, a.source_id, a.source_path, a.created_at";

fn current(row: &sql::Row<'_>) -> rusqlite::Result<CurrentClaim> {
    Ok(CurrentClaim {
        aspect: row.get(0)?,
        constraint: row.get(1)?,
        content: row.get(2)?,
        importance: row.get(3)?,
        confidence: row.get(4)?,
        group: row.get(5)?,
        claim: row.get(6)?,
        version: row.get(7)?,
        memory_id: row.get(8)?,
        source_kind: row.get(9)?,
        source_id: row.get(10)?,
        source_path: row.get(11)?,
        created_at: row.get(12)?,
    })
}

/// What makes a claim `a` of an aspect `p` current and one that may be shown.
fn is_current(filter: &Conditions) -> String {
    format!(
        "p.agent_id = ? AND p.status = 'active' AND a.agent_id = p.agent_id AND a.status = 'active'
           AND a.superseded_by IS NULL AND CASE WHEN a.memory_id IS NULL THEN ?
             ELSE EXISTS (SELECT 1 FROM memories m WHERE m.id = a.memory_id AND m.is_deleted = 0 AND {}) END",
        filter.sql()
    )
}

/// What is known of an entity now, the most important first. A claim that came from a memory needs that memory
/// to pass the filter (which speaks of `m`); one that came from none is shown where `unsourced` is set.
pub fn current_claims(
    connection: &Connection,
    agent: &str,
    entity: &str,
    filter: &Conditions,
    unsourced: bool,
    limit: i64,
) -> rusqlite::Result<Vec<CurrentClaim>> {
    let text = format!(
        "SELECT {CURRENT} FROM entity_aspects p INDEXED BY idx_entity_aspects_entity
         CROSS JOIN entity_attributes a INDEXED BY idx_entity_attributes_aspect ON a.aspect_id = p.id
         WHERE p.entity_id = ? AND {} ORDER BY a.importance DESC, a.created_at DESC LIMIT ?",
        is_current(filter)
    );
    sql::rows(connection, &text, filter.between(&[&entity, &agent, &unsourced], &[&limit]), current)
}

/// Of that, what matches a full-text expression, best first.
pub fn current_claims_about(
    connection: &Connection,
    agent: &str,
    entity: &str,
    expression: &str,
    filter: &Conditions,
    unsourced: bool,
    limit: i64,
) -> rusqlite::Result<Vec<CurrentClaim>> {
    let text = format!(
        "SELECT {CURRENT} FROM signetd_claims_fts f CROSS JOIN entity_attributes a ON a.rowid = f.rowid
         CROSS JOIN entity_aspects p ON p.id = a.aspect_id
         WHERE f.signetd_claims_fts MATCH ? AND p.entity_id = ? AND {} ORDER BY f.rank LIMIT ?",
        is_current(filter)
    );
    sql::rows(connection, &text, filter.between(&[&expression, &entity, &agent, &unsourced], &[&limit]), current)
}

fn entity(row: &sql::Row<'_>) -> rusqlite::Result<Entity> {
    Ok(Entity { id: row.get(0)?, name: row.get(1)?, kind: row.get(2)? })
}

/// Pinned entities of an agent.
pub fn pinned(connection: &Connection, agent: &str, limit: i64) -> rusqlite::Result<Vec<Entity>> {
    sql::rows(
        connection,
        "SELECT id, name, entity_type FROM entities INDEXED BY idx_entities_order
         WHERE agent_id = ?1 AND pinned = 1 AND status = 'active'
         ORDER BY pinned_at DESC, mentions DESC, updated_at DESC, name LIMIT ?2",
        (agent, limit),
        entity,
    )
}

/// Projects whose name contains one of these texts.
pub fn projects_named(
    connection: &Connection,
    agent: &str,
    parts: &[String],
    limit: i64,
) -> rusqlite::Result<Vec<Entity>> {
    sql::rows(
        connection,
        "WITH known AS MATERIALIZED (SELECT id, name, entity_type FROM entities INDEXED BY idx_entities_order
           WHERE agent_id = ?1 AND entity_type = 'project' AND status = 'active'
           ORDER BY pinned DESC, pinned_at DESC, mentions DESC, updated_at DESC, name LIMIT 1000)
         SELECT DISTINCT k.id, k.name, k.entity_type FROM json_each(?2) w CROSS JOIN known k
         WHERE instr(lower(k.name), w.value) LIMIT ?3",
        (agent, serde_json::Value::from(parts).to_string(), limit),
        entity,
    )
}

/// What is asserted by a source: id, time, content, status.
pub fn assertions_from(
    connection: &Connection,
    agent: &str,
    sources: &[String],
    limit: i64,
) -> rusqlite::Result<Vec<Assertion>> {
    sql::rows(
        connection,
        "SELECT id, asserted_at, content, status, predicate, speaker FROM epistemic_assertions
           INDEXED BY idx_epistemic_assertions_agent_source
         WHERE agent_id = ?1
           AND (source_id IN (SELECT value FROM json_each(?2)) OR source_path IN (SELECT value FROM json_each(?2)))
         ORDER BY asserted_at LIMIT ?3",
        (agent, serde_json::Value::from(sources).to_string(), limit),
        |row| {
            Ok(Assertion {
                id: row.get(0)?,
                at: row.get(1)?,
                content: row.get(2)?,
                status: row.get(3)?,
                predicate: row.get(4)?,
                speaker: row.get(5)?,
            })
        },
    )
}

/// Who claims what.
#[derive(Debug, Clone)]
pub struct Assertion {
    pub id: String,
    pub at: String,
    pub content: String,
    pub status: String,
    pub predicate: String,
    pub speaker: Option<String>,
}
