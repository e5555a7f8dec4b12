//! Storing a memory: validate, split, dedupe, insert with its companions (memory part, §2).

mod aggregate;
mod chunks;
mod parse;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::content::{self, Normal, Parsed};
use super::embed::{self, Written};
use super::index::Entry;
use super::store::memories::{self, Existing, NewMemory, Place};
use super::store::{entities, hints, jobs};
use super::structured::{Structured, Writing};
use super::temporal::Dates;
use super::{chunk, link, new_id};
use crate::app::App;
use crate::http::ApiError;
use crate::{agents, db};

pub use aggregate::Aggregate;
use chunks::chunk_group_id;
pub use parse::hint_texts;

/// Hints of one request.
const MOST_HINTS: usize = 200;

/// A validated remember.
#[derive(Debug, Clone)]
pub struct Remember {
    content: String,
    who: String,
    importance: Option<f64>,
    /// `Some` when the body has the key: it overrides the prefix.
    tags: Option<Option<String>>,
    pinned: Option<bool>,
    source_type: String,
    source_id: Option<String>,
    source_path: Option<String>,
    runtime_path: Option<String>,
    key: Option<String>,
    created_at: Option<String>,
    dates: Dates,
    place: Place,
    hints: Vec<String>,
    transcript: Option<String>,
    structured: Option<Structured>,
    /// The project that the credential is bound to: rows of others are not shown to it.
    bound_to: Option<String>,
}

/// What came of it.
#[derive(Debug)]
pub enum Outcome {
    Stored {
        embedded: bool,
        id: String,
        kind: String,
        tags: Option<String>,
        pinned: bool,
        importance: f64,
        content: String,
        entities_linked: usize,
        hints_written: usize,
        structured: bool,
    },
    Duplicate(Existing),
    Chunked {
        ids: Vec<String>,
        group: String,
        deduped: bool,
    },
}

impl Outcome {
    pub fn to_json(&self) -> Value {
        match self {
            Outcome::Stored {
                embedded,
                id,
                kind,
                tags,
                pinned,
                importance,
                content,
                entities_linked,
                hints_written,
                structured,
            } => json!({
                "id": id, "type": kind, "tags": tags, "pinned": pinned, "importance": importance,
                "content": content, "embedded": embedded, "entities_linked": entities_linked,
                "hints_written": hints_written, "structured": structured,
            }),
            Outcome::Duplicate(row) => json!({
                "id": row.id, "type": row.kind, "tags": row.tags.as_deref().unwrap_or_default(),
                "pinned": row.pinned, "importance": row.importance, "content": row.content,
                "embedded": true, "deduped": true,
            }),
            Outcome::Chunked { ids, group, deduped } => {
                let mut body = json!({ "chunked": true, "chunk_count": ids.len(), "ids": ids, "group_id": group });
                if *deduped {
                    body["deduped"] = Value::Bool(true);
                }
                body
            }
        }
    }
}

impl Remember {
    /// Stores it. The answer is on disk when this returns, and recall knows of it.
    pub fn store(self, app: &App) -> Result<Outcome, ApiError> {
        let pipeline = &app.config().pipeline;
        let drafts = self.drafts(pipeline.max_content_chars, pipeline.chunk_target_chars);
        self.store_drafts(app, drafts)
    }

    /// Stores it as one memory, however long it is.
    fn store_whole(self, app: &App) -> Result<Outcome, ApiError> {
        let draft = content::normalize(&self.content);
        self.store_drafts(app, vec![draft])
    }

    fn store_drafts(self, app: &App, drafts: Vec<Normal>) -> Result<Outcome, ApiError> {
        app.mutable()?;
        let config = app.config();
        let pipeline = &config.pipeline;
        let policy = Policy { pipeline: pipeline.enabled, hints: pipeline.hints_enabled };
        let now = app.now();
        let (mut outcome, effects) = app.db.write(move |c| {
            let mut effects = Effects::default();
            let outcome = match &drafts[..] {
                [draft] => self.store_one(c, draft, policy, &now, &mut effects)?,
                chunks => self.store_chunks(c, chunks, policy, &now, &mut effects)?,
            };
            Ok::<_, ApiError>((outcome, effects))
        })?;
        let vectors = embed::after_write(app, &effects.written);
        if let (Outcome::Stored { entities_linked, .. }, Some(graph)) = (&mut outcome, effects.graph) {
            *entities_linked = write_rest(app, graph);
        }
        if let Outcome::Stored { embedded, .. } = &mut outcome {
            *embedded = vectors > 0;
        }
        Ok(outcome)
    }

    /// The texts to store: one, or the chunks of a long one.
    fn drafts(&self, longest: usize, target: usize) -> Vec<Normal> {
        if self.structured.is_none() && self.content.chars().count() > longest {
            let pieces = chunk::split(&self.content, target);
            if pieces.len() > 1 {
                return pieces.iter().map(|piece| content::normalize(piece)).collect();
            }
        }
        vec![content::normalize(&content::parse_prefixes(&self.content).text)]
    }

    fn store_one(
        &self,
        connection: &Connection,
        normal: &Normal,
        policy: Policy,
        now: &str,
        effects: &mut Effects,
    ) -> Result<Outcome, ApiError> {
        let parsed = &content::parse_prefixes(&self.content);
        agents::register(connection, &self.place.agent, now)?;
        if let Some(existing) = self.find_duplicate(connection, normal)? {
            self.dates.store(connection, &self.place.agent, &existing.id, now)?;
            return Ok(Outcome::Duplicate(existing));
        }
        let row = self.row(parsed, normal, policy, now);
        match memories::insert(connection, &row) {
            Ok(()) => {}
            // a row of another writer (the original daemon, say) came first
            Err(cause) if db::is_unique_violation(&cause) => {
                let existing = self.find_duplicate(connection, normal)?.ok_or(cause)?;
                return Ok(Outcome::Duplicate(existing));
            }
            Err(cause) => return Err(cause.into()),
        }
        self.dates.store(connection, &self.place.agent, &row.id, now)?;
        if let (Some(text), Some(session)) = (&self.transcript, &self.source_id) {
            entities::put_transcript(connection, &self.place.agent, session, text, self.place.project.as_deref(), now)?;
        }
        let entities_linked = match &self.structured {
            Some(payload) => {
                let mut graph = Writing::of(payload, &row, self.bound_to.as_deref());
                graph.advance(connection, now);
                effects.graph.insert(graph).linked
            }
            None => link::link(connection, &self.place.agent, &row.id, &row.content, now)?,
        };
        let hints_written = self.store_hints(connection, &row.id, policy, now)?;
        if policy.pipeline && self.structured.is_none() {
            jobs::add(connection, &row.id, "extract", now)?;
        }
        effects.written.push(written_row(connection, &row)?);
        Ok(Outcome::Stored {
            embedded: false,
            id: row.id,
            kind: row.kind,
            tags: row.tags,
            pinned: row.pinned,
            importance: row.importance,
            content: row.content,
            entities_linked,
            hints_written,
            structured: self.structured.is_some(),
        })
    }

    /// By source, by key, by content: the first live row found.
    fn find_duplicate(&self, connection: &Connection, normal: &Normal) -> Result<Option<Existing>, ApiError> {
        if let Some(source_id) = &self.source_id
            && let Some(row) = memories::find_by_source(connection, &self.place, source_id, &self.source_type)?
        {
            return self.shown(row, "sourceId").map(Some);
        }
        if let Some(key) = &self.key {
            let group = chunk_group_id(&self.place, key);
            if !memories::chunks_of(connection, &self.place, &group)?.is_empty() {
                return Err(ApiError::new(409, "idempotencyKey belongs to chunked content"));
            }
            if let Some(row) = memories::find_by_key(connection, &self.place, key)? {
                return self.shown(row, "idempotencyKey").map(Some);
            }
        }
        Ok(memories::find_by_hash(connection, &self.place, &normal.hash)?)
    }

    /// A row that a key has led to, unless it is of another project than the credential's.
    fn shown(&self, row: Existing, key: &str) -> Result<Existing, ApiError> {
        match &self.bound_to {
            Some(own) if row.project.as_ref() != Some(own) => {
                Err(ApiError::new(409, format!("{key} belongs to another memory")))
            }
            _ => Ok(row),
        }
    }

    fn row(&self, parsed: &Parsed, normal: &Normal, policy: Policy, now: &str) -> NewMemory {
        let pinned = self.pinned.unwrap_or(parsed.critical);
        let default_importance = if parsed.critical { 1.0 } else { 0.8 };
        NewMemory {
            id: new_id(),
            kind: content::infer_type(&normal.stored).to_owned(),
            content: normal.stored.clone(),
            normalized: normal.normalized.clone(),
            hash: normal.hash.clone(),
            importance: self.importance.unwrap_or(default_importance),
            pinned,
            tags: self.tags.clone().unwrap_or_else(|| parsed.tags.clone()),
            who: self.who.clone(),
            why: if pinned { "explicit-critical" } else { "explicit" },
            source_type: self.source_type.clone(),
            source_id: self.source_id.clone(),
            source_path: self.source_path.clone(),
            runtime_path: self.runtime_path.clone(),
            idempotency_key: self.key.clone(),
            place: self.place.clone(),
            created_at: self.created_at.clone().unwrap_or_else(|| now.to_owned()),
            now: now.to_owned(),
            extraction_status: match (&self.structured, policy.pipeline) {
                (Some(_), _) => "complete",
                (None, true) => "pending",
                (None, false) => "none",
            },
            extraction_model: self.structured.as_ref().map(|_| "structured-passthrough"),
        }
    }

    fn store_hints(
        &self,
        connection: &Connection,
        memory_id: &str,
        policy: Policy,
        now: &str,
    ) -> Result<usize, ApiError> {
        let mut texts: Vec<&String> = Vec::new();
        if let Some(payload) = &self.structured {
            texts.extend(&payload.hints);
        }
        if self.structured.is_some() || policy.hints {
            texts.extend(&self.hints);
        }
        let mut written = 0;
        for text in texts.into_iter().take(MOST_HINTS) {
            written += usize::from(hints::add(connection, memory_id, &self.place.agent, text, now)?);
        }
        if self.structured.is_none() && self.hints.is_empty() && policy.pipeline && policy.hints {
            jobs::add(connection, memory_id, "prospective_index", now)?;
        }
        Ok(written)
    }
}

/// What is left to do when the memory is on disk.
#[derive(Default)]
struct Effects {
    written: Vec<Written>,
    graph: Option<Writing>,
}

/// How often the rest of a payload is tried again while another program holds the file.
const TRIES: usize = 5;

/// Writes what is left of a structured payload, with others' writes in between; the number of links
/// that were written. A failure never fails the memory.
fn write_rest(app: &App, mut graph: Writing) -> usize {
    let mut left = TRIES;
    while !graph.is_done() {
        let (now, mut next) = (app.now(), graph.clone());
        let more = app.db.write(move |c| {
            next.advance(c, &now);
            Ok::<_, db::Error>(next)
        });
        match more {
            Ok(more) => graph = more,
            // each try has waited for the file already
            Err(db::Error::Busy) if left > 1 => left -= 1,
            Err(cause) => {
                log::warn!(target: "memory", "the rest of a structured payload was not linked: {cause}");
                break;
            }
        }
    }
    graph.linked
}

/// What the index needs of an inserted row.
fn written_row(connection: &Connection, row: &NewMemory) -> rusqlite::Result<Written> {
    Ok(Written {
        id: row.id.clone(),
        entry: Entry {
            rowid: memories::rowid(connection, &row.id)?.unwrap_or_default(),
            content: row.content.clone(),
            place: row.place.clone(),
            who: Some(row.who.clone()),
            created_at: row.created_at.clone(),
        },
    })
}

/// Which background work the config asks for.
#[derive(Debug, Clone, Copy)]
struct Policy {
    pipeline: bool,
    hints: bool,
}
