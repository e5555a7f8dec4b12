//! Rows that go for good: memories deleted longer than they can be recovered, those of a removed
//! agent, ledger rows of sessions long gone.

use rusqlite::Connection;

use crate::db::sql;

/// Deletes memories with everything that belongs to them. Their history keeps the events, not the
/// texts; entities that nothing mentions any more go with their relations.
pub fn memories(connection: &Connection, ids: &[String]) -> rusqlite::Result<()> {
    let list = serde_json::Value::from(ids).to_string();
    const THESE: &str = "IN (SELECT value FROM json_each(?1))";
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
    for (table, column, more) in [
        ("memory_entity_mentions", "memory_id", ""),
        ("embeddings", "source_id", "AND source_type = 'memory'"),
        ("memory_hints", "memory_id", ""),
        ("temporal_edges", "subject_id", "AND subject_type = 'memory'"),
        ("aggregate_memory_sources", "source_memory_id", ""),
        ("aggregate_memory_sources", "aggregate_memory_id", ""),
        ("entity_attributes", "memory_id", ""),
        ("memories", "id", ""),
    ] {
        sql::execute(connection, &format!("DELETE FROM {table} WHERE {column} {THESE} {more}"), [&list])?;
    }
    sql::execute(
        connection,
        &format!("UPDATE memory_history SET old_content = NULL, new_content = NULL WHERE memory_id {THESE}"),
        [&list],
    )?;
    sql::execute(connection, "DELETE FROM umap_cache", [])?;
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

/// What a stored time looks like. Of other texts nobody can say how old they are.
const A_DAY: &str = "GLOB '[0-9][0-9][0-9][0-9]-[01][0-9]-[0-3][0-9]*'";

/// Memories deleted before a day (`YYYY-MM-DD`), the longest ago first.
pub fn deleted_before(connection: &Connection, day: &str, limit: i64) -> rusqlite::Result<Vec<String>> {
    sql::rows(
        connection,
        &format!(
            "SELECT id FROM memories INDEXED BY idx_memories_deleted_at WHERE is_deleted = 1 AND deleted_at < ?1
               AND deleted_at {A_DAY} ORDER BY deleted_at LIMIT ?2"
        ),
        (day, limit),
        |row| row.get(0),
    )
}

/// Memories of an agent, in any state.
pub fn of_agent(connection: &Connection, agent: &str, limit: i64) -> rusqlite::Result<Vec<String>> {
    sql::rows(connection, "SELECT id FROM memories WHERE agent_id = ?1 LIMIT ?2", (agent, limit), |row| row.get(0))
}

/// Takes an agent's memories out of everybody's sight. Of live rows that become equal by it the
/// newest keeps hash and key, by which rows of one place are told apart.
pub fn archive(connection: &Connection, agent: &str, now: &str) -> rusqlite::Result<()> {
    for (column, place) in [
        ("content_hash", "COALESCE(project, ''), COALESCE(scope, '__NULL__')"),
        ("idempotency_key", "COALESCE(scope, '__NULL__')"),
    ] {
        let statement = format!(
            "UPDATE memories SET {column} = NULL WHERE rowid IN (
               SELECT rowid FROM (
                 SELECT rowid, row_number() OVER (PARTITION BY {column}, {place} ORDER BY created_at DESC, rowid DESC) AS nth
                 FROM memories WHERE agent_id = ?1 AND is_deleted = 0 AND {column} IS NOT NULL)
               WHERE nth > 1)"
        );
        sql::execute(connection, &statement, [agent])?;
    }
    sql::execute(
        connection,
        "UPDATE memories SET visibility = 'archived', updated_at = ?2 WHERE agent_id = ?1",
        (agent, now),
    )?;
    Ok(())
}

/// Sessions whose ledger was last written before a day.
pub fn sessions_before(connection: &Connection, day: &str, limit: i64) -> rusqlite::Result<Vec<(String, String)>> {
    sql::rows(
        connection,
        &format!(
            "SELECT session_key, agent_id FROM session_recall_events INDEXED BY idx_session_recall_events_session
             GROUP BY session_key, agent_id HAVING MAX(created_at) < ?1 AND MAX(created_at) {A_DAY} LIMIT ?2"
        ),
        (day, limit),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Deletes rows of a session's ledger; how many.
pub fn ledger(connection: &Connection, session_key: &str, agent: &str, most: i64) -> rusqlite::Result<usize> {
    sql::execute(
        connection,
        "DELETE FROM session_recall_events WHERE rowid IN (
           SELECT rowid FROM session_recall_events WHERE session_key = ?1 AND agent_id = ?2 LIMIT ?3)",
        (session_key, agent, most),
    )
}
