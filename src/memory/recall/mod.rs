//! Recall: from a question to the memories that answer it (memory part, §6).
//!
//! Query → (date window) → candidates of each channel, filtered in SQL by what the caller may
//! read → one score per memory → rows → session dedupe → answer.

mod answer;
mod candidates;
mod dated;
mod filter;
mod query;
mod rank;
mod session;
mod words;

use serde_json::{Value, json};

pub use query::RecallQuery;

use crate::agents;
use crate::app::App;
use crate::clock;
use crate::http::ApiError;
use answer::{Answer, Timings};
use candidates::{Candidates, Search};
use filter::Filter;

/// Candidates taken from each channel.
const CANDIDATES: i64 = 200;

/// Answers a recall; counts the accesses of what it returns.
pub fn recall(app: &App, query: &RecallQuery) -> Result<Value, ApiError> {
    let mut timings = Timings::start();
    let config = app.config();
    let epoch = session::epoch(app, query);
    let found = app.db.read(|c| {
        let readable = agents::readable(c, &query.agent)?;
        let mut filter = Filter::of(query, readable);
        let mut temporal = None;
        if let Some(window) = query.window()? {
            let plan = dated::plan(c, query, &window, &filter)?;
            timings.stage("temporal");
            match plan.rows {
                Some(rows) => return Ok(Answer::timeline(rows, plan.meta)),
                None => filter.only = Some(plan.memory_ids),
            }
            temporal = Some(plan.meta);
        }
        let text = temporal.as_ref().map_or(query.text.as_str(), |t| t.content_query.as_str());
        let conditions = filter.conditions();
        let Some(search) = Search::of(c, query, text, &filter, &conditions, &config) else {
            return Ok(Answer::ranked(Vec::new(), temporal));
        };
        let want = if query.session_key.is_some() { CANDIDATES as usize } else { 3 * query.limit };
        let rank = |found: &Candidates| rank::rank(c, found, &conditions, want, &config, app.clock.now());
        let candidates = search.ahead()?;
        timings.stage("memory_fts");
        let mut ranked = rank(&candidates)?;
        if candidates.cut_off && ranked.len() < want {
            ranked = rank(&search.filtered()?)?;
        }
        timings.stage("rank");
        Ok::<_, ApiError>(Answer::ranked(ranked, temporal))
    })?;
    let answer = match epoch {
        Some(epoch) => session::dedupe(app, query, epoch, found)?,
        None => found.cut(query.limit),
    };
    timings.stage("session");
    let now = clock::sqlite(app.clock.now());
    app.memory.access.count(answer.memory_ids(), &now);
    Ok(answer.to_json(query, config.pipeline.recall_truncate_chars, timings))
}

/// An aggregate needs a model to write it; this build has none to ask.
pub fn without_router(mut answer: Value, query: &RecallQuery) -> Value {
    let evidence: Vec<Value> = answer["results"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|row| row["supplementary"] != Value::Bool(true))
        .map(|row| row["id"].clone())
        .collect();
    let stopped = if evidence.is_empty() { "no_evidence" } else { "synthesis_failed" };
    answer["results"] = json!([]);
    answer["meta"]["totalReturned"] = json!(0);
    answer["meta"]["noHits"] = json!(true);
    answer["aggregate"] = json!({
        "savedMemoryId": null, "saved": false, "deduped": false, "budget": query.budget.as_str(),
        "queries": [query.text], "sourceMemoryIds": evidence, "stoppedReason": stopped,
    });
    answer
}
