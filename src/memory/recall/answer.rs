//! A recall's answer as JSON.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::dated::Meta;
use super::query::RecallQuery;
use super::rank::Ranked;
use crate::memory::store::ledger::Item;
use crate::memory::store::recall::Row;
use crate::memory::store::temporal::Dated;

/// How long the stages took.
pub struct Timings {
    began: Instant,
    last: Instant,
    stages: Vec<(&'static str, f64)>,
}

impl Timings {
    pub fn start() -> Self {
        let now = Instant::now();
        Timings { began: now, last: now, stages: Vec::new() }
    }

    /// Ends a stage that began where the last one ended.
    pub fn stage(&mut self, name: &'static str) {
        let now = Instant::now();
        self.stages.push((name, millis(now - self.last)));
        self.last = now;
    }

    fn to_json(&self) -> Value {
        let stages: Vec<Value> =
            self.stages.iter().map(|(name, ms)| json!({ "name": name, "durationMs": ms })).collect();
        json!({ "totalMs": millis(self.began.elapsed()), "stages": stages })
    }
}

fn millis(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1e5).round() / 100.0
}

/// One line of an answer.
pub struct Line {
    pub id: String,
    pub score: f64,
    pub source: String,
    pub already_recalled: bool,
    content: Content,
}

enum Content {
    Memory(Box<Row>),
    Dated(Dated),
}

impl Line {
    /// What the session ledger knows this line by.
    pub fn item(&self) -> Item {
        let kind = match self.id.split_once(':').map(|(prefix, _)| prefix) {
            Some("source-chunk") => "source_chunk",
            Some("native-artifact") => "native_artifact",
            Some("transcript") => "transcript",
            Some("summary") => "summary",
            Some("constructed") => "constructed",
            _ => "memory",
        };
        Item { kind, id: self.id.clone(), score: self.score, source: self.source.clone() }
    }
}

/// What the session ledger did.
pub struct Dedupe {
    pub epoch: i64,
    pub suppressed: usize,
    pub repeated: usize,
}

pub struct Answer {
    pub lines: Vec<Line>,
    pub temporal: Option<Meta>,
    pub dedupe: Option<Dedupe>,
    /// The vector channel found something.
    pub hybrid: bool,
}

impl Answer {
    pub fn ranked(ranked: Vec<Ranked>, temporal: Option<Meta>, hybrid: bool) -> Self {
        let lines = ranked
            .into_iter()
            .map(|r| Line {
                id: r.row.id.clone(),
                score: r.score,
                source: r.source.to_owned(),
                already_recalled: false,
                content: Content::Memory(Box::new(r.row)),
            })
            .collect();
        Answer { lines, temporal, dedupe: None, hybrid }
    }

    pub fn timeline(rows: Vec<Dated>, temporal: Meta) -> Self {
        let lines = rows
            .into_iter()
            .map(|row| Line {
                id: format!("temporal:{}:{}:{}", row.subject_type, row.subject_id, row.facet),
                score: row.rank,
                source: format!("temporal_{}", row.facet),
                already_recalled: false,
                content: Content::Dated(row),
            })
            .collect();
        Answer { lines, temporal: Some(temporal), dedupe: None, hybrid: false }
    }

    pub fn cut(mut self, limit: usize) -> Self {
        self.lines.truncate(limit);
        self
    }

    /// Ids whose access is counted: memories themselves.
    pub fn memory_ids(&self) -> Vec<String> {
        self.lines.iter().map(|l| &l.id).filter(|id| !id.contains(':')).cloned().collect()
    }

    pub fn to_json(&self, query: &RecallQuery, truncate: usize, timings: Timings) -> Value {
        let results: Vec<Value> = self.lines.iter().map(|line| line_json(line, truncate)).collect();
        let mut meta = Map::new();
        meta.insert("totalReturned".to_owned(), json!(results.len()));
        meta.insert("hasSupplementary".to_owned(), json!(false));
        meta.insert("noHits".to_owned(), json!(results.is_empty()));
        if let Some(temporal) = &self.temporal {
            meta.insert("temporal".to_owned(), temporal.to_json());
        }
        if let Some(dedupe) = &self.dedupe {
            meta.insert(
                "dedupe".to_owned(),
                json!({
                    "enabled": true, "contextEpoch": dedupe.epoch, "suppressed": dedupe.suppressed,
                    "repeatedReturned": dedupe.repeated,
                }),
            );
        }
        meta.insert("timings".to_owned(), timings.to_json());
        let echoed = match &self.temporal {
            Some(meta) if !meta.content_query.is_empty() => &meta.content_query,
            _ => &query.text,
        };
        let method = if self.lines.is_empty() || self.hybrid { "hybrid" } else { "keyword" };
        json!({ "results": results, "query": echoed, "method": method, "meta": meta })
    }
}

fn rounded(score: f64) -> f64 {
    (score * 100.0).round() / 100.0
}

fn line_json(line: &Line, truncate: usize) -> Value {
    let mut value = match &line.content {
        Content::Memory(row) => memory_json(row, line, truncate),
        Content::Dated(row) => dated_json(row, line),
    };
    if line.already_recalled {
        value["already_recalled"] = json!(true);
    }
    value
}

fn memory_json(row: &Row, line: &Line, truncate: usize) -> Value {
    let length = row.content.chars().count();
    let truncated = length > truncate;
    let content = if truncated {
        row.content.chars().take(truncate).collect::<String>() + " [truncated]"
    } else {
        row.content.clone()
    };
    let mut value = json!({
        "id": row.id, "content": content, "content_length": length, "truncated": truncated,
        "score": rounded(line.score), "source": line.source,
    });
    if let Some(source_id) = &row.source_id {
        value["source_id"] = json!(source_id);
        value["session_id"] = json!(source_id.rsplit(':').next());
    }
    let rest = json!({
        "type": row.kind, "tags": row.tags, "pinned": row.pinned, "importance": row.importance, "who": row.who,
        "project": row.project, "created_at": row.created_at, "visibility": row.visibility, "scope": row.scope,
    });
    if let (Value::Object(value), Value::Object(rest)) = (&mut value, rest) {
        value.extend(rest);
    }
    if let Some(path) = &row.source_path {
        value["source_path"] = json!(path);
    }
    value
}

/// Characters of a timeline line.
const DATED_LENGTH: usize = 900;

fn dated_json(row: &Dated, line: &Line) -> Value {
    let one_line = row.content.split_whitespace().collect::<Vec<_>>().join(" ");
    let length = one_line.chars().count();
    let content: String = one_line.chars().take(DATED_LENGTH).collect();
    json!({
        "id": line.id, "content": content, "content_length": length, "truncated": length > DATED_LENGTH,
        "score": rounded(line.score), "source": line.source, "type": row.subject_type, "tags": null,
        "pinned": false, "importance": row.rank, "who": null, "project": null, "created_at": row.start,
        "temporal_facet": row.facet, "temporal_start_at": row.start, "temporal_end_at": row.end,
        "subject_type": row.subject_type, "subject_id": row.subject_id,
    })
}
