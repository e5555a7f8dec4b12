//! Aggregate recall: a model writes one note from what several recalls find (memory part, §6.8).

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::hex;
use super::recall::{self, RecallQuery};
use super::remember::{Aggregate, Remember};
use crate::app::App;
use crate::auth::Permission;
use crate::http::{ApiError, Request};
use crate::model::{Completion, Model};

const PLAN_TOKENS: u32 = 300;
const PLAN_LIMIT: Duration = Duration::from_secs(20);
const NOTE_TOKENS: u32 = 700;
const NOTE_LIMIT: Duration = Duration::from_secs(30);
const INSUFFICIENT: &str = "INSUFFICIENT_EVIDENCE";
/// Shorter notes are not worth keeping.
const SHORTEST: usize = 12;
/// Characters of one piece of evidence in the prompt.
const PIECE: usize = 600;

/// Answers an aggregate recall.
pub fn aggregate(app: &App, request: &Request, query: &RecallQuery) -> Result<Value, ApiError> {
    if query.save_aggregate && query.aggregate {
        if let Some(claims) = request.caller.claims()
            && let Some(refusal) = claims.refusal(Permission::Remember)
        {
            return Err(ApiError::forbidden(refusal));
        }
        request.caller.check_new_record(query.project.as_deref())?;
    }
    let first = recall::recall(app, query)?;
    let mut run = Run { queries: vec![query.text.clone()], evidence: Vec::new(), stages: Vec::new() };
    run.collect(&first);
    if run.evidence.is_empty() {
        return Ok(run.stopped(first, query, "no_evidence"));
    }
    let Some(model) = Model::of(app, "sessionSynthesis") else {
        return Ok(run.stopped(first, query, "synthesis_failed"));
    };
    run.plan(app, &model, query)?;
    let Some(text) = run.write(&model, query) else {
        return Ok(run.stopped(first, query, "synthesis_failed"));
    };
    run.finish(app, first, query, &text)
}

/// What an aggregate has gathered so far.
struct Run {
    queries: Vec<String>,
    /// Distinct memories as recall shows them.
    evidence: Vec<Value>,
    stages: Vec<Value>,
}

impl Run {
    fn collect(&mut self, answer: &Value) {
        for row in answer["results"].as_array().into_iter().flatten() {
            let id = row["id"].as_str().unwrap_or_default();
            let real = !id.contains(':') && row["supplementary"] != Value::Bool(true);
            // saved aggregates are no evidence for themselves
            let own = row["source_id"].as_str().is_some_and(|s| s.starts_with("aggregate-recall:"));
            if real && !own && !self.evidence.iter().any(|e| e["id"] == row["id"]) {
                self.evidence.push(row.clone());
            }
        }
    }

    fn note_stage(&mut self, name: &str, model: &Model, completion: Option<&Completion>, took: Duration) {
        let tokens = |pick: fn(&Completion) -> Option<u64>| completion.and_then(pick);
        self.stages.push(json!({
            "name": name, "targetRef": model.target, "attemptCount": 1, "fallbackCount": 0,
            "inputTokens": tokens(|c| c.input_tokens), "outputTokens": tokens(|c| c.output_tokens),
            "cacheReadTokens": null, "cacheCreationTokens": null, "totalCost": null,
            "totalDurationMs": took.as_millis() as u64,
        }));
    }

    /// Asks for further questions and recalls them.
    fn plan(&mut self, app: &App, model: &Model, query: &RecallQuery) -> Result<(), ApiError> {
        let more = query.budget.queries() - 1;
        let prompt = format!(
            "Question: {}\n\nKnown so far:\n{}\n\nName up to {more} further short search queries that would help to \
             answer the question. Answer as JSON: {{\"queries\": [\"…\"]}}",
            query.text,
            self.evidence_text()
        );
        let began = Instant::now();
        let completion = model.complete(&prompt, PLAN_TOKENS, PLAN_LIMIT);
        self.note_stage("planning", model, completion.as_ref().ok(), began.elapsed());
        let Ok(completion) = completion else { return Ok(()) };
        for text in follow_ups(&completion.text).into_iter().take(more) {
            if self.queries.iter().any(|q| q.eq_ignore_ascii_case(&text)) {
                continue;
            }
            let further = RecallQuery { text: text.clone(), session_key: None, time: None, ..query.clone() };
            let answer = recall::recall(app, &further)?;
            self.queries.push(text);
            self.collect(&answer);
        }
        Ok(())
    }

    /// The note, if the model finds the evidence sufficient.
    fn write(&mut self, model: &Model, query: &RecallQuery) -> Option<String> {
        let prompt = format!(
            "Write one short note in the third person that answers the question from the evidence alone. If the evidence \
             does not suffice, answer {INSUFFICIENT}.\n\nQuestion: {}\n\nEvidence:\n{}",
            query.text,
            self.evidence_text()
        );
        let began = Instant::now();
        let completion = model.complete(&prompt, NOTE_TOKENS, NOTE_LIMIT);
        self.note_stage("synthesis", model, completion.as_ref().ok(), began.elapsed());
        let text = completion.ok()?.text.trim().to_owned();
        (!text.is_empty() && !text.contains(INSUFFICIENT)).then_some(text)
    }

    fn evidence_text(&self) -> String {
        let line = |row: &Value| {
            let text: String = row["content"].as_str().unwrap_or_default().chars().take(PIECE).collect();
            format!("- {text}")
        };
        self.evidence.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn source_ids(&self) -> Vec<String> {
        let ids = self.evidence.iter().filter_map(|row| row["id"].as_str());
        ids.map(str::to_owned).collect()
    }

    fn usage(&self) -> Value {
        let total = |name: &str| {
            let known: Vec<u64> = self.stages.iter().filter_map(|s| s[name].as_u64()).collect();
            if known.is_empty() { Value::Null } else { json!(known.iter().sum::<u64>()) }
        };
        json!({
            "inputTokens": total("inputTokens"), "outputTokens": total("outputTokens"), "cacheReadTokens": null,
            "cacheCreationTokens": null, "totalCost": null, "totalDurationMs": total("totalDurationMs"),
            "stages": self.stages,
        })
    }

    fn stopped(self, mut answer: Value, query: &RecallQuery, reason: &str) -> Value {
        answer["results"] = json!([]);
        answer["meta"]["totalReturned"] = json!(0);
        answer["meta"]["noHits"] = json!(true);
        answer["aggregate"] = self.summary(query, None, false, reason);
        answer
    }

    fn summary(&self, query: &RecallQuery, saved: Option<&str>, deduped: bool, reason: &str) -> Value {
        let mut summary = json!({
            "savedMemoryId": saved, "saved": saved.is_some(), "deduped": deduped, "budget": query.budget.as_str(),
            "queries": self.queries, "sourceMemoryIds": self.source_ids(), "stoppedReason": reason,
        });
        if !self.stages.is_empty() {
            summary["usage"] = self.usage();
        }
        summary
    }

    fn finish(self, app: &App, mut answer: Value, query: &RecallQuery, text: &str) -> Result<Value, ApiError> {
        let key = self.key(query);
        let mut id = format!("{key}:unsaved");
        let (mut saved, mut deduped, mut content) = (None, false, text.to_owned());
        if query.save_aggregate && self.may_be_saved(text) {
            let draft = Aggregate {
                text,
                key: &key,
                question: &query.text,
                agent: &query.agent,
                project: query.project.as_deref(),
                sources: self.source_ids(),
            };
            let kept = Remember::aggregate(&draft).store_aggregate(app, &draft)?;
            id.clone_from(&kept.id);
            deduped = kept.deduped;
            content = kept.content;
            saved = Some(kept.id);
        }
        answer["results"] = json!([{
            "id": id, "content": content, "content_length": content.chars().count(), "truncated": false, "score": 1,
            "source": "aggregate-recall", "type": "semantic", "tags": "aggregate,recall", "pinned": false,
            "importance": 0.75, "who": "signet", "project": query.project, "created_at": app.now(),
            "visibility": "global", "scope": null,
        }]);
        answer["meta"]["totalReturned"] = json!(1);
        answer["meta"]["noHits"] = json!(false);
        answer["aggregate"] = self.summary(query, saved.as_deref(), deduped, "complete");
        Ok(answer)
    }

    /// Names this aggregate: the same question over the same evidence has the same key.
    fn key(&self, query: &RecallQuery) -> String {
        let mut sources = self.source_ids();
        sources.sort();
        let question = query.text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ");
        let mut parts =
            vec![query.agent.as_str(), query.project.as_deref().unwrap_or_default(), &question, query.budget.as_str()];
        parts.extend(sources.iter().map(String::as_str));
        format!("aggregate-recall:{}", hex(&Sha256::digest(parts.join("\0").as_bytes())))
    }

    fn may_be_saved(&self, text: &str) -> bool {
        let open = self.evidence.iter().all(|row| row["visibility"] == "global" && row["scope"].is_null());
        open && text.chars().count() >= SHORTEST && !is_conversational(text)
    }
}

/// Talk, not a note.
fn is_conversational(text: &str) -> bool {
    let lower = text.to_lowercase();
    let starts = ["yes", "no,", "no.", "no ", "probably", "maybe", "based on the evidence", "answer:"];
    starts.iter().any(|s| lower.starts_with(s)) || lower.contains("cannot determine") || lower.contains("insufficient")
}

/// `{"queries": […]}`, a list, or lines.
fn follow_ups(text: &str) -> Vec<String> {
    let text = text.trim().trim_start_matches("```json").trim_matches('`').trim();
    let list = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(items)) => items,
        Ok(Value::Object(map)) => map.get("queries").and_then(Value::as_array).cloned().unwrap_or_default(),
        _ => text.lines().map(|l| Value::from(l.trim_start_matches(['-', '*', ' ']))).collect(),
    };
    list.iter()
        .filter_map(Value::as_str)
        .map(str::trim)
        .filter(|q| (3..=300).contains(&q.chars().count()))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follow_up_queries_are_read_in_their_forms() {
        assert_eq!(follow_ups(r#"{"queries": ["one two", "x"]}"#), ["one two"]);
        assert_eq!(follow_ups(r#"["three four"]"#), ["three four"]);
        assert_eq!(follow_ups("- five six\n* seven eight"), ["five six", "seven eight"]);
        assert!(follow_ups("[]").is_empty());
    }

    #[test]
    fn talk_is_not_saved() {
        assert!(is_conversational("Yes, she does."));
        assert!(is_conversational("The evidence is insufficient."));
        assert!(!is_conversational("Notes say that Oskar restores harpsichords."));
    }
}
