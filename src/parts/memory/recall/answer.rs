//! From ranked lines to a recall's answer.

use std::time::Instant;

use super::dated::Meta;
use super::query::RecallQuery;
use super::rank::Ranked;
use crate::parts::knowledge::Entity;
use crate::parts::memory::api::{DedupeMeta, EntityAnswer, Hit, RecallAnswer, RecallMeta, Stage, TimingsMeta};
use crate::parts::memory::beside::Item;
use crate::parts::memory::store::recall::Row;
use crate::parts::memory::store::temporal::Dated;
use crate::text::one_line;

/// How long the stages took.
pub struct Timings {
    began: Instant,
    last: Instant,
    stages: Vec<Stage>,
}

impl Timings {
    pub fn start() -> Self {
        let now = Instant::now();
        Timings { began: now, last: now, stages: Vec::new() }
    }

    /// Ends a stage that began where the last one ended.
    pub fn stage(&mut self, name: &'static str) {
        let now = Instant::now();
        self.stages.push(Stage { name, duration_ms: millis(now - self.last) });
        self.last = now;
    }

    fn answer(self) -> TimingsMeta {
        TimingsMeta { total_ms: millis(self.began.elapsed()), stages: self.stages }
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
        let (content, content_length, truncated) = cut(text.to_owned(), most);
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
    pub entities: Option<Vec<EntityAnswer>>,
}

impl Answer {
    /// Ids whose access is counted: of the first lines, those that are memories themselves. The others
    /// are not what the question was about, and would rise all the same.
    pub fn counted_ids(&self) -> Vec<String> {
        self.lines.iter().take(COUNTED).map(|l| &l.id).filter(|id| !id.contains(':')).cloned().collect()
    }

    /// `truncate` is the number of characters of a content.
    pub fn finish(self, query: &RecallQuery, truncate: usize, timings: Timings) -> RecallAnswer {
        let echoed = match &self.temporal {
            Some(meta) if !meta.content_query.is_empty() => meta.content_query.clone(),
            _ => query.text.clone(),
        };
        let method = if self.lines.is_empty() || self.hybrid { "hybrid" } else { "keyword" };
        let meta = RecallMeta {
            total_returned: self.lines.len(),
            has_supplementary: self.lines.iter().any(|l| l.supplementary),
            no_hits: self.lines.is_empty(),
            temporal: self.temporal.map(Meta::answer),
            dedupe: self.dedupe.map(|dedupe| DedupeMeta {
                enabled: true,
                context_epoch: dedupe.epoch,
                suppressed: dedupe.suppressed,
                repeated_returned: dedupe.repeated,
            }),
            timings: timings.answer(),
        };
        RecallAnswer {
            results: self.lines.into_iter().map(|line| line.hit(truncate)).collect(),
            query: echoed,
            method,
            meta,
            entities: self.entities,
            aggregate: None,
        }
    }
}

fn rounded(score: f64) -> f64 {
    (score * 100.0).round() / 100.0
}

/// A text cut at so many characters, how many it has, and whether it was cut.
fn cut(text: String, most: usize) -> (String, usize, bool) {
    let length = text.chars().count();
    if length <= most {
        return (text, length, false);
    }
    (text.chars().take(most).collect::<String>() + " [truncated]", length, true)
}

/// Characters of a timeline line.
const DATED_LENGTH: usize = 900;

impl Line {
    fn hit(self, truncate: usize) -> Hit {
        let mut hit = Hit {
            id: self.id,
            score: rounded(self.score),
            source: self.source,
            supplementary: self.supplementary.then_some(true),
            already_recalled: self.already_recalled.then_some(true),
            ..Hit::default()
        };
        match self.content {
            Content::Memory(row, note) => hit.fill_memory(*row, note, truncate),
            Content::Dated(row) => hit.fill_dated(row),
            Content::Aside(aside) => hit.fill_aside(aside),
        }
        hit
    }
}

impl Hit {
    fn fill_memory(&mut self, row: Row, note: Option<String>, truncate: usize) {
        let (content, length, truncated) = cut(row.content, truncate);
        self.content = match note {
            Some(note) => format!("{note}\n\n{content}"),
            None => content,
        };
        (self.content_length, self.truncated) = (length, truncated);
        self.session_id = row.source_id.as_deref().and_then(|id| id.rsplit(':').next()).map(str::to_owned);
        self.source_id = row.source_id;
        self.kind = row.kind;
        self.tags = row.tags;
        self.pinned = row.pinned;
        self.importance = row.importance;
        self.who = row.who;
        self.project = row.project;
        self.created_at = row.created_at;
        self.visibility = Some(row.visibility);
        self.scope = Some(row.scope);
        self.source_path = row.source_path;
    }

    fn fill_dated(&mut self, row: Dated) {
        let one_line = one_line(&row.content);
        self.content_length = one_line.chars().count();
        self.truncated = self.content_length > DATED_LENGTH;
        self.content = one_line.chars().take(DATED_LENGTH).collect();
        self.kind.clone_from(&row.subject_type);
        self.importance = Some(row.rank);
        self.created_at.clone_from(&row.start);
        self.temporal_facet = Some(row.facet);
        self.temporal_start_at = Some(row.start);
        self.temporal_end_at = Some(row.end);
        self.subject_type = Some(row.subject_type);
        self.subject_id = Some(row.subject_id);
    }

    fn fill_aside(&mut self, aside: Aside) {
        self.content = aside.content;
        self.content_length = aside.content_length;
        self.truncated = aside.truncated;
        self.kind = aside.kind;
        self.tags = aside.tags;
        self.importance = Some(aside.importance);
        self.who = Some(aside.who);
        self.project = aside.project;
        self.created_at = aside.created_at;
        self.source_path = aside.source_path;
    }
}
