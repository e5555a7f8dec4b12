//! Storing a memory: validate, split, dedupe, insert with its companions (memory part, §2).

use rusqlite::Connection;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::content::{self, Normal, Parsed};
use super::embed::{self, Written};
use super::index::Entry;
use super::store::memories::{self, Existing, NewMemory, Place};
use super::store::{entities, hints, jobs};
use super::structured::Structured;
use super::temporal::Dates;
use super::{chunk, hex, link, new_id};
use crate::app::App;
use crate::auth::Caller;
use crate::http::{ApiError, Fields, Request};
use crate::{agents, db};

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
    /// Validates a request's body and its scope. Nothing is written.
    pub fn parse(request: &Request) -> Result<Self, ApiError> {
        let body = request.object()?;
        let content = body.text("content")?.ok_or_else(|| ApiError::bad_request("content is required"))?;
        if content::parse_prefixes(content).text.is_empty() {
            return Err(ApiError::bad_request("content is empty after its prefixes"));
        }
        let metadata = body.object("metadata").ok().flatten();
        let provenance = |names: &[&str]| -> Result<Option<String>, ApiError> {
            match body.text_of(names)? {
                Some(found) => Ok(Some(found.to_owned())),
                None => match metadata {
                    Some(inner) => Ok(inner.text_of(names)?.map(str::to_owned)),
                    None => Ok(None),
                },
            }
        };
        let dates = Dates::parse(body)?;
        let created_at = body.time("createdAt")?;
        let project = body.text("project")?;
        let place = Place {
            agent: owner(&request.caller, request, body)?,
            project: project.map(str::to_owned),
            scope: body.text("scope")?.map(str::to_owned),
            visibility: match body.lenient_text("visibility") {
                Some("private") => "private".to_owned(),
                _ => "global".to_owned(),
            },
        };
        request.caller.check_new_record(project)?;
        let structured = match body.object("structured")? {
            Some(payload) => Some(Structured::parse(payload)?),
            None => None,
        };
        Ok(Remember {
            content: content.to_owned(),
            who: body.text("who")?.unwrap_or("daemon").to_owned(),
            importance: importance(body)?,
            tags: body.tags("tags")?,
            pinned: body.strict_boolean("pinned")?,
            source_type: body.text("sourceType")?.unwrap_or("manual").to_owned(),
            source_id: body.text("sourceId")?.map(str::to_owned),
            source_path: provenance(&["sourcePath", "source_path", "source"])?,
            runtime_path: provenance(&["runtimePath", "runtime_path"])?,
            key: provenance(&["idempotencyKey", "idempotency_key"])?,
            created_at,
            dates,
            place,
            hints: hint_texts(body.raw("hints"))?,
            transcript: body.text("transcript")?.map(str::to_owned),
            structured,
        })
    }

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
        let (mut outcome, written) = app.db.write(move |c| {
            let mut written = Vec::new();
            let outcome = match &drafts[..] {
                [draft] => self.store_one(c, draft, policy, &now, &mut written)?,
                chunks => self.store_chunks(c, chunks, policy, &now, &mut written)?,
            };
            Ok::<_, ApiError>((outcome, written))
        })?;
        let vectors = embed::after_write(app, &written);
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
        written: &mut Vec<Written>,
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
            Some(payload) => payload.store(connection, &row, now),
            None => link::link(connection, &self.place.agent, &row.id, &row.content, now)?,
        };
        let hints_written = self.store_hints(connection, &row.id, policy, now)?;
        if policy.pipeline && self.structured.is_none() {
            jobs::add(connection, &row.id, "extract", now)?;
        }
        written.push(written_row(connection, &row)?);
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
            return Ok(Some(row));
        }
        if let Some(key) = &self.key {
            let group = chunk_group_id(&self.place, key);
            if !memories::chunks_of(connection, &self.place, &group)?.is_empty() {
                return Err(ApiError::new(409, "idempotencyKey belongs to chunked content"));
            }
            if let Some(row) = memories::find_by_key(connection, &self.place, key)? {
                return Ok(Some(row));
            }
        }
        Ok(memories::find_by_hash(connection, &self.place, &normal.hash)?)
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

    /// All chunks or none. Tags, importance and pin come from the whole text's prefixes.
    fn store_chunks(
        &self,
        connection: &Connection,
        normals: &[Normal],
        policy: Policy,
        now: &str,
        written: &mut Vec<Written>,
    ) -> Result<Outcome, ApiError> {
        agents::register(connection, &self.place.agent, now)?;
        let group = match &self.key {
            Some(key) => chunk_group_id(&self.place, key),
            None => new_id(),
        };
        if let Some(key) = &self.key
            && let Some(ids) = self.repeated_chunks(connection, key, &group, normals)?
        {
            return Ok(Outcome::Chunked { ids, group, deduped: true });
        }
        let conflict = |why: &str| ApiError::new(409, why);
        for (n, normal) in normals.iter().enumerate() {
            if normals[..n].iter().any(|earlier| earlier.hash == normal.hash) {
                return Err(conflict("two chunks of the content are the same"));
            }
            if memories::find_by_hash(connection, &self.place, &normal.hash)?.is_some() {
                return Err(conflict("a chunk of the content is stored already"));
            }
        }
        let whole = content::parse_prefixes(&self.content);
        let entity =
            entities::upsert(connection, &self.place.agent, &format!("chunk-group:{group}"), Some("chunk_group"), now)?;
        let mut ids = Vec::new();
        for (n, normal) in normals.iter().enumerate() {
            let row = NewMemory {
                source_type: "chunk".to_owned(),
                source_id: Some(group.clone()),
                idempotency_key: self.key.as_ref().map(|key| format!("{key}:chunk:{}", n + 1)),
                created_at: now.to_owned(),
                ..self.row(&whole, normal, policy, now)
            };
            memories::insert(connection, &row)?;
            self.dates.store(connection, &self.place.agent, &row.id, now)?;
            entities::add_mention(connection, &row.id, &entity, &group, 1.0, now)?;
            if policy.pipeline {
                jobs::add(connection, &row.id, "extract", now)?;
            }
            written.push(written_row(connection, &row)?);
            ids.push(row.id);
        }
        Ok(Outcome::Chunked { ids, group, deduped: false })
    }

    /// The ids of the same chunks under the same key; 409 when the key means something else.
    fn repeated_chunks(
        &self,
        connection: &Connection,
        key: &str,
        group: &str,
        normals: &[Normal],
    ) -> Result<Option<Vec<String>>, ApiError> {
        if memories::find_by_key(connection, &self.place, key)?.is_some() {
            return Err(ApiError::new(409, "idempotencyKey belongs to another memory"));
        }
        let known = memories::chunks_of(connection, &self.place, group)?;
        if known.is_empty() {
            return Ok(None);
        }
        let same = known.len() == normals.len()
            && known.iter().zip(normals).all(|(row, normal)| row.hash.as_deref() == Some(&normal.hash));
        if !same {
            return Err(ApiError::new(409, "idempotencyKey belongs to other content"));
        }
        Ok(Some(known.into_iter().map(|row| row.id).collect()))
    }
}

/// A note that a model wrote from several memories.
pub struct Aggregate<'a> {
    pub text: &'a str,
    pub key: &'a str,
    pub question: &'a str,
    pub agent: &'a str,
    pub project: Option<&'a str>,
    pub sources: Vec<String>,
}

/// An aggregate as it is stored now.
pub struct Kept {
    pub id: String,
    pub content: String,
    pub deduped: bool,
}

impl Remember {
    /// As a memory of its own, found again under its key.
    pub fn aggregate(note: &Aggregate<'_>) -> Self {
        Remember {
            content: note.text.to_owned(),
            who: "signet".to_owned(),
            importance: Some(0.75),
            tags: Some(Some("aggregate,recall".to_owned())),
            pinned: Some(false),
            source_type: "aggregate-recall".to_owned(),
            source_id: Some(note.key.to_owned()),
            source_path: None,
            runtime_path: None,
            key: Some(note.key.to_owned()),
            created_at: None,
            dates: Dates::default(),
            place: Place {
                agent: note.agent.to_owned(),
                project: note.project.map(str::to_owned),
                scope: None,
                visibility: "global".to_owned(),
            },
            hints: hint_texts(Some(&json!([note.question]))).unwrap_or_default(),
            transcript: None,
            structured: None,
        }
    }

    /// Stores it whole, however long, and links it to its sources.
    pub fn store_aggregate(self, app: &App, note: &Aggregate<'_>) -> Result<Kept, ApiError> {
        let outcome = self.store_whole(app)?;
        let (id, content, deduped) = match outcome {
            Outcome::Stored { id, content, .. } => (id, content, false),
            Outcome::Duplicate(row) => (row.id, row.content, true),
            Outcome::Chunked { .. } => return Err(ApiError::internal("an aggregate was split")),
        };
        let (memory, sources, agent, now) = (id.clone(), note.sources.clone(), note.agent.to_owned(), app.now());
        app.db.write(move |c| {
            memories::set_kind(c, &memory, "semantic")?;
            Ok::<_, ApiError>(memories::link_sources(c, &memory, &sources, &agent, &now)?)
        })?;
        Ok(Kept { id, content, deduped })
    }
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

/// The agent a new memory belongs to.
fn owner(caller: &Caller, request: &Request, body: Fields<'_>) -> Result<String, ApiError> {
    let session_key = request.headers.text("x-signet-session-key");
    caller.agent(body.text("agentId")?, session_key)
}

/// A number, clamped to 0..1.
fn importance(body: Fields<'_>) -> Result<Option<f64>, ApiError> {
    match body.raw("importance") {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(n)) => Ok(n.as_f64().map(|n| n.clamp(0.0, 1.0))),
        Some(_) => Err(ApiError::bad_request("importance must be a number")),
    }
}

/// Trimmed texts of 5 to 300 characters; others are skipped.
pub fn hint_texts(given: Option<&Value>) -> Result<Vec<String>, ApiError> {
    match given {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(items)) => Ok(items
            .iter()
            .filter_map(Value::as_str)
            .map(str::trim)
            .filter(|t| (5..=300).contains(&t.chars().count()))
            .map(str::to_owned)
            .collect()),
        Some(_) => Err(ApiError::bad_request("hints must be a list of strings")),
    }
}

/// The group of chunks that a key names.
fn chunk_group_id(place: &Place, key: &str) -> String {
    let scope = place.scope.as_deref().unwrap_or("__NULL__");
    let basis = [place.agent.as_str(), &place.visibility, scope, key].join("\0");
    format!("chunk-group:{}", &hex(&Sha256::digest(basis.as_bytes()))[..32])
}
