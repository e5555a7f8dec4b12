//! Entities, mentions, relations, aspects and claims, as what is remembered writes them.

use rusqlite::Connection;

use crate::db::{Tx, sql};
use crate::parts::knowledge::write::canonical;

/// An entity of the agent by its exact or canonical name.
pub fn find_by_name(
    connection: &Connection,
    agent: &str,
    name: &str,
    canonical: &str,
) -> rusqlite::Result<Option<String>> {
    let by_name =
        sql::row(connection, "SELECT id FROM entities WHERE name = ?1 AND agent_id = ?2", (name, agent), |row| {
            row.get(0)
        })?;
    if by_name.is_some() {
        return Ok(by_name);
    }
    sql::row(
        connection,
        "SELECT id FROM entities WHERE canonical_name = ?1 AND agent_id = ?2 LIMIT 1",
        (canonical, agent),
        |row| row.get(0),
    )
}

pub fn bump_mentions(tx: &Tx<'_>, id: &str) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "UPDATE entities SET mentions = COALESCE(mentions, 0) + 1, updated_at = ?2 WHERE id = ?1",
        (id, tx.now()),
    )?;
    Ok(())
}

/// The entity of a name, made or found by canonical name and agent. An `extracted` one takes a given
/// type. Names are unique over all agents: of one that another agent has, the agent gets an entity
/// `<name> [<agent>]`, so that agents neither change nor find out each other's.
pub fn upsert(tx: &Tx<'_>, agent: &str, name: &str, kind: Option<&str>) -> rusqlite::Result<String> {
    let canonical = canonical(name);
    let known: Option<String> = sql::row(
        tx,
        "SELECT id FROM entities WHERE canonical_name = ?1 AND agent_id = ?2 LIMIT 1",
        (&canonical, agent),
        |row| row.get(0),
    )?;
    let taken: Option<(String, String)> =
        sql::row(tx, "SELECT id, agent_id FROM entities WHERE name = ?1", [name], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    let own = taken.iter().find(|(_, owner)| owner == agent).map(|(id, _)| id.clone());
    if let Some(id) = known.or(own) {
        bump_mentions(tx, &id)?;
        if let Some(kind) = kind {
            sql::execute(
                tx,
                "UPDATE entities SET entity_type = ?2 WHERE id = ?1 AND entity_type = 'extracted'",
                (&id, kind),
            )?;
        }
        return Ok(id);
    }
    let id = tx.random_id();
    let free_name = if taken.is_some() { format!("{name} [{agent}]") } else { name.to_owned() };
    sql::execute(
        tx,
        "INSERT INTO entities (id, name, canonical_name, entity_type, agent_id, mentions, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6)",
        (&id, free_name, &canonical, kind.unwrap_or("extracted"), agent, tx.now()),
    )?;
    Ok(id)
}

/// Links a memory to an entity; the number of new rows.
pub fn add_mention(
    tx: &Tx<'_>,
    memory_id: &str,
    entity_id: &str,
    text: &str,
    confidence: f64,
) -> rusqlite::Result<usize> {
    sql::execute(
        tx,
        "INSERT INTO memory_entity_mentions (memory_id, entity_id, mention_text, confidence, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (memory_id, entity_id) DO NOTHING",
        (memory_id, entity_id, text, confidence, tx.now()),
    )
}

/// Adds a relation or strengthens it: the confidence is the mean over its mentions.
pub fn upsert_relation(tx: &Tx<'_>, source: &str, target: &str, kind: &str, confidence: f64) -> rusqlite::Result<()> {
    let changed = sql::execute(
        tx,
        "UPDATE relations SET confidence = (COALESCE(confidence, 0.5) * COALESCE(mentions, 1) + ?4)
             / (COALESCE(mentions, 1) + 1),
           mentions = COALESCE(mentions, 1) + 1, updated_at = ?5
         WHERE source_entity_id = ?1 AND relation_type = ?3 AND target_entity_id = ?2",
        (source, target, kind, confidence, tx.now()),
    )?;
    if changed == 0 {
        sql::execute(
            tx,
            "INSERT INTO relations (id, source_entity_id, target_entity_id, relation_type, confidence, mentions,
               created_at, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6)",
            (tx.random_id(), source, target, kind, confidence, tx.now()),
        )?;
    }
    Ok(())
}

/// The aspect of an entity, made or found.
pub fn upsert_aspect(tx: &Tx<'_>, agent: &str, entity_id: &str, name: &str) -> rusqlite::Result<String> {
    let canonical = canonical(name);
    let known = sql::row(
        tx,
        "SELECT id FROM entity_aspects WHERE entity_id = ?1 AND canonical_name = ?2",
        (entity_id, &canonical),
        |row| row.get(0),
    )?;
    if let Some(id) = known {
        return Ok(id);
    }
    let id = tx.random_id();
    sql::execute(
        tx,
        "INSERT INTO entity_aspects (id, entity_id, agent_id, name, canonical_name, weight, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, 0.5, ?6, ?6)",
        (&id, entity_id, agent, name, &canonical, tx.now()),
    )?;
    Ok(id)
}

/// A claim under an aspect.
#[derive(Debug, Clone)]
pub struct Attribute {
    pub id: String,
    pub normalized: String,
    pub created_at: String,
}

/// What a new claim carries.
#[derive(Debug)]
pub struct NewAttribute<'a> {
    pub aspect_id: &'a str,
    pub agent: &'a str,
    pub memory_id: &'a str,
    pub kind: &'static str,
    pub content: &'a str,
    pub normalized: &'a str,
    pub confidence: f64,
    pub importance: f64,
    pub group_key: Option<&'a str>,
    pub claim_key: Option<&'a str>,
    pub created_at: &'a str,
}

/// The id of the new claim; `None` when an active one of the aspect says the same.
pub fn add_attribute(tx: &Tx<'_>, a: &NewAttribute<'_>) -> rusqlite::Result<Option<String>> {
    let same: Option<String> = sql::row(
        tx,
        "SELECT id FROM entity_attributes WHERE aspect_id = ?1 AND status = 'active' AND normalized_content = ?2 LIMIT 1",
        (a.aspect_id, a.normalized),
        |row| row.get(0),
    )?;
    if same.is_some() {
        return Ok(None);
    }
    let id = tx.random_id();
    sql::execute(
        tx,
        "INSERT INTO entity_attributes (id, aspect_id, agent_id, memory_id, kind, content, normalized_content, confidence,
           importance, status, created_at, updated_at, claim_key, group_key, version, version_root_id)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 'active', ?10, ?11, ?12, ?13, 1, ?1)",
        rusqlite::params![
            id,
            a.aspect_id,
            a.agent,
            a.memory_id,
            a.kind,
            a.content,
            a.normalized,
            a.confidence,
            a.importance,
            a.created_at,
            tx.now(),
            a.claim_key,
            a.group_key,
        ],
    )?;
    Ok(Some(id))
}

/// The other active claims with the same keys.
pub fn rivals(
    connection: &Connection,
    agent: &str,
    project: Option<&str>,
    aspect_id: &str,
    group_key: Option<&str>,
    claim_key: &str,
    except: &str,
) -> rusqlite::Result<Vec<Attribute>> {
    sql::rows(
        connection,
        "SELECT id, normalized_content, created_at FROM entity_attributes
         WHERE agent_id = ?1 AND aspect_id = ?2 AND group_key IS ?3 AND claim_key = ?4 AND status = 'active'
           AND kind = 'attribute' AND id <> ?5
           AND (?6 IS NULL OR EXISTS (SELECT 1 FROM memories m WHERE m.id = entity_attributes.memory_id AND m.project = ?6))
         LIMIT 100",
        (agent, aspect_id, group_key, claim_key, except, project),
        |row| Ok(Attribute { id: row.get(0)?, normalized: row.get(1)?, created_at: row.get(2)? }),
    )
}

pub fn supersede(tx: &Tx<'_>, old: &str, new: &str) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "UPDATE entity_attributes SET status = 'superseded', superseded_by = ?2, updated_at = ?3 WHERE id = ?1",
        (old, new, tx.now()),
    )?;
    Ok(())
}

/// A weak `related_to` edge between two entities, unless they have one.
pub fn relate(tx: &Tx<'_>, agent: &str, a: &str, b: &str, reason: &str) -> rusqlite::Result<()> {
    let known: Option<i64> = sql::row(
        tx,
        "SELECT 1 FROM entity_dependencies WHERE agent_id = ?3 AND dependency_type = 'related_to'
           AND ((source_entity_id = ?1 AND target_entity_id = ?2) OR (source_entity_id = ?2 AND target_entity_id = ?1))",
        (a, b, agent),
        |row| row.get(0),
    )?;
    if known.is_none() {
        sql::execute(
            tx,
            "INSERT INTO entity_dependencies (id, source_entity_id, target_entity_id, agent_id, dependency_type, strength,
               confidence, reason, created_at, updated_at)
             VALUES (?1, ?2, ?3, ?4, 'related_to', 0.3, 0.5, ?5, ?6, ?6)",
            (tx.random_id(), a, b, agent, reason, tx.now()),
        )?;
    }
    Ok(())
}

/// An entity that a memory mentions.
#[derive(Debug)]
pub struct Mention {
    pub rowid: i64,
    pub entity: String,
    /// Of the entity, by all memories.
    pub mentions: i64,
}

/// Mentions looked at, of all the memories together.
const MENTIONS: i64 = 5_000;

/// The entities that these memories mention.
pub fn mentioned_by(connection: &Connection, rowids: &[i64]) -> rusqlite::Result<Vec<Mention>> {
    sql::rows(
        connection,
        "SELECT m.rowid, e.id, COALESCE(e.mentions, 0) FROM json_each(?1) j CROSS JOIN memories m ON m.rowid = j.value
         CROSS JOIN memory_entity_mentions x ON x.memory_id = m.id CROSS JOIN entities e ON e.id = x.entity_id LIMIT ?2",
        (serde_json::Value::from(rowids).to_string(), MENTIONS),
        |row| Ok(Mention { rowid: row.get(0)?, entity: row.get(1)?, mentions: row.get(2)? }),
    )
}
