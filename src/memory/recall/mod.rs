//! Recall: from a question to the memories that answer it (memory part, §6).
//!
//! Query → (date window) → candidates of each channel, filtered in SQL by what the caller may
//! read → one score per memory → rows → session dedupe → answer.

mod answer;
mod candidates;
mod claims;
mod dated;
mod filter;
pub mod meaning;
mod query;
mod rank;
mod session;
mod words;

use serde_json::Value;

pub use query::RecallQuery;

use crate::agents;
use crate::app::App;
use crate::clock;
use crate::config::Config;
use crate::http::ApiError;
use answer::{Answer, Timings};
use candidates::{Candidates, Search};
use filter::Filter;
use meaning::Meaning;

/// Candidates taken from each channel.
const CANDIDATES: i64 = 200;

/// Answers a recall; counts the accesses of what it returns.
pub fn recall(app: &App, query: &RecallQuery) -> Result<Value, ApiError> {
    let mut timings = Timings::start();
    let config = app.config();
    let epoch = session::epoch(app, query);
    let window = query.window()?;
    let mut found = look(app, query, window.as_ref(), &config, &mut timings)?;
    if found.lines.is_empty() && window.as_ref().is_some_and(dated::Window::is_guessed) {
        // the date may be of what is told and not of the telling
        let temporal = found.temporal.take();
        found = Answer { temporal, ..look(app, query, None, &config, &mut timings)? };
    }
    let answer = match epoch {
        Some(epoch) => session::dedupe(app, query, epoch, found)?,
        None => found.cut(query.limit),
    };
    timings.stage("session");
    let now = clock::sqlite(app.clock.now());
    app.memory.access.count(answer.memory_ids(), &now);
    Ok(answer.to_json(query, config.pipeline.recall_truncate_chars, timings))
}

/// The rows that answer, best first; more than are returned, so that a session may drop some.
fn look(
    app: &App,
    query: &RecallQuery,
    window: Option<&dated::Window>,
    config: &Config,
    timings: &mut Timings,
) -> Result<Answer, ApiError> {
    let text = window.map_or(query.text.as_str(), |w| w.content_query());
    let words = words::search_words(query.keywords.as_deref().unwrap_or(text));
    let words = rare_words(app, words);
    let meaning = if words.is_empty() { None } else { Meaning::of(app, config, text, &words) };
    timings.stage("query_embedding");
    app.db.read(|c| {
        let mut filter = Filter::of(query, agents::readable(c, &query.agent)?);
        let mut temporal = None;
        if let Some(window) = window {
            let plan = dated::plan(c, query, window, &filter)?;
            timings.stage("temporal");
            match plan.rows {
                Some(rows) => return Ok(Answer::timeline(rows, plan.meta)),
                None => filter.only = Some(plan.memory_ids),
            }
            temporal = Some(plan.meta);
        }
        if words.is_empty() || query.source_only {
            return Ok(Answer::ranked(Vec::new(), temporal, false));
        }
        let conditions = filter.conditions();
        let search = Search::of(c, &words, text, &filter, &conditions, config);
        let want = if query.session_key.is_some() { CANDIDATES as usize } else { 3 * query.limit };
        let rank = |mut found: Candidates| {
            let hybrid = match &meaning {
                Some(meaning) => meaning.enrich(app, c, &filter, &conditions, &mut found)?,
                None => false,
            };
            let ranked = rank::rank(c, &found, &conditions, want, config, app.clock.now())?;
            Ok::<_, ApiError>((ranked, hybrid))
        };
        let ahead = search.ahead()?;
        timings.stage("memory_fts");
        let cut_off = ahead.cut_off;
        let (mut ranked, mut hybrid) = rank(ahead)?;
        if cut_off && ranked.len() < want {
            (ranked, hybrid) = rank(search.filtered()?)?;
        }
        timings.stage("rank");
        Ok(Answer::ranked(ranked, temporal, hybrid))
    })
}

/// Memories from which on frequent words are left out of a search: they cost the most and tell
/// the least.
const MANY: u32 = 5_000;
/// Words of a search then.
const MOST_WORDS: usize = 8;

/// The words of a question without those that a tenth of many memories has; never none.
fn rare_words(app: &App, words: Vec<String>) -> Vec<String> {
    let kept = app.memory.index.with(|docs| {
        if docs.live() < MANY || words.len() < 3 {
            return words.clone();
        }
        let mut counted: Vec<(u32, &String)> = words.iter().map(|w| (docs.frequency_of(w), w)).collect();
        counted.sort();
        let rare = counted.iter().filter(|(n, _)| *n <= docs.live() / 10).count().clamp(2, MOST_WORDS);
        counted.into_iter().take(rare).map(|(_, w)| w.clone()).collect()
    });
    kept.unwrap_or(words)
}
