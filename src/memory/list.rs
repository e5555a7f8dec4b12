//! Lists and the legacy keyword search (memory part, §5).

use std::collections::HashSet;

use serde_json::{Value, json};

use super::filters::{self, Span};
use super::store::{fulltext, views};
use crate::access::Visible;
use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::db::sql::Conditions;
use crate::http::{ApiError, Request};
use crate::text::is_unspaced;

/// Distinct authors listed at most.
const MOST_AUTHORS: i64 = 5000;
/// Candidates ordered by decay when a search has filters but no words.
const MOST_FILTERED: i64 = 2000;

/// Lists show every agent's rows; a scoped credential sees its project's and its agent's.
pub fn visible_to(caller: &Caller) -> Conditions {
    let mut conditions = Conditions::default();
    Visible::to_lister(caller).narrow(&mut conditions);
    conditions
}

/// `GET /api/memories`.
pub fn memories(app: &App, request: &Request) -> Result<Value, ApiError> {
    let limit = request.query.clamped("limit", 100, 1, 1000);
    let offset = request.query.clamped("offset", 0, 0, i64::MAX);
    let visible = visible_to(&request.caller);
    app.db.read(|c| {
        let memories = views::list(c, &visible, limit, offset)?;
        let stats = views::stats(c, &visible)?;
        Ok(json!({ "memories": memories, "stats": stats }))
    })
}

/// `GET /api/memories/most-used`.
pub fn most_used(app: &App, request: &Request) -> Result<Value, ApiError> {
    let asked = request.query.clamped("limit", 6, i64::MIN, i64::MAX);
    let limit = if asked < 1 { 6 } else { asked.min(200) };
    let visible = visible_to(&request.caller);
    // counts that are not written yet may bring others to the top
    let waiting = app.memory.access.all_waiting();
    let ids: Vec<&String> = waiting.keys().collect();
    let mut used = app.db.read(|c| {
        let mut used = views::most_used(c, &visible, limit)?;
        used.extend(views::used_of(c, &ids, &visible)?);
        Ok::<_, ApiError>(used)
    })?;
    let mut seen = HashSet::new();
    used.retain(|row| seen.insert(row.id.clone()));
    for row in &mut used {
        row.access_count += waiting.get(&row.id).map_or(0, |(count, _)| *count);
    }
    let importance = |row: &views::MostUsed| row.importance.unwrap_or_default();
    used.sort_by(|a, b| b.access_count.cmp(&a.access_count).then_with(|| importance(b).total_cmp(&importance(a))));
    used.truncate(limit as usize);
    Ok(json!({ "memories": used }))
}

/// `GET /memory/search`: an internal failure is a field of the answer.
pub fn search(app: &App, request: &Request) -> Result<Value, ApiError> {
    let distinct = request.query.get("distinct") == Some("who");
    match search_inner(app, request, distinct) {
        Err(failed) if failed.status == 500 => {
            let empty = if distinct { "values" } else { "results" };
            let mut body = json!({ "error": failed.message });
            body[empty] = json!([]);
            Ok(body)
        }
        other => other,
    }
}

fn search_inner(app: &App, request: &Request, distinct: bool) -> Result<Value, ApiError> {
    let visible = visible_to(&request.caller);
    if distinct {
        let values = app.db.read(|c| Ok::<_, ApiError>(views::authors(c, &visible, MOST_AUTHORS)?))?;
        return Ok(json!({ "values": values }));
    }
    let (mut filter, filtered) = search_filter(request)?;
    Visible::to_lister(&request.caller).narrow(&mut filter);
    let query = request.query.text("q").map(|q| filters::expression("q", q)).transpose()?;
    let limit = request.query.clamped("limit", if query.is_some() { 20 } else { 50 }, 1, 1000);
    let results = match query {
        Some(q) => app.db.read(|c| match fulltext::search(c, q, &filter, limit) {
            Err(cause) if fulltext::is_syntax_error(&cause) => Ok(fulltext::search_like(c, q, &filter, limit)?),
            // words inside scripts without spaces are no terms of the index
            Ok(found) if found.is_empty() && q.contains(is_unspaced) => {
                Ok(fulltext::search_like(c, q, &filter, limit)?)
            }
            other => Ok::<_, ApiError>(other?),
        })?,
        None if filtered => by_decay(app, &filter, limit)?,
        None => Vec::new(),
    };
    Ok(json!({ "results": results }))
}

/// The filter and whether there is any.
fn search_filter(request: &Request) -> Result<(Conditions, bool), ApiError> {
    let query = &request.query;
    let mut filter = Conditions::default();
    for (name, condition) in [("type", "m.type = ?"), ("who", "m.who = ?")] {
        if let Some(value) = query.text(name) {
            filter.and_with(condition, value.to_owned());
        }
    }
    filters::add_tags(&mut filter, &filters::tags(query.text("tags"))?);
    Span::of(query.text("since"), None)?.add(&mut filter);
    if query.flag("pinned") {
        filter.and("m.pinned = 1");
    }
    if let Some(least) = query.number("importance_min")? {
        filter.and_with("m.importance >= ?", least);
    }
    let any = !filter.is_empty();
    Ok((filter, any))
}

/// Pinned first, then importance fading by 5 % a day.
fn by_decay(app: &App, filter: &Conditions, limit: i64) -> Result<Vec<fulltext::Found>, ApiError> {
    let now = app.clock.now();
    let mut rows = app.db.read(|c| Ok::<_, ApiError>(fulltext::filtered(c, filter, MOST_FILTERED.max(limit))?))?;
    for row in &mut rows {
        let days = clock::parse_stored(&row.created_at).map_or(0, |at| at.until(now).as_hours() / 24).max(0);
        let faded = row.importance.unwrap_or(0.5) * 0.95_f64.powi(days.min(10_000) as i32).max(0.1);
        row.score = Some(if row.pinned != 0 { 1.0 } else { faded });
    }
    rows.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));
    rows.truncate(limit as usize);
    Ok(rows)
}
