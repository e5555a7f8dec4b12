//! A map of the memories in two or three dimensions for the dashboard: principal components of
//! their vectors (memory part, `GET /api/embeddings/projection`).

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::filters::{self, Span};
use super::list::visible_to;
use super::store::embeddings::{self, Exported};
use crate::app::App;
use crate::db::sql::{self, Conditions};
use crate::http::{ApiError, Request, Response};
use crate::locks;

/// Components of a vector that are looked at.
const COMPONENTS: usize = 64;
/// Nodes of one map.
const MOST: i64 = 5000;
/// Each axis runs from minus to plus this.
const EXTENT: f64 = 210.0;
/// Neighbours a node is joined with.
const NEIGHBOURS: usize = 4;
/// Up to this many nodes neighbours are found exactly, beyond it within a window of one axis.
const EXACT: usize = 450;
const WINDOW: usize = 24;
/// Rounds of the power iteration.
const ROUNDS: usize = 60;
/// A failure is answered for this long before it is tried again.
const FAILED_FOR: Duration = Duration::from_secs(30);

/// What the computation of one number of dimensions is at.
#[derive(Default)]
pub struct State {
    running: Mutex<HashSet<i64>>,
    failed: Mutex<Option<(Instant, String)>>,
}

/// Where a memory is on the map.
type Point = [f64; 3];

/// `GET /api/embeddings/projection`.
pub fn projection(app: &App, request: &Request) -> Result<Response, ApiError> {
    let query = &request.query;
    let dimensions = if query.get("dimensions") == Some("3") { 3 } else { 2 };
    let (filter, filtered) = filter(request)?;
    let paged = query.get("limit").is_some() || query.get("offset").is_some();
    let scoped = request.caller.scoped().is_some();
    let limit = query.clamped("limit", MOST, 1, MOST);
    let offset = query.clamped("offset", 0, 0, 100_000);
    if filtered || paged || scoped {
        let (rows, total) = app.db.read(|c| {
            let rows = embeddings::export(c, &filter, true, limit, offset)?;
            Ok::<_, ApiError>((rows, embeddings::count(c, &filter)?))
        })?;
        let (nodes, edges) = map(&rows, dimensions);
        return Ok(Response::json(&ready(dimensions, total, limit, offset, nodes, edges)));
    }
    let (cached, total) = app.db.read(|c| {
        let total = embeddings::count(c, &Conditions::default())?;
        Ok::<_, ApiError>((embeddings::cached_projection(c, dimensions, total)?, total))
    })?;
    if let Some((payload, at)) = cached {
        let payload: Value = serde_json::from_str(&payload).map_err(ApiError::internal)?;
        let mut answer = ready(dimensions, total, limit, offset, payload["nodes"].clone(), payload["edges"].clone());
        answer["cachedAt"] = json!(at);
        return Ok(Response::json(&answer));
    }
    if let Some(message) = app.memory.projection.recent_failure() {
        let body = json!({ "status": "error", "message": message });
        return Ok(Response::json_with(500, &body));
    }
    app.memory.projection.ask(dimensions);
    Ok(Response::json_with(202, &json!({ "status": "computing", "dimensions": dimensions })))
}

impl State {
    fn ask(&self, dimensions: i64) {
        locks::lock(&self.running).insert(dimensions);
    }

    fn recent_failure(&self) -> Option<String> {
        let failed = locks::lock(&self.failed);
        failed.as_ref().filter(|(at, _)| at.elapsed() < FAILED_FOR).map(|(_, message)| message.clone())
    }
}

/// Computes the maps that were asked for; for the background.
pub fn compute_asked(app: &App) {
    let asked: Vec<i64> = locks::lock(&app.memory.projection.running).iter().copied().collect();
    for dimensions in asked {
        if let Err(error) = compute(app, dimensions) {
            let message = error.message.unwrap_or_else(|| "the projection failed".to_owned());
            *locks::lock(&app.memory.projection.failed) = Some((Instant::now(), message));
        }
        locks::lock(&app.memory.projection.running).remove(&dimensions);
    }
}

fn compute(app: &App, dimensions: i64) -> Result<(), ApiError> {
    let everything = Conditions::default();
    let (rows, total) = app.db.read(|c| {
        let rows = embeddings::export(c, &everything, true, MOST, 0)?;
        Ok::<_, ApiError>((rows, embeddings::count(c, &everything)?))
    })?;
    let (nodes, edges) = map(&rows, dimensions);
    let payload = json!({ "nodes": nodes, "edges": edges }).to_string();
    let now = app.now();
    app.db.write(move |c| Ok::<_, ApiError>(embeddings::keep_projection(c, dimensions, total, &payload, &now)?))
}

fn ready(dimensions: i64, total: i64, limit: i64, offset: i64, nodes: Value, edges: Value) -> Value {
    let count = nodes.as_array().map_or(0, Vec::len) as i64;
    json!({
        "status": "ready", "dimensions": dimensions, "count": count, "total": total, "limit": limit,
        "offset": offset, "hasMore": offset + count < total, "nodes": nodes, "edges": edges,
    })
}

/// The filter and whether the request has any.
fn filter(request: &Request) -> Result<(Conditions, bool), ApiError> {
    let query = &request.query;
    let mut filter = visible_to(&request.caller);
    let mut any = false;
    let list = |names: &[&str]| -> Vec<String> {
        let text = query.text_of(names).unwrap_or_default();
        text.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
    };
    if let Some(text) = query.text("q") {
        let pattern = sql::like_contains(filters::needle("q", text)?);
        filter.and_with(
            "(m.content || ' ' || COALESCE(m.tags, '') || ' ' || COALESCE(m.who, '') || ' ' || m.type || ' ' ||
              COALESCE(m.source_type, '') || ' ' || COALESCE(m.source_id, '')) LIKE ? ESCAPE '\\'",
            pattern,
        );
        any = true;
    }
    for (names, condition) in [
        (&["who", "harness"][..], "m.who IN (SELECT value FROM json_each(?))"),
        (&["types", "type"], "m.type IN (SELECT value FROM json_each(?))"),
        (&["sourceTypes", "source_type", "sourceType"], "m.source_type IN (SELECT value FROM json_each(?))"),
    ] {
        let values = list(names);
        if !values.is_empty() {
            filter.and_with(condition, json!(values).to_string());
            any = true;
        }
    }
    let tags = filters::tags(query.text("tags"))?;
    filters::add_tags(&mut filter, &tags);
    let span = Span::of(query.text("since"), query.text("until"))?;
    span.add(&mut filter);
    any |= !tags.is_empty() || !span.is_open();
    if query.flag("pinned") {
        filter.and("m.pinned = 1");
        any = true;
    }
    let bound = |names: [&str; 2]| -> Result<Option<f64>, ApiError> {
        Ok(query.number(names[0])?.or(query.number(names[1])?).map(|n| n.clamp(0.0, 1.0)))
    };
    let (low, high) = (bound(["importanceMin", "importance_min"])?, bound(["importanceMax", "importance_max"])?);
    let swapped = matches!((low, high), (Some(low), Some(high)) if low > high);
    let (low, high) = if swapped { (high, low) } else { (low, high) };
    for (bound, condition) in [(low, "m.importance >= ?"), (high, "m.importance <= ?")] {
        if let Some(bound) = bound {
            filter.and_with(condition, bound);
            any = true;
        }
    }
    Ok((filter, any))
}

fn map(rows: &[Exported], dimensions: i64) -> (Value, Value) {
    let vectors: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            let vector = row.vector.as_deref().unwrap_or_default();
            (0..COMPONENTS).map(|n| vector.get(n).map_or(0.0, |x| f64::from(*x))).collect()
        })
        .collect();
    let points = place(vectors, dimensions as usize);
    let edges = edges(&points);
    let nodes: Vec<Value> = rows
        .iter()
        .zip(&points)
        .map(|(row, point)| {
            let mut node = json!({
                "id": row.id, "x": point[0], "y": point[1], "content": row.content, "who": row.who,
                "importance": row.importance, "type": row.kind, "tags": row.tags, "pinned": row.pinned,
                "sourceType": row.source_type, "sourceId": row.source_id, "createdAt": row.created_at,
            });
            if dimensions == 3 {
                node["z"] = json!(point[2]);
            }
            node
        })
        .collect();
    (json!(nodes), json!(edges))
}

/// Coordinates of each vector: one at the origin, two apart, more by principal components.
fn place(mut vectors: Vec<Vec<f64>>, dimensions: usize) -> Vec<Point> {
    match vectors.len() {
        0 => return Vec::new(),
        1 => return vec![[0.0; 3]],
        2 => return vec![[-EXTENT / 2.0, 0.0, 0.0], [EXTENT / 2.0, 0.0, 0.0]],
        _ => {}
    }
    center(&mut vectors);
    let mut points = vec![[0.0; 3]; vectors.len()];
    for axis in 0..dimensions {
        let direction = principal(&vectors, axis);
        let along: Vec<f64> = vectors.iter().map(|v| dot(v, &direction)).collect();
        let (low, high) = along.iter().fold((f64::MAX, f64::MIN), |(low, high), x| (low.min(*x), high.max(*x)));
        for ((point, vector), at) in points.iter_mut().zip(&mut vectors).zip(&along) {
            let share = if high > low { (at - low) / (high - low) } else { 0.5 };
            point[axis] = ((share * 2.0 - 1.0) * EXTENT * 100.0).round() / 100.0;
            // the next axis is at a right angle to this one
            vector.iter_mut().zip(&direction).for_each(|(x, d)| *x -= at * d);
        }
    }
    points
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn center(vectors: &mut [Vec<f64>]) {
    let count = vectors.len() as f64;
    for n in 0..COMPONENTS {
        let mean = vectors.iter().map(|v| v[n]).sum::<f64>() / count;
        vectors.iter_mut().for_each(|v| v[n] -= mean);
    }
}

/// The direction of the greatest spread, by power iteration from a fixed start.
fn principal(vectors: &[Vec<f64>], axis: usize) -> Vec<f64> {
    let mut direction: Vec<f64> = (0..COMPONENTS).map(|n| 1.0 + ((n * 7 + axis * 13) % 11) as f64 / 11.0).collect();
    for _ in 0..ROUNDS {
        let mut next = vec![0.0; COMPONENTS];
        for vector in vectors {
            let along = dot(vector, &direction);
            next.iter_mut().zip(vector).for_each(|(x, v)| *x += along * v);
        }
        let length = dot(&next, &next).sqrt();
        if length <= f64::EPSILON {
            break;
        }
        next.iter_mut().for_each(|x| *x /= length);
        direction = next;
    }
    let length = dot(&direction, &direction).sqrt();
    direction.iter_mut().for_each(|x| *x /= length);
    direction
}

/// Each node joined with its nearest ones; pairs [a < b].
fn edges(points: &[Point]) -> Vec<[usize; 2]> {
    let distance = |a: &Point, b: &Point| (0..3).map(|n| (a[n] - b[n]).powi(2)).sum::<f64>();
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by(|a, b| points[*a][0].total_cmp(&points[*b][0]));
    let mut found: HashSet<[usize; 2]> = HashSet::new();
    for (rank, node) in order.iter().enumerate() {
        let near = if points.len() <= EXACT {
            0..points.len()
        } else {
            rank.saturating_sub(WINDOW)..(rank + WINDOW + 1).min(points.len())
        };
        let mut others: Vec<usize> = near.map(|r| order[r]).filter(|other| other != node).collect();
        others.sort_by(|a, b| distance(&points[*node], &points[*a]).total_cmp(&distance(&points[*node], &points[*b])));
        found.extend(others.into_iter().take(NEIGHBOURS).map(|other| [other.min(*node), other.max(*node)]));
    }
    let mut edges: Vec<[usize; 2]> = found.into_iter().collect();
    edges.sort_unstable();
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_maps_are_as_stated_and_larger_ones_fill_the_extent() {
        assert!(place(Vec::new(), 2).is_empty());
        assert_eq!(place(vec![vec![1.0; COMPONENTS]], 2), [[0.0; 3]]);
        let two = place(vec![vec![1.0; COMPONENTS], vec![2.0; COMPONENTS]], 2);
        assert_eq!((two[0][0], two[1][0], edges(&two)), (-105.0, 105.0, vec![[0, 1]]));
        let many: Vec<Vec<f64>> =
            (0..40).map(|n| (0..COMPONENTS).map(|k| ((n * (k + 3)) % 17) as f64).collect()).collect();
        let points = place(many.clone(), 3);
        for axis in 0..3 {
            assert!(points.iter().any(|p| p[axis] == EXTENT) && points.iter().any(|p| p[axis] == -EXTENT));
        }
        assert_eq!(points, place(many, 3), "the map is always the same");
        assert!(edges(&points).iter().all(|[a, b]| a < b));
    }
}
