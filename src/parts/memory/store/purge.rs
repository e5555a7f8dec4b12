//! Rows that go for good: memories deleted longer than they can be recovered, those of a removed
//! agent.

use rusqlite::Connection;

use crate::db::sql::{self, A_DAY, THESE};

/// Deletes memories with the rows that belong to them. Their history keeps the events, not the texts.
pub fn memories(connection: &Connection, ids: &[String]) -> rusqlite::Result<()> {
    let list = serde_json::Value::from(ids).to_string();
    for (table, column, more) in [
        ("embeddings", "source_id", "AND source_type = 'memory'"),
        ("memory_hints", "memory_id", ""),
        ("temporal_edges", "subject_id", "AND subject_type = 'memory'"),
        ("aggregate_memory_sources", "source_memory_id", ""),
        ("aggregate_memory_sources", "aggregate_memory_id", ""),
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
    Ok(())
}

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

/// When the memories of an agent that is purged count as deleted: longer ago than anything can be recovered, so
/// that the sweep takes what a crash leaves.
const LONG_AGO: &str = "1970-01-01T00:00:00.000Z";

/// Takes an agent's memories out of everything, to be deleted soon.
pub fn give_up(connection: &Connection, agent: &str) -> rusqlite::Result<()> {
    sql::execute(
        connection,
        "UPDATE memories SET is_deleted = 1, deleted_at = ?2, visibility = 'archived' WHERE agent_id = ?1",
        (agent, LONG_AGO),
    )?;
    Ok(())
}

/// Memories of an agent that were given up.
pub fn given_up(connection: &Connection, agent: &str, limit: i64) -> rusqlite::Result<Vec<String>> {
    sql::rows(
        connection,
        "SELECT id FROM memories INDEXED BY idx_memories_deleted_at
         WHERE is_deleted = 1 AND deleted_at = ?2 AND agent_id = ?1 LIMIT ?3",
        (agent, LONG_AGO, limit),
        |row| row.get(0),
    )
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
