//! `embeddings`: one vector per memory, little-endian float32.

use rusqlite::Connection;

use super::memories::Place;
use crate::db::Tx;
use crate::db::sql::{self, Conditions};
use crate::parts::memory::api::Exported;
use crate::parts::memory::vectors::index::Entry;
use crate::text::listed;

/// A vector to store.
#[derive(Debug, Clone)]
pub struct NewVector<'a> {
    pub memory_id: &'a str,
    pub hash: &'a str,
    pub place: &'a Place,
    pub text: &'a str,
    pub vector: &'a [f32],
    pub model: &'a str,
}

fn blob(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|x| x.to_le_bytes()).collect()
}

pub fn floats(blob: &[u8]) -> Vec<f32> {
    blob.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
}

/// Stores a memory's vector in place of any it had, always under a new id.
///
/// The hash is unique over the whole table: a row of a deleted or missing owner is taken over,
/// another live owner keeps it and this one goes under `<hash>:<agent>` or its own id.
pub fn put(tx: &Tx<'_>, v: &NewVector<'_>) -> rusqlite::Result<()> {
    remove(tx, v.memory_id)?;
    let hash = match &v.place.scope {
        Some(scope) => format!("{}:{scope}", v.hash),
        None => v.hash.to_owned(),
    };
    for key in [hash.clone(), format!("{hash}:{}", v.place.agent), format!("{hash}:{}", v.memory_id)] {
        let done = insert_under(tx, v, &key)? || (free(tx, &key)? && insert_under(tx, v, &key)?);
        if done {
            sql::execute(tx, "UPDATE memories SET embedding_model = ?2 WHERE id = ?1", (v.memory_id, v.model))?;
            break;
        }
    }
    clear_projection(tx)
}

fn insert_under(tx: &Tx<'_>, v: &NewVector<'_>, key: &str) -> rusqlite::Result<bool> {
    let inserted = sql::execute(
        tx,
        "INSERT INTO embeddings (id, content_hash, vector, dimensions, source_type, source_id, chunk_text, created_at)
         VALUES (?1, ?2, ?3, ?4, 'memory', ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        (tx.ordered_id(), key, blob(v.vector), v.vector.len() as i64, v.memory_id, v.text, tx.now()),
    )?;
    Ok(inserted > 0)
}

/// Frees a key that a dead memory holds; false when a live one does.
fn free(connection: &Connection, key: &str) -> rusqlite::Result<bool> {
    let owner: Option<(String, bool)> = sql::row(
        connection,
        "SELECT e.id, e.source_type <> 'memory' OR EXISTS
           (SELECT 1 FROM memories m WHERE m.id = e.source_id AND m.is_deleted = 0)
         FROM embeddings e WHERE e.content_hash = ?1",
        [key],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    match owner {
        None => Ok(true),
        Some((_, true)) => Ok(false),
        Some((id, false)) => {
            sql::execute(connection, "DELETE FROM embeddings WHERE id = ?1", [id])?;
            Ok(true)
        }
    }
}

/// Takes a memory's vectors away.
pub fn remove(connection: &Connection, memory_id: &str) -> rusqlite::Result<()> {
    let removed = sql::execute(
        connection,
        "DELETE FROM embeddings WHERE source_type = 'memory' AND source_id = ?1",
        [memory_id],
    )?;
    if removed > 0 { clear_projection(connection) } else { Ok(()) }
}

fn clear_projection(connection: &Connection) -> rusqlite::Result<()> {
    sql::execute(connection, "DELETE FROM umap_cache", [])?;
    Ok(())
}

/// Live memories above a rowid, in order, each with its vector when it is of this model.
pub fn entries_after(
    connection: &Connection,
    rowid: i64,
    model: &str,
    limit: i64,
) -> rusqlite::Result<Vec<(Entry, Option<Vec<f32>>)>> {
    sql::rows(
        connection,
        "SELECT m.rowid, m.content, COALESCE(NULLIF(m.agent_id, ''), 'default'), m.project, m.scope,
           COALESCE(m.visibility, 'global'), m.who, m.created_at,
           CASE WHEN m.embedding_model = ?2 AND ?2 <> ?3 THEN
             (SELECT e.vector FROM embeddings e WHERE e.source_type = 'memory' AND e.source_id = m.id LIMIT 1) END
         FROM memories m WHERE m.rowid > ?1 AND m.is_deleted = 0 ORDER BY m.rowid LIMIT ?4",
        (rowid, model, crate::embedding::MODEL, limit),
        |row| {
            let vector: Option<Vec<u8>> = row.get(8)?;
            Ok((entry(row)?, vector.as_deref().map(floats)))
        },
    )
}

fn entry(row: &sql::Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        rowid: row.get(0)?,
        content: row.get(1)?,
        place: Place { agent: row.get(2)?, project: row.get(3)?, scope: row.get(4)?, visibility: row.get(5)? },
        who: row.get(6)?,
        created_at: row.get(7)?,
    })
}

/// The live memory of an id, as the index wants it.
pub fn entry_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<Entry>> {
    sql::row(
        connection,
        "SELECT m.rowid, m.content, COALESCE(NULLIF(m.agent_id, ''), 'default'), m.project, m.scope,
           COALESCE(m.visibility, 'global'), m.who, m.created_at
         FROM memories m WHERE m.id = ?1 AND m.is_deleted = 0",
        [id],
        entry,
    )
}

/// A live memory that has no vector of the present model.
#[derive(Debug, Clone)]
pub struct Unembedded {
    pub rowid: i64,
    pub id: String,
    pub hash: String,
    pub content: String,
    pub place: Place,
}

/// Those below a rowid, newest first; with the lowest rowid looked at.
pub fn unembedded_before(
    connection: &Connection,
    before: i64,
    model: &str,
    span: i64,
) -> rusqlite::Result<(Vec<Unembedded>, Option<i64>)> {
    let looked = sql::rows(
        connection,
        "SELECT m.rowid, m.id, m.content_hash, m.content, COALESCE(NULLIF(m.agent_id, ''), 'default'), m.project,
           m.scope, COALESCE(m.visibility, 'global'), m.is_deleted = 0 AND m.embedding_model IS NOT ?2
         FROM memories m WHERE m.rowid < ?1 ORDER BY m.rowid DESC LIMIT ?3",
        (before, model, span),
        |row| Ok((unembedded(row)?, row.get::<bool>(8)?)),
    )?;
    let lowest = looked.last().map(|(row, _)| row.rowid);
    Ok((looked.into_iter().filter(|(_, lacks)| *lacks).map(|(row, _)| row).collect(), lowest))
}

fn unembedded(row: &sql::Row<'_>) -> rusqlite::Result<Unembedded> {
    let id: String = row.get(1)?;
    Ok(Unembedded {
        rowid: row.get(0)?,
        hash: row.get::<Option<String>>(2)?.unwrap_or_else(|| id.clone()),
        id,
        content: row.get(3)?,
        place: Place { agent: row.get(4)?, project: row.get(5)?, scope: row.get(6)?, visibility: row.get(7)? },
    })
}

/// A live memory as the background embedder wants it.
pub fn unembedded_of(connection: &Connection, id: &str) -> rusqlite::Result<Option<Unembedded>> {
    sql::row(
        connection,
        "SELECT m.rowid, m.id, m.content_hash, m.content, COALESCE(NULLIF(m.agent_id, ''), 'default'), m.project,
           m.scope, COALESCE(m.visibility, 'global') FROM memories m WHERE m.id = ?1 AND m.is_deleted = 0",
        [id],
        unembedded,
    )
}

/// The vectors of some memories by rowid, of one number of dimensions.
pub fn vectors(connection: &Connection, rowids: &[i64], dims: usize) -> rusqlite::Result<Vec<(i64, Vec<f32>)>> {
    sql::rows(
        connection,
        "SELECT m.rowid, e.vector FROM json_each(?1) j CROSS JOIN memories m ON m.rowid = j.value
         CROSS JOIN embeddings e ON e.source_type = 'memory' AND e.source_id = m.id WHERE e.dimensions = ?2",
        (serde_json::Value::from(rowids).to_string(), dims as i64),
        |row| Ok((row.get(0)?, floats(&row.get::<Vec<u8>>(1)?))),
    )
}

/// The vector of one memory.
pub fn vector_of(connection: &Connection, memory_id: &str) -> rusqlite::Result<Option<Vec<f32>>> {
    sql::row(
        connection,
        "SELECT vector FROM embeddings WHERE source_type = 'memory' AND source_id = ?1 LIMIT 1",
        [memory_id],
        |row| Ok(floats(&row.get::<Vec<u8>>(0)?)),
    )
}

/// The entries of a tag text: a JSON array or a comma list.
pub fn tag_words(text: Option<String>) -> Vec<String> {
    let text = text.unwrap_or_default();
    if let Ok(serde_json::Value::Array(items)) = serde_json::from_str(&text) {
        return items.iter().filter_map(|v| v.as_str().map(str::to_owned)).collect();
    }
    listed(&text).map(str::to_owned).collect()
}

/// A memory with a vector, and whether it is pinned.
#[derive(Debug)]
pub struct ExportRow {
    pub exported: Exported,
    pub pinned: bool,
}

/// Live memories with a vector, newest first. `filter` speaks of `m`.
pub fn export(
    connection: &Connection,
    filter: &Conditions,
    vectors: bool,
    limit: i64,
    offset: i64,
) -> rusqlite::Result<Vec<ExportRow>> {
    let vector = if vectors { "e.vector" } else { "NULL" };
    let text = format!(
        "SELECT m.id, m.content, m.who, m.importance, m.type, m.tags, m.source_type, COALESCE(m.source_id, m.id),
           m.created_at, m.pinned, {vector}
         FROM memories m INDEXED BY idx_memories_created
         CROSS JOIN embeddings e ON e.source_type = 'memory' AND e.source_id = m.id
         WHERE m.is_deleted = 0 AND {} ORDER BY m.created_at DESC LIMIT ? OFFSET ?",
        filter.sql()
    );
    let values = filter.between(&[], &[&limit, &offset]);
    sql::rows(connection, &text, values, |row| {
        let content: String = row.get(1)?;
        let exported = Exported {
            id: row.get(0)?,
            text: content.clone(),
            content,
            who: row.get::<Option<String>>(2)?.unwrap_or_else(|| "unknown".to_owned()),
            importance: row.get::<Option<f64>>(3)?.unwrap_or(0.5),
            kind: row.get(4)?,
            tags: tag_words(row.get(5)?),
            source_type: row.get(6)?,
            source_id: row.get(7)?,
            created_at: row.get(8)?,
            vector: row.get::<Option<Vec<u8>>>(10)?.as_deref().map(floats),
        };
        Ok(ExportRow { exported, pinned: row.get(9)? })
    })
}

/// How many live memories have a vector.
pub fn count(connection: &Connection, filter: &Conditions) -> rusqlite::Result<i64> {
    let text = format!(
        "SELECT COUNT(*) FROM embeddings e CROSS JOIN memories m ON m.id = e.source_id
         WHERE e.source_type = 'memory' AND m.is_deleted = 0 AND {}",
        filter.sql()
    );
    connection.prepare_cached(&text)?.query_row(filter.after(&[]), |row| row.get(0))
}

/// What the health of the vectors is judged by.
#[derive(Debug, Default)]
pub struct Census {
    pub memories: i64,
    pub embedded: i64,
    pub other_dimensions: i64,
    pub models: i64,
    pub orphans: i64,
}

pub fn census(connection: &Connection, dims: usize) -> rusqlite::Result<Census> {
    let count = |text: &str| connection.prepare_cached(text)?.query_row([], |row| row.get::<_, i64>(0));
    Ok(Census {
        memories: count("SELECT COUNT(*) FROM memories WHERE is_deleted = 0")?,
        embedded: self::count(connection, &Conditions::default())?,
        other_dimensions: connection
            .prepare_cached("SELECT COUNT(*) FROM embeddings WHERE source_type = 'memory' AND dimensions <> ?1")?
            .query_row([dims as i64], |row| row.get(0))?,
        models: count(
            "SELECT COUNT(DISTINCT embedding_model) FROM memories WHERE is_deleted = 0 AND embedding_model IS NOT NULL",
        )?,
        orphans: count(
            "SELECT COUNT(*) FROM embeddings e WHERE e.source_type = 'memory'
               AND NOT EXISTS (SELECT 1 FROM memories m WHERE m.id = e.source_id AND m.is_deleted = 0)",
        )?,
    })
}

/// The kept projection of a number of dimensions, if it is of this many vectors.
pub fn cached_projection(
    connection: &Connection,
    dimensions: i64,
    vectors: i64,
) -> rusqlite::Result<Option<(String, String)>> {
    sql::row(
        connection,
        "SELECT payload, created_at FROM umap_cache WHERE dimensions = ?1 AND embedding_count = ?2 ORDER BY id DESC LIMIT 1",
        (dimensions, vectors),
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

pub fn keep_projection(tx: &Tx<'_>, dimensions: i64, vectors: i64, payload: &str) -> rusqlite::Result<()> {
    sql::execute(tx, "DELETE FROM umap_cache WHERE dimensions = ?1", [dimensions])?;
    sql::execute(
        tx,
        "INSERT INTO umap_cache (dimensions, embedding_count, payload, created_at) VALUES (?1, ?2, ?3, ?4)",
        (dimensions, vectors, payload, tx.now()),
    )?;
    Ok(())
}
