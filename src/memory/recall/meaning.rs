//! The channel that finds by meaning: vectors, and how well a memory's words meet the question's.

use std::collections::HashMap;

use rusqlite::Connection;

use super::CANDIDATES;
use super::candidates::Candidates;
use super::filter::Filter;
use crate::app::App;
use crate::config::{Config, Provider};
use crate::db::sql::Conditions;
use crate::embedding;
use crate::http::ApiError;
use crate::memory::embed::Purpose;
use crate::memory::index::{Allowed, Docs, Evidence, Question};
use crate::memory::store::embeddings;

/// A question as the vector channel sees it. Made before the database is read: a server may have
/// to be asked.
pub enum Meaning {
    /// The embedded model, whose tokens are in the index.
    Words(Question),
    /// A server's vector.
    Vector(Vec<f32>),
}

impl Meaning {
    /// `None` without a provider, or when it does not answer in time.
    pub fn of(app: &App, config: &Config, text: &str, words: &[String]) -> Option<Self> {
        match config.embedding.provider {
            Provider::None => None,
            Provider::Native => Some(Meaning::Words(Question::of(words, text))),
            _ => app.memory.embedder.embed(config, text, Purpose::Recall).map(Meaning::Vector),
        }
    }

    /// Adds what this channel finds; false when the index is not loaded yet or it finds nothing.
    pub fn enrich(
        &self,
        app: &App,
        connection: &Connection,
        filter: &Filter<'_>,
        conditions: &Conditions,
        found: &mut Candidates,
    ) -> Result<bool, ApiError> {
        let enriched = app.memory.index.with(|docs| {
            let allowed = filter.allowed(connection, conditions, docs)?;
            match self {
                Meaning::Words(question) => Ok(by_words(docs, question, &allowed, found)),
                Meaning::Vector(vector) => by_vector(connection, docs, vector, &allowed, found),
            }
        });
        enriched.unwrap_or(Ok(false))
    }
}

fn by_words(docs: &Docs, question: &Question, allowed: &Allowed, found: &mut Candidates) -> bool {
    if question.tokens().is_empty() {
        return false;
    }
    let mut evidence: HashMap<i64, Evidence> = found
        .signals
        .iter()
        .map(|(rowid, s)| (*rowid, Evidence { lexical: s.lexical.unwrap_or(0.0), cosine: 0.0 }))
        .collect();
    let vector = embedding::pooled(question.tokens());
    for near in docs.nearest(&vector, allowed, CANDIDATES as usize) {
        evidence.entry(docs.rowid(near.at)).or_default().cosine = near.cosine;
    }
    let scored = docs.relevance(question, &evidence, allowed);
    let any = !scored.is_empty();
    for relevance in scored {
        found.signals.entry(relevance.rowid).or_default().meaning = Some(relevance.score);
    }
    any
}

/// The nearest by sign bits and what the graph has met, then the exact cosine of the stored vectors.
fn by_vector(
    connection: &Connection,
    docs: &Docs,
    vector: &[f32],
    allowed: &Allowed,
    found: &mut Candidates,
) -> Result<bool, ApiError> {
    let nearest = docs.nearest(vector, allowed, CANDIDATES as usize);
    let mut wanted: Vec<i64> = nearest.iter().map(|n| docs.rowid(n.at)).collect();
    wanted.extend(found.signals.iter().filter(|(_, s)| s.walked.is_some()).map(|(rowid, _)| *rowid));
    wanted.sort_unstable();
    wanted.dedup();
    let stored = embeddings::vectors(connection, &wanted, vector.len())?;
    for (rowid, other) in &stored {
        found.signals.entry(*rowid).or_default().vector = Some(cosine(vector, other).max(0.0));
    }
    Ok(!stored.is_empty())
}

/// Cosine of two vectors of one length; 0 when one of them is all zeros.
pub fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(*x) * f64::from(*y)).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}
