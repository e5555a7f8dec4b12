//! SQL of `api_keys`.

use rusqlite::{Connection, params};
use serde_json::{Value, json};

use crate::core::access::{Permission, Role, Scope};
use crate::db::sql;

/// One key as stored.
#[derive(Debug, Clone)]
pub struct Key {
    pub id: String,
    pub prefix: String,
    pub name: String,
    pub hash: String,
    pub role: Role,
    /// `None` when what is stored cannot be read: the key is good for nothing then.
    pub scope: Option<Scope>,
    /// `None`: all that the role has. Names nobody knows give nothing.
    pub permissions: Option<Vec<Permission>>,
    pub connector: Option<String>,
    pub harness: Option<String>,
    pub agent_id: Option<String>,
    pub allowed_projects: Vec<String>,
    pub created_at: String,
    pub last_used_at: Option<String>,
    pub revoked_at: Option<String>,
    pub expires_at: Option<String>,
}

/// A key to insert.
#[derive(Debug, Clone)]
pub struct NewKey {
    pub id: String,
    pub prefix: String,
    pub hash: String,
    pub name: String,
    pub role: Role,
    pub scope: Scope,
    pub permissions: Vec<Permission>,
    pub connector: Option<String>,
    pub harness: Option<String>,
    pub agent_id: Option<String>,
    pub allowed_projects: Vec<String>,
    pub expires_at: Option<String>,
    pub now: String,
}

const COLUMNS: &str = "id, prefix, name, key_hash, role, scope_json, permissions_json, connector, harness, agent_id,
    allowed_projects_json, created_at, last_used_at, revoked_at, expires_at";

fn key(row: &sql::Row<'_>) -> rusqlite::Result<Key> {
    let projects = row.get::<Option<String>>(10)?.and_then(|t| serde_json::from_str::<Vec<Value>>(&t).ok());
    Ok(Key {
        id: row.get(0)?,
        prefix: row.get(1)?,
        name: row.get(2)?,
        hash: row.get(3)?,
        role: Role::parse(&row.get::<String>(4)?).unwrap_or(Role::Agent),
        scope: scope(row.get(5)?),
        permissions: permissions(row.get(6)?),
        connector: row.get(7)?,
        harness: row.get(8)?,
        agent_id: row.get(9)?,
        allowed_projects: projects.iter().flatten().filter_map(|v| v.as_str().map(str::to_owned)).collect(),
        created_at: row.get(11)?,
        last_used_at: row.get(12)?,
        revoked_at: row.get(13)?,
        expires_at: row.get(14)?,
    })
}

/// An unrestricted scope is an empty object; what is no scope restricts to nothing at all.
fn scope(stored: Option<String>) -> Option<Scope> {
    let Some(text) = stored else { return Some(Scope::default()) };
    let value: Value = serde_json::from_str(&text).ok()?;
    let map = value.as_object()?;
    let readable = ["project", "agent", "user"].iter().all(|name| map.get(*name).is_none_or(Value::is_string));
    readable.then(|| Scope::of(map))
}

/// An empty list stands for all of the role; one that cannot be read for nothing.
fn permissions(stored: Option<String>) -> Option<Vec<Permission>> {
    let text = stored.unwrap_or_else(|| "[]".to_owned());
    let names = serde_json::from_str::<Vec<Value>>(&text).unwrap_or_else(|_| vec![Value::Null]);
    (!names.is_empty()).then(|| names.iter().filter_map(|n| Permission::parse(n.as_str()?)).collect())
}

pub fn find_by_prefix(connection: &Connection, prefix: &str) -> rusqlite::Result<Option<Key>> {
    sql::row(connection, &format!("SELECT {COLUMNS} FROM api_keys WHERE prefix = ?1"), [prefix], key)
}

pub fn find_by_id_or_prefix(connection: &Connection, name: &str) -> rusqlite::Result<Option<Key>> {
    let by_id = sql::row(connection, &format!("SELECT {COLUMNS} FROM api_keys WHERE id = ?1"), [name], key)?;
    if by_id.is_some() { Ok(by_id) } else { find_by_prefix(connection, name) }
}

/// All keys, revoked ones too, newest first, at most `limit`.
pub fn list(connection: &Connection, limit: i64) -> rusqlite::Result<Vec<Key>> {
    sql::rows(
        connection,
        &format!("SELECT {COLUMNS} FROM api_keys ORDER BY created_at DESC, rowid DESC LIMIT ?1"),
        [limit],
        key,
    )
}

pub fn insert(connection: &Connection, k: &NewKey) -> rusqlite::Result<()> {
    let permissions: Vec<&str> = k.permissions.iter().map(|p| p.as_str()).collect();
    sql::execute(
        connection,
        "INSERT INTO api_keys (id, prefix, name, key_hash, role, scope_json, permissions_json, connector, harness, agent_id,
           allowed_projects_json, created_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            k.id,
            k.prefix,
            k.name,
            k.hash,
            k.role.as_str(),
            k.scope.to_json().to_string(),
            json!(permissions).to_string(),
            k.connector,
            k.harness,
            k.agent_id,
            json!(k.allowed_projects).to_string(),
            k.now,
            k.expires_at
        ],
    )?;
    Ok(())
}

/// Revokes a key; a second time keeps the first time.
pub fn revoke(connection: &Connection, id: &str, now: &str) -> rusqlite::Result<()> {
    sql::execute(connection, "UPDATE api_keys SET revoked_at = COALESCE(revoked_at, ?2) WHERE id = ?1", (id, now))?;
    Ok(())
}

pub fn touch(connection: &Connection, id: &str, now: &str) -> rusqlite::Result<()> {
    sql::execute(connection, "UPDATE api_keys SET last_used_at = ?2 WHERE id = ?1", (id, now))?;
    Ok(())
}
