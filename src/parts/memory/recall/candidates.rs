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
use crate::parts::memory::store::fulltext::{self, Match};
use crate::parts::memory::store::{recall, terms};

/// What a match counts of words that were guessed to be meant, and of words that say nothing by
/// themselves.
const GUESSED: f64 = 0.7;
pub const WEAK: f64 = 0.3;

/// A search of one full-text index by an expression.
type Ask<'a> = &'a dyn Fn(&str) -> rusqlite::Result<Vec<Match>>;

/// The two full-text indexes of memories.
struct Indexes<'a> {
    /// Letters and digits as they stand in the texts.
    plain: Ask<'a>,
    /// Terms that the plain one does not see.
    own: Ask<'a>,
}

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
    /// It tells of the day that is asked about.
    pub told: bool,
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
    pub fn ahead(&self, beside: &Beside) -> rusqlite::Result<Candidates> {
        let (mut scores, trust) = self.matches(&Indexes {
            plain: &|e| fulltext::best(self.connection, e, CANDIDATES),
            own: &|e| terms::best(self.connection, e, CANDIDATES),
        })?;
        let found = scores.len();
        let rowids: Vec<i64> = scores.iter().map(|(rowid, _)| *rowid).collect();
        let allowed = recall::allowed_of(self.connection, &rowids, self.conditions)?;
        scores.retain(|(rowid, _)| allowed.contains(rowid));
        // what others have must not decide how the caller's memories are searched
        let cut_off = found as i64 >= CANDIDATES || (found > 0 && scores.is_empty());
        let scores = against_the_best(scores);
        Ok(Candidates { cut_off, ..self.candidates(&scores, trust, beside) })
    }

    /// The best matches among those that the filter lets through.
    pub fn filtered(&self, beside: &Beside) -> rusqlite::Result<Candidates> {
        let (scores, trust) = self.matches(&Indexes {
            plain: &|e| fulltext::memories(self.connection, e, self.conditions, CANDIDATES),
            own: &|e| terms::memories(self.connection, e, self.conditions, CANDIDATES),
        })?;
        Ok(self.candidates(&scores, trust, beside))
    }

    /// What a search finds, scored 0 to 1; when no memory has any of the words, what it finds of words
    /// spelt much like them. The number is what a match counts.
    fn matches(&self, indexes: &Indexes<'_>) -> rusqlite::Result<(Vec<(i64, f64)>, f64)> {
        let found = self.search(self.sought, indexes)?;
        if !found.is_empty() {
            return Ok((found, if self.sought.weak { WEAK } else { 1.0 }));
        }
        let meant = spelling::corrected(self.connection, self.sought)?;
        let guessed = if meant.words.is_empty() { Vec::new() } else { self.search(&meant, indexes)? };
        Ok((guessed, GUESSED))
    }

    /// Asks both indexes stage by stage until one of them finds something.
    fn search(&self, sought: &Sought, indexes: &Indexes<'_>) -> rusqlite::Result<Vec<(i64, f64)>> {
        let has_own = terms::any(self.connection)?;
        let sought = sought.parted(|expression| fulltext::has(self.connection, expression, self.conditions))?;
        let ask = |expression: Option<String>, search: Ask<'_>| expression.map_or(Ok(Vec::new()), |e| search(&e));
        for stage in sought.stages() {
            let plain = normalised(&ask(stage.plain(), indexes.plain)?);
            if !has_own {
                if !plain.is_empty() {
                    return Ok(plain);
                }
                continue;
            }
            let own = normalised(&ask(stage.own(), indexes.own)?);
            if !plain.is_empty() || !own.is_empty() {
                return Ok(merged(plain, own, sought.own_share()));
            }
        }
        Ok(Vec::new())
    }

    /// Hints, claims and the graph.
    pub fn beside(&self) -> rusqlite::Result<Beside> {
        let pipeline = &self.config.pipeline;
        let hints = if pipeline.hints.enabled {
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
            beside.graph = Graph::of(self.connection, self.agent, self.question, pipeline, self.conditions);
        }
        Ok(beside)
    }

    /// `trust` is what a match in words counts.
    fn candidates(&self, scores: &[(i64, f64)], trust: f64, beside: &Beside) -> Candidates {
        let mut signals: HashMap<i64, Signals> = HashMap::new();
        let mut of = |rowid: i64, say: &dyn Fn(&mut Signals)| say(signals.entry(rowid).or_default());
        for (rowid, score) in scores {
            of(*rowid, &|s| s.lexical = Some(trust * score));
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

/// What a match of the index of terms is worth where the plain one sees all of the question's words too.
const OTHER_FORM: f64 = 0.6;

/// Scores of both indexes as one: each counts as much of the question as it alone can find.
fn merged(plain: Vec<(i64, f64)>, own: Vec<(i64, f64)>, own_share: f64) -> Vec<(i64, f64)> {
    let mut scores: HashMap<i64, f64> = plain.into_iter().map(|(rowid, s)| (rowid, (1.0 - own_share) * s)).collect();
    for (rowid, score) in own {
        let known = scores.entry(rowid).or_default();
        *known = if own_share > 0.0 { *known + own_share * score } else { known.max(OTHER_FORM * score) };
    }
    against_the_best(scores.into_iter().collect())
}

/// Scores held against the best of those that are left.
fn against_the_best(mut scores: Vec<(i64, f64)>) -> Vec<(i64, f64)> {
    let best = scores.iter().map(|(_, score)| *score).fold(0.0, f64::max);
    if best > 0.0 {
        scores.iter_mut().for_each(|(_, score)| *score /= best);
    }
    scores
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
