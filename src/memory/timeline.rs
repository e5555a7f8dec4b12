//! Activity of the last day, week and month, and the queue of changes to review (memory part, §5).

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::store::activity::{self, Added, Changed};
use crate::clock::{self, Time};
use crate::db::sql::Conditions;
use crate::http::ApiError;

/// Rank, key, label, days.
const ERAS: [(usize, &str, &str, i64); 3] =
    [(0, "today", "Today", 1), (1, "last_week", "Last week", 7), (2, "one_month", "One month", 30)];
/// Entries of a breakdown.
const TOP: usize = 5;
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Words in a recovery's reason that call it a strengthening.
const STRENGTHENING: [&str; 7] = ["reinfor", "strength", "consolidat", "stabiliz", "promot", "confidence", "refin"];

/// The start of the caller's day; `offset` is minutes west of UTC.
fn day_start(now: Timestamp, offset_min: i64) -> Timestamp {
    let local = now.as_second() - offset_min * 60;
    let midnight = local - local.rem_euclid(86_400) + offset_min * 60;
    Timestamp::from_second(midnight).unwrap_or(now)
}

/// `GET /api/memory/timeline`.
pub fn timeline(
    connection: &Connection,
    visible: &Conditions,
    now: Timestamp,
    offset_min: i64,
) -> Result<Value, ApiError> {
    let start = day_start(now, offset_min);
    let from = start - SignedDuration::from_hours(24 * 29);
    // both of the forms that times are stored in sort after this
    let since = clock::iso(from - DAY).get(..10).unwrap_or_default().to_owned();
    let memories = activity::added_since(connection, &since, visible)?;
    let events = activity::changed_since(connection, &since, visible)?;
    let (memories, bad_memories) = dated(memories, |m| &m.created_at);
    let (events, bad_events) = dated(events, |e| &e.created_at);
    let buckets: Vec<Value> = ERAS
        .iter()
        .map(|(rank, key, label, days)| {
            let first = start - SignedDuration::from_hours(24 * (days - 1));
            let last = start + DAY - SignedDuration::from_millis(1);
            let within = |at: Time| at >= first.into() && at <= last.into();
            let memories: Vec<&Added> = memories.iter().filter(|(at, _)| within(*at)).map(|(_, m)| m).collect();
            let events: Vec<&Changed> = events.iter().filter(|(at, _)| within(*at)).map(|(_, e)| e).collect();
            bucket(*rank, key, label, (first, last), &memories, &events)
        })
        .collect();
    let since_first = |at: &Time| *at >= from.into();
    Ok(json!({
        "generatedAt": clock::iso(now),
        "generatedFor": clock::iso(start),
        "rangePreset": "today-last_week-one_month",
        "totalMemories": memories.iter().filter(|(at, _)| since_first(at)).count(),
        "totalHistoryEvents": events.iter().filter(|(at, _)| since_first(at)).count(),
        "invalidMemoryTimestamps": bad_memories,
        "invalidHistoryTimestamps": bad_events,
        "buckets": buckets,
    }))
}

/// Rows with their times, and how many have none that can be read.
fn dated<T>(rows: Vec<T>, time: impl Fn(&T) -> &String) -> (Vec<(Time, T)>, usize) {
    let all = rows.len();
    let kept: Vec<(Time, T)> =
        rows.into_iter().filter_map(|row| Some((clock::parse_stored(time(&row))?, row))).collect();
    let bad = all - kept.len();
    (kept, bad)
}

fn bucket(
    rank: usize,
    key: &str,
    label: &str,
    (first, last): (Timestamp, Timestamp),
    memories: &[&Added],
    events: &[&Changed],
) -> Value {
    let count = |test: &dyn Fn(&Changed) -> bool| events.iter().filter(|e| test(e)).count();
    let recovered = |e: &Changed| e.event == "recovered";
    let improved = |e: &Changed| matches!(e.event.as_str(), "updated" | "merged");
    let strengthening = |e: &Changed| {
        let reason = e.reason.as_deref().unwrap_or_default().to_lowercase();
        recovered(e) && STRENGTHENING.iter().any(|word| reason.contains(word))
    };
    let total: f64 = memories.iter().filter_map(|m| m.importance).sum();
    let average = if memories.is_empty() { 0.0 } else { total / memories.len() as f64 };
    let or_unknown =
        |text: &Option<String>| text.clone().filter(|t| !t.is_empty()).unwrap_or_else(|| "unknown".to_owned());
    let tags = memories.iter().flat_map(|m| m.tags.as_deref().unwrap_or_default().split(','));
    json!({
        "eraIndex": rank, "rangeKey": key, "label": label,
        "start": clock::iso(first), "end": clock::iso(last),
        "memoriesAdded": memories.len(), "trackedEvents": events.len(),
        "evolved": count(&|e| improved(e) || recovered(e)),
        "strengthened": count(&|e| improved(e) || strengthening(e)),
        "recovered": count(&recovered),
        "avgImportance": (average * 1000.0).round() / 1000.0,
        "pinned": memories.iter().filter(|m| m.pinned).count(),
        "typeBreakdown": top(memories.iter().map(|m| or_unknown(&m.kind))),
        "sourceBreakdown": top(memories.iter().map(|m| or_unknown(&m.who))),
        "topTags": top(tags.map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned)),
    })
}

/// The most frequent, by count and then key.
fn top(keys: impl Iterator<Item = String>) -> Vec<Value> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(TOP);
    counts.into_iter().map(|(key, count)| json!({ "key": key, "count": count })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_callers() {
        let now: Timestamp = "2024-05-13T02:30:00Z".parse().unwrap();
        assert_eq!(clock::iso(day_start(now, 0)), "2024-05-13T00:00:00.000Z");
        assert_eq!(clock::iso(day_start(now, 300)), "2024-05-12T05:00:00.000Z");
        assert_eq!(clock::iso(day_start(now, -120)), "2024-05-12T22:00:00.000Z");
    }

    #[test]
    fn breakdowns_are_by_count_then_key() {
        let keys = ["b", "a", "c", "c", "e", "d", "f"].map(str::to_owned);
        let top: Vec<String> = top(keys.into_iter()).iter().map(|v| v["key"].as_str().unwrap().to_owned()).collect();
        assert_eq!(top, ["c", "a", "b", "d", "e"]);
    }
}
