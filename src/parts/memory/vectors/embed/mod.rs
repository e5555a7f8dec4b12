//! Vectors for memories and questions, by whichever provider the config names.
//!
//! The embedded model answers at once. Servers are asked with a time limit and only by a few
//! workers at a time, so that a hanging one can never starve recall; what they miss is filled in
//! by the background embedder ([`tracker`]).

mod provider;
pub mod status;
pub mod tracker;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::index::{Entry, Vector};
use crate::config::{Config, Provider};
use crate::db::Error;
use crate::embedding;
use crate::parts::memory::Memory;
use crate::parts::memory::store::embeddings::{self, NewVector};
use crate::sys::locks;
use crate::upstream::Client;

/// How long a remember waits for the vector of its text.
const WRITE_LIMIT: Duration = Duration::from_secs(5);
/// The background embedder has more time.
const BACKGROUND_LIMIT: Duration = Duration::from_secs(30);
/// Workers that may wait for a server at once.
const WAITING: usize = 3;
/// A server that could not be reached is left alone this long by those who cannot wait.
const PAUSE: Duration = Duration::from_secs(5);

/// The model that vectors are made and compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    pub name: String,
    pub dims: usize,
    /// In this process.
    pub native: bool,
}

/// Who is waiting for the vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Remember,
    Recall,
    Background,
}

pub struct Embedder {
    client: Client,
    waiting: AtomicUsize,
    unreachable: Mutex<Option<Instant>>,
    pub status: status::Cache,
    pub tracker: tracker::Tracker,
}

impl Embedder {
    /// Servers are asked through this client.
    pub fn new(client: Client) -> Self {
        Embedder {
            client,
            waiting: AtomicUsize::new(0),
            unreachable: Mutex::default(),
            status: status::Cache::default(),
            tracker: tracker::Tracker::default(),
        }
    }

    pub fn model(&self, config: &Config) -> Model {
        let embedding = &config.embedding;
        match embedding.provider {
            Provider::Native => Model { name: embedding::MODEL.to_owned(), dims: embedding::DIMS, native: true },
            Provider::None => Model { name: String::new(), dims: 0, native: false },
            _ => Model { name: embedding.model.clone(), dims: embedding.dimensions, native: false },
        }
    }

    /// The vector of a text; `None` when there is no provider, when it fails, or when its vector has another
    /// length than configured.
    pub fn embed(&self, config: &Config, text: &str, purpose: Purpose) -> Option<Vec<f32>> {
        match config.embedding.provider {
            Provider::None => None,
            Provider::Native => Some(embedding::embed(text)).filter(|v| v.iter().any(|x| *x != 0.0)),
            _ => self.ask(config, text, purpose),
        }
    }

    fn ask(&self, config: &Config, text: &str, purpose: Purpose) -> Option<Vec<f32>> {
        let urgent = purpose != Purpose::Background;
        if urgent && self.is_paused() {
            return None;
        }
        let _turn = if urgent { Some(self.turn()?) } else { None };
        let limit = match purpose {
            Purpose::Remember => WRITE_LIMIT,
            Purpose::Recall => Duration::from_millis(config.embedding.query_timeout_ms),
            Purpose::Background => BACKGROUND_LIMIT,
        };
        let answer = provider::vector(&self.client, &config.embedding, text, limit);
        match answer {
            Ok(vector) if vector.len() == config.embedding.dimensions => Some(vector),
            Ok(vector) => {
                log::warn!(
                    target: "embedding",
                    "the provider's vector has {} components, not {}; it is not used",
                    vector.len(), config.embedding.dimensions
                );
                None
            }
            Err(cause) => {
                log::warn!(target: "embedding", "{}: {cause}", config.embedding.provider.as_str());
                if cause.is_silence() {
                    *locks::lock(&self.unreachable) = Some(Instant::now());
                }
                None
            }
        }
    }

    fn is_paused(&self) -> bool {
        let since = *locks::lock(&self.unreachable);
        since.is_some_and(|at| at.elapsed() < PAUSE)
    }

    /// A place among those who wait; `None` when all are taken.
    fn turn(&self) -> Option<Turn<'_>> {
        let turn = Turn(&self.waiting);
        (self.waiting.fetch_add(1, Ordering::AcqRel) < WAITING).then_some(turn)
    }
}

struct Turn<'a>(&'a AtomicUsize);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A memory that was just written.
#[derive(Debug, Clone)]
pub struct Written {
    pub id: String,
    pub entry: Entry,
}

/// After a write: vectors and the index. Returns how many memories have a vector. A failure costs
/// the vector, never the memory.
///
/// The embedded model's vector is in the index at once. Its row is written with those of other
/// memories, within a second and before any route that shows it ([`tracker::settle`]): alone it
/// would cost a remember a quarter of its speed. After a crash the background embedder finds what
/// is missing.
pub fn after_write(memory: &Memory, written: &[Written]) -> usize {
    let config = memory.core.config();
    let embedder = &memory.embedder;
    let mut embedded = 0;
    for row in written {
        let vector = match config.embedding.provider {
            Provider::None => None,
            Provider::Native => {
                embedder.tracker.missed(&row.id);
                memory.index.put(&row.entry, Vector::OfText);
                embedded += 1;
                continue;
            }
            _ => embed_written(memory, &config, row),
        };
        embedded += usize::from(vector.is_some());
        memory.index.put(&row.entry, vector.as_deref().map_or(Vector::None, Vector::Stored));
    }
    embedded
}

fn embed_written(memory: &Memory, config: &Config, row: &Written) -> Option<Vec<f32>> {
    let embedder = &memory.embedder;
    let stored = embedder.embed(config, &row.entry.content, Purpose::Remember).filter(|vector| {
        store_vector(memory, config, &row.id, vector.clone()).unwrap_or_else(|cause| {
            log::warn!(target: "embedding", "a vector was not stored: {cause}");
            false
        })
    });
    if stored.is_none() {
        embedder.tracker.missed(&row.id);
    }
    stored
}

/// Stores the vector of a live memory; false when it is gone.
fn store_vector(memory: &Memory, config: &Config, id: &str, vector: Vec<f32>) -> Result<bool, Error> {
    let (id, model) = (id.to_owned(), memory.embedder.model(config).name);
    memory.core.db.write(move |tx| {
        let Some(row) = embeddings::unembedded_of(tx, &id)? else { return Ok(false) };
        let vector = NewVector {
            memory_id: &id,
            hash: &row.hash,
            place: &row.place,
            text: &row.content,
            vector: &vector,
            model: &model,
        };
        embeddings::put(tx, &vector)?;
        Ok(true)
    })
}
