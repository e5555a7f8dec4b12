//! A note written from other memories, as a memory of its own (memory part, §6.8).

use serde_json::json;

use super::parse::hint_texts;
use super::{Outcome, Remember};
use crate::app::App;
use crate::http::ApiError;
use crate::memory::store::memories::{self, Place};
use crate::memory::temporal::Dates;

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
            bound_to: None,
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
