//! The channels that find memories for a question, each with a score of 0 to 1.

use std::collections::HashMap;

use rusqlite::Connection;

use super::CANDIDATES;
use super::answer::Timings;
use super::filter::Filter;
use super::query::RecallQuery;
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
    pub hint: Option<f64>,
}

/// Memories by rowid.
#[derive(Debug, Default)]
pub struct Candidates {
    pub signals: HashMap<i64, Signals>,
    /// A window of time chose which memories count.
    pub dated: bool,
}

impl Candidates {
    pub fn gather(
        connection: &Connection,
        query: &RecallQuery,
        text: &str,
        filter: &Filter<'_>,
        config: &Config,
        timings: &mut Timings,
    ) -> Result<Self, ApiError> {
        let mut found = Candidates { dated: filter.only.is_some(), ..Candidates::default() };
        if query.source_only {
            return Ok(found);
        }
        let words = words::search_words(query.keywords.as_deref().unwrap_or(text));
        if words.is_empty() {
            return Ok(found);
        }
        let conditions = filter.conditions();
        for (rowid, score) in by_words(&words, |e| lexical(connection, e, &conditions))? {
            found.signals.entry(rowid).or_default().lexical = Some(score);
        }
        timings.stage("memory_fts");
        if config.pipeline.hints_enabled {
            let agent = &filter.readable.agent;
            for (rowid, score) in by_words(&words, |e| hints(connection, e, agent, &conditions))? {
                found.signals.entry(rowid).or_default().hint = Some(score);
            }
            timings.stage("memory_hints");
        }
        Ok(found)
    }
}

fn lexical(connection: &Connection, expression: &str, conditions: &Conditions) -> rusqlite::Result<Vec<Match>> {
    fulltext::memories(connection, expression, conditions, CANDIDATES)
}

fn hints(
    connection: &Connection,
    expression: &str,
    agent: &str,
    conditions: &Conditions,
) -> rusqlite::Result<Vec<Match>> {
    fulltext::hints(connection, expression, agent, conditions, CANDIDATES)
}

/// Runs a search for all words when there are few, else (or when that finds nothing) for any.
fn by_words(
    words: &[String],
    search: impl Fn(&str) -> rusqlite::Result<Vec<Match>>,
) -> Result<Vec<(i64, f64)>, ApiError> {
    let mut matches = Vec::new();
    if words.len() <= ALL_WORDS {
        matches = search(&words::expression(words, Join::All))?;
    }
    if matches.is_empty() {
        matches = search(&words::expression(words, Join::Any))?;
    }
    Ok(normalised(&matches))
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
