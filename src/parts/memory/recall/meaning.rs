//! The channel that finds by meaning: vectors, and how well a memory's words meet the question's.

use std::collections::HashMap;

use rusqlite::Connection;

use super::CANDIDATES;
use super::candidates::Candidates;
use super::filter::Filter;
use crate::config::{Config, Provider};
use crate::db::sql::Conditions;
use crate::embedding;
use crate::parts::memory::Memory;
use crate::parts::memory::store::embeddings;
use crate::parts::memory::vectors::embed::Purpose;
use crate::parts::memory::vectors::index::{Allowed, Docs, Evidence, Question};

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
    pub fn of(memory: &Memory, config: &Config, text: &str, words: &[String]) -> Option<Self> {
        match config.embedding.provider {
            Provider::None => None,
            // what the model cannot read is left to the other channels
            Provider::Native => Some(Question::of(words, text)).filter(|q| !q.tokens().is_empty()).map(Meaning::Words),
            _ => memory.embedder.embed(config, text, Purpose::Recall).map(Meaning::Vector),
        }
    }

    /// Adds what this channel finds; false when the index is not loaded yet or it finds nothing.
    pub fn enrich(
        &self,
        memory: &Memory,
        connection: &Connection,
        filter: &Filter<'_>,
        conditions: &Conditions,
        found: &mut Candidates,
    ) -> rusqlite::Result<bool> {
        // what the caller may see is decided before the index is looked at
        let Some((generation, places)) = memory.index.places() else { return Ok(false) };
        let allowed = filter.allowed(connection, conditions, &places)?;
        let index = &memory.index;
        match self {
            Meaning::Words(question) => {
                Ok(index.with_places(generation, |docs| by_words(docs, question, &allowed, found)).unwrap_or(false))
            }
            Meaning::Vector(vector) => {
                let nearest = index.with_places(generation, |docs| nearest(docs, vector, &allowed));
                by_vector(connection, nearest.unwrap_or_default(), vector, found)
            }
        }
    }
}

fn nearest(docs: &Docs, vector: &[f32], allowed: &Allowed) -> Vec<i64> {
    docs.nearest(vector, allowed, CANDIDATES as usize).iter().map(|near| docs.rowid(near.at)).collect()
}

fn by_words(docs: &Docs, question: &Question, allowed: &Allowed, found: &mut Candidates) -> bool {
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
    nearest: Vec<i64>,
    vector: &[f32],
    found: &mut Candidates,
) -> rusqlite::Result<bool> {
    let mut wanted = nearest;
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
