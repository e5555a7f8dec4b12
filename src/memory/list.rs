//! Lists and the legacy keyword search (memory part, §5).

use serde_json::{Value, json};

use super::store::{fulltext, views};
use crate::app::App;
use crate::auth::Caller;
use crate::clock;
use crate::db::sql::{self, Conditions};
use crate::http::{ApiError, Request};

/// Distinct authors listed at most.
const MOST_AUTHORS: i64 = 5000;
/// Candidates ordered by decay when a search has filters but no words.
const MOST_FILTERED: i64 = 2000;

/// Lists show every agent's rows; a scoped credential sees its project's and its agent's.
pub fn visible_to(caller: &Caller) -> Conditions {
    let mut conditions = Conditions::default();
    confine(&mut conditions, caller);
    conditions
}

fn confine(conditions: &mut Conditions, caller: &Caller) {
    if let Some(claims) = caller.scoped() {
        if let Some(project) = &claims.scope.project {
            conditions.and_with("m.project = ?", project.clone());
        }
        if let Some(agent) = &claims.scope.agent {
            conditions.and_with("COALESCE(NULLIF(m.agent_id, ''), 'default') = ?", agent.clone());
        }
    }
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
    super::flush_access_counts(app);
    let visible = visible_to(&request.caller);
    let memories = app.db.read(|c| Ok::<_, ApiError>(views::most_used(c, &visible, limit)?))?;
    Ok(json!({ "memories": memories }))
}

/// `GET /memory/search`: always an answer, an internal failure as a field of it.
pub fn search(app: &App, request: &Request) -> Value {
    let distinct = request.query.get("distinct") == Some("who");
    match search_inner(app, request, distinct) {
        Ok(body) => body,
        Err(refused) => {
            let empty = if distinct { "values" } else { "results" };
            let mut body = json!({ "error": refused.message });
            body[empty] = json!([]);
            body
        }
    }
}

fn search_inner(app: &App, request: &Request, distinct: bool) -> Result<Value, ApiError> {
    let visible = visible_to(&request.caller);
    if distinct {
        let values = app.db.read(|c| Ok::<_, ApiError>(views::authors(c, &visible, MOST_AUTHORS)?))?;
        return Ok(json!({ "values": values }));
    }
    let (mut filter, filtered) = search_filter(request);
    confine(&mut filter, &request.caller);
    let query = request.query.text("q");
    let limit = request.query.clamped("limit", if query.is_some() { 20 } else { 50 }, 1, 1000);
    let results = match query {
        Some(q) => app.db.read(|c| match fulltext::search(c, q, &filter, limit) {
            Err(cause) if fulltext::is_syntax_error(&cause) => Ok(fulltext::search_like(c, q, &filter, limit)?),
            other => Ok::<_, ApiError>(other?),
        })?,
        None if filtered => by_decay(app, &filter, limit)?,
        None => Vec::new(),
    };
    Ok(json!({ "results": results }))
}

/// The filter and whether there is any.
fn search_filter(request: &Request) -> (Conditions, bool) {
    let query = &request.query;
    let mut filter = Conditions::default();
    for (name, condition) in [("type", "m.type = ?"), ("who", "m.who = ?"), ("since", "m.created_at >= ?")] {
        if let Some(value) = query.text(name) {
            filter.and_with(condition, value.to_owned());
        }
    }
    for tag in query.text("tags").unwrap_or_default().split(',').map(str::trim).filter(|t| !t.is_empty()) {
        filter.and_with("m.tags LIKE ? ESCAPE '\\'", sql::like_contains(tag));
    }
    if query.flag("pinned") {
        filter.and("m.pinned = 1");
    }
    if let Some(least) = query.number("importance_min") {
        filter.and_with("m.importance >= ?", least);
    }
    let any = !filter.is_empty();
    (filter, any)
}

/// Pinned first, then importance fading by 5 % a day.
fn by_decay(app: &App, filter: &Conditions, limit: i64) -> Result<Vec<fulltext::Found>, ApiError> {
    let now = app.clock.now();
    let mut rows = app.db.read(|c| Ok::<_, ApiError>(fulltext::filtered(c, filter, MOST_FILTERED.max(limit))?))?;
    for row in &mut rows {
        let days = clock::parse_stored(&row.created_at).map_or(0, |at| now.duration_since(at).as_hours() / 24).max(0);
        let faded = row.importance.unwrap_or(0.5) * 0.95_f64.powi(days.min(10_000) as i32).max(0.1);
        row.score = Some(if row.pinned != 0 { 1.0 } else { faded });
    }
    rows.sort_by(|a, b| b.score.partial_cmp(&a.score).unwrap_or(std::cmp::Ordering::Equal));
    rows.truncate(limit as usize);
    Ok(rows)
}
