//! `memories`: insert, find, change, list.

use std::collections::HashMap;

use rusqlite::{Connection, Row, named_params, params_from_iter};
use serde::Serialize;

use crate::db::sql::{self, Conditions};

/// Where a memory belongs: rows of one place with the same content are the same memory.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    pub now: String,
    pub extraction_status: &'static str,
    pub extraction_model: Option<&'static str>,
}

pub fn insert(connection: &Connection, m: &NewMemory) -> rusqlite::Result<()> {
    sql::execute(
        connection,
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
            ":created_at": m.created_at, ":now": m.now, ":status": m.extraction_status, ":model": m.extraction_model,
        },
    )?;
    Ok(())
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
    pub hash: Option<String>,
}

fn existing(row: &Row<'_>) -> rusqlite::Result<Existing> {
    Ok(Existing {
        id: row.get(0)?,
        kind: row.get(1)?,
        tags: row.get(2)?,
        pinned: row.get::<_, Option<bool>>(3)?.unwrap_or(false),
        importance: row.get::<_, Option<f64>>(4)?.unwrap_or(0.5),
        content: row.get(5)?,
        hash: row.get(6)?,
    })
}

const EXISTING: &str = "id, type, tags, pinned, importance, content, content_hash";
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
        |row| Ok((row.get::<_, Option<String>>(7)?, existing(row)?)),
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
                importance: row.get::<_, Option<f64>>(4)?.unwrap_or(0.5),
                pinned: row.get::<_, Option<bool>>(5)?.unwrap_or(false),
                version: row.get::<_, Option<i64>>(6)?.unwrap_or(1),
                deleted: row.get::<_, Option<bool>>(7)?.unwrap_or(false),
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
pub fn link_sources(
    connection: &Connection,
    aggregate: &str,
    sources: &[String],
    agent: &str,
    now: &str,
) -> rusqlite::Result<()> {
    sources.iter().filter(|source| *source != aggregate).try_for_each(|source| {
        sql::execute(
            connection,
            "INSERT OR IGNORE INTO aggregate_memory_sources (aggregate_memory_id, source_memory_id, agent_id, created_at)
             VALUES (?1, ?2, ?3, ?4)",
            (aggregate, source, agent, now),
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
    pub now: &'a str,
    pub version: i64,
}

pub fn update(connection: &Connection, c: &Changed<'_>) -> rusqlite::Result<()> {
    sql::execute(
        connection,
        "UPDATE memories SET type = ?2, tags = ?3, importance = ?4, pinned = ?5, updated_by = ?6, updated_at = ?7,
           version = ?8, update_count = COALESCE(update_count, 0) + 1 WHERE id = ?1",
        (c.id, c.kind, c.tags, c.importance, c.pinned, c.by, c.now, c.version),
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
    Ok(())
}

pub fn mark_deleted(connection: &Connection, id: &str, by: &str, now: &str, version: i64) -> rusqlite::Result<()> {
    sql::execute(
        connection,
        "UPDATE memories SET is_deleted = 1, deleted_at = ?3, updated_at = ?3, updated_by = ?2, version = ?4 WHERE id = ?1",
        (id, by, now, version),
    )?;
    sql::execute(connection, "DELETE FROM aggregate_memory_sources WHERE source_memory_id = ?1", [id])?;
    sql::execute(connection, "DELETE FROM aggregate_memory_sources WHERE aggregate_memory_id = ?1", [id])?;
    Ok(())
}

pub fn mark_recovered(connection: &Connection, id: &str, by: &str, now: &str, version: i64) -> rusqlite::Result<()> {
    sql::execute(
        connection,
        "UPDATE memories SET is_deleted = 0, deleted_at = NULL, updated_at = ?3, updated_by = ?2, version = ?4 WHERE id = ?1",
        (id, by, now, version),
    )?;
    Ok(())
}

/// Everything `GET /api/memory/:id` shows.
#[derive(Debug, Serialize)]
pub struct Full {
    pub id: String,
    pub content: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub importance: Option<f64>,
    pub tags: Option<String>,
    pub pinned: i64,
    pub who: Option<String>,
    pub source_id: Option<String>,
    pub source_type: Option<String>,
    pub source_path: Option<String>,
    pub runtime_path: Option<String>,
    pub idempotency_key: Option<String>,
    pub project: Option<String>,
    pub session_id: Option<String>,
    pub confidence: f64,
    pub access_count: i64,
    pub last_accessed: Option<String>,
    pub is_deleted: i64,
    pub deleted_at: Option<String>,
    pub extraction_status: Option<String>,
    pub embedding_model: Option<String>,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
    pub updated_by: String,
}

/// A live memory that `visible` lets through.
pub fn find_full(connection: &Connection, id: &str, visible: &Conditions) -> rusqlite::Result<Option<Full>> {
    // m.* because only old files have session_id
    let text = format!("SELECT m.* FROM memories m WHERE m.id = ? AND m.is_deleted = 0 AND {}", visible.sql());
    let values = std::iter::once(&id as &dyn rusqlite::ToSql).chain(visible.values());
    sql::row(connection, &text, params_from_iter(values), |row| {
        Ok(Full {
            id: row.get("id")?,
            content: row.get("content")?,
            kind: row.get("type")?,
            importance: row.get("importance")?,
            tags: row.get("tags")?,
            pinned: row.get::<_, Option<i64>>("pinned")?.unwrap_or(0),
            who: row.get("who")?,
            source_id: row.get("source_id")?,
            source_type: row.get("source_type")?,
            source_path: row.get("source_path")?,
            runtime_path: row.get("runtime_path")?,
            idempotency_key: row.get("idempotency_key")?,
            project: row.get("project")?,
            session_id: row.get::<_, Option<String>>("session_id").unwrap_or(None),
            confidence: row.get::<_, Option<f64>>("confidence")?.unwrap_or(1.0),
            access_count: row.get::<_, Option<i64>>("access_count")?.unwrap_or(0),
            last_accessed: row.get("last_accessed")?,
            is_deleted: row.get::<_, Option<i64>>("is_deleted")?.unwrap_or(0),
            deleted_at: row.get("deleted_at")?,
            extraction_status: row.get("extraction_status")?,
            embedding_model: row.get("embedding_model")?,
            version: row.get::<_, Option<i64>>("version")?.unwrap_or(1),
            created_at: row.get("created_at")?,
            updated_at: row.get("updated_at")?,
            updated_by: row.get("updated_by")?,
        })
    })
}

/// One line of `GET /api/memories`.
#[derive(Debug, Serialize)]
pub struct Listed {
    pub id: String,
    pub content: String,
    pub created_at: String,
    pub who: Option<String>,
    pub importance: Option<f64>,
    pub tags: Option<String>,
    pub source_type: Option<String>,
    pub pinned: i64,
    #[serde(rename = "type")]
    pub kind: String,
}

pub fn list(connection: &Connection, visible: &Conditions, limit: i64, offset: i64) -> rusqlite::Result<Vec<Listed>> {
    let text = format!(
        "SELECT m.id, m.content, m.created_at, m.who, m.importance, m.tags, m.source_type, COALESCE(m.pinned, 0), m.type
         FROM memories m INDEXED BY idx_memories_created
         WHERE m.is_deleted = 0 AND {} ORDER BY m.created_at DESC LIMIT ? OFFSET ?",
        visible.sql()
    );
    let values = visible.values().chain([&limit as &dyn rusqlite::ToSql, &offset]);
    sql::rows(connection, &text, params_from_iter(values), |row| {
        Ok(Listed {
            id: row.get(0)?,
            content: row.get(1)?,
            created_at: row.get(2)?,
            who: row.get(3)?,
            importance: row.get(4)?,
            tags: row.get(5)?,
            source_type: row.get(6)?,
            pinned: row.get(7)?,
            kind: row.get(8)?,
        })
    })
}

/// `stats` of `GET /api/memories`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    pub total: i64,
    pub with_embeddings: i64,
    pub critical: i64,
}

pub fn stats(connection: &Connection, visible: &Conditions) -> rusqlite::Result<Stats> {
    let count = |extra: &str| -> rusqlite::Result<i64> {
        let text = format!("SELECT COUNT(*) FROM memories m WHERE m.is_deleted = 0 AND {} {extra}", visible.sql());
        connection.prepare_cached(&text)?.query_row(params_from_iter(visible.values()), |row| row.get(0))
    };
    Ok(Stats {
        total: count("")?,
        critical: count("AND m.importance >= 0.9")?,
        with_embeddings: connection
            .prepare_cached("SELECT COUNT(*) FROM embeddings")?
            .query_row([], |row| row.get(0))?,
    })
}

/// One line of `GET /api/memories/most-used`.
#[derive(Debug, Serialize)]
pub struct MostUsed {
    pub id: String,
    pub content: String,
    pub access_count: i64,
    pub importance: Option<f64>,
    #[serde(rename = "type")]
    pub kind: String,
    pub tags: Option<String>,
}

pub fn most_used(connection: &Connection, visible: &Conditions, limit: i64) -> rusqlite::Result<Vec<MostUsed>> {
    let text = format!(
        "SELECT m.id, m.content, m.access_count, m.importance, m.type, m.tags FROM memories m INDEXED BY idx_signetd_memories_access
         WHERE m.access_count > 0 AND m.is_deleted = 0 AND {}
         ORDER BY m.access_count DESC, m.importance DESC LIMIT ?",
        visible.sql()
    );
    let values = visible.values().chain([&limit as &dyn rusqlite::ToSql]);
    sql::rows(connection, &text, params_from_iter(values), |row| {
        Ok(MostUsed {
            id: row.get(0)?,
            content: row.get(1)?,
            access_count: row.get(2)?,
            importance: row.get(3)?,
            kind: row.get(4)?,
            tags: row.get(5)?,
        })
    })
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

/// Distinct authors, ascending.
pub fn authors(connection: &Connection, visible: &Conditions, limit: i64) -> rusqlite::Result<Vec<String>> {
    let text = format!(
        "SELECT DISTINCT m.who FROM memories m WHERE m.who IS NOT NULL AND m.is_deleted = 0 AND {} ORDER BY m.who LIMIT ?",
        visible.sql()
    );
    let values = visible.values().chain([&limit as &dyn rusqlite::ToSql]);
    sql::rows(connection, &text, params_from_iter(values), |row| row.get(0))
}

/// What a forget looks at.
#[derive(Debug, Clone)]
pub struct Candidate {
    pub id: String,
    pub pinned: bool,
    pub version: i64,
    pub score: f64,
}

fn candidate(row: &Row<'_>, score: f64) -> rusqlite::Result<Candidate> {
    Ok(Candidate {
        id: row.get(0)?,
        pinned: row.get::<_, Option<bool>>(1)?.unwrap_or(false),
        version: row.get::<_, Option<i64>>(2)?.unwrap_or(1),
        score,
    })
}

/// Live rows of these ids, in their order.
pub fn candidates_by_id(
    connection: &Connection,
    ids: &[String],
    visible: &Conditions,
) -> rusqlite::Result<Vec<Candidate>> {
    let text = format!(
        "SELECT m.id, m.pinned, m.version FROM memories m WHERE m.id = ? AND m.is_deleted = 0 AND {}",
        visible.sql()
    );
    let mut found = Vec::new();
    for id in ids {
        let values = std::iter::once(id as &dyn rusqlite::ToSql).chain(visible.values());
        found.extend(sql::row(connection, &text, params_from_iter(values), |row| candidate(row, 0.0))?);
    }
    Ok(found)
}

/// Live rows that a filter lets through: pinned first, then importance, then the newest change.
pub fn candidates_by_filter(
    connection: &Connection,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Candidate>> {
    let text = format!(
        "SELECT m.id, m.pinned, m.version FROM memories m WHERE m.is_deleted = 0 AND {}
         ORDER BY m.pinned DESC, m.importance DESC, m.updated_at DESC LIMIT ?",
        filter.sql()
    );
    let values = filter.values().chain([&limit as &dyn rusqlite::ToSql]);
    sql::rows(connection, &text, params_from_iter(values), |row| candidate(row, 0.0))
}

/// Live rows matching an FTS5 expression, best first; score 1/(1+|bm25|).
pub fn candidates_by_text(
    connection: &Connection,
    expression: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Candidate>> {
    let text = format!(
        "SELECT m.id, m.pinned, m.version, bm25(memories_fts) FROM memories_fts
         JOIN memories m ON m.rowid = memories_fts.rowid
         WHERE memories_fts MATCH ? AND m.is_deleted = 0 AND {} ORDER BY bm25(memories_fts) LIMIT ?",
        filter.sql()
    );
    let values = std::iter::once(&expression as &dyn rusqlite::ToSql)
        .chain(filter.values())
        .chain([&limit as &dyn rusqlite::ToSql]);
    sql::rows(connection, &text, params_from_iter(values), |row| {
        let bm25: f64 = row.get(3)?;
        candidate(row, 1.0 / (1.0 + bm25.abs()))
    })
}

/// Live rows containing a text in content or tags, newest change first.
pub fn candidates_by_like(
    connection: &Connection,
    text: &str,
    filter: &Conditions,
    limit: i64,
) -> rusqlite::Result<Vec<Candidate>> {
    let statement = format!(
        "SELECT m.id, m.pinned, m.version FROM memories m
         WHERE (m.content LIKE ?1 ESCAPE '\\' OR m.tags LIKE ?1 ESCAPE '\\') AND m.is_deleted = 0 AND {}
         ORDER BY m.updated_at DESC LIMIT ?",
        filter.sql()
    );
    let pattern = sql::like_contains(text);
    let values = std::iter::once(&pattern as &dyn rusqlite::ToSql)
        .chain(filter.values())
        .chain([&limit as &dyn rusqlite::ToSql]);
    sql::rows(connection, &statement, params_from_iter(values), |row| candidate(row, 0.0))
}
