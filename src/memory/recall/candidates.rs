//! The channels that find memories for a question, each with a score of 0 to 1.

use std::collections::HashMap;

use rusqlite::Connection;

use super::CANDIDATES;
use super::claims;
use super::filter::Filter;
use super::words::{self, Join};
use crate::config::Config;
use crate::db::sql::Conditions;
use crate::http::ApiError;
use crate::memory::store::fulltext::{self, Match};

/// Questions of up to this many words are first taken to mean all of them.
const ALL_WORDS: usize = 3;

/// What the channels say of one memory.
#[derive(Debug, Clone, Copy, Default)]
pub struct Signals {
    pub lexical: Option<f64>,
    /// Cosine with the question, of a server's vectors.
    pub vector: Option<f64>,
    /// Relevance by the embedded model, which has weighed the lexical score in.
    pub meaning: Option<f64>,
    pub hint: Option<f64>,
    /// Structured claims of the memory that meet the question.
    pub structured: Option<f64>,
}

/// Memories by rowid, not yet filtered by what the caller may see: nothing but their order may
/// be used before that.
#[derive(Debug, Default)]
pub struct Candidates {
    pub signals: HashMap<i64, Signals>,
    /// A window of time chose which memories count.
    pub dated: bool,
    /// More memories match than were taken, so that a filter may leave too few.
    pub cut_off: bool,
}

/// The full-text part of a question.
pub struct Search<'a> {
    connection: &'a Connection,
    words: &'a [String],
    agent: &'a str,
    hints: bool,
    claims: bool,
    question: &'a str,
    dated: bool,
    conditions: &'a Conditions,
}

impl<'a> Search<'a> {
    /// `words` are those of the question that are worth looking for.
    pub fn of(
        connection: &'a Connection,
        words: &'a [String],
        question: &'a str,
        filter: &'a Filter<'_>,
        conditions: &'a Conditions,
        config: &Config,
    ) -> Self {
        Search {
            connection,
            words,
            agent: &filter.readable.agent,
            hints: config.pipeline.hints_enabled,
            claims: config.pipeline.graph_enabled,
            question,
            dated: filter.only.is_some(),
            conditions,
        }
    }

    /// The best matches of all memories.
    pub fn ahead(&self) -> Result<Candidates, ApiError> {
        let matches = self.by_words(|e| fulltext::best(self.connection, e, CANDIDATES))?;
        let cut_off = matches.len() as i64 == CANDIDATES;
        self.with_others(Candidates { cut_off, ..self.lexical(&matches) })
    }

    /// The best matches among those that the filter lets through.
    pub fn filtered(&self) -> Result<Candidates, ApiError> {
        let matches = self.by_words(|e| fulltext::memories(self.connection, e, self.conditions, CANDIDATES))?;
        self.with_others(self.lexical(&matches))
    }

    fn lexical(&self, matches: &[Match]) -> Candidates {
        let signals = normalised(matches)
            .into_iter()
            .map(|(rowid, score)| (rowid, Signals { lexical: Some(score), ..Signals::default() }))
            .collect();
        Candidates { signals, dated: self.dated, cut_off: false }
    }

    fn with_others(&self, mut found: Candidates) -> Result<Candidates, ApiError> {
        if self.hints {
            let matches =
                self.by_words(|e| fulltext::hints(self.connection, e, self.agent, self.conditions, CANDIDATES))?;
            for (rowid, score) in normalised(&matches) {
                found.signals.entry(rowid).or_default().hint = Some(score);
            }
        }
        if self.claims {
            for (rowid, score) in claims::find(self.connection, self.agent, self.question, self.conditions)? {
                found.signals.entry(rowid).or_default().structured = Some(score);
            }
        }
        Ok(found)
    }

    /// Runs a search for all words when there are few, else (or when that finds nothing) for any.
    fn by_words(&self, search: impl Fn(&str) -> rusqlite::Result<Vec<Match>>) -> Result<Vec<Match>, ApiError> {
        let mut matches = Vec::new();
        if self.words.len() <= ALL_WORDS {
            matches = search(&words::expression(self.words, Join::All))?;
        }
        if matches.is_empty() {
            matches = search(&words::expression(self.words, Join::Any))?;
        }
        Ok(matches)
    }
}

/// |bm25| as a share of the best one's; per memory the first, which is the best.
fn normalised(matches: &[Match]) -> Vec<(i64, f64)> {
    let best = matches.iter().map(|m| m.bm25.abs()).fold(0.0, f64::max);
    let mut seen = std::collections::HashSet::new();
    matches
        .iter()
        .filter(|m| seen.insert(m.rowid))
        .map(|m| (m.rowid, if best > 0.0 { m.bm25.abs() / best } else { 1.0 }))
        .collect()
}
