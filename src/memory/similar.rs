//! Nearest neighbours of a stored memory (memory part, `GET /memory/similar`).

use std::collections::HashMap;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::recall::meaning::cosine;
use super::store::{embeddings, memories, recall};
use crate::access::Visible;
use crate::app::App;
use crate::db::sql::Conditions;
use crate::http::{ApiError, Request};
use crate::memory::index::{Allowed, Docs};

/// Neighbours looked at exactly, as a multiple of what is asked for.
const AHEAD: usize = 8;
const LEAST: usize = 200;
/// Memories compared one by one where there is no index: the newest.
const UNINDEXED: usize = 4_000;

/// The body of the answer; a refusal carries an empty list.
pub fn similar(app: &App, request: &Request) -> Result<Value, ApiError> {
    let empty = |error: ApiError| error.with("results", json!([]));
    let id = request.query.text("id").ok_or_else(|| empty(ApiError::bad_request("id is required")))?;
    let limit = request.query.clamped("k", 10, 1, 100) as usize;
    let visible = Visible::to_reader(request).map_err(empty)?;
    let kind = request.query.text("type");
    let none = || empty(ApiError::not_found("No embedding found for this memory"));
    app.db.read(|c| {
        let own = memories::rowid(c, id)?.ok_or_else(none)?;
        let mut filter = visible.conditions(c)?;
        // an anchor the caller may not see is none
        recall::rows(c, &[own], &filter)?.pop().ok_or_else(none)?;
        filter.and("m.is_deleted = 0");
        if let Some(kind) = kind {
            filter.and_with("m.type = ?", kind.to_owned());
        }
        let anchor = embeddings::vector_of(c, id)?.ok_or_else(none)?;
        let near = match near_by_index(app, c, &anchor, &filter, kind.is_some(), (limit * AHEAD).max(LEAST))? {
            Some(near) => near.into_iter().filter(|rowid| *rowid != own).collect(),
            // the index is not loaded yet, or there is none without a provider
            None => {
                let mut newest: Vec<i64> =
                    recall::allowed_rows(c, &filter)?.into_iter().filter(|r| *r != own).collect();
                newest.sort_unstable_by(|a, b| b.cmp(a));
                newest.truncate(UNINDEXED);
                newest
            }
        };
        let exact: HashMap<i64, f64> = embeddings::vectors(c, &near, anchor.len())?
            .into_iter()
            .map(|(rowid, vector)| (rowid, cosine(&anchor, &vector)))
            .collect();
        let mut rows: Vec<(f64, recall::Row)> = recall::rows(c, &near, &filter)?
            .into_iter()
            .filter_map(|row| Some((*exact.get(&row.rowid)?, row)))
            .collect();
        rows.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.id.cmp(&b.1.id)));
        rows.truncate(limit);
        let results: Vec<Value> = rows.into_iter().map(|(score, row)| line(score, row)).collect();
        Ok(json!({ "results": results }))
    })
}

/// Rowids near a vector; `None` without an index. What the caller may see is decided before anything
/// is ranked.
fn near_by_index(
    app: &App,
    connection: &Connection,
    anchor: &[f32],
    filter: &Conditions,
    by_type: bool,
    limit: usize,
) -> Result<Option<Vec<i64>>, ApiError> {
    let Some((generation, places)) = app.memory.index.places() else { return Ok(None) };
    let allowed = if by_type {
        Allowed::Rows(recall::allowed_rows(connection, filter)?)
    } else {
        Allowed::Places(recall::allowed_places(connection, &places, filter)?)
    };
    let near = |docs: &Docs| docs.nearest(anchor, &allowed, limit).iter().map(|n| docs.rowid(n.at)).collect();
    Ok(app.memory.index.with_places(generation, near))
}

fn line(score: f64, row: recall::Row) -> Value {
    json!({
        "id": row.id, "content": row.content, "type": row.kind, "tags": embeddings::tag_words(row.tags),
        "score": (score * 100.0).round() / 100.0, "confidence": row.confidence, "created_at": row.created_at,
    })
}
