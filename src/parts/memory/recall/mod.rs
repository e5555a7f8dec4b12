//! Recall: from a question to the memories that answer it (memory part, §6).
//!
//! Query → (date window) → candidates of each channel, filtered in SQL by what the caller may
//! read → one score per memory → rows → session dedupe → answer.

mod aggregate;
mod answer;
mod asides;
mod candidates;
mod claims;
pub mod counts;
mod currentness;
mod dampen;
mod dated;
mod expressions;
mod filter;
mod graph;
mod judge;
pub mod meaning;
mod query;
mod rank;
mod session;
mod shape;
mod spelling;
mod supplement;
mod told;
mod words;

pub use query::RecallQuery;

use std::net::IpAddr;

use rusqlite::Connection;

use super::Memory;
use super::api::RecallAnswer;
use super::store::recall::Row;
use crate::config::{Bucket, Config, Provider};
use crate::core::Error;
use crate::core::access::{Caller, readable};
use crate::parts::knowledge::Entity;
use crate::text::time;
use answer::{Answer, Found, Line, Timings};
use candidates::{Candidates, Search};
use dated::{Meta, Others};
use filter::Filter;
use meaning::Meaning;
use rank::Ranking;
use session::Session;
use supplement::Asked;
use words::Sought;

/// Candidates taken from each channel.
const CANDIDATES: i64 = 200;

/// What an answer to a dated question counts that has nothing to do with the date.
const UNDATED: f64 = 0.6;

impl Memory {
    /// Answers a recall; counts the accesses of what it returns.
    pub fn recall(&self, query: &RecallQuery) -> Result<RecallAnswer, Error> {
        let mut timings = Timings::start();
        let config = self.core.config();
        let window = query.window();
        let text = window.as_ref().map_or(query.text.as_str(), |w| w.content_query());
        let asking = Asking::of(self, &config, query, text);
        timings.stage("query_embedding");
        let mut found = asking.look(window.as_ref(), &mut timings)?;
        if found.lines.is_empty() && window.as_ref().is_some_and(dated::Window::is_guessed) {
            // the date may be of what is told and not of the telling
            let temporal = found.temporal.take();
            found = Found { temporal, ..asking.look(None, &mut timings)? };
            // none of them is of the day that was asked about
            found.lines.iter_mut().for_each(|line| line.score *= UNDATED);
        }
        let answer = asking.answer(found, &mut timings)?;
        let now = time::sqlite(self.core.clock.now());
        self.counts.count(answer.counted_ids(), &now);
        Ok(answer.finish(query, config.pipeline.guardrails.recall_truncate_chars, timings))
    }

    /// Answers a question of a caller, within its rate where a model is asked.
    pub fn answer(&self, caller: &Caller, peer: Option<IpAddr>, query: &RecallQuery) -> Result<RecallAnswer, Error> {
        if query.aggregate || self.recall_waits() {
            self.core.take(Bucket::RecallLlm, caller, peer)?;
        }
        if query.aggregate { self.aggregate(caller, query) } else { self.recall(query) }
    }

    /// Whether a recall may wait for a model, to judge what was found or to write an aggregate: by the look of
    /// its body, true for every one that does.
    pub fn may_wait(&self, body: &[u8]) -> bool {
        let names = |needle: &[u8]| body.windows(needle.len()).any(|part| part == needle);
        self.recall_waits() || names(b"aggregate") || names(b"\\u")
    }

    /// Whether vectors come from a server.
    pub fn asks_a_server(&self) -> bool {
        !matches!(self.core.config().embedding.provider, Provider::Native | Provider::None)
    }

    /// Whether every recall waits for a model.
    pub fn recall_waits(&self) -> bool {
        judge::is_asked_for(&self.core.config())
    }
}

/// One question on its way through the channels.
struct Asking<'a> {
    memory: &'a Memory,
    config: &'a Config,
    query: &'a RecallQuery,
    /// The question without its date.
    text: &'a str,
    sought: Sought,
    meaning: Option<Meaning>,
}

impl<'a> Asking<'a> {
    fn of(memory: &'a Memory, config: &'a Config, query: &'a RecallQuery, text: &'a str) -> Self {
        let sought = Sought::of(query.keywords.as_deref().unwrap_or(text));
        let nothing = sought.words.is_empty();
        let meaning = if nothing { None } else { Meaning::of(memory, config, text, &sought.words) };
        let sought = narrowed(memory, sought);
        Asking { memory, config, query, text, sought, meaning }
    }

    /// The rows that answer, best first; more than are returned, so that a session may drop some.
    fn look(&self, window: Option<&dated::Window>, timings: &mut Timings) -> Result<Found, Error> {
        let query = self.query;
        let found = self.memory.core.db.read(|c| {
            let mut filter = Filter::of(query, readable(c, &query.agent)?);
            let mut temporal = None;
            let mut told = Vec::new();
            if let Some(window) = window {
                if let Some(day) = window.day() {
                    told = told::find(c, day, &filter.conditions())?;
                }
                let beside = &self.memory.beside;
                let others = Others { ledger: &*beside.ledger, sources: &*beside.sources };
                let plan = dated::plan(c, query, window, &filter, others, &told)?;
                timings.stage("temporal");
                match plan.rows {
                    Some(rows) => return Ok(Found::timeline(told, rows, plan.meta)),
                    None => filter.only = Some(plan.memory_ids),
                }
                temporal = Some(plan.meta);
            }
            if self.sought.words.is_empty() || query.source_only {
                return Ok(Found::ranked(Vec::new(), temporal, false, Vec::new()));
            }
            self.search(c, &filter, &told, temporal, timings)
        });
        Ok(found?)
    }

    /// Candidates of all channels, ranked; asked again with every filter in SQL where a cut left too few.
    fn search(
        &self,
        c: &Connection,
        filter: &Filter<'_>,
        told: &[Row],
        temporal: Option<Meta>,
        timings: &mut Timings,
    ) -> rusqlite::Result<Found> {
        let conditions = filter.conditions();
        let search = Search::of(c, &self.sought, self.text, filter, &conditions, self.config);
        let ranking = Ranking {
            connection: c,
            filter,
            conditions: &conditions,
            config: self.config,
            now: self.memory.core.clock.now(),
            question: self.text,
            words: &self.sought.words,
            weak: self.sought.weak,
            meaning: self.meaning.as_ref(),
        };
        let want = if self.query.session_key.is_some() { CANDIDATES as usize } else { 3 * self.query.limit };
        let rank = |mut found: Candidates| {
            for row in told {
                found.signals.entry(row.rowid).or_default().told = true;
            }
            let hybrid = match &self.meaning {
                Some(meaning) => meaning.enrich(self.memory, c, filter, &conditions, &mut found)?,
                None => false,
            };
            Ok::<_, rusqlite::Error>((ranking.rank(&found, want)?, hybrid))
        };
        let beside = search.beside()?;
        timings.stage("hints_and_graph");
        let ahead = search.ahead(&beside)?;
        timings.stage("memory_fts");
        let cut_off = ahead.cut_off;
        let (mut ranked, mut hybrid) = rank(ahead)?;
        if cut_off && ranked.len() < want {
            (ranked, hybrid) = rank(search.filtered(&beside)?)?;
        }
        timings.stage("rank");
        Ok(Found::ranked(ranked, temporal, hybrid, beside.graph.focal))
    }

    /// Cuts what was found to what is returned, and adds what belongs beside it.
    fn answer(&self, mut found: Found, timings: &mut Timings) -> Result<Answer, Error> {
        let mut session = Session::of(self.memory, self.query);
        let limit = self.query.limit;
        found.lines.retain(|line| line.score >= self.query.min_score);
        let summary = judge::judge(self.memory, self.config, self.query, &mut found.lines);
        let mut lines = session.admit(summary.into_iter().collect(), limit);
        lines.extend(session.admit(found.lines, limit - lines.len()));
        timings.stage("session");
        let mut answer = Answer { lines, temporal: found.temporal, dedupe: None, hybrid: found.hybrid, entities: None };
        if answer.temporal.is_none() {
            self.add_asides(&mut answer, &found.focal, &mut session)?;
            timings.stage("asides");
        }
        answer.dedupe = session.dedupe;
        Ok(answer)
    }

    /// Sources, rationales and cards of the graph, each as far as there is room.
    fn add_asides(&self, answer: &mut Answer, focal: &[Entity], session: &mut Session<'_>) -> Result<(), Error> {
        let (query, limit) = (self.query, self.query.limit);
        let mut add = |answer: &mut Answer, mut more: Vec<Line>| {
            more.retain(|line| line.score >= query.min_score);
            let admitted = session.admit(more, limit - answer.lines.len());
            answer.lines.extend(admitted);
        };
        let room = limit - answer.lines.len();
        // a session may have seen the best
        let most = if query.session_key.is_some() { 4 * room } else { room };
        let asked = Asked { query, sought: &self.sought, meaning: self.meaning.as_ref() };
        let sources = self
            .memory
            .core
            .db
            .read(|c| supplement::supplements(c, &asked, &*self.memory.beside.sources, self.config, most))?;
        answer.hybrid |= sources.iter().any(|line| line.id.starts_with("source-chunk:"));
        add(answer, sources);
        let decided = answer.lines.iter().any(|line| line.decision().is_some());
        if query.source_only || !self.config.pipeline.graph.enabled || (focal.is_empty() && !decided) {
            return Ok(());
        }
        let (rationales, known) = self.memory.core.db.read(|c| {
            let filter = Filter::of(query, readable(c, &query.agent)?);
            let rationales = asides::rationales(c, &filter, &answer.lines)?;
            Ok((rationales, asides::described(c, &filter, query, focal)?))
        })?;
        add(answer, rationales);
        if !known.is_empty() {
            answer.entities = Some(asides::entities(&known));
            let cards = asides::cards(&known, &answer.lines, limit, &self.memory.core.now());
            add(answer, cards);
        }
        Ok(())
    }
}

/// Memories from which on a search leaves out what costs the most and tells the least: frequent
/// words, and other forms of words where any word will do.
const MANY: u32 = 5_000;
/// A word is rare that not more than one memory in so many has.
const RARE: u32 = 10;
/// Words of a search then.
const MOST_WORDS: usize = 8;

/// Where there are many memories: the words without those that are not rare; never none.
fn narrowed(memory: &Memory, sought: Sought) -> Sought {
    let kept = memory.index.with(|docs| {
        let mut counted: Vec<_> = sought.words.iter().map(|w| (docs.frequency_of(w), w)).collect();
        counted.sort();
        let rare = counted.iter().filter(|(n, _)| *n <= docs.live() / RARE).count().clamp(2, MOST_WORDS);
        (docs.live() >= MANY).then(|| counted.into_iter().take(rare).map(|(_, w)| w.clone()).collect())
    });
    match kept.flatten() {
        Some(kept) => sought.narrowed(kept),
        None => sought,
    }
}
