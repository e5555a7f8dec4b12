//! A model's judgement of the candidates (memory part, §6.5, 2 and 8): off unless
//! `reranker.useExtractionModel` asks for it. A model that fails or is late keeps the order.

use std::time::{Duration, Instant};

use serde_json::Value;
use sha1::{Digest, Sha1};

use super::answer::{Aside, Line};
use super::query::RecallQuery;
use crate::config::{Config, WorkloadName};
use crate::parts::inference::Model;
use crate::parts::memory::Memory;
use crate::text::hex;

/// What the model's score counts.
const BY_MODEL: f64 = 0.35;
/// Characters of a candidate that the model sees, tokens it may answer with.
const PIECE: usize = 600;
const SCORE_TOKENS: u32 = 400;
const SUMMARY_TOKENS: u32 = 300;
/// Less time than this buys no summary.
const LEAST_TIME: Duration = Duration::from_millis(200);
/// Answers of one row need no summary.
const LEAST_LIMIT: usize = 2;

/// Whether recall waits for a model.
pub fn is_asked_for(config: &Config) -> bool {
    let reranker = &config.pipeline.reranker;
    reranker.enabled && reranker.by_model
}

/// Ranks the best lines anew; the time that is left buys a summary, which is returned.
pub fn judge(memory: &Memory, config: &Config, query: &RecallQuery, lines: &mut [Line]) -> Option<Line> {
    // an aggregate has its evidence read by a model anyway, and a timeline is in order
    let judged = lines.len() >= 2 && lines.iter().all(|line| line.memory_text().is_some());
    if !is_asked_for(config) || query.aggregate || !judged {
        return None;
    }
    let model = memory.inference.model(WorkloadName::Extraction)?;
    let deadline = Instant::now() + config.pipeline.reranker.time;
    let most = config.pipeline.reranker.most.min(lines.len());
    score(&model, query, &mut lines[..most], deadline);
    lines.sort_by(|a, b| b.score.total_cmp(&a.score));
    let left = deadline.saturating_duration_since(Instant::now());
    if query.limit < LEAST_LIMIT || left < LEAST_TIME {
        return None;
    }
    summary(&model, query, &lines[..query.limit.min(most)], left, memory.core.now())
}

fn score(model: &Model, query: &RecallQuery, best: &mut [Line], deadline: Instant) {
    let prompt = format!(
        "Question: {}\n\nHow well does each memory help to answer it, from 0 to 1? Answer as JSON with one number per \
         memory, in order: {{\"scores\": [0.5]}}\n\n{}",
        query.text,
        numbered(best)
    );
    let left = deadline.saturating_duration_since(Instant::now());
    match model.complete(&prompt, SCORE_TOKENS, left) {
        Ok(completion) => match scores(&completion.text, best.len()) {
            Some(scores) => {
                for (line, score) in best.iter_mut().zip(scores) {
                    line.score = (1.0 - BY_MODEL) * line.score + BY_MODEL * score;
                }
            }
            None => log::warn!(target: "memory", "the re-ranking model named no scores; the order stays"),
        },
        Err(cause) => log::warn!(target: "memory", "the re-ranking model failed, the order stays: {cause}"),
    }
}

/// As many numbers as there are candidates, each 0 to 1.
fn scores(text: &str, wanted: usize) -> Option<Vec<f64>> {
    let start = text.find(['{', '['])?;
    let end = text.rfind(['}', ']'])?;
    let value: Value = serde_json::from_str(text.get(start..=end)?).ok()?;
    let list = value.get("scores").unwrap_or(&value).as_array()?;
    let scores: Option<Vec<f64>> = list.iter().map(|n| n.as_f64().map(|n| n.clamp(0.0, 1.0))).collect();
    scores.filter(|s| s.len() == wanted)
}

fn summary(model: &Model, query: &RecallQuery, best: &[Line], limit: Duration, now: String) -> Option<Line> {
    let prompt = format!(
        "Summarise in at most three sentences what these memories say to the question. Use nothing else.\n\n\
         Question: {}\n\n{}",
        query.text,
        numbered(best)
    );
    let completion = model.complete(&prompt, SUMMARY_TOKENS, limit).ok()?;
    let text = completion.text.trim();
    if text.is_empty() {
        return None;
    }
    let aside = Aside {
        kind: "semantic".to_owned(),
        importance: 0.5,
        who: "signet".to_owned(),
        created_at: now,
        ..Aside::of(text, usize::MAX)
    };
    let id = hex(&Sha1::digest(query.text.as_bytes()))[..12].to_owned();
    let score = best.first().map_or(0.0, |line| line.score);
    Some(Line::aside(format!("summary:{id}"), score, "llm_summary", aside).supplementary())
}

fn numbered(lines: &[Line]) -> String {
    let piece = |(n, line): (usize, &Line)| {
        let text: String = line.memory_text().unwrap_or_default().chars().take(PIECE).collect();
        format!("{}. {text}", n + 1)
    };
    lines.iter().enumerate().map(piece).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_are_read_when_there_is_one_for_each() {
        assert_eq!(scores("Sure: {\"scores\": [0.5, 2]}", 2), Some(vec![0.5, 1.0]));
        assert_eq!(scores("[0, 1]", 2), Some(vec![0.0, 1.0]));
        for bad in ["", "[0.1]", "[\"a\", 1]", "none", "}{"] {
            assert_eq!(scores(bad, 2), None, "{bad}");
        }
    }
}
