//! What an agent remembers and asks by itself, in its session.

use super::api::{EmptyMeta, NothingRecalled, NothingRemembered, SessionRecall};
use super::call::Call;
use crate::core::Error;
use crate::parts::memory::as_text::{self, NOTHING, Told};
use crate::parts::memory::{Hit, RecallAnswer, TimeMode};
use crate::parts::sessions::Sessions;
use crate::parts::sessions::claims::RuntimePath;

impl NothingRemembered {
    pub fn bypassed(bypassed: bool) -> Self {
        NothingRemembered { success: true, memories: Vec::new(), bypassed: bypassed.then_some(true) }
    }
}

impl NothingRecalled {
    fn of(query: &str) -> Self {
        NothingRecalled {
            results: Vec::new(),
            memories: Vec::new(),
            count: 0,
            query: query.to_owned(),
            method: "hybrid",
            meta: EmptyMeta { total_returned: 0, has_supplementary: false, no_hits: true },
            message: NOTHING,
            internal: None,
            bypassed: None,
        }
    }

    pub fn internal() -> Self {
        NothingRecalled { internal: Some(true), ..Self::of("") }
    }

    pub fn bypassed(query: &str) -> Self {
        NothingRecalled { bypassed: Some(true), ..Self::of(query) }
    }
}

impl SessionRecall {
    pub fn of(answer: RecallAnswer) -> Self {
        let message = in_words(&answer);
        SessionRecall { memories: answer.results.clone(), count: answer.results.len(), message, answer }
    }
}

/// The results as a text for a model.
fn in_words(answer: &RecallAnswer) -> String {
    let rows: Vec<Told<'_>> = answer.results.iter().map(told).collect();
    match answer.meta.temporal.as_ref().filter(|temporal| temporal.mode == TimeMode::Timeline) {
        Some(temporal) => as_text::timeline(&rows, &temporal.start),
        None => as_text::matches(&rows, Some(answer.method)),
    }
}

fn told(hit: &Hit) -> Told<'_> {
    Told {
        id: Some(&hit.id),
        content: &hit.content,
        score: Some(hit.score),
        kind: Some(&hit.kind),
        source: Some(&hit.source),
        created_at: Some(&hit.created_at),
        who: hit.who.as_deref(),
        supplementary: hit.supplementary == Some(true),
        facet: hit.temporal_facet.as_deref(),
    }
}

impl Sessions {
    /// Of what an agent does by itself: refused while another runtime has the session. Whether it is bypassed.
    pub fn admit_explicit(&self, call: &Call) -> Result<bool, Error> {
        match self.claim(call) {
            Ok(_) => Ok(self.is_bypassed(call)),
            Err(by) => Err(held(by)),
        }
    }

    /// Notes for the next checkpoint what was remembered.
    pub fn note_remembered(&self, call: &Call, content: &str) {
        if let Some(id) = call.session() {
            self.continuity.remembered(&id, content);
        }
    }
}

pub fn held(by: RuntimePath) -> Error {
    Error::conflict(format!("session claimed by {} path", by.as_str()))
}
