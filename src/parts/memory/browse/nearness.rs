//! How near memories, and texts made of them, come to a question that another part asks.

use std::collections::HashMap;

use rusqlite::Connection;

use crate::core::access::Visible;
use crate::embedding;
use crate::parts::memory::Memory;
use crate::parts::memory::store::{embeddings, opening, recall};
use crate::parts::memory::vectors::embed::Purpose;
use crate::parts::memory::vectors::index::{Allowed, Evidence, Question};

impl Memory {
    /// How well memories meet a question, 0 to 1, as recall with the embedded model has it: with what was saved right
    /// before and after each. `evidence` is the share of the question's words that each has. Nothing with another
    /// provider, before the index is loaded, and of memories that may not be seen.
    pub fn relevance(
        &self,
        connection: &Connection,
        visible: &Visible,
        question: (&[String], &str),
        evidence: &HashMap<&str, f64>,
    ) -> rusqlite::Result<HashMap<String, f64>> {
        let question = Question::of(question.0, question.1);
        let native = self.embedder.model(&self.core.config()).native;
        let Some((generation, places)) = self.index.places().filter(|_| native && !question.tokens().is_empty()) else {
            return Ok(HashMap::new());
        };
        let ids: Vec<&str> = evidence.keys().copied().collect();
        let rows: HashMap<i64, String> = opening::rowids(connection, &ids)?.into_iter().collect();
        let conditions = visible.conditions(connection)?;
        let allowed = Allowed::Places(recall::allowed_places(connection, &places, &conditions)?);
        let of = |(rowid, id): (&i64, &String)| {
            (*rowid, Evidence { lexical: evidence.get(id.as_str()).copied().unwrap_or(0.0), cosine: 0.0 })
        };
        let evidence = rows.iter().map(of).collect();
        let scored = self.index.with_places(generation, |docs| docs.relevance(&question, &evidence, &allowed));
        let scored = scored.unwrap_or_default().into_iter();
        Ok(scored.filter_map(|found| Some((rows.get(&found.rowid)?.clone(), found.score))).collect())
    }

    /// Cosines of a question and texts, each of a memory: by the vectors of these memories, with the embedded
    /// model by the texts themselves. Nothing where no vector of the question can be had.
    pub fn nearness(&self, question: &str, texts: &[(Option<&str>, &str)]) -> Vec<Option<f64>> {
        let config = self.core.config();
        let Some(asked) = self.embedder.embed(&config, question, Purpose::Recall) else {
            return vec![None; texts.len()];
        };
        let dot = |vector: &[f32]| {
            let lengths =
                vector.iter().map(|x| x * x).sum::<f32>().sqrt() * asked.iter().map(|x| x * x).sum::<f32>().sqrt();
            let sum: f32 = vector.iter().zip(&asked).map(|(x, y)| x * y).sum();
            (vector.len() == asked.len() && lengths > 0.0).then(|| f64::from(sum / lengths))
        };
        if self.embedder.model(&config).native {
            return texts.iter().map(|(_, text)| dot(&embedding::embed(text))).collect();
        }
        let stored = |id: &str| self.core.db.read(|c| embeddings::vector_of(c, id)).ok().flatten();
        let mut known: HashMap<String, Option<f64>> = HashMap::new();
        let mut of = |id: &str| *known.entry(id.to_owned()).or_insert_with(|| stored(id).and_then(|v| dot(&v)));
        texts.iter().map(|(id, _)| id.and_then(&mut of)).collect()
    }
}
