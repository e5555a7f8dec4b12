//! The graph's rows of memories that go for good.

use rusqlite::Connection;

use crate::db::sql::{self, THESE};

/// Forgets what memories brought: their claims and mentions, and entities that nothing mentions any more
/// with their relations.
pub fn forget_memories(connection: &Connection, ids: &[String]) -> rusqlite::Result<()> {
    let list = serde_json::Value::from(ids).to_string();
    let mentioned: Vec<String> = sql::rows(
        connection,
        &format!("SELECT DISTINCT entity_id FROM memory_entity_mentions WHERE memory_id {THESE}"),
        [&list],
        |row| row.get(0),
    )?;
    sql::execute(
        connection,
        &format!(
            "UPDATE entities SET mentions = MAX(0, COALESCE(mentions, 0) -
               (SELECT COUNT(*) FROM memory_entity_mentions x WHERE x.entity_id = entities.id AND x.memory_id {THESE}))
             WHERE id IN (SELECT entity_id FROM memory_entity_mentions WHERE memory_id {THESE})"
        ),
        [&list],
    )?;
    for statement in [
        format!("DELETE FROM memory_entity_mentions WHERE memory_id {THESE}"),
        format!("DELETE FROM entity_attributes WHERE memory_id {THESE}"),
    ] {
        sql::execute(connection, &statement, [&list])?;
    }
    orphans(connection, &mentioned)
}

/// Of these entities those that nothing mentions, nothing describes and nobody has pinned.
fn orphans(connection: &Connection, entities: &[String]) -> rusqlite::Result<()> {
    let list = serde_json::Value::from(entities).to_string();
    let orphans: Vec<String> = sql::rows(
        connection,
        "SELECT e.id FROM json_each(?1) j CROSS JOIN entities e ON e.id = j.value
         WHERE COALESCE(e.mentions, 0) <= 0 AND COALESCE(e.pinned, 0) = 0
           AND NOT EXISTS (SELECT 1 FROM memory_entity_mentions x WHERE x.entity_id = e.id)
           AND NOT EXISTS (SELECT 1 FROM entity_aspects a WHERE a.entity_id = e.id)",
        [&list],
        |row| row.get(0),
    )?;
    for id in orphans {
        for statement in [
            "DELETE FROM relations WHERE source_entity_id = ?1",
            "DELETE FROM relations WHERE target_entity_id = ?1",
            "DELETE FROM entity_dependencies WHERE source_entity_id = ?1 OR target_entity_id = ?1",
            "DELETE FROM entities WHERE id = ?1",
        ] {
            sql::execute(connection, statement, [&id])?;
        }
    }
    Ok(())
}
