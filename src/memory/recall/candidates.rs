//! The channels that find memories for a question, each with a score of 0 to 1.

use std::collections::HashMap;

use rusqlite::Connection;

use super::CANDIDATES;
use super::claims;
use super::filter::Filter;
use super::graph::Graph;
use super::spelling;
use super::words::Sought;
use crate::config::Config;
use crate::db::sql::Conditions;
use crate::http::ApiError;
use crate::memory::store::fulltext::{self, Match};
use crate::memory::store::recall;

/// What a match counts of words that were guessed to be meant.
const GUESSED: f64 = 0.7;

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
    /// Importance of a memory that a walk from the entities of the question meets.
    pub walked: Option<f64>,
    /// It mentions one of these entities, or one related to them.
    pub linked: bool,
}

/// Memories that the filter lets through, by rowid.
#[derive(Debug, Default)]
pub struct Candidates {
    pub signals: HashMap<i64, Signals>,
    /// A window of time chose which memories count.
    pub dated: bool,
    /// More memories match than were taken, so that a filter may leave too few.
    pub cut_off: bool,
}

/// What is found beside the full text of memories; it has passed the filter.
pub struct Beside {
    hints: Vec<(i64, f64)>,
    claims: Vec<(i64, f64)>,
    pub graph: Graph,
}

/// The channels of a question.
pub struct Search<'a> {
    connection: &'a Connection,
    sought: &'a Sought,
    agent: &'a str,
    question: &'a str,
    dated: bool,
    conditions: &'a Conditions,
    config: &'a Config,
}

impl<'a> Search<'a> {
    pub fn of(
        connection: &'a Connection,
        sought: &'a Sought,
        question: &'a str,
        filter: &'a Filter<'_>,
        conditions: &'a Conditions,
        config: &'a Config,
    ) -> Self {
        let dated = filter.only.is_some();
        Search { connection, sought, agent: &filter.readable.agent, question, dated, conditions, config }
    }

    /// The best matches of all memories, as far as the filter lets them through: it reads wide rows,
    /// which is dear for all that match.
    pub fn ahead(&self, beside: &Beside) -> Result<Candidates, ApiError> {
        let (mut matches, trust) = self.matches(|e| fulltext::best(self.connection, e, CANDIDATES))?;
        let found = matches.len();
        let rowids: Vec<i64> = matches.iter().map(|m| m.rowid).collect();
        let allowed = recall::allowed_of(self.connection, &rowids, self.conditions)?;
        matches.retain(|m| allowed.contains(&m.rowid));
        // what others have must not decide how the caller's memories are searched
        let cut_off = found as i64 == CANDIDATES || (found > 0 && matches.is_empty());
        Ok(Candidates { cut_off, ..self.candidates(&matches, trust, beside) })
    }

    /// The best matches among those that the filter lets through.
    pub fn filtered(&self, beside: &Beside) -> Result<Candidates, ApiError> {
        let (matches, trust) = self.matches(|e| fulltext::memories(self.connection, e, self.conditions, CANDIDATES))?;
        Ok(self.candidates(&matches, trust, beside))
    }

    /// What a search finds; when no memory has any of the words, what it finds of words spelt much
    /// like them. The number is what a match counts.
    fn matches(&self, search: impl Fn(&str) -> rusqlite::Result<Vec<Match>>) -> rusqlite::Result<(Vec<Match>, f64)> {
        let matches = self.sought.search(&search)?;
        if !matches.is_empty() {
            return Ok((matches, 1.0));
        }
        let meant = spelling::corrected(self.connection, self.sought)?;
        let guessed = if meant.words.is_empty() { Vec::new() } else { meant.search(&search)? };
        Ok((guessed, GUESSED))
    }

    /// Hints, claims and the graph.
    pub fn beside(&self) -> Result<Beside, ApiError> {
        let pipeline = &self.config.pipeline;
        let hints = if pipeline.hints_enabled {
            let matches =
                self.sought.search(|e| fulltext::hints(self.connection, e, self.agent, self.conditions, CANDIDATES))?;
            normalised(&matches)
        } else {
            Vec::new()
        };
        let mut beside = Beside { hints, claims: Vec::new(), graph: Graph::default() };
        if pipeline.graph.enabled {
            beside.claims =
                claims::find(self.connection, self.agent, self.question, &self.sought.words, self.conditions)?;
            beside.claims.retain(|(_, score)| *score >= self.config.search.min_score);
            beside.graph = Graph::of(self.connection, self.agent, self.question, &pipeline.graph, self.conditions);
        }
        Ok(beside)
    }

    /// `trust` is what a match in words counts.
    fn candidates(&self, matches: &[Match], trust: f64, beside: &Beside) -> Candidates {
        let mut signals: HashMap<i64, Signals> = HashMap::new();
        let mut of = |rowid: i64, say: &dyn Fn(&mut Signals)| say(signals.entry(rowid).or_default());
        for (rowid, score) in normalised(matches) {
            of(rowid, &|s| s.lexical = Some(trust * score));
        }
        for (rowid, score) in &beside.hints {
            of(*rowid, &|s| s.hint = Some(*score));
        }
        for (rowid, score) in &beside.claims {
            of(*rowid, &|s| s.structured = Some(*score));
        }
        for (rowid, importance) in &beside.graph.walked {
            of(*rowid, &|s| s.walked = Some(*importance));
        }
        for rowid in &beside.graph.linked {
            if let Some(signals) = signals.get_mut(rowid) {
                signals.linked = true;
            }
        }
        Candidates { signals, dated: self.dated, cut_off: false }
    }
}

/// |bm25| as a share of the best one's; per memory the first, which is the best.
pub fn normalised(matches: &[Match]) -> Vec<(i64, f64)> {
    let best = matches.iter().map(|m| m.bm25.abs()).fold(0.0, f64::max);
    let mut seen = std::collections::HashSet::new();
    matches
        .iter()
        .filter(|m| seen.insert(m.rowid))
        .map(|m| (m.rowid, if best > 0.0 { m.bm25.abs() / best } else { 1.0 }))
        .collect()
}
