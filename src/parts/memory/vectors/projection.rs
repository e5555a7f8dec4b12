//! A map of the memories in two or three dimensions for the dashboard: principal components of
//! their vectors (memory part, `GET /api/embeddings/projection`).

use std::collections::HashSet;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::embed::tracker;
use crate::core::Error;
use crate::core::access::Caller;
use crate::db::sql::Conditions;
use crate::parts::memory::Memory;
use crate::parts::memory::api::{MapComputing, MapQuery, MapReady, Node, Nodes};
use crate::parts::memory::browse::visible_to;
use crate::parts::memory::filters::{self, Span};
use crate::parts::memory::store::conditions::MemoryConditions;
use crate::parts::memory::store::embeddings::{self, ExportRow};
use crate::sys::locks;
use crate::text::listed;

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

/// Maps of everything that were asked for, by their dimensions.
#[derive(Default)]
pub struct Maps {
    asked: Mutex<HashSet<i64>>,
    failed: Mutex<Option<(Instant, String)>>,
}

/// Where a memory is on the map.
type Point = [f64; 3];

/// What of the map is there.
pub enum Mapped {
    Ready(Box<MapReady>),
    Computing(MapComputing),
    /// Why the last try failed.
    Failed(String),
}

/// Which memories a map shows.
pub struct MapFilter {
    conditions: Conditions,
    /// Something was asked for, so that the map of everything will not do.
    partial: bool,
    dimensions: i64,
    limit: i64,
    offset: i64,
}

impl MapFilter {
    pub fn of(query: MapQuery, caller: &Caller) -> Result<Self, Error> {
        let paged = query.limit.is_some() || query.offset.is_some();
        let limit = query.limit.map_or(MOST, |n| n.0);
        let offset = query.offset.map_or(0, |n| n.0);
        let dimensions = if query.dimensions.as_deref() == Some("3") { 3 } else { 2 };
        let mut conditions = visible_to(caller);
        let mut partial = paged || caller.scoped().is_some();
        let words = query.q.as_deref().map(|text| filters::needle("q", text)).transpose()?;
        let [kinds, whos, sources] = [&query.kinds, &query.who, &query.source_types]
            .map(|list| list.as_deref().map(listed).into_iter().flatten().collect::<Vec<_>>());
        let tags = filters::tags(query.tags.as_deref())?;
        let span = Span::of(query.since.as_deref(), query.until.as_deref())?;
        let share = |n: Option<f64>| n.map(|n| n.clamp(0.0, 1.0));
        let (low, high) = (share(query.importance_min.0), share(query.importance_max.0));
        let swapped = matches!((low, high), (Some(low), Some(high)) if low > high);
        let (low, high) = if swapped { (high, low) } else { (low, high) };
        let unfiltered = conditions.len();
        conditions
            .says(words)
            .any_of(&kinds, &whos, &sources)
            .tags(&tags)
            .created(span)
            .pinned(query.pinned.0)
            .importance(low, high);
        partial |= conditions.len() > unfiltered;
        Ok(MapFilter { conditions, partial, dimensions, limit, offset })
    }

    fn ready(&self, total: i64, nodes: Value, edges: Value, cached_at: Option<String>) -> MapReady {
        let count = nodes.as_array().map_or(0, Vec::len) as i64;
        MapReady {
            status: "ready",
            dimensions: self.dimensions,
            count,
            total,
            limit: self.limit,
            offset: self.offset,
            has_more: self.offset + count < total,
            nodes: Nodes(nodes),
            edges,
            cached_at,
        }
    }
}

impl Maps {
    fn ask(&self, dimensions: i64) {
        locks::lock(&self.asked).insert(dimensions);
    }

    fn recent_failure(&self) -> Option<String> {
        let failed = locks::lock(&self.failed);
        failed.as_ref().filter(|(at, _)| at.elapsed() < FAILED_FOR).map(|(_, message)| message.clone())
    }
}

impl Memory {
    /// A map of some memories, made at once; of everything the one that is kept, or a word that it is
    /// being made.
    pub fn map(&self, filter: &MapFilter) -> Result<Mapped, Error> {
        tracker::settle(self);
        let MapFilter { conditions, dimensions, .. } = filter;
        if filter.partial {
            let (rows, total) = self.core.db.read(|c| {
                let rows = embeddings::export(c, conditions, true, filter.limit, filter.offset)?;
                Ok((rows, embeddings::count(c, conditions)?))
            })?;
            let (nodes, edges) = map(rows, *dimensions)?;
            return Ok(Mapped::Ready(Box::new(filter.ready(total, nodes, edges, None))));
        }
        let (cached, total) = self.core.db.read(|c| {
            let total = embeddings::count(c, &Conditions::default())?;
            Ok((embeddings::cached_projection(c, *dimensions, total)?, total))
        })?;
        if let Some((payload, at)) = cached {
            let mut payload: Value = serde_json::from_str(&payload).map_err(Error::failed)?;
            let (nodes, edges) = (payload["nodes"].take(), payload["edges"].take());
            return Ok(Mapped::Ready(Box::new(filter.ready(total, nodes, edges, Some(at)))));
        }
        if let Some(message) = self.maps.recent_failure() {
            return Ok(Mapped::Failed(message));
        }
        self.maps.ask(*dimensions);
        Ok(Mapped::Computing(MapComputing { status: "computing", dimensions: *dimensions }))
    }

    /// Makes the maps that were asked for; for the background.
    pub(in crate::parts::memory) fn make_maps(&self) {
        let asked: Vec<i64> = locks::lock(&self.maps.asked).iter().copied().collect();
        for dimensions in asked {
            if let Err(error) = self.make_map(dimensions) {
                *locks::lock(&self.maps.failed) = Some((Instant::now(), error.to_string()));
            }
            locks::lock(&self.maps.asked).remove(&dimensions);
        }
    }

    fn make_map(&self, dimensions: i64) -> Result<(), Error> {
        let everything = Conditions::default();
        let (rows, total) = self.core.db.read(|c| {
            let rows = embeddings::export(c, &everything, true, MOST, 0)?;
            Ok((rows, embeddings::count(c, &everything)?))
        })?;
        let (nodes, edges) = map(rows, dimensions)?;
        let payload = serde_json::json!({ "nodes": nodes, "edges": edges }).to_string();
        Ok(self.core.db.write(move |tx| embeddings::keep_projection(tx, dimensions, total, &payload))?)
    }
}

/// Nodes and edges as they are answered and kept.
fn map(rows: Vec<ExportRow>, dimensions: i64) -> Result<(Value, Value), Error> {
    let vectors: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            let vector = row.exported.vector.as_deref().unwrap_or_default();
            (0..COMPONENTS).map(|n| vector.get(n).map_or(0.0, |x| f64::from(*x))).collect()
        })
        .collect();
    let points = place(vectors, dimensions as usize);
    let edges = edges(&points);
    let node = |(ExportRow { exported: row, pinned }, point): (ExportRow, &Point)| Node {
        id: row.id,
        x: point[0],
        y: point[1],
        content: row.content,
        who: row.who,
        importance: row.importance,
        kind: row.kind,
        tags: row.tags,
        pinned,
        source_type: row.source_type,
        source_id: row.source_id,
        created_at: row.created_at,
        z: (dimensions == 3).then_some(point[2]),
    };
    let nodes: Vec<Node> = rows.into_iter().zip(&points).map(node).collect();
    Ok((serde_json::to_value(nodes).map_err(Error::failed)?, serde_json::to_value(edges).map_err(Error::failed)?))
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
