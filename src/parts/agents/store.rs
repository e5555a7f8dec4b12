//! SQL of the roster.

use rusqlite::Connection;

use super::api::Agent;
use crate::config::PolicyName;
use crate::db::sql;

fn agent(row: &sql::Row<'_>) -> rusqlite::Result<Agent> {
    Ok(Agent {
        id: row.get(0)?,
        name: row.get(1)?,
        read_policy: row.get(2)?,
        policy_group: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

/// All agents by name, at most `limit`.
pub fn list(connection: &Connection, limit: i64) -> rusqlite::Result<Vec<Agent>> {
    sql::rows(
        connection,
        "SELECT id, name, read_policy, policy_group, created_at, updated_at FROM agents ORDER BY name LIMIT ?1",
        [limit],
        agent,
    )
}

pub fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<Agent>> {
    sql::row(
        connection,
        "SELECT id, name, read_policy, policy_group, created_at, updated_at FROM agents WHERE id = ?1",
        [id],
        agent,
    )
}

/// False when the id exists already.
pub fn insert(
    connection: &Connection,
    id: &str,
    policy: PolicyName,
    group: Option<&str>,
    now: &str,
) -> rusqlite::Result<bool> {
    let added = sql::execute(
        connection,
        "INSERT OR IGNORE INTO agents (id, name, read_policy, policy_group, created_at, updated_at)
         VALUES (?1, ?1, ?2, ?3, ?4, ?4)",
        (id, policy.as_str(), group, now),
    )?;
    Ok(added > 0)
}

pub fn upsert(
    connection: &Connection,
    id: &str,
    policy: PolicyName,
    group: Option<&str>,
    now: &str,
) -> rusqlite::Result<()> {
    sql::execute(
        connection,
        "INSERT INTO agents (id, name, read_policy, policy_group, created_at, updated_at)
         VALUES (?1, ?1, ?2, ?3, ?4, ?4)
         ON CONFLICT (id) DO UPDATE SET read_policy = ?2, policy_group = ?3, updated_at = ?4
         WHERE read_policy <> ?2 OR policy_group IS NOT ?3",
        (id, policy.as_str(), group, now),
    )?;
    Ok(())
}

/// Notes that an agent wrote something.
pub fn touch_or_add(connection: &Connection, id: &str, now: &str) -> rusqlite::Result<()> {
    sql::execute(
        connection,
        "INSERT INTO agents (id, name, read_policy, created_at, updated_at) VALUES (?1, ?1, 'shared', ?2, ?2)
         ON CONFLICT (id) DO UPDATE SET updated_at = ?2",
        (id, now),
    )?;
    Ok(())
}

/// Removes an agent from the roster. False when unknown.
pub fn remove(connection: &Connection, id: &str) -> rusqlite::Result<bool> {
    Ok(sql::execute(connection, "DELETE FROM agents WHERE id = ?1", [id])? > 0)
}
