//! From candidates to an order of rows: shaped scores, then what only the rows themselves tell
//! (memory part, §6.5).

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::Connection;

use super::answer::TOLD;
use super::candidates::{Candidates, Signals, WEAK};
use super::filter::Filter;
use super::meaning::{Meaning, cosine};
use super::shape::Scale;
use super::{currentness, dampen, words};
use crate::config::{Config, Search};
use crate::db::sql::Conditions;
use crate::parts::memory::store::embeddings;
use crate::parts::memory::store::recall::{self, Row};
use crate::parts::memory::vectors::index::boosted;
use crate::text::time;

/// A row with its place in the answer.
#[derive(Debug)]
pub struct Ranked {
    pub row: Row,
    pub score: f64,
    pub source: &'static str,
    pub signals: Signals,
    /// What to say of its claims before the content.
    pub note: Option<String>,
}

impl Ranked {
    /// Multiplies the score; where it is a relevance near 1, without turning the order over.
    pub fn multiply(&mut self, factor: f64) {
        self.score = if self.signals.meaning.is_some() { boosted(self.score, factor) } else { self.score * factor };
    }
}

/// Rows read and filtered at a time.
const BATCH: usize = 64;
/// The least that a memory is worth that tells of the day asked about.
const TOLD_LEAST: f64 = 0.6;
/// Lines whose words are held against the question's, and what is left of a score when none are there.
const COVERING: usize = 10;
const UNCOVERED: f64 = 0.5;
/// A cosine counts this much where rows are ranked anew by their vectors.
const BY_VECTOR: f64 = 0.3;

/// What ranking needs to know of a question.
pub struct Ranking<'a> {
    pub connection: &'a Connection,
    pub filter: &'a Filter<'a>,
    pub conditions: &'a Conditions,
    pub config: &'a Config,
    pub now: Timestamp,
    pub question: &'a str,
    pub words: &'a [String],
    /// The question has words that say nothing and no others.
    pub weak: bool,
    pub meaning: Option<&'a Meaning>,
}

impl Ranking<'_> {
    /// The best `want` rows that the filter lets through, or a few more, best first; rows below
    /// `search.min_score` are left out.
    pub fn rank(&self, candidates: &Candidates, want: usize) -> rusqlite::Result<Vec<Ranked>> {
        let mut ranked = self.rows(candidates, want)?;
        if candidates.dated {
            self.weigh_topic(&mut ranked);
            ranked.retain(|line| line.score >= self.config.search.min_score);
        }
        for line in &mut ranked {
            line.multiply(rehearsal(&line.row, &self.config.search, self.now));
        }
        self.rerank_by_vectors(&mut ranked)?;
        dampen::dampen(self.connection, self.question, self.words, &mut ranked)?;
        currentness::weigh(self.connection, self.filter, &mut ranked)?;
        sort(&mut ranked);
        self.weigh_coverage(&mut ranked);
        let by_meaning = |line: &&mut Ranked| line.signals.meaning.is_some() || line.signals.vector.is_some();
        if self.weak {
            ranked.iter_mut().filter(by_meaning).for_each(|line| line.score *= WEAK);
            sort(&mut ranked);
        }
        Ok(ranked)
    }

    /// A match in words is scored against the best one, which therefore has 1 however badly it answers.
    /// Where words alone decide, all scores are lowered together by how much of the question the best
    /// lines have.
    fn weigh_coverage(&self, ranked: &mut [Ranked]) {
        let by_words = |line: &Ranked| line.signals.meaning.is_none() && line.signals.vector.is_none();
        if ranked.is_empty() || !ranked.iter().all(by_words) {
            return;
        }
        let covered = ranked.iter().take(COVERING).map(|line| words::coverage(self.words, &line.row.content));
        let factor = UNCOVERED + (1.0 - UNCOVERED) * covered.fold(0.0, f64::max);
        ranked.iter_mut().filter(|line| !line.signals.told).for_each(|line| line.score *= factor);
        sort(ranked);
    }

    fn rows(&self, candidates: &Candidates, want: usize) -> rusqlite::Result<Vec<Ranked>> {
        let least = if candidates.dated { 0.0 } else { self.config.search.min_score };
        let scale = Scale::of(self.config, least, candidates.signals.values());
        let shape = |(rowid, signals): (&i64, &Signals)| {
            scale.shape(signals).map(|(score, source)| (*rowid, score, source, *signals))
        };
        let mut order: Vec<_> = candidates.signals.iter().filter_map(shape).collect();
        order.sort_by(|a, b| b.1.total_cmp(&a.1).then_with(|| b.0.cmp(&a.0)));
        let mut ranked = Vec::new();
        for batch in order.chunks(BATCH) {
            let rowids: Vec<i64> = batch.iter().map(|(rowid, ..)| *rowid).collect();
            let mut rows: HashMap<i64, Row> = recall::rows(self.connection, &rowids, self.conditions)?
                .into_iter()
                .map(|row| (row.rowid, row))
                .collect();
            ranked.extend(batch.iter().filter_map(|(rowid, score, source, signals)| {
                let row = rows.remove(rowid)?;
                Some(Ranked { row, score: *score, source, signals: *signals, note: None })
            }));
            // the question's words in the texts decide among the memories of a day: all are read
            if ranked.len() >= want && !candidates.dated {
                break;
            }
        }
        Ok(ranked)
    }

    /// Among the memories of a day the share of the question's words that the text has is evidence.
    fn weigh_topic(&self, ranked: &mut [Ranked]) {
        let wanted = words::stems(self.question);
        for line in ranked {
            let text = words::stems(&line.row.content);
            let matched = wanted.iter().filter(|w| text.contains(w)).count();
            let coverage = matched as f64 / wanted.len().max(1) as f64;
            if matched > 0 {
                let share = matched as f64 / text.len().max(8) as f64;
                line.score = line.score.max((0.35 + 0.4 * coverage + 0.1 * share).min(0.85));
            }
            if line.signals.told {
                line.score = line.score.max(TOLD_LEAST + (TOLD - TOLD_LEAST) * coverage);
            }
            line.source = match line.source {
                "hint" => "temporal",
                "structured" | "sec" => line.source,
                _ => "temporal_hybrid",
            };
        }
    }

    /// Where vectors came from a server, the best rows are ranked anew by theirs.
    fn rerank_by_vectors(&self, ranked: &mut [Ranked]) -> rusqlite::Result<()> {
        let reranker = &self.config.pipeline.reranker;
        let Some(Meaning::Vector(question)) = self.meaning else { return Ok(()) };
        if !reranker.enabled {
            return Ok(());
        }
        sort(ranked);
        let most = reranker.most.min(ranked.len());
        let best = &mut ranked[..most];
        let unknown: Vec<i64> = best.iter().filter(|r| r.signals.vector.is_none()).map(|r| r.row.rowid).collect();
        let stored: HashMap<i64, Vec<f32>> =
            embeddings::vectors(self.connection, &unknown, question.len())?.into_iter().collect();
        for line in best {
            let known =
                line.signals.vector.or_else(|| stored.get(&line.row.rowid).map(|v| cosine(question, v).max(0.0)));
            if let Some(cosine) = known {
                line.score = (1.0 - BY_VECTOR) * line.score + BY_VECTOR * cosine;
            }
        }
        Ok(())
    }
}

/// Best first; of equal scores the newer memory, then by id, so that the order is always the same.
pub fn sort(ranked: &mut [Ranked]) {
    ranked.sort_by(|a, b| {
        b.score
            .total_cmp(&a.score)
            .then_with(|| b.row.created_at.cmp(&a.row.created_at))
            .then_with(|| a.row.id.cmp(&b.row.id))
    });
}

/// Memories that were of use before come a little further up, fading with time.
fn rehearsal(row: &Row, search: &Search, now: Timestamp) -> f64 {
    if !search.rehearsal_enabled || row.access_count <= 0 {
        return 1.0;
    }
    let days = row
        .last_accessed
        .as_deref()
        .and_then(time::parse_stored)
        .map_or(0.0, |at| at.until(now).as_secs_f64() / 86_400.0)
        .max(0.0);
    let fading = 0.5_f64.powf(days / search.rehearsal_half_life_days);
    1.0 + search.rehearsal_weight * (row.access_count as f64 + 1.0).ln() * fading
}
