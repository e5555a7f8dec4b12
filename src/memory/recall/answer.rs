//! A recall's answer as JSON.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::dated::Meta;
use super::query::RecallQuery;
use super::rank::Ranked;
use crate::knowledge::Entity;
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
    supplementary: bool,
    content: Content,
}

enum Content {
    /// A memory and what to say of its claims.
    Memory(Box<Row>, Option<String>),
    Dated(Dated),
    Aside(Aside),
}

/// A text that is no memory.
pub struct Aside {
    pub content: String,
    /// Characters of the whole.
    pub content_length: usize,
    pub truncated: bool,
    pub kind: String,
    pub tags: Option<String>,
    pub importance: f64,
    pub who: String,
    pub project: Option<String>,
    pub created_at: String,
    pub source_path: Option<String>,
}

impl Aside {
    /// A text cut at so many characters; the rest is to be filled in.
    pub fn of(text: &str, most: usize) -> Self {
        let (content, content_length, truncated) = cut(text, most);
        Aside {
            content,
            content_length,
            truncated,
            kind: String::new(),
            tags: None,
            importance: 0.5,
            who: String::new(),
            project: None,
            created_at: String::new(),
            source_path: None,
        }
    }
}

impl Line {
    fn of(id: String, score: f64, source: &str, content: Content) -> Self {
        Line { id, score, source: source.to_owned(), already_recalled: false, supplementary: false, content }
    }

    pub fn memory(row: Row, score: f64, source: &str, note: Option<String>) -> Self {
        Line::of(row.id.clone(), score, source, Content::Memory(Box::new(row), note))
    }

    pub fn aside(id: String, score: f64, source: &str, aside: Aside) -> Self {
        Line::of(id, score, source, Content::Aside(aside))
    }

    fn dated(row: Dated) -> Self {
        let id = format!("temporal:{}:{}:{}", row.subject_type, row.subject_id, row.facet);
        Line::of(id, row.rank, &format!("temporal_{}", row.facet), Content::Dated(row))
    }

    /// Not an answer itself, but of help with it.
    pub fn supplementary(mut self) -> Self {
        self.supplementary = true;
        self
    }

    pub fn is_supplementary(&self) -> bool {
        self.supplementary
    }

    /// The rowid of a memory that is a decision.
    pub fn decision(&self) -> Option<i64> {
        match &self.content {
            Content::Memory(row, _) if row.kind == "decision" => Some(row.rowid),
            _ => None,
        }
    }

    /// The text of a memory, for a model to judge.
    pub fn memory_text(&self) -> Option<&str> {
        match &self.content {
            Content::Memory(row, _) => Some(&row.content),
            _ => None,
        }
    }

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
#[derive(Debug, Clone, Copy)]
pub struct Dedupe {
    pub epoch: i64,
    pub suppressed: usize,
    pub repeated: usize,
}

/// What a memory is worth that tells of the day asked about.
pub const TOLD: f64 = 0.9;

/// What was found, more than is returned, best first.
pub struct Found {
    pub lines: Vec<Line>,
    pub temporal: Option<Meta>,
    /// The vector channel found something.
    pub hybrid: bool,
    /// The entities the question names.
    pub focal: Vec<Entity>,
}

impl Found {
    pub fn ranked(ranked: Vec<Ranked>, temporal: Option<Meta>, hybrid: bool, focal: Vec<Entity>) -> Self {
        let lines = ranked.into_iter().map(|r| Line::memory(r.row, r.score, r.source, r.note)).collect();
        Found { lines, temporal, hybrid, focal }
    }

    /// Memories that tell of the day, and then what is of it.
    pub fn timeline(told: Vec<Row>, rows: Vec<Dated>, temporal: Meta) -> Self {
        let of_day = rows.into_iter().filter(|row| !told.iter().any(|t| t.id == row.subject_id)).collect::<Vec<_>>();
        let told = told.into_iter().map(|row| Line::memory(row, TOLD, "temporal", None));
        let lines = told.chain(of_day.into_iter().map(Line::dated)).collect();
        Found { lines, temporal: Some(temporal), hybrid: false, focal: Vec::new() }
    }
}

/// Lines of an answer whose access is counted.
const COUNTED: usize = 3;

/// What is returned.
pub struct Answer {
    pub lines: Vec<Line>,
    pub temporal: Option<Meta>,
    pub dedupe: Option<Dedupe>,
    pub hybrid: bool,
    /// What the graph knows of the entities asked about, if any.
    pub entities: Option<Value>,
}

impl Answer {
    /// Ids whose access is counted: of the first lines, those that are memories themselves. The others
    /// are not what the question was about, and would rise all the same.
    pub fn counted_ids(&self) -> Vec<String> {
        self.lines.iter().take(COUNTED).map(|l| &l.id).filter(|id| !id.contains(':')).cloned().collect()
    }

    pub fn to_json(&self, query: &RecallQuery, truncate: usize, timings: Timings) -> Value {
        let results: Vec<Value> = self.lines.iter().map(|line| line_json(line, truncate)).collect();
        let mut meta = Map::new();
        meta.insert("totalReturned".to_owned(), json!(results.len()));
        meta.insert("hasSupplementary".to_owned(), json!(self.lines.iter().any(|l| l.supplementary)));
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
        let mut answer = json!({ "results": results, "query": echoed, "method": method, "meta": meta });
        if let Some(entities) = &self.entities {
            answer["entities"] = entities.clone();
        }
        answer
    }
}

fn rounded(score: f64) -> f64 {
    (score * 100.0).round() / 100.0
}

/// A text cut at so many characters, how many it has, and whether it was cut.
fn cut(text: &str, most: usize) -> (String, usize, bool) {
    let length = text.chars().count();
    if length <= most {
        return (text.to_owned(), length, false);
    }
    (text.chars().take(most).collect::<String>() + " [truncated]", length, true)
}

fn line_json(line: &Line, truncate: usize) -> Value {
    let mut value = match &line.content {
        Content::Memory(row, note) => memory_json(row, note.as_deref(), line, truncate),
        Content::Dated(row) => dated_json(row, line),
        Content::Aside(aside) => aside_json(aside, line),
    };
    if line.supplementary {
        value["supplementary"] = json!(true);
    }
    if line.already_recalled {
        value["already_recalled"] = json!(true);
    }
    value
}

fn memory_json(row: &Row, note: Option<&str>, line: &Line, truncate: usize) -> Value {
    let (mut content, length, truncated) = cut(&row.content, truncate);
    if let Some(note) = note {
        content = format!("{note}\n\n{content}");
    }
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

fn aside_json(aside: &Aside, line: &Line) -> Value {
    let mut value = json!({
        "id": line.id, "content": aside.content, "content_length": aside.content_length,
        "truncated": aside.truncated, "score": rounded(line.score), "source": line.source, "type": aside.kind,
        "tags": aside.tags, "pinned": false, "importance": aside.importance, "who": aside.who,
        "project": aside.project, "created_at": aside.created_at,
    });
    if let Some(path) = &aside.source_path {
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
