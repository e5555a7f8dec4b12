//! A note written from other memories, as a memory of its own (memory part, §6.8).

use super::dates::Dates;
use super::{Remember, Remembered};
use crate::core::Error;
use crate::parts::memory::Memory;
use crate::parts::memory::store::memories::{self, Place};

/// Characters of a question that is kept as a hint.
const HINT: std::ops::RangeInclusive<usize> = 5..=300;

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
            hints: Some(note.question.trim())
                .filter(|q| HINT.contains(&q.chars().count()))
                .map(str::to_owned)
                .into_iter()
                .collect(),
            transcript: None,
            structured: None,
            bound_to: None,
        }
    }
}

impl Memory {
    /// Stores an aggregate whole, however long, and links it to its sources.
    pub fn remember_aggregate(&self, note: &Aggregate<'_>) -> Result<Kept, Error> {
        let (id, content, deduped) = match self.remember_whole(Remember::aggregate(note))? {
            Remembered::Stored(stored) => (stored.id, stored.content, false),
            Remembered::Duplicate(row) => (row.id, row.content, true),
            Remembered::Chunked(_) => return Err(Error::failed("an aggregate was split")),
        };
        let (memory, sources, agent) = (id.clone(), note.sources.clone(), note.agent.to_owned());
        self.core.db.write(move |tx| {
            memories::set_kind(tx, &memory, "semantic")?;
            memories::link_sources(tx, &memory, &sources, &agent)
        })?;
        Ok(Kept { id, content, deduped })
    }
}
