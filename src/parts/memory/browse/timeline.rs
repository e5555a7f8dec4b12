//! Activity of the last day, week and month (memory part, §5).

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use crate::core::Error;
use crate::core::access::Visible;
use crate::parts::memory::Memory;
use crate::parts::memory::api::{Era, Frequency, Timeline};
use crate::parts::memory::store::activity::{self, Added, Changed};
use crate::text::time::{self, Time};

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

impl Memory {
    /// What was added and changed; `offset_min` is minutes west of UTC.
    pub fn timeline(&self, visible: &Visible, offset_min: i64) -> Result<Timeline, Error> {
        let now = self.core.clock.now();
        let start = day_start(now, offset_min);
        let from = start - SignedDuration::from_hours(24 * 29);
        // both of the forms that times are stored in sort after this
        let since = time::iso(from - DAY).get(..10).unwrap_or_default().to_owned();
        let (memories, events) = self.core.db.read(|c| {
            let visible = visible.conditions(c)?;
            Ok((activity::added_since(c, &since, &visible)?, activity::changed_since(c, &since, &visible)?))
        })?;
        Ok(timeline(memories, events, now, (from, start)))
    }
}

fn timeline(
    memories: Vec<Added>,
    events: Vec<Changed>,
    now: Timestamp,
    (from, start): (Timestamp, Timestamp),
) -> Timeline {
    let (memories, bad_memories) = dated(memories, |m| &m.created_at);
    let (events, bad_events) = dated(events, |e| &e.created_at);
    let buckets: Vec<Era> = ERAS
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
    Timeline {
        generated_at: time::iso(now),
        generated_for: time::iso(start),
        range_preset: "today-last_week-one_month",
        total_memories: memories.iter().filter(|(at, _)| since_first(at)).count(),
        total_history_events: events.iter().filter(|(at, _)| since_first(at)).count(),
        invalid_memory_timestamps: bad_memories,
        invalid_history_timestamps: bad_events,
        buckets,
    }
}

/// Rows with their times, and how many have none that can be read.
fn dated<T>(rows: Vec<T>, at: impl Fn(&T) -> &String) -> (Vec<(Time, T)>, usize) {
    let all = rows.len();
    let kept: Vec<(Time, T)> = rows.into_iter().filter_map(|row| Some((time::parse_stored(at(&row))?, row))).collect();
    let bad = all - kept.len();
    (kept, bad)
}

fn bucket(
    rank: usize,
    key: &'static str,
    label: &'static str,
    (first, last): (Timestamp, Timestamp),
    memories: &[&Added],
    events: &[&Changed],
) -> Era {
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
    Era {
        era_index: rank,
        range_key: key,
        label,
        start: time::iso(first),
        end: time::iso(last),
        memories_added: memories.len(),
        tracked_events: events.len(),
        evolved: count(&|e| improved(e) || recovered(e)),
        strengthened: count(&|e| improved(e) || strengthening(e)),
        recovered: count(&recovered),
        avg_importance: (average * 1000.0).round() / 1000.0,
        pinned: memories.iter().filter(|m| m.pinned).count(),
        type_breakdown: top(memories.iter().map(|m| or_unknown(&m.kind))),
        source_breakdown: top(memories.iter().map(|m| or_unknown(&m.who))),
        top_tags: top(tags.map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned)),
    }
}

/// The most frequent, by count and then key.
fn top(keys: impl Iterator<Item = String>) -> Vec<Frequency> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for key in keys {
        *counts.entry(key).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts.truncate(TOP);
    counts.into_iter().map(|(key, count)| Frequency { key, count }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_the_callers() {
        let now: Timestamp = "2024-05-13T02:30:00Z".parse().unwrap();
        assert_eq!(time::iso(day_start(now, 0)), "2024-05-13T00:00:00.000Z");
        assert_eq!(time::iso(day_start(now, 300)), "2024-05-12T05:00:00.000Z");
        assert_eq!(time::iso(day_start(now, -120)), "2024-05-12T22:00:00.000Z");
    }

    #[test]
    fn breakdowns_are_by_count_then_key() {
        let keys = ["b", "a", "c", "c", "e", "d", "f"].map(str::to_owned);
        let top: Vec<String> = top(keys.into_iter()).iter().map(|f| f.key.clone()).collect();
        assert_eq!(top, ["c", "a", "b", "d", "e"]);
    }
}
