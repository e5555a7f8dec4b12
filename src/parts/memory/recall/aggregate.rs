//! Aggregate recall: a model writes one note from what several recalls find (memory part, §6.8).

use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::RecallQuery;
use crate::config::WorkloadName;
use crate::core::Error;
use crate::core::access::{Caller, Permission};
use crate::parts::inference::{Completion, Model};
use crate::parts::memory::Memory;
use crate::parts::memory::api::{AggregateMeta, AggregateUsage, Hit, ModelStage, RecallAnswer, TokenUsage};
use crate::parts::memory::remember::Aggregate;
use crate::text::{hex, one_line};

const PLAN_TOKENS: u32 = 300;
const PLAN_LIMIT: Duration = Duration::from_secs(20);
const NOTE_TOKENS: u32 = 700;
const NOTE_LIMIT: Duration = Duration::from_secs(30);
const INSUFFICIENT: &str = "INSUFFICIENT_EVIDENCE";
/// Shorter notes are not worth keeping.
const SHORTEST: usize = 12;
/// Characters of one piece of evidence in the prompt.
const PIECE: usize = 600;

impl Memory {
    /// Answers an aggregate recall; saving it takes the permission to remember.
    pub fn aggregate(&self, caller: &Caller, query: &RecallQuery) -> Result<RecallAnswer, Error> {
        if query.save_aggregate && query.aggregate {
            caller.require(Permission::Remember)?;
            caller.check_new_record(query.project.as_deref())?;
        }
        let first = self.recall(query)?;
        let mut run = Run { queries: vec![query.text.clone()], evidence: Vec::new(), stages: Vec::new() };
        run.collect(&first);
        if run.evidence.is_empty() {
            return Ok(run.stopped(first, query, "no_evidence"));
        }
        let Some(model) = self.inference.model(WorkloadName::Synthesis) else {
            return Ok(run.stopped(first, query, "synthesis_failed"));
        };
        run.plan(self, &model, query)?;
        let Some(text) = run.write(&model, query) else {
            return Ok(run.stopped(first, query, "synthesis_failed"));
        };
        run.finish(self, first, query, &text)
    }
}

/// What an aggregate has gathered so far.
struct Run {
    queries: Vec<String>,
    /// Distinct memories as recall shows them.
    evidence: Vec<Hit>,
    stages: Vec<ModelStage>,
}

impl Run {
    fn collect(&mut self, answer: &RecallAnswer) {
        for hit in &answer.results {
            let real = !hit.id.contains(':') && hit.supplementary != Some(true);
            // saved aggregates are no evidence for themselves
            let own = hit.source_id.as_deref().is_some_and(|s| s.starts_with("aggregate-recall:"));
            if real && !own && !self.evidence.iter().any(|e| e.id == hit.id) {
                self.evidence.push(hit.clone());
            }
        }
    }

    fn note_stage(&mut self, name: &'static str, model: &Model, completion: Option<&Completion>, took: Duration) {
        self.stages.push(ModelStage {
            name,
            target_ref: model.target.clone(),
            attempt_count: 1,
            fallback_count: 0,
            usage: TokenUsage {
                input_tokens: completion.and_then(|c| c.input_tokens),
                output_tokens: completion.and_then(|c| c.output_tokens),
                total_duration_ms: Some(took.as_millis() as u64),
                ..TokenUsage::default()
            },
        });
    }

    /// Asks for further questions and recalls them.
    fn plan(&mut self, memory: &Memory, model: &Model, query: &RecallQuery) -> Result<(), Error> {
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
            let answer = memory.recall(&further)?;
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
        let line = |hit: &Hit| format!("- {}", hit.content.chars().take(PIECE).collect::<String>());
        self.evidence.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn source_ids(&self) -> Vec<String> {
        self.evidence.iter().map(|hit| hit.id.clone()).collect()
    }

    fn usage(&self) -> AggregateUsage {
        let total = |of: fn(&TokenUsage) -> Option<u64>| {
            let known: Vec<u64> = self.stages.iter().filter_map(|stage| of(&stage.usage)).collect();
            (!known.is_empty()).then(|| known.iter().sum())
        };
        AggregateUsage {
            total: TokenUsage {
                input_tokens: total(|u| u.input_tokens),
                output_tokens: total(|u| u.output_tokens),
                total_duration_ms: total(|u| u.total_duration_ms),
                ..TokenUsage::default()
            },
            stages: self.stages.clone(),
        }
    }

    fn stopped(self, mut answer: RecallAnswer, query: &RecallQuery, reason: &'static str) -> RecallAnswer {
        answer.results.clear();
        answer.meta.total_returned = 0;
        answer.meta.no_hits = true;
        answer.aggregate = Some(self.summary(query, None, false, reason));
        answer
    }

    fn summary(
        &self,
        query: &RecallQuery,
        saved: Option<String>,
        deduped: bool,
        stopped_reason: &'static str,
    ) -> AggregateMeta {
        AggregateMeta {
            saved: saved.is_some(),
            saved_memory_id: saved,
            deduped,
            budget: query.budget,
            queries: self.queries.clone(),
            source_memory_ids: self.source_ids(),
            stopped_reason,
            usage: (!self.stages.is_empty()).then(|| self.usage()),
        }
    }

    fn finish(
        self,
        memory: &Memory,
        mut answer: RecallAnswer,
        query: &RecallQuery,
        text: &str,
    ) -> Result<RecallAnswer, Error> {
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
            let kept = memory.remember_aggregate(&draft)?;
            id.clone_from(&kept.id);
            (deduped, content, saved) = (kept.deduped, kept.content, Some(kept.id));
        }
        answer.results = vec![Hit {
            id,
            content_length: content.chars().count(),
            content,
            score: 1.0,
            source: "aggregate-recall".to_owned(),
            kind: "semantic".to_owned(),
            tags: Some("aggregate,recall".to_owned()),
            importance: Some(0.75),
            who: Some("signet".to_owned()),
            project: query.project.clone(),
            created_at: memory.core.now(),
            visibility: Some("global".to_owned()),
            scope: Some(None),
            ..Hit::default()
        }];
        answer.meta.total_returned = 1;
        answer.meta.no_hits = false;
        answer.aggregate = Some(self.summary(query, saved, deduped, "complete"));
        Ok(answer)
    }

    /// Names this aggregate: the same question over the same evidence has the same key.
    fn key(&self, query: &RecallQuery) -> String {
        let mut sources = self.source_ids();
        sources.sort();
        let question = one_line(&query.text.to_lowercase());
        let mut parts =
            vec![query.agent.as_str(), query.project.as_deref().unwrap_or_default(), &question, query.budget.as_str()];
        parts.extend(sources.iter().map(String::as_str));
        format!("aggregate-recall:{}", hex(&Sha256::digest(parts.join("\0").as_bytes())))
    }

    fn may_be_saved(&self, text: &str) -> bool {
        let is_open = |hit: &Hit| hit.visibility.as_deref() == Some("global") && hit.scope == Some(None);
        let open = self.evidence.iter().all(is_open);
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
