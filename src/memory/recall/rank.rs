//! From signals to an order of rows.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::Connection;

use super::candidates::{Candidates, Signals};
use crate::clock;
use crate::config::{Config, Search};
use crate::db::sql::Conditions;
use crate::http::ApiError;
use crate::memory::index::boosted;
use crate::memory::store::recall::{self, Row};

/// A hint alone is no full proof.
const HINT_ALONE: f64 = 0.75;
/// What a memory of the asked day with evidence scores at least.
const DATED: f64 = 0.85;

/// A row with its place in the answer.
#[derive(Debug)]
pub struct Ranked {
    pub row: Row,
    pub score: f64,
    pub source: &'static str,
}

/// Rows read and filtered at a time.
const BATCH: usize = 64;

/// The best `want` rows that the filter lets through, best first; rows below `search.min_score`
/// are left out.
pub fn rank(
    connection: &Connection,
    candidates: &Candidates,
    filter: &Conditions,
    want: usize,
    config: &Config,
    now: Timestamp,
) -> Result<Vec<Ranked>, ApiError> {
    let mut order: Vec<(i64, f64, &'static str)> = candidates
        .signals
        .iter()
        .map(|(rowid, signals)| {
            let (score, source) = fuse(*signals, candidates.dated, config.search.alpha);
            (*rowid, score, source)
        })
        .filter(|(_, score, _)| *score >= config.search.min_score)
        .collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| b.0.cmp(&a.0)));
    let mut ranked = Vec::new();
    for batch in order.chunks(BATCH) {
        let rowids: Vec<i64> = batch.iter().map(|(rowid, _, _)| *rowid).collect();
        let mut rows: HashMap<i64, Row> =
            recall::rows(connection, &rowids, filter)?.into_iter().map(|r| (r.rowid, r)).collect();
        for (rowid, score, source) in batch {
            if let Some(row) = rows.remove(rowid) {
                let factor = rehearsal(&row, &config.search, now);
                let by_meaning = candidates.signals.get(rowid).is_some_and(|s| s.meaning.is_some());
                let score = if by_meaning { boosted(*score, factor) } else { score * factor };
                ranked.push(Ranked { row, score, source });
            }
        }
        if ranked.len() >= want {
            break;
        }
    }
    // equal scores: the newer memory first, then by id, so that the order is always the same
    ranked.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| b.row.created_at.cmp(&a.row.created_at))
            .then_with(|| a.row.id.cmp(&b.row.id))
    });
    Ok(ranked)
}

fn fuse(signals: Signals, dated: bool, alpha: f64) -> (f64, &'static str) {
    let (mut score, mut source) = match (signals.meaning, signals.vector, signals.lexical) {
        (Some(meaning), _, Some(_)) => (meaning, "hybrid"),
        (Some(meaning), _, None) => (meaning, "vector"),
        (None, Some(vector), Some(lexical)) => (alpha * vector + (1.0 - alpha) * lexical, "hybrid"),
        (None, Some(vector), None) => (vector, "vector"),
        (None, None, Some(lexical)) => (lexical, "keyword"),
        (None, None, None) => (0.0, "hint"),
    };
    let found = source != "hint";
    if let Some(hint) = signals.hint {
        if !found {
            score = hint.min(HINT_ALONE);
        } else if hint >= score {
            (score, source) = (hint, "hybrid");
        }
    }
    if let Some(structured) = signals.structured.filter(|s| *s >= score) {
        let alone = !found && signals.hint.is_none();
        (score, source) = (structured, if alone { "structured" } else { "sec" });
    }
    if dated && DATED >= score && score > 0.0 {
        return (DATED, if found { "temporal_hybrid" } else { "temporal" });
    }
    (score, source)
}

/// Memories that were of use before come a little further up, fading with time.
fn rehearsal(row: &Row, search: &Search, now: Timestamp) -> f64 {
    if !search.rehearsal_enabled || row.access_count <= 0 {
        return 1.0;
    }
    let days = row
        .last_accessed
        .as_deref()
        .and_then(clock::parse_stored)
        .map_or(0.0, |at| now.duration_since(at).as_secs_f64() / 86_400.0)
        .max(0.0);
    let fading = 0.5_f64.powf(days / search.rehearsal_half_life_days);
    1.0 + search.rehearsal_weight * (row.access_count as f64 + 1.0).ln() * fading
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_fused_as_the_contract_says() {
        let of = |lexical, vector, meaning, hint| Signals { lexical, vector, meaning, hint, ..Signals::default() };
        let fused = |signals, dated| {
            let (score, source) = fuse(signals, dated, 0.7);
            ((score * 100.0).round() / 100.0, source)
        };
        assert_eq!(fused(of(None, None, None, Some(1.0)), false), (0.75, "hint"));
        assert_eq!(fused(of(Some(0.5), None, None, Some(0.9)), false), (0.9, "hybrid"));
        assert_eq!(fused(of(Some(0.9), None, None, Some(0.5)), false), (0.9, "keyword"));
        assert_eq!(fused(of(Some(0.5), None, None, None), true), (0.85, "temporal_hybrid"));
        assert_eq!(fused(of(Some(1.0), Some(0.5), None, None), false), (0.65, "hybrid"));
        assert_eq!(fused(of(None, Some(0.5), None, None), false), (0.5, "vector"));
        assert_eq!(fused(of(None, None, Some(0.4), None), false), (0.4, "vector"));
        let claimed = |signals| Signals { structured: Some(0.6), ..signals };
        assert_eq!(fused(claimed(of(None, None, None, None)), false), (0.6, "structured"));
        assert_eq!(fused(claimed(of(Some(0.5), None, None, None)), false), (0.6, "sec"));
        assert_eq!(fused(claimed(of(Some(0.9), None, None, None)), false), (0.9, "keyword"));
    }
}
