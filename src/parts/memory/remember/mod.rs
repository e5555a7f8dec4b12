//! Storing a memory: validate, split, dedupe, insert with its companions (memory part, §2).

mod aggregate;
mod chunks;
pub mod content;
mod dates;
mod note;
mod parse;
mod record;
mod split;

use rusqlite::Connection;

use super::api::{Duplicate, Stored};
use super::beside::{JobKind, Transcript};
use super::store::hints;
use super::store::memories::{self, Existing, NewMemory, Place};
use super::vectors::embed::{self, Written};
use super::vectors::index::Entry;
use super::{Beside, Memory};
use crate::core::Error;
use crate::db::{self, Tx};
use crate::parts::agents;
use crate::parts::knowledge::write::{Structured, Subject, Writing, link};

pub use super::api::Remembered;
pub use aggregate::Aggregate;
use chunks::chunk_group_id;
use content::{Normal, Parsed};
pub use dates::Dates;
pub use record::{Record, Recorded};

/// Hints of one request.
const MOST_HINTS: usize = 200;

/// A validated remember.
#[derive(Debug, Clone)]
pub struct Remember {
    pub content: String,
    pub who: String,
    /// 0 to 1.
    pub importance: Option<f64>,
    /// `Some` overrides the tags of the text's prefix, with none if it holds none.
    pub tags: Option<Option<String>>,
    pub pinned: Option<bool>,
    pub source_type: String,
    pub source_id: Option<String>,
    pub source_path: Option<String>,
    pub runtime_path: Option<String>,
    /// By which a repeat is found.
    pub key: Option<String>,
    pub created_at: Option<String>,
    pub dates: Dates,
    pub place: Place,
    pub hints: Vec<String>,
    pub transcript: Option<String>,
    pub structured: Option<Structured>,
    /// The project that the credential is bound to: rows of others are not shown to it.
    pub bound_to: Option<String>,
}

impl Remember {
    /// A text to be kept for an agent where all may read it.
    pub fn new(content: &str, agent: &str, source_type: &str) -> Self {
        let place = Place { agent: agent.to_owned(), project: None, scope: None, visibility: "global".to_owned() };
        Remember {
            content: content.to_owned(),
            who: "daemon".to_owned(),
            importance: None,
            tags: None,
            pinned: None,
            source_type: source_type.to_owned(),
            source_id: None,
            source_path: None,
            runtime_path: None,
            key: None,
            created_at: None,
            dates: Dates::default(),
            place,
            hints: Vec::new(),
            transcript: None,
            structured: None,
            bound_to: None,
        }
    }
}

impl Memory {
    /// Stores a memory. The answer is on disk when this returns, and recall knows of it.
    pub fn remember(&self, remember: Remember) -> Result<Remembered, Error> {
        let lengths = &self.core.config().pipeline.guardrails;
        let drafts = remember.drafts(lengths.max_content_chars, lengths.chunk_target_chars);
        self.store(remember, drafts)
    }

    /// Stores it as one memory, however long it is.
    fn remember_whole(&self, remember: Remember) -> Result<Remembered, Error> {
        let draft = content::normalize(&remember.content);
        self.store(remember, vec![draft])
    }

    fn store(&self, remember: Remember, drafts: Vec<Normal>) -> Result<Remembered, Error> {
        self.core.mutable()?;
        let pipeline = &self.core.config().pipeline;
        let policy = Policy { pipeline: pipeline.switches.enabled, hints: pipeline.hints.enabled };
        let beside = self.beside.clone();
        let (mut outcome, writer) = self.core.db.try_write(move |tx| {
            let mut writer = Writer { policy, beside, written: Vec::new(), graph: None };
            let outcome = match &drafts[..] {
                [draft] => remember.store_one(tx, draft, &mut writer)?,
                chunks => remember.store_chunks(tx, chunks, &mut writer)?,
            };
            Ok::<_, Error>((outcome, writer))
        })?;
        let vectors = embed::after_write(self, &writer.written);
        if let Remembered::Stored(stored) = &mut outcome {
            if let Some(graph) = writer.graph {
                stored.entities_linked = self.write_rest(graph);
            }
            stored.embedded = vectors > 0;
        }
        if policy.pipeline {
            self.beside.jobs.wake();
        }
        Ok(outcome)
    }

    /// Writes what is left of a structured payload, with others' writes in between; the number of links
    /// that were written. A failure never fails the memory.
    fn write_rest(&self, mut graph: Writing) -> usize {
        let mut left = TRIES;
        while !graph.is_done() {
            let mut next = graph.clone();
            let more = self.core.db.write(move |tx| {
                next.advance(tx);
                Ok(next)
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
}

/// One write: what it is to do beside the rows, and what is left to do when they are on disk.
struct Writer {
    policy: Policy,
    beside: Beside,
    written: Vec<Written>,
    graph: Option<Writing>,
}

impl Remember {
    /// The texts to store: one, or the chunks of a long one.
    fn drafts(&self, longest: usize, target: usize) -> Vec<Normal> {
        if self.structured.is_none() && self.content.chars().count() > longest {
            let pieces = split::split(&self.content, target);
            if pieces.len() > 1 {
                return pieces.iter().map(|piece| content::normalize(piece)).collect();
            }
        }
        vec![content::normalize(&content::parse_prefixes(&self.content).text)]
    }

    fn store_one(&self, tx: &Tx<'_>, normal: &Normal, writer: &mut Writer) -> Result<Remembered, Error> {
        let parsed = &content::parse_prefixes(&self.content);
        agents::register(tx, &self.place.agent)?;
        if let Some(existing) = self.find_duplicate(tx, normal)? {
            self.dates.store(tx, &self.place.agent, &existing.id)?;
            return Ok(Remembered::Duplicate(existing.into()));
        }
        let row = self.row(tx, parsed, normal, writer.policy);
        match memories::insert(tx, &row) {
            Ok(()) => {}
            // a row of another writer (the original daemon, say) came first
            Err(cause) if db::is_unique_violation(&cause) => {
                let existing = self.find_duplicate(tx, normal)?.ok_or(cause)?;
                return Ok(Remembered::Duplicate(existing.into()));
            }
            Err(cause) => return Err(cause.into()),
        }
        self.dates.store(tx, &self.place.agent, &row.id)?;
        if let (Some(text), Some(session_key)) = (&self.transcript, &self.source_id) {
            let (agent, project) = (self.place.agent.as_str(), self.place.project.as_deref());
            writer.beside.ledger.keep_transcript(tx, Transcript { agent, session_key, text, project })?;
        }
        let entities_linked = match &self.structured {
            Some(payload) => {
                let bound_to = self.bound_to.as_deref();
                let subject = Subject::of(&row.id, &row.place.agent, &row.created_at, &row.content, bound_to);
                let mut graph = Writing::of(payload, subject);
                graph.advance(tx);
                writer.graph.insert(graph).linked
            }
            None => link(tx, &self.place.agent, &row.id, &row.content)?,
        };
        let hints_written = self.store_hints(tx, &row.id, writer)?;
        if writer.policy.pipeline && self.structured.is_none() {
            writer.beside.jobs.queue(tx, &row.id, JobKind::Extract)?;
        }
        writer.written.push(written_row(tx, &row)?);
        Ok(Remembered::Stored(Stored {
            id: row.id,
            kind: row.kind,
            tags: row.tags,
            pinned: row.pinned,
            importance: row.importance,
            content: row.content,
            embedded: false,
            entities_linked,
            hints_written,
            structured: self.structured.is_some(),
        }))
    }

    /// By source, by key, by content: the first live row found.
    fn find_duplicate(&self, connection: &Connection, normal: &Normal) -> Result<Option<Existing>, Error> {
        if let Some(source_id) = &self.source_id
            && let Some(row) = memories::find_by_source(connection, &self.place, source_id, &self.source_type)?
        {
            return self.shown(row, "sourceId").map(Some);
        }
        if let Some(key) = &self.key {
            let group = chunk_group_id(&self.place, key);
            if !memories::chunks_of(connection, &self.place, &group)?.is_empty() {
                return Err(Error::conflict("idempotencyKey belongs to chunked content"));
            }
            if let Some(row) = memories::find_by_key(connection, &self.place, key)? {
                return self.shown(row, "idempotencyKey").map(Some);
            }
        }
        Ok(memories::find_by_hash(connection, &self.place, &normal.hash)?)
    }

    /// A row that a key has led to, unless it is of another project than the credential's.
    fn shown(&self, row: Existing, key: &str) -> Result<Existing, Error> {
        match &self.bound_to {
            Some(own) if row.project.as_ref() != Some(own) => {
                Err(Error::conflict(format!("{key} belongs to another memory")))
            }
            _ => Ok(row),
        }
    }

    fn row(&self, tx: &Tx<'_>, parsed: &Parsed, normal: &Normal, policy: Policy) -> NewMemory {
        let pinned = self.pinned.unwrap_or(parsed.critical);
        let default_importance = if parsed.critical { 1.0 } else { 0.8 };
        NewMemory {
            id: tx.random_id(),
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
            created_at: self.created_at.clone().unwrap_or_else(|| tx.now().to_owned()),
            extraction_status: match (&self.structured, policy.pipeline) {
                (Some(_), _) => "complete",
                (None, true) => "pending",
                (None, false) => "none",
            },
            extraction_model: self.structured.as_ref().map(|_| "structured-passthrough"),
        }
    }

    fn store_hints(&self, tx: &Tx<'_>, memory_id: &str, writer: &Writer) -> rusqlite::Result<usize> {
        let policy = writer.policy;
        let mut texts: Vec<&String> = Vec::new();
        if let Some(payload) = &self.structured {
            texts.extend(&payload.hints);
        }
        if self.structured.is_some() || policy.hints {
            texts.extend(&self.hints);
        }
        let mut written = 0;
        for text in texts.into_iter().take(MOST_HINTS) {
            written += usize::from(hints::add(tx, memory_id, &self.place.agent, text)?);
        }
        if self.structured.is_none() && self.hints.is_empty() && policy.pipeline && policy.hints {
            writer.beside.jobs.queue(tx, memory_id, JobKind::Hints)?;
        }
        Ok(written)
    }
}

impl From<Existing> for Duplicate {
    fn from(row: Existing) -> Self {
        Duplicate {
            id: row.id,
            kind: row.kind,
            tags: row.tags.unwrap_or_default(),
            pinned: row.pinned,
            importance: row.importance,
            content: row.content,
            embedded: true,
            deduped: true,
        }
    }
}

/// How often the rest of a payload is tried again while another program holds the file.
const TRIES: usize = 5;

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
