//! `memories`: insert, find, change.

use std::collections::HashMap;

use rusqlite::{Connection, named_params};

use crate::db::{Tx, sql};

/// Where a memory belongs: rows of one place with the same content are the same memory.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    pub agent: String,
    pub project: Option<String>,
    pub scope: Option<String>,
    pub visibility: String,
}

/// A row to insert.
#[derive(Debug, Clone)]
pub struct NewMemory {
    pub id: String,
    pub kind: String,
    pub content: String,
    pub normalized: String,
    pub hash: String,
    pub importance: f64,
    pub pinned: bool,
    pub tags: Option<String>,
    pub who: String,
    pub why: &'static str,
    pub source_type: String,
    pub source_id: Option<String>,
    pub source_path: Option<String>,
    pub runtime_path: Option<String>,
    pub idempotency_key: Option<String>,
    pub place: Place,
    pub created_at: String,
    pub extraction_status: &'static str,
    pub extraction_model: Option<&'static str>,
}

pub fn insert(tx: &Tx<'_>, m: &NewMemory) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "INSERT INTO memories
           (id, type, content, normalized_content, content_hash, importance, pinned, tags, who, why, source_type,
            source_id, source_path, runtime_path, idempotency_key, agent_id, project, scope, visibility, created_at,
            updated_at, updated_by, extraction_status, extraction_model, version, is_deleted)
         VALUES
           (:id, :type, :content, :normalized, :hash, :importance, :pinned, :tags, :who, :why, :source_type,
            :source_id, :source_path, :runtime_path, :key, :agent, :project, :scope, :visibility, :created_at,
            :now, :who, :status, :model, 1, 0)",
        named_params! {
            ":id": m.id, ":type": m.kind, ":content": m.content, ":normalized": m.normalized, ":hash": m.hash,
            ":importance": m.importance, ":pinned": m.pinned, ":tags": m.tags, ":who": m.who, ":why": m.why,
            ":source_type": m.source_type, ":source_id": m.source_id, ":source_path": m.source_path,
            ":runtime_path": m.runtime_path, ":key": m.idempotency_key, ":agent": m.place.agent,
            ":project": m.place.project, ":scope": m.place.scope, ":visibility": m.place.visibility,
            ":created_at": m.created_at, ":now": tx.now(), ":status": m.extraction_status, ":model": m.extraction_model,
        },
    )?;
    super::terms::add(tx, &m.id, &m.content)
}

/// What a dedupe answer shows of the row that is there already.
#[derive(Debug, Clone)]
pub struct Existing {
    pub id: String,
    pub kind: String,
    pub tags: Option<String>,
    pub pinned: bool,
    pub importance: f64,
    pub content: String,
    pub project: Option<String>,
    pub source_id: Option<String>,
    /// One of the pieces of a long text.
    pub is_chunk: bool,
}

fn existing(row: &sql::Row<'_>) -> rusqlite::Result<Existing> {
    Ok(Existing {
        id: row.get(0)?,
        kind: row.get(1)?,
        tags: row.get(2)?,
        pinned: row.get::<Option<bool>>(3)?.unwrap_or(false),
        importance: row.get::<Option<f64>>(4)?.unwrap_or(0.5),
        content: row.get(5)?,
        project: row.get(6)?,
        source_id: row.get(7)?,
        is_chunk: row.get(8)?,
    })
}

const EXISTING: &str = "id, type, tags, pinned, importance, content, project, source_id, source_type = 'chunk'";
/// Named indexes below: without statistics SQLite would rather walk all live rows by
/// `idx_memories_is_deleted`.
const SAME_OWNER: &str = "COALESCE(NULLIF(agent_id, ''), 'default') = ?1
    AND COALESCE(visibility, 'global') = ?2 AND COALESCE(scope, '__NULL__') = COALESCE(?3, '__NULL__')";

/// The live row a source wrote before.
pub fn find_by_source(
    connection: &Connection,
    place: &Place,
    source_id: &str,
    source_type: &str,
) -> rusqlite::Result<Option<Existing>> {
    sql::row(
        connection,
        &format!(
            "SELECT {EXISTING} FROM memories INDEXED BY idx_signetd_memories_source
             WHERE source_id = ?4 AND source_type = ?5 AND is_deleted = 0 AND {SAME_OWNER}
             ORDER BY created_at LIMIT 1"
        ),
        (&place.agent, &place.visibility, &place.scope, source_id, source_type),
        existing,
    )
}

/// The live row with an idempotency key.
pub fn find_by_key(connection: &Connection, place: &Place, key: &str) -> rusqlite::Result<Option<Existing>> {
    sql::row(
        connection,
        &format!(
            "SELECT {EXISTING} FROM memories INDEXED BY idx_memories_idempotency_key
             WHERE idempotency_key = ?4 AND is_deleted = 0 AND {SAME_OWNER}"
        ),
        (&place.agent, &place.visibility, &place.scope, key),
        existing,
    )
}

/// The live row with the same content in the same place.
pub fn find_by_hash(connection: &Connection, place: &Place, hash: &str) -> rusqlite::Result<Option<Existing>> {
    sql::row(
        connection,
        &format!(
            "SELECT {EXISTING} FROM memories INDEXED BY idx_memories_content_hash_unique
             WHERE content_hash = ?5 AND is_deleted = 0 AND {SAME_OWNER}
               AND COALESCE(project, '') = COALESCE(?4, '')"
        ),
        (&place.agent, &place.visibility, &place.scope, &place.project, hash),
        existing,
    )
}

/// The live chunks of a group in the order of their keys.
pub fn chunks_of(connection: &Connection, place: &Place, group: &str) -> rusqlite::Result<Vec<Existing>> {
    let mut chunks = sql::rows(
        connection,
        &format!(
            "SELECT {EXISTING}, idempotency_key FROM memories INDEXED BY idx_signetd_memories_source
             WHERE source_id = ?4 AND source_type = 'chunk' AND is_deleted = 0 AND {SAME_OWNER}"
        ),
        (&place.agent, &place.visibility, &place.scope, group),
        |row| Ok((row.get::<Option<String>>(9)?, existing(row)?)),
    )?;
    chunks
        .sort_by_key(|(key, _)| key.as_deref().and_then(|k| k.rsplit(':').next()?.parse::<usize>().ok()).unwrap_or(0));
    Ok(chunks.into_iter().map(|(_, chunk)| chunk).collect())
}

/// A memory with everything a change looks at.
#[derive(Debug, Clone)]
pub struct Stored {
    pub content: String,
    pub hash: Option<String>,
    pub kind: String,
    pub tags: Option<String>,
    pub importance: f64,
    pub pinned: bool,
    pub version: i64,
    pub deleted: bool,
    pub deleted_at: Option<String>,
    pub place: Place,
}

pub fn find(connection: &Connection, id: &str) -> rusqlite::Result<Option<Stored>> {
    sql::row(
        connection,
        "SELECT content, content_hash, type, tags, importance, pinned, version, is_deleted, deleted_at,
                COALESCE(NULLIF(agent_id, ''), 'default'), project, scope, COALESCE(visibility, 'global')
         FROM memories WHERE id = ?1",
        [id],
        |row| {
            Ok(Stored {
                content: row.get(0)?,
                hash: row.get(1)?,
                kind: row.get(2)?,
                tags: row.get(3)?,
                importance: row.get::<Option<f64>>(4)?.unwrap_or(0.5),
                pinned: row.get::<Option<bool>>(5)?.unwrap_or(false),
                version: row.get::<Option<i64>>(6)?.unwrap_or(1),
                deleted: row.get::<Option<bool>>(7)?.unwrap_or(false),
                deleted_at: row.get(8)?,
                place: Place {
                    agent: row.get(9)?,
                    project: row.get(10)?,
                    scope: row.get(11)?,
                    visibility: row.get(12)?,
                },
            })
        },
    )
}

pub fn set_kind(connection: &Connection, id: &str, kind: &str) -> rusqlite::Result<()> {
    sql::execute(connection, "UPDATE memories SET type = ?2 WHERE id = ?1", (id, kind))?;
    Ok(())
}

/// Notes which memories an aggregate was written from.
pub fn link_sources(tx: &Tx<'_>, aggregate: &str, sources: &[String], agent: &str) -> rusqlite::Result<()> {
    sources.iter().filter(|source| *source != aggregate).try_for_each(|source| {
        sql::execute(
            tx,
            "INSERT OR IGNORE INTO aggregate_memory_sources (aggregate_memory_id, source_memory_id, agent_id, created_at)
             VALUES (?1, ?2, ?3, ?4)",
            (aggregate, source, agent, tx.now()),
        )
        .map(|_| ())
    })
}

/// The rowid of a memory, deleted or not.
pub fn rowid(connection: &Connection, id: &str) -> rusqlite::Result<Option<i64>> {
    sql::row(connection, "SELECT rowid FROM memories WHERE id = ?1", [id], |row| row.get(0))
}

/// The new values of a changed row.
#[derive(Debug)]
pub struct Changed<'a> {
    pub id: &'a str,
    pub kind: &'a str,
    pub tags: Option<&'a str>,
    pub importance: f64,
    pub pinned: bool,
    pub by: &'a str,
    pub version: i64,
}

pub fn update(tx: &Tx<'_>, c: &Changed<'_>) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "UPDATE memories SET type = ?2, tags = ?3, importance = ?4, pinned = ?5, updated_by = ?6, updated_at = ?7,
           version = ?8, update_count = COALESCE(update_count, 0) + 1 WHERE id = ?1",
        (c.id, c.kind, c.tags, c.importance, c.pinned, c.by, tx.now(), c.version),
    )?;
    Ok(())
}

pub fn set_content(
    connection: &Connection,
    id: &str,
    content: &str,
    normalized: &str,
    hash: &str,
) -> rusqlite::Result<()> {
    sql::execute(
        connection,
        "UPDATE memories SET content = ?2, normalized_content = ?3, content_hash = ?4, extraction_status = 'none',
           extraction_model = NULL, embedding_model = NULL WHERE id = ?1",
        (id, content, normalized, hash),
    )?;
    super::terms::settle(connection, id, content)
}

pub fn mark_deleted(tx: &Tx<'_>, id: &str, by: &str, version: i64) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "UPDATE memories SET is_deleted = 1, deleted_at = ?3, updated_at = ?3, updated_by = ?2, version = ?4 WHERE id = ?1",
        (id, by, tx.now(), version),
    )?;
    sql::execute(tx, "DELETE FROM aggregate_memory_sources WHERE source_memory_id = ?1", [id])?;
    sql::execute(tx, "DELETE FROM aggregate_memory_sources WHERE aggregate_memory_id = ?1", [id])?;
    Ok(())
}

pub fn mark_recovered(tx: &Tx<'_>, id: &str, by: &str, version: i64) -> rusqlite::Result<()> {
    sql::execute(
        tx,
        "UPDATE memories SET is_deleted = 0, deleted_at = NULL, updated_at = ?3, updated_by = ?2, version = ?4 WHERE id = ?1",
        (id, by, tx.now(), version),
    )?;
    Ok(())
}

/// Adds accesses; neither version nor `updated_at` changes.
pub fn add_accesses(connection: &Connection, counts: &HashMap<String, (i64, String)>) -> rusqlite::Result<()> {
    for (id, (count, at)) in counts {
        sql::execute(
            connection,
            "UPDATE memories SET access_count = COALESCE(access_count, 0) + ?2, last_accessed = ?3 WHERE id = ?1",
            (id, count, at),
        )?;
    }
    Ok(())
}

/// The live memory that has the idempotency key of this one now.
pub fn holder_of_key(connection: &Connection, id: &str) -> rusqlite::Result<Option<String>> {
    sql::row(
        connection,
        "SELECT t.id FROM memories d CROSS JOIN memories t INDEXED BY idx_memories_idempotency_key
           ON t.idempotency_key = d.idempotency_key
         WHERE d.id = ?1 AND t.is_deleted = 0 AND t.id <> d.id
           AND COALESCE(NULLIF(t.agent_id, ''), 'default') = COALESCE(NULLIF(d.agent_id, ''), 'default')
           AND COALESCE(t.visibility, 'global') = COALESCE(d.visibility, 'global')
           AND COALESCE(t.scope, '__NULL__') = COALESCE(d.scope, '__NULL__') LIMIT 1",
        [id],
        |row| row.get(0),
    )
}
